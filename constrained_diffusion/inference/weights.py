"""Compiled: the weights of sets of classes at each position, and their masses back to classes."""

from __future__ import annotations

import numpy as np
from numba import njit

from .chain import RAISED_BLOCKS
from .extended import (
    DOWN,
    INFINITESIMAL,
    ZERO_BLOCKS,
    add,
    exponential,
    normal,
    to_float,
)
from .tables import (
    BoolArray,
    ClassSets,
    ClassTable,
    Extended,
    Float64Array,
    Ranked,
    UInt32Array,
)

# Float64 holds normal numbers of so many blocks and more, and their sums, exactly.
LEAST_PLAIN_BLOCKS = -2
# What a class of so many fewer blocks than its set has of the set's mass; 2**-256 and less is 0.
PARTS = np.array([1.0, 2.0**-256, 0.0])
# More than what backward messages are raised to can add up to.
NEGLIGIBLE_PROBABILITY = 2.0**-230
# Logarithms of so little or less count as those of 0, and sums of such do not overflow.
OF_PROBABILITY_ZERO = -1e300


@njit(cache=True, nogil=True)
def _class_weight(table: ClassTable, i: int, c: int) -> tuple[float, int]:
    """The normal sum of the class's token weights exp(logit - reference) at position i.

    A position whose reference is -inf counts as uniform over the tokens that may stand there;
    elsewhere a token of a class of only -inf has the same infinitesimal probability everywhere.
    """
    total = table.total[i, c]
    if total == 0.0:
        return 0.0, ZERO_BLOCKS
    if table.reference[i] == -np.inf:
        return total, 0
    if table.peak[i, c] == -np.inf:
        mantissa, blocks = exponential(table.log_normaliser[i] - table.reference[i])
        return normal(total * mantissa, blocks + INFINITESIMAL)
    mantissa, blocks = exponential(table.peak[i, c] - table.reference[i])
    return normal(total * mantissa, blocks)


@njit(cache=True, nogil=True)
def class_weights(table: ClassTable, i: int, classes: UInt32Array) -> Extended:
    """The weights of some classes at position i."""
    weights = Extended(np.empty(len(classes)), np.empty(len(classes), np.int64))
    for k in range(len(classes)):
        weights.mantissa[k], weights.blocks[k] = _class_weight(table, i, classes[k])
    return weights


@njit(cache=True, nogil=True)
def set_sums(table: ClassTable, sets: ClassSets, sums: Extended) -> None:
    """Fills sums [n, D]: the normal sums of the weights of each set's classes."""
    positions, num_columns = table.peak.shape
    classes = np.arange(num_columns - 1).astype(np.uint32)
    plain = np.empty(num_columns - 1)
    for i in range(positions):
        weights = class_weights(table, i, classes)
        lowest = 0
        for c in range(num_columns - 1):
            if weights.mantissa[c] > 0.0:
                lowest = min(lowest, weights.blocks[c])
            plain[c] = to_float(weights.mantissa[c], weights.blocks[c])
        for s in range(len(sets.offsets) - 1):
            m, b = 0.0, ZERO_BLOCKS
            if lowest >= LEAST_PLAIN_BLOCKS:
                for position in range(sets.offsets[s], sets.offsets[s + 1]):
                    m += plain[sets.classes[position]]
                b = 0 if m > 0.0 else ZERO_BLOCKS
            else:
                for position in range(sets.offsets[s], sets.offsets[s + 1]):
                    c = sets.classes[position]
                    m, b = add(m, b, weights.mantissa[c], weights.blocks[c])
            sums.mantissa[i, s], sums.blocks[i, s] = normal(m, b)


@njit(cache=True, nogil=True)
def _greatest(values: Float64Array, indices: UInt32Array) -> float:
    """The greatest of values[indices], none of them NaN; -inf if there are none."""
    # two at a time, since each comparison waits for the one before
    even, odd = -np.inf, -np.inf
    for k in range(0, len(indices) - 1, 2):
        one, other = values[indices[k]], values[indices[k + 1]]
        even = one if one > even else even
        odd = other if other > odd else odd
    if len(indices) % 2 == 1:
        even = max(even, values[indices[-1]])
    return max(even, odd)


@njit(cache=True, nogil=True)
def set_maxima(table: ClassTable, sets: ClassSets, maxima: Ranked) -> None:
    """Fills maxima [n, D]: the most probable token of each set."""
    positions, num_columns = table.peak.shape
    nats = np.empty(num_columns - 1)
    for i in range(positions):
        reference = table.reference[i]
        for c in range(num_columns - 1):
            if table.total[i, c] == 0.0:
                nats[c] = -np.inf
            elif reference == -np.inf:
                nats[c] = 0.0
            else:
                nats[c] = max(table.peak[i, c] - reference, OF_PROBABILITY_ZERO)
        for s in range(len(sets.offsets) - 1):
            best = _greatest(nats, sets.classes[sets.offsets[s] : sets.offsets[s + 1]])
            if best == -np.inf:
                maxima.order[i, s], maxima.nats[i, s] = -1, 0.0
            elif best == OF_PROBABILITY_ZERO:
                maxima.order[i, s] = 1
                maxima.nats[i, s] = table.log_normaliser[i] - reference
            else:
                maxima.order[i, s], maxima.nats[i, s] = 0, best


@njit(cache=True, nogil=True)
def class_marginals(
    table: ClassTable,
    sets: ClassSets,
    sums: Extended,
    masses: Float64Array,
    evidence_mantissa: float,
    probability: Float64Array,
    support: BoolArray,
) -> None:
    """Spreads the masses of the sets to their classes.

    sums [n, D]: of `set_sums`; masses [n, D]: of `chain.backward_sum`. Fills probability and
    support [n, C+1]: the posterior probability that the token is of the class, which add up to 1 at
    each position, and whether it can be of it at all. Below NEGLIGIBLE_PROBABILITY they are 0.
    """
    positions, num_columns = table.peak.shape
    classes = np.arange(num_columns - 1).astype(np.uint32)
    for i in range(positions):
        weights = class_weights(table, i, classes)
        probability[i] = 0.0
        support[i] = False
        for s in range(len(sets.offsets) - 1):
            mass = masses[i, s]
            if mass == 0.0:
                continue
            for position in range(sets.offsets[s], sets.offsets[s + 1]):
                c = sets.classes[position]
                loss = sums.blocks[i, s] - weights.blocks[c]
                probability[i, c] += mass * PARTS[min(loss, len(PARTS) - 1)]
                support[i, c] = True
        sum_of_all = 0.0
        for c in classes:
            support[i, c] &= weights.mantissa[c] > 0.0
            probability[i, c] *= weights.mantissa[c] / evidence_mantissa * DOWN**RAISED_BLOCKS
            if probability[i, c] < NEGLIGIBLE_PROBABILITY:
                probability[i, c] = 0.0
            sum_of_all += probability[i, c]
        for c in classes:
            probability[i, c] /= sum_of_all


@njit(cache=True, nogil=True)
def sum_of(numbers: Extended) -> tuple[float, int]:
    """The normal sum of normal numbers."""
    m, b = 0.0, ZERO_BLOCKS
    for k in range(len(numbers.mantissa)):
        m, b = add(m, b, numbers.mantissa[k], numbers.blocks[k])
    return normal(m, b)
