"""Without a constraint: the published samplers, token for token."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("transformers")

import published_masked_samplers as published
import tiny_masked_models as tiny
import torch
from tiny_masked_models import TinyDream, TinyLlada

import constrained_diffusion as cd


@pytest.mark.parametrize("name", tiny.PUBLISHED)
def test_tokens_are_those_of_the_published_sampler(name):
    rng = random.Random(1)
    different = set()
    for _ in range(12):
        case = tiny.Case.draw(name, rng)
        ours = case.ours()
        assert ours == case.theirs(), case
        different.add(tuple(ours))
    assert len(different) == 12


class Letters:
    """A denoiser of few tokens without a prompt, so that whole canvases can be counted."""

    vocabulary = cd.Vocabulary([b"a", b"b", b"c", None, None, None], end_ids=[3], mask_id=5)
    canvas_length, noise, batches_prompts = 2, "masked", True
    prompt = torch.tensor([[0]])

    def __init__(self, kind):
        self.model = kind(size=6, mask_id=5, hidden=8, layers=1, seed=2, sharpness=1.0)
        self.shifted = kind is TinyDream

    def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
        logits = self.model(input_ids=torch.cat([self.prompt.expand(len(canvas), 1), canvas], 1))
        return logits.logits[:, :-1] if self.shifted else logits.logits[:, 1:]

    def canvases(self, sampler, count):
        """How often each canvas is filled, [36]."""
        results = cd.generate(self, [""] * count, sampler=sampler, seed=1)
        return counted(torch.tensor([result.tokens for result in results]))


def counted(canvases: torch.Tensor) -> torch.Tensor:
    return torch.bincount(canvases[:, 0] * 6 + canvases[:, 1], minlength=36).double()


def chi_square(first: torch.Tensor, second: torch.Tensor) -> float:
    """How many standard deviations two counts of as many draws differ, by their chi-square; rare
    canvases count as one, or the approximation would not hold."""
    rare = first + second < 20
    tables = [torch.cat([table[~rare], table[rare].sum()[None]]) for table in (first, second)]
    expected = (tables[0] + tables[1]) / 2
    statistic = sum(((table - expected) ** 2 / expected.clamp(min=1)).sum() for table in tables)
    freedom = len(expected) - 1
    assert freedom > 3
    return float((statistic - freedom) / (2 * freedom) ** 0.5)


COUNT = 800


@pytest.mark.parametrize("remasking", ["low_confidence", "random"])
def test_draws_of_llada_have_the_same_distribution(remasking):
    letters = Letters(TinyLlada)
    order = "random" if remasking == "random" else "confidence"
    sampler = cd.MaskedSampler(steps=2, order=order, temperature=0.7, raw_confidence=True)
    torch.manual_seed(0)
    with torch.no_grad():
        theirs = published.llada_generate(
            letters.model,
            letters.prompt.expand(COUNT, 1),
            mask_id=5,
            steps=2,
            gen_length=2,
            block_length=2,
            temperature=0.7,
            remasking=remasking,
        )
    assert chi_square(letters.canvases(sampler, COUNT), counted(theirs)) < 4


@pytest.mark.parametrize(
    ("alg", "order", "alg_temp"), [("origin", "random", 0.0), ("entropy", "entropy", 0.5)]
)
def test_draws_of_dream_have_the_same_distribution(alg, order, alg_temp):
    letters = Letters(TinyDream)
    options = {"temperature": 0.8, "top_p": 0.95, "steps": 3}
    sampler = cd.MaskedSampler(
        schedule="linear", order=order, order_temperature=alg_temp, **options
    )
    torch.manual_seed(0)
    with torch.no_grad():
        theirs = torch.cat(
            [
                published.dream_generate(
                    letters.model,
                    letters.prompt,
                    mask_id=5,
                    max_new_tokens=2,
                    alg=alg,
                    alg_temp=alg_temp,
                    **options,
                )
                for _ in range(COUNT)
            ]
        )
    assert chi_square(letters.canvases(sampler, COUNT), counted(theirs)) < 4
