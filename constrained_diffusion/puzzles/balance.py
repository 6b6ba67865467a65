"""Approximate marginals of a puzzle, where its solutions are too many to list."""

from __future__ import annotations

import numpy as np
from numba import njit

from .layout import Float64Array, Int64Array, Layout

_SWEEPS = 200
_TOLERANCE = 1e-6
_LEAST = 1e-30
"""Nothing that propagation left is excluded altogether: the witness may need it."""


@njit(cache=True)
def balanced_marginals(layout: Layout, domains: Int64Array, weights: Float64Array) -> Float64Array:
    """float64 [n, k]: each cell's probabilities over its domain, balanced with its groups'.

    Starts from the model's probabilities within the domains [n] and scales in turn, until both
    hold or for 200 sweeps: each symbol that a group must hold sums to 1 over the group's cells (in
    other groups, to at most 1), and each cell sums to 1. That is iterative proportional fitting
    (Sinkhorn and Knopp, 1967): the distribution closest to the model's, in relative entropy, among
    those whose marginals satisfy each rule on average. The solutions' own marginals do so, too,
    but satisfy more.
    """
    size, symbols = weights.shape
    table = np.zeros((size, symbols))
    for cell in range(size):
        peak = -np.inf
        for j in range(symbols):
            if domains[cell] >> j & 1:
                peak = max(peak, weights[cell, j])
        for j in range(symbols):
            if domains[cell] >> j & 1:
                table[cell, j] = max(np.exp(weights[cell, j] - peak), _LEAST)
        table[cell] /= table[cell].sum()
    for _ in range(_SWEEPS):
        change = 0.0
        for group in range(len(layout.required)):
            cells = layout.group_cells[
                layout.group_offsets[group] : layout.group_offsets[group + 1]
            ]
            for j in range(symbols):
                total = 0.0
                for cell in cells:
                    total += table[cell, j]
                if total > 1.0 or (total > 0.0 and layout.required[group] >> j & 1):
                    change = max(change, abs(total - 1.0))
                    for cell in cells:
                        table[cell, j] /= total
        for cell in range(size):
            table[cell] /= table[cell].sum()
        if change < _TOLERANCE:
            break
    return table
