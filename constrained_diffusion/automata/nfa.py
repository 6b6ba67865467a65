"""Nondeterministic byte automata: cheap to grow, determinised by the subset construction."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import LimitError
from .automaton import ByteAutomaton, Int32Array
from .minimise import minimise
from .nfa_arrays import byte_classes
from .subsets import LIMIT_NAMES, subset_construction

ByteSet: TypeAlias = int
"""A set of bytes: bit b of the integer says whether byte b is in it."""

ALL_BYTES: ByteSet = (1 << 256) - 1

MAX_STATES = 200_000
"""Default bound on the states of a deterministic automaton, before minimisation."""

MAX_NFA_STATES = 2_000_000
MAX_NFA_EDGES = 10_000_000


def bytes_of(*members: int | bytes | tuple[int, int]) -> ByteSet:
    """The byte set of single byte values, of all bytes in a `bytes`, and of inclusive ranges."""
    mask = 0
    for member in members:
        if isinstance(member, int):
            mask |= 1 << member
        elif isinstance(member, bytes):
            for byte in member:
                mask |= 1 << byte
        else:
            low, high = member
            mask |= (1 << (high + 1)) - (1 << low)
    return mask


class NfaBuilder:
    """A growing nondeterministic automaton over bytes with epsilon edges.

    States are consecutive integers from 0. Edges live in flat arrays, so that a whole automaton is
    embedded, and a block of states repeated, by array copies.

    Raises:
        LimitError: from every method that adds, over 2 million states or 10 million edges.
    """

    def __init__(self) -> None:
        self._num_states = 0
        self._source = array("i")
        self._set = array("i")
        self._target = array("i")
        self._epsilon_source = array("i")
        self._epsilon_target = array("i")
        self._set_ids: dict[ByteSet, int] = {}

    @property
    def num_states(self) -> int:
        return self._num_states

    def add_state(self) -> int:
        """A new state without edges."""
        return self.add_states(1)

    def add_states(self, count: int) -> int:
        """`count` new consecutive states; returns the first."""
        first = self._num_states
        self._num_states += count
        if self._num_states > MAX_NFA_STATES:
            raise LimitError(
                f"a constraint needs more than {MAX_NFA_STATES:,} nondeterministic states; "
                "use smaller repeat counts or fewer alternatives"
            )
        return first

    def add_edge(self, source: int, byte_set: ByteSet, target: int) -> None:
        """Any one byte of `byte_set` leads from `source` to `target`."""
        self._source.append(source)
        self._set.append(self._set_id(byte_set))
        self._target.append(target)

    def add_literal(self, source: int, data: bytes, target: int) -> None:
        """The bytes `data`, in this order, lead from `source` to `target`."""
        if not data:
            self.add_epsilon(source, target)
            return
        for byte in data[:-1]:
            state = self.add_state()
            self.add_edge(source, 1 << byte, state)
            source = state
        self.add_edge(source, 1 << data[-1], target)

    def add_epsilon(self, source: int, target: int) -> None:
        """`target` is entered with `source`, reading nothing."""
        self._epsilon_source.append(source)
        self._epsilon_target.append(target)

    def embed(self, automaton: ByteAutomaton, source: int, target: int) -> None:
        """A copy of `automaton` between two states: its language leads from one to the other."""
        offset = self.add_states(automaton.num_states)
        ends, columns, heads = automaton.edges
        set_ids = [self._set_id(byte_set) for byte_set in automaton.class_sets]
        self._extend(ends + offset, np.array(set_ids, np.int32)[columns], heads + offset)
        self.add_epsilon(source, offset)
        accepting = np.flatnonzero(automaton.accepting) + offset
        self._epsilon_source.frombytes(accepting.astype(np.int32).tobytes())
        self._epsilon_target.frombytes(np.full(len(accepting), target, np.int32).tobytes())

    def add_edges(
        self,
        sources: Int32Array,
        byte_sets: Iterable[ByteSet],
        set_numbers: Int32Array,
        targets: Int32Array,
    ) -> None:
        """Many edges at once: edge i reads any byte of `byte_sets[set_numbers[i]]`."""
        set_ids = [self._set_id(byte_set) for byte_set in byte_sets]
        self._extend(sources, np.array(set_ids, np.int32)[set_numbers], targets)

    def mark(self) -> tuple[int, int, int]:
        """The present size; pass it to `repeat_block` after adding the block's states."""
        return self._num_states, len(self._source), len(self._epsilon_source)

    def repeat_block(self, mark: tuple[int, int, int], copies: int) -> int:
        """Copies what was added since `mark`, `copies` times; returns the distance between copies.

        The block's edges must stay inside the block. State s of the block becomes
        s + i * distance in copy i = 1 to `copies`.
        """
        first_state, first_edge, first_epsilon = mark
        distance = self._num_states - first_state
        self.add_states(distance * copies)
        self._check_edges(copies * (len(self._source) - first_edge))
        self._check_edges(copies * (len(self._epsilon_source) - first_epsilon))
        shift = (np.arange(1, copies + 1, dtype=np.int32) * distance)[:, None]

        def shifted(states: array[int], begin: int) -> Int32Array:
            block = np.array(states[begin:], np.int32)
            return np.ascontiguousarray((block[None, :] + shift).ravel())

        block_sets = np.tile(np.array(self._set[first_edge:], np.int32), copies)
        self._extend(
            shifted(self._source, first_edge), block_sets, shifted(self._target, first_edge)
        )
        epsilon_sources = shifted(self._epsilon_source, first_epsilon)
        epsilon_targets = shifted(self._epsilon_target, first_epsilon)
        self._epsilon_source.frombytes(epsilon_sources.tobytes())
        self._epsilon_target.frombytes(epsilon_targets.tobytes())
        return distance

    def determinise(
        self,
        start: int,
        accepting: Iterable[int],
        *,
        max_states: int = MAX_STATES,
        absorbing: int | None = None,
    ) -> ByteAutomaton:
        """The minimal automaton of the texts that lead from `start` to an accepting state.

        Args:
            start, accepting: states.
            max_states: bound on the deterministic states, before minimisation.
            absorbing: a state after which, the caller vouches, every text can follow that can
                follow any state reached by the same text; those others are then dropped early.
                It must accept or read something itself.

        Raises:
            LimitError: the deterministic automaton has more than `max_states` states before
                minimisation, or takes more than a few seconds or hundreds of megabytes.
        """
        is_accepting = np.zeros(self._num_states, np.bool_)
        is_accepting[np.fromiter(accepting, np.int64)] = True
        byte_class, set_offsets, set_columns = byte_classes(self._set_matrix())
        transitions, dfa_accepting, reached = subset_construction(
            np.array(self._source, np.int32),
            np.array(self._set, np.int32),
            np.array(self._target, np.int32),
            np.array(self._epsilon_source, np.int32),
            np.array(self._epsilon_target, np.int32),
            is_accepting,
            np.int64(start),
            set_offsets,
            set_columns,
            np.int64(int(byte_class.max()) + 1),
            np.int64(max_states),
            np.int64(-1 if absorbing is None else absorbing),
        )
        if reached == 1:
            raise LimitError(
                f"the deterministic automaton has more than {max_states:,} states; simplify the "
                "constraint, lower its repeat counts, or raise max_states"
            )
        if reached:
            raise LimitError(
                f"determinisation needs more than {LIMIT_NAMES[reached]}; simplify the "
                "constraint or lower its repeat counts"
            )
        return minimise(transitions, byte_class, dfa_accepting)

    def _set_id(self, byte_set: ByteSet) -> int:
        return self._set_ids.setdefault(byte_set, len(self._set_ids))

    def _set_matrix(self) -> NDArray[np.bool_]:
        """bool [D, 256]: the distinct byte sets in the order of their numbers."""
        packed = b"".join(byte_set.to_bytes(32, "little") for byte_set in self._set_ids)
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
        return bits.reshape(-1, 256).astype(np.bool_)

    def _check_edges(self, count: int) -> None:
        if len(self._source) + len(self._epsilon_source) + count > MAX_NFA_EDGES:
            raise LimitError(
                f"a constraint needs more than {MAX_NFA_EDGES:,} nondeterministic edges; "
                "use smaller repeat counts or fewer alternatives"
            )

    def _extend(self, sources: Int32Array, set_ids: Int32Array, targets: Int32Array) -> None:
        self._check_edges(len(sources))
        self._source.frombytes(sources.astype(np.int32, copy=False).tobytes())
        self._set.frombytes(set_ids.astype(np.int32, copy=False).tobytes())
        self._target.frombytes(targets.astype(np.int32, copy=False).tobytes())
