"""Which symbols of a cell stand in some solution, where there are too many solutions to list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import LimitError, UnsatisfiableError
from .explore import Exploration, Searcher
from .search import PAUSED

if TYPE_CHECKING:
    from .layout import Int64Array
    from .limits import SearchLimits
    from .puzzle import Structure


@dataclass(frozen=True)
class Support:
    """The symbols of each cell.

    Attributes:
        sets: int64 [n]. Every symbol that stands in some solution is in its cell's set.
        exact: whether every symbol in a set stands in some solution.
    """

    sets: Int64Array
    exact: bool


def support(
    structure: Structure, domains: Int64Array, exploration: Exploration, limits: SearchLimits
) -> Support:
    """The support of `domains` [n], a fixed point of the propagation, after its `exploration`.

    Each symbol that no known solution holds is tried by a search, which is steered to further
    such symbols; in all within `limits.nodes` guesses. What they do not suffice for is kept. With
    `limits.solutions` 0 nothing is tried.
    """
    if limits.solutions == 0:
        return Support(domains, bool((domains & (domains - 1) == 0).all()))
    known = np.zeros(structure.size, np.int64)
    for solution in [*exploration.solutions, exploration.best]:
        known |= 1 << solution.astype(np.int64)
    if exploration.complete:
        return Support(known, True)
    left = limits.nodes
    symbols = np.arange(len(structure.symbols))
    open_sets = domains.copy()
    for cell in range(structure.size):
        while untried := int(open_sets[cell] & ~known[cell]):
            symbol = untried & -untried
            tried = open_sets.copy()
            tried[cell] = symbol
            # What is known to be possible weighs less, so that a solution settles much at once.
            weights = -(known[:, None] >> symbols & 1).astype(np.float64)
            try:
                search = Searcher(structure, tried, weights, seconds=limits.seconds)
                status = search.run(1, left)
            except UnsatisfiableError:
                open_sets[cell] ^= symbol
                continue
            except LimitError:
                return Support(open_sets, False)
            left -= search.nodes
            if search.found:
                known |= 1 << search.last.astype(np.int64)
            elif status == PAUSED:
                return Support(open_sets, False)
            else:
                open_sets[cell] ^= symbol
    return Support(known, True)
