"""Sudoku: what the model alone, masks and search solve, how little is searched, and how fast.

Parts, all by default (`--parts`):
- every: all puzzles of all files by the search alone, without a model.
- modes: per file, puzzles solved by the model alone (committing what is certain over rounds), with
  masks (propagation, no way back), with masks and search; denoising steps; dead ends.
- order: guesses of the search, and those of them that were wrong, in the model's order and in a
  fixed one, for two levels of propagation. "solution" is the order of one who knows the answer.
- speed: puzzles per second of processor time beside OR-tools, python-constraint and a plain script.
- large: generated grids of 16 by 16 and 25 by 25 with a stated share of given cells.

"every" and "large" need no model, the others the bundled denoiser "sudoku". Every solution is
compared with the file's (where there is one solution) or checked against the rules.
"""

from __future__ import annotations

import csv
import gzip
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _report import Report, data_file, parser
from _sudoku_baselines import (
    ortools_cp_sat,
    plain_backtracking,
    python_constraint,
    solved_within,
)
from rich.console import Console
from rich.progress import track

import constrained_diffusion as cd
from constrained_diffusion.puzzles.propagation import MATCHINGS, SINGLES
from constrained_diffusion.puzzles.refine import Refined, refine
from constrained_diffusion.puzzles.solve import solve_many, text_of
from constrained_diffusion.puzzles.sudoku import domains_of

PARTS = ("every", "modes", "order", "speed", "large")
NO_LIMIT = 10**6
KIND = cd.Sudoku("." * 81)
BATCH = 64
LEVELS = {"singles": SINGLES, "matchings": MATCHINGS}
DENSITIES = {16: (0.3, 0.4, 0.5), 25: (0.35, 0.4, 0.45, 0.5)}


