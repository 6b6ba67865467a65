"""`constrained-diffusion sudoku`: solves puzzles, by propagation and search or with a model."""

from __future__ import annotations

import contextlib
import gzip
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from .files import STANDARD, emit, warn

if TYPE_CHECKING:
    from ..puzzles import SearchLimits, Sudoku
    from ..puzzles.refine import Refined

_BATCH = 256
_FEW_GUESSES = 1000
"""Guesses for a puzzle among others; one that needs more is solved on its own, by the clock."""
_PROGRESS_FROM = 500
"""Puzzles from which on a progress bar is worth a line."""

_FILE_NAME = re.compile(r"[/\\]|\.[A-Za-z]{2,4}$")
"""What no puzzle holds: such an argument names a file, if one that is not there."""

_BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4), 25: (5, 5)}


@dataclass
class _Answer:
    """What became of one puzzle: its place, its solution or why there is none."""

    place: str
    puzzle: Sudoku | None = None
    text: str | None = None
    error: str | None = None
    unique: bool | None = None
    nodes: int = 0
    steps: int = 0


@dataclass(frozen=True)
class _Kind:
    """The options that say what kind of puzzle it is."""

    box: tuple[int, int] | None
    variants: tuple[str, ...]
    regions: str | None
    limits: SearchLimits

    @property
    def size(self) -> int | None:
        """n, if it was stated."""
        return None if self.box is None else self.box[0] * self.box[1]

    def puzzle(self, grid: str, size: int) -> Sudoku:
        """The puzzle of a grid of n² symbols. Raises ConstrainedDiffusionError."""
        from ..puzzles import Sudoku

        box = self.box or _BOXES.get(size)
        if box is None and self.regions is None:
            raise ConstrainedDiffusionError(f"a grid of {size} by {size}: state its --box")
        return Sudoku(
            grid,
            box,
            regions=self.regions,
            diagonals="diagonal" in self.variants,
            windoku="windoku" in self.variants,
            anti_knight="anti-knight" in self.variants,
            limits=self.limits,
        )


@dataclass
class _Statistics:
    """What `--stats` prints, on standard error."""

    answers: list[_Answer] = field(default_factory=list)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        solved = [answer for answer in self.answers if answer.text is not None]
        nodes = [answer.nodes for answer in solved]
        steps = [answer.steps for answer in solved]
        found = [
            f"puzzles:         {len(self.answers):,}",
            f"solved:          {len(solved):,}",
            f"not unique:      {sum(answer.unique is False for answer in solved):,}",
            f"seconds:         {self.seconds:.2f}",
            f"per second:      {len(self.answers) / max(self.seconds, 1e-9):,.0f}",
        ]
        if solved:
            found.append(
                f"guesses:         mean {sum(nodes) / len(nodes):.2f}, most {max(nodes):,}"
            )
        if any(steps):
            found.append(f"denoising steps: mean {sum(steps) / len(steps):.2f}, most {max(steps)}")
        return found


