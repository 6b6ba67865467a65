"""One puzzle by the model alone, with masks, with masks and search; watched, and as a page."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

import constrained_diffusion as cd
from constrained_diffusion.puzzles.frames import GridRecorder
from constrained_diffusion.puzzles.grid_page import render_grid_page
from constrained_diffusion.puzzles.grid_view import GridView
from constrained_diffusion.puzzles.refine import refine

# "AI Escargot" of Arto Inkala, 2006.
PUZZLE = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."

WAYS = {
    "none": "the model alone: what it is certain of stands, and it predicts again",
    "masks": "with masks: propagation takes away what cannot stand; there is no way back",
    "search": "with masks and search: the model's order, and always a solution",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("puzzle", nargs="?", default=PUZZLE, help="81 cells (one by A. Inkala)")
    options.add_argument("--html", type=Path, default=Path("sudoku.html"), metavar="FILE")
    options.add_argument("--model", default="sudoku", help="a bundled denoiser or a folder")
    arguments = options.parse_args()

    console = Console()
    denoiser = cd.load(arguments.model)
    puzzle = cd.Sudoku(arguments.puzzle)
    console.print(puzzle.draw(), highlight=False)
    for guidance, words in WAYS.items():
        console.print(f"\n[bold]{words}[/bold]")
        with GridView(puzzle, console) as view:
            (result,) = refine(denoiser, [puzzle], guidance=guidance, on_round=view)
        outcome = "solved" if result.solved else f"not solved: {result.reason}"
        console.print(f"{outcome}; {result.steps} denoising steps, {result.nodes} guesses")

    # Nothing is listed, so that the sampler has something left to decide.
    console.print("\n[bold]as a constraint of cd.generate[/bold]")
    watched = cd.Sudoku(arguments.puzzle, limits=cd.SearchLimits(solutions=0))
    recorder = GridRecorder(watched)
    sampler = cd.MaskedSampler(steps=12, threshold=0.97)
    generated = cd.generate(denoiser, None, watched, sampler=sampler, seed=0, on_step=recorder)
    console.print(puzzle.draw(generated.text), highlight=False)
    page = render_grid_page(recorder, generated.text, title="Sudoku, step by step")
    arguments.html.write_text(page, encoding="utf-8")
    console.print(f"{generated.steps} steps; every one of them is in {arguments.html}")


if __name__ == "__main__":
    main()
