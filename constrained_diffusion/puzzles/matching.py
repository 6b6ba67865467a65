"""Exact support of one all-different group: the symbols of each cell that stand in some matching.

J.-C. Régin, "A filtering algorithm for constraints of difference in CSPs" (AAAI 1994): given one
matching of cells to symbols, another edge stands in some matching if and only if it lies on an
alternating cycle, or on an alternating path that ends at a symbol nobody holds. Naked and hidden
sets of every size are consequences. Cells and symbols fit into one machine word here, so
reachability is a closure over bit rows in place of strongly connected components.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .bits import lowest_bit
from .layout import MAX_SYMBOLS, NO_MATCHING, SUPPORT, Int64Array, UInt8Array
from .narrowing import FAILED, keep


@njit(cache=True)
def match_group(
    domains: Int64Array,
    queue: Int64Array,
    queued: int,
    group_cells: Int64Array,
    rule_offsets: Int64Array,
    rules: Int64Array,
    stale: UInt8Array,
    failure: Int64Array,
    group: int,
) -> int:
    """Narrows the cells of `group` to their exact support; the queue's new length, or FAILED.

    Cells that hold one symbol are left out: their symbol is gone from the others already.
    """
    cells = np.empty(len(group_cells), np.int64)
    options = np.empty(len(group_cells), np.int64)
    count = 0
    for cell in group_cells:
        if domains[cell] & (domains[cell] - 1):
            cells[count] = cell
            options[count] = domains[cell]
            count += 1
    if count >= 2:
        holder = np.full(MAX_SYMBOLS + 1, -1, np.int64)
        held = np.zeros(count, np.int64)
        for i in range(count):
            if not _augment(options, holder, held, i):
                failure[0] = NO_MATCHING
                failure[1] = group
                return FAILED
        unsupported = _unsupported(options[:count], holder, held)
        for i in range(count):
            queued = keep(
                domains,
                queue,
                rule_offsets,
                rules,
                stale,
                failure,
                cells[i],
                ~unsupported[i],
                queued,
            )
            if queued == FAILED:
                return FAILED
    stale[group] &= ~SUPPORT
    return queued


@njit(cache=True)
def _augment(options: Int64Array, holder: Int64Array, held: Int64Array, start: int) -> bool:
    """Gives the cell `start` a symbol, moving others along an alternating path (breadth first)."""
    came_from = np.empty(MAX_SYMBOLS, np.int64)  # the cell from which a symbol was reached
    frontier = np.empty(MAX_SYMBOLS + 1, np.int64)
    frontier[0] = start
    done, size = 0, 1
    seen = 0
    while done < size:
        cell = frontier[done]
        done += 1
        fresh = options[cell] & ~seen
        seen |= fresh
        while fresh:
            symbol = lowest_bit(fresh)
            fresh &= fresh - 1
            came_from[symbol] = cell
            if holder[symbol] < 0:
                while True:
                    cell = came_from[symbol]
                    before = held[cell]
                    holder[symbol] = cell
                    held[cell] = 1 << symbol
                    if cell == start:
                        return True
                    symbol = lowest_bit(before)
            frontier[size] = holder[symbol]
            size += 1
    return False


@njit(cache=True)
def _unsupported(options: Int64Array, holder: Int64Array, held: Int64Array) -> Int64Array:
    """For each of m cells, the symbols in its domain that stand in no matching, as a set."""
    count = len(options)
    taken = 0
    for i in range(count):
        taken |= held[i]
    # reach[i]: the cells that have to move if i moves, in some chain; the last bit: a free symbol.
    free_end = 1 << count
    reach = np.empty(count, np.int64)
    for i in range(count):
        reach[i] = 1 << i
        others = options[i] & ~held[i]
        if others & ~taken:
            reach[i] |= free_end
        others &= taken
        while others:
            reach[i] |= 1 << holder[lowest_bit(others)]
            others &= others - 1
    for k in range(count):
        for i in range(count):
            if reach[i] >> k & 1:
                reach[i] |= reach[k]
    unsupported = np.zeros(count, np.int64)
    for i in range(count):
        others = options[i] & ~held[i] & taken
        while others:
            symbol = others & -others
            others ^= symbol
            if not reach[holder[lowest_bit(symbol)]] & (free_end | 1 << i):
                unsupported[i] |= symbol
    return unsupported