def sudoku(
    puzzles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PUZZLE|FILE]...",
            help='Cells row by row (81 for 9 by 9; ".", "0", "_" or a space where nothing is '
            'given), or files of such lines or of grids; "-", the default: standard input.',
        ),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option("--box", metavar="RxC", help="Rows and columns of a box, as in 3x3 or 2x3."),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar="NAME", help="diagonal, windoku or anti-knight."),
    ] = None,
    regions: Annotated[
        str | None,
        typer.Option("--regions", metavar="LABELS", help="Jigsaw: a letter per cell."),
    ] = None,
    model: Annotated[
        bool | None,
        typer.Option(
            "--model/--no-model",
            help="Let the bundled denoiser order the search; implied by --watch and --html.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="The most denoising steps.")] = 12,
    seconds: Annotated[float, typer.Option("--seconds", help="The most time for a puzzle.")] = 60.0,
    pretty: Annotated[
        bool | None,
        typer.Option(
            "--pretty/--lines",
            help="Print grids, or a line per puzzle (empty if not solved). Default: a grid on a "
            "terminal for a single puzzle, else lines.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the grid converge, on standard error.")
    ] = False,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with all steps of the puzzle."),
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Print figures, on standard error.")
    ] = False,
) -> int:
    """Solve Sudoku puzzles. What cannot be read or solved is reported by line; exit status 1."""
    from ..puzzles import SearchLimits

    kind = _Kind(_box(box), _variants(variant), regions, SearchLimits(seconds=seconds))
    if html is not None and not Path(html).absolute().parent.is_dir():
        raise ConstrainedDiffusionError(f"--html {html}: there is no such folder")
    if model is False and (watch or html is not None):
        raise ConstrainedDiffusionError("--watch and --html show the model's steps: no --no-model")
    started = time.perf_counter()
    answers = list(_read(puzzles or [STANDARD], kind))
    if html is not None and len(answers) != 1:
        raise ConstrainedDiffusionError(f"--html shows one puzzle, got {len(answers)}")
    if pretty is None:
        pretty = len(answers) == 1 and sys.stdout.isatty()

    solver: Iterator[_Answer]
    if model or watch or html is not None:
        solver = _solved_by_model(answers, steps, watch, html)
    else:
        solver = _solved(answers)
    statistics = _Statistics()
    with _progress(len(answers), shown=not watch) as advance:
        for answer in solver:
            _report(answer, pretty)
            statistics.answers.append(answer)
            advance()
    statistics.seconds = time.perf_counter() - started
    for line in statistics.lines() if stats else ():
        warn(line)
    return int(any(answer.text is None for answer in statistics.answers))


def _box(box: str | None) -> tuple[int, int] | None:
    if box is None:
        return None
    parts = box.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) for part in parts):
        raise ConstrainedDiffusionError(f"--box {box}: expected ROWSxCOLUMNS, as in 3x3")
    return int(parts[0]), int(parts[1])


def _variants(variants: list[str] | None) -> tuple[str, ...]:
    known = ("diagonal", "windoku", "anti-knight")
    for variant in variants or ():
        if variant not in known:
            raise ConstrainedDiffusionError(f"--variant {variant}: known are {', '.join(known)}")
    return tuple(variants or ())


def _read(names: Sequence[str], kind: _Kind) -> Iterator[_Answer]:
    """The puzzles of all arguments, with an error in place of those that cannot be read."""
    from ..puzzles.files import read_puzzles

    for number, name in enumerate(names, 1):
        is_file = name == STANDARD or Path(name[:255]).is_file()
        if not is_file and (len(name) < 16 or _FILE_NAME.search(name)):
            raise FileNotFoundError(2, "neither a file nor a puzzle", name)
        text = _file_text(name) if is_file else name
        shown = "standard input" if name == STANDARD else name
        for entry in read_puzzles(text, kind.size):
            place = f"{shown}:{entry.line}" if is_file else f"puzzle {number}"
            if entry.grid is None:
                yield _Answer(place, error=entry.error)
                continue
            try:
                yield _Answer(place, kind.puzzle(entry.grid, entry.size))
            except ConstrainedDiffusionError as error:
                yield _Answer(place, error=str(error))


def _file_text(name: str) -> str:
    data = sys.stdin.buffer.read() if name == STANDARD else Path(name).read_bytes()
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (OSError, EOFError):
        raise ConstrainedDiffusionError(f"{name}: a damaged gzip file") from None
    except UnicodeDecodeError as error:
        raise ConstrainedDiffusionError(f"{name}: not a UTF-8 text (byte {error.start})") from None


def _groups(answers: Sequence[_Answer]) -> Iterator[list[_Answer]]:
    """Runs of puzzles of one kind, at most `_BATCH` at a time; unread ones among them."""
    group: list[_Answer] = []
    structure = None
    for answer in answers:
        own = None if answer.puzzle is None else answer.puzzle.structure
        if group and (len(group) == _BATCH or (own is not None and own is not structure)):
            yield group
            group, structure = [], None
        group.append(answer)
        structure = structure or own
    if group:
        yield group


