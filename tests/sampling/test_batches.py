"""Batches: several prompts, each with its own constraint, denoised together."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import jsonschema
import pytest
import torch
from enumerated import LETTERS

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser

TOKENS = [*(bytes([byte]) for byte in range(256)), None, None, None]
END, PAD, MASK = 256, 257, 258
VOCABULARY = cd.Vocabulary(TOKENS, end_ids=[END], pad_id=PAD, mask_id=MASK)
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "k": {"enum": ["a", "b"]}},
    "required": ["ok", "k"],
    "additionalProperties": False,
}
JSON = cd.JsonSchema(SCHEMA)
SHORT, LONG = cd.Regex("[a-c]{2}"), cd.Regex("[x-z]{40}")
SAMPLERS = [
    cd.UniformSampler(steps=3),
    cd.UniformSampler(steps=5, entropy_bound=20.0, stability=0),
    cd.MaskedSampler(steps=3),
    cd.MaskedSampler(steps=4, order="entropy", block_length=16, temperature=0.5),
]


class Together(RandomDenoiser):
    """Takes several prompts, and remembers what it was asked."""

    batches_prompts = True

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.calls = []

    def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
        self.calls.append((prompt, tuple(canvas.shape), previous))
        prompts = [prompt] * len(canvas) if isinstance(prompt, str) else prompt
        return torch.cat(
            [
                super(Together, self).denoise(
                    one,
                    canvas[row : row + 1],
                    previous=None if previous is None else previous[row : row + 1],
                )
                for row, one in enumerate(prompts)
            ]
        )


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("canvases", [1, 3])
@pytest.mark.parametrize("kind", [RandomDenoiser, Together])
def test_each_row_keeps_its_own_constraint(sampler, canvases, kind):
    constraints = [JSON, None, SHORT, LONG]
    for seed in range(3):
        denoiser = kind(VOCABULARY, 48 // canvases, seed=seed, scale=3.0)
        results = cd.generate(
            denoiser, list("pqrs"), constraints, sampler=sampler, canvases=canvases, seed=seed
        )
        jsonschema.validate(json.loads(results[0].text), SCHEMA)
        assert results[1].value is None
        assert re.fullmatch("[a-c]{2}", results[2].text)
        assert re.fullmatch("[x-z]{40}", results[3].text)
        assert len(results[2].tokens) == 48 // canvases and len(results[3].tokens) == 48
        for result in (results[0], *results[2:]):
            end = result.tokens.index(END)
            assert VOCABULARY.decode(result.tokens[:end]) == result.text.encode()
            assert set(result.tokens[end + 1 :]) <= {PAD}
            assert result.finish_reason == "end"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("constraint", [None, JSON])
def test_a_batch_of_one_is_the_prompt_alone(sampler, constraint):
    denoiser = RandomDenoiser(VOCABULARY, 40)
    alone = cd.generate(denoiser, "p", constraint, sampler=sampler, seed=3)
    (batch,) = cd.generate(denoiser, ["p"], [constraint], sampler=sampler, seed=3)
    assert batch.tokens == alone.tokens
    assert (batch.steps, batch.log_evidence) == (alone.steps, alone.log_evidence)


@pytest.mark.parametrize("constraint", [None, JSON, [JSON, SHORT, None]])
def test_one_call_a_step_gives_what_row_by_row_gives(constraint):
    sampler = cd.UniformSampler(steps=4, entropy_bound=30.0)
    together = Together(VOCABULARY, 20)
    results = [
        cd.generate(one, ["p", "q", "r"], constraint, sampler=sampler, canvases=2, seed=1)
        for one in (RandomDenoiser(VOCABULARY, 20), together)
    ]
    assert [row.tokens for row in results[0]] == [row.tokens for row in results[1]]
    assert all(call[:2] == (["p", "q", "r"], (3, 20)) for call in together.calls)
    assert together.calls[0][2] is None and together.calls[-1][2].shape == (3, 20)


def test_rows_that_ended_are_shown_as_padding_and_take_no_steps():
    denoiser = Together(VOCABULARY, 20)
    heard = defaultdict(list)
    results = cd.generate(
        denoiser,
        ["p", "q"],
        [SHORT, LONG],
        canvases=3,
        sampler=cd.UniformSampler(steps=3),
        seed=0,
        on_step=lambda step: heard[step.row].append(step),
    )
    previous = denoiser.calls[-1][2]
    assert previous[0].tolist() == [*results[0].tokens, *[PAD] * 20]
    assert previous[1].tolist() == results[1].tokens[:40]
    assert {step.canvas_index for step in heard[0]} == {0}
    assert {step.canvas_index for step in heard[1]} == {0, 1, 2}
    for row, result in enumerate(results):
        assert [step.index for step in heard[row]] == list(range(result.steps))
        assert heard[row][-1].text == result.text


@pytest.mark.parametrize("constraints", [[JSON, SHORT], [JSON, None], [JSON, JSON]])
def test_a_row_of_a_step_is_the_posterior_of_that_row(constraints):
    """What a caller sees of a row is what inferring that row by itself gives."""
    denoiser = Together(VOCABULARY, 40)
    steps = []
    results = cd.generate(
        denoiser,
        ["p", "q"],
        constraints,
        sampler=cd.UniformSampler(steps=1, temperature=(1.0, 1.0)),
        seed=0,
        on_step=steps.append,
    )
    noise = torch.randint(0, len(TOKENS), (2, 40), generator=torch.Generator().manual_seed(0))
    for row, (step, constraint) in enumerate(zip(steps, constraints, strict=True)):
        logits = RandomDenoiser(VOCABULARY, 40).denoise("pq"[row], noise[row : row + 1])[0]
        if constraint is None:
            assert step.mask().all() and step.log_evidence == 0
            torch.testing.assert_close(step.posterior.marginals(), logits.softmax(-1))
            with pytest.raises(cd.ConstrainedDiffusionError, match="constraint"):
                results[row].values("/k")
            continue
        posterior = cd.compile(constraint, VOCABULARY, length=40).posterior(logits)
        assert torch.equal(step.mask(), posterior.mask())
        torch.testing.assert_close(step.entropy, posterior.entropy())
        torch.testing.assert_close(step.posterior.marginals(), posterior.marginals())
        assert torch.equal(step.posterior.mode(), step.draft)
        assert torch.equal(posterior.mode(), step.draft)
        assert step.log_evidence == pytest.approx(float(posterior.log_evidence))
        assert float(step.posterior.log_evidence) == step.log_evidence
        torch.testing.assert_close(step.posterior.entropy(), posterior.entropy())
        assert step.mask().gather(-1, step.posterior.sample()[:, None]).all()
        if constraint is JSON:
            assert results[row].values("/k") == pytest.approx(posterior.values("/k"))


def test_an_empty_batch():
    assert cd.generate(RandomDenoiser(VOCABULARY, 8), [], JSON) == []


def test_what_is_refused():
    denoiser = RandomDenoiser(VOCABULARY, 40)
    with pytest.raises(cd.ConstrainedDiffusionError, match="1 constraints for 2 prompts"):
        cd.generate(denoiser, ["p", "q"], [JSON])
    with pytest.raises(cd.ConstrainedDiffusionError, match="stream takes one prompt"):
        cd.stream(denoiser, ["p"])
    with pytest.raises(cd.ConstrainedDiffusionError, match="a text as its prompt, got list"):
        cd.generate(denoiser, [{"role": "user", "content": "hi"}])
    two, three = (cd.compile(SHORT, VOCABULARY, length=40, canvases=n) for n in (2, 3))
    with pytest.raises(cd.ConstrainedDiffusionError, match=r"canvases=\[2, 3\]"):
        cd.generate(denoiser, ["p", "q"], [two, three])
    with pytest.raises(cd.CanvasTooSmallError):
        cd.generate(RandomDenoiser(VOCABULARY, 16), ["p", "q"], [SHORT, LONG], canvases=2)
    with pytest.raises(cd.VocabularyError, match="another vocabulary"):
        other = cd.compile(cd.Regex("ab"), LETTERS, length=40)
        cd.generate(denoiser, ["p", "q"], [None, other])


def test_compiled_constraints_bring_their_canvases_for_all_rows():
    two = cd.compile(LONG, VOCABULARY, length=24, canvases=2)
    results = cd.generate(
        RandomDenoiser(VOCABULARY, 24), ["p", "q"], [two, two], sampler=SAMPLERS[0]
    )
    assert [len(result.tokens) for result in results] == [48, 48]


def test_a_denoiser_that_is_called_with_several_prompts_gives_a_value_for_each():
    denoiser = RandomDenoiser(VOCABULARY, 32)
    values = denoiser(["one", "two"], SCHEMA, sampler=cd.UniformSampler(steps=2), seed=0)
    assert len(values) == 2
    for value in [*values, denoiser("one", SCHEMA, sampler=cd.UniformSampler(steps=2), seed=0)]:
        jsonschema.validate(value, SCHEMA)
