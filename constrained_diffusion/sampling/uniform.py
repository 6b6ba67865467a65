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
    for the noise), so the same seed and logits give the same tokens. Under a constraint the loop
    is the same with the exact posterior in place of the model's independent predictions:

    - the denoiser's canvas is one joint sample of the posterior, not one sample per position, so
      what is accepted is always part of a valid canvas. (Another draw than `multinomial`.)
    - entropies are those of the exact marginals: positions that the constraint forces have
      entropy 0 and are accepted at no cost.
    - the argmax canvas, which is tested for stability and returned, is the posterior's mode.

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
        """Yields the steps; the last one's `draft` is the finished canvas."""
        canvas = problem.noise(generator)
        self_conditioning: Tensor | None = None
        modes: deque[Tensor] = deque(maxlen=self.stability)

        for remaining in range(self.steps, 0, -1):
            logits = problem.denoise(canvas, self_conditioning)
            logits = logits / linear_temperature(remaining, self.steps, self.temperature)
            posterior = problem.posterior(logits)

            witness = posterior.sample(generator).to(canvas.device)
            mode = posterior.mode()
            entropy = posterior.entropy()
            accepted = within_entropy_bound(entropy, self.entropy_bound).to(canvas.device)
            canvas = torch.where(accepted, witness, problem.noise(generator))

            yield problem.step(
                posterior,
                canvas=canvas,
                committed=accepted,
                witness=witness,
                draft=mode,
                entropy=entropy,
            )
            stable = len(modes) == self.stability and all(torch.equal(mode, m) for m in modes)
            if stable and entropy.mean() < self.confidence:
                return
            modes.append(mode)
            self_conditioning = problem.self_conditioning(logits)
            del posterior, logits  # [L, V] each: not while the next ones are computed