def _solved(answers: Sequence[_Answer]) -> Iterator[_Answer]:
    """The answers by propagation and search alone."""
    import numpy as np

    from ..puzzles.search import PAUSED
    from ..puzzles.solve import solve_many, text_of

    for group in _groups(answers):
        read = [answer for answer in group if answer.puzzle is not None]
        if read:
            puzzles = [answer.puzzle for answer in read if answer.puzzle is not None]
            structure = puzzles[0].structure
            domains = np.stack([puzzle.initial for puzzle in puzzles])
            batch = solve_many(structure, domains, max_nodes=_FEW_GUESSES)
            for i, answer in enumerate(read):
                answer.nodes = int(batch.nodes[i])
                if batch.found[i] and batch.status[i] != PAUSED:
                    answer.text = text_of(structure, batch.solutions[i])
                    answer.unique = bool(batch.found[i] == 1)
                else:
                    _solve_alone(answer)
        yield from group


def _solve_alone(answer: _Answer) -> None:
    """Within the time limit; or the words for why there is no solution."""
    assert answer.puzzle is not None
    try:
        solution = answer.puzzle.solve()
    except (UnsatisfiableError, LimitError) as error:
        answer.error = str(error)
    else:
        answer.text, answer.unique, answer.nodes = solution.text, solution.unique, solution.nodes


def _solved_by_model(
    answers: Sequence[_Answer], steps: int, watch: bool, html: str | None
) -> Iterator[_Answer]:
    """The answers by the bundled denoiser, masks and search."""
    from ..models import load
    from ..puzzles.refine import refine

    denoiser = load("sudoku")
    for group in _groups(answers):
        read = [answer for answer in group if answer.puzzle is not None]
        puzzles = [answer.puzzle for answer in read if answer.puzzle is not None]
        results: list[Refined] = []
        if watch or html is not None:
            for puzzle in puzzles:
                results.append(_watched(denoiser, puzzle, steps, watch, html))
        elif puzzles:
            results = refine(denoiser, puzzles, steps=steps)
        for answer, result in zip(read, results, strict=True):
            answer.text = result.text if result.solved else None
            answer.error = result.reason
            answer.unique, answer.nodes, answer.steps = result.unique, result.nodes, result.steps
        yield from group


def _watched(denoiser: Any, puzzle: Sudoku, steps: int, watch: bool, html: str | None) -> Refined:
    from ..puzzles.frames import GridRecorder
    from ..puzzles.grid_page import render_grid_page
    from ..puzzles.grid_view import GridView
    from ..puzzles.refine import refine

    view = GridView(puzzle) if watch else None
    recorder = GridRecorder(puzzle) if view is None else view.recorder
    with view or contextlib.nullcontext():
        result = refine(denoiser, [puzzle], steps=steps, on_round=view or recorder)[0]
    if html is not None:
        solution = result.text if result.solved else None
        page = render_grid_page(recorder, solution, title="Sudoku, step by step")
        Path(html).write_text(page, encoding="utf-8")
    return result


@contextlib.contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Any]:
    """A function to call after each puzzle; draws a bar where there are many and somebody looks."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not shown or total < _PROGRESS_FROM or not console.is_terminal:
        yield lambda: None
        return
    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TextColumn("puzzles"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("solving", total=total)
        yield lambda: progress.advance(task)


def _report(answer: _Answer, pretty: bool) -> None:
    if answer.text is None:
        warn(f"error: {answer.place}: {answer.error}")
        if not pretty:
            emit("")
        return
    if answer.unique is False:
        warn(f"note: {answer.place}: several solutions, this is one of them")
    elif answer.unique is None:
        warn(f"note: {answer.place}: whether there are more solutions was not found out in time")
    assert answer.puzzle is not None
    emit(answer.puzzle.draw(answer.text) + "\n" if pretty else answer.text)
