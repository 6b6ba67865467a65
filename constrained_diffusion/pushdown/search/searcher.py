"""`Searcher`: from a model's prediction to the best canvases of a language."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...automata.automaton import ByteAutomaton
from ...errors import InternalError, LimitError
from ..machine import Frozen, Machine
from ..reading import GrammarReading
from ..tables import BoolArray, Int64Array
from .beam import Limits, beam
from .grammar_tokens import grammar_tokens
from .guide import Guide
from .lattice import Lattice, build_lattice
from .relaxed_steps import END, PADDING
from .survivors import Edges, Survivors, best_path, live_edges

if TYPE_CHECKING:
    from torch import Tensor

    from ...inference.tables import Allowed
    from ...vocabulary import Vocabulary

WIDTH = 64
"""Configurations that a position keeps."""

MARGIN = 15.0
"""Nats below a position's best hypothesis at which others are dropped."""

POPS_PER_SLOT = 4
"""Hypotheses that are tried at each position, for each configuration that is kept."""

STATES = 24
"""Abstract states of the relaxed machine that are kept at each position."""


class Room(NamedTuple):
    """How much a search gets, as factors of the usual limits, and when it gets it.

    Attributes:
        width: of the beam's slots and hypotheses.
        states: of the relaxed machine's abstract states.
        tokens: of the candidates that the relaxed machine reads.
        gap: nats between what the relaxed machine promised and what was found.
    """

    width: int
    states: int
    tokens: int
    gap: float


ROOMS = (Room(1, 1, 1, 0.0), Room(2, 3, 1, 15.0), Room(4, 4, 4, 40.0), Room(4, 4, 4, 60.0))
"""A search is repeated with more room where a gap shows that the beam has lost its way."""

TOLERANCE = 5.0
"""Nats that a gap must exceed one that repeating did not close."""


