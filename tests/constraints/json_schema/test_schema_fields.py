"""Fields by instance pointer: their alternatives, and schemas restricted to one of them."""

from __future__ import annotations

import itertools
from typing import Any, Literal, Optional

import pytest
from pydantic import BaseModel
from schema_oracle import spell

from constrained_diffusion.automata import algebra
from constrained_diffusion.constraints.json_schema import (
    alternatives,
    compile_schema,
    restrict,
    schema_of,
)
from constrained_diffusion.errors import ConstrainedDiffusionError

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "state": {"enum": ["new", "old", 3, None, 1.5, {"x": [1]}]},
        "flag": {"type": "boolean"},
        "a/b": {"anyOf": [{"const": "x"}, {"$ref": "#/$defs/y"}]},
        "list": {"type": "array", "prefixItems": [{"type": "boolean"}], "items": {"enum": ["p"]}},
        "short": {"enum": ["a", "bb", "ccc"], "maxLength": 2, "pattern": "^[ab]"},
    },
    "required": ["state"],
    "$defs": {"y": {"enum": ["y", "z"]}},
}

FIELDS = [
    ("/state", [None, 3, 1.5, "new", "old", {"x": [1]}]),
    ("/flag", [True, False]),
    ("/a~1b", ["x", "y", "z"]),
    ("/list/0", [True, False]),
    ("/list/7", ["p"]),
    ("/short", ["a", "bb"]),
]


@pytest.mark.parametrize(("pointer", "values"), FIELDS)
def test_alternatives(pointer: str, values: list[Any]) -> None:
    assert alternatives(SCHEMA, pointer) == values


@pytest.mark.parametrize("pointer", ["/name", "/none", "/state/x/y", "", "/list"])
def test_fields_without_alternatives(pointer: str) -> None:
    with pytest.raises(ConstrainedDiffusionError):
        alternatives(SCHEMA, pointer)


@pytest.mark.parametrize("pointer", ["state", "#/state"])
def test_pointers_that_are_none(pointer: str) -> None:
    with pytest.raises(ConstrainedDiffusionError, match="JSON pointer"):
        alternatives(SCHEMA, pointer)


@pytest.mark.parametrize(("pointer", "values"), FIELDS)
def test_restrictions_split_the_language(pointer: str, values: list[Any]) -> None:
    whole = compile_schema(SCHEMA).automaton
    parts = [compile_schema(restrict(SCHEMA, pointer, value)).automaton for value in values]
    for part in parts:
        assert not part.is_empty
        assert algebra.same_language(algebra.intersect(part, whole), part)
    for first, second in itertools.pairwise(parts):
        assert algebra.intersect(first, second).is_empty
    together = algebra.union(*parts)
    without = algebra.difference(whole, together)
    if pointer == "/state":
        assert without.is_empty
    else:
        assert without.accepts(b'{"state":null}')


def test_restricting_the_root_and_old_drafts() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "array",
        "items": [{"$ref": "#/definitions/a"}],
        "definitions": {"a": {"enum": ["p", "q"]}},
    }
    assert alternatives(schema, "/0") == ["p", "q"]
    automaton = compile_schema(restrict(schema, "/0", "q")).automaton
    assert automaton.accepts(b'["q",1]')
    assert not automaton.accepts(b'["p"]')
    assert not automaton.accepts(b"[]")
    assert alternatives({"enum": ["a", "b"]}, "") == ["a", "b"]
    assert compile_schema(restrict({"enum": ["a", "b"]}, "", "b")).automaton.accepts(b'"b"')
    assert not compile_schema(restrict({"enum": ["a", "b"]}, "", "b")).automaton.accepts(b'"a"')


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07"])
def test_restricting_a_schema_of_an_old_draft_whose_root_is_a_reference(draft: str) -> None:
    """There `$ref` switches off everything beside it, an identifier of its own too."""
    schema = {
        "$schema": f"http://json-schema.org/{draft}/schema#",
        "$ref": "#/definitions/node",
        "maxProperties": 0,
        "definitions": {
            "node": {
                "type": "object",
                "properties": {"kind": {"enum": ["a", "b"]}, "inner": {"$ref": "#"}},
                "required": ["kind"],
                "additionalProperties": False,
            }
        },
    }
    assert alternatives(schema, "/kind") == ["a", "b"]
    automaton = compile_schema(restrict(schema, "/kind", "a")).automaton
    assert automaton.accepts(b'{"kind":"a","inner":{"kind":"b"}}')
    assert not automaton.accepts(b'{"kind":"b","inner":{"kind":"a"}}')


def test_recursive_schema_keeps_its_own_root() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "inner": {"$ref": "#"}},
        "required": ["kind"],
        "additionalProperties": False,
    }
    automaton = compile_schema(restrict(schema, "/kind", "a")).automaton
    assert automaton.accepts(b'{"kind":"a","inner":{"kind":"b"}}')
    assert not automaton.accepts(b'{"kind":"b"}')
    automaton = compile_schema(restrict(schema, "/inner/kind", "a")).automaton
    assert automaton.accepts(b'{"kind":"b","inner":{"kind":"a"}}')
    assert not automaton.accepts(b'{"kind":"a","inner":{"kind":"b"}}')


class Ticket(BaseModel):
    team: Literal["billing", "support"]
    urgent: bool
    note: Optional[str] = None  # noqa: UP045 - both spellings occur in users' code


def test_fields_of_a_model() -> None:
    schema, adapter = schema_of(Ticket)
    assert adapter is not None
    assert alternatives(schema, "/team") == ["billing", "support"]
    assert alternatives(schema, "/urgent") == [True, False]
    narrowed = compile_schema(restrict(schema, "/team", "support"), open_objects=False).automaton
    assert narrowed.accepts(spell({"team": "support", "urgent": True, "note": None}))
    assert not narrowed.accepts(spell({"team": "billing", "urgent": True}))
    assert not narrowed.accepts(spell({"team": "support", "urgent": True, "x": 1}))
