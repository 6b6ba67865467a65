"""Multiples and denied tests of numbers, against `jsonschema` and exact arithmetic."""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schema_oracle import validator, walk

from constrained_diffusion.constraints.json_schema import acceptor_of, compile_schema
from constrained_diffusion.errors import LimitError, UnsatisfiableError, UnsupportedSchemaError

SPELLED = ["".join(digits) for n in (1, 2) for digits in itertools.product("01259", repeat=n)]
SPELLED = [text for text in SPELLED if text == "0" or text[0] != "0"]
FRACTIONS = ["", ".5", ".25", ".1", ".01", ".29", ".07", ".3", ".125", ".9", ".1999"]
PLAIN = [sign + whole + rest for sign in ("", "-") for whole in SPELLED for rest in FRACTIONS]


@pytest.mark.parametrize("multiple", [1, 2, 7, 10, 2.0, 0.5, 0.25, 0.1, 0.01, 0.3, 2.5, 1.5, 0.001])
def test_multiples_are_those_that_everybody_finds(multiple: float) -> None:
    automaton = compile_schema({"type": "number", "multipleOf": multiple}).automaton
    judge = validator({"multipleOf": multiple})
    exact = Fraction(str(multiple))
    for text in PLAIN:
        both = judge.is_valid(json.loads(text)) and Fraction(text) % exact == 0
        if exact.denominator > 1 or "." not in text:
            assert automaton.accepts(text.encode()) == both, text
        else:
            assert both or not automaton.accepts(text.encode()), text


@pytest.mark.parametrize("multiple", [0.01, 0.1, 0.07])
def test_prices_up_to_a_thousand(multiple: float) -> None:
    automaton = compile_schema({"type": "number", "multipleOf": multiple}).automaton
    judge = validator({"multipleOf": multiple})
    exact = Fraction(str(multiple))
    for cents in range(0, 100_000, 13):
        text = f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")
        both = judge.is_valid(json.loads(text)) and Fraction(text) % exact == 0
        assert automaton.accepts(text.encode()) == both, text


@pytest.mark.parametrize("multiple", [3, 0.1, 0.01])
def test_what_is_no_multiple(multiple: float) -> None:
    schema = {"type": "number", "not": {"multipleOf": multiple}}
    automaton = compile_schema(schema).automaton
    judge = validator(schema)
    exact = Fraction(str(multiple))
    accepted = [text for text in PLAIN if automaton.accepts(text.encode())]
    assert accepted
    for text in accepted:
        assert judge.is_valid(json.loads(text))
        assert Fraction(text) % exact != 0
    rng = random.Random(5)
    for _ in range(300):
        judge.validate(json.loads(walk(automaton, rng, 12)))


def test_several_multiples() -> None:
    schema = {"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer"}
    automaton = compile_schema(schema).automaton
    for number in range(-100, 100):
        assert automaton.accepts(str(number).encode()) == (number % 12 == 0)


def test_multiples_of_fractions_that_are_whole() -> None:
    multiples = [6.75, 19, 9.5, 2.125]  # of which 8721 is the least common one
    schema = {"type": "number", "allOf": [{"multipleOf": multiple} for multiple in multiples]}
    automaton = compile_schema(schema).automaton
    for number in range(-90_000, 90_000, 171):
        assert automaton.accepts(str(number).encode()) == (number % 8721 == 0)


def test_multiples_with_too_many_digits_are_not_called_contradictory() -> None:
    with pytest.raises(UnsupportedSchemaError, match="digits"):
        compile_schema({"type": "number", "multipleOf": 0.7, "minimum": 10**12})


def test_too_many_remainders() -> None:
    with pytest.raises(LimitError, match="multipleOf"):
        compile_schema({"type": "integer", "multipleOf": 1_000_003})


tests = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number"]),
        "minimum": st.sampled_from([-1, 0, 0.5, 2]),
        "maximum": st.sampled_from([0, 1.25, 5, 90]),
        "exclusiveMinimum": st.sampled_from([-2.5, 0, 1]),
        "exclusiveMaximum": st.sampled_from([1, 9.1, 50]),
        "multipleOf": st.sampled_from([2, 0.5, 0.1, 3]),
        "enum": st.lists(st.sampled_from([0, 1, 2.5, 9, -1, 0.1, 1.0]), min_size=1, max_size=3),
    },
)


@given(tests, st.lists(tests, max_size=2))
def test_denied_tests(positive: dict[str, Any], denied: list[dict[str, Any]]) -> None:
    """What is accepted is valid; where nothing is denied, the acceptor accepts all that is."""
    schema = {**positive, "type": positive.get("type", "number")}
    schema["allOf"] = [True, *({"not": each} for each in denied)]
    judge = validator(schema)
    acceptor = acceptor_of(schema)
    multiples = [Fraction(str(each["multipleOf"])) for each in [positive] if "multipleOf" in each]
    try:
        automaton = compile_schema(schema).automaton
    except (UnsatisfiableError, UnsupportedSchemaError):
        automaton = None
    for text in PLAIN:
        valid = judge.is_valid(json.loads(text))
        if automaton is not None and automaton.accepts(text.encode()):
            assert valid, text
        exact = all(Fraction(text) % each == 0 for each in multiples)
        # Denied multiples and bounds are denied in every reading, exact or in doubles.
        in_doubt = bool(denied)
        if not in_doubt:
            assert acceptor.accepts(text) == (valid and exact), text
        else:
            assert valid or not acceptor.accepts(text), text
