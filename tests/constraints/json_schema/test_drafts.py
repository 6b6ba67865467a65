"""Which keywords take effect in which draft, compared with `jsonschema`; which drafts are known."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from jsonschema_specifications import REGISTRY
from schema_oracle import URIS
from test_reading_meaning import Interpreter

from constrained_diffusion.constraints.json_schema import drafts
from constrained_diffusion.constraints.json_schema.drafts import Draft, draft_of
from constrained_diffusion.constraints.json_schema.reading import HONOURED, Reader
from constrained_diffusion.errors import SchemaError, UnsupportedSchemaError

VALUES: list[Any] = [
    None, True, 0, 1, 2, 3, 1.0, 1.5, -1, "", "a", "ab", "abc", [], [1], [1, 2], ["a", 1, 1],
    [1, 1, 1], [1.0, 1], [True, 1], {}, {"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 2},
    {"a": 1, "b": "y", "c": 3}, {"a": {"a": 1}}, {"a": 1, "c": 2}, {"a": 1, "c": 2, "d": 3},
    {"a": {"a": 1, "c": 2}}, {"a": {"a": 1, "c": 2, "d": 3}}, {"a": [1, "b"]}, [{"a": 1}],
    [[1], [2]],
]  # fmt: skip
INTEGER = {"type": "integer"}
SCHEMAS: list[dict[str, Any]] = [
    {"const": 1}, {"enum": [1, "a", {"a": 1}]}, {"type": "integer"}, {"type": ["string", "null"]},
    {"contains": INTEGER}, {"contains": INTEGER, "minContains": 2},
    {"contains": INTEGER, "maxContains": 1}, {"contains": INTEGER, "minContains": 0},
    {"minContains": 2}, {"maxContains": 0}, {"propertyNames": {"maxLength": 0}},
    {"if": INTEGER, "then": {"minimum": 2}}, {"if": INTEGER, "else": {"type": "string"}},
    {"if": False}, {"then": False}, {"else": False}, {"if": {}, "then": False},
    {"prefixItems": [INTEGER]}, {"prefixItems": [INTEGER], "items": {"type": "string"}},
    {"items": [INTEGER]}, {"items": [INTEGER], "additionalItems": {"type": "string"}},
    {"items": INTEGER, "additionalItems": {"type": "string"}}, {"additionalItems": False},
    {"dependentRequired": {"a": ["b"]}}, {"dependentSchemas": {"a": {"required": ["c"]}}},
    {"dependencies": {"a": ["b"], "b": {"required": ["c"]}}},
    {"dependencies": {"a": ["b"]}, "dependentRequired": {"a": ["c"]}},
    {"dependencies": {"a": {"required": ["b"]}}, "dependentSchemas": {"a": {"minProperties": 3}}},
    {"unevaluatedProperties": False, "properties": {"a": {}}},
    {"unevaluatedProperties": INTEGER, "allOf": [{"properties": {"a": {}}}]},
    {"unevaluatedProperties": False, "if": {"properties": {"a": INTEGER}}},
    {"unevaluatedItems": False, "allOf": [{"contains": {"type": "string"}}]},
    {"minimum": 1, "exclusiveMinimum": True}, {"maximum": 1, "exclusiveMaximum": True},
    {"minimum": 1, "exclusiveMinimum": False}, {"exclusiveMinimum": 1}, {"exclusiveMaximum": 1},
    {"minimum": 1}, {"maximum": 1}, {"multipleOf": 2}, {"multipleOf": 0.5}, {"minLength": 2},
    {"maxLength": 1}, {"pattern": "b"}, {"minItems": 2}, {"maxItems": 1}, {"uniqueItems": True},
    {"uniqueItems": False}, {"minProperties": 2}, {"maxProperties": 1}, {"required": ["a"]},
    {"properties": {"a": INTEGER}}, {"patternProperties": {"a|b": INTEGER}},
    {"additionalProperties": INTEGER, "properties": {"a": {}}, "patternProperties": {"c": {}}},
    {"allOf": [INTEGER, {"minimum": 2}]}, {"anyOf": [INTEGER, {"minLength": 1}]},
    {"oneOf": [INTEGER, {"minimum": 2}]}, {"not": INTEGER},
    {"$ref": "#/definitions/i", "minimum": 2}, {"$ref": "#/$defs/i", "minimum": 2},
    {"nullable": True, "type": "string"},
    {"id": "urn:x", "allOf": [{"$ref": "urn:x#/definitions/i"}], "definitions": {"i": INTEGER}},
    {"$id": "urn:x", "allOf": [{"$ref": "urn:x#/definitions/i"}], "definitions": {"i": INTEGER}},
]  # fmt: skip
AROUND = {
    "alone": lambda schema: schema,
    "allOf": lambda schema: {"allOf": [schema, {}]},
    "properties": lambda schema: {"properties": {"a": schema}},
    "not": lambda schema: {"not": schema},
    "not not": lambda schema: {"not": {"not": schema}},
    "oneOf": lambda schema: {"oneOf": [schema, {"type": "array"}]},
    "if": lambda schema: {"allOf": [{"if": schema, "then": {"minimum": 2}, "else": INTEGER}]},
}


def document(around: str, schema: dict[str, Any]) -> dict[str, Any]:
    definitions = {"definitions": {"i": INTEGER}, "$defs": {"i": INTEGER}}
    return {**definitions, **AROUND[around](schema)}


@pytest.mark.parametrize("draft", Draft)
@pytest.mark.parametrize("around", AROUND)
def test_every_keyword_in_every_draft(draft: Draft, around: str) -> None:
    kind = jsonschema.validators.validator_for({"$schema": URIS[draft]})
    compared = 0
    for schema in SCHEMAS:
        whole = {"$schema": URIS[draft], **document(around, schema)}
        if not kind(kind.META_SCHEMA).is_valid(whole):
            continue
        judge, interpreter = kind(whole, registry=REGISTRY), Interpreter(whole)
        try:
            expected = [judge.is_valid(value) for value in VALUES]
        except Exception:
            with pytest.raises(SchemaError):
                [interpreter.is_valid(value) for value in VALUES]
            continue
        actual = [interpreter.is_valid(value) for value in VALUES]
        if draft > Draft.DRAFT7 and "dependencies" in schema:
            # It may be honoured where it was dropped, but only if that accepts nothing more.
            assert all(wide for wide, narrow in zip(expected, actual, strict=True) if narrow)
            if around in ("not", "not not", "oneOf", "if"):
                assert actual == expected, whole
            else:
                assert actual != expected, whole
        else:
            assert actual == expected, whole
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("around", AROUND)
def test_without_a_stated_draft(around: str) -> None:
    """As in 2020-12, but with the lists under `items` of the older drafts, and `nullable`."""
    for schema in SCHEMAS:
        whole = document(around, schema)
        expected = whole
        if isinstance(schema.get("items"), list):
            expected = {"$schema": URIS[Draft.DRAFT2019_09], **whole}
        elif "nullable" in schema:
            expected = document(around, {"type": ["string", "null"]})
        elif "dependencies" in schema or "id" in schema or True in schema.values():
            continue
        kind = jsonschema.validators.validator_for(
            expected, default=jsonschema.Draft202012Validator
        )
        judge, interpreter = kind(expected, registry=REGISTRY), Interpreter(whole)
        for value in VALUES:
            assert interpreter.is_valid(value) == judge.is_valid(value), (whole, value)


@pytest.mark.parametrize(
    ("schema", "is_honoured"),
    [
        ({"dependencies": {"a": ["b"]}}, True),
        ({"$ref": "#/$defs/d", "$defs": {"d": {"dependencies": {"a": ["b"]}}}}, True),
        ({"dependencies": {"a": ["b"]}, "properties": {"c": {"not": {}}}}, True),
        # Honouring it further in would accept more further out.
        ({"oneOf": [{"dependencies": {"a": ["b"]}}]}, False),
        ({"oneOf": [{"$ref": "#/$defs/d"}], "$defs": {"d": {"dependencies": {"a": ["b"]}}}}, False),
        # What it evaluates would count.
        ({"dependencies": {"a": ["b"]}, "unevaluatedProperties": {}}, False),
        ({"dependencies": {"a": ["b"]}, "properties": {"c": {"unevaluatedItems": False}}}, False),
        # A keyword that holds no schemas may hide what looks at it.
        ({"$ref": "#/x/y", "x": {"y": {"dependencies": {"a": ["b"]}}}}, False),
    ],
)
def test_dropped_dependencies(schema: Any, is_honoured: bool) -> None:
    assert Interpreter(schema).is_valid({"a": 1}) == (not is_honoured)
    assert Interpreter(schema).is_valid({"a": 1, "b": 1})


def test_one_definition_with_and_without_dependencies() -> None:
    definitions = {"d": {"dependencies": {"a": ["b"]}}}
    schema = {
        "properties": {"p": {"$ref": "#/$defs/d"}, "q": {"not": {"$ref": "#/$defs/d"}}},
        "$defs": definitions,
    }
    judge, interpreter = jsonschema.Draft202012Validator(schema), Interpreter(schema)
    assert not interpreter.is_valid({"p": {"a": 1}})
    assert judge.is_valid({"p": {"a": 1}})
    for value in ({"q": {"a": 1}}, {"q": {"a": 1, "b": 1}}, {"q": {}}):
        assert interpreter.is_valid(value) == judge.is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        # A draft inside a resource, and references into and out of it.
        {"properties": {"a": {"$schema": URIS[Draft.DRAFT4], "minimum": 1,
                              "exclusiveMinimum": True}}},
        {"$schema": URIS[Draft.DRAFT4],
         "properties": {"a": {"$schema": URIS[Draft.DRAFT7], "const": 1}}},
        {"properties": {"a": {"$schema": URIS[Draft.DRAFT4], "id": "x", "$ref": "#/$defs/i"}},
         "$defs": {"i": {"const": 1}}},
        {"properties": {"a": {"$ref": "#/$defs/o/properties/b"}},
         "$defs": {"o": {"$schema": URIS[Draft.DRAFT4], "properties": {"b": {"const": 1}}}}},
        {"properties": {"a": {"$schema": "http://unknown/", "const": 1}}},
        {"$schema": URIS[Draft.DRAFT7], "properties": {"a": {"$ref": "x"}},
         "definitions": {"x": {"$id": "x", "$schema": URIS[Draft.DRAFT2020_12],
                               "prefixItems": [{"const": 1}]}}},
    ],
)  # fmt: skip
def test_drafts_inside_a_document(schema: Any) -> None:
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    judge, interpreter = kind(schema), Interpreter(schema)
    for inner in VALUES:
        assert interpreter.is_valid({"a": inner}) == judge.is_valid({"a": inner}), inner


def test_documents_in_drafts_of_their_own() -> None:
    def meaning(schema: Any, other: Any) -> list[bool]:
        interpreter = Interpreter(schema, {"http://h/o": other})
        return [interpreter.is_valid(value) for value in ([1, 1], [1, 2], [2, 1])]

    prefix = {"prefixItems": [{"const": 1}, {"const": 1}]}
    for draft, uri in URIS.items():
        stated = {"$schema": uri, "allOf": [{"$ref": "http://h/o"}]}
        reads = [True, draft < Draft.DRAFT2020_12, draft < Draft.DRAFT2020_12]
        # The draft of the one that refers to it, if it states none itself.
        assert meaning(stated, prefix) == reads
        assert meaning(stated, {"$schema": URIS[Draft.DRAFT7], **prefix}) == [True] * 3
        assert (
            meaning({"$ref": "http://h/o#/not/not"}, {"not": {"not": {"$schema": uri, **prefix}}})
            == reads
        )
        assert (
            meaning({"$ref": "http://h/o#/allOf/0"}, {"$schema": uri, "allOf": [prefix]}) == reads
        )
    assert meaning({"$schema": URIS[Draft.DRAFT2020_12], "$ref": "http://h/o"}, prefix)[1] is False


def test_honoured_keywords() -> None:
    """Together those of jsonschema's drafts, with what it does not know by these names."""
    known = set()
    for uri in URIS.values():
        known |= set(jsonschema.validators.validator_for({"$schema": uri}).VALIDATORS)
    assert known | {"then", "else", "minContains", "maxContains", "nullable"} == HONOURED
    for dialect, keywords in drafts.HONOURED.items():
        kind = jsonschema.validators.validator_for({"$schema": URIS[dialect.draft]})
        validators = set(kind.VALIDATORS)
        liberties = {"dependencies", *(() if dialect.stated else ("additionalItems", "nullable"))}
        with_others = {
            "if": {"then", "else"},
            "dependentRequired": {"minContains", "maxContains"},
            "minimum": {"exclusiveMinimum", "exclusiveMaximum"},
        }
        for keyword, others in with_others.items():
            validators |= others if keyword in validators else set()
        assert keywords - liberties == validators - liberties


