"""is_valid against jsonschema itself, whose own tests of patterns and repeats are slow."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constrained_diffusion.constraints.json_schema.validation import is_valid

scalars = st.sampled_from(
    [None, True, False, 0, 1, 1.0, -0.0, 2, 2**60, float(2**60), "", "a", "1"]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.lists(values, max_size=4), st.booleans())
def test_repeated_items(items: list[Any], unique: bool) -> None:
    schema = {"uniqueItems": unique}
    expected = jsonschema.Draft202012Validator(schema).is_valid(items)
    assert is_valid(schema, json.dumps(items)) == expected


@given(
    st.text("ab\n1é\U0001f600", max_size=5),
    st.sampled_from(["^a", "b$", "[0-9]+", "^.$", "a|^$", r"^(?!a)\w*$", "\\S"]),
)
def test_patterns(text: str, pattern: str) -> None:
    schema = {"pattern": pattern}
    expected = jsonschema.Draft202012Validator(schema).is_valid(text)
    assert is_valid(schema, json.dumps(text)) == expected


def test_what_takes_jsonschema_for_ever() -> None:
    assert not is_valid({"pattern": "^(a|a)*$"}, json.dumps("a" * 200 + "b"))
    items = [{"a": number} for number in range(20_000)]
    assert is_valid({"uniqueItems": True}, json.dumps(items))
    assert not is_valid({"uniqueItems": True}, json.dumps([*items, {"a": 7}]))


DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "text", "valid"),
    [
        ({"$schema": DRAFT_4, "type": "integer"}, "1.0", False),
        ({"$schema": DRAFT_7, "type": "integer"}, "1.0", True),
        ({"$schema": DRAFT_4, "minimum": 1, "exclusiveMinimum": True}, "1", False),
        ({"$schema": "urn:own", "dependentRequired": {"a": ["b"]}}, '{"a":1}', True),
        ({"$ref": "urn:colour#/$defs/c"}, '"red"', True),
        ({"$ref": "urn:colour#/$defs/c"}, '"blue"', False),
        ({"$ref": "urn:absent"}, "1", False),
        ({"$ref": DRAFT_7}, '{"type":"integer"}', True),
        ({"$ref": DRAFT_7}, '{"type":"nothing"}', False),
        (True, "1", True),
        (False, "1", False),
        ({"items": {"$ref": "#"}}, "[" * 3000 + "]" * 3000, False),
    ],
)
def test_drafts_and_registries(schema: Any, text: str, valid: bool) -> None:
    registry: dict[str, Any] = {
        "urn:own": {"$schema": DRAFT_7},
        "urn:colour": {"$defs": {"c": {"enum": ["red"]}}},
    }
    assert is_valid(schema, text, registry) == valid
