"""`Survivors`: the canvases that a search kept, as a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ..tables import BoolArray, Int32Array, Int64Array
from .lattice import PROBABILITY_ZERO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64Array = NDArray[np.float64]


class SparseMarginals(NamedTuple):
    """The probability of each token that some survivor has, by position; of a position they sum
    to 1. Arrays over n entries."""

    positions: Int64Array
    tokens: Int64Array
    probabilities: Float64Array


class Edges(NamedTuple):
    """Steps between slots: edge e of position i, for e in offsets[i]:offsets[i+1], reads a token
    in slot `source` before the position and leads to slot `target` after it. A slot stands for one
    configuration at one place."""

    offsets: Int64Array  # [L+1]
    source: Int32Array  # [E]
    target: Int32Array  # [E]
    token: Int32Array  # [E]
    score: Float64Array  # [E]


@dataclass(frozen=True, eq=False)
class Survivors:
    """All paths over some edges from slot 0 to the slots where a canvas may end.

    Attributes:
        mode: int64 [L], the best canvas.
        score: its score, log probability but for `Lattice.log_normaliser`.
        exact: whether no canvas over the candidates was left out.
        gap: nats between what the relaxed machine promised at first and the score.
    """

    mode: Int64Array
    score: float
    exact: bool
    _edges: Edges
    _ends: BoolArray
    _log_normaliser: Callable[[], float]
    gap: float = 0.0

    @cached_property
    def _backward(self) -> tuple[Float64Array, Float64Array]:
        """Of each edge, the log of the sum over all ways from its source through it to an end;
        and the same for slot 0, in an array of one."""
        suffix = np.empty(len(self._edges.token))
        total = np.empty(1)
        _backward_sums(*self._edges, self._ends, suffix, total)
        return suffix, total

    @cached_property
    def log_evidence(self) -> float:
        """log of the sum of the survivors' probabilities; at most 0."""
        total = float(self._backward[1][0])
        if total < PROBABILITY_ZERO / 2:
            return -np.inf
        return min(total - self._log_normaliser(), 0.0)

    @cached_property
    def marginals(self) -> SparseMarginals:
        """The marginals of each position."""
        suffix, _ = self._backward
        probability = np.empty(len(suffix))
        _edge_probabilities(*self._edges, suffix, probability)
        positions = np.repeat(np.arange(len(self.mode)), np.diff(self._edges.offsets))
        keys = positions.astype(np.int64) << 32 | self._edges.token
        present = probability > 0
        distinct, inverse = np.unique(keys[present], return_inverse=True)
        sums = np.bincount(inverse, probability[present], minlength=len(distinct))
        at = distinct >> 32
        shares: Float64Array = sums / np.bincount(at, sums)[at]
        return SparseMarginals(at, distinct & 0xFFFFFFFF, shares)

    def sample(self, uniforms: Float64Array) -> Int64Array:
        """A canvas drawn from the survivors in proportion to their probability, int64 [L].

        uniforms: [L], independent draws from [0, 1).
        """
        canvas = np.empty(len(self.mode), np.int64)
        _sample(*self._edges, self._backward[0], np.asarray(uniforms, np.float64), canvas)
        return canvas


@njit(cache=True)
def _added(first: float, second: float) -> float:
    """log(exp(first) + exp(second))"""
    low, high = min(first, second), max(first, second)
    if low == -np.inf:
        return high
    return high + np.log1p(np.exp(low - high))  # type: ignore[no-any-return]


@njit(cache=True)
def _slots(source: Int32Array, target: Int32Array) -> int:
    """How many slots some edges need at most at a position; at least slot 0."""
    width = 1
    for edge in range(len(source)):
        width = max(width, source[edge] + 1, target[edge] + 1)
    return width


@njit(cache=True)
def _backward_sums(
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    token: Int32Array,
    score: Float64Array,
    ends: BoolArray,
    suffix: Float64Array,
    total: Float64Array,
) -> None:
    width = max(len(ends), _slots(source, target))
    after = np.full(width, -np.inf)
    before = np.full(width, -np.inf)
    after[: len(ends)][ends] = 0.0
    for position in range(len(offsets) - 2, -1, -1):
        before[:] = -np.inf
        for edge in range(offsets[position], offsets[position + 1]):
            suffix[edge] = score[edge] + after[target[edge]]
            before[source[edge]] = _added(before[source[edge]], suffix[edge])
        after, before = before, after
    total[0] = after[0]


