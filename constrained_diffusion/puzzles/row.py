"""The posterior of one canvas given a puzzle: what one row of a batch computes."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import (
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
    VocabularyError,
)
from ..inference.tables import Allowed
from .balance import balanced_marginals
from .explore import Exploration, explore
from .limits import SearchLimits
from .support import Support, support

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .compiled import CompiledPuzzle
    from .layout import Float64Array, Int64Array

_CHUNK_NUMBERS = 1 << 20
_ZERO_GAP = 1000.0
"""Nats between any canvas of the model and one with a token more of probability 0."""


class PuzzleCanvas:
    """q(x) over the solutions that agree with what is fixed, for one canvas of L positions.

    Everything is exact where the solutions could be listed (`exact`). Otherwise marginals, entropy
    and samples are approximate, the evidence is a lower bound, and the mode is the best solution
    found; it is a solution in any case.
    """

    def __init__(
        self, compiled: CompiledPuzzle, log_probs: Tensor, allowed: Allowed, name: str = ""
    ) -> None:
        """log_probs: [L, V], a CPU tensor of any float dtype, normalised or not."""
        self._compiled = compiled
        self._structure = compiled.constraint.structure
        self._limits = compiled.constraint.limits
        length, size = log_probs.shape
        if size != len(compiled.vocabulary):
            raise VocabularyError(
                f"log_probs have {size} columns, but the vocabulary of the constraint has "
                f"{len(compiled.vocabulary)} tokens"
            )
        if length != compiled.length:
            raise ConstrainedDiffusionError(
                f"log_probs have {length} positions, the constraint was compiled for "
                f"{compiled.length}"
            )
        normalisers = _normalisers(log_probs, name)
        cells = self._structure.size
        logs = log_probs[:cells, torch.from_numpy(compiled.tokens_of)].double().numpy()
        with np.errstate(invalid="ignore"):
            logs = np.where(
                np.isneginf(normalisers[:cells, None]),
                -math.log(size),
                logs - normalisers[:cells, None],
            )
        self._domains = self._fixed_domains(allowed, name)
        self._weights, self._zeros = _finite(logs)
        self._tail = [
            _Tail(compiled, log_probs[i].double().numpy(), float(normalisers[i]), allowed, i, name)
            for i in range(cells, length)
        ]
        self.exploration = self._explore(name)

    @property
    def exact(self) -> bool:
        """Whether all solutions were listed, so that everything is exact."""
        return self.exploration.complete

    @cached_property
    def log_evidence(self) -> float:
        """log of the probability of all solutions; where not exact, of those that were found."""
        best = self.exploration.best
        cells = np.arange(len(best))
        if self._zeros[cells, best].any():
            return -math.inf
        scores = self.exploration.scores
        if len(scores) == 0 or scores.max() < self.exploration.best_score:
            scores = np.append(scores, self.exploration.best_score)
        return float(np.logaddexp.reduce(scores)) + sum(tail.log_evidence for tail in self._tail)

    @cached_property
    def _cell_marginals(self) -> Float64Array:
        """float64 [n, k]."""
        if not self.exact:
            layout, sets = self._structure.layout, self.support.sets
            return np.asarray(balanced_marginals(layout, sets, self._weights))
        marginals = np.zeros_like(self._weights)
        cells = np.arange(len(marginals))
        for solution, share in zip(self.exploration.solutions, self._shares, strict=True):
            marginals[cells, solution] += share
        return np.asarray(marginals / marginals.sum(axis=1, keepdims=True))

    @cached_property
    def _shares(self) -> Float64Array:
        """float64 [N], the posterior probability of each solution listed."""
        shares = np.exp(self.exploration.scores - self.exploration.best_score)
        return np.asarray(shares / shares.sum())

    @cached_property
    def support(self) -> Support:
        """The symbols that stand in some solution, and whether that is known of all of them."""
        return support(self._structure, self._domains, self.exploration, self._limits)

    def fill_mask(self, mask: NDArray[np.bool_]) -> None:
        """Marks the possible tokens in mask [L, V], which is False before."""
        for j, token in enumerate(self._compiled.tokens_of.tolist()):
            mask[: len(self._domains), token] = self.support.sets >> j & 1
        for tail in self._tail:
            mask[tail.position, tail.tokens] = True

    def fill_marginals(self, marginals: NDArray[np.floating]) -> None:
        """Writes the marginals to [L, V], which is 0 before."""
        marginals[: len(self._domains), self._compiled.tokens_of] = self._cell_marginals
        for tail in self._tail:
            marginals[tail.position, tail.tokens] = tail.probabilities

    def entropy(self) -> Float64Array:
        """Of each position's marginal, float64 [L], nats."""
        logs = np.log(
            self._cell_marginals,
            out=np.zeros_like(self._cell_marginals),
            where=self._cell_marginals > 0,
        )
        cells = np.maximum(-(self._cell_marginals * logs).sum(axis=1), 0.0)
        return np.concatenate([cells, [tail.entropy for tail in self._tail]])

    def sample(self, uniforms: Float64Array) -> Int64Array:
        """One canvas, int64 [L]. uniforms: [L+1, 3], independent draws from [0, 1).

        Where not exact: the best solution found under weights with Gumbel noise (perturb-and-MAP,
        Papandreou and Yuille, ICCV 2011).
        """
        if self.exact:
            chosen = np.searchsorted(np.cumsum(self._shares), uniforms[-1, 0], side="right")
            solution = self.exploration.solutions[min(int(chosen), len(self._shares) - 1)]
        else:
            seed = (uniforms[-1] * 2**32).astype(np.uint64).tolist()
            noise = np.random.default_rng(seed).gumbel(size=self._weights.shape)
            limits = SearchLimits(
                seconds=self._limits.seconds, solutions=0, nodes=self._limits.nodes
            )
            try:
                noisy = self._weights + noise
                solution = explore(self._structure, self._domains, noisy, limits).best
            except LimitError:
                solution = self.exploration.best
        return self._tokens(solution, uniforms[:, 0])

    @cached_property
    def mode(self) -> Int64Array:
        """The most probable canvas that was found, int64 [L]."""
        return self._tokens(self.exploration.best, None)

    def _tokens(self, solution: NDArray[np.int16], uniforms: Float64Array | None) -> Int64Array:
        rest = [
            tail.choose(None if uniforms is None else float(uniforms[tail.position]))
            for tail in self._tail
        ]
        return np.concatenate([self._compiled.tokens_of[solution], np.array(rest, np.int64)])

    def values(self, name: str) -> dict[str, float]:
        """The probability of each symbol in a cell, by the cell's name or position."""
        structure = self._structure
        for cell in range(structure.size):
            if name in (structure.cell_name(cell), str(cell)):
                row = self._cell_marginals[cell].tolist()
                return {structure.symbol_name(j): probability for j, probability in enumerate(row)}
        last = structure.cell_name(structure.size - 1)
        raise ConstrainedDiffusionError(
            f"the puzzle has no cell {name!r}: its cells are {structure.cell_name(0)} to {last}"
        )

    def _fixed_domains(self, allowed: Allowed, name: str) -> Int64Array:
        """The domains narrowed to the tokens that are fixed, not yet propagated."""
        domains = self._compiled.domains.copy()
        number = {token: j for j, token in enumerate(self._compiled.tokens_of.tolist())}
        for cell in np.flatnonzero(allowed.is_fixed[: len(domains)]).tolist():
            tokens = allowed.tokens[allowed.offsets[cell] : allowed.offsets[cell + 1]].tolist()
            bits = sum(1 << number[token] for token in tokens if token in number)
            if not domains[cell] & bits:
                structure = self._structure
                wanted = structure.symbol_names(bits) or "a token that is no symbol"
                raise UnsatisfiableError(
                    f"{structure.cell_name(cell)} is fixed to {wanted}, but can only hold "
                    f"{structure.symbol_names(int(domains[cell]))}{name}"
                )
            domains[cell] &= bits
        return domains

    def _explore(self, name: str) -> Exploration:
        try:
            found = explore(self._structure, self._domains, self._weights, self._limits)
        except UnsatisfiableError as error:
            raise UnsatisfiableError(
                f"{error}; a solution has to agree with the fixed positions{name}"
            ) from None
        except LimitError:
            # A sampler fixes parts of earlier solutions, so one of those may still do.
            known = self._compiled.known_solution(self._domains)
            if known is None:
                raise
            score = float(self._weights[np.arange(len(known)), known].sum())
            found = Exploration(
                self._domains, known[None], np.array([score]), False, known, score, False, 0
            )
        self._domains = found.domains
        self._compiled.remember(found.best)
        return found


