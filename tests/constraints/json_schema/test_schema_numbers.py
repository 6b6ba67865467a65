"""Ranges of numbers against exact fractions and against what a validator makes of the text."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from schema_oracle import validator

from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.errors import UnsatisfiableError

limits = st.one_of(
    st.integers(-120, 120),
    st.integers(-(2**70), 2**70),
    st.decimals(-20, 20, places=2).map(float),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e25, max_value=1e25),
    st.sampled_from([0, 0.1, 0.3, 1e-7, -1e-7, 5e-324, 2**53 + 1, 2**53 + 3, 1e23, -1e23]),
)
spelled = st.one_of(
    st.integers(-130, 130).map(str),
    st.integers(-(2**71), 2**71).map(str),
    st.decimals(-21, 21, places=3).map(lambda number: f"{number:f}"),
    st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?", fullmatch=True),
)


@st.composite
def schema_and_number(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    for names in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        keyword = draw(st.sampled_from([*names, None]))
        if keyword is not None:
            schema[keyword] = draw(limits)
    stated = [value for name, value in schema.items() if name != "type"]
    if stated and draw(st.booleans()):
        # At the limit itself, and one last digit beside it.
        near = Fraction(repr(draw(st.sampled_from(stated))))
        near += Fraction(draw(st.integers(-1, 1)), draw(st.sampled_from([1, 10, 1000])))
        return schema, decimal(near)
    return schema, draw(spelled)


def decimal(number: Fraction) -> str:
    """The exact decimal spelling of a fraction whose denominator divides a power of ten."""
    sign, number = ("-" if number < 0 else ""), abs(number)
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str(int(number * 10**places)).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


@settings(max_examples=100, deadline=None)
@example(({"type": "number", "maximum": 2**53 + 3}, f"{2**53 + 3}.0"))
@example(({"type": "number", "exclusiveMaximum": 1}, "0.9999"))
@example(({"type": "number", "minimum": 0, "maximum": 0}, "-0.0"))
@given(schema_and_number())
def test_range(pair: tuple[dict[str, Any], str]) -> None:
    schema, text = pair
    try:
        accepted = compile_schema(schema).automaton.accepts(text.encode())
    except UnsatisfiableError:
        accepted = False
    number = Fraction(text)
    expected = (
        ("." not in text or schema["type"] == "number")
        and number >= exact(schema.get("minimum", -math.inf))
        and number <= exact(schema.get("maximum", math.inf))
        and number > exact(schema.get("exclusiveMinimum", -math.inf))
        and number < exact(schema.get("exclusiveMaximum", math.inf))
    )
    valid = validator(schema).is_valid(json.loads(text))
    if accepted:
        assert valid
    if "." not in text or all(abs(exact(bound)) < 2**53 for bound in bounds(schema)):
        # Beyond that, doubles are too coarse for a number with a fraction to be judged exactly.
        assert accepted == expected


def bounds(schema: dict[str, Any]) -> list[float]:
    return [value for name, value in schema.items() if name != "type"]


def exact(limit: float) -> Any:
    if math.isinf(limit) or not isinstance(limit, float):
        return limit
    return Fraction(repr(limit)) if abs(limit) < 2**53 else Fraction(limit)


@pytest.mark.parametrize(
    "text",
    ["0.99999999999999999999", "0.99999999999999999", "1.00000000000000000000001"],
)
def test_numbers_that_doubles_cannot_tell_from_an_exclusive_bound_are_refused(text: str) -> None:
    schema = {"exclusiveMaximum": 1} if text.startswith("0") else {"exclusiveMinimum": 1}
    assert not validator(schema).is_valid(json.loads(text))
    assert not compile_schema({"type": "number", **schema}).automaton.accepts(text.encode())


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("0", True), ("-0", True), ("-12.5", True), ("1e9", True), ("1.5E-10", True),
        ("1e+05", True), ("1e100", False), ("01", False), ("1.", False), (".5", False),
        ("+1", False), ("--1", False), ("1e", False), ("NaN", False), ("0x1", False),
    ],
)  # fmt: skip
def test_spelling_without_bounds(text: str, accepted: bool) -> None:
    compiled = compile_schema({"type": "number"})
    assert compiled.automaton.accepts(text.encode()) == accepted
    assert any("exponent" in bound for bound in compiled.bounds)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("7", True), ("-70", True), ("7.0", False), ("7e1", False), ("", False), ("-", False)],
)
def test_integers(text: str, accepted: bool) -> None:
    assert compile_schema({"type": "integer"}).automaton.accepts(text.encode()) == accepted


def test_listed_numbers_match_by_value() -> None:
    automaton = compile_schema({"enum": [1, 2.0, 0.1, 1e-7, 1e20, -3]}).automaton
    for text in ("1", "2", "2.0", "0.1", "0.0000001", "100000000000000000000", "-3"):
        assert automaton.accepts(text.encode())
    for text in ("1.0", "0.10", "1e-7", "3", "-1"):
        assert not automaton.accepts(text.encode())
    both = compile_schema({"const": 1.0, "enum": [3, 1], "type": "integer"}).automaton
    assert both.accepts(b"1")
    assert not both.accepts(b"1.0")


def test_booleans_are_no_numbers() -> None:
    assert not compile_schema({"const": 1}).automaton.accepts(b"true")
    assert not compile_schema({"const": True}).automaton.accepts(b"1")


def test_draft_4_exclusive_bounds_are_booleans() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "integer",
        "minimum": 3,
        "exclusiveMinimum": True,
        "maximum": 6,
        "exclusiveMaximum": False,
    }
    automaton = compile_schema(schema).automaton
    accepted = [n for n in range(10) if automaton.accepts(str(n).encode())]
    assert accepted == [4, 5, 6]
