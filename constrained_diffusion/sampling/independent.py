"""What stands in for the posterior where there is no constraint: the positions on their own."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class CanvasPosterior(Protocol):
    """The part of `Posterior` that samplers use, for one canvas [L] over V tokens."""

    @property
    def log_evidence(self) -> Tensor | float: ...
    def mask(self) -> Tensor: ...
    def marginals(self) -> Tensor: ...
    def entropy(self) -> Tensor: ...
    def sample(self, generator: torch.Generator | None = None) -> Tensor: ...
    def mode(self) -> Tensor: ...


class IndependentPosterior:
    """The model's own factorised prediction, in the interface of `Posterior`.

    Computes what DiffusionGemma's published loop computes, by the same operations in the same
    precision, and draws the same random numbers: see `UniformSampler`.
    """

    log_evidence = 0.0

    def __init__(self, logits: Tensor) -> None:
        """logits: [L, V] or [B, L, V], any float dtype; the results' shapes follow it."""
        self.logits = logits

    def mask(self) -> Tensor:
        """bool [.., L, V]: everything may stand everywhere."""
        return torch.ones_like(self.logits, dtype=torch.bool)

    def marginals(self) -> Tensor:
        """float32 [.., L, V]."""
        return torch.softmax(self.logits, dim=-1, dtype=torch.float32)

    def entropy(self) -> Tensor:
        """[.., L], nats, in the dtype of the logits."""
        distribution = torch.distributions.Categorical(logits=self.logits, validate_args=False)
        entropy: Tensor = distribution.entropy()  # type: ignore[no-untyped-call]
        return entropy

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """int64 [.., L], each position on its own; one draw over all rows."""
        marginals = self.marginals().flatten(end_dim=-2)
        if generator is not None:
            marginals = marginals.to(generator.device)
        tokens = torch.multinomial(marginals, num_samples=1, generator=generator)
        return tokens.view(self.logits.shape[:-1])

    def mode(self) -> Tensor:
        """int64 [.., L]."""
        return self.logits.argmax(dim=-1)
