"""Compiled steps of the chain's recursions, one position each, over the states that matter there.

Names: an *edge* leads from its source state to `edge_target` under the set of classes `edge_set`;
weights are those of `weights`, of one position; a message is given as the list of its states and
values beside it, so that a canvas that is mostly fixed costs next to nothing. Scratch arrays are
zero (or -1) between calls.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from constrained_diffusion.inference.extended import add, normal

Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _listed(
    found: Int32Array, count: int, scratch: NDArray[np.generic], empty: float
) -> Int32Array:
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
    edge_offsets: Int64Array,
    edge_set: Int32Array,
    edge_target: Int32Array,
    weight_mantissa: Float64Array,
    weight_blocks: Int32Array,
    states: Int32Array,
    mantissa: Float64Array,
    blocks: Int64Array,
    scratch_mantissa: Float64Array,
    scratch_blocks: Int64Array,
) -> tuple[Int32Array, Float64Array, Int64Array]:
    """The forward message after a position from that before it: states, mantissas, blocks.

    scratch_*: [S], the mantissas zero.
    """
    found = np.empty(len(scratch_mantissa), np.int32)
    count = 0
    for k in range(len(states)):
        m, b = mantissa[k], blocks[k]
        for edge in range(edge_offsets[states[k]], edge_offsets[states[k] + 1]):
            label = edge_set[edge]
            weight = weight_mantissa[label]
            if weight == 0.0:
                continue
            target = edge_target[edge]
            term, term_blocks = m * weight, b + weight_blocks[label]
            if scratch_mantissa[target] == 0.0:
                scratch_mantissa[target], scratch_blocks[target] = term, term_blocks
                found[count] = target
                count += 1
            else:
                scratch_mantissa[target], scratch_blocks[target] = add(
                    scratch_mantissa[target], scratch_blocks[target], term, term_blocks
                )
    targets = _listed(found, count, scratch_mantissa, 0.0)
    out_mantissa = np.empty(count)
    out_blocks = np.empty(count, np.int64)
    for k in range(count):
        state = targets[k]
        out_mantissa[k], out_blocks[k] = normal(scratch_mantissa[state], scratch_blocks[state])
        scratch_mantissa[state] = 0.0
    return targets, out_mantissa, out_blocks


@njit(cache=True, nogil=True)
def forward_max(
    edge_offsets: Int64Array,
    edge_set: Int32Array,
    edge_target: Int32Array,
    weight_order: Int32Array,
    weight_nats: Float64Array,
    states: Int32Array,
    order: Int64Array,
    nats: Float64Array,
    scratch_edge: Int64Array,
    scratch_order: Int64Array,
    scratch_nats: Float64Array,
) -> tuple[Int32Array, Int64Array, Float64Array, Int64Array]:
    """The best way to each state after a position: states, orders, nats, and the edge taken.

    A way is better with fewer tokens of probability 0 (order), then with a greater sum of
    log-probabilities (nats). scratch_edge: [S], all -1.
    """
    found = np.empty(len(scratch_edge), np.int32)
    count = 0
    for k in range(len(states)):
        for edge in range(edge_offsets[states[k]], edge_offsets[states[k] + 1]):
            label = edge_set[edge]
            if weight_order[label] < 0:
                continue
            target = edge_target[edge]
            total_order = order[k] + weight_order[label]
            total = nats[k] + weight_nats[label]
            if scratch_edge[target] < 0:
                found[count] = target
                count += 1
            elif total_order > scratch_order[target] or (
                total_order == scratch_order[target] and total <= scratch_nats[target]
            ):
                continue
            scratch_edge[target] = edge
            scratch_order[target] = total_order
            scratch_nats[target] = total
    targets = _listed(found, count, scratch_edge, -1)
    out_order = np.empty(count, np.int64)
    out_nats = np.empty(count)
    out_edge = np.empty(count, np.int64)
    for k in range(count):
        state = targets[k]
        out_order[k], out_nats[k] = scratch_order[state], scratch_nats[state]
        out_edge[k] = scratch_edge[state]
        scratch_edge[state] = -1
    return targets, out_order, out_nats, out_edge


@njit(cache=True, nogil=True)
def backward_sum(
    edge_offsets: Int64Array,
    edge_set: Int32Array,
    edge_target: Int32Array,
    weight_mantissa: Float64Array,
    weight_blocks: Int32Array,
    states: Int32Array,
    mantissa: Float64Array,
    blocks: Int64Array,
    after_mantissa: Float64Array,
    after_blocks: Int64Array,
    mass_mantissa: Float64Array,
    mass_blocks: Int64Array,
) -> tuple[Float64Array, Int64Array]:
    """The backward message before a position at `states`, from that after it, and the set masses.

    states, mantissa, blocks: the forward message before the position. after_*: [S], the backward
    message after it. mass_*: [D], zero; receives for each set the sum over its edges of the forward
    message times the backward message.
    """
    before_mantissa = np.empty(len(states))
    before_blocks = np.empty(len(states), np.int64)
    for k in range(len(states)):
        m, b = mantissa[k], blocks[k]
        total, total_blocks = 0.0, np.int64(0)
        for edge in range(edge_offsets[states[k]], edge_offsets[states[k] + 1]):
            target = edge_target[edge]
            after = after_mantissa[target]
            if after == 0.0:
                continue
            label = edge_set[edge]
            weight = weight_mantissa[label]
            if weight == 0.0:
                continue
            b_after = after_blocks[target]
            term, term_blocks = weight * after, weight_blocks[label] + b_after
            if total == 0.0:
                total, total_blocks = term, term_blocks
            else:
                total, total_blocks = add(total, total_blocks, term, term_blocks)
            if mass_mantissa[label] == 0.0:
                mass_mantissa[label], mass_blocks[label] = m * after, b + b_after
            else:
                mass_mantissa[label], mass_blocks[label] = add(
                    mass_mantissa[label], mass_blocks[label], m * after, b + b_after
                )
        before_mantissa[k], before_blocks[k] = normal(total, total_blocks)
    return before_mantissa, before_blocks


@njit(cache=True, nogil=True)
def incoming_terms(
    incoming_offsets: Int64Array,
    incoming: Int32Array,
    edge_source: Int32Array,
    edge_set: Int32Array,
    weight_mantissa: Float64Array,
    weight_blocks: Int32Array,
    states: Int32Array,
    mantissa: Float64Array,
    blocks: Int64Array,
    target: int,
    scratch_index: Int32Array,
) -> tuple[Float64Array, Int64Array]:
    """For each edge into `target`: the forward message before the position times the edge's weight,
    normal. scratch_index: [S], all -1."""
    for k in range(len(states)):
        scratch_index[states[k]] = k
    low, high = incoming_offsets[target], incoming_offsets[target + 1]
    terms = np.zeros(high - low)
    term_blocks = np.zeros(high - low, np.int64)
    for position in range(low, high):
        edge = incoming[position]
        k = scratch_index[edge_source[edge]]
        if k >= 0:
            label = edge_set[edge]
            terms[position - low], term_blocks[position - low] = normal(
                mantissa[k] * weight_mantissa[label], blocks[k] + weight_blocks[label]
            )
    for state in states:
        scratch_index[state] = -1
    return terms, term_blocks
