"""Compiled steps of the sum recursions, one position each, over the states that matter there.

Weights are those of the sets at the position, [D]. A message lists its states beside their values,
so a canvas that is mostly fixed costs next to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .extended import ZERO_BLOCKS, add, normal, to_float
from .tables import (
    Edges,
    Extended,
    Float64Array,
    Int32Array,
    SumMessage,
    UInt32Array,
)

# A window of messages is summed in units of its greatest count of blocks less two. Products with
# weights stay within the range of float64 while the blocks of the weight and those of the message
# below the window's greatest are fewer than PLAIN_BLOCKS together; less than LEAST_PLAIN_BLOCKS no
# weight is a normal float64.
WINDOW_UNITS = np.array([2.0**512, 2.0**256, 1.0, 2.0**-256, 2.0**-512])
WINDOW_BLOCKS = 2
PLAIN_BLOCKS = 5
LEAST_PLAIN_BLOCKS = -3
MAX_WINDOWS = 3

# 2**256 to the power 1, 0, -1, -2; of less a backward message holds no more than that it is
# positive: it is raised to TINY, which stands for posterior probabilities of at most 2**-256.
RATIOS = np.array([2.0**256, 1.0, 2.0**-256, 2.0**-512, 0.0])
TINY = 2.0**-384
# Backward messages are kept so many blocks greater than they are, so that nothing underflows.
RAISED_BLOCKS = 1


class SumScratch(NamedTuple):
    """Room for `forward_sum`, zero between calls."""

    partial: Float64Array  # [S]
    total: Extended  # [S]

    @classmethod
    def of(cls, num_states: int) -> SumScratch:
        return cls(np.zeros(num_states), Extended.zeros(num_states))


@njit(cache=True, nogil=True)
def forward_sum(
    edges: Edges, weights: Extended, before: SumMessage, scratch: SumScratch
) -> SumMessage:
    """The forward message after a position from that before it.

    Sources whose messages have nearly the same blocks are summed in plain float64, where a few such
    windows one after the other hold all of them; else all are summed in extended numbers.
    """
    partial, total = scratch
    plain = np.empty(len(weights.blocks))
    lowest = 0
    for label in range(len(plain)):
        plain[label] = to_float(weights.mantissa[label], weights.blocks[label])
        if weights.mantissa[label] > 0.0:
            lowest = min(lowest, weights.blocks[label])
    top, bottom = ZERO_BLOCKS, -ZERO_BLOCKS
    for k in range(len(before.blocks)):
        top = max(top, before.blocks[k])
        bottom = min(bottom, before.blocks[k])
    window = PLAIN_BLOCKS + lowest
    is_narrow = lowest >= LEAST_PLAIN_BLOCKS and top - bottom < MAX_WINDOWS * window
    while is_narrow and top != ZERO_BLOCKS:
        next_top = _sum_window(edges, plain, before, top, window, partial)
        for state in range(len(partial)):
            if partial[state] > 0.0:
                part, part_blocks = normal(partial[state], top - WINDOW_BLOCKS)
                partial[state] = 0.0
                total.mantissa[state], total.blocks[state] = add(
                    total.mantissa[state], total.blocks[state], part, part_blocks
                )
        top = next_top
    if not is_narrow:
        _sum_extended(edges, weights, before, total)

    count = 0
    for state in range(len(partial)):
        count += total.mantissa[state] > 0.0
    after = SumMessage(np.empty(count, np.int32), np.empty(count), np.empty(count, np.int64))
    k = 0
    for state in range(len(partial)):
        if total.mantissa[state] > 0.0:
            after.states[k] = state
            after.mantissa[k], after.blocks[k] = normal(total.mantissa[state], total.blocks[state])
            total.mantissa[state], total.blocks[state] = 0.0, ZERO_BLOCKS
            k += 1
    return after


@njit(cache=True, nogil=True)
def _sum_window(
    edges: Edges,
    weights: Float64Array,
    before: SumMessage,
    top: int,
    window: int,
    partial: Float64Array,
) -> int:
    """Adds the sources of `window` counts of blocks, `top` and those below, to `partial`.

    In units of `top` - WINDOW_BLOCKS blocks. Returns the greatest count of blocks that is left.
    """
    next_top = ZERO_BLOCKS
    for k in range(len(before.states)):
        below = top - before.blocks[k]
        if below < 0:
            continue
        if below >= window:
            next_top = max(next_top, before.blocks[k])
            continue
        state, m = before.states[k], before.mantissa[k] * WINDOW_UNITS[below]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            partial[edges.target[edge]] += m * weights[edges.label[edge]]
    return next_top


@njit(cache=True, nogil=True)
def _sum_extended(edges: Edges, weights: Extended, before: SumMessage, total: Extended) -> None:
    """Adds all sources to `total`."""
    for k in range(len(before.states)):
        state, m, b = before.states[k], before.mantissa[k], before.blocks[k]
        for edge in range(edges.offsets[state], edges.offsets[state + 1]):
            label = edges.label[edge]
            target = edges.target[edge]
            if weights.mantissa[label] > 0.0:
                total.mantissa[target], total.blocks[target] = add(
                    total.mantissa[target],
                    total.blocks[target],
                    m * weights.mantissa[label],
                    b + weights.blocks[label],
                )


@njit(cache=True, nogil=True)
def start_backward(ends: SumMessage, evidence_blocks: int, after: Extended) -> None:
    """Makes `after` [S], zero, the backward message after the last position: 1 at each end.

    See `backward_sum` for its units.
    """
    for k in range(len(ends.states)):
        loss = evidence_blocks - RAISED_BLOCKS - ends.blocks[k]
        after.mantissa[ends.states[k]] = max(_ratio(loss), TINY)
        after.blocks[ends.states[k]] = ends.blocks[k]


@njit(cache=True, nogil=True)
def backward_sum(
    edges: Edges, weights: Extended, before: SumMessage, after: Extended, masses: Float64Array
) -> None:
    """Replaces the backward message after a position by that before it.

    A backward message is a float64 in units of (the blocks of the evidence - RAISED_BLOCKS - the
    blocks of the state's forward message): times the mantissas of the latter, of a weight and of
    1 / evidence it is a posterior probability, so it is not too great, and what is too small is
    negligible. It is positive wherever the canvas can be completed.

    before: the forward message before the position. after [S]: as mantissas the backward message,
    as blocks those of the forward message there. masses [D], zero: receives for each set the sum
    over its edges of the forward times the backward message, in units of (… - the blocks of the
    set's weight).
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
            # not much below 0: the target's forward message is at least this edge's part of it
            loss = after.blocks[target] - (b + weights.blocks[label])
            ahead = max(ahead * _ratio(loss), TINY)
            total += weight * ahead
            masses[label] += m * ahead
        if total > 0.0:
            result[k] = max(total, TINY)
    after.mantissa[:] = 0.0
    for k in range(len(before.states)):
        after.mantissa[before.states[k]] = result[k]
        after.blocks[before.states[k]] = before.blocks[k]


@njit(cache=True, nogil=True)
def _ratio(loss: int) -> float:
    """2**(-256 * loss) for loss >= -1, 0 where that is negligible."""
    return RATIOS[max(0, min(loss + 1, len(RATIOS) - 1))]  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def incoming_weights(
    incoming: Int32Array,
    source: Int32Array,
    label: UInt32Array,
    weights: Extended,
    before: SumMessage,
) -> Extended:
    """For each of some edges: the forward message before it times its weight, normal.

    source, label: [E], of all edges.
    """
    result = Extended(np.zeros(len(incoming)), np.full(len(incoming), ZERO_BLOCKS))
    for position in range(len(incoming)):
        edge = incoming[position]
        k = index_of(source[edge], before.states)
        if k >= 0:
            result.mantissa[position], result.blocks[position] = normal(
                before.mantissa[k] * weights.mantissa[label[edge]],
                before.blocks[k] + weights.blocks[label[edge]],
            )
    return result


@njit(cache=True, nogil=True)
def index_of(state: int, states: Int32Array) -> int:
    """The index of `state` in the ascending list `states`, or -1."""
    k = np.searchsorted(states, state)
    return int(k) if k < len(states) and states[k] == state else -1
