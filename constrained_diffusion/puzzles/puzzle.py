"""A puzzle resolved to numbers: cells, symbols, groups and sums, each with a name for messages."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConstrainedDiffusionError, LimitError
from .layout import MAX_SYMBOLS, Int64Array, Layout, build_layout

if TYPE_CHECKING:
    from .layout import Scratch

Symbol = bytes | int
"""What a cell can hold: the text of a token, or the id of one."""

MAX_CELLS = 10_000
MAX_PAIRS = 1_000_000
"""Pairs of cells that differ, counted in each group: peers are held in memory one by one."""

MAX_TOTAL = 10_000
"""The largest total of a sum: totals are reached one by one."""


@dataclass(frozen=True)
class Group:
    """Cells that hold different symbols."""

    name: str
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Total:
    """Cells whose symbols add up to `total`."""

    cells: tuple[int, ...]
    total: int


@dataclass(frozen=True, eq=False)
class Structure:
    """What all puzzles of one kind share: everything but their givens.

    Attributes:
        symbols: k symbols; symbol j is bit j of a domain.
        domains: int64 [n], what each cell can hold before anything is given.
        groups, totals: the rules.
        values: what each symbol counts in a total.
        width: cells of a row where cells are named r1c1, r1c2, …; 0: they are numbered from 0.
    """

    symbols: tuple[Symbol, ...]
    domains: Int64Array
    groups: tuple[Group, ...]
    totals: tuple[Total, ...] = ()
    values: tuple[int, ...] = ()
    width: int = 0

    def __post_init__(self) -> None:
        if len(self.symbols) > MAX_SYMBOLS:
            raise LimitError(
                f"a puzzle has at most {MAX_SYMBOLS} different symbols, got {len(self.symbols)}"
            )
        pairs = sum(len(group.cells) ** 2 for group in self.groups)
        if len(self.domains) > MAX_CELLS or pairs > MAX_PAIRS:
            raise LimitError(
                f"a puzzle has at most {MAX_CELLS:,} cells and {MAX_PAIRS:,} pairs of cells over "
                f"all groups, got {len(self.domains):,} and {pairs:,}"
            )
        if any(not 0 <= total.total <= MAX_TOTAL for total in self.totals):
            raise LimitError(f"the total of a sum is a whole number from 0 to {MAX_TOTAL:,}")
        if any(value < 0 for value in self.values):
            raise ConstrainedDiffusionError("symbols count 0 or more in a sum, never less")
        for what, cells in (
            *((f"the group {group.name!r}", group.cells) for group in self.groups),
            *((f"the sum {total.total}", total.cells) for total in self.totals),
        ):
            if len(set(cells)) != len(cells):
                raise ConstrainedDiffusionError(f"{what} names a position twice")
            wrong = [cell for cell in cells if not 0 <= cell < len(self.domains)]
            if wrong:
                raise ConstrainedDiffusionError(
                    f"{what} names position {wrong[0]}, but there are {len(self.domains)}"
                )

    @property
    def size(self) -> int:
        """n, the number of cells."""
        return len(self.domains)

    @functools.cached_property
    def _rules(self) -> tuple[Layout, tuple[int, ...]]:
        return build_layout(
            self.domains,
            [group.cells for group in self.groups],
            [(total.cells, total.total) for total in self.totals],
            self.values or (0,) * len(self.symbols),
        )

    @property
    def layout(self) -> Layout:
        """The rules as arrays for compiled functions."""
        return self._rules[0]

    def cell_name(self, cell: int) -> str:
        """A cell in words: r1c1 for the first one of a grid."""
        if self.width:
            return f"r{cell // self.width + 1}c{cell % self.width + 1}"
        return f"position {cell}"

    def symbol_name(self, symbol: int) -> str:
        """A symbol in words."""
        value = self.symbols[symbol]
        if isinstance(value, int):
            return f"token {value}"
        return value.decode("utf-8", errors="backslashreplace")

    def symbol_names(self, bits: int) -> str:
        """The symbols of a set, one after the other."""
        names = [self.symbol_name(j) for j in range(len(self.symbols)) if bits >> j & 1]
        return ", ".join(names)

    def repeated(self, domains: Int64Array) -> str | None:
        """In words, the first two cells of a group that hold the same symbol, if there are any."""
        decided = (domains & (domains - 1)) == 0
        for group in self.groups:
            holder: dict[int, int] = {}
            for cell in group.cells:
                symbol = int(domains[cell])
                if not decided[cell] or symbol == 0:
                    continue
                if symbol in holder:
                    first, second = self.cell_name(holder[symbol]), self.cell_name(cell)
                    return (
                        f"{first} and {second} ({group.name}) both hold {self.symbol_names(symbol)}"
                    )
                holder[symbol] = cell
        return None

    def failure(self, scratch: Scratch) -> str:
        """In words, why propagation found no solution."""
        from .layout import CELL_EMPTY, SUM_MISSED, SYMBOL_MISSING

        reason, number, symbols = scratch.failure.tolist()
        if reason == CELL_EMPTY:
            return f"nothing is left that {self.cell_name(number)} could hold"
        if reason == SUM_MISSED:
            total = self.totals[number]
            return f"{self._cell_names(total.cells)} cannot add up to {total.total}"
        group = self.groups[self._rules[1][number]]
        if reason == SYMBOL_MISSING:
            return f"{group.name} has no place left for {self.symbol_names(symbols)}"
        return f"the cells of {group.name} cannot all differ"

    def broken_rule(self, symbols: Sequence[int]) -> str | None:
        """In words, the first rule that a filling (symbol numbers of all cells) breaks, if any."""
        filled = 1 << np.asarray(symbols, np.int64)
        for cell in np.flatnonzero(filled & self.domains == 0).tolist():
            return (
                f"{self.cell_name(cell)} holds {self.symbol_name(symbols[cell])}, "
                f"expected {self.symbol_names(int(self.domains[cell]))}"
            )
        repeated = self.repeated(filled)
        if repeated is not None:
            return repeated
        for total in self.totals:
            found = sum(self.values[symbols[cell]] for cell in total.cells)
            if found != total.total:
                return f"{self._cell_names(total.cells)} add up to {found}, expected {total.total}"
        return None

    def _cell_names(self, cells: Sequence[int]) -> str:
        return ", ".join(self.cell_name(cell) for cell in cells)
