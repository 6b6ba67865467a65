"""Sets of code points as UTF-8: against the encoder, code point by code point."""

from __future__ import annotations

from itertools import pairwise

from byte_languages import assert_canonical
from hypothesis import example, given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import ByteAutomaton, NfaBuilder
from constrained_diffusion.automata.utf8 import (
    ALL_CODE_POINTS,
    MAX_CODE_POINT,
    CodePoints,
    add_code_points,
    invert,
    normalise,
)

EDGES = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF]
EDGES += [0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, MAX_CODE_POINT]
code_points = st.sampled_from(EDGES) | st.integers(0, MAX_CODE_POINT)
spans = st.tuples(code_points, code_points).map(lambda pair: tuple(sorted(pair)))
sets = st.lists(spans, max_size=4)


def one_of(points: CodePoints) -> ByteAutomaton:
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    add_code_points(builder, start, points, end)
    return builder.determinise(start, [end])


def encoded(code_point: int) -> bytes:
    return chr(code_point).encode("utf-8", "surrogatepass")


@settings(max_examples=100, deadline=None)
@given(sets, st.lists(code_points, max_size=20))
@example(list(ALL_CODE_POINTS), EDGES)
def test_accepts_exactly_the_code_points(ranges: list[tuple[int, int]], others: list[int]) -> None:
    points = normalise(ranges)
    automaton = one_of(points)
    assert_canonical(automaton)
    near = [edge + step for low, high in ranges for edge in (low, high) for step in (-1, 0, 1)]
    for code_point in [*near, *others, *EDGES]:
        if 0 <= code_point <= MAX_CODE_POINT:
            inside = any(low <= code_point <= high for low, high in ranges)
            surrogate = 0xD800 <= code_point <= 0xDFFF
            assert automaton.accepts(encoded(code_point)) == (inside and not surrogate)


def test_counts_every_code_point() -> None:
    table, accepting = one_of(ALL_CODE_POINTS).dense(), one_of(ALL_CODE_POINTS).accepting
    paths = {0: 1}
    total = 0
    for _ in range(4):
        following: dict[int, int] = {}
        for state, number in paths.items():
            for target in table[state][table[state] >= 0].tolist():
                following[target] = following.get(target, 0) + number
        total += sum(number for state, number in following.items() if accepting[state])
        paths = following
    assert total == 0x110000 - 0x800


@given(sets)
def test_invert_is_the_complement(ranges: list[tuple[int, int]]) -> None:
    points = normalise(ranges)
    assert invert(invert(points)) == points
    assert normalise([*points, *invert(points)]) == ALL_CODE_POINTS
    assert all(low <= high for low, high in points)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(points))
