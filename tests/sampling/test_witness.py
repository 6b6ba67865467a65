"""The witness invariant, on constraints small enough to list every canvas."""

from __future__ import annotations

import itertools

import pytest
import torch
from enumerated import LETTERS, EnumeratedConstraint, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion import MaskedSampler, UniformSampler
from constrained_diffusion.models import RandomDenoiser

PATTERNS = ["(ab|ba)*c", "a*b*c*", "[abc]{2}", "(a|bc|ccc)+", "abcab"]
LENGTH = 5

masked_samplers = st.builds(
    MaskedSampler,
    steps=st.integers(3, 7),
    order=st.sampled_from(["confidence", "margin", "entropy", "random"]),
    threshold=st.none() | st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    block_length=st.none() | st.sampled_from([2, 3, 5, 9]),
    remask=st.sampled_from([0.0, 0.3, 0.9]),
    temperature=st.sampled_from([0.0, 0.7]),
    schedule=st.sampled_from(["even", "linear"]),
    top_p=st.none() | st.sampled_from([0.1, 0.9]),
    top_k=st.none() | st.sampled_from([1, 3]),
    raw_confidence=st.booleans(),
    order_temperature=st.sampled_from([0.0, 0.5]),
)
uniform_samplers = st.builds(
    UniformSampler,
    steps=st.integers(1, 7),
    entropy_bound=st.sampled_from([0.0, 0.1, 1.0, 50.0]),
    stability=st.integers(0, 2),
    confidence=st.sampled_from([0.0, 0.005, 10.0]),
)


@given(
    sampler=masked_samplers | uniform_samplers,
    noise=st.sampled_from(["uniform", "masked"]),
    pattern=st.sampled_from(PATTERNS),
    canvases=st.integers(1, 2),
    scale=st.sampled_from([1.0, 20.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=80, deadline=None)
def test_commits_are_always_part_of_a_valid_canvas(sampler, noise, pattern, canvases, scale, seed):
    constraint = EnumeratedConstraint(pattern, length=LENGTH, canvases=canvases)
    denoiser = RandomDenoiser(LETTERS, LENGTH, noise=noise, seed=seed, scale=scale)
    generator = torch.Generator().manual_seed(seed)
    done: tuple[int, ...] = ()
    for index in range(canvases):
        room = (canvases - 1 - index) * LENGTH
        task = problem(denoiser, constraint, state=done, tokens=done, room=room)
        steps = list(sampler.fill_canvas(task, generator))
        assert 1 <= len(steps) <= sampler.steps
        for step in steps:
            for canvas in (step.witness, step.draft):
                whole = (*done, *canvas.tolist())
                assert any(valid[: len(whole)] == whole for valid in constraint.all)
            assert torch.equal(step.canvas[step.committed], step.witness[step.committed])
            if noise == "masked":
                assert (step.canvas[~step.committed] == LETTERS.mask_id).all()
        done += tuple(steps[-1].draft.tolist())
    assert done in constraint.all


@given(sampler=masked_samplers, seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_masked_commits_stay_unless_reopened(sampler, seed):
    constraint = EnumeratedConstraint("(a|bc|ccc)+", length=LENGTH)
    denoiser = RandomDenoiser(LETTERS, LENGTH, noise="masked", seed=seed)
    steps = list(sampler.fill_canvas(problem(denoiser, constraint), torch.Generator()))
    assert steps[-1].committed.all()
    if sampler.remask == 0:
        for before, after in itertools.pairwise(steps):
            assert after.committed[before.committed].all()
            assert torch.equal(before.canvas[before.committed], after.canvas[before.committed])


def test_what_the_constraint_forces_costs_no_steps():
    constraint = EnumeratedConstraint("abcab", length=8)
    denoiser = RandomDenoiser(LETTERS, 8, noise="masked")
    steps = list(
        MaskedSampler(steps=8).fill_canvas(problem(denoiser, constraint), torch.Generator())
    )
    assert len(steps) == 1
    assert steps[0].text == "abcab"
    assert steps[0].entropy.max() == 0


def test_blocks_are_decided_from_left_to_right():
    denoiser = RandomDenoiser(LETTERS, 6, noise="masked")
    sampler = MaskedSampler(steps=6, block_length=2)
    steps = list(sampler.fill_canvas(problem(denoiser), torch.Generator()))
    committed = [step.committed.nonzero().flatten().tolist() for step in steps]
    assert [set(found) <= set(range(2 * (k // 2 + 1))) for k, found in enumerate(committed)] == [
        True
    ] * 6
    assert committed[1] == [0, 1] and committed[3] == [0, 1, 2, 3]


def test_threshold_commits_more_at_once():
    class Certain:
        vocabulary, canvas_length, noise = LETTERS, 6, "masked"

        def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
            logits = torch.zeros(1, 6, 6)
            logits[0, :4, 0] = 9.0
            return logits

    slow, fast = (
        list(sampler.fill_canvas(problem(Certain()), torch.Generator()))
        for sampler in (MaskedSampler(steps=6), MaskedSampler(steps=6, threshold=0.9))
    )
    assert [int(step.committed.sum()) for step in slow] == [1, 2, 3, 4, 5, 6]
    assert [int(step.committed.sum()) for step in fast] == [4, 5, 6]


@pytest.mark.parametrize("sampler", [UniformSampler(steps=3), MaskedSampler(steps=3)])
def test_mask_is_that_of_the_canvases_that_keep_earlier_commits(sampler):
    constraint = EnumeratedConstraint("(a|bc|ccc)+", length=LENGTH)
    denoiser = RandomDenoiser(LETTERS, LENGTH, noise="masked")
    kept: dict[int, int] = {}
    for step in sampler.fill_canvas(problem(denoiser, constraint), torch.Generator()):
        valid = [c for c in constraint.all if all(c[i] == t for i, t in kept.items())]
        for position, row in enumerate(step.mask()):
            assert set(row.nonzero().flatten().tolist()) == {canvas[position] for canvas in valid}
        if isinstance(sampler, MaskedSampler):
            positions = step.committed.nonzero().flatten().tolist()
            kept = {position: int(step.canvas[position]) for position in positions}


def test_margin_is_that_of_the_witness():
    """Three canvases make b the likeliest first token, and yet the mode begins with a."""

    class Prefers:
        vocabulary, canvas_length, noise = LETTERS, 2, "masked"

        def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
            logits = torch.full((1, 2, 6), -30.0)
            logits[0, 0, :2] = torch.tensor([0.4, 0.6]).log()
            logits[0, 1, :3] = torch.tensor([0.5, 0.25, 0.25]).log()
            return logits

    task = problem(Prefers(), EnumeratedConstraint("aa|bb|bc", length=2))
    step = next(MaskedSampler(steps=2, order="margin").fill_canvas(task, torch.Generator()))
    assert step.witness.tolist() == [0, 0]
    # P(first = a) = .2 / .5 = .4, and the second token is a exactly then: no margin is positive,
    # .4 - .6 at the first position and .4 - .3 at the second one.
    assert step.committed.tolist() == [False, True]
