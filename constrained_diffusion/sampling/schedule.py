"""The schedules of the published samplers: temperature, acceptance, number of commits."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_temperature(remaining: int, steps: int, temperature: tuple[float, float]) -> Tensor:
    """The temperature with `remaining` of `steps` steps to go, as a float32 scalar.

    Linear from t_max at the first step (remaining = steps) towards t_min, which is reached one
    step after the last. As DiffusionGemma's `LinearTemperatureScheduleLogitsProcessor`, in the
    same precision, so that logits divided by it are equal bit by bit.
    """
    t_min, t_max = temperature
    scalar: Tensor = t_min + (t_max - t_min) * (torch.tensor(remaining, dtype=torch.int32) / steps)
    return scalar


def within_entropy_bound(entropy: Tensor, bound: float) -> Tensor:
    """The positions to accept in one step, bool [L]: those of lowest entropy [L] (nats) whose

        sum of entropies - largest entropy <= bound.

    The left side bounds the mutual information of the accepted tokens, so they are nearly
    independent (entropy-bounded unmasking, arXiv 2505.24857). At least one is accepted.
    """
    ascending, order = torch.sort(entropy)
    selected = torch.cumsum(ascending, dim=-1) - ascending <= bound
    return torch.zeros_like(selected).scatter(-1, order, selected)


def commits_per_step(undecided: int, remaining: int) -> int:
    """How many of `undecided` positions to commit now, with `remaining` steps to go.

    As even as can be, larger shares first: LLaDA's `get_num_transfer_tokens`, written so that it
    adapts when some positions were decided early or reopened.
    """
    return -(-undecided // remaining)


def linear_share(step: int, steps: int, floor: float = 1e-3) -> Tensor:
    """The share of the undecided positions to commit in `step` (from 0) of `steps`, a float32
    scalar: 1 - s/t for times t > s of a grid from 1 to `floor`; 1 in the last step.

    The probability that a masked token is revealed between t and s under the linear schedule of
    masked diffusion (arXiv 2406.07524, equation 7), on the grid of Dream's `diffusion_generate`.
    """
    if step == steps - 1:
        return torch.tensor(1.0)
    times = torch.linspace(1, floor, steps + 1)
    return 1 - times[step + 1] / times[step]


def split_evenly(total: int, parts: int) -> list[int]:
    """`total` as a sum of `parts` whole numbers that differ by at most one, larger ones first."""
    share, rest = divmod(total, parts)
    return [share + (part < rest) for part in range(parts)]