class PuzzleFile:
    """The puzzles of a file, evenly spread where there are more than `limit`."""

    def __init__(self, path: Path, limit: int) -> None:
        self.name = path.name.removesuffix(".csv.gz")
        with gzip.open(path, "rt") as lines:
            rows = list(csv.DictReader(lines))
        rows = rows[:: max(1, -(-len(rows) // limit))]
        self.lines = [row["puzzle"].replace("0", ".") for row in rows]
        self.solutions = [row["solution"] if row["nsol"] == "1" else None for row in rows]

    def right(self, texts: Sequence[str]) -> int:
        """How many of the texts are the solution, or a solution where there are several."""
        return sum(
            self._is_right(line, solution, text)
            for line, solution, text in zip(self.lines, self.solutions, texts, strict=True)
        )

    def _is_right(self, line: str, solution: str | None, text: str) -> bool:
        if solution is not None:
            return text == solution
        kept = all(c in (".", d) for c, d in zip(line, text, strict=True))
        return kept and KIND.structure.broken_rule([KIND.symbols.index(c) for c in text]) is None


def chosen_files(parts_of_names: Sequence[str] | None) -> list[Path]:
    paths = sorted(data_file("sudoku").glob("*.csv.gz"))
    return [
        path for path in paths if not parts_of_names or any(p in path.name for p in parts_of_names)
    ]


def every_row(path: Path) -> dict[str, Any]:
    """All puzzles of a file by propagation and search, in a fixed order of symbols."""
    file = PuzzleFile(path, NO_LIMIT)
    started = time.process_time()
    solved = solve_many(KIND.structure, domains_of(file.lines, KIND.symbols))
    seconds = time.process_time() - started
    right = file.right([text_of(KIND.structure, solution) for solution in solved.solutions])
    return {
        "file": file.name,
        "puzzles": len(file.lines),
        "solved": right,
        "several solutions": int((solved.found > 1).sum()),
        "guesses": float(solved.nodes.mean()),
        "per second": len(file.lines) / seconds,
    }


def batches(items: Sequence[Any], what: str, size: int = BATCH) -> Iterator[Sequence[Any]]:
    starts = range(0, len(items), size)
    for start in track(starts, what, console=Console(stderr=True), transient=True):
        yield items[start : start + size]


def refined(denoiser: cd.Denoiser, file: PuzzleFile, guidance: Any, steps: int) -> list[Refined]:
    results = []
    for lines in batches(file.lines, f"{file.name}, {guidance}"):
        puzzles = [cd.Sudoku(line) for line in lines]
        results += refine(denoiser, puzzles, guidance=guidance, steps=steps)
    return results


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def modes_row(file: PuzzleFile, alone: list[Refined], searched: list[Refined]) -> dict[str, Any]:
    """With masks, a run that meets no dead end fills the grid, and the rules were kept."""
    count = len(file.lines)
    return {
        "file": file.name,
        "puzzles": count,
        "alone %": 100 * file.right([result.text for result in alone]) / count,
        "steps alone": mean([result.steps for result in alone]),
        "masks %": 100 * sum(not result.dead_end for result in searched) / count,
        "search %": 100 * file.right([result.text for result in searched]) / count,
        "steps with masks": mean([result.steps for result in searched]),
        "guesses": mean([result.nodes for result in searched]),
    }


def one_pass(denoiser: cd.Denoiser, file: PuzzleFile) -> np.ndarray:
    """[N, 81, 9], the log-probabilities of the first step."""
    digits = torch.tensor([denoiser.vocabulary.tokens.index(s.encode()) for s in KIND.symbols])
    mask_id = denoiser.vocabulary.mask_id
    parts = []
    for lines in batches(file.lines, f"{file.name}, one pass"):
        canvas = torch.tensor(
            [[mask_id if c == "." else int(digits[int(c) - 1]) for c in line] for line in lines]
        )
        with torch.no_grad():
            logits = denoiser.denoise("", canvas)[..., digits]
        parts.append(logits.double().log_softmax(-1).clamp_min(-1e4).cpu().numpy())
    return np.concatenate(parts)


def order_rows(
    file: PuzzleFile, first: np.ndarray, final: np.ndarray
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mean guesses, and mean wrong ones, of a search for the first solution."""
    domains = domains_of(file.lines, KIND.symbols)
    known = np.zeros_like(first)
    solved = solve_many(KIND.structure, domains, max_found=1)
    np.put_along_axis(known, solved.solutions[..., None].astype(np.int64), 1.0, 2)
    guesses, wrong_ones = [], []
    for name, level in LEVELS.items():
        found, wrong = {}, {}
        for order, weights in (
            ("fixed", None),
            ("model, one step", first),
            ("model, all steps", final),
            ("solution", known),
        ):
            batch = solve_many(KIND.structure, domains, weights, max_found=1, level=level)
            texts = [text_of(KIND.structure, solution) for solution in batch.solutions]
            if file.right(texts) != len(texts):
                sys.exit(f"a wrong solution in {file.name}")
            found[order] = float(batch.nodes.mean())
            wrong[order] = float((batch.nodes - batch.standing).mean())
        of_file = {"file": file.name, "propagation": name}
        guesses.append({**of_file, **found})
        wrong_ones.append({**of_file, **wrong})
    return guesses, wrong_ones


def per_second(function: Callable[[], object], count: int) -> float:
    started = time.process_time()
    function()
    return count / (time.process_time() - started)


def speed_rows(denoiser: cd.Denoiser | None, seconds: float) -> list[dict[str, Any]]:
    file = PuzzleFile(data_file("sudoku", "clue17_dev.csv.gz"), NO_LIMIT)
    domains, count = domains_of(file.lines, KIND.symbols), len(file.lines)
    solve_many(KIND.structure, domains[:2])
    rows: list[dict[str, Any]] = []
    for name, level in LEVELS.items():
        rate = per_second(
            lambda v=level: solve_many(KIND.structure, domains, level=v), len(domains)
        )
        solver = f"search, {name}, proved to be unique"
        rows.append({"solver": solver, "batch": count, "per second": rate})
    spread = file.lines[:: count // 256][:256]
    few = [cd.Sudoku(line) for line in spread]
    few[0].solve()
    rate = per_second(lambda: [puzzle.solve() for puzzle in few], len(few))
    rows.append(
        {"solver": "search, matchings, proved to be unique", "batch": 1, "per second": rate}
    )
    if denoiser is not None:
        refine(denoiser, few[:1])
        rate = per_second(lambda: [refine(denoiser, [puzzle]) for puzzle in few], len(few))
        rows.append({"solver": "model, masks and search", "batch": 1, "per second": rate})
        rate = per_second(lambda: refine(denoiser, few), len(few))
        rows.append({"solver": "model, masks and search", "batch": len(few), "per second": rate})
    for name, solver in (
        ("OR-tools CP-SAT, first solution", ortools_cp_sat),
        ("python-constraint, first solution", python_constraint),
        ("plain backtracking, first solution", plain_backtracking),
    ):
        found = solved_within(solver, spread, seconds)
        rows.append({"solver": name, "batch": 1, **found})
    return rows


def filled_grid(box: int, rng: np.random.Generator) -> np.ndarray:
    """A full grid of box² by box², drawn from the symmetries of one pattern."""
    n = box * box
    pattern = [[(box * (r % box) + r // box + c) % n for c in range(n)] for r in range(n)]

    def order() -> np.ndarray:
        return np.concatenate([box * band + rng.permutation(box) for band in rng.permutation(box)])

    grid = np.array(pattern)[order()][:, order()]
    return rng.permutation(n)[grid.T if rng.random() < 0.5 else grid]


def large_rows(count: int, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for size, densities in DENSITIES.items():
        box = int(size**0.5)
        symbols = np.array(list(cd.Sudoku("." * size**2, (box, box)).symbols))
        for density in densities:
            times, solved, out_of_time = [], 0, 0
            for seed in range(count):
                rng = np.random.default_rng(seed)
                cells = symbols[filled_grid(box, rng).ravel()]
                line = "".join(np.where(rng.random(size**2) < density, cells, "."))
                limits = cd.SearchLimits(seconds=seconds)
                puzzle = cd.Sudoku(line, (box, box), limits=limits)
                started = time.process_time()
                try:
                    text = next(puzzle.solutions())
                except cd.LimitError:
                    out_of_time += 1
                    continue
                times.append(time.process_time() - started)
                kept = all(c in (".", d) for c, d in zip(line, text, strict=True))
                index = [puzzle.symbols.index(c) for c in text]
                solved += kept and puzzle.structure.broken_rule(index) is None
            rows.append(
                {
                    "grid": f"{size} x {size}",
                    "given": density,
                    "puzzles": count,
                    "solved": solved,
                    "out of time": out_of_time,
                    "p50 s": statistics.median(times) if times else None,
                    "max s": max(times, default=None),
                }
            )
    return rows


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--files", nargs="+", metavar="NAME", help="parts of the names of files")
    options.add_argument("--limit", type=int, default=300, help="puzzles per file at most (300)")
    options.add_argument("--steps", type=int, default=12, help="denoising steps at most (12)")
    options.add_argument("--seconds", type=float, default=30, help="for each baseline (30)")
    options.add_argument("--large", type=int, default=20, help="large grids of a kind (20)")
    options.add_argument("--threads", type=int, default=1, help="of torch (1)")
    options.add_argument("--model", default="sudoku", help="denoiser (sudoku)")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    report = Report("Sudoku")
    shown = ("limit", "steps", "threads", "model")
    report.settings(**{name: getattr(arguments, name) for name in shown})
    if "every" in arguments.parts:
        solve_many(KIND.structure, domains_of(["." * 81], KIND.symbols))  # compiles
        rows = [every_row(path) for path in chosen_files(arguments.files)]
        total = {key: sum(row[key] for row in rows) for key in ("puzzles", "solved")}
        report.table("every puzzle, search without a model", [*rows, {"file": "all", **total}])
    denoiser: cd.Denoiser | None = None
    if {"modes", "order", "speed"} & set(arguments.parts):
        try:
            denoiser = cd.load(arguments.model, device="cpu")
        except cd.CheckpointError as error:
            report.note(f"without a model: {error}")
    if denoiser is not None and {"modes", "order"} & set(arguments.parts):
        modes, orders, wrong_orders = [], [], []
        for path in chosen_files(arguments.files):
            file = PuzzleFile(path, arguments.limit)
            searched = refined(denoiser, file, "search", arguments.steps)
            alone = refined(denoiser, file, "none", arguments.steps)
            modes.append(modes_row(file, alone, searched))
            if "order" in arguments.parts:
                final = np.stack([result.log_probs for result in searched])
                guesses, wrong = order_rows(file, one_pass(denoiser, file), final)
                orders += guesses
                wrong_orders += wrong
        if "modes" in arguments.parts:
            report.table("solved, steps, guesses", modes)
        for title, rows in (("guesses", orders), ("wrong guesses", wrong_orders)):
            report.table(
                f"{title} by the order of the symbols, mean",
                rows,
                ratios={"fixed / model": ("fixed", "model, all steps")},
            )
    if "speed" in arguments.parts:
        report.table(
            "17-clue puzzles per second of processor time", speed_rows(denoiser, arguments.seconds)
        )
    if "large" in arguments.parts:
        report.table("large grids", large_rows(arguments.large, arguments.seconds))
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
