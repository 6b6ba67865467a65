"""The deterministic byte automaton that every text constraint is compiled to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .distance import steps_to_acceptance

Int32Array = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ByteAutomaton:
    """A minimal, trimmed deterministic automaton over bytes, in canonical form.

    State 0 is the start. States stand in breadth-first order (byte classes in order), every state
    is reachable and can reach acceptance, and byte classes are numbered by their first byte, so two
    automata of the same language hold equal arrays. The empty language is one state that neither
    accepts nor moves. Build automata with `algebra`, `NfaBuilder` or `from_regex`, which establish
    that form; the arrays must not be written to.

    Attributes:
        transitions: int32 [S, K], the state after a byte of class k, or -1.
        byte_class: uint8 [256], the class (column) of each byte.
        accepting: bool [S].
    """

    transitions: Int32Array
    byte_class: ByteArray
    accepting: BoolArray

    @property
    def num_states(self) -> int:
        return int(self.transitions.shape[0])

    @property
    def num_classes(self) -> int:
        return int(self.transitions.shape[1])

    @property
    def is_empty(self) -> bool:
        """Whether the language holds no text at all."""
        return not bool(self.accepting.any())

    def run(self, data: bytes, state: int = 0) -> int:
        """The state after reading `data` from `state`, or -1 if that leaves the language."""
        text = np.frombuffer(data, dtype=np.uint8)
        return int(_run(self.transitions, self.byte_class, text, np.int64(state)))

    def accepts(self, data: bytes) -> bool:
        """Whether `data` as a whole is in the language."""
        state = self.run(data)
        return state >= 0 and bool(self.accepting[state])

    def shortest(self) -> bytes:
        """The text with the fewest bytes, the smallest in byte order among those.

        Raises:
            ValueError: the language is empty.
        """
        if self.is_empty:
            raise ValueError("the empty language has no shortest text")
        dense, distance = self.dense(), self.distance
        state, text = 0, bytearray()
        while distance[state] > 0:
            targets = dense[state]
            # index -1 of a missing transition reads another state's distance: mask it out
            nearer = (targets >= 0) & (distance[targets] == distance[state] - 1)
            byte = int(np.argmax(nearer))
            text.append(byte)
            state = int(targets[byte])
        return bytes(text)

    def dense(self) -> Int32Array:
        """int32 [S, 256]: the transition table by byte instead of by byte class."""
        return np.ascontiguousarray(self.transitions[:, self.byte_class])

    def key(self) -> bytes:
        """A 32-byte hash of the language: equal for equal languages."""
        return self._key

    @cached_property
    def _key(self) -> bytes:
        digest = hashlib.blake2b(digest_size=32)
        digest.update(np.array(self.transitions.shape, dtype="<i8").tobytes())
        digest.update(self.transitions.astype("<i4", copy=False).tobytes())
        digest.update(self.byte_class.tobytes())
        digest.update(self.accepting.tobytes())
        return digest.digest()

    @cached_property
    def distance(self) -> Int32Array:
        """int32 [S]: the fewest further bytes to an accepting state (-1 in the empty language)."""
        distance: Int32Array = fewest_steps(self.transitions, self.accepting)
        return distance

    @cached_property
    def edges(self) -> tuple[Int32Array, Int32Array, Int32Array]:
        """Source, byte class and target of every transition, int32 [E] each."""
        source, column = np.nonzero(self.transitions >= 0)
        target = self.transitions[source, column]
        return source.astype(np.int32), column.astype(np.int32), target

    @cached_property
    def class_sets(self) -> tuple[int, ...]:
        """The bytes of each class as a 256-bit mask, K of them."""
        sets = [0] * self.num_classes
        for byte, column in enumerate(self.byte_class.tolist()):
            sets[column] |= 1 << byte
        return tuple(sets)


@njit(cache=True)
def _run(
    transitions: Int32Array, byte_class: ByteArray, text: ByteArray, state: np.int64
) -> np.int64:
    for byte in text:
        if state < 0:
            break
        state = transitions[state, byte_class[byte]]
    return state


@njit(cache=True)
def fewest_steps(transitions: Int32Array, accepting: BoolArray) -> Int32Array:
    """int32 [S]: transitions to the nearest accepting state, -1 where none can be reached."""
    num_states, num_columns = transitions.shape
    first = np.zeros(num_states + 1, np.int64)
    for state in range(num_states):
        for column in range(num_columns):
            target = transitions[state, column]
            if target >= 0:
                first[target + 1] += 1
    for state in range(num_states):
        first[state + 1] += first[state]
    sources = np.empty(first[num_states], np.int32)
    fill = first[:-1].copy()
    for state in range(num_states):
        for column in range(num_columns):
            target = transitions[state, column]
            if target >= 0:
                sources[fill[target]] = state
                fill[target] += 1
    return steps_to_acceptance(first, sources, accepting)
