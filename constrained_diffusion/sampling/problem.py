"""One canvas to fill, as a sampler sees it: a denoiser to call and a posterior to ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from ..errors import ConstrainedDiffusionError, VocabularyError
from .independent import CanvasPosterior, IndependentPosterior
from .steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..constraints import CompiledConstraint
    from ..models import Denoiser


class Sampler(Protocol):
    """A way to fill one canvas.

    Law (the witness): what a step commits is a subset of one canvas drawn from the step's
    posterior, and the last step's `draft` is a canvas of its posterior. So a valid completion of
    the committed part exists at all times, and the draft is valid whatever the model predicts.
    """

    def check(self, length: int) -> None:
        """Raises ConstrainedDiffusionError where a canvas of `length` cannot be sampled so."""
        ...

    def fill_canvas(self, problem: CanvasProblem, generator: torch.Generator) -> Iterator[Step]:
        """Yields the steps; the last one's `draft` is the finished canvas."""
        ...


@dataclass(eq=False)
class CanvasProblem:
    """A canvas of L positions over V tokens, under a constraint or free.

    Attributes:
        denoiser, prompt: what to call, and the rendered prompt.
        constraint: the compiled constraint, or None.
        state: the constraint's state before this canvas.
        room: positions in the canvases after this one; 0 on the last.
        canvas_index, first_step: what came before, for numbering.
        previous_tokens: the tokens of the canvases before this one.
        unconditioned: the posterior of the first step, which no draft has influenced yet.
        steps: steps taken so far.
    """

    denoiser: Denoiser
    prompt: str
    constraint: CompiledConstraint | None = None
    state: int | None = None
    room: int = 0
    canvas_index: int = 0
    first_step: int = 0
    previous_tokens: tuple[int, ...] = ()
    unconditioned: CanvasPosterior | None = None
    steps: int = field(default=0, init=False)

    @property
    def length(self) -> int:
        return self.denoiser.canvas_length

    def noise(self, generator: torch.Generator) -> Tensor:
        """A canvas of noise, int64 [L]: random tokens of the whole vocabulary, or mask tokens;
        where the constraint gives a token from the start, that token."""
        vocabulary = self.denoiser.vocabulary
        if self.denoiser.noise == "masked":
            canvas = torch.full((self.length,), _mask_id(self.denoiser), device=generator.device)
        else:
            canvas = torch.randint(
                0, len(vocabulary), (self.length,), generator=generator, device=generator.device
            )
        given: Mapping[int, int] = getattr(self.constraint, "given_tokens", {})
        if given:
            canvas[list(given)] = torch.tensor(list(given.values()), device=canvas.device)
        return canvas

    def denoise(self, canvas: Tensor, self_conditioning: Tensor | None = None) -> Tensor:
        """The denoiser's logits [L, V] for `canvas` [L].

        Raises VocabularyError where they have another shape.
        """
        previous = torch.tensor([self.previous_tokens]) if self.previous_tokens else None
        with torch.no_grad():
            logits = self.denoiser.denoise(
                self.prompt,
                canvas[None],
                previous=previous,
                self_conditioning=None if self_conditioning is None else self_conditioning[None],
            )
        expected = (1, self.length, len(self.denoiser.vocabulary))
        if tuple(logits.shape) != expected:
            raise VocabularyError(
                f"the denoiser gave logits of shape {list(logits.shape)} for a canvas and "
                f"vocabulary of shape {list(expected)}"
            )
        return logits[0]

    def posterior(self, logits: Tensor, fixed: dict[int, int] | None = None) -> CanvasPosterior:
        """The posterior of logits [L, V] given the constraint and the `fixed` positions.

        Without a constraint, `fixed` positions must already have all their mass on their token
        (`pin`).
        """
        posterior: CanvasPosterior
        if self.constraint is None:
            if torch.isnan(logits).any():
                raise ConstrainedDiffusionError("the denoiser gave logits that are not a number")
            posterior = IndependentPosterior(logits)
        else:
            posterior = self.constraint.posterior(
                logits, fixed=fixed or None, state=self.state, last=self.room == 0, room=self.room
            )
        # Later predictions have seen the canvas that earlier ones led to, and agree with it.
        if not fixed and self.unconditioned is None:
            self.unconditioned = posterior
        return posterior

    def self_conditioning(self, logits: Tensor) -> Tensor | None:
        """What the next call of the denoiser is told of this step's prediction: its own processed
        logits [L, V], under a constraint too.

        Not the posterior's marginals: a denoiser was trained to trust its own predictions, and
        what the constraint makes certain now (that the text ends here) may be wrong; told as
        certain, it stays so.
        """
        default = self.denoiser.noise == "uniform"
        return logits if getattr(self.denoiser, "uses_self_conditioning", default) else None

    def step(
        self,
        posterior: CanvasPosterior,
        *,
        canvas: Tensor,
        committed: Tensor,
        witness: Tensor,
        draft: Tensor,
        entropy: Tensor,
    ) -> Step:
        """The report of the step just taken."""
        self.steps += 1
        return Step(
            index=self.first_step + self.steps - 1,
            canvas_index=self.canvas_index,
            canvas=canvas.cpu(),
            committed=committed.cpu(),
            witness=witness.cpu(),
            draft=draft.cpu(),
            entropy=entropy.float().cpu(),
            log_evidence=float(posterior.log_evidence),
            posterior=posterior,
            vocabulary=self.denoiser.vocabulary,
            previous_tokens=self.previous_tokens,
        )


def pin(logits: Tensor, committed: Tensor, canvas: Tensor) -> Tensor:
    """A copy of logits [L, V] in which each committed position has all its mass on its token."""
    where = committed.to(logits.device)
    pinned = logits.clone()
    pinned[where] = -torch.inf
    pinned[where, canvas.to(logits.device)[where]] = 0.0
    return pinned


def _mask_id(denoiser: Denoiser) -> int:
    mask_id = denoiser.vocabulary.mask_id
    if mask_id is None:
        raise VocabularyError("a denoiser of masked noise needs a vocabulary with a mask_id")
    return mask_id
