"""Which schemas are read, refused, and with which message."""

from __future__ import annotations

from typing import Any

import pytest
from schema_oracle import spell, validator

from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.errors import (
    LimitError,
    SchemaError,
    UnsatisfiableError,
    UnsupportedSchemaError,
)

DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
DRAFT2019 = "https://json-schema.org/draft/2019-09/schema"


def accepts(schema: Any, value: Any, **options: Any) -> bool:
    return compile_schema(schema, **options).automaton.accepts(spell(value))


@pytest.mark.parametrize(
    "schema",
    [
        {"uniqueItems": False}, {"minProperties": 0}, {"patternProperties": {}}, {"if": {}},
        {"then": False}, {"dependencies": {}}, {"propertyNames": True}, {"title": "x"},
        {"$comment": "x", "examples": [1], "default": 3, "x-unknown": {"type": "string"}},
        {"$schema": DRAFT4, "const": 1, "contains": False, "propertyNames": False, "if": False},
        {"$schema": DRAFT7, "prefixItems": [False], "dependentRequired": {"a": ["b"]}},
        {"additionalItems": False}, {"$defs": {"unused": {"allOf": []}}}, {"nullable": True},
    ],
)  # fmt: skip
def test_keywords_that_do_not_constrain(schema: dict[str, Any]) -> None:
    assert accepts(schema, [3])
    assert accepts(schema, {"a": 1})


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        (3, ""), ([], ""), (object(), ""),
        ({"type": "text"}, "/type"), ({"type": 1}, "/type"), ({"type": [["null"]]}, "/type"),
        ({"properties": []}, "/properties"), ({"properties": {"a": 1}}, "/properties/a"),
        ({"required": "a"}, "/required"), ({"required": [1]}, "/required"),
        ({"additionalProperties": "no"}, "/additionalProperties"),
        ({"items": 3}, "/items"), ({"items": {"items": [3]}}, "/items/items/0"),
        ({"minItems": -1}, "/minItems"), ({"maxItems": 1.5}, "/maxItems"),
        ({"minLength": "1"}, "/minLength"), ({"maxLength": True}, "/maxLength"),
        ({"pattern": 1}, "/pattern"), ({"format": None}, "/format"),
        ({"minimum": "0"}, "/minimum"), ({"maximum": float("nan")}, "/maximum"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum"),
        ({"$schema": DRAFT4, "minimum": 1, "exclusiveMinimum": 2}, "/exclusiveMinimum"),
        ({"enum": 1}, "/enum"), ({"enum": [{1: 2}]}, "/enum"), ({"const": {1, 2}}, "/const"),
        ({"anyOf": []}, "/anyOf"), ({"anyOf": {}}, "/anyOf"), ({"anyOf": [{}, 1]}, "/anyOf/1"),
        ({"$ref": 1}, "/$ref"), ({"$ref": "#/nowhere"}, "/$ref"), ({"$ref": "#anchor"}, "/$ref"),
        ({"$ref": "#/a", "a": 5}, "/a"), ({"$ref": "#/anyOf/1", "anyOf": [{}]}, "/$ref"),
        ({"$schema": 4}, "/$schema"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}, "/items"),
    ],
)  # fmt: skip
def test_not_a_schema(schema: Any, pointer: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema)
    assert caught.value.pointer == pointer
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
        {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
    ],
)
def test_references_in_a_circle(schema: Any) -> None:
    with pytest.raises(SchemaError, match="itself"):
        compile_schema(schema)


@pytest.mark.parametrize(
    "uri", ["http://json-schema.org/draft-03/schema#", "https://example.org/x"]
)
def test_unknown_draft(uri: str) -> None:
    with pytest.raises(UnsupportedSchemaError) as caught:
        compile_schema({"$schema": uri})
    assert caught.value.keyword == "$schema"


