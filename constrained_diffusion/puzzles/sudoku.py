"""`Sudoku`: a grid in which rows, columns and boxes hold every symbol once, and its variants."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constraints.spelling import Spelling
from ..errors import ConstrainedDiffusionError
from .constraint import PositionConstraint, Sum
from .grids import draw_grid, read_grid, symbols_of
from .limits import SearchLimits
from .puzzle import Group, Structure, Total

if TYPE_CHECKING:
    from .layout import Int64Array


@dataclass(frozen=True, init=False)
class Sudoku(PositionConstraint):
    """A grid of n by n symbols: no row, column or box holds a symbol twice.

    Its text is the n² symbols row by row; `Result.value` is the list of the n rows.

    Attributes:
        grid: n² symbols, "." where nothing is given.
        box: rows and columns of a box; None where there are no boxes.
        regions: a label per cell; the cells of a label are a box of any shape (jigsaw).
        diagonals: both diagonals hold every symbol, too.
        windoku: so do the four boxes between the others of a grid of 9 by 9 (Hyper Sudoku).
        anti_knight: cells a knight's move apart differ.
        cages: cells that differ and add up to a total (killer); the first symbol counts 1.
        groups: more groups of cells that differ.
        symbols: by default the first n of 1-9A-Z.
        limits: of the search.
    """

    grid: str
    box: tuple[int, int] | None
    regions: str | None
    diagonals: bool
    windoku: bool
    anti_knight: bool
    cages: tuple[tuple[tuple[int, ...], int], ...]
    groups: tuple[tuple[int, ...], ...]
    symbols: str
    limits: SearchLimits

    def __init__(
        self,
        grid: Any,
        box: Sequence[int] | None = (3, 3),
        *,
        regions: Any = None,
        diagonals: bool = False,
        windoku: bool = False,
        anti_knight: bool = False,
        cages: Iterable[Sum] = (),
        groups: Iterable[Iterable[int | str] | str] = (),
        symbols: str | None = None,
        limits: SearchLimits | None = None,
    ) -> None:
        """
        grid: what `read_grid` takes: text, nested lists, an array.
        box: rows and columns of a box: (2, 2), (2, 3), (3, 3), (4, 4), (5, 5), …; None: no boxes
            (a Latin square). Not looked at where `regions` are given.
        regions: n² labels as text or nested lists.
        cages, groups: cells are positions from 0, names such as "r1c1", or a text of names.

        Raises ConstrainedDiffusionError where these do not fit together.
        """
        shape = None if box is None or regions is not None else _box(box)
        cells, size = read_grid(grid, symbols, None if shape is None else shape[0] * shape[1])
        for name, value in (
            ("grid", cells),
            ("box", shape),
            ("regions", None if regions is None else _regions(regions, size)),
            ("diagonals", bool(diagonals)),
            ("windoku", bool(windoku)),
            ("anti_knight", bool(anti_knight)),
            ("cages", tuple((cell_numbers(cage.cells, size), cage.total) for cage in cages)),
            ("groups", tuple(cell_numbers(group, size) for group in groups)),
            ("symbols", symbols_of(size, symbols)),
            ("limits", limits or SearchLimits()),
        ):
            object.__setattr__(self, name, value)
        if windoku and size != 9:
            raise ConstrainedDiffusionError(f"windoku is for grids of 9 by 9, got {size} by {size}")
        _ = self.structure

    @property
    def size(self) -> int:
        """n, the cells of a row."""
        return len(self.symbols)

    @property
    def structure(self) -> Structure:
        return _structure(
            self.symbols,
            self.box,
            self.regions,
            (self.diagonals, self.windoku, self.anti_knight),
            self.cages,
            self.groups,
        )

    @functools.cached_property
    def initial(self) -> Int64Array:
        domains: Int64Array = domains_of([self.grid], self.symbols)[0]
        return domains

    def spelling(self, text: str) -> Spelling:
        """`text` without white space."""
        return Spelling("".join(text.split()))

    def parse(self, text: str) -> list[str]:
        """The rows of a solution."""
        cells = "".join(text.split())
        return [cells[start : start + self.size] for start in range(0, len(cells), self.size)]

    def draw(self, line: str | None = None) -> str:
        """The grid, or n² other cells, in n lines with lines between the boxes."""
        return draw_grid(self.grid if line is None else line, self.box)


def domains_of(lines: Sequence[str], symbols: str) -> Int64Array:
    """int64 [B, n²]: for each line of n² cells the sets of symbols that they can hold."""
    code_points = np.array([[ord(cell) for cell in line] for line in lines], np.int64)
    domains = np.full(code_points.shape, (1 << len(symbols)) - 1, np.int64)
    for j, symbol in enumerate(symbols):
        domains[code_points == ord(symbol)] = 1 << j
    return domains


def cell_numbers(cells: Iterable[int | str] | str, size: int) -> tuple[int, ...]:
    """Cells of a grid of n by n as positions; names r1c1 count from 1."""
    listed: Iterable[int | str] = cells.split() if isinstance(cells, str) else cells
    numbers = []
    for cell in listed:
        if isinstance(cell, str):
            place = re.fullmatch(r"[rR]([0-9]+)[cC]([0-9]+)", cell)
            if place is None or not all(1 <= int(part) <= size for part in place.groups()):
                raise ConstrainedDiffusionError(
                    f"{cell!r} is no cell of a grid of {size} by {size}: write r1c1 to "
                    f"r{size}c{size}"
                )
            cell = (int(place[1]) - 1) * size + int(place[2]) - 1
        numbers.append(int(cell))
    return tuple(numbers)


def _box(box: Sequence[int]) -> tuple[int, int]:
    try:
        height, width = (operator.index(side) for side in box)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ConstrainedDiffusionError(f"a box is (rows, columns), both from 1 on, got {box!r}")
    return height, width


def _regions(regions: Any, size: int) -> str:
    if not isinstance(regions, str):
        rows = regions.tolist() if hasattr(regions, "tolist") else regions
        flat = [label for row in rows for label in (row if not isinstance(row, int) else [row])]
        order = {label: number for number, label in enumerate(dict.fromkeys(flat))}
        regions = "".join(chr(ord("A") + order[label]) for label in flat)
    labels = "".join(regions.split())
    counts = [labels.count(label) for label in dict.fromkeys(labels)]
    if len(labels) != size * size or counts != [size] * size:
        raise ConstrainedDiffusionError(
            f"regions are {size} labels of {size} cells each, got {len(counts)} labels over "
            f"{len(labels)} cells"
        )
    return labels


@functools.lru_cache(maxsize=64)
def _structure(
    symbols: str,
    box: tuple[int, int] | None,
    regions: str | None,
    variants: tuple[bool, bool, bool],
    cages: tuple[tuple[tuple[int, ...], int], ...],
    more: tuple[tuple[int, ...], ...],
) -> Structure:
    n = len(symbols)
    cell = np.arange(n * n).reshape(n, n)
    groups = [Group(f"row {r + 1}", tuple(cell[r].tolist())) for r in range(n)]
    groups += [Group(f"column {c + 1}", tuple(cell[:, c].tolist())) for c in range(n)]
    groups += _boxes(cell, box, regions)
    diagonals, windoku, anti_knight = variants
    if diagonals:
        groups.append(Group("the diagonal down", tuple(np.diagonal(cell).tolist())))
        groups.append(Group("the diagonal up", tuple(np.diagonal(cell[::-1]).tolist())))
    if windoku:
        windows = [cell[r : r + 3, c : c + 3] for r in (1, 5) for c in (1, 5)]
        groups += [
            Group(f"window {i + 1}", tuple(window.ravel().tolist()))
            for i, window in enumerate(windows)
        ]
    if anti_knight:
        groups += [Group("a knight's move", pair) for pair in _knight_pairs(n)]
    groups += [Group(f"the cage of {total}", cells) for cells, total in cages]
    groups += [Group(f"group {i}", cells) for i, cells in enumerate(more)]
    return Structure(
        symbols=tuple(symbol.encode() for symbol in symbols),
        domains=np.full(n * n, (1 << n) - 1 if n < 63 else 0, np.int64),
        groups=tuple(groups),
        totals=tuple(Total(cells, total) for cells, total in cages),
        values=tuple(range(1, n + 1)),
        width=n,
    )


def _boxes(cell: Int64Array, box: tuple[int, int] | None, regions: str | None) -> list[Group]:
    if regions is not None:
        labels = np.array(list(regions))
        return [
            Group(f"region {label}", tuple(np.flatnonzero(labels == label).tolist()))
            for label in dict.fromkeys(regions)
        ]
    if box is None:
        return []
    n, (height, width) = len(cell), box
    corners = [(r, c) for r in range(0, n, height) for c in range(0, n, width)]
    return [
        Group(f"box {i + 1}", tuple(cell[r : r + height, c : c + width].ravel().tolist()))
        for i, (r, c) in enumerate(corners)
    ]


def _knight_pairs(n: int) -> list[tuple[int, int]]:
    return [
        (r * n + c, (r + dr) * n + c + dc)
        for r in range(n)
        for c in range(n)
        for dr, dc in ((1, -2), (1, 2), (2, -1), (2, 1))
        if r + dr < n and 0 <= c + dc < n
    ]