class Searcher:
    """Searches canvases with a machine. It serves one thread at a time, as the machine does.

    Attributes:
        width, margin, pops: limits of each position; see `beam.Limits`.
    """

    def __init__(
        self,
        machine: Machine,
        pieces: Sequence[ByteAutomaton | GrammarReading],
        vocabulary: Vocabulary,
        *,
        width: int = WIDTH,
        margin: float = MARGIN,
        pops: int | None = None,
    ) -> None:
        """pieces: the parts that the machine's tables were assembled from."""
        self.width = width
        self.margin = margin
        self.pops = POPS_PER_SLOT * width if pops is None else pops
        self._machine = machine
        self._repairs = grammar_tokens(pieces, vocabulary)
        self._always = np.array(sorted({*vocabulary.end_ids, *vocabulary.padding_ids}), np.int64)
        self._roles = np.zeros(len(vocabulary), np.uint8)
        self._roles[list(vocabulary.end_ids)] |= END
        self._roles[list(vocabulary.padding_ids)] |= PADDING
        self._guide = Guide(machine, pieces, self._roles, self._repairs)
        self._slot_of = np.full(len(machine.memory.lists_parent), -1, np.int32)
        self._row_of = self._slot_of.copy()

    def lattice(self, log_probs: Tensor, allowed: Allowed, witness: Int64Array) -> Lattice:
        """The candidates of each position.

        log_probs: [L, V] on the CPU; allowed: the tokens of fixed positions; witness: int64 [L],
        candidates in any case. Raises ConstrainedDiffusionError for NaN and +inf.
        """
        return build_lattice(
            log_probs, allowed, witness, always=self._always, repairs=self._repairs
        )

    def search(
        self,
        lattice: Lattice,
        config: int,
        witness: Int64Array,
        may_end: Callable[[int], bool] | None,
        known_gap: float = -math.inf,
    ) -> Survivors:
        """The best canvases over a lattice.

        Args:
            config: the machine's configuration before the canvas. May reset the machine: numbers
                of configurations from before are void afterwards.
            witness: int64 [L], a canvas of the language out of the lattice.
            may_end: whether a configuration may end the canvas; None for the last canvas, whose
                text must end.
            known_gap: the gap of the search that found the witness; one that is hardly larger is
                not searched for again.

        Raises InternalError where the witness is no canvas of the language, LimitError where the
        configurations of a few canvases alone fill the memory.
        """
        frozen = self._machine.freeze(config)
        strays: list[Int64Array] = []
        found, first_promise = self._in_room(lattice, frozen, witness, may_end, ROOMS[0], strays)
        promise = first_promise
        for room in ROOMS[1:]:
            if found.exact or promise - found.score <= max(room.gap, known_gap + TOLERANCE):
                break
            found, promise = self._in_room(lattice, frozen, found.mode, may_end, room, strays)
        return dataclasses.replace(found, gap=first_promise - found.score)

    def _in_room(
        self,
        lattice: Lattice,
        frozen: Frozen,
        witness: Int64Array,
        may_end: Callable[[int], bool] | None,
        room: Room,
        strays: list[Int64Array],
    ) -> tuple[Survivors, float]:
        """See `_attempt`; with less room where the memory is full."""
        limits = Limits(self.width * room.width, self.margin, self.pops * room.width)
        while True:
            if self._machine.crowded:
                self._machine.reset()
            config = self._machine.thaw(frozen)
            found = self._attempt(lattice, config, witness, may_end, limits, room, strays)
            if found is not None:
                return found
            self._machine.reset()
            if limits.width == 1:
                raise LimitError(
                    "the configurations of one canvas fill the memory: the grammar is too "
                    "ambiguous; use a shorter canvas"
                )
            limits = Limits(max(limits.width // 4, 1), limits.margin, max(limits.pops // 4, 1))

    def _attempt(
        self,
        lattice: Lattice,
        config: int,
        witness: Int64Array,
        may_end: Callable[[int], bool] | None,
        limits: Limits,
        room: Room,
        strays: list[Int64Array],
    ) -> tuple[Survivors, float] | None:
        """The survivors, and the score that the relaxed machine promises; None where the memory is
        full. Adds the best canvas that came to no end to the strays: the relaxed machine did not
        see that it leads nowhere, and is to look at it in the next attempt."""
        machine = self._machine
        self._guide.refresh()
        potentials, promise = self._guide.potentials(
            lattice,
            witness,
            config,
            is_last=may_end is None,
            most_states=STATES * room.states,
            room=room.tokens,
            strays=strays,
        )
        length = lattice.length
        most = length * (limits.pops + 1)
        offsets = np.zeros(length + 1, np.int64)
        source, target = np.empty(most, np.int32), np.empty(most, np.int32)
        token, score = np.empty(most, np.int32), np.empty(most)
        finals = np.empty(limits.width, np.int64)
        alive, left_out = beam(
            machine.kernel_tables, machine.kernel_memory, machine.kernel_text, self._roles,
            self._guide.kernel_relaxation, potentials, int(config),
            lattice.tokens, lattice.scores, lattice.counts, witness, limits,
            self._slot_of, self._row_of, offsets, source, target, token, score, finals,
        )  # fmt: skip
        if machine.full:
            self._slot_of[:] = -1
            self._row_of[:] = -1
            return None
        if alive == 0:
            raise InternalError(
                f"the canvas that a search begins with is not in the language: {witness.tolist()}"
            )
        ends = self._ends(finals[:alive], may_end)
        if machine.full:
            return None
        count = offsets[length]
        tried = Edges(offsets, source[:count], target[:count], token[:count], score[:count])
        if not ends.all():
            strays.append(best_path(live_edges(tried, ~ends), ~ends)[0])
        edges = live_edges(tried, ends)
        mode, best = best_path(edges, ends)
        survivors = Survivors(mode, best, not left_out, edges, ends, lambda: lattice.log_normaliser)
        return survivors, promise

    def _ends(self, finals: Int64Array, may_end: Callable[[int], bool] | None) -> BoolArray:
        is_end = self._machine.finishes if may_end is None else may_end
        ends = np.array([is_end(config) for config in finals.tolist()], np.bool_)
        if not ends[0]:
            raise InternalError("the canvas that a search begins with may not end where it ends")
        return ends
