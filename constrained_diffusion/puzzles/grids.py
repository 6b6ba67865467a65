"""Square grids as text: reading them from what people write, and drawing them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ConstrainedDiffusionError

SYMBOLS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the cells of a grid hold: the first n of them in a grid of n by n."""

BLANKS = ".0_*"
"""An empty cell, besides the space."""

_FRAME = re.compile(r"[|+\-─│┼═║╬\s]")
"""What is drawn between cells: no cell in a grid that has enough others."""


def read_grid(grid: Any, symbols: str | None = None, size: int | None = None) -> tuple[str, int]:
    """A square grid as one line of n² symbols with "." for an empty cell, and n.

    grid: text of n² cells, or n lines; empty cells are ".", "0", "_", "*" or spaces, and lines,
        bars and spaces may be drawn between cells; or nested sequences or an array, of texts and
        of numbers (1 is the first symbol; 0 and None are empty cells).
    symbols: n symbols; by default the first n of 1-9A-Z, small letters being read as capitals.
    size: n, where it is known.

    Raises ConstrainedDiffusionError, with the row and the column of a wrong symbol.
    """
    cells = _cells_of_text(grid, size) if isinstance(grid, str) else _cells_of_rows(grid, symbols)
    found = math.isqrt(len(cells))
    if size is not None and len(cells) != size * size:
        raise ConstrainedDiffusionError(
            f"a grid of {size} by {size} has {size * size} cells, got {len(cells)}; for another "
            "size state the boxes, box=(rows, columns)"
        )
    if found == 0 or found * found != len(cells):
        raise ConstrainedDiffusionError(
            f"a grid has as many rows as columns (16, 36, 81, 256, 625, … cells), got {len(cells)}"
        )
    return _checked(cells, found, symbols_of(found, symbols)), found


def symbols_of(size: int, symbols: str | None = None) -> str:
    """The symbols of a grid of n by n. Raises ConstrainedDiffusionError where they do not fit."""
    if symbols is None:
        if size > len(SYMBOLS):
            raise ConstrainedDiffusionError(
                f"a grid of {size} by {size} needs {size} symbols: state them, symbols=…"
            )
        return SYMBOLS[:size]
    if len(symbols) != size or len(set(symbols)) != size or " " in symbols or "." in symbols:
        raise ConstrainedDiffusionError(
            f"symbols are {size} different characters other than '.' and space, got {symbols!r}"
        )
    return symbols


def draw_grid(line: str, box: tuple[int, int] | None = None) -> str:
    """n² cells in n lines, with lines between the boxes (rows, columns) where there are any."""
    size = math.isqrt(len(line))
    height, width = box or (size, size)
    rows = []
    for r in range(size):
        cells = line[r * size : (r + 1) * size]
        if r and r % height == 0:
            rows.append("-+-".join(["-" * (2 * width - 1)] * (size // width)))
        parts = [" ".join(cells[c : c + width]) for c in range(0, size, width)]
        rows.append(" | ".join(parts))
    return "\n".join(rows)


def _cells_of_text(text: str, size: int | None) -> list[str]:
    """The cells, by the first reading that gives as many as there should be: with everything drawn
    between them left out; with spaces as cells of lines whose ends may have been cut off."""
    drawn = [c for c in text if not _FRAME.match(c)]
    lines = text.replace("\r", "").strip("\n").split("\n")
    width = max(map(len, lines)) if size is None else size
    if len(lines) == 1:
        spaced = list(lines[0])
    else:
        spaced = list("".join(line.ljust(width) for line in lines)) if len(lines) == width else []
    readings = [drawn, spaced]
    if size is None and not any(c in BLANKS for c in text):
        # Nothing but spaces can be an empty cell here, and what is drawn may be a square by chance.
        readings.reverse()
    for cells in readings:
        if _is_square(len(cells)) if size is None else len(cells) == size * size:
            return cells
    return drawn


def _cells_of_rows(rows: Any, symbols: str | None) -> list[str]:
    if hasattr(rows, "tolist"):
        rows = rows.tolist()
    if not isinstance(rows, Iterable):
        raise ConstrainedDiffusionError(f"a grid is a text or rows of cells, got {rows!r}")
    flat: list[Any] = []
    for row in rows:
        if (isinstance(row, str) and len(row) > 1) or (
            isinstance(row, Sequence) and not isinstance(row, str)
        ):
            flat += row
        else:
            flat.append(row)
    known = symbols or SYMBOLS
    cells = []
    for cell in flat:
        if cell is None or cell == "" or (cell == 0 and not isinstance(cell, str)):
            cells.append(".")
        elif isinstance(cell, int) and not isinstance(cell, bool) and 0 < cell <= len(known):
            cells.append(known[cell - 1])
        elif isinstance(cell, str) and len(cell) == 1:
            cells.append(cell)
        else:
            raise ConstrainedDiffusionError(
                f"a cell is a symbol, a number from 0 on or None, got {cell!r}"
            )
    return cells


def _checked(cells: list[str], size: int, symbols: str) -> str:
    checked = []
    for position, cell in enumerate(cells):
        symbol = cell if cell in symbols else cell.upper()
        if symbol in symbols:
            checked.append(symbol)
        elif cell in BLANKS or cell.isspace():
            checked.append(".")
        else:
            raise ConstrainedDiffusionError(
                f"r{position // size + 1}c{position % size + 1} holds {cell!r}, expected one of "
                f"{symbols} or an empty cell"
            )
    return "".join(checked)


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number
