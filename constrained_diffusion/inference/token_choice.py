"""Compiled: one of several weights, and one token of a class, drawn or the most probable one."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .exponential import exp_nonpositive, least
from .extended import to_float
from .logit_kernels import BLOCK
from .tables import (
    Allowed,
    ClassTable,
    Columns,
    Extended,
    Float64Array,
    Floats,
    Int64Array,
    UInt32Array,
)


@njit(cache=True, nogil=True)
def draw_index(weights: Extended, uniform: float) -> int:
    """An index in proportion to normal weights, not all of them zero; uniform in [0, 1)."""
    highest = np.iinfo(np.int64).min
    for k in range(len(weights.mantissa)):
        if weights.mantissa[k] > 0.0:
            highest = max(highest, weights.blocks[k])
    total = 0.0
    for k in range(len(weights.mantissa)):
        total += to_float(weights.mantissa[k], weights.blocks[k] - highest)
    left = uniform * total
    chosen = -1
    for k in range(len(weights.mantissa)):
        weight = to_float(weights.mantissa[k], weights.blocks[k] - highest)
        if weight > 0.0:
            chosen = k
            if left < weight:
                break
            left -= weight
    return chosen


@njit(cache=True, nogil=True)
def choose_tokens(
    logits: Floats,
    columns: Columns,
    allowed: Allowed,
    table: ClassTable,
    classes: Int64Array,
    uniform: Float64Array,
    chosen: Int64Array,
) -> None:
    """Fills chosen [n] with one token of classes[i] at each position: drawn by uniform[i] in
    [0, 1), or the most probable one where uniform[i] is NaN."""
    for i in range(len(classes)):
        c = classes[i]
        tokens = _candidates(columns, allowed, i, c)
        peak = table.peak[i, c]
        if math.isnan(uniform[i]):
            chosen[i] = _most_probable(logits[i], tokens, peak)
        elif peak == -np.inf:
            chosen[i] = tokens[min(int(uniform[i] * len(tokens)), len(tokens) - 1)]
        else:
            chosen[i] = _draw_token(logits[i], tokens, peak, uniform[i] * table.total[i, c])


@njit(cache=True, nogil=True)
def _candidates(columns: Columns, allowed: Allowed, i: int, c: int) -> UInt32Array:
    """The tokens of class c that may stand at position i."""
    if not allowed.is_fixed[i]:
        return columns.tokens[columns.offsets[c] : columns.offsets[c + 1]]
    tokens = allowed.tokens[allowed.offsets[i] : allowed.offsets[i + 1]]
    chosen = np.empty(len(tokens), np.uint32)
    count = 0
    for token in tokens:
        if columns.of_token[token] == c:
            chosen[count] = token
            count += 1
    return chosen[:count]


@njit(cache=True, nogil=True)
def _most_probable(row: Floats, tokens: UInt32Array, peak: float) -> int:
    """The first of `tokens` whose logit is their peak."""
    index = 0
    while index < len(tokens) - 1 and row[tokens[index]] != peak:
        index += 1
    return int(tokens[index])


@njit(cache=True, nogil=True)
def _draw_token(row: Floats, tokens: UInt32Array, peak: float, left: float) -> int:
    """The token at which the running sum of exp(logit - peak) exceeds `left`, or the last one of
    positive probability if rounding hides that."""
    logits = np.empty(BLOCK, row.dtype)
    terms = np.empty(BLOCK, row.dtype)
    chosen = -1
    for start in range(0, len(tokens), BLOCK):
        count = min(BLOCK, len(tokens) - start)
        for k in range(count):
            logits[k] = row[tokens[start + k]]
        _exponentials(logits[:count], peak, terms)
        sum_of_block = 0.0
        for k in range(count):
            sum_of_block += terms[k]
        if left >= sum_of_block and start + count < len(tokens):
            left -= sum_of_block
            continue
        for k in range(count):
            if terms[k] > 0:
                chosen = int(tokens[start + k])
                if left < terms[k]:
                    return chosen
                left -= terms[k]
    return chosen if chosen >= 0 else _most_probable(row, tokens, peak)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _exponentials(logits: Floats, peak: float, terms: Floats) -> None:
    for k in range(len(logits)):
        below = logits[k] - peak
        lowest = least(below)
        term = exp_nonpositive(lowest if below < lowest else below)
        terms[k] = term * 0 if below < lowest else term
