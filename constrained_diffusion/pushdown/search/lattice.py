"""`Lattice`: the tokens that a search considers at each position of a canvas."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..tables import Int32Array, Int64Array
from .top_tokens import check_finite, log_normalisers, top_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ...inference.tables import Allowed

    Float64Array = NDArray[np.float64]

CANDIDATES = 64
"""The most probable tokens of a position that are considered."""

REPAIRS = 16
"""The most probable of the grammar's own tokens that are considered as well."""

PROBABILITY_ZERO = -1e8
"""The score of a token of probability 0. It stands where nothing else can: the fewer the better."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """The candidates of L positions, at most W each, best first.

    Attributes:
        tokens: int32 [L, W]; -1 where a position has fewer than W.
        scores: float64 [L, W], log probabilities but for a constant of the position.
        counts: int32 [L], the candidates of each position.
    """

    tokens: Int32Array
    scores: Float64Array
    counts: Int32Array
    _logits: Tensor = field(repr=False)
    _offsets: Float64Array = field(repr=False)

    @property
    def length(self) -> int:
        """Positions."""
        return len(self.tokens)

    @cached_property
    def log_normaliser(self) -> float:
        """What is taken from the sum of a canvas' scores for its log probability."""
        return float((log_normalisers(self._logits) - self._offsets).sum())

    def score(self, position: int, token: int) -> float:
        """The score of a candidate."""
        place = int(np.flatnonzero(self.tokens[position] == token)[0])
        return float(self.scores[position, place])


def build_lattice(
    logits: Tensor,
    allowed: Allowed,
    witness: Int64Array,
    *,
    always: Int64Array,
    repairs: Int64Array,
    candidates: int = CANDIDATES,
    num_repairs: int = REPAIRS,
) -> Lattice:
    """The lattice of a model's prediction.

    Args:
        logits: [L, V] on the CPU, any float type, normalised or not.
        allowed: the tokens of fixed positions. A position with more than the lattice holds keeps
            the most probable ones.
        witness: int64 [L], candidates of their positions whatever their probability.
        always: int64, tokens that are candidates of every free position (end and padding).
        repairs: int64, tokens of which the best `num_repairs` are candidates of every free
            position: those that a text of the grammar may lack where the model is wrong.

    Raises ConstrainedDiffusionError for NaN and +inf, with the position.
    """
    import torch

    length, size = logits.shape
    logits = logits.detach()
    values, tokens = top_tokens(logits, min(candidates, size))
    parts_values, parts_tokens = [values], [tokens]
    if len(repairs):
        own = torch.from_numpy(repairs)
        best = logits[:, own].topk(min(num_repairs, len(repairs)), -1)
        parts_values.append(best.values)
        parts_tokens.append(own[best.indices])
    possible = np.concatenate([part.isneginf().logical_not().numpy() for part in parts_values], 1)
    fallback = torch.from_numpy(np.append(always, 0)).repeat(length, 1)
    fallback[:, -1] = torch.from_numpy(witness)
    parts_values.append(logits.gather(1, fallback))
    parts_tokens.append(fallback)
    all_values = torch.cat(parts_values, -1).double().numpy()
    all_tokens = torch.cat(parts_tokens, -1).numpy().astype(np.int32)
    is_kept = np.ones(all_tokens.shape, np.bool_)
    uniform = values[:, 0].isneginf().numpy()
    is_kept[:, : possible.shape[1]] = possible | uniform[:, None]
    offsets = np.where(uniform, 0.0, values[:, 0].double().numpy())
    scores = np.where(np.isneginf(all_values), PROBABILITY_ZERO, all_values - offsets[:, None])
    scores[uniform] = 0.0
    tokens_out, scores_out, counts = _sorted_distinct(all_tokens, scores, is_kept)
    for position in np.flatnonzero(allowed.is_fixed).tolist():
        first, last = allowed.offsets[position], allowed.offsets[position + 1]
        own_tokens = allowed.tokens[first:last].astype(np.int64)
        row = logits[position, torch.from_numpy(own_tokens)].double().numpy()
        check_finite(torch.from_numpy(row).amax(-1, keepdim=True))
        own_scores = np.where(np.isneginf(row), PROBABILITY_ZERO, row - offsets[position])
        if uniform[position]:
            own_scores[:] = 0.0
        keep = np.argsort(-own_scores, kind="stable")[: tokens_out.shape[1]]
        if witness[position] not in own_tokens[keep]:
            keep[-1] = np.flatnonzero(own_tokens == witness[position])[0]
        counts[position] = len(keep)
        tokens_out[position] = -1
        scores_out[position] = -np.inf
        tokens_out[position, : len(keep)] = own_tokens[keep]
        scores_out[position, : len(keep)] = own_scores[keep]
    return Lattice(tokens_out, scores_out, counts, logits, offsets)


def _sorted_distinct(
    tokens: Int32Array, scores: Float64Array, is_kept: NDArray[np.bool_]
) -> tuple[Int32Array, Float64Array, Int32Array]:
    """Each row's kept tokens once, best first, then -1; their scores; and how many there are."""
    by_token = np.argsort(tokens + (~is_kept).astype(np.int64) * (1 << 40), axis=1, kind="stable")
    tokens = np.take_along_axis(tokens, by_token, 1)
    scores = np.take_along_axis(scores, by_token, 1)
    is_kept = np.take_along_axis(is_kept, by_token, 1)
    is_kept[:, 1:] &= tokens[:, 1:] != tokens[:, :-1]
    scores = np.where(is_kept, scores, -np.inf)
    best = np.argsort(-scores, axis=1, kind="stable")
    counts = is_kept.sum(1).astype(np.int32)
    width = int(counts.max(initial=1))
    best = best[:, :width]
    tokens = np.take_along_axis(np.where(is_kept, tokens, -1), best, 1)
    return tokens.astype(np.int32), np.take_along_axis(scores, best, 1), counts
