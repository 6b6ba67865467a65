"""The one way in which a domain is narrowed: what depends on the cell is marked to be looked at.

The functions of the inner loop take arrays one by one, not in named tuples: compiled code counts a
reference whenever it takes an array out of a tuple, and that would be most of its time.
"""

from __future__ import annotations

from numba import njit

from .layout import CELL_EMPTY, HIDDEN, SUPPORT, Int64Array, UInt8Array

FAILED = -1
"""In place of the queue's length: there is no solution; `failure` says why."""


@njit(cache=True, inline="always")
def keep(
    domains: Int64Array,
    queue: Int64Array,
    rule_offsets: Int64Array,
    rules: Int64Array,
    stale: UInt8Array,
    failure: Int64Array,
    cell: int,
    kept: int,
    queued: int,
) -> int:
    """Narrows the domain of `cell` to the symbols `kept`; the new length of the queue, or FAILED.

    A cell that comes down to one symbol joins the queue.
    """
    narrowed = domains[cell] & kept
    if narrowed != domains[cell]:
        domains[cell] = narrowed
        for i in range(rule_offsets[cell], rule_offsets[cell + 1]):
            stale[rules[i]] = HIDDEN | SUPPORT
        if narrowed == 0:
            failure[0] = CELL_EMPTY
            failure[1] = cell
            queued = FAILED
        elif narrowed & (narrowed - 1) == 0:
            queue[queued] = cell
            queued += 1
    return queued
