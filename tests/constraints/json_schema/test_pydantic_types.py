"""Python types: what their compiled schemas hold is taken by the type, and gives its instances."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import ipaddress
import json
import random
import re
import types
import uuid
from typing import (
    Annotated,
    Any,
    Union,
    get_args,
    get_origin,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    UUID4,
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    Field,
    FileUrl,
    FutureDate,
    HttpUrl,
    IPvAnyAddress,
    Json,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    PostgresDsn,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)
from schema_oracle import spell, validator, walk
from types_to_test import (
    COUNTED,
    NARROWED,
    NARROWED_AND_COUNTED,
    PLAIN,
    UTC,
    Address,
    Dog,
    Hexadecimal,
    Movie,
    Names,
    Page,
    Person,
    Pet,
    Point,
    Range,
    Rectangle,
    Renamed,
    Tree,
)
from typing_extensions import is_typeddict

import constrained_diffusion as cd
from constrained_diffusion.constraints.json_schema.python_strings import dates
from constrained_diffusion.constraints.json_schema.python_types import narrowings

WALKS = 40


def texts_of(python_type: Any) -> list[str]:
    automaton = cd.JsonSchema(python_type, max_depth=2).language().automaton
    rng = random.Random(11)
    return [walk(automaton, rng, rng.choice([0, 10, 40])).decode() for _ in range(WALKS)]


def class_of(python_type: Any) -> type:
    """The class of a type's values; `object` for types that are none, or that only say what is
    taken (TypedDict, Pydantic's AwareDatetime, …)."""
    while get_origin(python_type) is Annotated:
        python_type = get_args(python_type)[0]
    origin = get_origin(python_type) or python_type
    pretends = is_typeddict(origin) or origin in PRETENDERS
    return origin if isinstance(origin, type) and not pretends else object


PRETENDERS = {
    AwareDatetime, NaiveDatetime, PastDate, FutureDate, PastDatetime, IPvAnyAddress,
    types.UnionType, Union, Any,
}  # fmt: skip


@pytest.mark.parametrize("python_type", PLAIN + COUNTED + NARROWED + NARROWED_AND_COUNTED, ids=str)
def test_every_text_is_an_instance(python_type: Any) -> None:
    schema = cd.JsonSchema(python_type)
    texts = texts_of(python_type)
    for text in texts:
        assert isinstance(schema.parse(text), class_of(python_type))
    assert python_type in (None, tuple[()]) or len(set(texts)) > 1


@pytest.mark.parametrize(
    ("python_type", "value"),
    [
        (decimal.Decimal, "x"),
        (Annotated[decimal.Decimal, Field(ge=0)], "-1"),
        (Annotated[decimal.Decimal, Field(max_digits=3)], 1234),
        (Annotated[decimal.Decimal, Field(decimal_places=2)], 0.125),
        (fractions.Fraction, "x"),
        (complex, "x"),
        (datetime.timedelta, "P9999999999D"),
        (NaiveDatetime, "2020-01-01T00:00:00Z"),
        (PastDate, "9999-01-01"),
        (FutureDate, "2020-01-01"),
        (PastDatetime, "9999-01-01T00:00:00Z"),
        (Annotated[datetime.date, Field(ge=datetime.date(2019, 12, 30))], "2019-12-29"),
        (HttpUrl, "mailto:a@b.c"),
        (AnyUrl, "http://a:99999/"),
        (FileUrl, "http://a/"),
        (PostgresDsn, "x"),
        (UUID4, "12345678-1234-1234-8234-123456789abc"),
        (IPvAnyAddress, "x"),
        (ipaddress.IPv4Network, "10.0.0.1/8"),
        (Base64Bytes, "x"),
        (Annotated[bytes, Field(max_length=3)], "éé"),
        (Annotated[str, StringConstraints(strip_whitespace=True, min_length=2)], " a"),
        (Annotated[str, StringConstraints(strip_whitespace=True, pattern="^.{3}$")], "a  "),
        (dict[int, str], {"x": "y"}),
        (Hexadecimal, {"digest": "xx"}),
        (type[int], 1),
    ],
    ids=str,
)
def test_narrowing_is_needed(python_type: Any, value: Any) -> None:
    """What is valid by Pydantic's own schema, and refused by the type."""
    adapter: TypeAdapter[Any] = TypeAdapter(python_type)
    validator(adapter.json_schema()).validate(value)
    with pytest.raises(ValueError):
        adapter.validate_json(json.dumps(value))
    try:
        schema = cd.JsonSchema(python_type)
    except cd.SchemaError:
        return
    assert not validator(schema.schema).is_valid(value)
    assert not schema.language().automaton.accepts(spell(value))


@settings(max_examples=50)
@given(
    st.one_of(st.none(), st.dates()),
    st.one_of(st.none(), st.dates()),
    st.lists(st.dates(), max_size=20),
    st.integers(-40, 40),
)
def test_ranges_of_dates(
    low: datetime.date | None, high: datetime.date | None, days: list[datetime.date], near: int
) -> None:
    first = 1 if low is None else low.toordinal()
    last = datetime.date.max.toordinal() if high is None else high.toordinal()
    pattern = dates(None if low is None else first, None if high is None else last)
    last_day = datetime.date.max.toordinal()
    ordinals = [day.toordinal() for day in days] + [first, last, first + near, last + near]
    for ordinal in ordinals:
        if 1 <= ordinal <= last_day:
            text = datetime.date.fromordinal(ordinal).isoformat()
            assert (re.fullmatch(pattern, text) is not None) == (first <= ordinal <= last)


def plain_values() -> list[tuple[Any, Any]]:
    return [
        (Person, Person(name="Ada", age=36, address=Address(street="s", number=3))),
        (Tree, Tree(value=1, children=[Tree(value=2)])),
        (Pet, Dog(kind="dog", tricks=["sit"])),
        (Page[int], Page[int](items=[1, 2])),
        (Names, Names(["a"])),
        (Point, Point(1.5, 2)),
        (Movie, {"title": "M", "year": 1931}),
        (Range, Range(1, 2)),
        (set[int], {1, 2}),
        (dict[int, str], {3: "a", -4: "b"}),
        (decimal.Decimal, decimal.Decimal("12.50")),
        (Annotated[decimal.Decimal, Field(gt=0, decimal_places=2)], decimal.Decimal("0.07")),
        (Annotated[decimal.Decimal, Field(max_digits=5, decimal_places=2)], decimal.Decimal("1.5")),
        (fractions.Fraction, fractions.Fraction(1, 3)),
        (datetime.timedelta, datetime.timedelta(days=3, seconds=5)),
        (NaiveDatetime, datetime.datetime(2024, 2, 29, 1, 2, 3, 456)),
        (datetime.datetime, datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)),
        (PastDate, datetime.date(2020, 2, 29)),
        (HttpUrl, HttpUrl("https://www.example.org:8080/a/b?c=d&e=%20#f")),
        (HttpUrl, HttpUrl("http://127.0.0.1/")),
        (PostgresDsn, PostgresDsn("postgresql+psycopg://u:p@db.example:5432/name")),
        (UUID4, uuid.UUID("12345678-1234-4234-8234-123456789abc")),
        (ipaddress.IPv4Network, ipaddress.IPv4Network("10.0.0.0/8")),
        (Base64Bytes, b"four"),
    ]


