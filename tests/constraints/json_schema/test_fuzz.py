"""Random and broken schemas: an error of this package, or an automaton of valid texts only."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fuzz_oracle import Judge, Undecided, no_longer_than, read
from fuzz_schemas import mutated_schemas, schemas
from hypothesis import HealthCheck, event, given, settings
from schema_oracle import accepts_some_order, walk

from constrained_diffusion.constraints.json_schema import CompiledSchema, compile_schema
from constrained_diffusion.errors import ConstrainedDiffusionError, UnsatisfiableError

HANG = 60

moderate = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

SCALARS = [None, True, False, 0, 1, -1, 2, 10, 0.5, "", "a", "b", "ab", "aab", "2020-02-29"]


def small_values() -> Iterator[Any]:
    """Scalars, arrays of up to three items, objects of up to three keys, and some nested ones."""
    few = [None, True, 0, 1, 2, "a", "ab"]
    yield from SCALARS
    for size in range(4):
        yield from (list(items) for items in itertools.product(few[: 8 - 2 * size], repeat=size))
    for size in range(1, 4):
        for names in itertools.combinations(["a", "b", "c", "x1"], size):
            for items in itertools.product(few[: 8 - 2 * size], repeat=size):
                yield dict(zip(names, items, strict=True))
    for inner in ({}, [], {"a": 1}, {"b": "a", "c": 0}, [1], [1, "a"]):
        yield from (
            [inner],
            {"a": inner},
            {"x1": inner, "b": 1},
            [inner, inner],
            {"a": {"a": inner}},
        )


VALUES = list(small_values())


def compiled(schema: Any) -> CompiledSchema | None:
    """None for an error that the package is allowed to raise."""
    try:
        with no_longer_than(HANG):
            return compile_schema(schema, max_depth=2, max_states=60_000)
    except ConstrainedDiffusionError as error:
        event(type(error).__name__)
        assert str(error)
        return None


def invalid_texts(schema: Any, result: CompiledSchema, walks: int) -> list[tuple[str, str]]:
    """Random texts of the automaton of which `jsonschema` complains, with the complaint."""
    judge, rng = Judge(schema), random.Random(0)
    found = []
    for number in range(walks):
        text = walk(result.automaton, rng, (20, 60, 200)[number % 3])
        assert result.automaton.accepts(text)
        try:
            problem = judge.problem(read(text.decode()))
        except Undecided:
            event("no verdict")
            break
        if problem is not None:
            found.append((text.decode(), problem))
    return found


@moderate
@given(schemas())
def test_random_texts_are_valid(schema: Any) -> None:
    result = compiled(schema)
    if result is not None:
        event("compiled")
        assert not invalid_texts(schema, result, 30)


@moderate
@given(schemas())
def test_small_values_that_are_accepted_are_valid(schema: Any) -> None:
    """And none of them is, where the schema is said to be unsatisfiable."""
    judge = Judge(schema)
    try:
        with no_longer_than(HANG):
            automaton = compile_schema(schema, max_depth=3, max_states=60_000).automaton
    except UnsatisfiableError:
        automaton = None
    except ConstrainedDiffusionError:
        return
    for value in VALUES:
        try:
            problem = judge.problem(read(json.dumps(value)))
        except Undecided:
            return
        if problem is not None and automaton is not None:
            assert not accepts_some_order(automaton, value), (value, problem)
        assert problem is not None or automaton is not None, value


HARMLESS = (
    "the keys of objects stand in the order",
    "values that the schema leaves open have at most",
    "recursive parts of the schema repeat at most",
    "exponents of numbers",
)
"""Beginnings of the bounds that no small value meets, keys in some order."""


def test_whatever_is_refused_has_a_bound_that_says_so() -> None:
    """Schemas without other bounds accept every small value that is valid."""
    judged = Counter[str]()

    @settings(moderate, max_examples=100)
    @given(schemas())
    def check(schema: Any) -> None:
        try:
            with no_longer_than(HANG):
                result = compile_schema(schema, max_depth=4, max_states=60_000)
        except ConstrainedDiffusionError:
            return
        if any(not bound.startswith(HARMLESS) for bound in result.bounds):
            return
        if '"format"' in json.dumps(schema):
            return  # which formats are asserted differs from draft to draft in jsonschema
        judge = Judge(schema)
        for value in VALUES:
            try:
                valid = judge.problem(read(json.dumps(value))) is None
            except Undecided:
                return
            if valid:
                judged["valid"] += 1
                assert accepts_some_order(result.automaton, value), (value, result.bounds)
        judged["schemas"] += 1

    check()
    assert judged["schemas"] > 10
    assert judged["valid"] > 100


@moderate
@given(mutated_schemas())
def test_broken_schemas(schema: Any) -> None:
    """No crash and no hang; and where it still is a schema, no invalid text."""
    result = compiled(schema)
    if result is None:
        return
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError:
        event("compiled, though no schema")
        return
    event("compiled")
    assert not invalid_texts(schema, result, 10)


@pytest.mark.parametrize("length", [0, 1, 50, 400])
def test_walks_end(length: int) -> None:
    """The walks that the other tests are made of reach acceptance from everywhere."""
    automaton = compile_schema({"type": "array", "items": {"type": "string"}}).automaton
    text = walk(automaton, random.Random(length), length)
    assert automaton.accepts(text)
