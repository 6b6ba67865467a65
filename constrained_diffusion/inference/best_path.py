"""Compiled step of the max recursion (Viterbi 1967), one position each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from constrained_diffusion.inference.chain import listed
from constrained_diffusion.inference.tables import (
    BestMessage,
    Edges,
    Float64Array,
    Int32Array,
    Int64Array,
    Ranked,
)


class BestScratch(NamedTuple):
    """Room for `forward_max`; `edge` is -1 and `nats` -inf between calls."""

    edge: Int64Array  # [S]
    order: Int64Array  # [S]
    nats: Float64Array  # [S]
    found: Int32Array  # [S+1]

    @classmethod
    def of(cls, num_states: int) -> BestScratch:
        return cls(
            np.full(num_states, -1, np.int64),
            np.empty(num_states, np.int64),
            np.full(num_states, -np.inf),
            np.empty(num_states + 1, np.int32),
        )


@njit(cache=True, nogil=True)
def forward_max(
    edges: Edges, weights: Ranked, before: BestMessage, scratch: BestScratch
) -> BestMessage:
    """The best way to each state after a position from those before it.

    Fewer tokens of probability 0 (`order`) are better, then a greater sum of log-probabilities.
    """
    lowest, highest = np.iinfo(np.int64).max, np.int64(0)
    for k in range(len(before.order)):
        lowest = min(lowest, before.order[k])
        highest = max(highest, before.order[k])
    one_order = lowest == highest
    for label in range(len(weights.order)):
        one_order &= weights.order[label] <= 0
    if one_order:
        count = _best_of_one_order(edges, weights, before, scratch)
        for k in range(count):
            scratch.order[scratch.found[k]] = lowest
    else:
        count = _best(edges, weights, before, scratch)

    states = listed(scratch.found, count, scratch.edge, -1)
    after = BestMessage(
        states, np.empty(count, np.int64), np.empty(count), np.empty(count, np.int64)
    )
    for k in range(count):
        state = states[k]
        after.order[k], after.nats[k] = scratch.order[state], scratch.nats[state]
        after.edge[k] = scratch.edge[state]
        scratch.edge[state], scratch.nats[state] = -1, -np.inf
    return after


@njit(cache=True, nogil=True)
def _best_of_one_order(
    edges: Edges, weights: Ranked, before: BestMessage, scratch: BestScratch
) -> int:
    """All ways hold as many tokens of probability 0 (usually none): only `nats` decides."""
    best, taken = scratch.nats, scratch.edge
    count = 0
    for k in range(len(before.states)):
        state, nats = before.states[k], before.nats[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            if weights.order[label] < 0:
                continue
            target = edges.target[edge]
            total = nats + weights.nats[label]
            scratch.found[count] = target
            count += taken[target] < 0
            # without branches: whether a way is better is unpredictable
            better = total > best[target]
            best[target] = total if better else best[target]
            taken[target] = edge if better else taken[target]
    return count


@njit(cache=True, nogil=True)
def _best(edges: Edges, weights: Ranked, before: BestMessage, scratch: BestScratch) -> int:
    count = 0
    for k in range(len(before.states)):
        state = before.states[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            if weights.order[label] < 0:
                continue
            target = edges.target[edge]
            order = before.order[k] + weights.order[label]
            nats = before.nats[k] + weights.nats[label]
            if scratch.edge[target] < 0:
                scratch.found[count] = target
                count += 1
            elif order > scratch.order[target] or (
                order == scratch.order[target] and nats <= scratch.nats[target]
            ):
                continue
            scratch.edge[target] = edge
            scratch.order[target] = order
            scratch.nats[target] = nats
    return count
