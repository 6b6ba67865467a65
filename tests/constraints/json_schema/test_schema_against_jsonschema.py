"""Compiled schemas against the `jsonschema` library, on random schemas and values."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from schema_oracle import accepts_some_order, validator, walk
from schema_strategies import schemas, schemas_with_value

from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.errors import LimitError, UnsatisfiableError

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
        automaton = compile_schema(schema, max_depth=4).automaton
    except UnsatisfiableError:
        assert not valid
        return
    assert accepts_some_order(automaton, value) == valid


@moderate
@given(schemas())
def test_random_texts_of_the_automaton_are_valid(schema: Any) -> None:
    try:
        automaton = compile_schema(schema, max_depth=2).automaton
    except UnsatisfiableError:
        return
    judge = validator(schema)
    rng = random.Random(0)
    for _ in range(30):
        text = walk(automaton, rng)
        assert automaton.accepts(text)
        judge.validate(json.loads(text.decode()))


@moderate
@given(schemas())
def test_named_keys_are_never_repeated(schema: Any) -> None:
    try:
        automaton = compile_schema(schema, max_depth=1).automaton
    except UnsatisfiableError:
        return
    rng = random.Random(1)
    declared = set(schema.get("properties", {})) if isinstance(schema, dict) else set()
    for _ in range(30):
        pairs = json.loads(walk(automaton, rng), object_pairs_hook=lambda pairs: pairs)
        if isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs):
            repeats = Counter(name for name, _ in pairs)
            assert all(repeats[name] <= 1 for name in declared)


def test_limits_are_not_exceeded_silently() -> None:
    schema = {"type": "string", "minLength": 50_000}
    try:
        compile_schema(schema)
    except LimitError as error:
        assert "max_states" in str(error)
    else:
        raise AssertionError("50,000 counted characters need more states than allowed")
