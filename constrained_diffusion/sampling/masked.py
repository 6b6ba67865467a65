"""Masked diffusion: the sampler of LLaDA and Dream, under a constraint or free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConstrainedDiffusionError
from .independent import CanvasPosterior
from .problem import CanvasProblem, pin
from .schedule import commits_per_step, split_evenly
from .steps import Step

Order = Literal["confidence", "margin", "entropy", "random"]

_FORCED = 1e-9
"""Nats of entropy under which the posterior leaves a position no choice."""


@dataclass(frozen=True)
class MaskedSampler:
    """Predict all positions, commit the most certain ones, predict the others again.

    LLaDA's low-confidence remasking with semi-autoregressive blocks (arXiv 2502.09992, algorithms
    4 and 5). Each step takes the posterior given the committed positions, one canvas of it (the
    witness) and commits the witness's tokens where they are most certain. Positions that the
    posterior leaves no choice are committed at once and count for nothing, so structure costs no
    steps; a canvas that is decided early ends early.

    Published samplers predict each position on its own; here the witness is a joint canvas, which
    may hold a token that is not its position's most probable one. Certainty is therefore that of
    the *witness's* token. Without a constraint the two are the same at temperature 0.

    Undecided positions hold what the denoiser was trained on: the mask token, or random tokens of
    the vocabulary for a denoiser of uniform noise.

    Attributes:
        steps: the most denoising steps per canvas. Split evenly over the blocks.
        order: what is most certain: "confidence", the marginal probability of the witness's token
            (LLaDA; Dream's maskgit_plus); "margin", that probability less the largest other one
            (Dream's topk_margin); "entropy", low entropy of the marginals (Dream's entropy);
            "random".
        threshold: also commit every token whose marginal probability is above this (Fast-dLLM,
            arXiv 2505.22618; its number of steps is open, that is steps = canvas length).
        block_length: decide blocks of so many positions from left to right; None: all at once.
        remask: the share of the block's committed tokens, the least confident when they were
            committed, that is reopened after each step but the last (after ReMDM's confidence
            schedule, arXiv 2503.00307, without its rescaling).
        temperature: 0: the witness is the most probable canvas; above, a sample of the posterior
            of the logits divided by it.
    """

    steps: int = 64
    order: Order = "confidence"
    threshold: float | None = None
    block_length: int | None = None
    remask: float = 0.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        orders = ("confidence", "margin", "entropy", "random")
        threshold, block = self.threshold, self.block_length
        for holds, rule in (
            (self.steps >= 1, f"steps >= 1, got {self.steps}"),
            (self.order in orders, f"order out of {', '.join(orders)}, got {self.order!r}"),
            (threshold is None or 0 <= threshold <= 1, f"0 <= threshold <= 1, got {threshold}"),
            (block is None or block >= 1, f"block_length >= 1, got {block}"),
            (0 <= self.remask < 1, f"0 <= remask < 1, got {self.remask}"),
            (self.temperature >= 0, f"temperature >= 0, got {self.temperature}"),
        ):
            if not holds:
                raise ConstrainedDiffusionError(f"MaskedSampler needs {rule}")

    def check(self, length: int) -> None:
        """Raises ConstrainedDiffusionError where there are fewer steps than blocks."""
        blocks = len(self._blocks(length))
        if self.steps < blocks:
            raise ConstrainedDiffusionError(
                f"{blocks} blocks of {self.block_length} positions need at least as many steps, "
                f"got {self.steps}"
            )

    def fill_canvas(self, problem: CanvasProblem, generator: torch.Generator) -> Iterator[Step]:
        """Yields the steps of one row after the other; the last `draft` of each is its finished
        canvas."""
        for row in problem.split():
            yield from self._fill_row(row, generator)

    def _fill_row(self, problem: CanvasProblem, generator: torch.Generator) -> Iterator[Step]:
        """The steps of a problem of one row. Tensors are [L] here."""
        constrained = problem.rows[0].constraint is not None
        canvas = problem.noise(generator)[0]
        committed = torch.zeros(problem.length, dtype=torch.bool, device=canvas.device)
        confidence = torch.zeros(problem.length, device=canvas.device)
        self_conditioning: Tensor | None = None
        blocks = self._blocks(problem.length)

        for block, steps in zip(blocks, split_evenly(self.steps, len(blocks)), strict=True):
            inside = torch.zeros_like(committed)
            inside[block] = True
            for remaining in range(steps, 0, -1):
                if committed[inside].all():
                    break
                logits = self._logits(problem, canvas, committed, self_conditioning)
                fixed = {i: int(canvas[i]) for i in committed.nonzero().flatten().tolist()}
                batch = problem.posterior(logits[None], [fixed])
                posterior = batch.row(0)

                witness = posterior.sample(generator) if self.temperature else posterior.mode()
                witness = witness.to(canvas.device)
                entropy = posterior.entropy().to(canvas.device)
                probability, score = self._certainty(posterior, witness, entropy, generator)
                forced = (entropy < _FORCED) & constrained

                newly = self._choose(inside & ~committed & ~forced, probability, score, remaining)
                newly |= forced & ~committed
                confidence = torch.where(newly, probability, confidence)
                confidence[forced & newly] = torch.inf
                committed = committed | newly
                if self.remask and remaining > 1 and not committed[inside].all():
                    committed = committed & ~self._least_confident(committed & inside, confidence)
                canvas = torch.where(committed, witness, problem.noise(generator)[0])

                yield from problem.steps(
                    batch,
                    canvas=canvas[None],
                    committed=committed[None],
                    witness=witness[None],
                    draft=witness[None],
                    entropy=entropy[None],
                )
                self_conditioning = problem.self_conditioning(logits[None])
                # [L, V] each: not while the next ones are computed
                del batch, posterior, logits

    def _blocks(self, length: int) -> list[slice]:
        size = self.block_length or length
        return [slice(start, start + size) for start in range(0, length, size)]

    def _logits(
        self,
        problem: CanvasProblem,
        canvas: Tensor,
        committed: Tensor,
        self_conditioning: Tensor | None,
    ) -> Tensor:
        """The denoiser's logits [L, V], with no doubt left at committed positions.

        Where no constraint does so, the mask token is forbidden: a denoiser may prefer it, and
        then the canvas would never be decided.
        """
        logits = problem.denoise(canvas[None], self_conditioning)[0]
        if self.temperature:
            logits = logits / self.temperature
        if committed.any():
            logits = pin(logits, committed, canvas)
        mask_id = problem.denoiser.vocabulary.mask_id
        if problem.rows[0].constraint is None and mask_id is not None:
            mask = torch.tensor([mask_id], device=logits.device)
            logits = logits.index_fill(-1, mask, -torch.inf)
        return logits

    def _certainty(
        self,
        posterior: CanvasPosterior,
        witness: Tensor,
        entropy: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """The marginal probability of the witness's tokens [L], and the score [L] to order by."""
        marginals = posterior.marginals()
        chosen = witness.to(marginals.device)[:, None]
        probability = marginals.gather(-1, chosen)[:, 0].float().to(witness.device)
        if self.order == "confidence":
            return probability, probability
        if self.order == "entropy":
            return probability, -entropy
        if self.order == "random":
            return probability, torch.rand(
                len(witness), generator=generator, device=generator.device
            )
        best, tokens = marginals.topk(min(2, marginals.shape[-1]), dim=-1)
        other = torch.where(tokens[:, :1] == chosen, best[:, -1:], best[:, :1])[:, 0]
        return probability, probability - other.float().to(witness.device)

    def _choose(
        self, undecided: Tensor, probability: Tensor, score: Tensor, remaining: int
    ) -> Tensor:
        """The undecided positions to commit, bool [L]."""
        count = commits_per_step(int(undecided.sum()), remaining)
        ranked = torch.where(undecided, score, -torch.inf).argsort(descending=True, stable=True)
        chosen = torch.zeros_like(undecided)
        chosen[ranked[:count]] = True
        if self.threshold is not None:
            chosen |= undecided & (probability > self.threshold)
        return chosen

    def _least_confident(self, committed: Tensor, confidence: Tensor) -> Tensor:
        """The share of the `committed` positions to reopen, bool [L]; forced ones never are."""
        open_to_doubt = committed & torch.isfinite(confidence)
        count = int(self.remask * int(open_to_doubt.sum()))
        ranked = torch.where(open_to_doubt, confidence, torch.inf).argsort(stable=True)
        reopened = torch.zeros_like(committed)
        reopened[ranked[:count]] = True
        return reopened