@pytest.mark.parametrize(
    ("uri", "draft"),
    [
        *((uri, draft) for draft, uri in URIS.items()),
        ("http://json-schema.org/draft-04/schema", Draft.DRAFT4),
        ("https://json-schema.org/draft-07/schema#", Draft.DRAFT7),
        ("http://json-schema.org/schema#", Draft.DRAFT2020_12),
    ],
)
def test_known_drafts(uri: str, draft: Draft) -> None:
    assert draft_of({"$schema": uri}) is draft
    assert Reader({"$schema": uri}).draft is draft


def test_unknown_drafts() -> None:
    assert draft_of({}) is draft_of(True) is Reader(False).draft is Draft.DRAFT2020_12
    for uri in ("http://json-schema.org/draft-03/schema#", "https://example.org/x", ""):
        with pytest.raises(UnsupportedSchemaError, match="not known") as caught:
            Reader({"$schema": uri})
        assert (caught.value.keyword, caught.value.pointer) == ("$schema", "/$schema")
    with pytest.raises(SchemaError, match="URI of a draft"):
        Reader({"$schema": {}})
    other = {"http://h/o": {"$schema": "https://example.org/x"}}
    with pytest.raises(UnsupportedSchemaError) as caught:
        Interpreter({"$ref": "http://h/o"}, other).is_valid(1)
    assert caught.value.pointer == "http://h/o#/$schema"
    inner = {"properties": {"a": {"$id": "http://h/i", "$schema": "https://example.org/x"}}}
    with pytest.raises(UnsupportedSchemaError) as caught:
        Interpreter(inner).is_valid({"a": 1})
    assert caught.value.pointer == "/properties/a/$schema"


