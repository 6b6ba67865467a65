"""Automata of JSON numbers: ranges by comparing decimal digits, exactly.

A validator holds a number with a fraction as a double, which rounds. Inclusive bounds survive
that, since rounding keeps order. A number closer to an exclusive bound than doubles can tell would
not, so numbers with a fraction keep a distance of 15 significant digits from exclusive bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from ...automata import ByteAutomaton, NfaBuilder, algebra, bytes_of
from .automaton_cache import remembered
from .facts import Bound, NumberFacts, NumberValue
from .multiples import multiples_language, others_language, short_numbers, with_fraction
from .number_tests import satisfies

_DIGIT = bytes_of((0x30, 0x39))
_NONZERO = bytes_of((0x31, 0x39))
_POINT = bytes_of(b".")
_SIGNIFICANT_DIGITS = 15
_EXACT_INTEGERS = 2**53

INTEGER_SPELLING = "integers are written without fraction and exponent"
BOUNDED_SPELLING = "numbers with bounds are written without exponent"
DENIED_SPELLING = (
    "numbers that not, oneOf or if tell apart are written without exponent, of at most 15 digits "
    "where they must differ"
)
LISTED_SPELLING = "numbers of enum and const are written plainly, as in 12.5"
EXPONENTS = "exponents of numbers have at most two digits"
EXCLUSIVE = (
    "numbers with a fraction differ from an exclusive bound in the first 15 significant digits"
)

Language = tuple[ByteAutomaton, tuple[str, ...]]
"""An automaton and, in words, by what it is narrower than the facts."""


@remembered
def number_language(facts: NumberFacts) -> Language:
    """The spellings of the numbers that satisfy `facts`; empty if there are none.

    Raises LimitError for multiples of whole numbers that take too many states.
    """
    if facts.values is not None:
        tests = replace(facts, values=None)
        spelled = {
            spelling.encode()
            for number in facts.values
            for spelling in spellings(number)
            if satisfies(spelling, tests)
        }
        return algebra.choice(sorted(spelled)), (LISTED_SPELLING,)
    if not facts.multiples and not facts.denied:
        return _within_bounds(facts)
    automaton, found = _within_bounds(replace(facts, multiples=(), denied=()))
    notes = dict.fromkeys(found)
    if facts.multiples:
        multiples, note = multiples_language(facts.multiples)
        automaton = algebra.intersect(automaton, multiples)
        notes[note] = None
    for each in facts.denied:
        outside, remarks = _outside(each)
        automaton = algebra.intersect(automaton, outside)
        notes.update(dict.fromkeys(remarks))
    return automaton, tuple(notes)


@remembered
def _outside(facts: NumberFacts) -> Language:
    """Numbers that violate one of the tests of a conjunction, written without exponent."""
    parts: list[ByteAutomaton] = []
    notes: dict[str, None] = {DENIED_SPELLING: None}
    if facts.integer:
        parts.append(with_fraction())
    for of in facts.multiples:
        others, note = others_language(of)
        parts.append(others)
        notes[note] = None
    beyond = []
    if facts.lower is not None:
        beyond.append(NumberFacts(upper=Bound(facts.lower.value, not facts.lower.exclusive)))
    if facts.upper is not None:
        beyond.append(NumberFacts(lower=Bound(facts.upper.value, not facts.upper.exclusive)))
    for each in beyond:
        automaton, remarks = _within_bounds(each)
        parts.append(automaton)
        notes.update(dict.fromkeys(remarks))
    if facts.values is not None:
        parts.append(_other_numbers(tuple(sorted({listed.value for listed in facts.values}))))
    return algebra.union(*parts), tuple(notes)


@remembered
def _other_numbers(values: tuple[Fraction, ...]) -> ByteAutomaton:
    """Plain numbers that are none of the values, also as doubles: of at most 15 digits."""
    plain = algebra.union(with_fraction(), short_numbers())
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    zeros = builder.add_state()
    builder.add_edge(zeros, _digit(0), zeros)
    builder.add_epsilon(zeros, end)
    for value in values:
        whole, digits = _digits(abs(value))
        signs = [b""] if value > 0 else [b"-"] if value < 0 else [b"", b"-"]
        for sign in signs:
            state = builder.add_state()
            builder.add_literal(start, sign + whole.encode(), state)
            if not digits:
                builder.add_epsilon(state, end)
            after = builder.add_state()
            builder.add_literal(state, b"." + digits.encode(), after)
            builder.add_epsilon(after, zeros)
    listed = builder.determinise(start, [end])
    return algebra.difference(plain, listed)


def _within_bounds(facts: NumberFacts) -> Language:
    """The numbers of a kind, between bounds."""
    if facts.lower is None and facts.upper is None:
        if facts.integer:
            return _range(None, None, fraction=False), (INTEGER_SPELLING,)
        return _any_number(), (EXPONENTS,)
    low, high = _least_integer(facts.lower), _greatest_integer(facts.upper)
    integers = _range(low, high, fraction=False)
    if facts.integer:
        return integers, (INTEGER_SPELLING,)
    decimals = _range(_inward(facts.lower, 1), _inward(facts.upper, -1), fraction=True)
    bounds = [bound for bound in (facts.lower, facts.upper) if bound is not None]
    exclusive = (EXCLUSIVE,) if any(bound.exclusive for bound in bounds) else ()
    return algebra.union(integers, decimals), (BOUNDED_SPELLING, *exclusive)


def spellings(number: NumberValue) -> list[str]:
    """How a number of an enumeration may be written: plainly, and 1.0 also as 1."""
    if number.value.denominator == 1:
        plain = str(number.value.numerator)
        return [plain, f"{plain}.0"] if number.pointed else [plain]
    sign = "-" if number.value < 0 else ""
    whole, digits = _digits(abs(number.value))
    return [f"{sign}{whole}.{digits}"]


def describe(facts: NumberFacts) -> str:
    """The tests in words, for the message that no number satisfies them."""
    words = ["type integer"] if facts.integer else []
    for bound, exclusive, inclusive in (
        (facts.lower, "exclusiveMinimum", "minimum"),
        (facts.upper, "exclusiveMaximum", "maximum"),
    ):
        if bound is not None:
            words.append(f"{exclusive if bound.exclusive else inclusive} {bound.value}")
    words += [f"multipleOf {multiple}" for multiple in facts.multiples]
    if facts.values == ():
        words.append("enum or const, which have no number in common")
    elif facts.values is not None:
        values = ", ".join(spellings(value)[0] for value in facts.values[:5])
        words.append(f"enum or const {values}{', …' if len(facts.values) > 5 else ''}")
    words += [f"not ({describe(each)})" for each in facts.denied[:3]]
    return " and ".join(words) or "no test"


def _least_integer(bound: Bound | None) -> Fraction | None:
    if bound is None:
        return None
    value = math.ceil(bound.value)
    return Fraction(value + 1 if bound.exclusive and value == bound.value else value)


def _greatest_integer(bound: Bound | None) -> Fraction | None:
    if bound is None:
        return None
    value = math.floor(bound.value)
    return Fraction(value - 1 if bound.exclusive and value == bound.value else value)


def _inward(bound: Bound | None, direction: int) -> Fraction | None:
    """The inclusive bound for numbers with a fraction that holds for their doubles as well."""
    if bound is None:
        return None
    value = bound.value
    if abs(value) >= _EXACT_INTEGERS:
        try:
            double = float(value)
        except OverflowError:
            double = math.copysign(math.inf, value)
        if math.isinf(double) or (Fraction(double) - value) * direction < 0:
            double = math.nextafter(double, math.inf * direction)
        if math.isinf(double):
            return value
        value = Fraction(double)
    if bound.exclusive:
        value += direction * Fraction(10) ** (_magnitude(value) - _SIGNIFICANT_DIGITS)
    return value


def _magnitude(value: Fraction) -> int:
    """The place of the first digit that is not 0: 1 for the ones, 0 for the tenths; 0 for 0."""
    whole, digits = _digits(abs(value))
    return len(whole) if whole != "0" else len(digits.lstrip("0")) - len(digits)


def _digits(magnitude: Fraction) -> tuple[str, str]:
    """The digits before and after the decimal point of a number that is not negative."""
    whole = magnitude.numerator // magnitude.denominator
    rest = magnitude - whole
    digits = []
    while rest:
        rest *= 10
        digits.append(str(rest.numerator // rest.denominator))
        rest -= rest.numerator // rest.denominator
    return str(whole), "".join(digits)


@lru_cache(maxsize=1)
def _any_number() -> ByteAutomaton:
    builder = NfaBuilder()
    start, signed, end = builder.add_state(), builder.add_state(), builder.add_state()
    builder.add_epsilon(start, signed)
    builder.add_edge(start, bytes_of(b"-"), signed)
    whole = _add_any_whole(builder, signed)
    _add_any_fraction(builder, whole, end)
    exponent, sign, first, second = (builder.add_state() for _ in range(4))
    builder.add_edge(end, bytes_of(b"eE"), exponent)
    builder.add_epsilon(exponent, sign)
    builder.add_edge(exponent, bytes_of(b"+-"), sign)
    builder.add_edge(sign, _DIGIT, first)
    builder.add_edge(first, _DIGIT, second)
    return builder.determinise(start, [end, first, second])


@remembered
def _range(low: Fraction | None, high: Fraction | None, *, fraction: bool) -> ByteAutomaton:
    """Numbers from `low` to `high`, with the fraction part allowed or not."""
    parts = []
    if high is None or high >= 0:
        parts.append(_magnitudes(low if low is not None and low > 0 else None, high, fraction))
    if low is None or low <= 0:
        nearest = -high if high is not None and high < 0 else None
        farthest = -low if low is not None else None
        negative = _magnitudes(nearest, farthest, fraction)
        parts.append(algebra.concatenate(algebra.literal(b"-"), negative))
    return algebra.union(*parts)


def _magnitudes(low: Fraction | None, high: Fraction | None, fraction: bool) -> ByteAutomaton:
    """Numbers without sign from `low` to `high`, both inclusive and not negative."""
    if low is None and high is None:
        builder = NfaBuilder()
        start, end = builder.add_states(2), 1
        _add_tail(builder, _add_any_whole(builder, start), end, fraction)
        return builder.determinise(start, [end])
    sides = []
    if low is not None:
        sides.append(_compared(low, fraction, at_least=True))
    if high is not None:
        sides.append(_compared(high, fraction, at_least=False))
    return algebra.intersect(*sides)


def _compared(limit: Fraction, fraction: bool, *, at_least: bool) -> ByteAutomaton:
    """Numbers without sign that are at least, or at most, `limit`.

    A longer integer part is a larger number; of equal length, the first different digit decides,
    then the digits of the fraction.
    """
    whole, digits = _digits(limit)
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    # enough[k]: already decided, k more digits belong to the integer part.
    enough = [builder.add_state() for _ in range(len(whole) + 1)]
    for k in range(1, len(enough)):
        builder.add_edge(enough[k], _DIGIT, enough[k - 1])
    _add_tail(builder, enough[0], end, fraction)
    if at_least:
        longer = builder.add_state()
        builder.add_edge(start, _NONZERO, enough[len(whole)])
        builder.add_epsilon(enough[0], longer)
        builder.add_edge(longer, _DIGIT, longer)
        _add_tail(builder, longer, end, fraction)
    elif len(whole) > 1:
        builder.add_edge(start, _DIGIT, enough[0])
        for k in range(1, len(whole) - 1):
            builder.add_edge(start, _NONZERO, enough[k])
    state = start
    for position, digit in enumerate(whole):
        first = 1 if position == 0 and len(whole) > 1 else 0
        decided = _digits_beyond(int(digit), first, at_least)
        if decided:
            builder.add_edge(state, decided, enough[len(whole) - position - 1])
        after = builder.add_state()
        builder.add_edge(state, _digit(int(digit)), after)
        state = after
    if not at_least or not digits:
        builder.add_epsilon(state, end)
    if fraction:
        _add_compared_fraction(builder, state, end, digits, at_least=at_least)
    return builder.determinise(start, [end])


def _add_compared_fraction(
    builder: NfaBuilder, state: int, end: int, digits: str, *, at_least: bool
) -> None:
    """After the same integer part: a fraction that is at least, or at most, `digits`."""
    free = builder.add_state()
    builder.add_edge(free, _DIGIT, free)
    builder.add_epsilon(free, end)
    state = _after(builder, state, _POINT)
    for digit in digits:
        decided = _digits_beyond(int(digit), 0, at_least)
        if decided:
            builder.add_edge(state, decided, free)
        state = _after(builder, state, _digit(int(digit)))
        if not at_least:
            builder.add_epsilon(state, end)
    if at_least:
        if digits:
            builder.add_epsilon(state, free)
        else:
            builder.add_edge(state, _DIGIT, free)
    else:
        zeros = _after(builder, state, _digit(0))
        builder.add_edge(zeros, _digit(0), zeros)
        builder.add_epsilon(zeros, end)


def _after(builder: NfaBuilder, state: int, byte_set: int) -> int:
    target = builder.add_state()
    builder.add_edge(state, byte_set, target)
    return target


def _digit(value: int) -> int:
    return 1 << (0x30 + value)


def _digits_beyond(digit: int, first: int, greater: bool) -> int:
    """The digits from `first` on that are greater, or less, than `digit`."""
    allowed: Iterable[int] = range(digit + 1, 10) if greater else range(first, digit)
    return sum(_digit(value) for value in allowed)


def _add_any_whole(builder: NfaBuilder, start: int) -> int:
    """Any integer part from `start`; returns the state after it."""
    end, digits = builder.add_state(), builder.add_state()
    builder.add_edge(start, _digit(0), end)
    builder.add_edge(start, _NONZERO, digits)
    builder.add_edge(digits, _DIGIT, digits)
    builder.add_epsilon(digits, end)
    return end


def _add_tail(builder: NfaBuilder, state: int, end: int, fraction: bool) -> None:
    builder.add_epsilon(state, end)
    if fraction:
        _add_any_fraction(builder, state, end)


def _add_any_fraction(builder: NfaBuilder, state: int, end: int) -> None:
    builder.add_epsilon(state, end)
    digits = _after(builder, _after(builder, state, _POINT), _DIGIT)
    builder.add_edge(digits, _DIGIT, digits)
    builder.add_epsilon(digits, end)
