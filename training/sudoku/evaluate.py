"""Solve files of puzzles with the Sudoku denoiser alone: no constraint, no search.

    python -m training.sudoku.evaluate --run runs/sudoku --limit 200 PUZZLES.csv.gz ...
    python -m training.sudoku.evaluate PUZZLES.csv.gz ...      # the bundled weights

Three figures of each file: *single pass*, the most probable digit of every cell from one call;
*refined*, commits in rounds that are never taken back; *remasked*, with up to ``--attempts``
attempts, all commits taken back on a contradiction (see ``models/sudoku_refinement.py``).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from constrained_diffusion.models.sudoku import MASK, SudokuDenoiser
from constrained_diffusion.models.sudoku_refinement import Refinement, refine
from training.sudoku.export import WEIGHTS_FOLDER, from_run
from training.sudoku.puzzle_files import PuzzleFile, read_puzzles


@dataclass(frozen=True)
class Quality:
    """Of a set of puzzles.

    Attributes:
        puzzles: how many.
        single: share solved by one call.
        refined: share solved by rounds of commits.
        remasked: share solved when commits may be taken back.
        calls: mean number of calls of the denoiser for a puzzle that was solved at last.
        seconds: of processor time for each puzzle, all three measurements.
    """

    puzzles: int
    single: float
    refined: float
    remasked: float
    calls: float
    seconds: float


def to_canvas(puzzles: Tensor) -> Tensor:
    """Puzzles [N, 81] with 0 for empty cells as canvases of the denoiser."""
    return torch.where(puzzles == 0, MASK, puzzles - 1)


def evaluate(denoiser: SudokuDenoiser, file: PuzzleFile, how: Refinement) -> Quality:
    """Measures the denoiser on a file."""
    started = time.process_time()
    canvas = to_canvas(torch.from_numpy(file.puzzles))
    solution = torch.from_numpy(file.solutions) - 1
    # The first call of `refine` decides alone where one call is allowed.
    single = _right(refine(denoiser, canvas, Refinement(calls=1)).canvas, solution)
    first = refine(denoiser, canvas, Refinement(how.threshold, 1, how.calls))
    right = _right(first.canvas, solution)
    calls = first.calls.clone()
    refined = float(right.float().mean())
    if how.attempts > 1 and not right.all():
        rest = ~right
        again = refine(denoiser, canvas[rest], how)
        right[rest] = _right(again.canvas, solution[rest])
        calls[rest] = again.calls
    return Quality(
        len(canvas),
        float(single.float().mean()),
        refined,
        float(right.float().mean()),
        float(calls[right].float().mean()),
        (time.process_time() - started) / len(canvas),
    )


def _right(canvas: Tensor, solution: Tensor) -> Tensor:
    return (canvas == solution).all(1)


def sample(file: PuzzleFile, limit: int) -> PuzzleFile:
    """A random part of a file, always the same."""
    if limit >= len(file.puzzles):
        return file
    chosen = np.random.default_rng(0).permutation(len(file.puzzles))[:limit]
    return PuzzleFile(file.puzzles[chosen], file.solutions[chosen])


def main() -> None:
    """Evaluate and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", help="puzzles, .csv.gz")
    parser.add_argument("--run", type=Path, help="training run; without it the bundled weights")
    parser.add_argument("--limit", type=int, default=1000, help="puzzles of each file")
    parser.add_argument(
        "--iterations", type=int, default=64, help="most rounds of messages in a call"
    )
    parser.add_argument("--threshold", type=float, default=Refinement.threshold)
    parser.add_argument("--attempts", type=int, default=40)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    denoiser = from_run(args.run) if args.run else SudokuDenoiser.load(WEIGHTS_FOLDER)
    denoiser.iterations = args.iterations
    how = Refinement(args.threshold, args.attempts, args.calls)
    table = Table("file", "puzzles", "single pass", "refined", "remasked", "calls", "s/puzzle")
    results = {}
    for path in args.files:
        quality = evaluate(denoiser, sample(read_puzzles(path), args.limit), how)
        results[path.name] = asdict(quality)
        table.add_row(
            path.name.removesuffix(".csv.gz"),
            str(quality.puzzles),
            *(f"{x:.1%}" for x in (quality.single, quality.refined, quality.remasked)),
            f"{quality.calls:.1f}",
            f"{quality.seconds:.3f}",
        )
        if args.json:
            args.json.write_text(json.dumps(results, indent=2) + "\n")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
