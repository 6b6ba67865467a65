"""Every puzzle of some files by the model alone, with masks, with masks and search."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

import constrained_diffusion as cd
from constrained_diffusion.puzzles.files import read_puzzles
from constrained_diffusion.puzzles.refine import Refined, refine

BATCH = 64


def read(path: Path, limit: int) -> list[cd.Sudoku]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    found = [entry.grid for entry in read_puzzles(text, 9) if entry.grid is not None]
    return [cd.Sudoku(grid) for grid in found[:limit]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("files", nargs="+", type=Path)
    options.add_argument("--limit", type=int, default=200, help="puzzles of a file (200)")
    options.add_argument("--steps", type=int, default=12, help="denoising steps at most (12)")
    options.add_argument("--model", default="sudoku", help="a bundled denoiser or a folder")
    arguments = options.parse_args()

    denoiser = cd.load(arguments.model)
    table = Table("file", "help", "puzzles", "solved", "steps", "guesses")
    for path in arguments.files:
        puzzles = read(path, arguments.limit)
        for guidance in ("none", "masks", "search"):
            results: list[Refined] = []
            for start in track(range(0, len(puzzles), BATCH), f"{path.name}, {guidance}"):
                batch = puzzles[start : start + BATCH]
                results += refine(denoiser, batch, guidance=guidance, steps=arguments.steps)
            count = max(1, len(results))
            table.add_row(
                path.name,
                guidance,
                str(len(results)),
                f"{100 * sum(result.solved for result in results) / count:.1f} %",
                f"{sum(result.steps for result in results) / count:.2f}",
                f"{sum(result.nodes for result in results) / count:.2f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
