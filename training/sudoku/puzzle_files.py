"""Reads files of puzzles: CSV with the columns ``puzzle`` and ``solution``, 81 characters each."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLANKS = ".0"


@dataclass(frozen=True)
class PuzzleFile:
    """int64 [N, 81]; 0 is an empty cell."""

    puzzles: NDArray[np.int64]
    solutions: NDArray[np.int64]


def parse(line: str) -> list[int]:
    """The 81 cells of a puzzle; blanks are ``.`` or ``0``. Raises ValueError for other text."""
    if len(line) != 81:
        raise ValueError(f"a puzzle has 81 characters, not {len(line)}: {line!r}")
    return [0 if character in _BLANKS else int(character) for character in line]


def read_puzzles(path: Path) -> PuzzleFile:
    """Reads a gzipped or plain CSV file."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = [(parse(row["puzzle"]), parse(row["solution"])) for row in csv.DictReader(file)]
    puzzles, solutions = zip(*rows, strict=True)
    return PuzzleFile(np.array(puzzles), np.array(solutions))