@pytest.mark.parametrize("reference", ["https://example.org/a", "other.json#/x", "urn:x:y"])
def test_other_documents_are_not_read(reference: str) -> None:
    with pytest.raises(UnsupportedSchemaError) as caught:
        compile_schema({"items": {"$ref": reference}})
    assert (caught.value.keyword, caught.value.pointer) == ("$ref", "/items/$ref")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"$ref": "#/$defs/a~1b~0c%25", "$defs": {"a/b~c%": {"type": "null"}}}, None, 1),
        ({"items": {"$ref": "#/prefixItems/0"}, "prefixItems": [{"const": 1}]}, [1, 1], [1, 2]),
        ({"$id": "http://x/y", "$ref": "#/$defs/a", "$defs": {"a": {"const": 2}}}, 2, 1),
        ({"$id": "http://x/y", "$ref": "y#/$defs/a", "$defs": {"a": {"const": 2}}}, 2, 1),
        ({"$id": "http://x/y", "$ref": "z", "$defs": {"a": {"$id": "z", "const": 2}}}, 2, 1),
        ({"$ref": "#there", "$defs": {"a": {"$anchor": "there", "const": 2}}}, 2, 1),
        ({"$schema": DRAFT4, "$ref": "#t", "definitions": {"x": {"id": "#t", "enum": [2]}}}, 2, 1),
        (
            {
                "$ref": "#/$defs/a/$defs/b",
                "$defs": {
                    "a": {
                        "$id": "http://inner/",
                        "$defs": {"b": {"$ref": "#/$defs/c"}, "c": {"const": "inner"}},
                    },
                    "c": {"const": "outer"},
                },
            },
            "inner",
            "outer",
        ),
        # Beside a reference, everything else counts; up to draft 7 nothing else does.
        ({"$ref": "#/$defs/a", "maximum": 5, "$defs": {"a": {"type": "integer"}}}, 5, 6),
        (
            {"$schema": DRAFT7, "$ref": "#/definitions/a", "maximum": 5,
             "definitions": {"a": {"type": "integer"}}},
            6,
            "6",
        ),
        ({"$schema": DRAFT7, "items": [{"const": 1}], "additionalItems": False}, [1], [1, 2]),
        ({"$schema": DRAFT2019, "items": [{"const": 1}]}, [1, 2], [2]),
        ({"items": [{"const": 1}], "additionalItems": {"const": 2}}, [1, 2, 2], [1, 1]),
    ],
)  # fmt: skip
def test_references_and_drafts(schema: Any, good: Any, bad: Any) -> None:
    if "$schema" in schema or not isinstance(schema.get("items"), list):
        judge = validator(schema)
        assert judge.is_valid(good)
        assert not judge.is_valid(bad)
    assert accepts(schema, good)
    assert not accepts(schema, bad)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (False, ["false"]),
        ({"properties": {"a": False}, "required": ["a"], "type": "object"}, ["'a'", "root"]),
        ({"type": "integer", "minimum": 5, "maximum": 4}, ["minimum 5", "maximum 4"]),
        ({"type": "string", "minLength": 3, "maxLength": 2}, ["minLength 3", "maxLength 2"]),
        ({"type": "string", "pattern": "^a", "enum": ["b"]}, ["'^a'", "'b'"]),
        ({"type": "array", "minItems": 2, "maxItems": 1}, ["minItems 2", "maxItems 1"]),
        ({"type": "array", "minItems": 2, "prefixItems": [{}, {"enum": []}]}, ["item 1"]),
        ({"type": "string", "const": 1}, ["type", "const"]),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, ["'a'"]),
        (
            {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "required": ["n"],
             "properties": {"n": {"$ref": "#/$defs/n"}}}}},
            ["recursion", "/$defs/n"],
        ),
    ],
)  # fmt: skip
def test_contradictions(schema: Any, words: list[str]) -> None:
    with pytest.raises(UnsatisfiableError) as caught:
        compile_schema(schema)
    for word in words:
        assert word in str(caught.value)


def test_recursion_deeper_than_max_depth() -> None:
    schema: Any = {"const": 0}
    names = [f"n{number}" for number in range(4)]
    # Each n needs the next one inside; all are on one cycle through n0.
    definitions = {
        name: {
            "type": "object",
            "required": ["x"],
            "properties": {"x": {"$ref": f"#/$defs/{after}"}},
        }
        for name, after in zip(names, [*names[1:], "n0"], strict=True)
    }
    definitions["n3"]["properties"]["x"] = {"anyOf": [{"$ref": "#/$defs/n0"}, schema]}
    compiled = compile_schema({"$ref": "#/$defs/n0", "$defs": definitions}, max_depth=1)
    assert any("repeat at most 1 times" in bound for bound in compiled.bounds)
    once: Any = 0
    for _ in range(4):
        once = {"x": once}
    twice = once
    for _ in range(4):
        twice = {"x": twice}
    assert compiled.automaton.accepts(spell(once))
    assert compiled.automaton.accepts(spell(twice))
    for _ in range(4):
        twice = {"x": twice}
    assert not compiled.automaton.accepts(spell(twice))


def test_discriminated_union() -> None:
    def branch(name: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"kind": {"const": name}, name: {"type": "integer"}},
            "required": ["kind", name],
        }

    schema = {"oneOf": [branch("a"), branch("b")], "discriminator": {"propertyName": "kind"}}
    assert accepts(schema, {"kind": "b", "b": 1})
    assert not accepts(schema, {"kind": "a", "b": 1})
    schema["oneOf"].append(branch("a"))  # type: ignore[attr-defined]
    # What is valid under two branches is valid under neither.
    assert not accepts(schema, {"kind": "a", "a": 1})
    assert accepts(schema, {"kind": "b", "b": 1})


@pytest.mark.parametrize("depth", [0, -1])
def test_max_depth_is_positive(depth: int) -> None:
    with pytest.raises(ValueError, match="max_depth"):
        compile_schema({}, max_depth=depth)


def doubling(levels: int) -> dict[str, Any]:
    definitions = {
        f"d{level}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/d{level + 1}"} for name in ("left", "right")},
            "additionalProperties": False,
        }
        for level in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "integer"}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def nested_unions(levels: int) -> Any:
    schema: Any = {"type": "null"}
    for _ in range(levels):
        schema = {"anyOf": [schema]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        nested_unions(10_000),
        {"type": "string", "minLength": 10**9},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "maxItems": 10**6, "items": {"type": "string", "maxLength": 1000}},
        {"anyOf": [{"properties": {f"k{i}": {"const": i}, f"l{i}": {}}} for i in range(40)]},
    ],
)
def test_what_is_too_large_ends_with_a_limit(schema: Any) -> None:
    with pytest.raises(LimitError):
        compile_schema(schema)


def test_references_that_double_at_each_level_are_pruned() -> None:
    compiled = compile_schema(doubling(40))
    assert any("levels of arrays and objects" in bound for bound in compiled.bounds)
    assert compiled.automaton.accepts(b'{"left":{},"right":{}}')
    assert not compiled.automaton.accepts(b'{"left":1}')


def test_deep_nesting() -> None:
    schema: Any = {"type": "null"}
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    automaton = compile_schema(schema).automaton
    assert automaton.accepts(b"[" * 5_000 + b"null,null" + b"]" * 5_000)
    assert not automaton.accepts(b"[" * 5_001 + b"]" * 5_001)


def test_many_branches_over_required_keys_stay_small() -> None:
    names = [f"k{number}" for number in range(12)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in names],
    }
    automaton = compile_schema(schema).automaton
    assert automaton.num_states < 500
    assert not automaton.accepts(b"{}")
    assert all(automaton.accepts(spell({name: 1})) for name in names)
