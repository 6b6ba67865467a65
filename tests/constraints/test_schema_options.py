"""JsonSchema: registries, equality, parsing, and what is accepted beyond the automaton."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from typing import Any

import jsonschema
import pytest
import referencing
from pydantic import BaseModel
from referencing.jsonschema import DRAFT202012

import constrained_diffusion as cd

BYTES = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256], pad_id=257)
DRAFT_4 = "http://json-schema.org/draft-04/schema#"

COLOURS = {"$defs": {"warm": {"enum": ["red", "orange"]}}, "enum": ["red", "orange", "blue"]}
SIZES = {"$id": "https://example.org/sizes", "type": "integer", "maximum": 9}
REGISTRY = {"https://example.org/colours": COLOURS, "https://example.org/sizes": SIZES}
REMOTE = {
    "type": "object",
    "properties": {
        "colour": {"$ref": "https://example.org/colours"},
        "warm": {"$ref": "https://example.org/colours#/$defs/warm"},
        "size": {"$ref": "https://example.org/sizes"},
    },
    "additionalProperties": False,
}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def as_referencing(schemas: dict[str, Any]) -> Any:
    return referencing.Registry().with_resources(
        (uri, DRAFT202012.create_resource(schema)) for uri, schema in schemas.items()
    )


@pytest.mark.parametrize("make", [dict, as_referencing], ids=["dict", "referencing"])
def test_references_into_a_registry(make: Any) -> None:
    registry = make(REGISTRY)
    compiled = cd.compile(cd.JsonSchema(REMOTE, registry=registry), BYTES, length=64)
    judge = jsonschema.Draft202012Validator(REMOTE, registry=as_referencing(REGISTRY))
    values = ["red", "orange", "blue", "green", 3, 9, 10, 2.5]
    for name, value in itertools.product(REMOTE["properties"], values):
        record = {name: value}
        assert compiled.accepts(json.dumps(record)) == judge.is_valid(record), record


def test_nothing_is_read_that_the_registry_does_not_hold() -> None:
    asked: list[str] = []

    def retrieve(uri: str) -> Any:
        asked.append(uri)
        return DRAFT202012.create_resource({})

    for registry in (None, {}, referencing.Registry(retrieve=retrieve)):
        with pytest.raises(cd.UnsupportedSchemaError):
            cd.compile(cd.JsonSchema(REMOTE, registry=registry), BYTES, length=64)
    assert not asked


@pytest.mark.parametrize("registry", [[], {"a": 3}, {3: {}}, {"a": {1, 2}}, "text", {"a": None}])
def test_what_is_no_registry(registry: Any) -> None:
    with pytest.raises(cd.SchemaError, match="registry"):
        cd.JsonSchema(REMOTE, registry=registry)


def test_equal_schemas_are_equal() -> None:
    one = cd.JsonSchema(REMOTE, registry=REGISTRY)
    reordered = dict(reversed(REGISTRY.items()))
    for other in (
        cd.JsonSchema(copy.deepcopy(REMOTE), registry=reordered),
        cd.JsonSchema(json.dumps(REMOTE), registry=as_referencing(REGISTRY)),
        pickle.loads(pickle.dumps(one)),
        copy.deepcopy(one),
    ):
        assert other == one
        assert hash(other) == hash(one)
    assert one != cd.JsonSchema(REMOTE)
    assert one != cd.JsonSchema(REMOTE, registry={**REGISTRY, "urn:more": True})
    assert one != cd.JsonSchema(REMOTE, registry=REGISTRY, whitespace="spaced")


def test_a_schema_is_not_changed_from_outside() -> None:
    source: dict[str, Any] = {"enum": ["a"]}
    documents: dict[str, Any] = {"urn:x": {"enum": ["b"]}}
    schema = cd.JsonSchema({"anyOf": [source, {"$ref": "urn:x"}]}, registry=documents)
    source["enum"].append("c")
    documents["urn:x"]["enum"].append("d")
    compiled = cd.compile(schema, BYTES, length=8)
    assert [text for text in "abcd" if compiled.accepts(f'"{text}"')] == ["a", "b"]


def test_numbers_are_read_as_the_oldest_draft_in_the_registry_says() -> None:
    """In draft 4, 1.0 is no integer; jsonschema reads each document in its own draft."""
    old = {"$schema": DRAFT_4, "type": "integer"}
    schema = {"anyOf": [{"$ref": "urn:old"}, {"type": "boolean"}]}
    compiled = cd.compile(cd.JsonSchema(schema, registry={"urn:old": old}), BYTES, length=8)
    registry = as_referencing({}).with_resource(
        "urn:old", referencing.jsonschema.DRAFT4.create_resource(old)
    )
    judge = jsonschema.Draft202012Validator(schema, registry=registry)
    for text in ("1", "1.0", "1e0", "true"):
        if compiled.accepts(text):
            assert judge.is_valid(json.loads(text))
    assert compiled.accepts("1")
    assert compiled.accepts("true")


BEYOND: list[tuple[Any, list[Any], str]] = [
    ({"type": "array", "uniqueItems": True}, [1, 11, "a", "ab", [1], [2], True, None], "compact"),
    (
        {"items": {"type": "integer"}, "uniqueItems": True, "type": "array", "minItems": 1},
        [1, 2, 10, 12, 100, -1, "a"],
        "spaced",
    ),
    (
        {"items": {"type": "object"}, "uniqueItems": True, "type": "array", "maxItems": 2},
        [{}, {"a": 1}, {"a": 2}, {"b": 1}, {"a": 1.0}, 3],
        "flexible",
    ),
    (
        {"prefixItems": [{"enum": [1, 2]}], "uniqueItems": True, "type": "array",
         "items": {"type": "string", "pattern": "^a|b$"}},
        [1, 2, "a", "ab", "b", "c"],
        "compact",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "items", "whitespace"), BEYOND)
def test_arrays_that_generation_is_too_narrow_for(
    schema: Any, items: list[Any], whitespace: Any
) -> None:
    constraint = cd.JsonSchema(schema, whitespace=whitespace)
    compiled = cd.compile(constraint, BYTES, length=64)
    judge = jsonschema.Draft202012Validator(schema)
    beyond = 0
    for count in range(4):
        for value in itertools.product(items, repeat=count):
            text = json.dumps(list(value), indent=count)
            valid = judge.is_valid(list(value))
            assert compiled.accepts(text) == valid, text
            assert (compiled.explain(text) is None) == valid, text
            beyond += valid and not constraint.language().automaton.accepts(
                constraint.spelling(text).text.encode()
            )
    assert beyond


def test_nesting_beyond_what_is_generated() -> None:
    tree: dict[str, Any] = {
        "type": "object",
        "properties": {"left": {"$ref": "#"}, "value": {"type": "integer"}},
        "additionalProperties": False,
    }
    constraint = cd.JsonSchema(tree, max_depth=2)
    compiled = cd.compile(constraint, BYTES, length=64)
    value: Any = {"value": 1}
    for _ in range(30):
        value = {"left": value}
        assert compiled.accepts(json.dumps(value))
        assert not compiled.accepts(json.dumps({"right": value}))
    assert not constraint.language().automaton.accepts(compact(value).encode())
    broken = compact(value).replace("1", '"x"')
    assert not compiled.accepts(broken)
    message = compiled.explain(broken)
    assert message is not None


@pytest.mark.parametrize(
    "text", ["", "[1", "[1,1]", "[" * 100_000, "[" * 100_000 + "]" * 100_000, '[1,2]"', "NaN"]
)
def test_what_is_refused_all_the_same(text: str) -> None:
    schema = {"type": "array", "items": {"type": ["integer", "array"]}, "uniqueItems": True}
    constraint = cd.JsonSchema(schema)
    assert not constraint.accepts_beyond(text)


class Record(BaseModel):
    tags: set[str]


def test_python_types_stay_closed_beyond_the_automaton() -> None:
    compiled = cd.compile(Record, BYTES, length=64)
    assert compiled.accepts('{"tags":["ab","ac","ad"]}')
    assert not compiled.accepts('{"tags":["ab","ac","ab"]}')
    assert not compiled.accepts('{"tags":["ab","ac","ad"],"more":1}')
    assert compiled.parse('{"tags":["ab","ac"]}') == Record(tags={"ab", "ac"})


@pytest.mark.parametrize("text", ["", "[1", "1" * 5000, "[" * 100_000])
def test_parsing_what_is_not_accepted_is_one_error_with_the_text(text: str) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError) as caught:
        cd.JsonSchema({}).parse(text)
    assert str(caught.value).endswith(f"the text is {text}")


@pytest.mark.parametrize("whitespace", ["", "none", None, 3])
def test_white_space_has_three_names(whitespace: Any) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match="'flexible'"):
        cd.JsonSchema({}, whitespace=whitespace)


@pytest.mark.parametrize("depth", [0, -1, 2.5, "3"])
def test_max_depth_is_a_number_from_one(depth: Any) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match="max_depth"):
        cd.JsonSchema({}, max_depth=depth)


@pytest.mark.parametrize("schema", [{"a": {1}}, {"a": object()}, {(1, 2): 3}])
def test_schemas_that_are_not_json(schema: Any) -> None:
    with pytest.raises(cd.SchemaError, match="not JSON"):
        cd.JsonSchema(schema)


def test_a_schema_that_holds_itself() -> None:
    schema: dict[str, Any] = {}
    schema["not"] = schema
    with pytest.raises(cd.SchemaError, match="not JSON"):
        cd.JsonSchema(schema)
