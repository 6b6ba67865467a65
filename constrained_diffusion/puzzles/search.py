"""Depth-first search over the solutions of a puzzle, in numba; can be paused and continued.

At each node one cell is guessed to hold one symbol; where that fails or is exhausted, the symbol
is taken from the cell, that is propagated, and the next guess is free to be about another cell.
First the cell of the smallest domain in proportion to how often it was part of a failure
("dom/wdeg", Boussemart et al., ECAI 2004, by cells in place of constraints); among equals the one
of whose best symbol the model is least certain, since that settles most (fewer guesses to a first
solution), or most certain (better solutions first); and its best symbol.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .bits import count_bits, lowest_bit
from .layout import Float64Array, Int16Array, Int64Array, Layout, Scratch
from .narrowing import keep
from .propagation import propagate

EXHAUSTED, PAUSED, FOUND = 0, 1, 2
"""How a run ends: no further solutions; out of nodes; as many solutions as were asked for."""


class Stack(NamedTuple):
    """The state of one search over n cells and k symbols."""

    domains: Int64Array  # [D, n], a fixed point of the propagation at each depth
    cells: Int64Array  # [D], the cell guessed at each depth
    symbols: Int64Array  # [D], and its symbol, as a bit
    depth: Int64Array  # [1], -1: exhausted
    entering: Int64Array  # [1], whether the node at `depth` is new
    nodes: Int64Array  # [1], guesses so far
    found: Int64Array  # [1], solutions so far, with pruning only those better than all before
    solutions: Int16Array  # [N, n], the first N of them
    scores: Float64Array  # [N], the sum of their weights
    last: Int16Array  # [n], the latest one
    best: Int16Array  # [n], the one of the highest score
    best_score: Float64Array  # [1], -inf: none yet


def build_stack(domains: Int64Array, capacity: int) -> Stack:
    """A search from `domains` [n], which propagation has brought to a fixed point. Keeps the
    first `capacity` solutions and the best one."""
    n = len(domains)
    depth = 2 + int(np.count_nonzero(domains & (domains - 1)))
    rows = np.empty((depth, n), np.int64)
    rows[0] = domains
    return Stack(
        rows,
        np.zeros(depth, np.int64),
        np.zeros(depth, np.int64),
        np.zeros(1, np.int64),
        np.ones(1, np.int64),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
        np.zeros((capacity, n), np.int16),
        np.zeros(capacity, np.float64),
        np.full(n, -1, np.int16),
        np.full(n, -1, np.int16),
        np.full(1, -np.inf),
    )


@njit(cache=True)
def run(
    layout: Layout,
    scratch: Scratch,
    stack: Stack,
    weights: Float64Array,
    level: int,
    max_nodes: int,
    max_found: int,
    prune: bool,
    certain_first: bool,
) -> int:
    """Continues the search until it is exhausted, has made `max_nodes` guesses in all, or has
    found `max_found` solutions in all.

    weights: [n, k], log-probabilities: what a solution scores, and the order of cells and symbols.
    prune: leave out what cannot score higher than the best solution so far.
    certain_first: among equals, guess the cell that the weights are most certain of, not least.
    """
    depth = stack.depth[0]
    entering = stack.entering[0] == 1
    status = EXHAUSTED
    while depth >= 0:
        domains = stack.domains[depth]
        if entering and not (prune and _bound(domains, weights) <= stack.best_score[0]):
            cell = _choose_cell(domains, weights, scratch.blame, certain_first)
            if cell >= 0:
                if stack.nodes[0] >= max_nodes:
                    status = PAUSED
                    break
                stack.nodes[0] += 1
                symbol = best_symbol(domains[cell], weights[cell])
                stack.cells[depth], stack.symbols[depth] = cell, symbol
                child = stack.domains[depth + 1]
                child[:] = domains
                if narrow(layout, scratch, child, cell, symbol, level):
                    depth += 1
                else:
                    entering = _refute(layout, scratch, stack, depth, level)
                continue
            _record(stack, domains, weights)
            if stack.found[0] >= max_found:
                status = FOUND
        # All below the guess that led here has been seen.
        depth -= 1
        entering = depth >= 0 and _refute(layout, scratch, stack, depth, level)
        if status == FOUND:
            break
    stack.depth[0], stack.entering[0] = depth, entering
    return status


@njit(cache=True)
def _refute(layout: Layout, scratch: Scratch, stack: Stack, depth: int, level: int) -> bool:
    """Takes the symbol guessed at `depth` from its cell; whether anything is left to search."""
    domains, cell = stack.domains[depth], stack.cells[depth]
    return narrow(layout, scratch, domains, cell, ~stack.symbols[depth], level)


@njit(cache=True)
def narrow(
    layout: Layout, scratch: Scratch, domains: Int64Array, cell: int, kept: int, level: int
) -> bool:
    """Narrows one cell of a fixed point and propagates that; False where it has no solution."""
    queued = keep(
        domains,
        scratch.queue,
        layout.rule_offsets,
        layout.rules,
        scratch.stale,
        scratch.failure,
        cell,
        kept,
        0,
    )
    return propagate(layout, scratch, domains, queued, level)


@njit(cache=True)
def _choose_cell(
    domains: Int64Array, weights: Float64Array, blame: Int64Array, certain_first: bool
) -> int:
    """The undecided cell to guess; -1 if there is none."""
    chosen, least, certainty = -1, np.inf, 0.0
    for cell in range(len(domains)):
        domain = domains[cell]
        if domain & (domain - 1) == 0:
            continue
        size = count_bits(domain) / (1 + blame[cell])
        if size > least:
            continue
        best = weights[cell, lowest_bit(best_symbol(domain, weights[cell]))]
        if size < least or (best > certainty if certain_first else best < certainty):
            chosen, least, certainty = cell, size, best
    return chosen


@njit(cache=True)
def best_symbol(domain: int, weights: Float64Array) -> int:
    """The symbol of the domain, as a bit, that weighs most; the first one among equals."""
    best = domain & -domain
    most = weights[lowest_bit(best)]
    rest = domain ^ best
    while rest:
        symbol = lowest_bit(rest)
        rest &= rest - 1
        if weights[symbol] > most:
            best, most = 1 << symbol, weights[symbol]
    return best


@njit(cache=True)
def _bound(domains: Int64Array, weights: Float64Array) -> float:
    """No solution below scores higher: each cell's best symbol on its own."""
    total = 0.0
    for cell in range(len(domains)):
        total += weights[cell, lowest_bit(best_symbol(domains[cell], weights[cell]))]
    return total


@njit(cache=True)
def _record(stack: Stack, domains: Int64Array, weights: Float64Array) -> None:
    number = stack.found[0]
    stack.found[0] += 1
    score = 0.0
    for cell in range(len(domains)):
        symbol = lowest_bit(domains[cell])
        score += weights[cell, symbol]
        stack.last[cell] = symbol
    if number < len(stack.solutions):
        stack.solutions[number] = stack.last
        stack.scores[number] = score
    if score > stack.best_score[0]:
        stack.best[:] = stack.last
        stack.best_score[0] = score
