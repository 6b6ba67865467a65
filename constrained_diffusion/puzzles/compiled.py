"""A puzzle compiled for a vocabulary: what samplers and callers hold."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constraints.compiled import CompiledConstraint
from ..errors import (
    CanvasTooSmallError,
    ConstrainedDiffusionError,
    UnsatisfiableError,
    VocabularyError,
)
from .explore import Searcher

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from ..inference import Posterior
    from ..vocabulary import Vocabulary
    from .constraint import PositionConstraint
    from .layout import Int16Array, Int64Array
    from .puzzle import Symbol

    Fixed = Mapping[int, int | Collection[int]]


_MAX_READINGS = 1000
"""Ways to read a text as symbols that are looked at."""

_RECENT = 16
"""Solutions that a compiled puzzle remembers."""


class CompiledPuzzle(CompiledConstraint):
    """The cells of a puzzle as the first n positions of a canvas over V tokens.

    In the interface of `CompiledConstraint`, with a search in place of an automaton. Where the
    canvas is longer than the puzzle, an end token and padding follow the n cells.

    Attributes:
        tokens_of: int64 [k], the token of each symbol.
        given_tokens: position -> token of the cells that hold one symbol from the start.
        domains: int64 [n], the symbols of each cell after propagation, as sets.
        witness: int16 [n], a solution, as symbol numbers.
    """

    constraint: PositionConstraint
    is_automaton = False

    def __init__(
        self,
        constraint: PositionConstraint,
        vocabulary: Vocabulary,
        *,
        length: int,
        canvases: int = 1,
    ) -> None:
        """Raises UnsatisfiableError where there is no solution, LimitError where the search for one
        reaches its limits, CanvasTooSmallError, VocabularyError where a symbol is no token."""
        started = time.perf_counter()
        structure = constraint.structure
        if canvases != 1:
            raise ConstrainedDiffusionError(f"a puzzle fills one canvas, got canvases={canvases}")
        if length < structure.size:
            raise CanvasTooSmallError(needed=structure.size, available=length)
        if length > structure.size and not vocabulary.end_ids:
            raise ConstrainedDiffusionError(
                f"the puzzle has {structure.size} cells and the canvas {length} positions, but "
                "the vocabulary has no end token that could follow the cells"
            )
        self.constraint = constraint
        self.vocabulary = vocabulary
        self.length = length
        self.canvases = 1
        self.initial_state = 0
        self.min_tokens = structure.size
        self.bounds = ()
        self.tokens_of: Int64Array = np.array(
            [token_of(symbol, vocabulary) for symbol in structure.symbols], np.int64
        )
        if len(set(self.tokens_of.tolist())) < len(self.tokens_of):
            raise VocabularyError("two symbols of the puzzle are the same token")
        search = Searcher(structure, constraint.initial, seconds=constraint.limits.seconds)
        search.run(1)
        if search.found == 0:
            raise UnsatisfiableError("no solution: every possibility was tried")
        self.domains: Int64Array = search.domains
        self.witness: Int16Array = search.last
        self._recent: deque[Int16Array] = deque([self.witness], maxlen=_RECENT)
        single = np.flatnonzero(constraint.initial & (constraint.initial - 1) == 0)
        self.given_tokens = {
            cell: int(self.tokens_of[int(constraint.initial[cell]).bit_length() - 1])
            for cell in single.tolist()
        }
        self.stats: Mapping[str, Any] = MappingProxyType(
            {
                "engine": "all-different search",
                "cells": structure.size,
                "symbols": len(structure.symbols),
                "groups": len(structure.groups),
                "sums": len(structure.totals),
                "given_cells": len(single),
                "open_cells": int(np.count_nonzero(self.domains & (self.domains - 1))),
                "nodes": search.nodes,
                "seconds": time.perf_counter() - started,
            }
        )

    def accepts(self, text: str | bytes) -> bool:
        """Whether `text` is a solution. In a grid, white space does not count."""
        return self.explain(text) is None

    def explain(self, text: str | bytes) -> str | None:
        """None where `text` is a solution, else the first rule that it breaks."""
        try:
            decoded = text.decode() if isinstance(text, bytes) else text
            data = self.constraint.spelling(decoded).text.encode()
        except UnicodeError as error:
            return f"no valid UTF-8: {error}"
        reason = None
        # Where one symbol begins another, the same text may be read in several ways.
        for reading in itertools.islice(self._readings(data), _MAX_READINGS):
            reason = reading if isinstance(reading, str) else self._broken(reading)
            if reason is None:
                return None
        return reason

    def _readings(self, data: bytes) -> Iterator[list[int] | str]:
        """The ways in which `data` is a symbol per cell, as symbol numbers; or, if there is none,
        the place where the longest one fails."""
        structure = self.constraint.structure
        spelled = [self.vocabulary.tokens[token] or b"" for token in self.tokens_of.tolist()]

        def fitting(offset: int) -> list[int]:
            return [j for j, symbol in enumerate(spelled) if data.startswith(symbol, offset)]

        filling: list[int] = []
        offsets = [0]
        choices = [fitting(0)]
        read, furthest, failure = False, -1, ""
        while choices:
            cell, offset = len(filling), offsets[-1]
            complete = cell == structure.size
            if complete and offset == len(data):
                read = True
                yield list(filling)
            elif cell > furthest and (complete or not choices[-1]):
                furthest, failure = cell, self._misread(data, cell, offset)
            if complete or not choices[-1]:
                choices.pop()
                offsets.pop()
                if filling:
                    filling.pop()
                continue
            symbol = choices[-1].pop(0)
            filling.append(symbol)
            offsets.append(offset + len(spelled[symbol]))
            choices.append(fitting(offsets[-1]) if cell + 1 < structure.size else [])
        if not read:
            yield failure

    def _misread(self, data: bytes, cell: int, offset: int) -> str:
        structure = self.constraint.structure
        if cell == structure.size or offset == len(data):
            found = "more" if cell == structure.size else cell
            return f"expected {structure.size} cells, found {found}"
        shown = data[offset:].decode(errors="backslashreplace")[:1]
        expected = structure.symbol_names(int(structure.domains[cell]))
        return f"{structure.cell_name(cell)} holds {shown!r}, expected one of {expected}"

    def _broken(self, filling: list[int]) -> str | None:
        structure = self.constraint.structure
        for cell, given in enumerate(self.constraint.initial.tolist()):
            if not given >> filling[cell] & 1:
                return (
                    f"{structure.cell_name(cell)} holds {structure.symbol_name(filling[cell])}, "
                    f"expected {structure.symbol_names(given)}"
                )
        return structure.broken_rule(filling)

    def shortest(self) -> bytes:
        """A solution as text."""
        return self.vocabulary.decode(self.tokens_of[self.witness].tolist())

    def count(self, limit: int = 1000) -> int:
        """The number of solutions, counted up to `limit`; see `PositionConstraint.count`."""
        return self.constraint.count(limit)

    def posterior(
        self,
        log_probs: Tensor,
        *,
        fixed: Fixed | Sequence[Fixed | None] | None = None,
        state: int | Sequence[int] | None = None,
        last: bool = True,
        room: int | None = None,
    ) -> Posterior:
        """The posterior of `log_probs` [L, V] or [B, L, V] given the puzzle: a `PuzzlePosterior`,
        or one per row behind the same interface.

        fixed: as for `CompiledConstraint.posterior`. state, last and room mean nothing here.

        Raises UnsatisfiableError where no solution agrees with `fixed`, LimitError where the
        search reaches its limits before it finds one, VocabularyError for a wrong V,
        ConstrainedDiffusionError for NaN and a wrong shape.
        """
        from .posterior import posterior

        return posterior(self, log_probs, fixed)

    def remember(self, solution: Int16Array) -> None:
        """Keeps a solution (symbol numbers of all cells) for `known_solution`."""
        self._recent.append(solution)

    def known_solution(self, domains: Int64Array) -> Int16Array | None:
        """One of the latest solutions whose symbols lie in the domains [n], if there is one."""
        for solution in [*self._recent, self.witness]:
            if (domains >> solution.astype(np.int64) & 1).all():
                return solution
        return None

    def advance(self, tokens: Sequence[int], state: int | None = None) -> int:
        """0 for a canvas that is a solution. Raises UnsatisfiableError for any other."""
        cells = [int(token) for token in tokens[: self.min_tokens]]
        reason = self.explain(self.vocabulary.decode(cells))
        if reason is not None:
            raise UnsatisfiableError(f"these tokens are no solution: {reason}")
        return 0

    def is_done(self, state: int) -> bool:
        """Whether the end token has been read: False, a puzzle is done when its cells are."""
        return False


def token_of(symbol: Symbol, vocabulary: Vocabulary) -> int:
    """The token of a symbol: the one of that text that the vocabulary encodes it by."""
    if isinstance(symbol, int):
        if symbol >= len(vocabulary) or vocabulary.tokens[symbol] is None:
            raise VocabularyError(
                f"token {symbol} is no token of text in a vocabulary of {len(vocabulary)} tokens"
            )
        return symbol
    try:
        encoded = vocabulary.encode(symbol.decode())
    except (VocabularyError, UnicodeError):
        encoded = []
    if len(encoded) == 1:
        return encoded[0]
    if symbol in vocabulary.tokens:
        return vocabulary.tokens.index(symbol)
    raise VocabularyError(f"the symbol {symbol.decode(errors='backslashreplace')!r} is no token")
