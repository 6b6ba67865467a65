"""What schemas can be given as."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter
from referencing import Registry
from referencing.jsonschema import DRAFT7

from constrained_diffusion.constraints.json_schema import compile_schema, schema_of
from constrained_diffusion.constraints.json_schema.source import registry_of
from constrained_diffusion.errors import LimitError, SchemaError


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=20)
    number: int = Field(ge=1, lt=1000)


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


def test_a_registry_is_read_in_the_order_of_its_uris() -> None:
    schemas: dict[str, Any] = {"urn:b#": {"type": "null"}, "urn:a": True}
    assert list(registry_of(schemas).items()) == [("urn:a", True), ("urn:b", {"type": "null"})]
    resources = Registry().with_resources(
        (uri, DRAFT7.create_resource(schema)) for uri, schema in schemas.items()
    )
    assert registry_of(resources) == registry_of(schemas)
