"""Canvases to fill, as a sampler sees them: a denoiser to call and a posterior to ask."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ..errors import ConstrainedDiffusionError, VocabularyError
from .batch import BatchPosterior, ConstrainedBatch, FreeBatch
from .steps import Step

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint
    from ..models import Denoiser


class Sampler(Protocol):
    """A way to fill one canvas of each row of a batch.

    Law (the witness): what a step commits is a subset of one canvas drawn from the step's
    posterior, and the last step's `draft` is a canvas of its posterior. So a valid completion of
    the committed part exists at all times, and the draft is valid whatever the model predicts.
    """

    def check(self, length: int) -> None:
        """Raises ConstrainedDiffusionError where a canvas of `length` cannot be sampled so."""
        ...

    def fill_canvas(self, problem: CanvasProblem, generator: torch.Generator) -> Iterator[Step]:
        """Yields the steps of all rows that have not ended; the last `draft` of each row is its
        finished canvas."""
        ...


@dataclass(eq=False)
class Row:
    """One sequence of a batch, as it stands before a canvas.

    Attributes:
        index: its place in the batch.
        prompt: the rendered prompt.
        constraint: the compiled constraint, or None.
        state: the constraint's state before the canvas.
        tokens: the tokens of the canvases before this one.
        ended: whether an end token stands in them. Such a row is still denoised with the others,
            as in published loops, but has no more steps of its own.
        steps: denoising steps taken so far, over all canvases.
    """

    index: int
    prompt: str
    constraint: CompiledConstraint | None = None
    state: int | None = None
    tokens: tuple[int, ...] = ()
    ended: bool = False
    steps: int = 0


@dataclass(eq=False)
class CanvasProblem:
    """A canvas of L positions over V tokens for each of B rows, under a constraint or free.

    Attributes:
        denoiser: what to call.
        rows: the B sequences; the same number of tokens in each.
        room: positions in the canvases after this one; 0 on the last.
        canvas_index: canvases before this one.
    """

    denoiser: Denoiser
    rows: Sequence[Row]
    room: int = 0
    canvas_index: int = 0

    @property
    def length(self) -> int:
        return self.denoiser.canvas_length

    @property
    def active(self) -> list[Row]:
        """The rows that have not ended."""
        return [row for row in self.rows if not row.ended]

    def split(self) -> list[CanvasProblem]:
        """A problem of its own for each row that has not ended."""
        return [dataclasses.replace(self, rows=[row]) for row in self.active]

    def noise(self, generator: torch.Generator) -> Tensor:
        """Canvases of noise, int64 [B, L]: random tokens of the whole vocabulary, or mask tokens;
        where a row's constraint gives a token from the start, that token."""
        vocabulary, device = self.denoiser.vocabulary, generator.device
        shape = (len(self.rows), self.length)
        if self.denoiser.noise == "masked":
            canvas = torch.full(shape, _mask_id(self.denoiser), device=device)
        else:
            canvas = torch.randint(0, len(vocabulary), shape, generator=generator, device=device)
        for noisy, row in zip(canvas, self.rows, strict=True):
            given: Mapping[int, int] = getattr(row.constraint, "given_tokens", {})
            if given:
                noisy[list(given)] = torch.tensor(list(given.values()), device=device)
        return canvas

    @functools.cached_property
    def previous(self) -> Tensor | None:
        """The finished canvases, int64 [B, K]; None where there are none."""
        tokens = torch.tensor([row.tokens for row in self.rows])
        return tokens if tokens.numel() else None

    def denoise(self, canvas: Tensor, self_conditioning: Tensor | None = None) -> Tensor:
        """The denoiser's logits [B, L, V] for canvases [B, L]: in one call where it takes several
        prompts (`batches_prompts`), else row by row.

        Raises VocabularyError where they have another shape.
        """
        count = len(self.rows)
        together = count == 1 or getattr(self.denoiser, "batches_prompts", False)
        parts = [slice(None)] if together else [slice(row, row + 1) for row in range(count)]
        logits = [self._denoise_rows(rows, canvas, self_conditioning) for rows in parts]
        return logits[0] if together else torch.cat(logits)

    def _denoise_rows(
        self, rows: slice, canvas: Tensor, self_conditioning: Tensor | None
    ) -> Tensor:
        prompts = [row.prompt for row in self.rows[rows]]
        prompt: Any = prompts[0] if len(prompts) == 1 else prompts
        with torch.no_grad():
            logits = self.denoiser.denoise(
                prompt,
                canvas[rows],
                previous=None if self.previous is None else self.previous[rows],
                self_conditioning=None if self_conditioning is None else self_conditioning[rows],
            )
        expected = (len(prompts), self.length, len(self.denoiser.vocabulary))
        if tuple(logits.shape) != expected:
            raise VocabularyError(
                f"the denoiser gave logits of shape {list(logits.shape)} for a canvas and "
                f"vocabulary of shape {list(expected)}"
            )
        return logits

    def posterior(
        self, logits: Tensor, fixed: Sequence[Mapping[int, int]] | None = None
    ) -> BatchPosterior:
        """The posterior of logits [B, L, V] given the constraints and each row's `fixed` positions.

        Where no row has a constraint, `fixed` positions must already have all their mass on their
        token (`pin`).
        """
        constraints = [row.constraint for row in self.rows]
        if all(constraint is None for constraint in constraints):
            if torch.isnan(logits).any():
                raise ConstrainedDiffusionError("the denoiser gave logits that are not a number")
            return FreeBatch(logits)
        return ConstrainedBatch(
            constraints,
            logits,
            fixed=fixed,
            states=[row.state for row in self.rows],
            last=self.room == 0,
            room=self.room,
        )

    def self_conditioning(self, logits: Tensor) -> Tensor | None:
        """What the next call of the denoiser is told of this step's prediction: its own processed
        logits [B, L, V], under a constraint too.

        Not the posterior's marginals: a denoiser was trained to trust its own predictions, and
        what the constraint makes certain now (that the text ends here) may be wrong; told as
        certain, it stays so.
        """
        default = self.denoiser.noise == "uniform"
        return logits if getattr(self.denoiser, "uses_self_conditioning", default) else None

    def steps(
        self,
        posterior: BatchPosterior,
        *,
        canvas: Tensor,
        committed: Tensor,
        witness: Tensor,
        draft: Tensor,
        entropy: Tensor,
        finished: Tensor | None = None,
    ) -> Iterator[Step]:
        """The reports of the step just taken, one for each row that has not ended and is not
        `finished` (bool [B]). Tensors are [B, L]."""
        evidence = posterior.log_evidence
        canvas, committed, witness, draft = (
            tensor.cpu() for tensor in (canvas, committed, witness, draft)
        )
        entropy = entropy.float().cpu()
        for place, row in enumerate(self.rows):
            if row.ended or (finished is not None and finished[place]):
                continue
            row.steps += 1
            yield Step(
                index=row.steps - 1,
                canvas_index=self.canvas_index,
                canvas=canvas[place],
                committed=committed[place],
                witness=witness[place],
                draft=draft[place],
                entropy=entropy[place],
                log_evidence=float(evidence[place]),
                posterior=posterior.row(place),
                vocabulary=self.denoiser.vocabulary,
                previous_tokens=row.tokens,
                row=row.index,
            )


def pin(logits: Tensor, committed: Tensor, canvas: Tensor) -> Tensor:
    """A copy of logits [.., L, V] in which each committed position of a canvas [.., L] has all its
    mass on its token."""
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
