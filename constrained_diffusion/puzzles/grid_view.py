"""A grid as it converges, live in a terminal; plain lines where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from ..viewing.live import StepView, legend
from .frames import CellState, GridFrame, GridRecorder

if TYPE_CHECKING:
    from ..sampling import Step
    from .constraint import PositionConstraint
    from .refine import Round
    from .sudoku import Sudoku

STYLES = {
    CellState.GIVEN: "bold",
    CellState.FORCED: "green",
    CellState.COMMITTED: "underline cyan",
    CellState.CHANGING: "reverse yellow",
    CellState.OPEN: "italic magenta",
}
"""Each state differs by colour and by style, so that it reads without colour too."""

_SHADES = " ░▒▓█"
_SHADING = f"shade: probability of the symbol, {_SHADES[1]} little to {_SHADES[-1]} much"


class GridView(StepView):
    """Shows each round or step it is called with; use as a context manager.

    console: where to draw, by default standard error.
    """

    def __init__(self, puzzle: PositionConstraint, console: Console | None = None) -> None:
        super().__init__(console)
        self.recorder = GridRecorder(puzzle)

    def __call__(self, seen: Round | Step) -> None:
        frame = self.recorder(seen)
        puzzle = self.recorder.puzzle
        self.show(
            lambda: f"{figures(frame)}  {symbol_line(puzzle, frame)}",
            lambda: render(puzzle, frame),
        )


def figures(frame: GridFrame) -> str:
    """Step number, decided cells and mean entropy."""
    return (
        f"step {frame.step + 1:>3}  decided {frame.decided:>3}/{len(frame.states)}  "
        f"mean entropy {frame.mean_entropy:7.4f} nats"
    )


def symbol_line(puzzle: PositionConstraint, frame: GridFrame) -> str:
    """The symbols that are decided, "." elsewhere."""
    still_open = (CellState.OPEN, CellState.CHANGING)
    return "".join(
        "." if state in still_open else puzzle.structure.symbol_name(symbol)
        for symbol, state in zip(frame.symbols, frame.states, strict=True)
    )


def render(puzzle: PositionConstraint, frame: GridFrame) -> Group:
    """The grid, its figures and the legend. An open cell shows its most probable symbol, and how
    probable it is as a shade."""
    return Group(grid_text(puzzle, frame), Text(figures(frame)), legend(STYLES) + _SHADING)


def grid_text(puzzle: PositionConstraint, frame: GridFrame) -> Text:
    """The cells in rows, each in the style of its state, with a space between the boxes."""
    structure = puzzle.structure
    columns = structure.width or math.isqrt(structure.size)
    height, width = _box(puzzle) or (columns, columns)
    text = Text()
    for cell, (symbol, state) in enumerate(zip(frame.symbols, frame.states, strict=True)):
        row, column = divmod(cell, columns)
        if column == 0 and row:
            text.append("\n\n" if row % height == 0 else "\n")
        if column and column % width == 0:
            text.append("  ")
        text.append(structure.symbol_name(symbol), style=STYLES[state])
        if state in (CellState.OPEN, CellState.CHANGING):
            shade = int(frame.probabilities[cell][symbol] * (len(_SHADES) - 1) + 0.5)
            text.append(_SHADES[shade], style="magenta")
        else:
            text.append(" ")
    return text


def _box(puzzle: PositionConstraint | Sudoku) -> tuple[int, int] | None:
    box: tuple[int, int] | None = getattr(puzzle, "box", None)
    return box