class _Tail:
    """A position after the cells: an end token, then padding."""

    def __init__(
        self,
        compiled: CompiledPuzzle,
        logits: Float64Array,
        normaliser: float,
        allowed: Allowed,
        position: int,
        name: str,
    ) -> None:
        vocabulary = compiled.vocabulary
        first = position == compiled.constraint.structure.size
        tokens = vocabulary.end_ids if first else vocabulary.padding_ids
        if allowed.is_fixed[position]:
            part = slice(allowed.offsets[position], allowed.offsets[position + 1])
            fixed = set(allowed.tokens[part].tolist())
            tokens = tuple(token for token in tokens if token in fixed)
            if not tokens:
                raise UnsatisfiableError(
                    f"position {position} is fixed to a token that can not follow the cells{name}"
                )
        self.position = position
        self.tokens = np.array(tokens, np.int64)
        logs = logits[self.tokens] - normaliser if normaliser > -math.inf else np.zeros(len(tokens))
        total = float(np.logaddexp.reduce(logs))
        uniform = math.log(len(tokens) / len(logits))
        self.log_evidence = total if normaliser > -math.inf else uniform
        shares = np.exp(logs - total) if total > -math.inf else np.ones(len(tokens))
        self.probabilities = shares / shares.sum()
        self.entropy = float(-(shares * np.log(np.maximum(shares, 1e-300))).sum())

    def choose(self, uniform: float | None) -> int:
        """The most probable token, or the one drawn by a number from [0, 1)."""
        if uniform is None:
            return int(self.tokens[self.probabilities.argmax()])
        chosen = np.searchsorted(np.cumsum(self.probabilities), uniform, side="right")
        return int(self.tokens[min(int(chosen), len(self.tokens) - 1)])


