"""Compiled: weights of classes and of sets of classes at each position, in both semirings."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from constrained_diffusion.inference.extended import (
    INFINITESIMAL,
    add,
    exponential,
    normal,
    to_float,
)

Floats = NDArray[np.floating]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def _class_weight(peak: float, total: float, reference: float) -> tuple[float, int]:
    """Sum of the probabilities of a class's tokens, over exp(reference - log_normaliser)."""
    if total == 0.0:
        return 0.0, 0
    if reference == -np.inf:
        return total, 0
    if peak == -np.inf:
        return total, INFINITESIMAL
    mantissa, blocks = exponential(peak - reference)
    return normal(total * mantissa, blocks)


@njit(cache=True, nogil=True)
def set_sums(
    peak: Floats,
    total: Float64Array,
    reference: Float64Array,
    set_offsets: Int64Array,
    set_classes: Int32Array,
    mantissa: Float64Array,
    blocks: Int32Array,
) -> None:
    """Fills mantissa, blocks [n, D]: the normal sums of the weights of each set's classes.

    peak, total [n, C+1] are those of `logit_kernels`; reference [n] is the greatest peak of the
    classes that may stand at the position: weights are relative to it. A position where that is
    -inf counts as uniform over its tokens.
    """
    positions = len(reference)
    num_sets, num_classes = len(set_offsets) - 1, peak.shape[1] - 1
    class_mantissa = np.empty(num_classes)
    class_blocks = np.empty(num_classes, np.int32)
    for i in range(positions):
        for c in range(num_classes):
            class_mantissa[c], class_blocks[c] = _class_weight(
                peak[i, c], total[i, c], reference[i]
            )
        for s in range(num_sets):
            m, b = 0.0, np.int64(0)
            for position in range(set_offsets[s], set_offsets[s + 1]):
                c = set_classes[position]
                if class_mantissa[c] > 0.0:
                    if m == 0.0:
                        m, b = class_mantissa[c], np.int64(class_blocks[c])
                    else:
                        m, b = add(m, b, class_mantissa[c], np.int64(class_blocks[c]))
            m, b = normal(m, b)
            mantissa[i, s] = m
            blocks[i, s] = b


@njit(cache=True, nogil=True)
def set_maxima(
    peak: Floats,
    total: Float64Array,
    reference: Float64Array,
    set_offsets: Int64Array,
    set_classes: Int32Array,
    order: Int32Array,
    nats: Float64Array,
) -> None:
    """Fills order, nats [n, D]: the most probable token of each set.

    nats is its log-probability, up to a constant of the position; where that is -inf, order is 1
    and nats 0, and order is -1 for sets without any token at the position.
    """
    for i in range(len(reference)):
        for s in range(len(set_offsets) - 1):
            possible, best = False, -np.inf
            for position in range(set_offsets[s], set_offsets[s + 1]):
                c = set_classes[position]
                if total[i, c] > 0.0:
                    possible = True
                    best = max(best, np.float64(peak[i, c]))
            if not possible:
                order[i, s], nats[i, s] = -1, 0.0
            elif best > -np.inf:
                order[i, s], nats[i, s] = 0, best - reference[i]
            else:
                order[i, s], nats[i, s] = np.int32(reference[i] > -np.inf), 0.0


@njit(cache=True, nogil=True)
def class_marginals(
    peak: Floats,
    total: Float64Array,
    reference: Float64Array,
    set_offsets: Int64Array,
    set_classes: Int32Array,
    mass_mantissa: Float64Array,
    mass_blocks: Int64Array,
    evidence_mantissa: float,
    evidence_blocks: int,
    probability: Float64Array,
    support: BoolArray,
) -> None:
    """Spreads the masses of the sets [n, D] to their classes.

    The mass of a set is the sum over its edges of what comes before times what comes after, a sum
    of products of normal numbers. Fills probability and support [n, C+1]: the posterior probability that the token
    is of the class, adding up to 1 at each position, and whether it can be at all.
    """
    positions = len(reference)
    num_sets, num_classes = len(set_offsets) - 1, peak.shape[1] - 1
    sum_mantissa = np.empty(num_classes)
    sum_blocks = np.empty(num_classes, np.int64)
    for i in range(positions):
        sum_mantissa[:] = 0.0
        for s in range(num_sets):
            m, b = mass_mantissa[i, s], mass_blocks[i, s]
            if m == 0.0:
                continue
            m, b = normal(m, b)
            m, b = m / evidence_mantissa, b - evidence_blocks
            for position in range(set_offsets[s], set_offsets[s + 1]):
                c = set_classes[position]
                if sum_mantissa[c] == 0.0:
                    sum_mantissa[c], sum_blocks[c] = m, b
                else:
                    sum_mantissa[c], sum_blocks[c] = add(sum_mantissa[c], sum_blocks[c], m, b)
        sum_of_all = 0.0
        for c in range(num_classes):
            probability[i, c] = 0.0
            support[i, c] = sum_mantissa[c] > 0.0 and total[i, c] > 0.0
            if support[i, c]:
                m, b = normal(sum_mantissa[c], sum_blocks[c])
                weight, weight_blocks = _class_weight(peak[i, c], total[i, c], reference[i])
                probability[i, c] = to_float(m * weight, b + weight_blocks)
                sum_of_all += probability[i, c]
        for c in range(num_classes):
            probability[i, c] /= sum_of_all
        probability[i, num_classes] = 0.0
        support[i, num_classes] = False


@njit(cache=True, nogil=True)
def class_weights(
    peak: Floats, total: Float64Array, reference: float, classes: Int32Array
) -> tuple[Float64Array, Int64Array]:
    """The weights of some classes at one position: mantissas and blocks."""
    mantissa = np.empty(len(classes))
    blocks = np.empty(len(classes), np.int64)
    for k in range(len(classes)):
        c = classes[k]
        mantissa[k], blocks[k] = _class_weight(peak[c], total[c], reference)
    return mantissa, blocks


@njit(cache=True, nogil=True)
def sum_of(mantissa: Float64Array, blocks: Int64Array) -> tuple[float, int]:
    """The normal sum of positive normal numbers, at least one."""
    m, b = mantissa[0], blocks[0]
    for k in range(1, len(mantissa)):
        m, b = add(m, b, mantissa[k], blocks[k])
    return normal(m, b)
