"""Real schemas with valid and invalid instances: a sample that is shipped, and a larger sweep."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import jsonschema
import pytest
from real_records import RECORDS, SHARED, spread_out
from schema_oracle import orderings, spell, validator, walk

from constrained_diffusion.automata import ByteAutomaton
from constrained_diffusion.constraints.json_schema import (
    acceptor_of,
    canonical_text,
    compile_schema,
)
from constrained_diffusion.constraints.json_schema.drafts import draft_of
from constrained_diffusion.errors import LimitError, UnsatisfiableError, UnsupportedSchemaError

SWEEP_SECONDS = 25


def accepts(automaton: ByteAutomaton, value: Any) -> bool:
    return automaton.accepts(spell(value))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_sample(record: dict[str, Any]) -> None:
    automaton = compile_schema(record["schema"]).automaton
    for value in record["valid"]:
        text = canonical_text(json.dumps(value, indent=1))
        assert text is not None
        assert automaton.accepts(text.encode())
    for value in record["invalid"]:
        assert not accepts(automaton, value)
    judge = validator(record["schema"])
    rng = random.Random(4)
    for _ in range(20):
        judge.validate(json.loads(walk(automaton, rng, 150)))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
def test_sweep_over_all_sets() -> None:
    """No invalid instance is accepted, no random text is invalid; bounded by time."""
    deadline = time.monotonic() + SWEEP_SECONDS
    compiled = accepted = valid = 0
    rng = random.Random(6)
    for record in spread_out(5):
        if time.monotonic() > deadline:
            break
        if len(json.dumps(record["schema"])) > 20_000:
            continue
        try:
            automaton = compile_schema(record["schema"], max_states=30_000).automaton
            acceptor = acceptor_of(record["schema"])
        except (UnsupportedSchemaError, LimitError, UnsatisfiableError):
            continue
        compiled += 1
        for value in record["valid"]:
            valid += 1
            text = canonical_text(json.dumps(value), draft=draft_of(record["schema"]))
            accepted += text is not None and acceptor.accepts(text)
        for value in record["invalid"]:
            assert not accepts(automaton, value), (record["name"], value)
        judge = validator(record["schema"])
        for _ in range(5):
            value = json.loads(walk(automaton, rng, 100))
            try:
                judge.validate(value)
            except jsonschema.ValidationError as error:
                raise AssertionError((record["name"], value)) from error
    assert compiled > 50
    # Keys in another order than the schema's.
    assert accepted > 0.9 * valid


def test_order_of_keys_is_the_only_reason_for_a_refusal_in_the_sample() -> None:
    """Shuffled keys: some order of them is accepted."""
    rng = random.Random(7)
    for record in RECORDS:
        automaton = compile_schema(record["schema"]).automaton
        for value in record["valid"]:
            if not isinstance(value, dict) or len(value) > 5 or _count(value) > 7:
                continue
            names = list(value)
            rng.shuffle(names)
            shuffled = {name: value[name] for name in names}
            assert any(accepts(automaton, ordered) for ordered in orderings(shuffled))


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 0
