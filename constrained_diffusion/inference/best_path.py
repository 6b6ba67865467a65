"""Compiled steps of the max recursion (Viterbi 1967), one position each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .chain import index_of
from .tables import (
    BestMessage,
    Edges,
    Float64Array,
    Int32Array,
    Int64Array,
    Ranked,
    UInt32Array,
)


class BestScratch(NamedTuple):
    """Room for `forward_max`; `nats` is -inf between calls."""

    order: Int64Array  # [S]
    nats: Float64Array  # [S]

    @classmethod
    def of(cls, num_states: int) -> BestScratch:
        return cls(np.empty(num_states, np.int64), np.full(num_states, -np.inf))


@njit(cache=True, nogil=True)
def forward_max(
    edges: Edges, weights: Ranked, before: BestMessage, scratch: BestScratch
) -> BestMessage:
    """The weight of the best way to each state after a position from those before it.

    Fewer tokens of probability 0 (`order`) are better, then a greater sum of log-probabilities.
    """
    one_order = True
    for k in range(len(before.order)):
        one_order &= before.order[k] == before.order[0]
    for label in range(len(weights.order)):
        one_order &= weights.order[label] <= 0
    if one_order:
        _best_of_one_order(edges, weights, before, scratch.nats)
        scratch.order[:] = before.order[0]
    else:
        _best(edges, weights, before, scratch)

    count = 0
    for state in range(len(scratch.nats)):
        count += scratch.nats[state] > -np.inf
    after = BestMessage(np.empty(count, np.int32), np.empty(count, np.int64), np.empty(count))
    k = 0
    for state in range(len(scratch.nats)):
        if scratch.nats[state] > -np.inf:
            after.states[k] = state
            after.order[k], after.nats[k] = scratch.order[state], scratch.nats[state]
            scratch.nats[state] = -np.inf
            k += 1
    return after


@njit(cache=True, nogil=True)
def _best_of_one_order(
    edges: Edges, weights: Ranked, before: BestMessage, best: Float64Array
) -> None:
    """All ways hold as many tokens of probability 0 (usually none): only `nats` decides."""
    label_nats = np.where(weights.order < 0, -np.inf, weights.nats)
    for k in range(len(before.states)):
        state, nats = before.states[k], before.nats[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            target = edges.target[edge]
            total = nats + label_nats[edges.label[edge]]
            best[target] = total if total > best[target] else best[target]


@njit(cache=True, nogil=True)
def _best(edges: Edges, weights: Ranked, before: BestMessage, scratch: BestScratch) -> None:
    for k in range(len(before.states)):
        state = before.states[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            if weights.order[label] < 0:
                continue
            target = edges.target[edge]
            order = before.order[k] + weights.order[label]
            nats = before.nats[k] + weights.nats[label]
            known = scratch.nats[target]
            if (
                known == -np.inf
                or order < scratch.order[target]
                or (order == scratch.order[target] and nats > known)
            ):
                scratch.order[target], scratch.nats[target] = order, nats


@njit(cache=True, nogil=True)
def best_incoming(
    incoming: Int32Array,
    source: Int32Array,
    label: UInt32Array,
    weights: Ranked,
    before: BestMessage,
) -> int:
    """The edge of `incoming`, the edges into one state, at the end of the best way to it.

    source, label: [E], of all edges.
    """
    best, best_order, best_nats = -1, 0, 0.0
    for edge in incoming:
        k = index_of(source[edge], before.states)
        if k < 0 or weights.order[label[edge]] < 0:
            continue
        order = before.order[k] + weights.order[label[edge]]
        nats = before.nats[k] + weights.nats[label[edge]]
        if best < 0 or order < best_order or (order == best_order and nats > best_nats):
            best, best_order, best_nats = edge, order, nats
    return best
