"""Compiled passes over rows of logits: what a row says of each class, and back to its tokens.

A row is [V] float32 or float64. The tokens that act nowhere count as one more class, of column C.
Within a class all is relative to its greatest logit, its *peak*, so nothing overflows, and nothing
that matters to the class is lost beside the others, whatever the range of the row.

Per position and column: peak (logit), total = sum of exp(logit - peak) over the tokens, slope = sum
of (logit - peak) exp(logit - peak), which entropies need. total = 0: no token may stand there. A
class whose logits are all -inf has the peak -inf, its number of tokens as total, and slope 0.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from constrained_diffusion.inference.exponential import exp_nonpositive, least

Floats = NDArray[np.floating]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Sums in float32 are carried on to float64 after so many terms, sixteen at a time.
BLOCK = 512
# The vectorised loop takes so many terms at a time and is slow at the rest.
STRIDE = 64


@njit(cache=True, nogil=True)
def _gather(row: Floats, tokens: Int32Array, low: int, high: int, gathered: Floats) -> None:
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
    return peak


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
def reduce_rows(
    logits: Floats,
    offsets: Int64Array,
    tokens: Int32Array,
    column: Int32Array,
    is_fixed: BoolArray,
    allowed_offsets: Int64Array,
    allowed: Int32Array,
    peak: Floats,
    total: Float64Array,
    slope: Float64Array,
    log_normaliser: Float64Array,
) -> None:
    """Fills peak, total, slope [n, C+1] and log_normaliser [n] from logits [n, V].

    offsets, tokens: the tokens of each column; column [V]: its inverse. Where `is_fixed`, only the
    tokens allowed[allowed_offsets[i]:allowed_offsets[i+1]] of position i enter (peak, total, slope).
    log_normaliser is over the whole row: -inf if all logits are, NaN if there is NaN or +inf.
    """
    positions, size = logits.shape
    columns = len(offsets) - 1
    gathered = np.empty(size + STRIDE, logits.dtype)
    lanes = np.empty(STRIDE, logits.dtype)
    for i in range(positions):
        row = logits[i]
        if is_fixed[i]:
            _reduce_fixed(
                row,
                column,
                allowed[allowed_offsets[i] : allowed_offsets[i + 1]],
                peak[i],
                total[i],
                slope[i],
            )
            highest = _maximum(row, size, lanes)
            if highest == -np.inf:
                log_normaliser[i] = -np.inf
            else:
                log_normaliser[i] = highest + math.log(_sums(row, size, highest)[0])
            continue
        highest = peak.dtype.type(-np.inf)
        for c in range(columns):
            count = offsets[c + 1] - offsets[c]
            peak[i, c] = -np.inf
            total[i, c] = count
            slope[i, c] = 0.0
            if count == 0:
                continue
            _gather(row, tokens, offsets[c], offsets[c + 1], gathered)
            top = gathered[0] if count == 1 else _maximum(gathered, count, lanes)
            peak[i, c] = top
            if top == -np.inf:
                continue
            if count == 1:
                total[i, c] = 1.0 + (top - top)  # NaN if the logit is NaN or +inf
            else:
                if count > STRIDE // 8:
                    padded = -(-count // STRIDE) * STRIDE
                    gathered[count:padded] = -np.inf
                    count = padded
                total[i, c], slope[i, c] = _sums(gathered, count, top)
            highest = max(highest, top)
        log_normaliser[i] = -np.inf
        if highest != -np.inf:
            sum_of_row = 0.0
            for c in range(columns):
                if peak[i, c] != -np.inf:
                    sum_of_row += total[i, c] * math.exp(peak[i, c] - highest)
            log_normaliser[i] = highest + math.log(sum_of_row)


@njit(cache=True, nogil=True)
def _reduce_fixed(
    row: Floats,
    column: Int32Array,
    allowed: Int32Array,
    peak: Floats,
    total: Float64Array,
    slope: Float64Array,
) -> None:
    peak[:] = -np.inf
    total[:] = 0.0
    slope[:] = 0.0
    for token in allowed:
        c = column[token]
        peak[c] = max(peak[c], row[token])
    for token in allowed:
        c = column[token]
        if peak[c] == -np.inf:
            total[c] += 1.0
        else:
            below = row[token] - peak[c]
            if below >= least(below):
                term = exp_nonpositive(below)
                total[c] += term
                slope[c] += term * below


@njit(cache=True, nogil=True)
def marginal_rows(
    logits: Floats,
    offsets: Int64Array,
    tokens: Int32Array,
    column: Int32Array,
    is_fixed: BoolArray,
    allowed_offsets: Int64Array,
    allowed: Int32Array,
    peak: Floats,
    factor: Floats,
    marginals: Floats,
) -> None:
    """Writes factor[column] * exp(logit - peak[column]) for every token that may stand at each
    position to marginals [n, V], whose other entries are 0 already.

    peak, factor [n, C+1]. A class of peak -inf gives each of its tokens `factor`.
    """
    positions, size = logits.shape
    peaks = np.empty(BLOCK, logits.dtype)
    factors = np.empty(BLOCK, logits.dtype)
    for i in range(positions):
        if is_fixed[i]:
            for token in allowed[allowed_offsets[i] : allowed_offsets[i + 1]]:
                c = column[token]
                below = logits[i, token] - peak[i, c]
                if peak[i, c] == -np.inf:
                    marginals[i, token] = factor[i, c]
                elif below >= least(below):
                    marginals[i, token] = factor[i, c] * exp_nonpositive(below)
            continue
        for start in range(0, size, BLOCK):
            count = min(BLOCK, size - start)
            for k in range(count):
                c = column[start + k]
                peaks[k] = peak[i, c]
                factors[k] = factor[i, c]
            _scaled_exponentials(
                logits[i, start : start + count], peaks, factors, marginals[i, start:]
            )
        for c in range(len(offsets) - 1):
            if peak[i, c] == -np.inf:
                for position in range(offsets[c], offsets[c + 1]):
                    marginals[i, tokens[position]] = factor[i, c]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _scaled_exponentials(
    logits: Floats, peaks: Floats, factors: Floats, results: Floats
) -> None:
    for k in range(len(logits)):
        below = logits[k] - peaks[k]
        lowest = least(below)
        term = exp_nonpositive(lowest if below < lowest else below) * factors[k]
        results[k] = term * 0 if below < lowest else term


@njit(cache=True, nogil=True)
def mask_rows(
    column: Int32Array,
    is_fixed: BoolArray,
    allowed_offsets: Int64Array,
    allowed: Int32Array,
    support: BoolArray,
    mask: BoolArray,
) -> None:
    """Writes support[i, column] for every token that may stand at position i to mask [n, V], whose
    other entries are False already. support: bool [n, C+1]."""
    positions, size = mask.shape
    for i in range(positions):
        if is_fixed[i]:
            for token in allowed[allowed_offsets[i] : allowed_offsets[i + 1]]:
                mask[i, token] = support[i, column[token]]
        else:
            row, of_column = mask[i], support[i]
            for token in range(size):
                row[token] = of_column[column[token]]
