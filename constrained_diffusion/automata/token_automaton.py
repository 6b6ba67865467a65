"""The deterministic automaton over token ids that a text constraint becomes for one vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TokenAutomaton:
    """A trimmed deterministic automaton over tokens, with its edges labelled by sets of classes.

    Tokens that act alike on every state are one class. The edge e of a state leads to
    `edge_target[e]` under every token whose class is in the set `edge_set[e]`; the sets of a
    state's edges are disjoint, and no two edges of a state have the same target. The arrays must
    not be written to.

    Attributes:
        vocabulary_size: V.
        start: the state before the first token.
        accepting: bool [S], whether the last canvas may end in the state.
        done: the state after the end token, which only padding keeps; -1 if no token ends a text.
        token_class: int32 [V], -1 for tokens that act nowhere.
        num_classes: C.
        set_offsets, set_classes: int64 [D+1] and int32 [Z], the classes of each set, ascending.
        edge_offsets: int64 [S+1], the edges of each state.
        edge_set, edge_target: int32 [E].
        distance: int32 [S], the fewest further text tokens to an accepting state (0 at `done`).
    """

    vocabulary_size: int
    start: int
    accepting: BoolArray
    done: int
    token_class: Int32Array
    num_classes: int
    set_offsets: Int64Array
    set_classes: Int32Array
    edge_offsets: Int64Array
    edge_set: Int32Array
    edge_target: Int32Array
    distance: Int32Array

    @property
    def num_states(self) -> int:
        return len(self.accepting)

    @property
    def num_sets(self) -> int:
        return len(self.set_offsets) - 1

    @property
    def num_edges(self) -> int:
        return len(self.edge_target)

    def step(self, state: int, token: int) -> int:
        """The state after `token`, or -1 where the token is not possible."""
        if state < 0 or not 0 <= token < self.vocabulary_size:
            return -1
        token_class = self.token_class[token]
        if token_class < 0:
            return -1
        first, last = self.edge_offsets[state], self.edge_offsets[state + 1]
        offsets, sets = self.sets_of_class
        holding = sets[offsets[token_class] : offsets[token_class + 1]]
        taken = np.flatnonzero(np.isin(self.edge_set[first:last], holding))
        return int(self.edge_target[first + taken[0]]) if len(taken) else -1

    def run(self, tokens: Iterable[int], state: int | None = None) -> int:
        """The state after `tokens` from `state` (default: the start), or -1 in a dead end."""
        current = self.start if state is None else state
        for token in tokens:
            if current < 0:
                break
            current = self.step(current, int(token))
        return current

    def shortest_tokens(self, state: int) -> list[int]:
        """`distance[state]` text tokens to an accepting state; of several, the smallest ids."""
        tokens = []
        while self.distance[state] > 0:
            first, last = self.edge_offsets[state], self.edge_offsets[state + 1]
            nearer = self.distance[self.edge_target[first:last]] < self.distance[state]
            edges = first + np.flatnonzero(nearer)
            best = min(edges, key=lambda edge: self._first_token[self.edge_set[edge]])
            tokens.append(int(self._first_token[self.edge_set[best]]))
            state = int(self.edge_target[best])
        return tokens

    @cached_property
    def column(self) -> Int32Array:
        """int32 [V]: `token_class`, but C for tokens that act nowhere, as if they were a class."""
        return np.where(self.token_class < 0, np.int32(self.num_classes), self.token_class)

    @cached_property
    def members(self) -> tuple[Int64Array, Int32Array]:
        """Offsets int64 [C+2] and token ids int32 [V]: the tokens of each column, ascending."""
        counts = np.bincount(self.column, minlength=self.num_classes + 1)
        return _offsets(counts), np.argsort(self.column, kind="stable").astype(np.int32)

    @cached_property
    def sets_of_class(self) -> tuple[Int64Array, Int32Array]:
        """Offsets int64 [C+1] and int32 [Z]: the sets that hold each class, ascending."""
        counts = np.bincount(self.set_classes, minlength=self.num_classes)
        order = np.argsort(self.set_classes, kind="stable")
        owner = np.repeat(np.arange(self.num_sets, dtype=np.int32), np.diff(self.set_offsets))
        return _offsets(counts), owner[order]

    @cached_property
    def incoming(self) -> tuple[Int64Array, Int32Array]:
        """Offsets int64 [S+1] and edge numbers int32 [E]: the edges into each state."""
        counts = np.bincount(self.edge_target, minlength=self.num_states)
        return _offsets(counts), np.argsort(self.edge_target, kind="stable").astype(np.int32)

    @cached_property
    def edge_source(self) -> Int32Array:
        """int32 [E]."""
        states = np.arange(self.num_states, dtype=np.int32)
        return np.repeat(states, np.diff(self.edge_offsets))

    @cached_property
    def _first_token(self) -> Int64Array:
        """int64 [D]: the smallest token id in each set."""
        offsets, tokens = self.members
        first_of_class = tokens[offsets[:-2]].astype(np.int64)
        return np.minimum.reduceat(first_of_class[self.set_classes], self.set_offsets[:-1])


def _offsets(counts: NDArray[np.int64]) -> Int64Array:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
