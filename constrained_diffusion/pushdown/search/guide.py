"""`Guide`: the relaxed machine of a text, and what it promises for a lattice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...automata.automaton import ByteAutomaton
from ..machine import Machine
from ..reading import GrammarReading
from ..tables import INDENTER, NEWLINE, Int32Array, Int64Array, Tables, UInt8Array
from .invariants import STRIDES, counters_of
from .lattice import Lattice
from .potentials import HOPELESS, Potentials, find_potentials
from .projection import profile_of
from .relaxed_steps import END, weight_in_hand
from .structures import (
    COUNTERS,
    EDGE_CAPACITY,
    EDGES,
    FIELDS,
    FULL,
    STATE_CAPACITY,
    STATES,
    STEP_CAPACITY,
    STEPS,
    UNKNOWN_WEIGHT,
    Relaxation,
    relaxation_struct,
)
from .successors import Successors, successors_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64Array = NDArray[np.float64]

TOKENS = 12
"""The most probable candidates of a position that the relaxed machine reads."""

REPAIRS = 4
"""The most probable of the grammar's own tokens that it reads as well."""


class Guide:
    """Keeps the relaxed machine from search to search; what it knows of the machine's numbers goes
    when the machine forgets them."""

    def __init__(
        self,
        machine: Machine,
        pieces: Sequence[ByteAutomaton | GrammarReading],
        roles: UInt8Array,
        repairs: Int64Array,
    ) -> None:
        """roles: uint8 [V], see `relaxed_steps`. repairs: the grammar's own tokens."""
        self._machine = machine
        self._roles = roles
        self._is_repair = np.zeros(len(roles), np.bool_)
        self._is_repair[repairs] = True
        terminal_weight, state_weight = counter_weights(machine.tables, pieces)
        self._memory: Any = machine.kernel_memory
        self.relaxation = _new_relaxation(
            machine, successors_of(machine.tables), terminal_weight, state_weight
        )
        self.kernel_relaxation = relaxation_struct(self.relaxation)
        self._row_of = np.full(STATE_CAPACITY, -1, np.int32)

    def refresh(self) -> None:
        """Call before each search: forgets what is void, or crowds the tables."""
        relaxation = self.relaxation
        counts = relaxation.counts
        crowded = (
            counts[FULL]
            or 2 * counts[STATES] > STATE_CAPACITY
            or 2 * counts[EDGES] > EDGE_CAPACITY
            or 2 * counts[STEPS] > STEP_CAPACITY
        )
        if crowded:
            counts[:] = 0
            relaxation.state_index[:] = 0
            relaxation.steps_key[:] = 0
            _add_ended(relaxation)
        if crowded or self._memory is not self._machine.kernel_memory:
            self._memory = self._machine.kernel_memory
            relaxation.state_of_thread[:] = 0
            relaxation.weight_of_stack[:] = UNKNOWN_WEIGHT
            relaxation.profile_of[:] = 0

    def nothing(self) -> Potentials:
        """No guidance: hypotheses are ordered by their score so far."""
        return _new_potentials(0, 0, self._row_of)

    def potentials(
        self,
        lattice: Lattice,
        witness: Int64Array,
        config: int,
        *,
        is_last: bool,
        most_states: int,
        room: int = 1,
        strays: Sequence[Int64Array] = (),
    ) -> tuple[Potentials, float]:
        """What can be had from each position on, and from the start: an estimate of the best score.

        Args:
            config: the configuration before the canvas.
            is_last: whether the text must end with the canvas.
            most_states: abstract states that are kept at each position.
            room: how many times the usual number of candidates is read. A state that no usual
                candidate leads to, such as a string that swallows all that follows, is seen then.
            strays: canvases that were followed in vain; what they pass through is looked at.
        """
        machine = self._machine
        tables, memory = machine.kernel_tables, machine.kernel_memory
        if machine.suffix and self.relaxation.ending[0] < 0:
            self.relaxation.ending[0] = self._counter_at_end(witness, config)
        paths = np.stack([witness, *strays])
        tokens, scores, counts = _narrowed(lattice, paths, self._roles, self._is_repair, room)
        profile = profile_of(tables, memory, self.kernel_relaxation, int(config))
        members = np.array(machine.threads(int(profile)), np.int64)
        starts = np.unique(members // COUNTERS)
        rows = lattice.length * most_states + len(starts)
        potentials = _new_potentials(lattice.length, rows, self._row_of)
        find_potentials(
            tables, memory, machine.kernel_text, self._roles, self.kernel_relaxation,
            tokens, scores, counts, paths, starts, most_states, is_last, potentials,
        )  # fmt: skip
        promise = HOPELESS
        for state, counter in zip(members // COUNTERS, members % COUNTERS, strict=True):
            row = np.searchsorted(starts, state)
            promise = max(promise, potentials.values[row, counter])
        return potentials, float(promise)

    def _counter_at_end(self, witness: Int64Array, config: int) -> int:
        """The counter after the text of a canvas, with that of the terminal that it ends in."""
        machine = self._machine
        for token in witness.tolist():
            if self._roles[token] & END:
                break
            config = machine.step(config, token)
        tables, relaxation = machine.kernel_tables, self.kernel_relaxation
        profile = profile_of(tables, machine.kernel_memory, relaxation, int(config))
        state, counter = divmod(machine.threads(int(profile))[0], COUNTERS)
        return int(counter + weight_in_hand(tables, relaxation, state))


def _new_potentials(length: int, rows: int, row_of: Int32Array) -> Potentials:
    return Potentials(
        offsets=np.zeros(length + 2, np.int64),
        states=np.zeros(rows, np.int32),
        values=np.empty((rows, COUNTERS), np.float32),
        best=np.empty((length + 1, COUNTERS + 1), np.float32),
        row_of=row_of,
        is_on=np.zeros(1, np.bool_),
    )


def _narrowed(
    lattice: Lattice,
    paths: Int64Array,
    roles: UInt8Array,
    is_repair: NDArray[np.bool_],
    room: int,
) -> tuple[Int32Array, Float64Array, Int32Array]:
    """The best candidates, those of the paths, end and padding, a few of the grammar's own."""
    tokens = lattice.tokens
    present = tokens >= 0
    repair = is_repair[tokens] & present
    keep = (
        (np.arange(tokens.shape[1]) < TOKENS * room)
        | (tokens[:, :, None] == paths.T[:, None, :]).any(-1)
        | (roles[tokens] > 0)
        | (repair & (np.cumsum(repair, 1) <= REPAIRS * room))
    ) & present
    counts = keep.sum(1).astype(np.int32)
    order = np.argsort(~keep, axis=1, kind="stable")[:, : counts.max(initial=1)]
    return (
        np.ascontiguousarray(np.take_along_axis(tokens, order, 1)),
        np.ascontiguousarray(np.take_along_axis(lattice.scores, order, 1)),
        counts,
    )


def _new_relaxation(
    machine: Machine,
    successors: Successors,
    terminal_weight: Int32Array,
    state_weight: Int32Array,
) -> Relaxation:
    memory = machine.memory
    relaxation = Relaxation(
        counts=np.zeros(4, np.int64),
        states=np.zeros((STATE_CAPACITY, FIELDS), np.int64),
        state_index=np.zeros(2 * STATE_CAPACITY, np.int32),
        steps_key=np.zeros(STEP_CAPACITY, np.int64),
        steps_first=np.zeros(STEP_CAPACITY, np.int32),
        steps_size=np.zeros(STEP_CAPACITY, np.int32),
        edge_target=np.zeros(EDGE_CAPACITY, np.int32),
        edge_change=np.zeros(EDGE_CAPACITY, np.int32),
        successor_offsets=successors.offsets,
        successors=successors.states,
        accepts=successors.accepts,
        newline_offsets=successors.newline_offsets,
        newline_successors=successors.newline_states,
        terminal_weight=terminal_weight,
        state_weight=state_weight,
        state_of_thread=np.zeros(len(memory.threads), np.int32),
        weight_of_stack=np.full(len(memory.stacks_parent), UNKNOWN_WEIGHT, np.int32),
        profile_of=np.zeros(len(memory.lists_parent), np.int32),
        ending=np.array([-1], np.int64),
    )
    _add_ended(relaxation)
    return relaxation


def _add_ended(relaxation: Relaxation) -> None:
    """State 0 stands for a text that has ended; no thread projects to it."""
    relaxation.states[0] = -1
    relaxation.counts[STATES] = 1


def counter_weights(
    tables: Tables, pieces: Sequence[ByteAutomaton | GrammarReading]
) -> tuple[Int32Array, Int32Array]:
    """int32 [T] and [Q]: what each terminal, and each LR state on a stack, adds to the index of all
    counters together."""
    num_states, num_terminals = tables.parser.shift.shape
    terminal_weight = np.zeros(num_terminals, np.int32)
    state_weight = np.zeros(num_states, np.int32)
    first_terminal = first_nonterminal = 0
    for piece in pieces:
        if isinstance(piece, ByteAutomaton):
            continue
        parser = piece.parser
        counters = counters_of(parser.rules, parser.start_symbol, never=_unsteady(piece))
        for stride, counter in zip(STRIDES, counters, strict=False):
            for terminal, value in counter.terminals.items():
                terminal_weight[first_terminal + terminal] += stride * value
                column = tables.parser.shift[:, first_terminal + terminal]
                state_weight[np.unique(column[column >= 0])] += stride * value
            for nonterminal, value in counter.nonterminals.items():
                column = tables.parser.goto[:, first_nonterminal + nonterminal]
                state_weight[np.unique(column[column >= 0])] += stride * value
        first_terminal += parser.shift.shape[1]
        first_nonterminal += parser.goto.shape[1]
    return terminal_weight, state_weight


def _unsteady(reading: GrammarReading) -> frozenset[int]:
    """Terminals that an indenter makes or drops."""
    if reading.filter.kind != INDENTER:
        return frozenset()
    newlines = np.flatnonzero(reading.filter.sign == NEWLINE).tolist()
    return frozenset({*newlines, reading.filter.indent, reading.filter.dedent})
