"""How a hole may end: within which terminal, where that terminal ends in the text after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..tables import BoolArray, Int32Array, Tables
from .estimate import Estimate
from .lexer_paths import FAR, distances_from, shortest_path
from .suffix_text import UNKNOWN_COLUMN, lexed


class End(NamedTuple):
    """A hole that ends in a lexer state, from which the text goes on.

    Attributes:
        cost: the characters of the terminal within the hole.
        terminal: what is read.
        offset: where it ends in the text after the hole.
        column: the indentation there, as for `suffix_text.lexed`.
        state: the lexer state at the end of the hole.
    """

    cost: int
    terminal: int
    offset: int
    column: int
    state: int


@njit(cache=True)
def _outcomes(tables: Tables, text: Int32Array, outcomes: Int32Array) -> None:
    """Writes terminal, offset and column to outcomes [S, 3] for each state at the hole's end."""
    for state in range(1, len(outcomes)):
        terminal, offset, column = lexed(tables, text, state, 0, UNKNOWN_COLUMN)
        outcomes[state, 0] = terminal if offset >= 0 else -1
        outcomes[state, 1] = offset
        outcomes[state, 2] = column


@njit(cache=True)
def _advanced(following: Int32Array, costs: Int32Array, classes: BoolArray) -> Int32Array:
    """The costs of the states one character of some classes further."""
    result = np.full(len(costs), FAR, np.int32)
    for state in range(1, len(costs)):
        if costs[state] < FAR:
            for number in range(len(classes)):
                if classes[number]:
                    target = following[state, number]
                    if target != 0 and costs[state] + 1 < result[target]:
                        result[target] = costs[state] + 1
    return result


class HoleEnds:
    """The ends of holes before one text.

    last: where the text begins within a character, the beginnings of that character, by class, that
    the hole may end with; None where it begins between two. text: without that character's rest.
    distances: `distances_from` by state, which this adds to.
    """

    def __init__(
        self,
        estimate: Estimate,
        text: Int32Array,
        last: dict[int, bytes] | None,
        distances: dict[int, Int32Array],
    ) -> None:
        machine = estimate.machine
        self._characters = estimate.characters
        self._text = text
        self._column = machine.tables.lexer.column
        self._next = machine.tables.lexer.next
        self._last = last
        self._last_classes = np.zeros(self._next.shape[1], np.bool_)
        self._last_classes[list(last or ())] = True
        self._distances = distances
        self._outcomes = np.full((len(self._next), 3), -1, np.int32)
        _outcomes(machine.kernel_tables, text, self._outcomes)
        self._known: dict[tuple[int, bool], list[End]] = {}

    def from_state(self, state: int, *, started: bool) -> list[End]:
        """The cheapest end for each terminal and offset, cheapest first, for a lexer state.

        started: whether the terminal has been begun, so that nothing need be added to it.
        """
        key = state, started
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._ends(self._costs(state, started=started))
        return known

    def _costs(self, state: int, *, started: bool) -> Int32Array:
        """int32 [S], the fewest characters to each lexer state that can be the last of the hole."""
        costs = self._distances.get(state)
        if costs is None:
            costs = self._distances[state] = distances_from(self._next, state)
        if self._last is None and not started:
            return costs
        costs = costs.copy()
        costs[state] = 0
        return costs if self._last is None else _advanced(self._next, costs, self._last_classes)

    def path(self, state: int, end: End, *, started: bool) -> bytes:
        """The bytes of the cheapest way from a lexer state to an end."""
        wanted = (self._outcomes == (end.terminal, end.offset, end.column)).all(axis=1)
        if started and not self._last and wanted[state]:
            return b""
        mask = None if self._last is None else self._last_classes
        path = shortest_path(self._next, state, wanted, mask)
        if path is None:
            return b""
        text = [self._characters[number].encode() for number in path]
        if self._last is not None:
            text[-1] = self._last[path[-1]]
        return b"".join(text)

    def indentation(self, offset: int) -> int:
        """What the first characters of the text add to the indentation, without a line feed."""
        return int(np.maximum(self._column[self._text[:offset]], 0).sum())

    def _ends(self, costs: Int32Array) -> list[End]:
        states = np.flatnonzero((costs < FAR) & (self._outcomes[:, 0] >= 0))
        best: dict[tuple[int, int, int], End] = {}
        for state in states[np.argsort(costs[states], kind="stable")].tolist():
            terminal, offset, column = self._outcomes[state].tolist()
            key = terminal, offset, column
            if key not in best:
                best[key] = End(int(costs[state]), terminal, offset, column, state)
        return list(best.values())
