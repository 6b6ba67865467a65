"""A constraint small enough to list: the posterior by enumeration of all canvases."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from constrained_diffusion import UnsatisfiableError, Vocabulary
from constrained_diffusion.sampling import CanvasProblem, Row

LETTERS = Vocabulary([b"a", b"b", b"c", None, None, None], end_ids=[3], pad_id=4, mask_id=5)
A, B, C, END, PAD, MASK = range(6)


def canvases_of(pattern: str, positions: int) -> list[tuple[int, ...]]:
    """All fillings of so many positions whose text matches, over the letters a, b and c."""
    found = []
    for size in range(positions + 1):
        for letters in itertools.product(range(3), repeat=size):
            if re.fullmatch(pattern, "".join("abc"[letter] for letter in letters)):
                rest = positions - size
                found.append(letters + ((END,) + (PAD,) * (rest - 1) if rest else ()))
    return found


@dataclass(frozen=True)
class EnumeratedPosterior:
    """The posterior of log-probabilities [L, V] over a list of canvases [N, L]."""

    canvases: Tensor
    log_probs: Tensor

    @property
    def weights(self) -> Tensor:
        positions = torch.arange(self.canvases.shape[1])
        return self.log_probs[positions, self.canvases].sum(-1)

    @property
    def log_evidence(self) -> Tensor:
        return self.weights.logsumexp(0)

    def mask(self) -> Tensor:
        mask = torch.zeros(self.log_probs.shape, dtype=torch.bool)
        mask[torch.arange(self.canvases.shape[1]).expand_as(self.canvases), self.canvases] = True
        return mask

    def marginals(self) -> Tensor:
        shares = self.weights.softmax(0)
        marginals = torch.zeros_like(self.log_probs)
        for position in range(len(marginals)):
            marginals[position].scatter_add_(0, self.canvases[:, position], shares)
        return marginals

    def entropy(self) -> Tensor:
        return torch.special.entr(self.marginals()).sum(-1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        return self.canvases[torch.multinomial(self.weights.softmax(0), 1, generator=generator)[0]]

    def mode(self) -> Tensor:
        return self.canvases[self.weights.argmax()]


class EnumeratedConstraint:
    """In the interface of `CompiledConstraint`; a state is the tuple of the tokens so far."""

    def __init__(self, pattern: str, *, length: int, canvases: int = 1) -> None:
        self.pattern = pattern
        self.vocabulary = LETTERS
        self.length, self.canvases = length, canvases
        self.all = canvases_of(pattern, length * canvases)
        self.initial_state: tuple[int, ...] = ()

    def posterior(
        self,
        log_probs: Tensor,
        *,
        fixed: Mapping[int, int] | None = None,
        state: Sequence[int] | None = None,
        last: bool = True,
        room: int | None = None,
    ) -> EnumeratedPosterior:
        start = len(state or ())
        windows = {
            canvas[start : start + self.length]
            for canvas in self.all
            if canvas[:start] == tuple(state or ())
        }
        agreeing = [
            window
            for window in sorted(windows)
            if all(window[position] == token for position, token in (fixed or {}).items())
        ]
        if not agreeing:
            raise UnsatisfiableError("no canvas agrees")
        normalised = log_probs.double().log_softmax(-1).clamp_min(-1e4)
        return EnumeratedPosterior(torch.tensor(agreeing), normalised)

    def advance(self, tokens: Sequence[int], state: Sequence[int] | None = None) -> tuple[int, ...]:
        return (*(state or ()), *tokens)


def problem(denoiser, constraint=None, *, state=None, tokens=(), room=0) -> CanvasProblem:
    """The problem of one canvas for any denoiser."""
    row = Row(0, "prompt", constraint, state, tokens)
    return CanvasProblem(denoiser, [row], room=room)
