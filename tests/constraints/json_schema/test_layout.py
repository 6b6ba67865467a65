"""The white space that each layout writes, and that every layout's texts are in all of them."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from schema_oracle import walk

from constrained_diffusion.constraints.json_schema import canonical_text, compile_schema
from constrained_diffusion.constraints.json_schema.layout import FLEXIBLE, MAX_INDENT

SCHEMAS: list[Any] = [
    True,
    {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    {
        "type": "object",
        "properties": {
            "a": {"type": "string", "maxLength": 3},
            "b": {"type": "array", "prefixItems": [{"type": "null"}, {"const": {}}]},
            "c": {"type": "object", "required": ["x"]},
        },
        "required": ["b"],
    },
    {"enum": [[], {}, [1, {"a": [None]}], {"a": 1, "b": [2]}]},
]
LAYOUTS: list[Any] = ["compact", "spaced", "flexible"]
OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')


def texts(schema: Any, whitespace: Any) -> list[str]:
    automaton = compile_schema(schema, whitespace=whitespace, max_depth=2).automaton
    rng = random.Random(5)
    return [walk(automaton, rng, rng.choice([0, 10, 40, 80])).decode() for _ in range(60)]


@pytest.mark.parametrize("whitespace", LAYOUTS)
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:30])
def test_the_texts_of_a_layout_are_those_of_every_layout(schema: Any, whitespace: Any) -> None:
    automata = {
        name: compile_schema(schema, whitespace=name, max_depth=2).automaton for name in LAYOUTS
    }
    for text in texts(schema, whitespace):
        for name, automaton in automata.items():
            spelled = canonical_text(text, whitespace=name)
            assert spelled is not None
            assert automaton.accepts(spelled.encode()), (name, text)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:30])
def test_white_space(schema: Any) -> None:
    """By what stands outside of strings: nothing, as json.dumps writes it, as `FLEXIBLE` says."""
    gap = rf"(?: |\n {{0,{MAX_INDENT}}})?"
    patterns = {
        "compact": r"[^\s]*",
        "spaced": r"(?:[^\s,:]|[,:] )*",
        "flexible": rf"(?:[^\s{{\[,:}}\]]|[{{\[,]{gap}|: ?|{gap}[}}\]])*",
    }
    assert str(MAX_INDENT) in FLEXIBLE
    for name, pattern in patterns.items():
        for text in texts(schema, name):
            outside = OUTSIDE_STRINGS.sub('""', text)
            assert re.fullmatch(pattern, outside), (name, text)
            json.loads(text)


def test_flexible_leaves_a_choice() -> None:
    automaton = compile_schema(SCHEMAS[3], whitespace="flexible").automaton
    for text in (
        '{"a":1,"b":[2]}',
        '{"a": 1, "b": [2]}',
        json.dumps({"a": 1, "b": [2]}, indent=2),
        json.dumps({"a": 1, "b": [2]}, indent=8),
        '{ "a":1 ,"b":[2]}',
        '{\n\n"a":1,"b":[2]}',
        '{"a" :1,"b":[2]}',
        ' {"a":1,"b":[2]}',
    ):
        allowed = text[0] == "{" and not re.search(r"\n\n| ,| :", text)
        assert automaton.accepts(text.encode()) == allowed, text
