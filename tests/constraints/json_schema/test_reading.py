"""What the reader hands on for each keyword, what it refuses, and that it stays within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from test_reading_meaning import reachable

from constrained_diffusion.constraints.json_schema.drafts import Draft
from constrained_diffusion.constraints.json_schema.reading import ANYTHING, NOTHING, Reader
from constrained_diffusion.errors import SchemaError, UnsupportedSchemaError

DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT6 = "http://json-schema.org/draft-06/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
DRAFT2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT2020 = "https://json-schema.org/draft/2020-12/schema"


def keywords(schema: Any) -> dict[str, Any]:
    reader = Reader(schema)
    return reader.read(reader.root).keywords


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        # Booleans have the numbers 0 and 1, so that the values can be written down.
        ({"not": True, "contains": False}, {"not": 0, "contains": 1}),
        ({"if": True, "then": False, "else": True}, {"if": 0, "then": 1, "else": 0}),
        ({"oneOf": [True, False], "allOf": [False]}, {"oneOf": (0, 1), "allOf": (1,)}),
        ({"anyOf": [True]}, {"anyOf": (0,)}),
        ({"propertyNames": False, "additionalProperties": True},
         {"propertyNames": 1, "additionalProperties": 0}),
        ({"unevaluatedProperties": False, "unevaluatedItems": True},
         {"unevaluatedProperties": 1, "unevaluatedItems": 0}),
        ({"patternProperties": {"(": False}, "properties": {"a": True}},
         {"patternProperties": {"(": 1}, "properties": {"a": 0}}),
        ({"prefixItems": [True, False], "items": False}, {"prefixItems": (0, 1), "items": 1}),
        ({"items": [True], "additionalItems": False}, {"items": (0,), "additionalItems": 1}),
        ({"items": True, "additionalItems": False}, {"items": 0}),
        ({"additionalItems": False}, {}),
        ({"$schema": DRAFT2020, "additionalItems": 5}, {}),
        ({"minContains": 2, "maxContains": 3}, {}),
        ({"contains": True, "minContains": 2.0, "maxContains": 3},
         {"contains": 0, "minContains": 2, "maxContains": 3}),
        ({"$schema": DRAFT7, "contains": True, "minContains": 2}, {"contains": 0}),
        ({"then": False, "else": False}, {}), ({"if": False}, {"if": 1}),
        ({"$schema": DRAFT7, "if": False}, {}), ({"$schema": DRAFT6, "if": 1, "then": 2}, {}),
        ({"minProperties": 0, "maxProperties": 3}, {"minProperties": 0, "maxProperties": 3}),
        ({"uniqueItems": False}, {"uniqueItems": False}),
        ({"multipleOf": 2.0}, {"multipleOf": 2.0}), ({"multipleOf": 2}, {"multipleOf": 2}),
        ({"required": ["a", "b", "a"]}, {"required": ("a", "b")}),
        ({"dependentRequired": {"a": ["b", "b"], "c": []}},
         {"dependentRequired": {"a": ("b",), "c": ()}}),
        ({"dependentSchemas": {"a": False}}, {"dependentSchemas": {"a": 1}}),
        ({"$schema": DRAFT7, "dependencies": {"a": ["b"], "c": False, "d": True}},
         {"dependentRequired": {"a": ("b",)}, "dependentSchemas": {"c": 1, "d": 0}}),
        ({"$schema": DRAFT7, "dependencies": {}}, {}),
        ({"dependentRequired": {"a": ["b"], "x": ["y"]}, "dependencies": {"a": ["c", "b"]}},
         {"dependentRequired": {"a": ("b", "c"), "x": ("y",)}}),
        ({"dependencies": {"a": ["c"]}, "dependentRequired": {"a": ["b"]}},
         {"dependentRequired": {"a": ("c", "b")}}),
        ({"$schema": DRAFT4, "minimum": 1, "exclusiveMinimum": True, "maximum": 2.5,
          "exclusiveMaximum": False}, {"maximum": 2.5, "exclusiveMinimum": 1}),
        ({"exclusiveMinimum": 1}, {"exclusiveMinimum": 1}),
        ({"type": "string", "nullable": True}, {"type": ("string", "null")}),
        ({"type": ["null", "string"], "nullable": True}, {"type": ("null", "string")}),
        ({"type": "string", "nullable": True, "enum": ["a"]},
         {"type": ("string", "null"), "enum": ("a",)}),
        ({"type": "string", "nullable": False}, {"type": ("string",)}),
        ({"nullable": True}, {}),
        ({"$schema": DRAFT2020, "type": "string", "nullable": True}, {"type": ("string",)}),
        ({"format": "made-up", "pattern": "(", "const": None, "enum": [[], {}]},
         {"format": "made-up", "pattern": "(", "const": None, "enum": ([], {})}),
        ({"$ref": "#/$defs/t", "$dynamicRef": "#/$defs/f", "$defs": {"t": True, "f": False}},
         {"$ref": 0, "$dynamicRef": 1}),
        ({"$schema": DRAFT2019, "$recursiveRef": "#", "$dynamicRef": 5}, {"$dynamicRef": 2}),
        ({"$schema": DRAFT2020, "$recursiveRef": 5}, {}),
        ({"$schema": DRAFT7, "$ref": "#/definitions/t", "definitions": {"t": True}, "type": 5},
         {"$ref": 0}),
        ({"title": 1, "$comment": 2, "default": [], "examples": 3, "contentSchema": 4,
          "x-unknown": {"type": 5}, "definitions": 6, "$defs": 7, "deprecated": 8}, {}),
        ({"$schema": DRAFT4, "const": 1, "contains": 1, "propertyNames": 1, "if": 1, "then": 1,
          "prefixItems": 1, "unevaluatedItems": 1, "dependentRequired": 1, "$recursiveRef": 1}, {}),
    ],
)  # fmt: skip
def test_keywords_as_read(schema: Any, expected: dict[str, Any]) -> None:
    actual = keywords(schema)
    assert actual == expected
    assert [type(value) for value in actual.values()] == [type(v) for v in expected.values()]
    assert list(actual) == list(expected)


def test_keywords_keep_their_order() -> None:
    schema = {"required": ["b"], "allOf": [{}], "properties": {"b": {}, "a": {}}, "type": "object"}
    read = keywords(schema)
    assert list(read) == list(schema)
    assert list(read["properties"]) == ["b", "a"]


def test_schemas_of_both_dependency_keywords() -> None:
    schema = {"dependencies": {"a": {"minimum": 1}}, "dependentSchemas": {"a": {"maximum": 2}}}
    reader = Reader(schema)
    both = reader.read(reader.read(reader.root).keywords["dependentSchemas"]["a"]).keywords
    read = [reader.read(number).keywords for number in both["allOf"]]
    assert (list(both), read) == (["allOf"], [{"minimum": 1}, {"maximum": 2}])


def test_numbers() -> None:
    reader = Reader({"properties": {"a": {"type": "null"}, "b": {"$ref": "#/properties/a"}}})
    a, b = reader.read(reader.root).keywords["properties"].values()
    assert reader.read(b).keywords == {"$ref": a}
    assert (reader.pointer(reader.root), reader.pointer(a)) == ("", "/properties/a")
    assert reader.read(a).pointer == "/properties/a"
    assert [reader.constrains(number) for number in (ANYTHING, NOTHING, a)] == [False, True, True]
    assert reader.read(ANYTHING).keywords == reader.read(NOTHING).keywords == {}
    assert Reader(True).root == ANYTHING
    assert Reader(False).root == NOTHING
    assert not Reader({"title": "x"}).constrains(2)
    one = reader.constant(1, "/enum")
    assert reader.constant(1, "/const") == one != reader.constant(True, "/enum")
    assert reader.read(one).keywords == {"const": 1}
    assert reader.pointer(one) == "/enum"
    assert all(reader.pointer(number) == "" for number in (ANYTHING, NOTHING))


@pytest.mark.parametrize(
    ("keyword", "value", "below"),
    [
        *((keyword, value, "") for keyword in ("allOf", "anyOf", "oneOf")
          for value in ([], {}, None, "x", True)),
        *((keyword, [{}, 5], "/1") for keyword in ("allOf", "anyOf", "oneOf", "prefixItems")),
        ("prefixItems", {}, ""),
        *((keyword, value, "") for value in (None, 5, "x", [])
          for keyword in ("not", "if", "then", "else", "contains", "propertyNames",
                          "additionalProperties", "unevaluatedProperties", "unevaluatedItems")),
        ("items", 5, ""), ("items", None, ""), ("items", [{}, 5], "/1"),
        ("additionalItems", 5, ""),
        *((keyword, value, "") for value in (None, [], "x", True)
          for keyword in ("properties", "patternProperties", "dependentSchemas", "dependencies",
                          "dependentRequired")),
        *((keyword, {"a/b": value}, "/a~1b") for value in (None, 5, "x", [])
          for keyword in ("properties", "patternProperties", "dependentSchemas")),
        ("dependencies", {"a/b": "x"}, "/a~1b"), ("dependencies", {"a": [1]}, ""),
        ("dependentRequired", {"a": "b"}, ""), ("dependentRequired", {"a": [1]}, ""),
        *((keyword, value, "") for value in (-1, 1.5, "1", None, True, float("nan"), float("inf"))
          for keyword in ("minProperties", "maxProperties", "minItems", "maxItems", "minLength",
                          "maxLength", "minContains", "maxContains")),
        *(("multipleOf", value, "") for value in (0, -1, 0.0, -0.5, "1", None, True)),
        *(("uniqueItems", value, "") for value in (0, 1, "true", None, [])),
        *((keyword, value, "") for value in ("1", None, False, float("inf"))
          for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
        *(("required", value, "") for value in (True, "a", None, [1], [["a"]])),
        *(("type", value, "") for value in ("text", 1, None, [], [["null"]], {})),
        ("enum", 1, ""), ("enum", {}, ""), ("enum", [{1: 2}], ""), ("const", {1, 2}, ""),
        ("pattern", 1, ""), ("format", None, ""),
        *((keyword, value, "") for value in (1, None, {}, "#/nowhere", "#nowhere", "http://[#a")
          for keyword in ("$ref", "$dynamicRef")),
    ],
)  # fmt: skip
def test_wrong_kinds(keyword: str, value: Any, below: str) -> None:
    reader = Reader({"properties": {"p": {keyword: value, "contains": {}} | {keyword: value}}})
    (number,) = reader.read(reader.root).keywords["properties"].values()
    with pytest.raises(SchemaError) as caught:
        reader.read(number)
    assert not isinstance(caught.value, UnsupportedSchemaError)
    assert caught.value.pointer == f"/properties/p/{keyword}{below}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        (3, ""), ([], ""), (None, ""), ("{}", ""), ({"$schema": 4}, "/$schema"),
        ({"$schema": DRAFT4, "minimum": 1, "exclusiveMinimum": 2}, "/exclusiveMinimum"),
        ({"$schema": DRAFT4, "exclusiveMinimum": True}, ""),
        ({"$schema": DRAFT4, "properties": {"a": {"required": True}}}, "/properties/a/required"),
        ({"$schema": DRAFT2020, "items": [{}]}, "/items"),
        ({"$schema": DRAFT2019, "$recursiveRef": "#/x", "x": {}}, "/$recursiveRef"),
        ({"$id": "http://h/a#b"}, "/$id"),
        ({"properties": {"a": {"$id": "#b"}}}, "/properties/a/$id"),
        ({"properties": {"a": {"$id": "http://[/#"}}}, "/properties/a/$id"),
    ],
)  # fmt: skip
def test_not_a_schema(schema: Any, pointer: str) -> None:
    with pytest.raises(SchemaError) as caught:
        reachable(Reader(schema))
    assert caught.value.pointer == pointer


def test_unused_definitions_are_not_looked_at() -> None:
    for wrong in ({"type": 5}, {"$id": "#x"}, {"$ref": "#/nowhere"}, {"allOf": 5}, {"$anchor": {}}):
        reachable(Reader({"$defs": {"a": wrong}, "dependentSchemas": {}, "not": {}}))


def nested(keyword: str, depth: int) -> Any:
    schema: Any = {"type": "null"}
    for _ in range(depth):
        schema = {keyword: {"a": schema} if keyword == "properties" else schema}
        if keyword in ("allOf", "anyOf"):
            schema = {keyword: [schema[keyword]]}
    return schema


@pytest.mark.parametrize("keyword", ["items", "properties", "not", "allOf", "additionalProperties"])
def test_deep_schemas(keyword: str) -> None:
    reader = Reader(nested(keyword, 10_000))
    numbers = reachable(reader)
    assert len(numbers) == 10_001
    deepest = max(numbers)
    assert reader.read(deepest).keywords == {"type": ("null",)}
    assert reader.pointer(deepest).count(keyword) == 10_000


@pytest.mark.parametrize("keyword", ["minimum", "type", "required", "pattern", "not", "$ref"])
def test_deep_values(keyword: str) -> None:
    value: Any = 1
    for _ in range(10_000):
        value = [{"a": value}]
    assert keywords({"const": value})["const"] is value
    with pytest.raises(SchemaError) as caught:
        keywords({keyword: value})
    assert len(str(caught.value)) < 1000


def test_large_schemas() -> None:
    values = [f"value {number}" for number in range(100_000)]
    assert keywords({"enum": values}) == {"enum": tuple(values)}
    properties = {value: {"$ref": "#/$defs/d"} for value in values[:10_000]}
    reader = Reader({"properties": properties, "$defs": {"d": {"type": "null"}}})
    assert len(reachable(reader)) == 10_002


def test_objects_that_are_shared_or_hold_themselves() -> None:
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(100):
        schema = {"properties": {"a": schema, "b": schema}, "not": schema}
    assert len(reachable(Reader(schema))) == 101
    loop: dict[str, Any] = {"type": "object", "$anchor": "a"}
    loop["properties"] = {"loop": loop, "again": {"$ref": "#a"}}
    assert len(reachable(Reader(loop))) == 2
    endless: list[Any] = []
    endless.append(endless)
    assert keywords({"const": endless})["const"] is endless


def test_drafts_are_handed_on() -> None:
    schema = {"$schema": DRAFT7, "items": {"$schema": DRAFT2019}, "not": {}}
    reader = Reader(schema)
    assert reader.draft is reader.read(reader.root).draft is Draft.DRAFT7
    read = reader.read(reader.root).keywords
    assert reader.read(read["items"]).draft is Draft.DRAFT2019_09
    assert reader.read(read["not"]).draft is Draft.DRAFT7
