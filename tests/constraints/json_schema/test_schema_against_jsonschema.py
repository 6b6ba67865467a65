"""Compiled schemas against the `jsonschema` library, on random schemas and values."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from schema_oracle import accepts_some_order, orderings, spell, validator, walk
from schema_strategies import schemas, schemas_with_value

from constrained_diffusion.constraints.json_schema import acceptor_of, compile_schema
from constrained_diffusion.errors import LimitError, UnsatisfiableError, UnsupportedSchemaError

moderate = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@moderate
@given(schemas_with_value())
def test_accepted_exactly_if_valid(pair: tuple[Any, Any]) -> None:
    """In some order of keys: what order that is, is the schema's and not the value's."""
    schema, value = pair
    valid = validator(schema).is_valid(value)
    event(f"valid: {valid}")
    try:
        compiled = compile_schema(schema, max_depth=4)
    except UnsatisfiableError:
        assert not valid
        return
    except (LimitError, UnsupportedSchemaError):
        return
    accepted = accepts_some_order(compiled.automaton, value)
    if compiled.complete and not any("levels" in bound for bound in compiled.bounds):
        assert accepted == valid
    else:
        assert valid or not accepted


@moderate
@given(schemas_with_value())
def test_the_acceptor_accepts_what_is_valid(pair: tuple[Any, Any]) -> None:
    """However deep it nests; only what it says it leaves out may be accepted besides."""
    schema, value = pair
    valid = validator(schema).is_valid(value)
    try:
        acceptor = acceptor_of(schema)
        accepted = any(acceptor.accepts(spell(ordered).decode()) for ordered in orderings(value))
    except LimitError:
        return
    assert accepted or not valid
    if acceptor.is_complete:
        assert valid or not accepted


@moderate
@given(schemas())
def test_random_texts_of_the_automaton_are_valid(schema: Any) -> None:
    try:
        compiled = compile_schema(schema, max_depth=2)
    except (LimitError, UnsatisfiableError, UnsupportedSchemaError):
        return
    judge = validator(schema)
    acceptor = acceptor_of(schema)
    rng = random.Random(0)
    for _ in range(30):
        text = walk(compiled.automaton, rng).decode()
        assert compiled.automaton.accepts(text.encode())
        judge.validate(json.loads(text))
        if not repeats_a_key(text):
            assert acceptor.accepts(text)


@moderate
@given(schemas())
def test_named_keys_are_never_repeated(schema: Any) -> None:
    try:
        automaton = compile_schema(schema, max_depth=1).automaton
    except (LimitError, UnsatisfiableError, UnsupportedSchemaError):
        return
    rng = random.Random(1)
    declared = set(schema.get("properties", {})) if isinstance(schema, dict) else set()
    for _ in range(30):
        pairs = json.loads(walk(automaton, rng), object_pairs_hook=lambda pairs: pairs)
        if isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs):
            repeats = Counter(name for name, _ in pairs)
            assert all(repeats[name] <= 1 for name in declared)


def repeats_a_key(text: str) -> bool:
    repeats = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeats.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    json.loads(text, object_pairs_hook=members)
    return any(repeats)


def test_limits_are_not_exceeded_silently() -> None:
    schema = {"type": "string", "minLength": 50_000}
    try:
        compile_schema(schema)
    except LimitError as error:
        assert "max_states" in str(error)
    else:
        raise AssertionError("50,000 counted characters need more states than allowed")