def _normalisers(log_probs: Tensor, name: str) -> Float64Array:
    """float64 [L], log-sum-exp by row. Raises ConstrainedDiffusionError for NaN or +inf."""
    step = max(1, _CHUNK_NUMBERS // log_probs.shape[1])
    parts = [log_probs[i : i + step].double() for i in range(0, len(log_probs), step)]
    normalisers = torch.cat([part.logsumexp(-1) for part in parts]).numpy()
    wrong = np.flatnonzero(np.isnan(normalisers) | np.isposinf(normalisers))
    if len(wrong):
        raise ConstrainedDiffusionError(f"log_probs hold NaN or +inf at position {wrong[0]}{name}")
    return normalisers


def _finite(logs: Float64Array) -> tuple[Float64Array, NDArray[np.bool_]]:
    """Finite weights [n, k] for log-probabilities that may be -inf, and where those are.

    A probability of 0 becomes so small that fewer of them always weigh more, whatever the others.
    """
    zeros = np.isneginf(logs)
    if not zeros.any():
        return logs, zeros
    finite = np.where(zeros, np.nan, logs)
    known = ~zeros.all(axis=1)
    spread = float((np.nanmax(finite[known], axis=1) - np.nanmin(finite[known], axis=1)).sum())
    least = float(np.nanmin(finite[known])) if known.any() else 0.0
    return np.where(zeros, least - spread - _ZERO_GAP, logs), zeros
