"""A grid while it is solved, as one self-contained page with a step slider."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

from ..viewing.page_template import fill_page
from .frames import CellState, GridFrame, GridRecorder

if TYPE_CHECKING:
    from .constraint import PositionConstraint

_LETTER = {
    CellState.GIVEN: "g",
    CellState.FORCED: "f",
    CellState.COMMITTED: "m",
    CellState.CHANGING: "c",
    CellState.OPEN: "o",
}


def render_grid_page(recorder: GridRecorder, solution: str | None, *, title: str = "") -> str:
    """The page, as HTML. It loads nothing, and all text from outside is escaped.

    recorder: has seen every step. solution: the text of the answer, None where there is none.
    """
    parts = {"TITLE": html.escape(title or "A puzzle, step by step")}
    return fill_page(__package__, "grid.html", parts, _data(recorder, solution))


def _data(recorder: GridRecorder, solution: str | None) -> dict[str, Any]:
    structure = recorder.puzzle.structure
    columns = structure.width or math.isqrt(structure.size)
    return {
        "symbols": [structure.symbol_name(j) for j in range(len(structure.symbols))],
        "columns": columns,
        "regions": _regions(recorder.puzzle, columns),
        "frames": [_frame(frame) for frame in recorder.frames],
        "solution": solution,
    }


def _frame(frame: GridFrame) -> dict[str, Any]:
    k = frame.probabilities.shape[1]
    return {
        "step": frame.step,
        "symbols": frame.symbols,
        "states": "".join(_LETTER[state] for state in frame.states),
        # Percent of each candidate; -1 where the constraint excludes it.
        "percent": [
            [round(100 * float(row[j])) if possible >> j & 1 else -1 for j in range(k)]
            for row, possible in zip(frame.probabilities, frame.possible, strict=True)
        ],
        "decided": frame.decided,
        "entropy": round(frame.mean_entropy, 4),
    }


def _regions(puzzle: PositionConstraint, columns: int) -> list[int]:
    """A number per cell: borders are drawn between cells of different numbers."""
    regions = getattr(puzzle, "regions", None)
    if regions is not None:
        labels = list(dict.fromkeys(regions))
        return [labels.index(label) for label in regions]
    height, width = getattr(puzzle, "box", None) or (columns, columns)
    across = -(-columns // width)
    return [
        cell // columns // height * across + cell % columns // width
        for cell in range(puzzle.structure.size)
    ]
