"""Spellings of numbers: plain_number against exact fractions, Python's JSON and jsonschema."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from constrained_diffusion.constraints.json_schema.drafts import Draft
from constrained_diffusion.constraints.json_schema.text import canonical_text, plain_number

VALIDATORS = {
    Draft.DRAFT4: jsonschema.Draft4Validator,
    Draft.DRAFT6: jsonschema.Draft6Validator,
    Draft.DRAFT7: jsonschema.Draft7Validator,
    Draft.DRAFT2019_09: jsonschema.Draft201909Validator,
    Draft.DRAFT2020_12: jsonschema.Draft202012Validator,
}
drafts = st.sampled_from(Draft)
numbers = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.integers(-(2**70), 2**70).map(lambda number: f"{number}.0"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"[1-9][0-9]{14,24}(\.[0-9]{0,2}0)?(e-?[0-9])?", fullmatch=True),
)
keywords = st.sampled_from(["minimum", "maximum", "multipleOf", "const"])
limits = st.one_of(
    st.integers(1, 120),
    st.integers(1, 2**70),
    st.sampled_from([0.1, 0.25, 0.01, 1e-7, 1e22, 1e23, 1.5, 2.0**60]),
)


def is_plain(spelled: str) -> bool:
    return re.fullmatch(r"0|-?(0\.[0-9]*[1-9]|[1-9][0-9]*(\.[0-9]*[1-9])?)", spelled) is not None


@settings(max_examples=200, deadline=None)
@example("-0", Draft.DRAFT4)
@example("-0.00e99", Draft.DRAFT7)
@example("9007199254740993.0", Draft.DRAFT7)
@example("1e23", Draft.DRAFT7)
@example("10000000000000000.10", Draft.DRAFT7)
@example("1e22", Draft.DRAFT7)
@example("5e-324", Draft.DRAFT7)
@given(numbers, drafts)
def test_the_same_number_is_spelled_plainly(text: str, draft: Draft) -> None:
    spelled = plain_number(text, draft)
    assert Fraction(spelled) == Fraction(text)
    value, read = json.loads(text), json.loads(spelled)
    assert read == value
    stays_integer = isinstance(value, int)
    is_whole_double = Fraction(value) == Fraction(text) == int(Fraction(text))
    becomes_integer = draft > Draft.DRAFT4 and is_whole_double
    assert isinstance(read, int) == (stays_integer or becomes_integer)
    assert is_plain(spelled) or (spelled.endswith(".0") and is_plain(spelled[:-2]))
    assert plain_number(spelled, draft) == spelled


@settings(max_examples=200, deadline=None)
@given(numbers, drafts, st.sampled_from(["integer", "number"]), keywords, limits)
def test_a_validator_judges_both_spellings_alike(
    text: str, draft: Draft, kind: str, keyword: str, limit: Any
) -> None:
    validator = VALIDATORS[draft]({"type": kind, keyword: limit})
    spelled = plain_number(text, draft)
    assert validator.is_valid(json.loads(spelled)) == validator.is_valid(json.loads(text))


@pytest.mark.parametrize("text", ["1e401", "-1E-401", "1e99999999999999999999", "0.5e-0009999"])
def test_exponents_out_of_reach_are_kept(text: str) -> None:
    assert plain_number(text, Draft.DRAFT7) == text


@pytest.mark.parametrize("draft", Draft)
@pytest.mark.parametrize("text", ["0e99999999999999999999", "-0.0", "0.000E-5"])
def test_zero_has_one_spelling(text: str, draft: Draft) -> None:
    assert plain_number(text, draft) == ("0.0" if draft is Draft.DRAFT4 else "0")


ONES = "1" * 100_000


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        (ONES, ONES),
        (f"{ONES}.0", f"{ONES}.0"),
        (f"0.{ONES}0", f"0.{ONES}"),
        (f"{ONES}e3", f"{ONES}000.0"),
    ],
    ids=["integer", "whole", "fraction", "exponent"],
)
def test_long_numbers(text: str, spelled: str) -> None:
    assert plain_number(text, Draft.DRAFT2020_12) == spelled


def test_numbers_are_kept_without_a_draft() -> None:
    text = '{"a":[1.50,1E5,-0]}'
    assert canonical_text(text) == text
    assert canonical_text(text, draft=Draft.DRAFT7) == '{"a":[1.5,100000,0]}'
    assert canonical_text(text, draft=Draft.DRAFT4) == '{"a":[1.5,100000.0,0]}'
