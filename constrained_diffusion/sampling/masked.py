"""Masked diffusion: the sampler of LLaDA and Dream, under a constraint or free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import ConstrainedDiffusionError
from .batch import BatchPosterior
from .independent import CanvasPosterior, IndependentPosterior
from .problem import CanvasProblem, pin
from .schedule import commits_per_step, linear_share, split_evenly
from .steps import Step
from .truncation import truncate

Order = Literal["confidence", "margin", "entropy", "random"]
Schedule = Literal["even", "linear"]

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
    the *witness's* token under a constraint.

    Without a constraint these settings are the published samplers:

    - LLaDA's `generate`: `steps`, `block_length`, `temperature`, order "confidence" or "random"
      (remasking), `raw_confidence=True`;
    - Fast-dLLM's: the same with `threshold` and `steps` = canvas length;
    - Dream's `diffusion_generate`: `schedule="linear"`, order "confidence" (alg "maskgit_plus"),
      "margin" ("topk_margin"), "entropy" or "random" ("origin"), `temperature`, `top_p`, `top_k`
      and `order_temperature` ("alg_temp").

    Undecided positions hold what the denoiser was trained on: the mask token, or random tokens of
    the vocabulary for a denoiser of uniform noise.

    Attributes:
        steps: the most denoising steps per canvas. Split evenly over the blocks.
        order: what is most certain: "confidence", the marginal probability of the witness's token
            (LLaDA; Dream's maskgit_plus); "margin", that probability less the largest other one
            (Dream's topk_margin); "entropy", low entropy of the marginals (Dream's entropy);
            "random": none; with the linear schedule each position is committed or not on its own,
            so that their number is random too (Dream's origin).
        schedule: how many undecided positions a step commits. "even": as many in each step
            (LLaDA); "linear": the expected number under the linear noise schedule, rounded down,
            and all of them in the last step (Dream).
        threshold: also commit every token whose marginal probability is at least this (Fast-dLLM,
            arXiv 2505.22618; its number of steps is open, that is steps = canvas length).
        block_length: decide blocks of so many positions from left to right; None: all at once.
        remask: the share of the block's committed tokens, the least confident when they were
            committed, that is reopened after each step but the last (after ReMDM's confidence
            schedule, arXiv 2503.00307, without its rescaling).
        temperature: 0: the witness is the most probable canvas; above, a sample of the posterior
            of the logits divided by it.
        top_p, top_k: sample only from the most probable tokens that together have this probability,
            or from so many; others stay possible where a constraint leaves nothing else.
        raw_confidence: whether marginals are those of the logits before temperature, `top_p` and
            `top_k` (LLaDA), or after (Dream). Under a constraint and with a temperature the former
            takes a second posterior per step.
        order_temperature: 0: commit the most certain positions; above, positions drawn with
            probabilities proportional to exp(certainty / order_temperature).
    """

    steps: int = 64
    order: Order = "confidence"
    threshold: float | None = None
    block_length: int | None = None
    remask: float = 0.0
    temperature: float = 0.0
    schedule: Schedule = "even"
    top_p: float | None = None
    top_k: int | None = None
    raw_confidence: bool = False
    order_temperature: float = 0.0

    def __post_init__(self) -> None:
        orders = ("confidence", "margin", "entropy", "random")
        threshold, block = self.threshold, self.block_length
        top_p, top_k = self.top_p, self.top_k
        for holds, rule in (
            (self.steps >= 1, f"steps >= 1, got {self.steps}"),
            (self.order in orders, f"order out of {', '.join(orders)}, got {self.order!r}"),
            (threshold is None or 0 <= threshold <= 1, f"0 <= threshold <= 1, got {threshold}"),
            (block is None or block >= 1, f"block_length >= 1, got {block}"),
            (0 <= self.remask < 1, f"0 <= remask < 1, got {self.remask}"),
            (self.temperature >= 0, f"temperature >= 0, got {self.temperature}"),
            (
                self.schedule in ("even", "linear"),
                f'schedule "even" or "linear", got {self.schedule!r}',
            ),
            (top_p is None or 0 < top_p <= 1, f"0 < top_p <= 1, got {top_p}"),
            (top_k is None or top_k >= 1, f"top_k >= 1, got {top_k}"),
            (
                self.order_temperature >= 0,
                f"order_temperature >= 0, got {self.order_temperature}",
            ),
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
                raw = self._logits(problem, canvas, committed, self_conditioning)
                logits = self._processed(raw)
                batch = self._posterior(problem, logits, canvas, committed)
                posterior = batch.row(0)

                witness = self._witness(posterior, canvas, committed, generator)
                entropy = posterior.entropy().to(canvas.device)
                judge = posterior
                if self.raw_confidence and logits is not raw:
                    judge = self._posterior(problem, raw, canvas, committed).row(0)
                forced = self._forced(posterior, entropy) & constrained

                undecided = inside & ~committed & ~forced
                probability, score = self._certainty(judge, witness, undecided, generator)
                newly = self._choose(
                    undecided, probability, score, steps - remaining, steps, generator
                )
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
                del batch, posterior, judge, raw, logits

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
        if committed.any():
            logits = pin(logits, committed, canvas)
        mask_id = problem.denoiser.vocabulary.mask_id
        if problem.rows[0].constraint is None and mask_id is not None:
            mask = torch.tensor([mask_id], device=logits.device)
            logits = logits.index_fill(-1, mask, -torch.inf)
        return logits

    def _processed(self, logits: Tensor) -> Tensor:
        """The logits [L, V] that the witness is drawn from."""
        if self.temperature:
            logits = logits / self.temperature
        return truncate(logits, top_k=self.top_k, top_p=self.top_p)

    def _posterior(
        self, problem: CanvasProblem, logits: Tensor, canvas: Tensor, committed: Tensor
    ) -> BatchPosterior:
        fixed = {i: int(canvas[i]) for i in committed.nonzero().flatten().tolist()}
        return problem.posterior(logits[None], [fixed])

    def _witness(
        self,
        posterior: CanvasPosterior,
        canvas: Tensor,
        committed: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """The canvas [L] that this step commits a part of."""
        if not self.temperature:
            return posterior.mode().to(canvas.device)
        if not isinstance(posterior, IndependentPosterior):
            return posterior.sample(generator).to(canvas.device)
        # Published loops draw undecided positions only: the same seed gives the same tokens.
        witness, undecided = canvas.clone(), ~committed
        drawn = IndependentPosterior(posterior.logits[undecided.to(posterior.logits.device)])
        witness[undecided] = drawn.sample(generator).to(canvas.device)
        return witness

    def _forced(self, posterior: CanvasPosterior, entropy: Tensor) -> Tensor:
        """The positions without a choice, bool [L]."""
        if self.top_p is None and self.top_k is None:
            return entropy < _FORCED
        # Entropy 0 may be the work of the truncation.
        return (posterior.mask().sum(-1) == 1).to(entropy.device)

    def _certainty(
        self,
        posterior: CanvasPosterior,
        witness: Tensor,
        undecided: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """The marginal probability of the witness's tokens [L], and the score [L] to order by:
        higher is committed earlier."""
        marginals = posterior.marginals()
        chosen = witness.to(marginals.device)[:, None]
        probability = marginals.gather(-1, chosen)[:, 0].float().to(witness.device)
        if self.order == "confidence":
            return probability, probability
        if self.order == "entropy":
            return probability, -posterior.entropy().to(witness.device)
        if self.order == "random":
            count = int(undecided.sum())
            drawn = torch.rand(count, generator=generator, device=generator.device)
            score = torch.zeros(len(witness), device=witness.device)
            score[undecided] = drawn.to(witness.device)
            return probability, score
        best, tokens = marginals.topk(min(2, marginals.shape[-1]), dim=-1)
        if isinstance(posterior, IndependentPosterior):
            # Whatever was drawn: as Dream does.
            return probability, (best[:, 0] - best[:, -1]).float().to(witness.device)
        other = torch.where(tokens[:, :1] == chosen, best[:, -1:], best[:, :1])[:, 0]
        return probability, probability - other.float().to(witness.device)

    def _choose(
        self,
        undecided: Tensor,
        probability: Tensor,
        score: Tensor,
        step: int,
        steps: int,
        generator: torch.Generator,
    ) -> Tensor:
        """The undecided positions to commit in `step` of `steps`, bool [L]."""
        open_positions = int(undecided.sum())
        chosen = torch.zeros_like(undecided)
        if self.schedule == "even":
            count = commits_per_step(open_positions, steps - step)
        else:
            count = int(open_positions * linear_share(step, steps))
        if self.order == "random" and self.schedule == "linear":
            chosen = undecided & (score < linear_share(step, steps).to(score.device))
        elif self.order_temperature and 0 < count < open_positions:
            weights = torch.where(undecided, score / self.order_temperature, -torch.inf).softmax(-1)
            chosen[_draw(weights, count, generator)] = True
        else:
            ranked = torch.where(undecided, score, -torch.inf).argsort(descending=True, stable=True)
            chosen[ranked[:count]] = True
        if self.threshold is not None:
            chosen |= undecided & (probability >= self.threshold)
        return chosen

    def _least_confident(self, committed: Tensor, confidence: Tensor) -> Tensor:
        """The share of the `committed` positions to reopen, bool [L]; forced ones never are."""
        open_to_doubt = committed & torch.isfinite(confidence)
        count = int(self.remask * int(open_to_doubt.sum()))
        ranked = torch.where(open_to_doubt, confidence, torch.inf).argsort(stable=True)
        reopened = torch.zeros_like(committed)
        reopened[ranked[:count]] = True
        return reopened


def _draw(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` different positions, int64, drawn one after the other in proportion to `weights`
    [L]; fewer where not so many have any weight."""
    count = min(count, int((weights > 0).sum()))
    drawn = torch.multinomial(weights.to(generator.device), count, generator=generator)
    return drawn.to(weights.device)
