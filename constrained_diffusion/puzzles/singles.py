"""Naked and hidden singles to a fixed point: the inner loop of every search."""

from __future__ import annotations

from numba import njit

from .bits import count_bits
from .layout import HIDDEN, SYMBOL_MISSING, Int64Array, UInt8Array
from .narrowing import FAILED, keep


@njit(cache=True)
def fill_singles(
    domains: Int64Array,
    queue: Int64Array,
    queued: int,
    peer_offsets: Int64Array,
    peers: Int64Array,
    group_offsets: Int64Array,
    group_cells: Int64Array,
    required: Int64Array,
    rule_offsets: Int64Array,
    rules: Int64Array,
    stale: UInt8Array,
    failure: Int64Array,
) -> bool:
    """Takes the symbol of each queued cell from its peers, and gives a symbol that a group must
    hold its only place, until nothing changes. False where there is no solution."""
    done = 0
    while True:
        while done < queued:
            cell = queue[done]
            done += 1
            symbol = domains[cell]
            for i in range(peer_offsets[cell], peer_offsets[cell + 1]):
                peer = peers[i]
                if domains[peer] & symbol:
                    queued = keep(
                        domains, queue, rule_offsets, rules, stale, failure, peer, ~symbol, queued
                    )
                    if queued == FAILED:
                        return False
        for group in range(len(required)):
            if not stale[group] & HIDDEN:
                continue
            stale[group] ^= HIDDEN
            start, end = group_offsets[group], group_offsets[group + 1]
            once, twice = 0, 0
            for i in range(start, end):
                domain = domains[group_cells[i]]
                twice |= once & domain
                once |= domain
            missing = required[group] & ~once
            single = required[group] & ~twice
            for i in range(start, end):
                cell = group_cells[i]
                here = domains[cell] & single
                if here == 0 or here == domains[cell]:
                    continue
                if count_bits(here) > 1:
                    missing |= here
                    break
                queued = keep(
                    domains, queue, rule_offsets, rules, stale, failure, cell, here, queued
                )
            if missing:
                failure[0] = SYMBOL_MISSING
                failure[1] = group
                failure[2] = missing
                return False
        if done == queued:
            return True
