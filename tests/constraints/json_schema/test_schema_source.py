"""What schemas can be given as; Pydantic models and Python types end to end."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import random
import uuid
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types
import pytest
from pydantic import BaseModel, Field, TypeAdapter
from schema_oracle import walk
from typing_extensions import TypedDict

from constrained_diffusion.constraints.json_schema import compile_schema, schema_of
from constrained_diffusion.errors import LimitError, SchemaError, UnsupportedSchemaError


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=20)
    number: int = Field(ge=1, lt=1000)


class Person(BaseModel):
    name: str
    age: Annotated[int, annotated_types.Interval(ge=0, le=150)]
    height: Optional[float] = None  # noqa: UP045 - both spellings occur in users' code
    colours: list[Colour] = []
    addresses: dict[str, Address] = {}
    born: datetime.date | None = None
    parent: Person | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Movie(TypedDict):
    title: str
    year: int


Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007

TYPES: list[Any] = [
    int,
    bool,
    None,
    str,
    list[int],
    dict[str, float],
    tuple[int, str],
    tuple[int, ...],
    Literal["a", 1, True, None],
    Optional[int],  # noqa: UP045
    int | str,
    Colour,
    Address,
    Person,
    Point,
    Movie,
    Pet,
    list[Pet],
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    uuid.UUID,
    Annotated[str, Field(pattern=r"^[A-Z]{3}-\d+$")],
    Annotated[list[bool], Field(min_length=1, max_length=2)],
    Any,
    object,
]


@pytest.mark.parametrize("python_type", TYPES, ids=str)
def test_random_texts_are_values_of_the_type(python_type: Any) -> None:
    automaton = compile_schema(python_type, max_depth=2).automaton
    adapter: TypeAdapter[Any] = TypeAdapter(python_type)
    rng = random.Random(3)
    for _ in range(40):
        adapter.validate_json(walk(automaton, rng, 40))


@pytest.mark.parametrize(
    ("python_type", "value"),
    [
        (Person, Person(name="Ada", age=36, colours=[Colour.RED], parent=Person(name="B", age=60))),
        (Person, Person(name="Ada", age=36, addresses={"home": Address(street="s", number=3)})),
        (Point, Point(1.5, 2)),
        (Movie, {"title": "M", "year": 1931}),
        (Pet, Dog(kind="dog", tricks=["sit"])),
        (dict[str, list[tuple[int, bool]]], {"a": [(1, True)], "b": []}),
        (uuid.UUID, uuid.UUID(int=5)),
        (datetime.datetime, datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=datetime.timezone.utc)),
        (set[int], None),
    ],
    ids=str,
)
def test_values_are_accepted_as_pydantic_writes_them(python_type: Any, value: Any) -> None:
    if value is None:
        with pytest.raises(UnsupportedSchemaError):
            compile_schema(python_type)  # uniqueItems
        return
    automaton = compile_schema(python_type).automaton
    assert automaton.accepts(TypeAdapter(python_type).dump_json(value))


def test_python_types_are_closed_unless_said_otherwise() -> None:
    text = b'{"street":"s","number":1,"x":1}'
    assert not compile_schema(Address).automaton.accepts(text)
    assert compile_schema(Address, open_objects=True).automaton.accepts(text)
    assert compile_schema(TypeAdapter(Address).json_schema()).automaton.accepts(text)


def test_what_schema_of_gives() -> None:
    assert schema_of({"type": "null"}) == ({"type": "null"}, None)
    assert schema_of(True) == (True, None)
    assert schema_of(' {"type": "null"} ') == ({"type": "null"}, None)
    schema, adapter = schema_of(list[int])
    assert schema == {"items": {"type": "integer"}, "type": "array"}
    assert adapter is not None
    assert adapter.validate_json("[1]") == [1]
    assert schema_of(adapter) == (schema, adapter)


@pytest.mark.parametrize(
    "source", ["", "{", '{"type": ', "[1]", "nonsense", b"\xff", "3", object(), 5, [1]]
)
def test_sources_that_are_no_schema(source: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        schema_of(source)
    assert "\n" not in str(caught.value)


def test_text_nested_too_deeply() -> None:
    with pytest.raises(LimitError):
        schema_of('{"items":' * 100_000 + "{}" + "}" * 100_000)


def test_json_text_compiles() -> None:
    text = json.dumps({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert compile_schema(text).automaton.accepts(b'{"a":1,"b":2}')
