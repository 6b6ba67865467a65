"""Files of puzzles: a line per puzzle, grids of several lines, or a column of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConstrainedDiffusionError
from .grids import read_grid

_NOT_CELLS = re.compile(r"[|+\-=─│┼═║╬\s]")
_ROW_SIZES = (4, 6, 9, 25)
"""Cells of a line that is a row of a grid, where nothing is known: 16 are a grid of 4 by 4."""


@dataclass(frozen=True)
class Entry:
    """A puzzle of a file, or what stands in the place of one.

    Attributes:
        line: where it begins, from 1.
        grid: n² symbols, "." for an empty cell; None where it cannot be read.
        size: n; 0 where it cannot be read.
        error: what is wrong; None where it can be read.
    """

    line: int
    grid: str | None
    size: int
    error: str | None = None


def read_puzzles(text: str, size: int | None = None) -> Iterator[Entry]:
    """The puzzles of a text.

    A puzzle is a line of n² cells or n lines of n cells, in the spellings of `read_grid`; lines,
    bars and empty lines may be drawn between rows. On a line of n² cells, what follows a comma, a
    semicolon or a tab is left out (a solution, say). Lines that begin with "#" do not count, nor a
    first line of names of columns.

    size: n, where it is known; otherwise each puzzle's own, and 16 cells in a line are a puzzle of
        4 by 4.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if _is_one_grid(lines, size):
        yield _entry(1, text, size)
        return
    block: list[str] = []
    start = 0
    for number, line in enumerate(lines, 1):
        if block and len(block) == _row_size(block[0], size):
            yield _entry(start, "\n".join(block), size)
            block = []
        empty_row = bool(block) and not line.strip() and len(line) == _row_size(block[0], size)
        if not _NOT_CELLS.sub("", line) and not empty_row:
            continue
        if not block and (line.startswith("#") or (number == 1 and _is_header(line))):
            continue
        if empty_row or _is_row(line, size, bool(block)):
            start = start if block else number
            block.append(line)
            continue
        if block:
            yield _entry(start, "\n".join(block), size)
            block = []
        yield _entry(number, re.split(r"[,;\t]", line, maxsplit=1)[0], size)
    if block:
        yield _entry(start, "\n".join(block), size)


def _entry(line: int, text: str, size: int | None) -> Entry:
    try:
        grid, found = read_grid(text, size=size)
    except ConstrainedDiffusionError as error:
        return Entry(line, None, 0, str(error))
    return Entry(line, grid, found)


def _is_one_grid(lines: list[str], size: int | None) -> bool:
    """Whether the text is n lines of up to n characters: spaces at their ends may be cut off."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    longest = max(map(len, lines), default=0) if size is None else size
    return (
        len(lines) == longest
        and (size is not None or longest in _ROW_SIZES)
        and all(len(line) <= longest for line in lines)
    )


def _is_header(line: str) -> bool:
    """Whether the first line names columns: words with letters, and more than one of them."""
    words = re.split(r"[,;\t]", line)
    return len(words) > 1 and all(re.fullmatch(r"\s*[A-Za-z_]{2,20}\s*", word) for word in words)


def _is_row(line: str, size: int | None, inside: bool) -> bool:
    """Whether `line` is one of the n lines of a grid."""
    if size is None:
        return _row_size(line, None) in _ROW_SIZES or (inside and len(line) <= max(_ROW_SIZES))
    return _row_size(line, size) == size or (inside and len(line) <= size)


def _row_size(line: str, size: int | None) -> int:
    """How many cells a row that is written as `line` has."""
    drawn = len(_NOT_CELLS.sub("", line))
    sizes = _ROW_SIZES if size is None else (size,)
    return len(line) if drawn not in sizes and len(line) in sizes else drawn
