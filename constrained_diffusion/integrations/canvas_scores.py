"""What a loop that draws each position by itself is told, so that it makes valid canvases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..errors import VocabularyError
from ..sampling.schedule import linear_temperature

if TYPE_CHECKING:
    from torch import Tensor

    from ..constraints import CompiledConstraint
    from ..sampling import UniformSampler
    from ..vocabulary import Vocabulary


def coherent_scores(
    row: CompiledConstraint,
    scores: Tensor,
    *,
    remaining: int,
    sampler: UniformSampler,
    state: int | None,
    room: int,
) -> Tensor:
    """Scores [L, V] of which the argmax is the mode of the posterior, one valid canvas.

    The loop divides them by the temperature, accepts the positions of lowest entropy with a draw
    of their own each, tests the mean entropy, and tells them the model as self-conditioning.

    - Positions that are certain, those of lowest entropy of the exact marginals whose sum is
      within the entropy bound, have all mass on the mode's token: what is accepted of them is part
      of one valid canvas, and what the constraint forces costs no entropy.
    - The others keep the model's own scores, which is what it was trained to be told, with the
      mode's token lifted just above the rest where it is not the greatest.
    - Where the mean entropy of the marginals is so low that the loop may stop, all positions are
      certain.

    row: the constraint; state: its state before the canvas; room: positions of the canvases after
    this one, 0 on the last. scores: [L, V], before the temperature. remaining: steps, this one
    included. The result has the dtype and device of `scores`.
    """
    temperature = linear_temperature(remaining, sampler.steps, sampler.temperature)
    posterior = row.posterior(
        scores / temperature.to(scores.device), state=state, last=room == 0, room=room
    )
    mode = posterior.mode()
    entropy = posterior.entropy()
    if entropy.mean() < sampler.confidence:
        certain = torch.ones_like(mode, dtype=torch.bool)
    else:
        certain = _certain(entropy, sampler.entropy_bound)
    told = _lifted(scores, mode)
    told[certain] = -torch.inf
    told[certain, mode[certain]] = 0.0
    return told


def ending_scores(vocabulary: Vocabulary, like: Tensor, *, ended: bool) -> Tensor:
    """Scores [L, V] of nothing but padding, after an end token if none has been yet."""
    if not vocabulary.end_ids:
        raise VocabularyError(
            "the text is complete, but without an end token in the vocabulary the canvases after "
            "it cannot be filled; give end_ids"
        )
    told = torch.full_like(like, -torch.inf)
    told[:, vocabulary.padding_ids[0]] = 0.0
    if not ended:
        told[0] = -torch.inf
        told[0, vocabulary.end_ids[0]] = 0.0
    return told


def _certain(entropy: Tensor, bound: float) -> Tensor:
    """bool [L]: positions of lowest entropy [L] whose sum is within the bound.

    One position more is always accepted by the loop: the draw at this one stays the model's.
    """
    ascending, order = torch.sort(entropy)
    within = torch.cumsum(ascending, dim=-1) <= bound
    return torch.zeros_like(within).scatter(-1, order, within)


def _lifted(scores: Tensor, tokens: Tensor) -> Tensor:
    """A copy of scores [L, V] in which each position's token [L] is greater than all others.

    By as little as survives rounding when the scores are divided by a temperature.
    """
    positions = torch.arange(len(tokens), device=scores.device)
    lifted = scores.clone()
    lifted[positions, tokens] = -torch.inf
    greatest = lifted.amax(dim=-1)
    margin = 2 * torch.finfo(scores.dtype).eps * greatest.abs().clamp(min=1)
    above = torch.where(greatest.isinf(), torch.zeros_like(greatest), greatest + margin)
    lifted[positions, tokens] = torch.maximum(scores[positions, tokens], above)
    return lifted
