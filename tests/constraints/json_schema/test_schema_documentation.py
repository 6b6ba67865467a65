"""docs/json-schema.md says of every keyword and format, draft by draft, what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from schema_oracle import URIS, spell, validator

from constrained_diffusion.constraints.json_schema import acceptor_of, compile_schema
from constrained_diffusion.constraints.json_schema.drafts import HONOURED, Dialect, Draft
from constrained_diffusion.constraints.json_schema.formats import FORMATS

IGNORED = "\N{EN DASH}"
PAGE = (Path(__file__).parents[3] / "docs" / "json-schema.md").read_text(encoding="utf-8")
# Dropped by these drafts, and honoured nevertheless where that only narrows (see Reader).
KEPT = {(Draft.DRAFT2019_09, "dependencies"), (Draft.DRAFT2020_12, "dependencies")}

VALUES: list[Any] = [None, True, False, 0, 1, 2, 3, 9, -1, 1.5]
VALUES += ["", "a", "b", "ab", "aaa", "é", "1.2.3.4"]
VALUES += [[], [1], ["a"], [1, 1], [1, 2], [1, "a"], [2, 1], [1, 2, 3], ["a", "b", "a"], [[1], [1]]]
VALUES += [{}, {"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 1}, {"a": 1, "b": "x"}, {"x": 1}]
VALUES += [{"a": 1, "x": 1}, {"x": 1, "y": 2}, {"a": {"a": 1}}, {"a": {"a": {"a": "x"}}}]

# A schema for each keyword that says something of VALUES (`const` and the like need their draft).
SAMPLES: dict[str, Any] = {
    "type": {"type": ["integer", "object"]},
    "enum": {"enum": [1, "a", [1], {"a": 1}]},
    "const": {"const": [1, 2]},
    "allOf": {"allOf": [{"type": "object"}, {"required": ["a"]}]},
    "anyOf": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "oneOf": {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "not": {"not": {"required": ["a"]}},
    "if": {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
    "then": {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
    "else": {"if": {"required": ["a"]}, "else": {"required": ["b"]}},
    "properties": {"properties": {"a": {"type": "string"}}},
    "required": {"required": ["a", "b"]},
    "additionalProperties": {"properties": {"a": {}}, "additionalProperties": False},
    "patternProperties": {"patternProperties": {"^[ab]$": {"type": "integer"}}},
    "propertyNames": {"propertyNames": {"pattern": "^a"}},
    "minProperties": {"minProperties": 2},
    "maxProperties": {"maxProperties": 1},
    "dependencies": {"dependencies": {"a": ["b"]}},
    "dependentRequired": {"dependentRequired": {"a": ["b"]}},
    "dependentSchemas": {"dependentSchemas": {"a": {"required": ["b"]}}},
    "unevaluatedProperties": {
        "anyOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {}}}],
        "unevaluatedProperties": False,
    },
    "items": {"items": {"type": "integer"}},
    "prefixItems": {"prefixItems": [{"const": 1}]},
    "additionalItems": {"items": [{"type": "integer"}], "additionalItems": {"type": "string"}},
    "minItems": {"minItems": 2},
    "maxItems": {"maxItems": 1},
    "uniqueItems": {"uniqueItems": True},
    "contains": {"contains": {"type": "string"}},
    "minContains": {"contains": {"type": "integer"}, "minContains": 2},
    "maxContains": {"contains": {"type": "integer"}, "maxContains": 1},
    "unevaluatedItems": {
        "anyOf": [{"items": {"type": "string"}}, {"maxItems": 1}],
        "unevaluatedItems": {"type": "integer"},
    },
    "minLength": {"minLength": 2},
    "maxLength": {"maxLength": 1},
    "pattern": {"pattern": "^a"},
    "format": {"format": "ipv4"},
    "minimum": {"minimum": 2},
    "maximum": {"maximum": 2},
    "exclusiveMinimum": {"exclusiveMinimum": 2},
    "exclusiveMaximum": {"exclusiveMaximum": 2},
    "multipleOf": {"multipleOf": 3},
    "$ref": {"properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}, "minProperties": 1},
    "$recursiveRef": {"properties": {"a": {"$recursiveRef": "#"}}, "minProperties": 1},
    "$dynamicRef": {"properties": {"a": {"$dynamicRef": "#"}}, "minProperties": 1},
}


def table() -> dict[str, dict[Draft, str]]:
    """The words of the table of keywords, by keyword and draft."""
    section = PAGE.split("## Keywords\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", section, re.MULTILINE)
    return {
        keyword: dict(zip(Draft, (cell.strip() for cell in cells.split("|")), strict=False))
        for keyword, cells in rows
    }


@pytest.mark.parametrize("draft", Draft, ids=lambda draft: draft.name)
def test_every_keyword_is_listed_where_it_is_honoured(draft: Draft) -> None:
    listed = {keyword for keyword, words in table().items() if words[draft] != IGNORED}
    dropped = {keyword for kept, keyword in KEPT if kept == draft}
    assert listed == HONOURED[Dialect(draft)] - dropped


def test_only_known_words_are_used() -> None:
    words = {word for row in table().values() for word in row.values()}
    assert words == {"exact", "narrowed", IGNORED}


def test_every_keyword_has_a_sample() -> None:
    assert SAMPLES.keys() == table().keys()


@pytest.mark.parametrize("keyword", SAMPLES)
@pytest.mark.parametrize("draft", Draft, ids=lambda draft: draft.name)
def test_keywords_do_what_the_table_says(keyword: str, draft: Draft) -> None:
    """Honoured keywords refuse what `jsonschema` refuses; exact ones accept all that it accepts."""
    word = table()[keyword][draft]
    sample = SAMPLES[keyword]
    if draft == Draft.DRAFT4 and keyword.startswith("exclusive"):
        sample = {keyword.replace("exclusiveM", "m"): 2, keyword: True}
    schema = {"$schema": URIS[draft], **sample}
    if draft == Draft.DRAFT2020_12 and isinstance(sample.get("items"), list):
        return  # it is no schema of this draft
    automaton = compile_schema(schema, max_depth=3).automaton
    acceptor = acceptor_of(schema)
    judge = validator(schema)
    verdicts = {spell(value): judge.is_valid(value) for value in VALUES}
    if (draft, keyword) in KEPT:
        verdicts = {text: valid and automaton.accepts(text) for text, valid in verdicts.items()}
    assert any(verdicts.values())
    assert word == IGNORED or not all(verdicts.values())
    for text, valid in verdicts.items():
        if word != "narrowed":
            assert automaton.accepts(text) == valid, text
        else:
            assert valid or not automaton.accepts(text), text
        if acceptor.is_complete:
            assert acceptor.accepts(text.decode()) == valid, text
        else:
            assert acceptor.accepts(text.decode()) or not valid, text


def test_every_format_is_listed() -> None:
    section = PAGE.split("## Formats\n", 1)[1].split(".\nOther", 1)[0]
    assert set(re.findall(r"`([^`]+)`", section.split(":\n", 1)[1])) == set(FORMATS)