@pytest.mark.parametrize(("python_type", "value"), plain_values(), ids=str)
def test_values_are_accepted_as_pydantic_writes_them(python_type: Any, value: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(python_type)
    schema = cd.JsonSchema(python_type)
    text = adapter.dump_json(value, by_alias=True).decode()
    assert schema.language().automaton.accepts(schema.spelling(text).text.encode()), text
    assert schema.parse(text) == value


def test_names_are_those_that_are_read() -> None:
    schema = cd.JsonSchema(Renamed)
    assert list(schema.schema["properties"]) == ["from", "target"]
    assert schema.parse('{"from":"a","target":"b"}') == Renamed(from_="a", target="b")
    assert "area" not in cd.JsonSchema(Rectangle).schema["properties"]


def test_addresses_of_mail() -> None:
    pytest.importorskip("email_validator")
    from pydantic import EmailStr, NameEmail

    for python_type in (EmailStr, NameEmail):
        for text in texts_of(python_type):
            cd.JsonSchema(python_type).parse(text)


def test_what_is_narrowed_is_said() -> None:
    schema = cd.JsonSchema({"type": "array", "items": {"$comment": "narrowed: not by us"}})
    assert schema.language().bounds == cd.JsonSchema({"type": "array"}).language().bounds

    class Order(BaseModel):
        price: decimal.Decimal
        link: HttpUrl
        every: list[datetime.timedelta]

    bounds = cd.JsonSchema(Order).language().bounds
    assert {"durations", "URLs", "plain"} <= {bound.split(" ")[0] for bound in bounds}
    assert set(narrowings(cd.JsonSchema(Order).schema)) <= set(bounds)
    assert not any("URL" in bound for bound in cd.JsonSchema(Address).language().bounds)


class Hooked:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise KeyError("a hook")


class Unfinished(BaseModel):
    part: Missing  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "python_type",
    [type[int], collections.abc.Callable, Json[int], object(), Hooked, Unfinished],
    ids=str,
)
def test_types_that_no_schema_expresses(python_type: Any) -> None:
    with pytest.raises(cd.SchemaError) as caught:
        cd.JsonSchema(python_type)
    assert "\n" not in str(caught.value)


def test_choices_of_a_union_that_no_schema_expresses_are_left_out() -> None:
    assert cd.JsonSchema(Union[int, type[int]]).schema == {"type": "integer"}  # noqa: UP007


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, number: int) -> int:
        if number % 2:
            raise ValueError("must be even")
        return number


class Ordered(BaseModel):
    low: int
    high: int

    @model_validator(mode="after")
    def is_ordered(self) -> Ordered:
        assert self.low <= self.high, "low is above high"
        return self


def broken(value: int) -> int:
    raise KeyError(value)


@pytest.mark.parametrize(
    ("python_type", "text", "reason"),
    [
        (Even, '{"number":3}', "number: Value error, must be even"),
        (Ordered, '{"low":2,"high":1}', "low is above high"),
        (list[Even], '[{"number":2},{"number":5}]', "1.number: "),
        (Annotated[int, AfterValidator(broken)], "7", "KeyError: 7"),
    ],
    ids=["field", "model", "place", "any exception"],
)
def test_a_validator_that_refuses(python_type: Any, text: str, reason: str) -> None:
    schema = cd.JsonSchema(python_type)
    assert schema.language().automaton.accepts(text.encode())
    with pytest.raises(cd.ConstrainedDiffusionError) as caught:
        schema.parse(text)
    assert type(caught.value) is cd.ConstrainedDiffusionError
    assert reason in str(caught.value)
    assert str(caught.value).endswith(f"the text is {text}")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None
