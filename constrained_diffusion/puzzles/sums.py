"""Support of one sum: the symbols of each cell that stand in some filling with the right total.

Where the cells differ pairwise (a killer cage) and symbols are few, exact together with that: the
states after each cell are the sets of symbols used, whose total is known. Otherwise over the
totals alone, which leaves "the cells differ" to the groups.
"""

from __future__ import annotations

from numba import njit

from .bits import lowest_bit
from .layout import SUM_MISSED, Int64Array, Layout, Scratch
from .narrowing import FAILED, keep


@njit(cache=True)
def meet_sum(layout: Layout, scratch: Scratch, domains: Int64Array, number: int) -> int:
    """Narrows the cells of the sum; the length of the queue, or FAILED."""
    start, end = layout.sum_offsets[number], layout.sum_offsets[number + 1]
    if layout.sum_differs[number]:
        reached = _forward_sets(layout, scratch, domains, number)
    else:
        reached = _forward_totals(layout, scratch, domains, number)
    if not reached:
        scratch.failure[0] = SUM_MISSED
        scratch.failure[1] = number
        return FAILED
    queued = 0
    for i in range(end - start - 1, -1, -1):
        cell = layout.sum_cells[start + i]
        if layout.sum_differs[number]:
            kept = _backward_sets(scratch, domains[cell], i)
        else:
            kept = _backward_totals(layout, scratch, domains[cell], i)
        queued = keep(
            domains,
            scratch.queue,
            layout.rule_offsets,
            layout.rules,
            scratch.stale,
            scratch.failure,
            cell,
            kept,
            queued,
        )
        if queued == FAILED:
            return FAILED
    scratch.stale[len(layout.required) + number] = 0
    return queued


@njit(cache=True)
def _forward_sets(layout: Layout, scratch: Scratch, domains: Int64Array, number: int) -> bool:
    """Lists the sets that the first i cells can use, for each i; whether one has the total."""
    start, end = layout.sum_offsets[number], layout.sum_offsets[number + 1]
    subsets, counts, marks = scratch.subsets, scratch.subset_counts, scratch.marks
    # Layer i is stamped 2s when reached from the front and 2s + 1 when it also reaches the total.
    scratch.stamp[0] += 1
    stamp = 2 * scratch.stamp[0]
    subsets[0, 0] = 0
    counts[0] = 1
    for i in range(end - start):
        domain = domains[layout.sum_cells[start + i]]
        found = 0
        for j in range(counts[i]):
            used = subsets[i, j]
            options = domain & ~used
            while options:
                larger = used | (options & -options)
                options &= options - 1
                if marks[i + 1, larger] != stamp:
                    marks[i + 1, larger] = stamp
                    subsets[i + 1, found] = larger
                    found += 1
        counts[i + 1] = found
    met = False
    for j in range(counts[end - start]):
        used = subsets[end - start, j]
        total, rest = 0, used
        while rest:
            total += layout.values[lowest_bit(rest)]
            rest &= rest - 1
        if total == layout.sum_totals[number]:
            marks[end - start, used] = stamp + 1
            met = True
    return met


@njit(cache=True)
def _backward_sets(scratch: Scratch, domain: int, i: int) -> int:
    """The symbols by which cell i leads from a set it can start from to one that reaches the
    total; marks the former."""
    subsets, counts, marks = scratch.subsets, scratch.subset_counts, scratch.marks
    good = 2 * scratch.stamp[0] + 1
    kept = 0
    for j in range(counts[i]):
        used = subsets[i, j]
        options = domain & ~used
        while options:
            symbol = options & -options
            options ^= symbol
            if marks[i + 1, used | symbol] == good:
                kept |= symbol
                marks[i, used] = good
    return kept


@njit(cache=True)
def _forward_totals(layout: Layout, scratch: Scratch, domains: Int64Array, number: int) -> bool:
    """Marks the totals that the first i cells can reach, for each i; whether the last has it."""
    start, end = layout.sum_offsets[number], layout.sum_offsets[number + 1]
    marks, total = scratch.marks, layout.sum_totals[number]
    scratch.stamp[0] += 1
    stamp = 2 * scratch.stamp[0]
    if total < 0:
        return False
    marks[0, 0] = stamp
    for i in range(end - start):
        for so_far in range(total + 1):
            if i == 0 and so_far > 0:
                break
            if marks[i, so_far] != stamp:
                continue
            options = domains[layout.sum_cells[start + i]]
            while options:
                larger = so_far + layout.values[lowest_bit(options)]
                options &= options - 1
                if larger <= total:
                    marks[i + 1, larger] = stamp
    if marks[end - start, total] != stamp:
        return False
    marks[end - start, total] = stamp + 1
    return True


@njit(cache=True)
def _backward_totals(layout: Layout, scratch: Scratch, domain: int, i: int) -> int:
    """As `_backward_sets`, over totals."""
    marks = scratch.marks
    reached, good = 2 * scratch.stamp[0], 2 * scratch.stamp[0] + 1
    width = marks.shape[1]
    kept = 0
    for so_far in range(width):
        if marks[i, so_far] != reached:
            continue
        options = domain
        while options:
            symbol = options & -options
            options ^= symbol
            larger = so_far + layout.values[lowest_bit(symbol)]
            if larger < width and marks[i + 1, larger] == good:
                kept |= symbol
                marks[i, so_far] = good
    return kept
