"""Automata of numbers that are multiples, and of those that are not.

Multiples of whole numbers are found by their remainder, digit by digit. Multiples of decimal
fractions are, too, but validators divide doubles, which rounds: 0.3 / 0.1 is not 3. So numbers with
few digits are all divided once, and those where exact arithmetic and doubles agree are kept. Which
these are depends on little more than the last digits and the size, so their automaton is small.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from ...automata import ByteAutomaton, NfaBuilder, algebra, bytes_of
from ...errors import LimitError
from .automaton_cache import remembered

GRID_DIGITS = 7
GRID_FRACTION = 4
MAX_REMAINDERS = 20_000
COUNTED_DIGITS = 15
MAX_KEYS = 10_000_000

FEW_DIGITS = (
    f"multiples of decimal fractions have at most {GRID_DIGITS} digits, at most {GRID_FRACTION} of "
    "them after the point, and are left out where a division of doubles is not exact"
)
WHOLE_MULTIPLES = "multiples of whole numbers are written without fraction"
NOT_MULTIPLES = f"numbers that must not be multiples have at most {COUNTED_DIGITS} digits"

NARROWED_NUMBERS = frozenset((FEW_DIGITS, NOT_MULTIPLES))
"""Remarks that say that there are more numbers than the automaton holds."""

_DIGIT = bytes_of((0x30, 0x39))


@remembered
def multiples_language(multiples: tuple[Fraction, ...]) -> tuple[ByteAutomaton, str]:
    """Numbers, written plainly, that are multiples of each; and by what they are narrowed.

    Raises LimitError for whole numbers beyond `MAX_REMAINDERS`.
    """
    whole = [of.numerator for of in multiples if of.denominator == 1]
    fractions = [of for of in multiples if of.denominator > 1]
    if not fractions:
        return _whole_numbers(lcm(*whole), wanted=True), WHOLE_MULTIPLES
    numerators, denominators = zip(*(of.as_integer_ratio() for of in multiples), strict=True)
    least = Fraction(lcm(*numerators), gcd(*denominators))
    values = _grid(min(_places(least), GRID_FRACTION))
    good = np.ones(len(values.numerators), np.bool_)
    for of in multiples:
        exact, divided = values.are_multiples(of)
        good &= exact & divided
    return _signed(_decision_diagram(good, values.places)), FEW_DIGITS


@remembered
def others_language(of: Fraction) -> tuple[ByteAutomaton, str]:
    """Numbers, written plainly, that are no multiples of `of` whoever divides."""
    if of.denominator == 1:
        whole = algebra.intersect(_whole_numbers(of.numerator, wanted=False), short_numbers())
        return algebra.union(whole, with_fraction()), NOT_MULTIPLES
    values = _grid(GRID_FRACTION)
    exact, divided = values.are_multiples(of)
    return _signed(_decision_diagram(~exact & ~divided, values.places)), NOT_MULTIPLES


@lru_cache(maxsize=1)
def with_fraction() -> ByteAutomaton:
    """Plain numbers that are not whole, also as doubles: of at most 15 digits."""
    builder = NfaBuilder()
    start, signed, end = (builder.add_state() for _ in range(3))
    builder.add_epsilon(start, signed)
    builder.add_edge(start, bytes_of(b"-"), signed)
    whole = [builder.add_state() for _ in range(COUNTED_DIGITS)]
    zeros = [builder.add_state() for _ in range(COUNTED_DIGITS + 1)]
    others = [builder.add_state() for _ in range(COUNTED_DIGITS + 1)]
    # The number of a state is how many digits were read.
    builder.add_edge(signed, bytes_of((0x31, 0x39)), whole[1])
    point = bytes_of(b".")
    zero = builder.add_state()
    builder.add_edge(signed, bytes_of(b"0"), zero)
    builder.add_edge(zero, point, zeros[1])
    for count in range(1, COUNTED_DIGITS):
        builder.add_edge(whole[count], point, zeros[count])
        if count + 1 < COUNTED_DIGITS:
            builder.add_edge(whole[count], _DIGIT, whole[count + 1])
        builder.add_edge(zeros[count], bytes_of(b"0"), zeros[count + 1])
        builder.add_edge(zeros[count], bytes_of((0x31, 0x39)), others[count + 1])
        builder.add_edge(others[count], _DIGIT, others[count + 1])
    for state in others:
        builder.add_epsilon(state, end)
    return builder.determinise(start, [end])


def _whole_numbers(divisor: int, *, wanted: bool) -> ByteAutomaton:
    """Whole numbers whose remainder is 0, or is not."""
    if divisor > MAX_REMAINDERS:
        raise LimitError(
            f"multipleOf {divisor:,} takes as many states, more than {MAX_REMAINDERS:,}; use a "
            "smaller number"
        )
    builder = NfaBuilder()
    first = builder.add_states(divisor)
    start, signed, end = (builder.add_state() for _ in range(3))
    builder.add_epsilon(start, signed)
    builder.add_edge(start, bytes_of(b"-"), signed)
    zero = builder.add_state()
    builder.add_edge(signed, bytes_of(b"0"), zero)
    if wanted:
        builder.add_epsilon(zero, end)
    for digit in range(10):
        byte = bytes_of(0x30 + digit)
        if digit:
            builder.add_edge(signed, byte, first + digit % divisor)
        for remainder in range(divisor):
            builder.add_edge(first + remainder, byte, first + (10 * remainder + digit) % divisor)
    for remainder in range(divisor):
        if (remainder == 0) == wanted:
            builder.add_epsilon(first + remainder, end)
    return builder.determinise(start, [end])


@lru_cache(maxsize=1)
def short_numbers() -> ByteAutomaton:
    """Whole numbers of at most 15 digits."""
    builder = NfaBuilder()
    start, state = builder.add_states(2), 1
    builder.add_epsilon(start, state)
    builder.add_edge(start, bytes_of(b"-"), state)
    ends = []
    for _ in range(COUNTED_DIGITS):
        after = builder.add_state()
        builder.add_edge(state, _DIGIT, after)
        state = after
        ends.append(state)
    return builder.determinise(start, ends)


class _Grid:
    """All numbers without sign of `GRID_DIGITS` digits, `places` of them after the point."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.numerators: NDArray[np.int64] = np.arange(10**GRID_DIGITS, dtype=np.int64)

    def are_multiples(self, of: Fraction) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which are multiples in exact arithmetic, and which by a division of doubles."""
        scaled = of * 10**self.places
        # K / (a / b) is whole exactly if a divides K, since a and b have no common factor.
        step = scaled.numerator
        exact = self.numerators % step == 0 if step < 2**62 else self.numerators == 0
        doubles = self.numerators / float(10**self.places)
        if of.denominator == 1:
            return exact, np.fmod(doubles, float(of)) == 0
        quotients = doubles / float(of)
        return exact, quotients == np.floor(quotients)


@lru_cache(maxsize=1)
def _grid(places: int) -> _Grid:
    return _Grid(places)


def _places(of: Fraction) -> int:
    """The digits after the point of a decimal fraction."""
    places = 0
    while (of * 10**places).denominator > 1:
        places += 1
    return places


def _decision_diagram(good: NDArray[np.bool_], places: int) -> ByteAutomaton:
    """The plain spellings of the numbers of a grid that are good."""
    # From the last digit to the first: equal rows of what follows are one node.
    levels: list[NDArray[np.int64]] = []
    nodes: NDArray[np.int64] = good.astype(np.int64)
    for _ in range(GRID_DIGITS):
        rows, nodes = _distinct_rows(nodes.reshape(-1, 10))
        levels.append(rows)
    levels.reverse()
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    whole = GRID_DIGITS - places
    first = [builder.add_states(len(rows)) for rows in levels]
    # Whether a node is good if only zeros follow; a number may end there.
    zeros: list[NDArray[np.bool_]] = [np.array([False, True])]
    for rows in reversed(levels):
        zeros.append(zeros[-1][rows[:, 0]])
    zeros.reverse()
    point = [builder.add_state() for _ in range(len(zeros[whole]))]
    last = builder.add_states(2)

    def after(level: int, node: int) -> int:
        return first[level] + node if level < GRID_DIGITS else last + node

    for level, rows in enumerate(levels):
        for number, row in enumerate(rows.tolist()):
            for digit, node in enumerate(row):
                target = point[node] if level + 1 == whole else after(level + 1, node)
                builder.add_edge(first[level] + number, bytes_of(0x30 + digit), target)
            if level > whole and zeros[level][number]:
                builder.add_epsilon(first[level] + number, end)
    builder.add_epsilon(last + 1, end)
    for node, ends in enumerate(zeros[whole].tolist()):
        if ends:
            builder.add_epsilon(point[node], end)
        if places:
            builder.add_edge(point[node], bytes_of(b"."), after(whole, node))
    # Fewer digits before the point: the leading zeros are not written.
    node = 0
    for level in range(whole):
        row = levels[level][node].tolist()
        digits = range(0 if level + 1 == whole else 1, 10)
        for digit in digits:
            target = point[row[digit]] if level + 1 == whole else after(level + 1, row[digit])
            builder.add_edge(start, bytes_of(0x30 + digit), target)
        node = row[0]
    return builder.determinise(start, [end])


def _distinct_rows(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that differ, and for each row which one of them it is (np.unique is far slower)."""
    width = int(rows.max()) + 1
    keys, num_keys = rows[:, 0], width
    for column in range(1, rows.shape[1]):
        keys = keys * width + rows[:, column]
        num_keys *= width
        if num_keys > MAX_KEYS or column + 1 == rows.shape[1]:
            if num_keys <= MAX_KEYS:
                present = np.zeros(num_keys, np.bool_)
                present[keys] = True
                keys = (np.cumsum(present) - 1)[keys]
                num_keys = int(present.sum())
            else:
                distinct, keys = np.unique(keys, return_inverse=True)
                num_keys = len(distinct)
    first = np.empty(num_keys, np.int64)
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    return rows[first], keys


def _signed(numbers: ByteAutomaton) -> ByteAutomaton:
    return algebra.concatenate(algebra.optional(algebra.literal(b"-")), numbers)
