from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constrained_diffusion import ConstrainedDiffusionError, MaskedSampler, UniformSampler
from constrained_diffusion.sampling.schedule import (
    commits_per_step,
    linear_share,
    linear_temperature,
    split_evenly,
    within_entropy_bound,
)


def test_temperature_falls_linearly_from_t_max():
    found = [float(linear_temperature(n, 4, (0.4, 0.8))) for n in (4, 3, 2, 1)]
    assert found == pytest.approx([0.8, 0.7, 0.6, 0.5])


@given(
    st.lists(st.sampled_from([0.0, 0.01, 0.09, 0.5, 2.0]), min_size=1, max_size=7),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_accepted_positions_are_the_largest_set_of_lowest_entropies_within_the_bound(
    entropies, bound
):
    accepted = within_entropy_bound(torch.tensor(entropies, dtype=torch.float64), bound)
    taken = sorted(e for e, a in zip(entropies, accepted.tolist(), strict=True) if a)
    assert taken == sorted(entropies)[: len(taken)]
    assert taken and sum(taken[:-1]) <= bound + 1e-9
    if len(taken) < len(entropies):
        assert sum(taken) > bound - 1e-9


@given(st.integers(0, 50), st.integers(1, 20))
def test_commits_are_the_even_split(total, steps):
    counts, left = [], total
    for remaining in range(steps, 0, -1):
        counts.append(commits_per_step(left, remaining))
        left -= counts[-1]
    assert left == 0
    assert counts == split_evenly(total, steps)
    assert all(a >= b for a, b in itertools.pairwise(counts))
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (UniformSampler, {"steps": 0}),
        (UniformSampler, {"entropy_bound": -1.0}),
        (UniformSampler, {"temperature": (0.9, 0.4)}),
        (UniformSampler, {"temperature": (0.0, 0.0)}),
        (UniformSampler, {"stability": -1}),
        (UniformSampler, {"confidence": float("nan")}),
        (MaskedSampler, {"steps": 0}),
        (MaskedSampler, {"order": "best"}),
        (MaskedSampler, {"threshold": 1.5}),
        (MaskedSampler, {"block_length": 0}),
        (MaskedSampler, {"remask": 1.0}),
        (MaskedSampler, {"temperature": -0.1}),
        (MaskedSampler, {"schedule": "cosine"}),
        (MaskedSampler, {"top_p": 0.0}),
        (MaskedSampler, {"top_k": 0}),
        (MaskedSampler, {"order_temperature": -0.1}),
    ],
)
def test_wrong_arguments_are_refused(kind, arguments):
    with pytest.raises(ConstrainedDiffusionError, match=next(iter(arguments))):
        kind(**arguments)


@pytest.mark.parametrize("steps", [1, 2, 7, 64])
def test_linear_shares_leave_the_masked_part_of_the_linear_schedule(steps):
    masked = 1.0
    for step in range(steps - 1):
        masked *= 1 - float(linear_share(step, steps))
        assert masked == pytest.approx(1 - (1 - 1e-3) * (step + 1) / steps, abs=1e-5)
    assert linear_share(steps - 1, steps) == 1


def test_fewer_steps_than_blocks_are_refused():
    with pytest.raises(ConstrainedDiffusionError, match="4 blocks"):
        MaskedSampler(steps=3, block_length=4).check(16)
