"""Random texts of a byte automaton, in several ways that favour different parts of it.

    walker = Walker(automaton, random.Random(0))
    text = walker.walk("edges", steps=60)

Ways: "edges" takes each transition (byte class) alike; "targets" each state that follows alike,
so that leaving a string is as likely as going on in it; "new" prefers transitions that no walk of
this walker has taken; "cover" goes by a shortest way to a transition drawn from all that no walk
has taken, so that deep and rare places of a large automaton have their share, and then on as
"edges" does. After `steps` bytes a walk takes a shortest way to acceptance.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

STOP = 0.3
"""How likely a walk ends in an accepting state from which it could go on."""


class Walker:
    """Walks over one automaton; `taken` counts the transitions that any of them took."""

    def __init__(self, automaton: Any, rng: random.Random) -> None:
        """`automaton`: a non-empty ByteAutomaton."""
        self._transitions = automaton.transitions
        self._accepting = automaton.accepting
        self._distance = automaton.distance
        self._bytes = [
            np.flatnonzero(automaton.byte_class == column).tolist()
            for column in range(automaton.num_classes)
        ]
        self._source, self._column, target = automaton.edges
        # Edges stand by source and states in breadth-first order: the first edge into a state
        # comes from a state that is nearest to the start.
        _, self._first = np.unique(target, return_index=True)
        self._has_root = bool((target == 0).any())
        self._rng = rng
        self.taken: set[tuple[int, int]] = set()

    def walk(self, way: str, steps: int) -> bytes:
        """A text of the language."""
        text = bytearray()
        state = 0
        for column in self._way_to_new_edge() if way == "cover" else ():
            self.taken.add((state, column))
            text.append(self._rng.choice(self._bytes[column]))
            state = int(self._transitions[state, column])
        while True:
            row = self._transitions[state]
            columns = np.flatnonzero(row >= 0)
            if self._accepting[state] and (
                len(columns) == 0 or len(text) >= steps or self._rng.random() < STOP
            ):
                return bytes(text)
            if len(text) >= steps:
                ahead = self._distance[row[columns]]
                columns = columns[ahead == ahead.min()]
            column = self._choose(way, state, row, columns)
            self.taken.add((state, column))
            text.append(self._rng.choice(self._bytes[column]))
            state = int(row[column])

    def _way_to_new_edge(self) -> list[int]:
        """Columns from the start to the end of an edge that was not taken; empty if none is."""
        count = len(self._source)
        for _ in range(20):
            edge = self._rng.randrange(count) if count else -1
            if edge >= 0 and self._edge(edge) not in self.taken:
                break
        else:
            return []
        way = []
        while True:
            state, column = self._edge(edge)
            way.append(column)
            if state == 0:
                return way[::-1]
            edge = int(self._first[state if self._has_root else state - 1])

    def _edge(self, edge: int) -> tuple[int, int]:
        return int(self._source[edge]), int(self._column[edge])

    def _choose(self, way: str, state: int, row: Any, columns: Any) -> int:
        options: list[int] = columns.tolist()
        if way == "new":
            options = [c for c in options if (state, c) not in self.taken] or options
        elif way == "targets":
            target = self._rng.choice(sorted({int(each) for each in row[columns]}))
            options = [column for column in options if row[column] == target]
        return self._rng.choice(options)
