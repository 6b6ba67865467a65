"""The search as the rest of the package uses it: within limits."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..errors import LimitError, UnsatisfiableError
from .layout import Float64Array, Int16Array, Int64Array, Layout, Scratch, build_scratch
from .limits import SearchLimits
from .propagation import MATCHINGS, propagate_all
from .puzzle import Structure
from .search import EXHAUSTED, PAUSED, Stack, build_stack, run

_NO_LIMIT = int(np.iinfo(np.int64).max)

_NEIGHBOURHOODS, _NEIGHBOURHOOD_NODES = 200, 100
"""How often a solution is improved at most, and guesses for each time."""

_GAIN = 1e-9
"""Nats that an improvement has to be worth, beyond rounding."""

_SLICE = 256
"""Guesses between two looks at the clock: some hundredths of a second on the largest grids."""


@dataclass(frozen=True)
class Exploration:
    """What a search found.

    Attributes:
        domains: int64 [n], what propagation left of the cells' domains.
        solutions: int16 [N, n], the first ones, as symbol numbers.
        scores: float64 [N], the sum of each one's weights.
        complete: whether they are all there are.
        best: int16 [n], the solution of the highest score that was found.
        best_score: its score.
        best_is_proven: whether no solution scores higher.
        nodes: guesses made.
    """

    domains: Int64Array
    solutions: Int16Array
    scores: Float64Array
    complete: bool
    best: Int16Array
    best_score: float
    best_is_proven: bool
    nodes: int


class Searcher:
    """One search over the solutions of a puzzle within given domains.

    Raises UnsatisfiableError where propagation finds none.
    """

    def __init__(
        self,
        structure: Structure,
        domains: Int64Array,
        weights: Float64Array | None = None,
        *,
        capacity: int = 1,
        seconds: float,
        better_than: float = -np.inf,
        certain_first: bool = False,
    ) -> None:
        """
        domains: int64 [n], a set of symbols for each cell.
        weights: float64 [n, k], finite; the order of the search and the score of a solution.
        capacity: how many solutions to keep.
        seconds: time from now on, after which `run` raises LimitError.
        better_than: with `prune`, leave out what does not score higher.
        certain_first: for the sake of high scores rather than of few guesses; see `run`.
        """
        self._structure = structure
        self._layout: Layout = structure.layout
        self._scratch: Scratch = build_scratch(self._layout)
        self._deadline = time.perf_counter() + seconds
        self._seconds = seconds
        self._certain_first = certain_first
        self.domains = narrowed(structure, domains, self._scratch)
        shape = (structure.size, len(structure.symbols))
        self._weights = np.zeros(shape) if weights is None else weights
        self.stack: Stack = build_stack(self.domains, capacity)
        self.stack.best_score[0] = better_than

    @property
    def found(self) -> int:
        """Solutions so far."""
        return int(self.stack.found[0])

    @property
    def nodes(self) -> int:
        """Guesses so far."""
        return int(self.stack.nodes[0])

    @property
    def last(self) -> Int16Array:
        """int16 [n], the latest solution."""
        return self.stack.last

    def restart_clock(self) -> None:
        """Allows as many seconds again from now on."""
        self._deadline = time.perf_counter() + self._seconds

    @property
    def out_of_time(self) -> bool:
        return time.perf_counter() > self._deadline

    def run(self, max_found: int, max_nodes: int | None = None, *, prune: bool = False) -> int:
        """Continues until so many solutions or guesses in all; EXHAUSTED, PAUSED or FOUND.

        Raises LimitError where time runs out before the first solution; after it, PAUSED.
        """
        while True:
            limit = self.nodes + _SLICE
            if max_nodes is not None:
                limit = min(limit, max_nodes)
            status = int(
                run(
                    self._layout,
                    self._scratch,
                    self.stack,
                    self._weights,
                    MATCHINGS,
                    limit,
                    max_found,
                    prune,
                    self._certain_first,
                )
            )
            if status != PAUSED or limit == max_nodes:
                return status
            if self.out_of_time:
                if self.found:
                    return PAUSED
                raise LimitError(
                    f"no solution found within {self._seconds:g} seconds and {self.nodes:,} "
                    "guesses, and none excluded; allow more by SearchLimits(seconds=…)"
                )


def narrowed(
    structure: Structure, domains: Int64Array, scratch: Scratch | None = None
) -> Int64Array:
    """`domains` [n] narrowed by propagation, a copy.

    Raises UnsatisfiableError with the cells at fault where that shows that there is no solution.
    """
    repeated = structure.repeated(domains)
    if repeated is not None:
        raise UnsatisfiableError(f"no solution: {repeated}")
    scratch = build_scratch(structure.layout) if scratch is None else scratch
    copied = np.array(domains, np.int64)
    if not propagate_all(structure.layout, scratch, copied, MATCHINGS):
        raise UnsatisfiableError(f"no solution: {structure.failure(scratch)}")
    return copied


def explore(
    structure: Structure, domains: Int64Array, weights: Float64Array, limits: SearchLimits
) -> Exploration:
    """Lists the solutions where they are few, and finds the one of the highest score.

    First all solutions, the likely ones first, up to `limits.solutions`; where there are more,
    branch and bound for the best one, and where that does not end, improvement of what was found.
    All within `limits.nodes` guesses, except that the first solution is searched for until
    `limits.seconds`.

    Raises UnsatisfiableError where there is none, LimitError where time runs out before one.
    """
    search = Searcher(
        structure,
        domains,
        weights,
        capacity=limits.solutions,
        seconds=limits.seconds,
        certain_first=True,
    )
    status = search.run(max(1, limits.solutions + 1), limits.nodes)
    if status == PAUSED and search.found == 0:
        status = search.run(1)
    if status == EXHAUSTED and search.found == 0:
        raise UnsatisfiableError("no solution: every possibility was tried")
    complete = proven = status == EXHAUSTED
    best, score, nodes = search.stack.best, float(search.stack.best_score[0]), search.nodes
    if not complete:
        half = nodes + (limits.nodes - nodes) // 2
        proven = search.run(_NO_LIMIT, half, prune=True) == EXHAUSTED
        best, score, nodes = search.stack.best, float(search.stack.best_score[0]), search.nodes
    if not proven:
        best, score, nodes = _improved(
            structure, search.domains, weights, best, score, nodes, limits
        )
    listed = min(search.found, limits.solutions)
    return Exploration(
        domains=search.domains,
        solutions=search.stack.solutions[:listed],
        scores=search.stack.scores[:listed],
        complete=complete,
        best=best,
        best_score=score,
        best_is_proven=proven,
        nodes=nodes,
    )


def _improved(
    structure: Structure,
    domains: Int64Array,
    weights: Float64Array,
    best: Int16Array,
    score: float,
    nodes: int,
    limits: SearchLimits,
) -> tuple[Int16Array, float, int]:
    """A better solution than `best`, its score and the guesses made so far, up to `limits.nodes`.

    Large neighbourhood search (Shaw, CP 1998): all cells keep what they hold but those of a few
    groups, over which branch and bound runs; the groups are drawn anew each time.
    """
    deadline = time.perf_counter() + limits.seconds
    rng = np.random.default_rng(0)
    layout = structure.layout
    open_cells = domains & (domains - 1) != 0
    for _ in range(_NEIGHBOURHOODS if len(layout.required) else 0):
        if nodes >= limits.nodes or time.perf_counter() > deadline:
            break
        freed = np.zeros(structure.size, np.bool_)
        for group in rng.choice(len(layout.required), min(3, len(layout.required)), replace=False):
            cells = slice(layout.group_offsets[group], layout.group_offsets[group + 1])
            freed[layout.group_cells[cells]] = True
        if not (freed & open_cells).any():
            continue
        kept = np.where(freed, domains, 1 << best.astype(np.int64))
        search = Searcher(
            structure,
            kept,
            weights,
            seconds=limits.seconds,
            better_than=score + _GAIN,
            certain_first=True,
        )
        search.run(_NO_LIMIT, min(_NEIGHBOURHOOD_NODES, limits.nodes - nodes), prune=True)
        nodes += search.nodes
        if search.found:
            best, score = search.stack.best, float(search.stack.best_score[0])
    return best, score, nodes