@njit(cache=True)
def _edge_probabilities(
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    token: Int32Array,
    score: Float64Array,
    suffix: Float64Array,
    probability: Float64Array,
) -> None:
    """How probable it is that a survivor takes each edge."""
    width = _slots(source, target)
    reached = np.zeros(width)
    following = np.zeros(width)
    sums = np.empty(width)
    reached[0] = 1.0
    for position in range(len(offsets) - 1):
        sums[:] = -np.inf
        following[:] = 0.0
        for edge in range(offsets[position], offsets[position + 1]):
            sums[source[edge]] = _added(sums[source[edge]], suffix[edge])
        for edge in range(offsets[position], offsets[position + 1]):
            probability[edge] = 0.0
            if suffix[edge] > -np.inf and reached[source[edge]] > 0.0:
                share = np.exp(suffix[edge] - sums[source[edge]])
                probability[edge] = reached[source[edge]] * share
                following[target[edge]] += probability[edge]
        reached, following = following, reached


@njit(cache=True)
def _sample(
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    token: Int32Array,
    score: Float64Array,
    suffix: Float64Array,
    uniforms: Float64Array,
    canvas: Int64Array,
) -> None:
    slot = 0
    for position in range(len(canvas)):
        total = -np.inf
        for edge in range(offsets[position], offsets[position + 1]):
            if source[edge] == slot:
                total = _added(total, suffix[edge])
        left = uniforms[position]
        chosen = -1
        for edge in range(offsets[position], offsets[position + 1]):
            if source[edge] != slot or suffix[edge] == -np.inf:
                continue
            chosen = edge
            share = np.exp(suffix[edge] - total)
            if left < share:
                break
            left -= share
        canvas[position] = token[chosen]
        slot = target[chosen]


def best_path(edges: Edges, ends: BoolArray) -> tuple[Int64Array, float]:
    """The canvas of the best path to one of the slots that `ends` marks, and its score."""
    canvas = np.empty(len(edges.offsets) - 1, np.int64)
    score = _best_path(*edges, ends, canvas)
    return canvas, float(score)


@njit(cache=True)
def _best_path(
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    token: Int32Array,
    score: Float64Array,
    ends: BoolArray,
    canvas: Int64Array,
) -> float:
    width = max(len(ends), _slots(source, target))
    after = np.full(width, -np.inf)
    before = np.full(width, -np.inf)
    after[: len(ends)][ends] = 0.0
    choice = np.full((len(canvas), width), -1, np.int32)
    for position in range(len(canvas) - 1, -1, -1):
        before[:] = -np.inf
        for edge in range(offsets[position], offsets[position + 1]):
            value = score[edge] + after[target[edge]]
            if value > before[source[edge]]:
                before[source[edge]] = value
                choice[position, source[edge]] = edge
        after, before = before, after
    slot = 0
    for position in range(len(canvas)):
        edge = choice[position, slot]
        canvas[position] = token[edge]
        slot = target[edge]
    return after[0]  # type: ignore[no-any-return]


def live_edges(edges: Edges, ends: BoolArray) -> Edges:
    """Only the edges from which a slot that `ends` marks is reached."""
    is_live = np.empty(len(edges.token), np.bool_)
    _mark_live(edges.offsets, edges.source, edges.target, ends, is_live)
    counts = np.concatenate([[0], np.cumsum(is_live)])
    return Edges(
        counts[edges.offsets],
        edges.source[is_live],
        edges.target[is_live],
        edges.token[is_live],
        edges.score[is_live],
    )


@njit(cache=True)
def _mark_live(
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    ends: BoolArray,
    is_live: BoolArray,
) -> None:
    width = max(len(ends), _slots(source, target))
    after = np.zeros(width, np.bool_)
    before = np.zeros(width, np.bool_)
    after[: len(ends)] = ends
    for position in range(len(offsets) - 2, -1, -1):
        before[:] = False
        for edge in range(offsets[position], offsets[position + 1]):
            is_live[edge] = after[target[edge]]
            before[source[edge]] |= is_live[edge]
        after, before = before, after
