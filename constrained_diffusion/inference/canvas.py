"""The posterior of one canvas: what one row of a batch computes, each part when it is first asked.

Parts of a canvas that are independent of each other run in threads.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..automata.token_automaton import TokenAutomaton
from ..errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from . import chain, logit_kernels, weights
from .best_path import BestScratch, best_incoming, forward_max
from .extended import logarithm
from .messages import Messages
from .tables import (
    Allowed,
    BestMessage,
    BoolArray,
    ClassSets,
    ClassTable,
    Columns,
    Edges,
    Extended,
    Float64Array,
    Floats,
    Int64Array,
    Ranked,
    SumMessage,
    UInt32Array,
)
from .threads import chunks, in_background, map_threads
from .token_choice import choose_tokens, draw_index

CHUNK_BYTES = 8 * 2**20
CHUNK_POSITIONS = 64
MAX_TABLE_BYTES = 2**30


class CanvasPosterior:
    """q(x) of one canvas of L positions, given an automaton, fixed positions and the ends allowed.

    log_probs: [L, V], a CPU tensor of any float dtype, which later calls read again. start: the
    state before the canvas; finals: bool [S], the states that may end it; name: how errors call it.

    Everything is computed in float64, except that sums over tokens of float32 or narrower logits
    are float32 sums of up to 512 terms each, of a relative error of about 1e-7.

    Raises UnsatisfiableError where no canvas is possible, ConstrainedDiffusionError for NaN or
    +inf, LimitError for tables over 1 GiB.
    """

    def __init__(
        self,
        automaton: TokenAutomaton,
        log_probs: Tensor,
        allowed: Allowed,
        start: int,
        finals: BoolArray,
        name: str = "",
    ) -> None:
        self._log_probs = log_probs
        self._length, self._vocabulary_size = log_probs.shape
        self._name = name
        self._allowed = allowed
        self._finals = finals
        self._num_states = automaton.num_states
        self._num_classes = automaton.num_classes
        self._num_sets = automaton.num_sets
        offsets, tokens = automaton.members
        self._columns = Columns(offsets, tokens.view(np.uint32), automaton.column.view(np.uint32))
        self._sets = ClassSets(automaton.set_offsets, automaton.set_classes.view(np.uint32))
        self._edges = Edges(
            automaton.edge_offsets,
            automaton.edge_set.view(np.uint32),
            automaton.edge_target.view(np.uint32),
        )
        self._automaton = automaton
        self._check_size()

        self._table = self._empty_table()
        self._sums = Extended.zeros(self._length, self._num_sets)
        self._forward = self._prepare(start)
        states, mantissa, blocks = self._forward.last
        final = finals[states]
        self._ends = SumMessage(states[final], mantissa[final], blocks[final])
        if not final.any():
            raise UnsatisfiableError(
                "no canvas satisfies the constraint together with the fixed positions and the "
                f"state that it starts from{name}"
            )
        self._evidence: tuple[float, int] = weights.sum_of(Extended(mantissa[final], blocks[final]))

    def _check_size(self) -> None:
        size = self._length * (37 * (self._num_classes + 1) + 44 * self._num_sets)
        if size > MAX_TABLE_BYTES:
            raise LimitError(
                f"a canvas of {self._length} positions with {self._num_classes} classes of tokens "
                f"and {self._num_sets} sets of them needs tables of {size} bytes, more than "
                f"{MAX_TABLE_BYTES}; shorten the canvas or simplify the constraint"
            )

    def _rows(self, part: slice) -> Floats:
        """The logits of some positions [n, V]: float64 if they are that, else float32."""
        rows = self._log_probs[part]
        dtype = torch.float64 if rows.dtype == torch.float64 else torch.float32
        return rows.to(dtype).contiguous().numpy()

    def _row_parts(self) -> list[slice]:
        return chunks(self._length, max(1, CHUNK_BYTES // (4 * self._vocabulary_size)))

    def _empty_table(self) -> ClassTable:
        shape = self._length, self._num_classes + 1
        wide = self._log_probs.dtype == torch.float64
        return ClassTable(
            peak=np.empty(shape, np.float64 if wide else np.float32),
            total=np.empty(shape),
            slope=np.empty(shape),
            reference=np.empty(self._length),
            log_normaliser=np.empty(self._length),
        )

    def _prepare(self, start: int) -> Messages[SumMessage]:
        """Fills the tables of classes and sets, and runs the forward recursion behind it."""
        parts = self._row_parts()
        scratch = chain.SumScratch.of(self._num_states)
        first = SumMessage(np.array([start], np.int32), np.ones(1), np.zeros(1, np.int64))
        # `step` outlives this method and must not hold self: the cycle would keep the logits
        # alive until the garbage collector happens to run.
        edges, sums = self._edges, self._sums
        with in_background(self._prepare_part, parts) as prepared:

            def step(i: int, before: SumMessage) -> SumMessage:
                prepared[i // parts[0].stop].result()
                return SumMessage(*chain.forward_sum(edges, sums.part(i), before, scratch))

            return Messages(first, step, self._length)

    def _prepare_part(self, part: slice) -> None:
        table = self._table.part(part)
        logit_kernels.reduce_rows(self._rows(part), self._columns, self._allowed.part(part), table)
        wrong = np.flatnonzero(np.isnan(table.log_normaliser))
        if len(wrong):
            raise ConstrainedDiffusionError(
                f"log_probs hold NaN or +inf at position {part.start + wrong[0]}{self._name}"
            )
        weights.set_sums(table, self._sets, self._sums.part(part))

    @cached_property
    def log_evidence(self) -> float:
        """log of the sum of the probabilities of all possible canvases."""
        with np.errstate(invalid="ignore"):
            log_scale = self._table.reference - self._table.log_normaliser
        log_scale[np.isneginf(self._table.log_normaliser)] = -math.log(self._vocabulary_size)
        return logarithm(*self._evidence) + float(log_scale.sum())

    @cached_property
    def _class_marginals(self) -> tuple[Float64Array, BoolArray]:
        """The posterior probability of each class and its support: [L, C+1]."""
        masses = np.zeros((self._length, self._num_sets))
        evidence_mantissa, evidence_blocks = self._evidence
        after = Extended.zeros(self._num_states)
        chain.start_backward(self._ends, evidence_blocks, after)
        for i in reversed(range(self._length)):
            chain.backward_sum(self._edges, self._sums.part(i), self._forward[i], after, masses[i])

        shape = self._length, self._num_classes + 1
        probability, support = np.empty(shape), np.empty(shape, np.bool_)

        def spread_part(part: slice) -> None:
            weights.class_marginals(
                self._table.part(part),
                self._sets,
                self._sums.part(part),
                masses[part],
                evidence_mantissa,
                probability[part],
                support[part],
            )

        map_threads(spread_part, chunks(self._length, CHUNK_POSITIONS))
        return probability, support

    def fill_mask(self, mask: BoolArray) -> None:
        """Marks the possible tokens in mask [L, V], which is False before."""
        _, support = self._class_marginals
        map_threads(
            lambda part: logit_kernels.mask_rows(
                self._columns, self._allowed.part(part), support[part], mask[part]
            ),
            self._row_parts(),
        )

    def fill_marginals(self, marginals: Floats) -> None:
        """Writes the marginals to [L, V], which is 0 before; float64 for float64 logits, else
        float32."""
        factor = self._token_factor().astype(self._table.peak.dtype)

        def fill_part(part: slice) -> None:
            logit_kernels.marginal_rows(
                self._rows(part),
                self._columns,
                self._allowed.part(part),
                self._table.peak[part],
                factor[part],
                marginals[part],
            )

        map_threads(fill_part, self._row_parts())

    def _token_factor(self) -> Float64Array:
        """[L, C+1]: the posterior probability of a class's tokens over exp(logit - peak)."""
        probability, _ = self._class_marginals
        factor = np.zeros_like(probability)
        np.divide(probability, self._table.total, out=factor, where=probability > 0)
        return factor

    def entropy(self) -> Float64Array:
        """Of each position's marginal, [L], nats: the sum over tokens of -q log q, by class."""
        probability, _ = self._class_marginals
        factor = self._token_factor()
        log_factor = np.log(factor, out=np.zeros_like(factor), where=factor > 0)
        terms = probability * log_factor + factor * self._table.slope
        entropy: Float64Array = np.maximum(-terms.sum(axis=1), 0.0)
        return entropy

    def sample(self, uniforms: Float64Array) -> Int64Array:
        """One canvas of q, int64 [L]. uniforms: [L+1, 3], independent draws from [0, 1)."""
        source = self._automaton.edge_source
        offsets, incoming = self._automaton.incoming
        classes = np.empty(self._length, np.int64)
        end = draw_index(Extended(*self._ends[1:]), uniforms[self._length, 0])
        state = self._ends.states[end]
        for i in reversed(range(self._length)):
            edges = incoming[offsets[state] : offsets[state + 1]]
            ways = chain.incoming_weights(
                edges, source, self._edges.label, self._sums.part(i), self._forward[i]
            )
            edge = edges[draw_index(ways, uniforms[i, 0])]
            members = self._classes_of(edge)
            terms = weights.class_weights(self._table, i, members)
            classes[i] = members[draw_index(terms, uniforms[i, 1])]
            state = source[edge]
        return self._tokens(classes, uniforms[: self._length, 2])

    @cached_property
    def mode(self) -> Int64Array:
        """The most probable canvas, int64 [L]; of several, always the same one."""
        shape = self._length, self._num_sets
        maxima = Ranked(np.empty(shape, np.int32), np.empty(shape))
        map_threads(
            lambda part: weights.set_maxima(self._table.part(part), self._sets, maxima.part(part)),
            chunks(self._length, CHUNK_POSITIONS),
        )
        scratch = BestScratch.of(self._num_states)
        first = BestMessage(self._forward[0].states, np.zeros(1, np.int64), np.zeros(1))
        ways = Messages(
            first,
            lambda i, before: forward_max(self._edges, maxima.part(i), before, scratch),
            self._length,
        )
        final = np.flatnonzero(self._finals[ways.last.states])
        best = np.lexsort((-ways.last.nats[final], ways.last.order[final]))[0]
        state = ways.last.states[final[best]]
        offsets, incoming = self._automaton.incoming
        classes = np.empty(self._length, np.int64)
        for i in reversed(range(self._length)):
            edge = best_incoming(
                incoming[offsets[state] : offsets[state + 1]],
                self._automaton.edge_source,
                self._edges.label,
                maxima.part(i),
                ways[i],
            )
            members = self._classes_of(edge)
            possible = members[self._table.total[i, members] > 0]
            classes[i] = possible[np.argmax(self._table.peak[i, possible])]
            state = self._automaton.edge_source[edge]
        return self._tokens(classes, np.full(self._length, np.nan))

    def _classes_of(self, edge: int) -> UInt32Array:
        label = self._edges.label[edge]
        return self._sets.classes[self._sets.offsets[label] : self._sets.offsets[label + 1]]

    def _tokens(self, classes: Int64Array, uniforms: Float64Array) -> Int64Array:
        """One token of each position's class, int64 [L]: drawn, or the most probable for NaN."""
        chosen = np.empty(self._length, np.int64)

        def choose_part(part: slice) -> None:
            choose_tokens(
                self._rows(part),
                self._columns,
                self._allowed.part(part),
                self._table.part(part),
                classes[part],
                uniforms[part],
                chosen[part],
            )

        map_threads(choose_part, self._row_parts())
        return chosen
