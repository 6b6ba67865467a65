"""Compiled: the weights of sets of classes at each position, and their masses back to classes."""

from __future__ import annotations

import numpy as np
from numba import njit

from constrained_diffusion.inference.extended import (
    INFINITESIMAL,
    ZERO_BLOCKS,
    add,
    exponential,
    normal,
    to_float,
)
from constrained_diffusion.inference.tables import (
    BoolArray,
    ClassSets,
    ClassTable,
    Extended,
    Float64Array,
    Ranked,
    UInt32Array,
)


@njit(cache=True, nogil=True)
def _class_weight(table: ClassTable, i: int, c: int) -> tuple[float, int]:
    """The normal sum of the class's token weights exp(logit - reference) at position i.

    A position whose reference is -inf counts as uniform over the tokens that may stand there;
    elsewhere a class of only -inf weighs an infinitesimal per token.
    """
    total = table.total[i, c]
    if total == 0.0:
        return 0.0, ZERO_BLOCKS
    if table.reference[i] == -np.inf:
        return total, 0
    if table.peak[i, c] == -np.inf:
        return total, INFINITESIMAL
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
    classes = np.arange(num_columns - 1, dtype=np.uint32)
    for i in range(positions):
        weights = class_weights(table, i, classes)
        for s in range(len(sets.offsets) - 1):
            m, b = 0.0, ZERO_BLOCKS
            for position in range(sets.offsets[s], sets.offsets[s + 1]):
                c = sets.classes[position]
                m, b = add(m, b, weights.mantissa[c], weights.blocks[c])
            sums.mantissa[i, s], sums.blocks[i, s] = normal(m, b)


@njit(cache=True, nogil=True)
def set_maxima(table: ClassTable, sets: ClassSets, maxima: Ranked) -> None:
    """Fills maxima [n, D]: the most probable token of each set."""
    for i in range(len(table.reference)):
        reference = table.reference[i]
        for s in range(len(sets.offsets) - 1):
            possible, best = False, -np.inf
            for position in range(sets.offsets[s], sets.offsets[s + 1]):
                c = sets.classes[position]
                if table.total[i, c] > 0.0:
                    possible = True
                    best = max(best, np.float64(table.peak[i, c]))
            maxima.order[i, s], maxima.nats[i, s] = -1, 0.0
            if possible:
                maxima.order[i, s] = best == -np.inf and reference > -np.inf
                if best > -np.inf:
                    maxima.nats[i, s] = best - reference


@njit(cache=True, nogil=True)
def class_marginals(
    table: ClassTable,
    sets: ClassSets,
    masses: Extended,
    evidence_mantissa: float,
    evidence_blocks: int,
    probability: Float64Array,
    support: BoolArray,
) -> None:
    """Spreads the masses of the sets to their classes.

    masses [n, D]: sums over a set's edges of what comes before times what comes after, without the
    set's weight; sums of products of normal numbers. Fills probability and support [n, C+1]: the
    posterior probability that the token is of the class, which add up to 1 at each position, and
    whether it can be of it at all.
    """
    positions, num_columns = table.peak.shape
    num_classes = num_columns - 1
    sum_mantissa = np.empty(num_classes)
    sum_blocks = np.empty(num_classes, np.int64)
    for i in range(positions):
        sum_mantissa[:] = 0.0
        sum_blocks[:] = ZERO_BLOCKS
        for s in range(len(sets.offsets) - 1):
            if masses.mantissa[i, s] == 0.0:
                continue
            m, b = normal(masses.mantissa[i, s], masses.blocks[i, s])
            m, b = m / evidence_mantissa, b - evidence_blocks
            for position in range(sets.offsets[s], sets.offsets[s + 1]):
                c = sets.classes[position]
                sum_mantissa[c], sum_blocks[c] = add(sum_mantissa[c], sum_blocks[c], m, b)
        sum_of_all = 0.0
        for c in range(num_classes):
            probability[i, c] = 0.0
            support[i, c] = sum_mantissa[c] > 0.0 and table.total[i, c] > 0.0
            if support[i, c]:
                m, b = normal(sum_mantissa[c], sum_blocks[c])
                weight, weight_blocks = _class_weight(table, i, c)
                probability[i, c] = to_float(m * weight, b + weight_blocks)
                sum_of_all += probability[i, c]
        for c in range(num_classes):
            probability[i, c] /= sum_of_all
        probability[i, num_classes] = 0.0
        support[i, num_classes] = False


@njit(cache=True, nogil=True)
def sum_of(numbers: Extended) -> tuple[float, int]:
    """The normal sum of normal numbers."""
    m, b = 0.0, ZERO_BLOCKS
    for k in range(len(numbers.mantissa)):
        m, b = add(m, b, numbers.mantissa[k], numbers.blocks[k])
    return normal(m, b)
