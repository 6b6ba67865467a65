"""Generation end to end: random predictions, real constraints."""

from __future__ import annotations

import itertools
import json
import re
from typing import Literal

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser
from constrained_diffusion.sampling import InvariantError

PIECES = [b'"', b'{"', b'":', b"true", b"false", b"null", b'","', b"\xc3", b"\xa9", b"name", b"12"]
TOKENS = [*(bytes([byte]) for byte in range(256)), *PIECES, None, None, None]
END, PAD, MASK = (len(TOKENS) - 3 + k for k in range(3))
VOCABULARY = cd.Vocabulary(TOKENS, end_ids=[END], pad_id=PAD, mask_id=MASK)

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "ok": {"type": "boolean"},
        "kind": {"enum": ["a", "b", "é"]},
        "n": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["name", "ok", "kind"],
    "additionalProperties": False,
}
JSON = cd.JsonSchema(SCHEMA)
REGEX = cd.Regex(r"(é|[a-c]{2,5}-)*\d{3}")
LONG = cd.Regex(r"[x-z]{40,60}end")

SAMPLERS = [
    cd.UniformSampler(steps=3),
    cd.UniformSampler(steps=4, entropy_bound=20.0),
    cd.MaskedSampler(steps=3),
    cd.MaskedSampler(steps=4, order="margin", threshold=0.5),
    cd.MaskedSampler(steps=4, order="entropy", block_length=16, remask=0.3),
    cd.MaskedSampler(steps=4, order="random", temperature=1.0),
    cd.MaskedSampler(steps=4, schedule="linear", temperature=0.5, top_p=0.3, order_temperature=0.5),
    cd.MaskedSampler(steps=4, schedule="linear", order="random", top_k=1, raw_confidence=True),
]


