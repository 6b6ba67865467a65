"""Random nondeterministic automata with a plain simulation, and checks of the canonical form."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product

import numpy as np
from hypothesis import strategies as st

from constrained_diffusion.automata import ByteAutomaton, NfaBuilder, bytes_of

CHARACTERS = ("a", "b", "é")
MAX_LENGTH = 4
ALL_TEXTS = tuple(
    "".join(letters) for n in range(MAX_LENGTH + 1) for letters in product(CHARACTERS, repeat=n)
)
"""Every text of up to MAX_LENGTH of the CHARACTERS."""


@dataclass(frozen=True)
class RandomNfa:
    """States 0 to `size` - 1, start 0; edges read one of CHARACTERS, or nothing for ''."""

    size: int
    edges: tuple[tuple[int, str, int], ...]
    accepting: frozenset[int]

    def accepts(self, text: str) -> bool:
        """Simulation of the definition, one character at a time."""
        states = self._closed({0})
        for character in text:
            moves = [(before, after) for before, label, after in self.edges if label == character]
            states = self._closed({after for before, after in moves if before in states})
        return bool(states & self.accepting)

    def _closed(self, states: set[int]) -> set[int]:
        while True:
            more = {t for s, label, t in self.edges if s in states and label == ""} - states
            if not more:
                return states
            states = states | more

    def compiled(self, order: list[int] | None = None) -> ByteAutomaton:
        """The same automaton by NfaBuilder, its states added in the given order."""
        builder = NfaBuilder()
        states = {state: builder.add_state() for state in order or range(self.size)}
        for source, label, target in self.edges:
            if label == "":
                builder.add_epsilon(states[source], states[target])
            elif len(label.encode()) == 1:
                builder.add_edge(states[source], bytes_of(label.encode()), states[target])
            else:
                builder.add_literal(states[source], label.encode(), states[target])
        return builder.determinise(states[0], [states[s] for s in self.accepting])


@st.composite
def nfas(draw: st.DrawFn) -> RandomNfa:
    size = draw(st.integers(1, 5))
    state = st.integers(0, size - 1)
    edge = st.tuples(state, st.sampled_from([*CHARACTERS, *CHARACTERS, ""]), state)
    edges = draw(st.lists(edge, max_size=12))
    accepting = draw(st.frozensets(state, max_size=2))
    return RandomNfa(size, tuple(edges), accepting)


def language(automaton: ByteAutomaton) -> set[str]:
    """The members of ALL_TEXTS that the automaton accepts."""
    return {text for text in ALL_TEXTS if automaton.accepts(text.encode())}


def assert_canonical(automaton: ByteAutomaton) -> None:
    """Minimal, trimmed, breadth-first, byte classes distinct and numbered by first byte."""
    table, accepting = automaton.dense(), automaton.accepting
    count = automaton.num_states
    assert automaton.transitions.dtype == np.int32 and automaton.byte_class.dtype == np.uint8
    assert accepting.dtype == np.bool_ and len(accepting) == count

    first_seen = list(dict.fromkeys(automaton.byte_class.tolist()))
    assert first_seen == list(range(automaton.num_classes))
    columns = {automaton.transitions[:, k].tobytes() for k in range(automaton.num_classes)}
    assert len(columns) == automaton.num_classes

    order, place = [0], 0
    while place < len(order):
        for target in automaton.transitions[order[place]].tolist():
            if target >= 0 and target not in order:
                order.append(target)
        place += 1
    assert order == list(range(count)), "reachable, in breadth-first order"

    if not accepting.any():
        assert count == 1 and (table < 0).all()
        return
    alive = accepting.copy()
    for _ in range(count):
        alive |= (alive[table] & (table >= 0)).any(axis=1)
    assert alive.all(), "every state can reach acceptance"

    # Moore's table filling, with an explicit dead state
    dead = count
    full = np.vstack([np.where(table < 0, dead, table), np.full((1, 256), dead)])
    group = np.append(accepting, False).astype(int)
    for _ in range(count + 1):
        signature = np.column_stack([group, group[full]])
        group = np.unique(signature, axis=0, return_inverse=True)[1].reshape(-1)
    assert len(set(group.tolist())) == count + 1, "every two states are distinguishable"


def random_text(automaton: ByteAutomaton, rng: random.Random, length: int) -> bytes:
    """A text of the language: about `length` random bytes, then the shortest way to acceptance."""
    table, distance = automaton.dense(), automaton.distance
    state, text = 0, bytearray()
    for _ in range(length):
        choices = np.flatnonzero(table[state] >= 0)
        if len(choices) == 0:
            break
        byte = rng.choice(choices.tolist())
        text.append(byte)
        state = int(table[state, byte])
    while distance[state] > 0:
        targets = table[state]
        nearer = np.flatnonzero((targets >= 0) & (distance[targets] < distance[state]))
        byte = rng.choice(nearer.tolist())
        text.append(byte)
        state = int(targets[byte])
    return bytes(text)
