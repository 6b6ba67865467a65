"""Compiled: one outcome of several weights, and one token of a class, drawn or the most probable."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from constrained_diffusion.inference.exponential import exp_nonpositive, least
from constrained_diffusion.inference.extended import to_float
from constrained_diffusion.inference.logit_kernels import BLOCK

Floats = NDArray[np.floating]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def draw_index(mantissa: Float64Array, blocks: Int64Array, uniform: float) -> int:
    """An index in proportion to normal extended weights, not all zero; uniform in [0, 1)."""
    highest = np.iinfo(np.int64).min
    for k in range(len(mantissa)):
        if mantissa[k] > 0.0:
            highest = max(highest, blocks[k])
    total = 0.0
    for k in range(len(mantissa)):
        if mantissa[k] > 0.0:
            total += to_float(mantissa[k], blocks[k] - highest)
    left = uniform * total
    chosen = -1
    for k in range(len(mantissa)):
        if mantissa[k] > 0.0:
            weight = to_float(mantissa[k], blocks[k] - highest)
            if weight > 0.0:
                chosen = k
                if left < weight:
                    break
                left -= weight
    return chosen


@njit(cache=True, nogil=True)
def candidates(
    i: int,
    c: int,
    offsets: Int64Array,
    tokens: Int32Array,
    column: Int32Array,
    is_fixed: BoolArray,
    allowed_offsets: Int64Array,
    allowed: Int32Array,
) -> Int32Array:
    """The tokens of class c that may stand at position i."""
    if not is_fixed[i]:
        return tokens[offsets[c] : offsets[c + 1]]
    chosen = np.empty(allowed_offsets[i + 1] - allowed_offsets[i], np.int32)
    count = 0
    for position in range(allowed_offsets[i], allowed_offsets[i + 1]):
        token = allowed[position]
        if column[token] == c:
            chosen[count] = token
            count += 1
    return chosen[:count]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _exponentials(logits: Floats, peak: float, terms: Floats) -> None:
    for k in range(len(logits)):
        below = logits[k] - peak
        lowest = least(below)
        term = exp_nonpositive(lowest if below < lowest else below)
        terms[k] = term * 0 if below < lowest else term


@njit(cache=True, nogil=True)
def draw_token(row: Floats, tokens: Int32Array, peak: float, total: float, uniform: float) -> int:
    """One of `tokens` in proportion to exp(logit), uniformly if the peak of them is -inf.

    row: [V] logits; peak, total: those of the tokens (see `logit_kernels`).
    """
    if peak == -np.inf:
        return tokens[min(int(uniform * len(tokens)), len(tokens) - 1)]
    left = uniform * total
    chosen = -1
    logits = np.empty(BLOCK, row.dtype)
    terms = np.empty(BLOCK, row.dtype)
    for start in range(0, len(tokens), BLOCK):
        count = min(BLOCK, len(tokens) - start)
        for k in range(count):
            logits[k] = row[tokens[start + k]]
        _exponentials(logits[:count], peak, terms)
        block_sum = 0.0
        for k in range(count):
            block_sum += terms[k]
        if left >= block_sum and start + count < len(tokens):
            left -= block_sum
            continue
        for k in range(count):
            if terms[k] > 0:
                chosen = tokens[start + k]
                if left < terms[k]:
                    return chosen
                left -= terms[k]
    if chosen >= 0:
        return chosen
    return best_token(row, tokens, peak)


@njit(cache=True, nogil=True)
def best_token(row: Floats, tokens: Int32Array, peak: float) -> int:
    """The first of `tokens` with the greatest logit, which is `peak`."""
    for token in tokens:
        if row[token] == peak:
            return token
    return tokens[0]


@njit(cache=True, nogil=True)
def choose_tokens(
    logits: Floats,
    offsets: Int64Array,
    tokens: Int32Array,
    column: Int32Array,
    is_fixed: BoolArray,
    allowed_offsets: Int64Array,
    allowed: Int32Array,
    classes: Int64Array,
    peak: Floats,
    total: Float64Array,
    uniform: Float64Array,
    chosen: Int64Array,
) -> None:
    """Fills chosen [n] with one token of classes[i] at each position: drawn by uniform[i] in
    [0, 1), or the most probable one where uniform[i] is NaN."""
    for i in range(len(classes)):
        c = classes[i]
        choice = candidates(
            i, c, offsets, tokens, column, is_fixed, allowed_offsets, allowed
        )
        if math.isnan(uniform[i]):
            chosen[i] = best_token(logits[i], choice, peak[i, c])
        else:
            chosen[i] = draw_token(logits[i], choice, peak[i, c], total[i, c], uniform[i])
