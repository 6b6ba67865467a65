"""Solving puzzles without a model: one, all, how many; and thousands at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ..errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from .explore import Searcher
from .layout import (
    Float64Array,
    Int16Array,
    Int64Array,
    Layout,
    Scratch,
    build_scratch,
)
from .propagation import MATCHINGS, propagate_all
from .puzzle import Structure
from .search import EXHAUSTED, FOUND, PAUSED, Stack, build_stack, run

if TYPE_CHECKING:
    from .constraint import PositionConstraint


@dataclass(frozen=True)
class Solution:
    """A solution of a puzzle.

    Attributes:
        text: its symbols, position by position.
        unique: whether it is the only one; None where the limits were reached before that was
            known.
        nodes: guesses of the search for it and for a second one.
        seconds: the time taken.
    """

    text: str
    unique: bool | None
    nodes: int
    seconds: float


def solve(puzzle: PositionConstraint) -> Solution:
    """See `PositionConstraint.solve`."""
    started = time.perf_counter()
    structure, limits = puzzle.structure, puzzle.limits
    search = Searcher(structure, puzzle.initial, seconds=limits.seconds)
    if search.run(1) == EXHAUSTED and search.found == 0:
        raise UnsatisfiableError("no solution: every possibility was tried")
    text = text_of(structure, search.stack.solutions[0])
    status = search.run(2)
    unique = None if status == PAUSED else status == EXHAUSTED and search.found == 1
    return Solution(text, unique, search.nodes, time.perf_counter() - started)


def count(puzzle: PositionConstraint, limit: int) -> int:
    """See `PositionConstraint.count`."""
    if limit < 1:
        raise ConstrainedDiffusionError(f"solutions are counted up to a limit >= 1, got {limit}")
    try:
        search = Searcher(puzzle.structure, puzzle.initial, seconds=puzzle.limits.seconds)
    except UnsatisfiableError:
        return 0
    if search.run(limit) == PAUSED:
        raise LimitError(
            f"{search.found:,} solutions found within {puzzle.limits.seconds:g} seconds, and there "
            "may be more; allow more by SearchLimits(seconds=…)"
        )
    return search.found


def solutions(puzzle: PositionConstraint) -> Iterator[str]:
    """See `PositionConstraint.solutions`."""
    try:
        search = Searcher(puzzle.structure, puzzle.initial, seconds=puzzle.limits.seconds)
    except UnsatisfiableError:
        return
    while (status := search.run(search.found + 1)) == FOUND:
        yield text_of(puzzle.structure, search.last)
        search.restart_clock()
    if status == PAUSED:
        raise LimitError(
            f"{puzzle.limits.seconds:g} seconds are over since the last solution, and there may be "
            "more; allow more by SearchLimits(seconds=…)"
        )


def text_of(structure: Structure, symbols: Int16Array | Int64Array) -> str:
    """The text of a filling. Raises ConstrainedDiffusionError for symbols that are token ids."""
    texts = []
    for j in symbols.tolist():
        symbol = structure.symbols[j]
        if isinstance(symbol, int):
            raise ConstrainedDiffusionError(
                "the symbols of this puzzle are token ids: compile it for a vocabulary"
            )
        texts.append(symbol)
    return b"".join(texts).decode("utf-8", errors="replace")


class Batch(NamedTuple):
    """What `solve_many` found for B puzzles."""

    solutions: Int16Array  # [B, n], symbol numbers; void where nothing was found
    found: Int64Array  # [B], solutions found, up to as many as were asked for
    nodes: Int64Array  # [B], guesses
    standing: Int64Array  # [B], those that were not refuted; 0 where everything was searched
    status: Int64Array  # [B]: EXHAUSTED, FOUND or PAUSED (out of guesses)


def solve_many(
    structure: Structure,
    domains: Int64Array,
    weights: Float64Array | None = None,
    *,
    max_found: int = 2,
    max_nodes: int = 1_000_000,
    level: int = MATCHINGS,
) -> Batch:
    """Solves many puzzles of one kind, without a look at the clock between them.

    domains: int64 [B, n], as from `domains_of`.
    weights: float64 [B, n, k], the order of each search; None: symbols in their own order.
    max_found: 1: stop at the first solution; 2: find out whether it is the only one.
    max_nodes: guesses for each puzzle.
    level: of the propagation: MATCHINGS or, cheaper and weaker, SINGLES.
    """
    shape = (structure.size, len(structure.symbols))
    return Batch(
        *_solve_many(
            structure.layout,
            build_scratch(structure.layout),
            build_stack(np.full(structure.size, 3, np.int64), 1),
            np.zeros((1, *shape)) if weights is None else np.ascontiguousarray(weights),
            np.ascontiguousarray(domains, np.int64),
            max_found,
            max_nodes,
            level,
        )
    )


@njit(cache=True)
def _solve_many(
    layout: Layout,
    scratch: Scratch,
    stack: Stack,
    weights: Float64Array,
    domains: Int64Array,
    max_found: int,
    max_nodes: int,
    level: int,
) -> tuple[Int16Array, Int64Array, Int64Array, Int64Array, Int64Array]:
    count = len(domains)
    solutions = np.full(domains.shape, -1, np.int16)
    found = np.zeros(count, np.int64)
    nodes = np.zeros(count, np.int64)
    standing = np.zeros(count, np.int64)
    status = np.full(count, EXHAUSTED, np.int64)
    for b in range(count):
        stack.domains[0] = domains[b]
        # What one puzzle taught must not change the search of the next.
        scratch.blame[:] = 0
        if not propagate_all(layout, scratch, stack.domains[0], level):
            continue
        stack.depth[0] = 0
        stack.entering[0] = 1
        stack.nodes[0] = 0
        stack.found[0] = 0
        stack.best_score[0] = -np.inf
        own = weights[b if len(weights) > 1 else 0]
        status[b] = run(layout, scratch, stack, own, level, max_nodes, max_found, False, False)
        found[b] = stack.found[0]
        nodes[b] = stack.nodes[0]
        standing[b] = stack.depth[0] + 1
        if found[b]:
            solutions[b] = stack.solutions[0]
    return solutions, found, nodes, standing, status
