"""Make the training puzzles of the Sudoku denoiser.

    python -m training.sudoku.dataset --puzzles 200000 --out runs/sudoku/puzzles.npz

Writes an npz file: ``puzzles`` and ``solutions`` uint8 [N, 81], ``grades`` int64 [N] (guesses of a
solver with singles), ``family`` int64 [N] (puzzles of one solution grid share it).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from training.sudoku.generator import family, seed_generator

FAMILY_SIZE = 5
STEPS = (1, 4, 8, 16)
"""Neighbours tried between two puzzles of a family: how hard the family gets."""
FEW_CLUES = (0.0, 4.0, 12.0)
"""How many guesses a clue less is worth: from hard puzzles to puzzles of few clues."""


def make(count: int, seed: int) -> dict[str, NDArray[np.generic]]:
    """Makes at least `count` puzzles with one solution, every kind of family in turn."""
    seed_generator(seed)
    families = -(-count // FAMILY_SIZE)
    kinds = [(steps, few) for steps in STEPS for few in FEW_CLUES]
    parts = []
    for i in track(range(families), description="puzzles"):
        parts.append(family(FAMILY_SIZE, *kinds[i % len(kinds)]))
    return {
        "puzzles": np.concatenate([puzzles for _, puzzles, _ in parts]),
        "solutions": np.repeat(np.stack([grid for grid, _, _ in parts]), FAMILY_SIZE, 0),
        "grades": np.concatenate([grades for _, _, grades in parts]),
        "family": np.repeat(np.arange(families), FAMILY_SIZE),
    }


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--puzzles", type=int, default=200_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    made = make(args.puzzles, args.seed)
    np.savez_compressed(args.out, **made)
    grades = made["grades"]
    print(
        f"{len(grades)} puzzles, {np.mean(grades == 0):.1%} solved by singles, "
        f"quartiles of the guesses {np.percentile(grades, [25, 50, 75]).tolist()}"
    )


if __name__ == "__main__":
    main()
