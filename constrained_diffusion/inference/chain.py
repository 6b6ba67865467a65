"""Compiled steps of the chain's recursions, one position each, over the states that matter there.

Weights are those of the sets at the position, [D]. A message lists its states beside their values,
so a canvas that is mostly fixed costs next to nothing. Scratch arrays are [S], and zero (-1 where
they hold indices) between calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from constrained_diffusion.inference.extended import ZERO_BLOCKS, add, normal
from constrained_diffusion.inference.tables import (
    BestMessage,
    Edges,
    Extended,
    Int32Array,
    Int64Array,
    Ranked,
    SumMessage,
    UInt32Array,
)


@njit(cache=True, nogil=True)
def _listed(found: Int32Array, count: int, scratch: Any, empty: float) -> Int32Array:
    """The states found[:count], ascending where there are many: edges then lie in memory order."""
    if count < len(scratch) // 8:
        return found[:count].copy()
    states = np.empty(count, np.int32)
    k = 0
    for state in range(len(scratch)):
        if scratch[state] != empty:
            states[k] = state
            k += 1
    return states


@njit(cache=True, nogil=True)
def forward_sum(
    edges: Edges, weights: Extended, before: SumMessage, scratch: Extended
) -> SumMessage:
    """The forward message after a position from that before it."""
    found = np.empty(len(scratch.mantissa) + 1, np.int32)
    count = 0
    for k in range(len(before.states)):
        state, m, b = before.states[k], before.mantissa[k], before.blocks[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            weight = weights.mantissa[label]
            if weight == 0.0:
                continue
            target = edges.target[edge]
            found[count] = target
            count += scratch.mantissa[target] == 0.0
            scratch.mantissa[target], scratch.blocks[target] = add(
                scratch.mantissa[target],
                scratch.blocks[target],
                m * weight,
                b + weights.blocks[label],
            )
    states = _listed(found, count, scratch.mantissa, 0.0)
    after = SumMessage(states, np.empty(count), np.empty(count, np.int64))
    for k in range(count):
        state = states[k]
        after.mantissa[k], after.blocks[k] = normal(scratch.mantissa[state], scratch.blocks[state])
        scratch.mantissa[state], scratch.blocks[state] = 0.0, ZERO_BLOCKS
    return after


@njit(cache=True, nogil=True)
def forward_max(
    edges: Edges, weights: Ranked, before: BestMessage, scratch: BestMessage
) -> BestMessage:
    """The best way to each state after a position from those before it.

    scratch: `edge` all -1, `states` for any use.
    """
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
                scratch.states[count] = target
                count += 1
            elif order > scratch.order[target] or (
                order == scratch.order[target] and nats <= scratch.nats[target]
            ):
                continue
            scratch.edge[target] = edge
            scratch.order[target] = order
            scratch.nats[target] = nats
    states = _listed(scratch.states, count, scratch.edge, -1)
    after = BestMessage(
        states, np.empty(count, np.int64), np.empty(count), np.empty(count, np.int64)
    )
    for k in range(count):
        state = states[k]
        after.order[k], after.nats[k] = scratch.order[state], scratch.nats[state]
        after.edge[k] = scratch.edge[state]
        scratch.edge[state] = -1
    return after


@njit(cache=True, nogil=True)
def backward_sum(
    edges: Edges, weights: Extended, before: SumMessage, after: Extended, masses: Extended
) -> Extended:
    """The backward message before a position, at the states of the forward message `before` it.

    after [S]: the backward message after the position. masses [D], zero: receives for each set the
    sum over its edges of the forward message times the backward message.
    """
    count = len(before.states)
    result = Extended(np.empty(count), np.empty(count, np.int64))
    for k in range(count):
        state, m, b = before.states[k], before.mantissa[k], before.blocks[k]
        total, total_blocks = 0.0, ZERO_BLOCKS
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            target = edges.target[edge]
            label = edges.label[edge]
            ahead, weight = after.mantissa[target], weights.mantissa[label]
            if ahead == 0.0 or weight == 0.0:
                continue
            ahead_blocks = after.blocks[target]
            total, total_blocks = add(
                total, total_blocks, weight * ahead, weights.blocks[label] + ahead_blocks
            )
            masses.mantissa[label], masses.blocks[label] = add(
                masses.mantissa[label], masses.blocks[label], m * ahead, b + ahead_blocks
            )
        result.mantissa[k], result.blocks[k] = normal(total, total_blocks)
    return result


@njit(cache=True, nogil=True)
def incoming_weights(
    incoming: Int32Array,
    source: Int32Array,
    label: UInt32Array,
    weights: Extended,
    before: SumMessage,
    scratch: Int64Array,
) -> Extended:
    """For each of some edges: the forward message before it times its weight, normal.

    source, label: [E]. scratch: all -1.
    """
    for k in range(len(before.states)):
        scratch[before.states[k]] = k
    result = Extended(np.zeros(len(incoming)), np.zeros(len(incoming), np.int64))
    for position in range(len(incoming)):
        edge = incoming[position]
        k = scratch[source[edge]]
        if k >= 0:
            result.mantissa[position], result.blocks[position] = normal(
                before.mantissa[k] * weights.mantissa[label[edge]],
                before.blocks[k] + weights.blocks[label[edge]],
            )
    for state in before.states:
        scratch[state] = -1
    return result
