"""Judging one number: whether it satisfies tests, however a reader holds it.

Validators hold a number with a fraction or an exponent as a double, the specification means the
decimal number itself. A number passes only if it does either way.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from .facts import Bound, NumberFacts

MAX_LENGTH = 400
_EXACT_INTEGERS = 2**53
_INTEGER = re.compile(r"-?[0-9]+")


def satisfies(spelling: str, facts: NumberFacts) -> bool:
    """Whether the number with this JSON spelling surely satisfies `facts`.

    An integer is written without fraction and exponent: draft 4 takes 1.0 for none. Numbers that
    are spelled with more than 400 characters, or have exponents that large, pass only where
    nothing is asked of them but to be an integer.
    """
    is_plain = _INTEGER.fullmatch(spelling) is not None
    if facts.integer and not is_plain:
        return False
    if facts in (NumberFacts(), NumberFacts(integer=True)):
        return True
    value = _exact(spelling)
    if value is None:
        return False
    views = [(value, value)] if is_plain else [(value, value), (Fraction(float(value)), value)]
    return all(
        _holds(view, exact, facts, is_plain=is_plain)
        and not any(_may_hold(view, exact, each, is_plain=is_plain) for each in facts.denied)
        for view, exact in views
    )


def is_multiple(value: Fraction, of: Fraction, *, is_plain: bool) -> bool:
    """Whether `jsonschema` finds `value` to be a multiple, as it computes with doubles.

    is_plain: whether `value` is held as an integer.
    """
    try:
        if of.denominator == 1:
            return (value if is_plain else Fraction(float(value))) % of == 0
        quotient = float(value) / float(of)
        return not math.isfinite(quotient) or quotient == int(quotient)
    except OverflowError:
        return False


def _exact(spelling: str) -> Fraction | None:
    digits, _, exponent = spelling.lower().partition("e")
    if len(spelling) > MAX_LENGTH or (exponent and abs(int(exponent)) > MAX_LENGTH):
        return None
    value = Fraction(spelling)
    try:
        float(value)
    except OverflowError:
        return value if not exponent and "." not in digits else None
    return value


def _holds(view: Fraction, exact: Fraction, facts: NumberFacts, *, is_plain: bool) -> bool:
    """Whether a number satisfies all positive tests.

    view: as a reader holds it; `exact` is the decimal number that was written.
    """
    if facts.values is not None and all(view != listed.value for listed in facts.values):
        return view != exact and _holds(exact, exact, facts, is_plain=is_plain)
    if not _is_within(view, facts.lower, facts.upper):
        return False
    return all(
        exact % of == 0 and is_multiple(exact, of, is_plain=is_plain) for of in facts.multiples
    )


def _may_hold(view: Fraction, exact: Fraction, facts: NumberFacts, *, is_plain: bool) -> bool:
    """Whether a number satisfies a denied conjunction in any way of reading it."""
    if facts.integer and view.denominator != 1:
        return False
    if facts.values is not None and all(
        listed.value not in (view, exact) for listed in facts.values
    ):
        return False
    if not _is_within(view, facts.lower, facts.upper):
        return False
    return all(
        exact % of == 0
        or abs(exact) >= _EXACT_INTEGERS
        or is_multiple(exact, of, is_plain=is_plain)
        for of in facts.multiples
    )


def _is_within(value: Fraction, lower: Bound | None, upper: Bound | None) -> bool:
    for bound, sign in ((lower, 1), (upper, -1)):
        if bound is None:
            continue
        distance = (value - bound.value) * sign
        if distance < 0 or (distance == 0 and bound.exclusive):
            return False
    return True
