"""The posterior of one canvas: the chain over an automaton's states, computed when it is asked."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from constrained_diffusion.automata.token_automaton import TokenAutomaton
from constrained_diffusion.errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from constrained_diffusion.inference import chain, logit_kernels, weights
from constrained_diffusion.inference.extended import logarithm
from constrained_diffusion.inference.fixed import FixedPositions
from constrained_diffusion.inference.messages import BestMessage, Messages, SumMessage
from constrained_diffusion.inference.threads import chunks, map_threads
from constrained_diffusion.inference.token_choice import choose_tokens, draw_index

CHUNK_BYTES = 8 * 2**20
MAX_TABLE_BYTES = 2**30

Floats = NDArray[np.floating]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class CanvasPosterior:
    """q(x) of one canvas of L positions given an automaton, fixed positions and the ends allowed.

    log_probs: [L, V], a CPU tensor of any float dtype; it is read again by later calls. Everything
    is computed in float64, but for sums over tokens of float32 or narrower input, which are float32
    to a relative error of about 1e-7.

    Raises UnsatisfiableError where no canvas is possible, ConstrainedDiffusionError for NaN or
    +inf, LimitError for tables over 1 GiB. `name` is how errors call the canvas.
    """

    def __init__(
        self,
        automaton: TokenAutomaton,
        log_probs: Tensor,
        fixed: FixedPositions,
        start: int,
        finals: BoolArray,
        name: str = "",
    ) -> None:
        self.automaton = automaton
        self.log_probs = log_probs
        self.fixed = fixed
        self.finals = finals
        self._name = name
        self._check_size()
        self._reduce()
        self._weigh()
        self._scratch = np.zeros(automaton.num_states), np.zeros(automaton.num_states, np.int64)
        first = SumMessage(np.array([start], np.int32), np.ones(1), np.zeros(1, np.int64))
        self._forward = Messages(first, self._forward_step, len(log_probs))
        self._evidence_mantissa, self._evidence_blocks = self._sum_of_ends()

    def _check_size(self) -> None:
        length = len(self.log_probs)
        per_position = 36 * (self.automaton.num_classes + 1) + 28 * self.automaton.num_sets
        if length * per_position > MAX_TABLE_BYTES:
            raise LimitError(
                f"a canvas of {length} positions with {self.automaton.num_classes} classes of "
                f"tokens in {self.automaton.num_sets} sets needs more than {MAX_TABLE_BYTES} bytes "
                "of tables; shorten the canvas or simplify the constraint"
            )

    def _rows(self, part: slice) -> Floats:
        """The logits of some positions as float32, or float64 if they are that: [n, V]."""
        rows = self.log_probs[part]
        dtype = torch.float64 if rows.dtype == torch.float64 else torch.float32
        return rows.to(dtype).contiguous().numpy()

    def _parts(self) -> list[slice]:
        """Slices of positions to be computed at a time."""
        length, size = self.log_probs.shape
        return chunks(length, max(1, CHUNK_BYTES // (4 * size)))

    def _allowed(self, part: slice) -> tuple[BoolArray, Int64Array, Int32Array]:
        offsets = self.fixed.offsets[part.start : part.stop + 1]
        return self.fixed.is_fixed[part], offsets, self.fixed.tokens

    def _reduce(self) -> None:
        """Sums over the tokens of each class: `peak`, `total`, `slope` [L, C+1]."""
        shape = len(self.log_probs), self.automaton.num_classes + 1
        wide = self.log_probs.dtype == torch.float64
        self._peak: Floats = np.empty(shape, np.float64 if wide else np.float32)
        self._total = np.empty(shape)
        self._slope = np.empty(shape)
        log_normaliser = np.empty(shape[0])

        def reduce_part(part: slice) -> None:
            logit_kernels.reduce_rows(
                self._rows(part),
                *self.automaton.members,
                self.automaton.column,
                *self._allowed(part),
                self._peak[part],
                self._total[part],
                self._slope[part],
                log_normaliser[part],
            )

        map_threads(reduce_part, self._parts())
        wrong = np.flatnonzero(np.isnan(log_normaliser))
        if len(wrong):
            raise ConstrainedDiffusionError(
                f"log_probs hold NaN or +inf at position {wrong[0]}{self._name}"
            )
        self._reference = self._peak[:, :-1].max(axis=1, initial=-math.inf).astype(np.float64)
        with np.errstate(invalid="ignore"):
            offset = self._reference - log_normaliser
        # a position of only -inf is uniform; one whose every possible token is -inf has evidence 0
        offset[np.isneginf(log_normaliser)] = -math.log(self.automaton.vocabulary_size)
        self._log_scale = float(offset.sum())

    def _weigh(self) -> None:
        """Sums of class weights over each set: extended numbers [L, D]."""
        shape = len(self.log_probs), self.automaton.num_sets
        self._weight_mantissa = np.empty(shape)
        self._weight_blocks = np.empty(shape, np.int32)

        def weigh_part(part: slice) -> None:
            weights.set_sums(
                self._peak[part],
                self._total[part],
                self._reference[part],
                self.automaton.set_offsets,
                self.automaton.set_classes,
                self._weight_mantissa[part],
                self._weight_blocks[part],
            )

        map_threads(weigh_part, chunks(shape[0], 16))

    @property
    def _edges(self) -> tuple[Int64Array, Int32Array, Int32Array]:
        return self.automaton.edge_offsets, self.automaton.edge_set, self.automaton.edge_target

    def _forward_step(self, position: int, message: SumMessage) -> SumMessage:
        return SumMessage(
            *chain.forward_sum(
                *self._edges,
                self._weight_mantissa[position],
                self._weight_blocks[position],
                *message,
                *self._scratch,
            )
        )

    def _ends(self) -> SumMessage:
        states, mantissa, blocks = self._forward.last
        final = self.finals[states]
        return SumMessage(states[final], mantissa[final], blocks[final])

    def _sum_of_ends(self) -> tuple[float, int]:
        _, mantissa, blocks = self._ends()
        if not len(mantissa):
            raise UnsatisfiableError(
                "no canvas satisfies the constraint together with the fixed positions and the "
                f"state it starts from{self._name}"
            )
        return weights.sum_of(mantissa, blocks)

    @cached_property
    def log_evidence(self) -> float:
        """log of the sum of the probabilities of all possible canvases."""
        return logarithm(self._evidence_mantissa, self._evidence_blocks) + self._log_scale

    @cached_property
    def _classes(self) -> tuple[Float64Array, BoolArray]:
        """The posterior probability and the support of each class: [L, C+1]."""
        length, num_sets = self._weight_mantissa.shape
        mass_mantissa = np.zeros((length, num_sets))
        mass_blocks = np.zeros((length, num_sets), np.int64)
        after_mantissa = np.zeros(self.automaton.num_states)
        after_blocks = np.zeros(self.automaton.num_states, np.int64)
        states = self._ends().states
        after_mantissa[states] = 1.0
        for position in reversed(range(length)):
            before = self._forward[position]
            mantissa, blocks = chain.backward_sum(
                *self._edges,
                self._weight_mantissa[position],
                self._weight_blocks[position],
                *before,
                after_mantissa,
                after_blocks,
                mass_mantissa[position],
                mass_blocks[position],
            )
            after_mantissa[states] = 0.0
            states = before.states
            after_mantissa[states] = mantissa
            after_blocks[states] = blocks

        probability = np.empty(self._total.shape)
        support = np.empty(self._total.shape, np.bool_)

        def spread_part(part: slice) -> None:
            weights.class_marginals(
                self._peak[part],
                self._total[part],
                self._reference[part],
                self.automaton.set_offsets,
                self.automaton.set_classes,
                mass_mantissa[part],
                mass_blocks[part],
                self._evidence_mantissa,
                self._evidence_blocks,
                probability[part],
                support[part],
            )

        map_threads(spread_part, chunks(length, 16))
        return probability, support

    def fill_mask(self, mask: BoolArray) -> None:
        """Sets the possible tokens in mask [L, V], all False before."""
        _, support = self._classes

        def fill_part(part: slice) -> None:
            logit_kernels.mask_rows(
                self.automaton.column, *self._allowed(part), support[part], mask[part]
            )

        map_threads(fill_part, self._parts())

    def fill_marginals(self, marginals: Floats) -> None:
        """Writes the marginals to [L, V], all 0 before; float64 for float64 input else float32."""
        probability, _ = self._classes
        factor = np.divide(
            probability, self._total, out=np.zeros_like(probability), where=probability > 0
        ).astype(self._peak.dtype)

        def fill_part(part: slice) -> None:
            logit_kernels.marginal_rows(
                self._rows(part),
                *self.automaton.members,
                self.automaton.column,
                *self._allowed(part),
                self._peak[part],
                factor[part],
                marginals[part],
            )

        map_threads(fill_part, self._parts())

    def entropy(self) -> Float64Array:
        """[L], nats: a token of a class of probability Q has Q / total * exp(logit - peak)."""
        probability, _ = self._classes
        positive = probability > 0
        factor = np.divide(probability, self._total, out=np.ones_like(probability), where=positive)
        terms = probability * np.log(factor) + np.where(positive, factor, 0.0) * self._slope
        return np.maximum(-terms.sum(axis=1), 0.0)

    def sample(self, uniforms: Float64Array) -> Int64Array:
        """One canvas of q, int64 [L]. uniforms: [L + 1, 3] independent draws from [0, 1)."""
        length = len(self.log_probs)
        ends = self._ends()
        state = int(ends.states[draw_index(ends.mantissa, ends.blocks, uniforms[length, 0])])
        classes = np.empty(length, np.int64)
        scratch = np.full(self.automaton.num_states, -1, np.int32)
        for position in reversed(range(length)):
            terms = chain.incoming_terms(
                *self.automaton.incoming,
                self.automaton.edge_source,
                self.automaton.edge_set,
                self._weight_mantissa[position],
                self._weight_blocks[position],
                *self._forward[position],
                state,
                scratch,
            )
            offsets, edges = self.automaton.incoming
            edge = edges[offsets[state] + draw_index(*terms, uniforms[position, 0])]
            classes[position] = self._draw_class(position, edge, uniforms[position, 1])
            state = int(self.automaton.edge_source[edge])
        return self._choose(classes, uniforms[:length, 2])

    def _draw_class(self, position: int, edge: int, uniform: float) -> int:
        members = self._classes_of(edge)
        terms = weights.class_weights(
            self._peak[position], self._total[position], self._reference[position], members
        )
        return int(members[draw_index(*terms, uniform)])

    def _classes_of(self, edge: int) -> Int32Array:
        label = self.automaton.edge_set[edge]
        offsets = self.automaton.set_offsets
        return self.automaton.set_classes[offsets[label] : offsets[label + 1]]

    @cached_property
    def _mode(self) -> Int64Array:
        length = len(self.log_probs)
        shape = length, self.automaton.num_sets
        order, nats = np.empty(shape, np.int32), np.empty(shape)

        def weigh_part(part: slice) -> None:
            weights.set_maxima(
                self._peak[part],
                self._total[part],
                self._reference[part],
                self.automaton.set_offsets,
                self.automaton.set_classes,
                order[part],
                nats[part],
            )

        map_threads(weigh_part, chunks(length, 16))
        num_states = self.automaton.num_states
        scratch = (
            np.full(num_states, -1, np.int64),
            np.empty(num_states, np.int64),
            np.empty(num_states),
        )

        def step(position: int, message: BestMessage) -> BestMessage:
            states, best_order, best_nats, _ = message
            return BestMessage(
                *chain.forward_max(
                    *self._edges,
                    order[position],
                    nats[position],
                    states,
                    best_order,
                    best_nats,
                    *scratch,
                )
            )

        start = self._forward[0].states
        one = np.zeros(1, np.int64)
        ways = Messages(BestMessage(start, one, np.zeros(1), one), step, length)
        final = np.flatnonzero(self.finals[ways.last.states])
        best = final[np.lexsort((-ways.last.nats[final], ways.last.order[final]))[0]]
        state = ways.last.states[best]
        classes = np.empty(length, np.int64)
        for position in reversed(range(length)):
            message = ways[position + 1]
            edge = message.edge[np.flatnonzero(message.states == state)[0]]
            members = self._classes_of(edge)
            possible = members[self._total[position, members] > 0]
            classes[position] = possible[np.argmax(self._peak[position, possible])]
            state = self.automaton.edge_source[edge]
        return self._choose(classes, np.full(length, np.nan))

    def mode(self) -> Int64Array:
        """The most probable canvas, int64 [L]; of several, always the same one."""
        return self._mode.copy()

    def _choose(self, classes: Int64Array, uniforms: Float64Array) -> Int64Array:
        """One token of each position's class, drawn, or the most probable for uniforms of NaN."""
        chosen = np.empty(len(classes), np.int64)

        def choose_part(part: slice) -> None:
            choose_tokens(
                self._rows(part),
                *self.automaton.members,
                self.automaton.column,
                *self._allowed(part),
                classes[part],
                self._peak[part],
                self._total[part],
                uniforms[part],
                chosen[part],
            )

        map_threads(choose_part, self._parts())
        return chosen
