"""`AllDifferent`: cells that hold different tokens; and what all constraints on positions share."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constraints.base import Constraint, Language
from ..errors import ConstrainedDiffusionError
from .limits import SearchLimits
from .puzzle import Group, Structure, Symbol, Total

if TYPE_CHECKING:
    from ..vocabulary import Vocabulary
    from .compiled import CompiledPuzzle
    from .layout import Int64Array
    from .solve import Solution

Symbols = str | bytes | Iterable[str | bytes | int]
"""The symbols of a cell: a text of one-character symbols, or a collection of token texts or ids."""


@dataclass(frozen=True)
class Sum:
    """The symbols of `cells` add up to `total`.

    cells: positions; in a grid also names, as in "r1c1 r1c2".
    """

    cells: Sequence[int | str] | str
    total: int

    def __post_init__(self) -> None:
        if not isinstance(self.cells, str):
            object.__setattr__(self, "cells", tuple(self.cells))


class PositionConstraint(Constraint):
    """Base of the constraints that state which tokens stand at which positions of a canvas.

    Subclasses are frozen dataclasses that build a `Structure`. They are compiled by a search of
    their own and do not combine with constraints on text.
    """

    limits: SearchLimits

    @property
    @abstractmethod
    def structure(self) -> Structure:
        """The cells and the rules."""

    @property
    def initial(self) -> Int64Array:
        """int64 [n], the symbols that each cell can hold with what is given, as sets."""
        return self.structure.domains

    def language(self, capacity: int | None = None) -> Language:
        raise ConstrainedDiffusionError(
            f"{type(self).__name__} states which tokens stand at which positions; it does not "
            "combine with constraints on text"
        )

    def compile_for(
        self, vocabulary: Vocabulary, *, length: int, canvases: int = 1
    ) -> CompiledPuzzle:
        """What `cd.compile` calls; see there."""
        from .compiled import CompiledPuzzle

        return CompiledPuzzle(self, vocabulary, length=length, canvases=canvases)

    def solve(self) -> Solution:
        """A solution, found without any model, and whether it is the only one.

        Raises UnsatisfiableError where there is none, LimitError where the limits are reached
        before one is found.
        """
        from .solve import solve

        return solve(self)

    def count(self, limit: int = 1000) -> int:
        """The number of solutions, counted up to `limit`.

        Raises LimitError where `limits.seconds` run out before that.
        """
        from .solve import count

        return count(self, limit)

    def solutions(self) -> Iterator[str]:
        """All solutions as texts, one after the other.

        Raises LimitError where `limits.seconds` run out before the next one.
        """
        from .solve import solutions

        return solutions(self)


@dataclass(frozen=True, init=False)
class AllDifferent(PositionConstraint):
    """Every position holds one of its symbols, and no group holds a symbol twice.

    Attributes:
        groups: collections of positions, from 0.
        domains: the symbols of each position.
        sums: groups of positions whose symbols add up.
        values: what a symbol counts in a sum; by default its text read as a number.
        limits: of the search.
    """

    groups: tuple[tuple[int, ...], ...]
    domains: tuple[tuple[Symbol, ...], ...]
    sums: tuple[Sum, ...]
    values: tuple[tuple[Symbol, int], ...]
    limits: SearchLimits

    def __init__(
        self,
        groups: Iterable[Iterable[int]],
        domains: Symbols | Sequence[Symbols] | Mapping[int, Symbols],
        *,
        sums: Iterable[Sum] = (),
        values: Mapping[str | bytes | int, int] | None = None,
        limits: SearchLimits | None = None,
    ) -> None:
        """
        domains: the symbols of each position, as a sequence or as a map from the positions 0 … n-1;
            or, as one text, those of all positions, of which there are as many as groups and sums
            name. A symbol is the text of a token or, where it is a number, a token id.

        Raises ConstrainedDiffusionError for what is no such thing, LimitError for a puzzle of more
        than 62 symbols, 10,000 positions or 10^6 pairs over all groups.
        """
        listed = tuple(tuple(int(cell) for cell in group) for group in groups)
        all_sums = tuple(sums)
        named = {cell for group in listed for cell in group}
        named.update(cell for total in all_sums for cell in total.cells if isinstance(cell, int))
        for name, value in (
            ("groups", listed),
            ("domains", _domains(domains, max(named, default=-1) + 1)),
            ("sums", all_sums),
            ("values", tuple((_symbol(key), count) for key, count in (values or {}).items())),
            ("limits", limits or SearchLimits()),
        ):
            object.__setattr__(self, name, value)
        _ = self.structure  # what is wrong is said now, not when it is compiled

    @functools.cached_property
    def structure(self) -> Structure:
        symbols = tuple(dict.fromkeys(s for domain in self.domains for s in domain))
        number = {symbol: j for j, symbol in enumerate(symbols)}
        sets = [sum(1 << number[s] for s in set(domain)) for domain in self.domains]
        return Structure(
            symbols=symbols,
            domains=np.array(sets, np.int64) if len(symbols) <= 62 else np.zeros(len(sets), int),
            groups=tuple(Group(f"group {i}", cells) for i, cells in enumerate(self.groups)),
            totals=tuple(Total(_positions(total.cells), total.total) for total in self.sums),
            values=tuple(self._value(symbol) for symbol in symbols) if self.sums else (),
        )

    def _value(self, symbol: Symbol) -> int:
        stated = dict(self.values)
        if symbol in stated:
            return stated[symbol]
        try:
            return int(symbol if isinstance(symbol, bytes) else "")
        except ValueError:
            raise ConstrainedDiffusionError(
                f"the symbol {symbol!r} is no number: state what it counts in a sum, "
                "values={symbol: number, …}"
            ) from None


def _symbol(value: Any) -> Symbol:
    if isinstance(value, str) and value:
        return value.encode()
    if (isinstance(value, bytes) and value) or (
        isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0
    ):
        return value if isinstance(value, bytes) else int(value)
    raise ConstrainedDiffusionError(f"a symbol is the text of a token or a token id, got {value!r}")


def _symbols(value: Any) -> tuple[Symbol, ...]:
    """The symbols of one position."""
    if isinstance(value, bytes):
        return tuple(dict.fromkeys(bytes([byte]) for byte in value))
    if isinstance(value, (int, np.integer)):
        value = (value,)
    if not isinstance(value, Collection):
        raise ConstrainedDiffusionError(
            f"the domain of a position is a collection of symbols, got {value!r}"
        )
    symbols = [_symbol(symbol) for symbol in value]
    if isinstance(value, Set):
        # Symbols are numbered as they come, and equal puzzles should be numbered alike.
        symbols.sort(key=lambda symbol: (isinstance(symbol, bytes), symbol))
    return tuple(dict.fromkeys(symbols))


def _domains(value: Any, positions: int) -> tuple[tuple[Symbol, ...], ...]:
    """The symbols of all positions; of `positions` where they are not told apart."""
    if isinstance(value, (str, bytes)):
        return (_symbols(value),) * positions
    if isinstance(value, Mapping):
        missing = [cell for cell in range(max(positions, len(value))) if cell not in value]
        if missing:
            raise ConstrainedDiffusionError(f"domains say nothing of position {missing[0]}")
        return tuple(_symbols(value[cell]) for cell in range(len(value)))
    if not isinstance(value, Iterable):
        raise ConstrainedDiffusionError(
            "domains are the symbols of each position: a sequence, a map, or one text for all"
        )
    return tuple(_symbols(domain) for domain in value)


def _positions(cells: Any) -> tuple[int, ...]:
    if isinstance(cells, str) or not all(isinstance(cell, (int, np.integer)) for cell in cells):
        raise ConstrainedDiffusionError(f"the cells of a sum are positions, got {cells!r}")
    return tuple(int(cell) for cell in cells)