VOCABULARIES = {
    "https://json-schema.org/draft/2020-12/vocab/core": True,
    "https://json-schema.org/draft/2020-12/vocab/applicator": True,
    "https://json-schema.org/draft/2020-12/vocab/unevaluated": True,
    "https://json-schema.org/draft/2020-12/vocab/validation": True,
}


def test_metaschemas_out_of_the_registry() -> None:
    uri = "https://example.org/meta"

    def read(metaschema: Any) -> Draft:
        return Reader({"$schema": uri}, {uri: metaschema}).draft

    assert read({"$schema": URIS[Draft.DRAFT7]}) is Draft.DRAFT7
    base = {"$schema": URIS[Draft.DRAFT2020_12]}
    assert read(base) is Draft.DRAFT2020_12
    own = {**VOCABULARIES, "https://example.org/vocabulary": False}
    assert read({**base, "$vocabulary": own}) is Draft.DRAFT2020_12
    for metaschema in (
        {},
        True,
        {"$schema": uri},
        {**base, "$vocabulary": {**own, "https://example.org/vocabulary": True}},
        *(
            {**base, "$vocabulary": {name: True for name in VOCABULARIES if name != missing}}
            for missing in VOCABULARIES
        ),
    ):
        with pytest.raises(UnsupportedSchemaError) as caught:
            read(metaschema)
        assert caught.value.keyword == "$schema"
