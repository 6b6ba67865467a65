"""Every published puzzle of the shared data, where that folder stands beside the checkout."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from constrained_diffusion.puzzles import Sudoku
from constrained_diffusion.puzzles.propagation import MATCHINGS, SINGLES
from constrained_diffusion.puzzles.solve import solve_many, text_of
from constrained_diffusion.puzzles.sudoku import domains_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sudoku"
FILES = sorted(DATA.glob("*.csv.gz"))


@pytest.mark.skipif(not FILES, reason="the shared data are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_puzzle_is_solved(path):
    kind = Sudoku("." * 81)
    with gzip.open(path, "rt") as lines:
        rows = list(csv.DictReader(lines))
    puzzles = [row["puzzle"].replace("0", ".") for row in rows]
    domains = domains_of(puzzles, kind.symbols)
    # The stronger propagation on all of them, the weaker one on a part, to save time.
    part = slice(None, None, 1 if len(rows) < 2000 else 5)
    for level, chosen in ((MATCHINGS, slice(None)), (SINGLES, part)):
        batch = solve_many(kind.structure, domains[chosen], level=level)
        for row, solution, found in zip(rows[chosen], batch.solutions, batch.found, strict=True):
            assert found == min(int(row["nsol"]), 2)
            text = text_of(kind.structure, solution)
            if found == 1:
                assert text == row["solution"]
            else:
                assert kind.structure.broken_rule(solution.tolist()) is None
    assert np.array_equal(domains, domains_of(puzzles, kind.symbols))
