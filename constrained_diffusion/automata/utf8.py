"""Sets of code points as byte automata over UTF-8, surrogates excluded.

The set is split by the trie of UTF-8 (one byte, or a lead byte and one to three continuation
bytes); subtries that accept the same sequences are shared, so fragments are minimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from .automaton import Int32Array
from .nfa import ByteSet, NfaBuilder

CodePoints: TypeAlias = tuple[tuple[int, int], ...]
"""Inclusive ranges of code points: sorted, disjoint, not adjacent."""

MAX_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)
ALL_CODE_POINTS: CodePoints = ((0, MAX_CODE_POINT),)

# Code points with n continuation bytes: first, last, and the lead byte of the block of 0.
_LENGTHS = ((0x80, 0x7FF, 0xC0), (0x800, 0xFFFF, 0xE0), (0x10000, MAX_CODE_POINT, 0xF0))


def normalise(ranges: Sequence[tuple[int, int]]) -> CodePoints:
    """The union of inclusive ranges, in the form of `CodePoints`."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def invert(points: CodePoints) -> CodePoints:
    """All code points but `points`."""
    gaps: list[tuple[int, int]] = []
    begin = 0
    for low, high in points:
        if low > begin:
            gaps.append((begin, low - 1))
        begin = high + 1
    if begin <= MAX_CODE_POINT:
        gaps.append((begin, MAX_CODE_POINT))
    return tuple(gaps)


def clip(points: Sequence[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """The part of `points` within the inclusive range `low` to `high`."""
    return [(max(a, low), min(b, high)) for a, b in points if a <= high and b >= low]


class Fragment:
    """The UTF-8 of a set of code points as edges between states 0 (before) and 1 (after).

    Attributes:
        num_states: including states 0 and 1.
        byte_sets: the labels; edge i reads `byte_sets[set_numbers[i]]`.
        sources, set_numbers, targets: int32 [E].
    """

    num_states: int
    byte_sets: tuple[ByteSet, ...]
    sources: Int32Array
    set_numbers: Int32Array
    targets: Int32Array

    def __init__(self, points: CodePoints) -> None:
        self.num_states = 2
        self._edges: list[tuple[int, ByteSet, int]] = []
        self._nodes: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}

        for low, high in clip(points, 0, 0x7F):
            self._add(0, low, high, 1)
        surrogate_low, surrogate_high = SURROGATES
        valid = [*clip(points, 0, surrogate_low - 1), *clip(points, surrogate_high + 1, 1 << 21)]
        for continuations, (first, last, lead) in enumerate(_LENGTHS, start=1):
            self._branch(0, clip(valid, first, last), continuations, lead)

        labels: dict[tuple[int, int], ByteSet] = {}
        for source, byte_set, target in self._edges:
            labels[source, target] = labels.get((source, target), 0) | byte_set
        self.byte_sets = tuple(dict.fromkeys(labels.values()))
        number_of = {byte_set: number for number, byte_set in enumerate(self.byte_sets)}
        ends = np.array(list(labels), np.int32).reshape(-1, 2)
        self.sources, self.targets = ends[:, 0].copy(), ends[:, 1].copy()
        self.set_numbers = np.array([number_of[label] for label in labels.values()], np.int32)

    def _add(self, source: int, low: int, high: int, target: int) -> None:
        self._edges.append((source, (1 << (high + 1)) - (1 << low), target))

    def _branch(
        self, source: int, ranges: Sequence[tuple[int, int]], continuations: int, base: int
    ) -> None:
        """Edges out of `source` for `ranges`, relative to the block whose first byte is `base`."""
        if continuations == 0:
            for low, high in ranges:
                self._add(source, base + low, base + high, 1)
            return
        size = 64**continuations
        partial: dict[int, list[tuple[int, int]]] = {}
        for low, high in ranges:
            first, last = low // size, high // size
            if low % size or high - low + 1 < size:
                end = min(high, (first + 1) * size - 1)
                partial.setdefault(first, []).append((low % size, end % size))
                first += 1
            if last >= first and (high + 1) % size:
                partial.setdefault(last, []).append((0, high % size))
                last -= 1
            if last >= first:
                node = self._node(((0, size - 1),), continuations)
                self._add(source, base + first, base + last, node)
        for block, inside in partial.items():
            self._add(source, base + block, base + block, self._node(tuple(inside), continuations))

    def _node(self, ranges: tuple[tuple[int, int], ...], continuations: int) -> int:
        """The state from which `continuations` bytes spell an offset in `ranges`."""
        node = self._nodes.get((continuations, ranges))
        if node is None:
            node = self.num_states
            self.num_states += 1
            self._nodes[continuations, ranges] = node
            self._branch(node, ranges, continuations - 1, 0x80)
        return node


@lru_cache(maxsize=4096)
def fragment_of(points: CodePoints) -> Fragment:
    """The fragment of a set of code points, kept for reuse."""
    return Fragment(points)


def add_code_points(builder: NfaBuilder, source: int, points: CodePoints, target: int) -> None:
    """Adds states and edges so that the UTF-8 of any one code point leads to `target`."""
    if all(high < 0x80 for _, high in points):
        byte_set = 0
        for low, high in points:
            byte_set |= (1 << (high + 1)) - (1 << low)
        if byte_set:
            builder.add_edge(source, byte_set, target)
        return
    fragment = fragment_of(points)
    state_of = np.arange(fragment.num_states, dtype=np.int32)
    state_of += builder.add_states(fragment.num_states - 2) - 2
    state_of[:2] = source, target
    builder.add_edges(
        state_of[fragment.sources],
        fragment.byte_sets,
        fragment.set_numbers,
        state_of[fragment.targets],
    )
