"""A puzzle as arrays: which cells differ, which must hold every symbol, which add up.

n cells, k symbols, G groups, S sums. A set of symbols is an int64 with one bit per symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]
Int16Array = NDArray[np.int16]
UInt8Array = NDArray[np.uint8]
Float64Array = NDArray[np.float64]

MAX_SYMBOLS = 62
"""Symbols of a puzzle, so that a set of them is a non-negative int64."""

EXACT_SUM_SYMBOLS = 12
"""Sums of cells that differ are decided exactly, over the sets of symbols used, up to so many
symbols: 2^k sets."""


class Layout(NamedTuple):
    """The structure of a puzzle, the same for all its givens. Rows in CSR order."""

    peer_offsets: Int64Array  # [n+1]
    peers: Int64Array  # the cells that must differ from a cell
    group_offsets: Int64Array  # [G+1]
    group_cells: Int64Array
    required: Int64Array  # [G], the symbols that the group must hold: all, or none
    sum_offsets: Int64Array  # [S+1]
    sum_cells: Int64Array
    sum_totals: Int64Array  # [S]
    sum_differs: UInt8Array  # [S], whether the cells of the sum differ pairwise
    values: Int64Array  # [k], what each symbol counts in a sum
    rule_offsets: Int64Array  # [n+1]
    rules: Int64Array  # the groups of each cell, and its sums as G + their number


def build_layout(
    domains: Int64Array,
    groups: Sequence[Sequence[int]],
    sums: Sequence[tuple[Sequence[int], int]],
    values: Sequence[int],
) -> tuple[Layout, tuple[int, ...]]:
    """The arrays of cells with `domains` [n], all-different groups and sums (cells, total); and the
    number that each group of the layout has among `groups`."""
    n = len(domains)
    differ: list[set[int]] = [set() for _ in range(n)]
    for group in groups:
        for cell in group:
            differ[cell].update(group)
    for cell in range(n):
        differ[cell].discard(cell)

    kept, required, numbers = [], [], []
    for number, group in enumerate(groups):
        if len(group) < 2:
            continue
        union = int(np.bitwise_or.reduce(domains[list(group)]))
        # As many cells as symbols: each symbol stands in one of them.
        needs_all = union.bit_count() == len(group)
        # A pair says no more than that its cells are peers, unless it must hold both its symbols.
        if len(group) > 2 or needs_all:
            kept.append(group)
            required.append(union if needs_all else 0)
            numbers.append(number)
    few_symbols = len(values) <= EXACT_SUM_SYMBOLS
    layout = Layout(
        *_rows(sorted(cells) for cells in differ),
        *_rows(kept),
        np.array(required, np.int64),
        *_rows(cells for cells, _ in sums),
        np.array([total for _, total in sums], np.int64),
        np.array(
            [
                few_symbols and all(b in differ[a] for a in cells for b in cells if a != b)
                for cells, _ in sums
            ],
            np.uint8,
        ),
        np.array(values, np.int64),
        *_inverse(n, [*kept, *(cells for cells, _ in sums)]),
    )
    return layout, tuple(numbers)


def _rows(rows: Iterable[Iterable[int]]) -> tuple[Int64Array, Int64Array]:
    """(offsets, elements) of rows of numbers."""
    listed = [list(row) for row in rows]
    offsets = np.zeros(len(listed) + 1, np.int64)
    np.cumsum([len(row) for row in listed], out=offsets[1:])
    return offsets, np.array([element for row in listed for element in row], np.int64)


def _inverse(n: int, rows: Sequence[Sequence[int]]) -> tuple[Int64Array, Int64Array]:
    """For each of n cells, the numbers of the rows that it stands in."""
    found: list[list[int]] = [[] for _ in range(n)]
    for number, cells in enumerate(rows):
        for cell in cells:
            found[cell].append(number)
    return _rows(found)


class Scratch(NamedTuple):
    """Working memory of the propagation of one search."""

    queue: Int64Array  # [n], cells that came down to one symbol
    stale: UInt8Array  # [G+S], what of each rule has to be looked at again (see below)
    failure: Int64Array  # [3]: what failed (see below), its number, symbols
    blame: Int64Array  # [n], how often each cell was part of a failure
    subsets: Int64Array  # [m+1, w]: of a sum, the sets of symbols that its first cells can use
    subset_counts: Int64Array  # [m+1]
    marks: Int64Array  # [m+1, w]: stamps of the sets or totals, by layer
    stamp: Int64Array  # [1]


HIDDEN, SUPPORT = 1, 2
"""Bits of `Scratch.stale`: hidden singles of a group; matchings of a group, support of a sum."""

CELL_EMPTY, SYMBOL_MISSING, NO_MATCHING, SUM_MISSED = 1, 2, 3, 4
"""What `Scratch.failure[0]` says: a cell without a symbol (its number); a group without places for
the symbols given; a group whose cells cannot all differ; a sum that cannot be met."""


def build_scratch(layout: Layout) -> Scratch:
    """Working memory for one thread."""
    n = len(layout.peer_offsets) - 1
    cells = int(np.diff(layout.sum_offsets).max(initial=0))
    width = 1 << len(layout.values) if layout.sum_differs.any() else 0
    width = max(width, int(layout.sum_totals.max(initial=-1)) + 1)
    return Scratch(
        np.zeros(n, np.int64),
        np.zeros(len(layout.required) + len(layout.sum_totals), np.uint8),
        np.zeros(3, np.int64),
        np.zeros(n, np.int64),
        np.zeros((cells + 1, width), np.int64),
        np.zeros(cells + 1, np.int64),
        np.zeros((cells + 1, width), np.int64),
        np.zeros(1, np.int64),
    )