@given(
    sampler=st.sampled_from(SAMPLERS),
    noise=st.sampled_from(["uniform", "masked"]),
    case=st.sampled_from(
        [(JSON, 64, 1), (JSON, 32, 3), (REGEX, 16, 1), (REGEX, 5, 4), (LONG, 24, 3)]
    ),
    seed=st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_every_output_is_valid_whatever_the_model_predicts(sampler, noise, case, seed):
    constraint, length, canvases = case
    denoiser = RandomDenoiser(VOCABULARY, length, noise=noise, seed=seed, scale=3.0)
    result = cd.generate(denoiser, "", constraint, sampler=sampler, canvases=canvases, seed=seed)
    if constraint is JSON:
        jsonschema.validate(json.loads(result.text), SCHEMA)
        assert result.value == json.loads(result.text)
    else:
        assert re.fullmatch(constraint.pattern, result.text)
        assert result.value == result.text
    assert len(result.tokens) % length == 0 and len(result.tokens) <= length * canvases
    text_tokens = list(itertools.takewhile(lambda token: token != END, result.tokens))
    assert VOCABULARY.decode(text_tokens) == result.text.encode()
    ended = len(text_tokens) < len(result.tokens)
    assert result.finish_reason == ("end" if ended else "length")
    assert set(result.tokens[len(text_tokens) + 1 :]) <= {PAD}


@pytest.mark.parametrize("sampler", SAMPLERS[::3])
def test_same_seed_same_output(sampler):
    denoiser = RandomDenoiser(VOCABULARY, 48)
    texts = [
        cd.generate(denoiser, "", JSON, sampler=sampler, seed=seed).text for seed in (1, 1, 2, None)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_canvas_too_small_before_anything_is_run(monkeypatch):
    monkeypatch.setattr(RandomDenoiser, "denoise", lambda *_, **__: pytest.fail("was run"))
    denoiser = RandomDenoiser(VOCABULARY, 16)
    with pytest.raises(cd.CanvasTooSmallError) as caught:
        cd.stream(denoiser, "", LONG, canvases=2)
    assert (caught.value.needed, caught.value.available) == (43, 32)


def test_compiled_constraints_must_belong_to_the_denoiser():
    denoiser = RandomDenoiser(VOCABULARY, 16)
    other = cd.Vocabulary(TOKENS, end_ids=[END], pad_id=PAD)
    compiled = cd.compile(REGEX, VOCABULARY, length=16, canvases=2)
    assert len(cd.generate(denoiser, "", compiled, sampler=SAMPLERS[0]).tokens) in (16, 32)
    with pytest.raises(cd.VocabularyError, match="another vocabulary"):
        cd.generate(denoiser, "", cd.compile(REGEX, other, length=16))
    with pytest.raises(cd.ConstrainedDiffusionError, match="8 positions"):
        cd.generate(denoiser, "", cd.compile(REGEX, VOCABULARY, length=8))
    with pytest.raises(cd.ConstrainedDiffusionError, match="canvases=2, got 3"):
        cd.generate(denoiser, "", compiled, canvases=3)


def test_denoiser_gets_rendered_prompt_and_finished_canvases():
    calls = []

    class Listening(RandomDenoiser):
        def render_prompt(self, prompt, schema):
            return f"{prompt} {json.dumps(schema)}"

        def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
            calls.append((prompt, None if previous is None else previous[0].tolist()))
            return super().denoise(prompt, canvas, previous=previous)

    denoiser = Listening(VOCABULARY, 24)
    result = cd.generate(denoiser, "say", LONG, canvases=3, sampler=SAMPLERS[0])
    assert calls[0] == ("say null", None)
    assert calls[-1] == ("say null", result.tokens[:-24])
    cd.generate(denoiser, "say", cd.JsonSchema({"const": 1}), sampler=SAMPLERS[0])
    assert calls[-1][0] == 'say {"const": 1}'


def test_self_conditioning_is_the_processed_logits_of_the_step_before():
    received, given = [], []

    class Conditioned(RandomDenoiser):
        uses_self_conditioning = True

        def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
            received.append(self_conditioning)
            given.append(super().denoise(prompt, canvas))
            return given[-1]

    denoiser = Conditioned(VOCABULARY, 12)
    sampler = cd.UniformSampler(steps=3, temperature=(0.5, 0.5))
    cd.generate(denoiser, "", REGEX, sampler=sampler, seed=0)
    assert received[0] is None
    for logits, told in zip(given, received[1:], strict=False):
        torch.testing.assert_close(told, logits / 0.5)


def test_stream_yields_what_on_step_gets_and_returns_the_result():
    denoiser = RandomDenoiser(VOCABULARY, 32)
    heard = []
    stream = cd.stream(
        denoiser, "", JSON, canvases=2, sampler=SAMPLERS[0], seed=4, on_step=heard.append
    )
    steps = []
    while True:
        try:
            steps.append(next(stream))
        except StopIteration as stop:
            result = stop.value
            break
    assert steps == heard
    assert [step.index for step in steps] == list(range(result.steps))
    last = steps[-1]
    assert last.text == result.text
    assert [*last.previous_tokens, *last.draft.tolist()] == result.tokens
    assert last.mask().shape == (32, len(VOCABULARY)) and last.mask().dtype == torch.bool
    assert last.mask().gather(-1, last.witness[:, None]).all()


@pytest.mark.parametrize("sampler", [cd.UniformSampler(steps=3), cd.MaskedSampler(steps=3)])
def test_values_are_probabilities(sampler):
    denoiser = RandomDenoiser(VOCABULARY, 64)
    result = cd.generate(denoiser, "", JSON, sampler=sampler, seed=0)
    assert set(result.values("/kind")) == {"a", "b", "é"}
    assert sum(result.values("/kind").values()) == pytest.approx(1)
    assert set(result.values("/ok")) == {"true", "false"}
    with pytest.raises(cd.ConstrainedDiffusionError):
        result.values("/name")
    free = cd.generate(denoiser, "", sampler=sampler)
    with pytest.raises(cd.ConstrainedDiffusionError, match="constraint"):
        free.values("/kind")


def test_template_holes():
    template = cd.Template(
        "a=", cd.Hole("a", cd.Regex("[0-9]+")), ";b=", cd.Hole("b", cd.Text(1, 4))
    )
    result = cd.generate(RandomDenoiser(VOCABULARY, 32), "", template, seed=1)
    assert result.text == f"a={result.holes['a']};b={result.holes['b']}"
    assert re.fullmatch("[0-9]+", result.holes["a"]) and 1 <= len(result.holes["b"]) <= 4


def test_output_type_by_calling_the_denoiser():
    denoiser = RandomDenoiser(VOCABULARY, 32)
    assert denoiser("", Literal["yes", "no"], seed=0) in ("yes", "no")
    assert all(isinstance(item, bool) for item in denoiser("", list[bool], seed=0))


def test_disagreement_with_the_constraint_is_never_hidden(monkeypatch):
    monkeypatch.setattr(cd.CompiledConstraint, "accepts", lambda *_: False)
    with pytest.raises(InvariantError, match="internal error") as caught:
        cd.generate(RandomDenoiser(VOCABULARY, 8), "", cd.Choice(["a"]))
    assert isinstance(caught.value, cd.ConstrainedDiffusionError)
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize("constraint", [None, REGEX])
@pytest.mark.parametrize("sampler", [cd.UniformSampler(steps=2), cd.MaskedSampler(steps=2)])
def test_impossible_logits_are_refused(constraint, sampler):
    class Broken(RandomDenoiser):
        def denoise(self, prompt, canvas, **_):
            return self.result

    denoiser = Broken(VOCABULARY, 8)
    denoiser.result = torch.zeros(1, 8, len(VOCABULARY))
    denoiser.result[0, 3, 5] = torch.nan
    with pytest.raises(cd.ConstrainedDiffusionError):
        cd.generate(denoiser, "", constraint, sampler=sampler)
    denoiser.result = torch.zeros(1, 8, len(VOCABULARY) - 1)
    with pytest.raises(cd.VocabularyError, match="shape"):
        cd.generate(denoiser, "", constraint, sampler=sampler)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sampler", [cd.UniformSampler(steps=3), cd.MaskedSampler(steps=3)])
def test_logits_of_any_float_type(dtype, sampler):
    class Typed(RandomDenoiser):
        uses_self_conditioning = True

        def denoise(self, prompt, canvas, **rest):
            return super().denoise(prompt, canvas).to(dtype)

    denoiser = Typed(VOCABULARY, 16)
    assert re.fullmatch(REGEX.pattern, cd.generate(denoiser, "", REGEX, sampler=sampler).text)
    assert cd.generate(denoiser, "", sampler=sampler).value is None


def test_without_a_constraint_the_text_ends_at_the_end_token():
    target = [*b"hello", END, *b"junk"]

    class Certain:
        vocabulary, canvas_length = VOCABULARY, len(target)

        def denoise(self, prompt, canvas, **_):
            return 40.0 * torch.nn.functional.one_hot(torch.tensor([target]), len(TOKENS))

    for Certain.noise in ("uniform", "masked"):
        result = cd.generate(Certain(), "", canvases=3)
        assert (result.text, result.finish_reason) == ("hello", "end")
        assert result.tokens == [*b"hello", END, *[PAD] * 4]
        assert result.value is None and result.holes == {}


def test_masked_noise_needs_a_mask_token():
    vocabulary = cd.Vocabulary(TOKENS, end_ids=[END])
    with pytest.raises(cd.VocabularyError, match="mask_id"):
        RandomDenoiser(vocabulary, 8, noise="masked")


def test_random_denoiser_is_a_function_of_its_arguments():
    denoiser = RandomDenoiser(VOCABULARY, 4, seed=1)
    canvas = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 5]])
    logits = denoiser.denoise("p", canvas)
    assert torch.equal(logits, RandomDenoiser(VOCABULARY, 4, seed=1).denoise("p", canvas))
    assert torch.equal(logits[1:], denoiser.denoise("p", canvas[1:]))
    for other in (
        denoiser.denoise("q", canvas),
        denoiser.denoise("p", canvas, previous=canvas),
        RandomDenoiser(VOCABULARY, 4, seed=2).denoise("p", canvas),
        logits.roll(1, 0),
    ):
        assert not torch.equal(logits, other)
    assert isinstance(denoiser, cd.Denoiser)
