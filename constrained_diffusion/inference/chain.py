"""Compiled steps of the sum recursions, one position each, over the states that matter there.

Weights are those of the sets at the position, [D]. A message lists its states beside their values,
so a canvas that is mostly fixed costs next to nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from constrained_diffusion.inference.extended import SHIFTS, ZERO_BLOCKS, add, normal, to_float
from constrained_diffusion.inference.tables import (
    Edges,
    Extended,
    Float64Array,
    Int32Array,
    Int64Array,
    SumMessage,
    UInt32Array,
)

# Products of numbers of two neighbouring counts of blocks and of weights of 0 or -1 blocks are
# well within the range of float64.
WINDOW = 2
LEAST_PLAIN_BLOCKS = -1
MAX_WINDOWS = 8

# 2**256 to the power 1, 0, -1, -2; of less a backward message holds no more than that it is
# positive: it is raised to TINY, which stands for posterior probabilities of at most 2**-256.
RATIOS = np.array([2.0**256, 1.0, 2.0**-256, 2.0**-512, 0.0])
TINY = 2.0**-384
# Backward messages are kept so many blocks greater than they are, so that nothing underflows.
RAISED_BLOCKS = 1


class SumScratch(NamedTuple):
    """Room for `forward_sum`; `partial` and `total` are zero between calls."""

    partial: Float64Array  # [S]
    total: Extended  # [S]
    touched: Int32Array  # [S+1]
    found: Int32Array  # [S+1]

    @classmethod
    def of(cls, num_states: int) -> SumScratch:
        return cls(
            np.zeros(num_states),
            Extended.zeros(num_states),
            np.empty(num_states + 1, np.int32),
            np.empty(num_states + 1, np.int32),
        )


@njit(cache=True, nogil=True)
def listed(found: Int32Array, count: int, scratch: Any, empty: float) -> Int32Array:
    """The states found[:count], those whose entry in scratch [S] is not `empty`.

    Ascending where there are many, so that their edges lie in the order of memory.
    """
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
    edges: Edges, weights: Extended, before: SumMessage, scratch: SumScratch
) -> SumMessage:
    """The forward message after a position from that before it.

    Sources whose messages have nearly the same blocks are summed in plain float64, a few such
    windows one after the other; what is left, or has weights out of range, in extended numbers.
    """
    total = scratch.total
    top = ZERO_BLOCKS
    for k in range(len(before.blocks)):
        top = max(top, before.blocks[k])
    plain = np.empty(len(weights.blocks))
    windows = MAX_WINDOWS
    for label in range(len(plain)):
        plain[label] = to_float(weights.mantissa[label], weights.blocks[label])
        if weights.mantissa[label] > 0.0 and weights.blocks[label] < LEAST_PLAIN_BLOCKS:
            windows = 0
    count = 0
    while windows > 0 and top != ZERO_BLOCKS:
        touched, next_top = _sum_window(edges, plain, before, top, scratch)
        for k in range(touched):
            state = scratch.touched[k]
            part, part_blocks = normal(scratch.partial[state], top)
            scratch.partial[state] = 0.0
            scratch.found[count] = state
            count += total.mantissa[state] == 0.0
            total.mantissa[state], total.blocks[state] = add(
                total.mantissa[state], total.blocks[state], part, part_blocks
            )
        top = next_top
        windows -= 1
    if top != ZERO_BLOCKS:
        count = _sum_rest(edges, weights, before, top, scratch, count)

    states = listed(scratch.found, count, total.mantissa, 0.0)
    after = SumMessage(states, np.empty(count), np.empty(count, np.int64))
    for k in range(count):
        state = states[k]
        after.mantissa[k], after.blocks[k] = normal(total.mantissa[state], total.blocks[state])
        total.mantissa[state], total.blocks[state] = 0.0, ZERO_BLOCKS
    return after


@njit(cache=True, nogil=True)
def _sum_window(
    edges: Edges, weights: Float64Array, before: SumMessage, top: int, scratch: SumScratch
) -> tuple[int, int]:
    """Sums over the sources of `top` blocks and slightly fewer into scratch.partial.

    Returns how many targets scratch.touched lists, and the greatest number of blocks below.
    """
    partial = scratch.partial
    touched = 0
    next_top = ZERO_BLOCKS
    for k in range(len(before.states)):
        below = top - before.blocks[k]
        if below < 0:
            continue
        if below >= WINDOW:
            next_top = max(next_top, before.blocks[k])
            continue
        state, m = before.states[k], before.mantissa[k] * SHIFTS[below]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            weight = weights[edges.label[edge]]
            if weight == 0.0:
                continue
            target = edges.target[edge]
            scratch.touched[touched] = target
            touched += partial[target] == 0.0
            partial[target] += m * weight
    return touched, next_top


@njit(cache=True, nogil=True)
def _sum_rest(
    edges: Edges,
    weights: Extended,
    before: SumMessage,
    top: int,
    scratch: SumScratch,
    count: int,
) -> int:
    """Adds the sources of at most `top` blocks to scratch.total; the new length of its list."""
    total = scratch.total
    for k in range(len(before.states)):
        state, m, b = before.states[k], before.mantissa[k], before.blocks[k]
        if b > top:
            continue
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            weight = weights.mantissa[label]
            if weight == 0.0:
                continue
            target = edges.target[edge]
            scratch.found[count] = target
            count += total.mantissa[target] == 0.0
            total.mantissa[target], total.blocks[target] = add(
                total.mantissa[target],
                total.blocks[target],
                m * weight,
                b + weights.blocks[label],
            )
    return count


@njit(cache=True, nogil=True)
def backward_sum(
    edges: Edges, weights: Extended, before: SumMessage, after: Extended, masses: Float64Array
) -> Float64Array:
    """The backward message before a position at the states of the forward message `before` it.

    A backward message is a float64 in units of (the blocks of the evidence - RAISED_BLOCKS - the
    blocks of the state's forward message): times the mantissas of the latter, of a weight and of
    1 / evidence it is a posterior probability, so it is not too great, and what is too small is
    negligible. It is positive wherever the canvas can be completed.

    after [S]: as mantissas the backward message after the position, as blocks those of the forward
    message there. masses [D], zero: receives for each set the sum over its edges of the forward
    times the backward message, in units of (… - the blocks of the set's weight).
    """
    result = np.zeros(len(before.states))
    for k in range(len(before.states)):
        state, m, b = before.states[k], before.mantissa[k], before.blocks[k]
        total = 0.0
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            target = edges.target[edge]
            label = edges.label[edge]
            ahead, weight = after.mantissa[target], weights.mantissa[label]
            if ahead == 0.0 or weight == 0.0:
                continue
            # the target's forward message is at least this edge's part of it
            loss = after.blocks[target] - (b + weights.blocks[label])
            ahead = max(ahead * RATIOS[max(0, min(loss + 1, len(RATIOS) - 1))], TINY)
            total += weight * ahead
            masses[label] += m * ahead
        if total > 0.0:
            result[k] = max(total, TINY)
    return result


@njit(cache=True, nogil=True)
def last_backward(ends: SumMessage, evidence_blocks: int) -> Float64Array:
    """The backward message after the last position: 1 at each state that may end the canvas."""
    result = np.empty(len(ends.blocks))
    for k in range(len(ends.blocks)):
        loss = evidence_blocks - RAISED_BLOCKS - ends.blocks[k]
        result[k] = max(RATIOS[max(0, min(loss + 1, len(RATIOS) - 1))], TINY)
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

    source, label: [E]. scratch: [S], -1 between calls.
    """
    for k in range(len(before.states)):
        scratch[before.states[k]] = k
    result = Extended(np.zeros(len(incoming)), np.full(len(incoming), ZERO_BLOCKS))
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
