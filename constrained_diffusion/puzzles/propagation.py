"""Propagation to a fixed point: which symbols each cell can still hold.

In order of cost: a symbol that stands is taken from the cell's peers; a symbol with one place left
in a group that must hold it takes that place; sums; the matchings of each group. What is taken
away stands in no solution. What remains need not stand in one: that is for the search.
"""

from __future__ import annotations

from numba import njit

from .layout import (
    CELL_EMPTY,
    HIDDEN,
    SUM_MISSED,
    SUPPORT,
    Int64Array,
    Layout,
    Scratch,
    UInt8Array,
)
from .matching import match_group
from .narrowing import FAILED
from .singles import fill_singles
from .sums import meet_sum

SINGLES, MATCHINGS = 0, 1
"""Levels of propagation: naked and hidden singles (and sums); also exact support by group."""


@njit(cache=True)
def propagate(
    layout: Layout, scratch: Scratch, domains: Int64Array, queued: int, level: int
) -> bool:
    """Narrows `domains` [n] to a fixed point, from the `queued` cells and what is marked stale.

    False where there is no solution: `scratch.failure` says why, and the domains are void.
    """
    groups = len(layout.required)
    while queued != FAILED and fill_singles(
        domains,
        scratch.queue,
        queued,
        layout.peer_offsets,
        layout.peers,
        layout.group_offsets,
        layout.group_cells,
        layout.required,
        layout.rule_offsets,
        layout.rules,
        scratch.stale,
        scratch.failure,
    ):
        rule = _next_rule(scratch.stale, groups, level)
        if rule < 0:
            return True
        if rule < groups:
            queued = match_group(
                domains,
                scratch.queue,
                0,
                layout.group_cells[layout.group_offsets[rule] : layout.group_offsets[rule + 1]],
                layout.rule_offsets,
                layout.rules,
                scratch.stale,
                scratch.failure,
                rule,
            )
        else:
            queued = meet_sum(layout, scratch, domains, rule - groups)
    _blame(layout, scratch)
    # The marks are of domains that are void now.
    scratch.stale[:] = 0
    return False


@njit(cache=True)
def propagate_all(layout: Layout, scratch: Scratch, domains: Int64Array, level: int) -> bool:
    """As `propagate`, with nothing known of `domains`: everything is looked at."""
    scratch.stale[:] = HIDDEN | SUPPORT
    queued = 0
    for cell in range(len(domains)):
        if domains[cell] == 0:
            scratch.failure[0] = CELL_EMPTY
            scratch.failure[1] = cell
            return False
        if domains[cell] & (domains[cell] - 1) == 0:
            scratch.queue[queued] = cell
            queued += 1
    return propagate(layout, scratch, domains, queued, level)


@njit(cache=True)
def _next_rule(stale: UInt8Array, groups: int, level: int) -> int:
    """The next rule whose support is stale, sums before groups; -1 if there is none."""
    for rule in range(groups, len(stale)):
        if stale[rule] & SUPPORT:
            return rule
    if level == MATCHINGS:
        for rule in range(groups):
            if stale[rule] & SUPPORT:
                return rule
    return -1


@njit(cache=True)
def _blame(layout: Layout, scratch: Scratch) -> None:
    """Counts the failure against the cells that were part of it."""
    reason, number = scratch.failure[0], scratch.failure[1]
    if reason == CELL_EMPTY:
        scratch.blame[number] += 1
    elif reason == SUM_MISSED:
        for i in range(layout.sum_offsets[number], layout.sum_offsets[number + 1]):
            scratch.blame[layout.sum_cells[i]] += 1
    else:
        for i in range(layout.group_offsets[number], layout.group_offsets[number + 1]):
            scratch.blame[layout.group_cells[i]] += 1
