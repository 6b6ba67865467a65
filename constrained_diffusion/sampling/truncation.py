"""Logits without the tokens that a top-k or top-p (nucleus) rule leaves out."""

from __future__ import annotations

import torch
from torch import Tensor

_FAR_BELOW = 1e3
"""Nats under the best token at which a token's probability is 0 in float32, and still finite: a
constraint that leaves nothing else can take it."""


def truncate(logits: Tensor, *, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """Logits [.., V] in which tokens that are left out lie far below all others.

    top_p: keeps the most probable tokens until their probability exceeds it, at least one
        (arXiv 1904.09751).
    top_k: keeps that many of the most probable tokens of what is left, and those equal to the
        last of them.
    """
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(descending=True)
        before = torch.zeros_like(ordered)
        before[..., 1:] = ordered.softmax(-1).cumsum(-1)[..., :-1]
        dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before > top_p)
        logits = _without(logits, dropped)
    if top_k is not None:
        last = logits.topk(min(top_k, logits.shape[-1])).values[..., -1:]
        logits = _without(logits, logits < last)
    return logits


def _without(logits: Tensor, dropped: Tensor) -> Tensor:
    least = logits.amax(-1, keepdim=True) - _FAR_BELOW
    # What the model itself forbids (-inf) stays forbidden.
    return torch.where(dropped, torch.minimum(logits, least), logits)
