"""Uniform-state diffusion: the sampler of DiffusionGemma, under a constraint or free."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConstrainedDiffusionError
from .problem import CanvasProblem
from .schedule import linear_temperature, within_entropy_bound
from .steps import Step


@dataclass(frozen=True)
class UniformSampler:
    """Denoise, accept the certain positions, re-noise the others from the whole vocabulary.

    Follows `models/diffusion_gemma/generation_diffusion_gemma.py` of transformers 5.24
    (`EntropyBoundSampler`, `LinearTemperatureScheduleLogitsProcessor`,
    `StableAndConfidentStoppingCriteria`), whose acceptance rule is that of arXiv 2505.24857.

    Without a constraint it makes the same random draws of the same shapes in the same order
    (`randint` for the first canvas; per step `multinomial` for the denoiser's canvas, `randint`
    for the noise, each once for all rows of a batch), so the same seed and logits give the same
    tokens. Under a constraint the loop is the same with the exact posterior in place of the
    model's independent predictions:

    - the denoiser's canvas is one joint sample of the posterior, not one sample per position, so
      what is accepted is always part of a valid canvas. (Another draw than `multinomial`.)
    - entropies are those of the exact marginals: positions that the constraint forces have
      entropy 0 and are accepted at no cost.
    - the argmax canvas, which is tested for stability and returned, is the posterior's mode.

    A row of a batch that has met the stopping rule keeps its canvas while the others go on.

    What the model was trained on stays as it is: the noise is drawn from the whole vocabulary, and
    self-conditioning is the model's own processed logits, not the posterior.

    Attributes:
        steps: the most denoising steps per canvas.
        entropy_bound: nats; see `within_entropy_bound`.
        temperature: (t_min, t_max), linear from t_max at the first step towards t_min.
        stability: for how many further steps the mode must have stayed the same, to stop early.
        confidence: nats; the mean entropy must be below it, to stop early.
    """

    steps: int = 48
    entropy_bound: float = 0.1
    temperature: tuple[float, float] = (0.4, 0.8)
    stability: int = 1
    confidence: float = 0.005

    def __post_init__(self) -> None:
        t_min, t_max = self.temperature
        for holds, rule in (
            (self.steps >= 1, f"steps >= 1, got {self.steps}"),
            (self.entropy_bound >= 0, f"entropy_bound >= 0, got {self.entropy_bound}"),
            (
                0 <= t_min <= t_max > 0,
                f"temperature 0 <= t_min <= t_max > 0, got {self.temperature}",
            ),
            (self.stability >= 0, f"stability >= 0, got {self.stability}"),
            (self.confidence >= 0, f"confidence >= 0, got {self.confidence}"),
        ):
            if not holds:
                raise ConstrainedDiffusionError(f"UniformSampler needs {rule}")

    def check(self, length: int) -> None:
        """Any canvas can be sampled."""

    def fill_canvas(self, problem: CanvasProblem, generator: torch.Generator) -> Iterator[Step]:
        """Yields the steps of all rows; the last `draft` of each is its finished canvas."""
        canvas = draft = problem.noise(generator)
        finished = torch.zeros(len(problem.rows), dtype=torch.bool, device=canvas.device)
        self_conditioning: Tensor | None = None
        modes: deque[Tensor] = deque(maxlen=self.stability)

        for remaining in range(self.steps, 0, -1):
            logits = problem.denoise(canvas, self_conditioning)
            logits = logits / linear_temperature(remaining, self.steps, self.temperature)
            posterior = problem.posterior(logits)

            witness = posterior.sample(generator).to(canvas.device)
            mode = posterior.mode().to(canvas.device)
            entropy = posterior.entropy().to(canvas.device)
            accepted = within_entropy_bound(entropy, self.entropy_bound)
            next_canvas = torch.where(accepted, witness, problem.noise(generator))
            told = problem.self_conditioning(logits)
            if finished.any():
                # What has finished stays as it was, for itself and for what the model is told.
                kept = finished[:, None]
                mode = torch.where(kept, draft, mode)
                next_canvas = torch.where(kept, canvas, next_canvas)
                if told is not None and self_conditioning is not None:
                    told = torch.where(kept[..., None].to(told.device), self_conditioning, told)
            canvas, draft, self_conditioning = next_canvas, mode, told

            yield from problem.steps(
                posterior,
                canvas=canvas,
                committed=accepted,
                witness=witness,
                draft=draft,
                entropy=entropy,
                finished=finished,
            )
            del posterior, logits, told  # [B, L, V] each: not while the next ones are computed
            if len(modes) == self.stability:
                settled = entropy.mean(-1) < self.confidence
                for mode in modes:
                    settled &= (mode == draft).all(-1)
                finished = finished | settled
            if finished.all():
                return
            modes.append(draft)
