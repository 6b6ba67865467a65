"""Compiled passes over rows of logits: what a row says of each class, and back to its tokens.

Logits are [n, V] float32 or float64.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .exponential import exp_nonpositive, least
from .tables import (
    Allowed,
    BoolArray,
    ClassTable,
    Columns,
    Float64Array,
    Floats,
    UInt32Array,
)

# Sums in float32 are carried on to float64 after so many terms.
BLOCK = 512
# Vectorised loops take so many terms at a time and are slow at the rest.
STRIDE = 64
# A row of which less than one in so many tokens is possible is written token by token.
SPARSE = 8


@njit(cache=True, nogil=True)
def _gather(row: Floats, tokens: UInt32Array, low: int, high: int, gathered: Floats) -> None:
    """Copies the logits of tokens[low:high] to `gathered`, from 0 on."""
    for position in range(low, high):
        gathered[position - low] = row[tokens[position]]


@njit(cache=True, nogil=True)
def _maximum(logits: Floats, count: int, lanes: Floats) -> float:
    """The greatest of the first `count` logits, NaN left out; lanes: scratch of size STRIDE.

    The lanes' maxima are independent, so the compiler vectorises what it must not reorder as one.
    """
    whole = count - count % STRIDE
    lanes[:] = -np.inf
    for start in range(0, whole, STRIDE):
        for k in range(STRIDE):
            lanes[k] = logits[start + k] if logits[start + k] > lanes[k] else lanes[k]
    peak = lanes[0]
    for k in range(1, STRIDE):
        peak = max(peak, lanes[k])
    for index in range(whole, count):
        peak = logits[index] if logits[index] > peak else peak
    return peak  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _sums(logits: Floats, count: int, peak: float) -> tuple[float, float]:
    """Total and slope of the first `count` logits; NaN if one of them is NaN or +inf.

    Logits of -inf add less than 1e-37 to the total, which is at least 1.
    """
    lowest = least(peak)
    zero = lowest - lowest
    total, slope = 0.0, 0.0
    for start in range(0, count, BLOCK):
        block_total, block_slope = zero, zero
        for index in range(start, min(start + BLOCK, count)):
            below = logits[index] - peak
            below = lowest if below < lowest else below
            term = exp_nonpositive(below)
            block_total += term
            block_slope += term * below
        total += block_total
        slope += block_slope
    return total, slope


@njit(cache=True, nogil=True)
def reduce_rows(logits: Floats, columns: Columns, allowed: Allowed, table: ClassTable) -> None:
    """Fills `table`; log_normaliser: -inf for rows of only -inf, NaN for rows with NaN or +inf."""
    log_normaliser = table.log_normaliser
    positions, size = logits.shape
    num_columns = len(columns.offsets) - 1
    gathered = np.empty(size + STRIDE, logits.dtype)
    lanes = np.empty(STRIDE, logits.dtype)
    for i in range(positions):
        peak, total, slope = table.peak[i], table.total[i], table.slope[i]
        if allowed.is_fixed[i]:
            tokens = allowed.tokens[allowed.offsets[i] : allowed.offsets[i + 1]]
            _reduce_tokens(logits[i], tokens, columns.of_token, peak, total, slope)
            highest = _maximum(logits[i], size, lanes)
            log_normaliser[i] = highest
            if highest != -np.inf:
                log_normaliser[i] += math.log(_sums(logits[i], size, highest)[0])
            elif _has_nan(logits[i], size):
                log_normaliser[i] = np.nan
        else:
            _reduce_row(logits[i], columns, peak, total, slope, gathered, lanes)
            log_normaliser[i] = _log_sum(peak, total)
        table.reference[i] = -np.inf
        for c in range(num_columns - 1):
            table.reference[i] = max(table.reference[i], peak[c])


@njit(cache=True, nogil=True)
def _reduce_row(
    row: Floats,
    columns: Columns,
    peak: Floats,
    total: Float64Array,
    slope: Float64Array,
    gathered: Floats,
    lanes: Floats,
) -> None:
    """The tokens of a class are gathered first, so that the rest is over contiguous memory."""
    for c in range(len(columns.offsets) - 1):
        low, high = columns.offsets[c], columns.offsets[c + 1]
        count = high - low
        peak[c] = -np.inf
        total[c] = count
        slope[c] = 0.0
        if count == 0:
            continue
        _gather(row, columns.tokens, low, high, gathered)
        top = gathered[0] if count == 1 else _maximum(gathered, count, lanes)
        peak[c] = top
        if count == 1:
            if top != -np.inf:
                total[c] = 1.0 + (top - top)  # NaN if the logit is NaN or +inf
            continue
        if count > STRIDE // 8:
            padded = -(-count // STRIDE) * STRIDE
            gathered[count:padded] = -np.inf
            count = padded
        if top != -np.inf:
            total[c], slope[c] = _sums(gathered, count, top)
        elif _has_nan(gathered, count):
            total[c] = np.nan


@njit(cache=True, nogil=True)
def _has_nan(logits: Floats, count: int) -> bool:
    for index in range(count):  # noqa: SIM110
        if math.isnan(logits[index]):
            return True
    return False


@njit(cache=True, nogil=True)
def _reduce_tokens(
    row: Floats,
    tokens: UInt32Array,
    of_token: UInt32Array,
    peak: Floats,
    total: Float64Array,
    slope: Float64Array,
) -> None:
    """The same for a few tokens only."""
    peak[:] = -np.inf
    total[:] = 0.0
    slope[:] = 0.0
    for token in tokens:
        c = of_token[token]
        peak[c] = max(peak[c], row[token])
    for token in tokens:
        c = of_token[token]
        below = row[token] - peak[c]
        if peak[c] == -np.inf:
            total[c] += 1.0
        elif below >= least(below):
            term = exp_nonpositive(below)
            total[c] += term
            slope[c] += term * below


@njit(cache=True, nogil=True)
def _log_sum(peak: Floats, total: Float64Array) -> float:
    highest = -np.inf
    for c in range(len(peak)):
        if math.isnan(total[c]):
            return np.nan
        highest = max(highest, np.float64(peak[c]))
    if highest == -np.inf:
        return -np.inf
    sum_of_row = 0.0
    for c in range(len(peak)):
        if peak[c] != -np.inf:
            sum_of_row += total[c] * math.exp(peak[c] - highest)
    return highest + math.log(sum_of_row)


@njit(cache=True, nogil=True)
def marginal_rows(
    logits: Floats,
    columns: Columns,
    allowed: Allowed,
    peak: Floats,
    factor: Floats,
    marginals: Floats,
) -> None:
    """Writes factor * exp(logit - peak) of its column for every token that may stand at a position
    to marginals [n, V], whose other entries are 0 already.

    peak, factor [n, C+1]. A class of peak -inf gives each of its tokens `factor`.
    """
    positions, size = logits.shape
    peaks = np.empty(BLOCK, logits.dtype)
    factors = np.empty(BLOCK, logits.dtype)
    for i in range(positions):
        row = marginals[i]
        if allowed.is_fixed[i]:
            tokens = allowed.tokens[allowed.offsets[i] : allowed.offsets[i + 1]]
            _write_tokens(logits[i], tokens, columns.of_token, peak[i], factor[i], row)
            continue
        dense = SPARSE * _num_tokens(columns, factor[i]) > size
        if dense:
            for start in range(0, size, BLOCK):
                count = min(BLOCK, size - start)
                for k in range(count):
                    c = columns.of_token[start + k]
                    peaks[k] = peak[i, c]
                    factors[k] = factor[i, c]
                _scaled_exponentials(logits[i, start : start + count], peaks, factors, row[start:])
        for c in range(len(columns.offsets) - 1):
            # what the dense loop makes of -inf - -inf is no number
            if peak[i, c] == -np.inf if dense else factor[i, c] > 0:
                tokens = columns.tokens[columns.offsets[c] : columns.offsets[c + 1]]
                _write_tokens(logits[i], tokens, columns.of_token, peak[i], factor[i], row)


@njit(cache=True, nogil=True)
def _num_tokens(columns: Columns, weight: Floats | BoolArray) -> int:
    """How many tokens are of the columns whose weight [C+1] is positive."""
    count = 0
    for c in range(len(weight)):
        if weight[c] > 0:
            count += columns.offsets[c + 1] - columns.offsets[c]
    return count


@njit(cache=True, nogil=True)
def _write_tokens(
    logits: Floats,
    tokens: UInt32Array,
    of_token: UInt32Array,
    peak: Floats,
    factor: Floats,
    row: Floats,
) -> None:
    for token in tokens:
        c = of_token[token]
        below = logits[token] - peak[c]
        if peak[c] == -np.inf:
            row[token] = factor[c]
        elif below >= least(below):
            row[token] = factor[c] * exp_nonpositive(below)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _scaled_exponentials(logits: Floats, peaks: Floats, factors: Floats, results: Floats) -> None:
    for k in range(len(logits)):
        below = logits[k] - peaks[k]
        lowest = least(below)
        term = exp_nonpositive(lowest if below < lowest else below) * factors[k]
        results[k] = term * 0 if below < lowest else term


@njit(cache=True, nogil=True)
def mask_rows(columns: Columns, allowed: Allowed, support: BoolArray, mask: BoolArray) -> None:
    """Writes the support of its column for every token that may stand at a position to mask [n, V],
    whose other entries are False already. support: bool [n, C+1]."""
    positions, size = mask.shape
    for i in range(positions):
        row, of_column = mask[i], support[i]
        if allowed.is_fixed[i]:
            for token in allowed.tokens[allowed.offsets[i] : allowed.offsets[i + 1]]:
                row[token] = of_column[columns.of_token[token]]
        elif SPARSE * _num_tokens(columns, of_column) > size:
            for token in range(size):
                row[token] = of_column[columns.of_token[token]]
        else:
            for c in range(len(of_column)):
                if of_column[c]:
                    for position in range(columns.offsets[c], columns.offsets[c + 1]):
                        row[columns.tokens[position]] = True
