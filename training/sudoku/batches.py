"""Training examples of the Sudoku denoiser: canvases with masks, and their solutions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

HELD_OUT_SHARE = 0.02
"""Share of the families of puzzles that training never sees."""


@dataclass(frozen=True)
class Puzzles:
    """Puzzles with one solution each, int64 [N, 81]; 0 is an empty cell in `puzzles`."""

    puzzles: Tensor
    solutions: Tensor

    def __len__(self) -> int:
        return len(self.puzzles)


def read(path: Path) -> tuple[Puzzles, Puzzles]:
    """The training and the held-out part of a file of `training.sudoku.dataset`.

    Puzzles of one solution grid are all in the same part.
    """
    with np.load(path) as data:
        family = torch.from_numpy(data["family"])
        puzzles = torch.from_numpy(data["puzzles"]).long()
        solutions = torch.from_numpy(data["solutions"]).long()
    held_out = family >= int((1 - HELD_OUT_SHARE) * (int(family.max()) + 1))
    return (
        Puzzles(puzzles[~held_out], solutions[~held_out]),
        Puzzles(puzzles[held_out], solutions[held_out]),
    )


def draw(
    source: Puzzles, count: int, *, revealed: float = 0.3, ambiguous: float = 0.05
) -> tuple[Tensor, Tensor]:
    """Random canvases and their solutions, int64 [count, 81].

    revealed: share of the canvases where a random part of the empty cells is filled in, as a
        sampler that commits cells will do.
    ambiguous: share of the canvases that show a random part of a complete grid, from none to all of
        it. Most have many solutions, and the best prediction is their marginals.
    """
    chosen = torch.randint(len(source), (count,))
    puzzle, solution = source.puzzles[chosen], source.solutions[chosen]
    kind = torch.rand(count, 1)
    shown = torch.rand(count, 81) < torch.rand(count, 1)
    canvas = torch.where((kind < revealed) & shown, solution, puzzle)
    partial = torch.where(shown, solution, 0)
    return torch.where(kind > 1 - ambiguous, partial, canvas), solution
