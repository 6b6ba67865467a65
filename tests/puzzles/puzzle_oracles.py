"""Puzzles small enough to list every filling: the oracle of everything that the search does."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import strategies as st

from constrained_diffusion import Vocabulary
from constrained_diffusion.puzzles.puzzle import Group, Structure, Total

LETTERS = "abcdefgh"


def digits(count: int, *, extra: int = 0) -> Vocabulary:
    """A token per digit, so many tokens of other text, and a mask token."""
    texts = [str(d).encode() for d in range(1, count + 1)]
    others = [bytes([ord("p") + i]) for i in range(extra)]
    return Vocabulary([*texts, *others, None], end_ids=[], mask_id=count + extra)


def fillings(structure: Structure, domains=None) -> list[tuple[int, ...]]:
    """All solutions, by trying every filling of the domains."""
    sets = structure.domains if domains is None else domains
    choices = [[j for j in range(62) if int(bits) >> j & 1] for bits in sets]
    return [filling for filling in itertools.product(*choices) if satisfies(structure, filling)]


def satisfies(structure: Structure, filling) -> bool:
    different = all(
        len({filling[cell] for cell in group.cells}) == len(group.cells)
        for group in structure.groups
    )
    return different and all(
        sum(structure.values[filling[cell]] for cell in total.cells) == total.total
        for total in structure.totals
    )


def latin_squares(size: int) -> list[tuple[int, ...]]:
    """All squares whose rows and columns are permutations, row by row."""
    rows = list(itertools.permutations(range(size)))
    squares = [()]
    for _ in range(size):
        squares = [
            (*square, row)
            for square in squares
            for row in rows
            if all(row[c] != above[c] for above in square for c in range(size))
        ]
    return [tuple(itertools.chain(*square)) for square in squares]


def posterior_by_listing(solutions, log_probs):
    """(marginals [n, k], log evidence, best score) over a list of fillings, in plain Python."""
    scores = [sum(log_probs[i][j] for i, j in enumerate(filling)) for filling in solutions]
    peak = max(scores)
    total = sum(math.exp(score - peak) for score in scores)
    marginals = np.zeros_like(np.asarray(log_probs))
    for filling, score in zip(solutions, scores, strict=True):
        for i, j in enumerate(filling):
            marginals[i, j] += math.exp(score - peak) / total
    return marginals, peak + math.log(total), peak


@st.composite
def structures(draw, max_cells: int = 5, max_symbols: int = 4, sums: bool = True) -> Structure:
    """Cells with random domains, overlapping groups and sums."""
    n = draw(st.integers(1, max_cells))
    k = draw(st.integers(1, max_symbols))
    domains = draw(st.lists(st.integers(1, (1 << k) - 1), min_size=n, max_size=n))
    subsets = st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True)
    groups = draw(st.lists(subsets, max_size=3))
    totals = draw(st.lists(st.tuples(subsets, st.integers(0, 12)), max_size=2 if sums else 0))
    values = draw(st.lists(st.integers(0, 5), min_size=k, max_size=k))
    return Structure(
        symbols=tuple(LETTERS[j].encode() for j in range(k)),
        domains=np.array(domains, np.int64),
        groups=tuple(Group(f"group {i}", tuple(group)) for i, group in enumerate(groups)),
        totals=tuple(Total(tuple(cells), total) for cells, total in totals),
        values=tuple(values),
    )
