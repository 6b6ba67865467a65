"""DiffusionGemma in transformers: the stock `generate` is the oracle."""

from __future__ import annotations

import json
import random
import re
from typing import Literal

import pytest

pytest.importorskip("transformers")

import jsonschema
import torch
from tiny_diffusion_gemma import (
    BOS,
    CHAT_TEMPLATE,
    END_OF_TURN,
    EOS,
    PAD,
    SIZE,
    Case,
    checkpoint,
    draw_options,
    encode,
    stock_generate,
    tokenizer,
)
from transformers import ProcessorMixin
from transformers.utils import logging

import constrained_diffusion as cd
from constrained_diffusion.models.diffusion_gemma import DiffusionGemmaDenoiser

logging.disable_progress_bar()
torch.set_num_threads(1)

FAST = cd.UniformSampler(steps=3)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"enum": ["x", "y"]}, "n": {"type": "integer"}},
    "required": ["a", "n"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    return DiffusionGemmaDenoiser(checkpoint(tmp_path_factory.mktemp("model")), tokenizer())


def generate(denoiser, case, prompts=None):
    return cd.generate(
        denoiser,
        list(case.prompts) if prompts is None else prompts,
        sampler=case.sampler,
        canvases=case.canvases,
        seed=case.seed,
    )


def padded(results, length):
    return [result.tokens + [PAD] * (length - len(result.tokens)) for result in results]


@pytest.mark.parametrize("number", range(24))
def test_tokens_and_steps_are_those_of_generate(number, tmp_path):
    rng = random.Random(number)
    model = checkpoint(tmp_path, **draw_options(rng))
    denoiser = DiffusionGemmaDenoiser(model, tokenizer(chat=number % 3 > 0))
    for _ in range(3):
        case = Case.draw(rng)
        tokens, steps = stock_generate(model, encode(denoiser, case.prompts), case)
        results = generate(denoiser, case)
        assert padded(results, len(tokens[0])) == tokens
        assert [result.steps for result in results] == steps


def test_one_prompt_is_a_batch_of_one(denoiser):
    case = Case(("hello",), 2, 7, cd.UniformSampler(steps=4, entropy_bound=2.0))
    encoded = {"input_ids": encode(denoiser, case.prompts)["input_ids"]}
    tokens, steps = stock_generate(denoiser.model, encoded, case)
    result = generate(denoiser, case, "hello")
    assert padded([result], len(tokens[0])) == tokens and [result.steps] == steps
    assert generate(denoiser, case)[0].tokens == result.tokens


def test_settings_of_the_checkpoint_are_the_default(denoiser, tmp_path):
    assert denoiser.default_sampler == cd.UniformSampler()
    configured = DiffusionGemmaDenoiser(checkpoint(tmp_path, seed=5), denoiser.tokenizer)
    settings = {"max_denoising_steps": 3, "t_min": 0.2, "confidence_threshold": 0.5}
    configured.model.generation_config.update(**settings)
    configured.model.save_pretrained(tmp_path)
    loaded = type(configured.model).from_pretrained(tmp_path)
    again = DiffusionGemmaDenoiser(loaded, denoiser.tokenizer)
    expected = cd.UniformSampler(steps=3, temperature=(0.2, 0.8), confidence=0.5)
    assert again.default_sampler == expected
    encoded = encode(again, ("hello",))
    torch.manual_seed(2)
    output = loaded.generate(**encoded, max_new_tokens=8)
    result = cd.generate(again, "hello", seed=2)
    assert result.tokens == output.sequences[0, -8:].tolist() and result.steps <= 3


def test_rows_that_settle_keep_their_canvas(tmp_path):
    """A model that predicts the canvas it is shown settles row by row."""
    model = checkpoint(tmp_path, sharpness=20.0, change=0.1, spread=0.1, canvas_length=4)
    denoiser = DiffusionGemmaDenoiser(model, tokenizer())
    sampler = cd.UniformSampler(steps=30, entropy_bound=5.0, stability=1, confidence=0.3)
    settled = 0
    for seed in range(6):
        case = Case(("a", "the fox", "{}"), 1, seed, sampler)
        tokens, steps = stock_generate(model, encode(denoiser, case.prompts), case)
        results = generate(denoiser, case)
        assert padded(results, 4) == tokens
        assert [result.steps for result in results] == steps
        settled += len(set(steps)) > 1 and min(steps) < 30
    assert settled, "rows that settle at different steps must have been exercised"


def test_rows_that_end_are_padded_while_others_go_on(tmp_path):
    ends = (EOS, END_OF_TURN, *range(20, 44))
    model = checkpoint(tmp_path, sharpness=1.0, end_ids=ends, canvas_length=4)
    denoiser = DiffusionGemmaDenoiser(model, tokenizer())
    assert set(denoiser.vocabulary.end_ids) == set(ends)
    ended = 0
    for seed in range(6):
        case = Case(("a", "the fox", "{}"), 3, seed, cd.UniformSampler(steps=2))
        tokens, steps = stock_generate(model, encode(denoiser, case.prompts), case)
        heard = []
        results = cd.generate(
            denoiser,
            list(case.prompts),
            sampler=case.sampler,
            canvases=3,
            seed=seed,
            on_step=heard.append,
        )
        assert padded(results, len(tokens[0])) == tokens
        assert [result.steps for result in results] == steps
        assert [sum(step.row == row for step in heard) for row in range(3)] == steps
        ended += len({len(result.tokens) for result in results}) > 1
    assert ended, "rows that end in different canvases must have been exercised"


def test_prompts_and_canvases_are_read_once(denoiser):
    read = []
    encoder = denoiser.model.model.encoder

    def listening(module, arguments, options):
        read.append(tuple(options["input_ids"].shape))

    handle = encoder.register_forward_pre_hook(listening, with_kwargs=True)
    try:
        sampler = cd.UniformSampler(steps=4, confidence=0.0)
        cd.generate(denoiser, "once", cd.Regex("[Q-Z]{17,24}"), canvases=3, sampler=sampler, seed=1)
    finally:
        handle.remove()
    prompt = len(denoiser.encode_prompt(denoiser.render_prompt("once")))
    assert read == [(1, prompt), (1, 8), (1, 8)]


def test_the_cache_never_shows_in_the_logits(denoiser):
    """Whatever was asked before, in whatever order, the logits are those of a fresh denoiser."""
    generator = torch.Generator().manual_seed(0)
    canvas, one, two = (torch.randint(SIZE, (2, 8), generator=generator) for _ in range(3))
    three = torch.cat([one, two], 1)
    told = torch.randn(2, 8, SIZE, generator=generator)
    asked = [
        ("a", None, None),
        ("a", one, told),
        ("a", three, None),
        ("a", one, None),
        (["a", "longer one"], one, told),
        (["a", "longer one"], three, told),
        (["longer one", "a"], three, told),
        ("a", two, None),
        ("a", None, None),
    ]
    for prompt, previous, conditioning in asked:
        fresh = DiffusionGemmaDenoiser(denoiser.model, denoiser.tokenizer)
        logits = [
            one_of.denoise(prompt, canvas, previous=previous, self_conditioning=conditioning)
            for one_of in (denoiser, denoiser, fresh)
        ]
        assert logits[0].shape == (2, 8, SIZE) and logits[0].dtype == torch.float32
        assert torch.equal(logits[0], logits[1]) and torch.equal(logits[0], logits[2])


def test_a_failed_extension_leaves_the_cache_as_it_was(denoiser, monkeypatch):
    canvas = torch.zeros(1, 8, dtype=torch.int64)
    before = denoiser.denoise("p", canvas)
    with monkeypatch.context() as patch:
        patch.setattr(
            denoiser.model.model.decoder,
            "create_diffusion_decoder_attention_mask",
            lambda **_: pytest.fail("interrupted"),
        )
        with pytest.raises(pytest.fail.Exception):
            denoiser.denoise("p", canvas, previous=canvas)
    assert torch.equal(denoiser.denoise("p", canvas), before)


def test_padding_from_the_left_changes_nothing_but_rounding(denoiser):
    canvas = torch.arange(16).view(2, 8)
    together = denoiser.denoise(["a", "a much longer prompt"], canvas)
    for row, prompt in enumerate(["a", "a much longer prompt"]):
        alone = denoiser.denoise(prompt, canvas[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(
        denoiser.denoise("a", canvas), denoiser.denoise("b", canvas), atol=1e-3
    )


def test_vocabulary(denoiser):
    vocabulary = denoiser.vocabulary
    assert len(vocabulary) == SIZE > len(denoiser.tokenizer)
    assert vocabulary.end_ids == (EOS, END_OF_TURN) and vocabulary.pad_id == PAD
    assert all(token is None for token in vocabulary.tokens[:7])
    assert all(token is None for token in vocabulary.tokens[len(denoiser.tokenizer) :])
    assert vocabulary.decode(vocabulary.encode("the é")) == "the é".encode()


def test_chats(denoiser):
    turns = "<bos><|turn>user\nhi<turn|>\n<|turn>model\n"
    quiet = "<|channel>thought\n<channel|>"
    assert denoiser.render_prompt("hi", {"title": "unseen"}) == turns + quiet
    model, own = denoiser.model, denoiser.tokenizer
    assert DiffusionGemmaDenoiser(model, own, thinking=True).render_prompt("hi") == turns
    stern = DiffusionGemmaDenoiser(model, own, system="Be brief.")
    system = "<bos><|turn>system\nBe brief.<turn|>\n"
    assert stern.render_prompt("hi") == system + turns.removeprefix("<bos>") + quiet
    chat = [{"role": "system", "content": "Sing."}, {"role": "user", "content": "hi"}]
    assert "Be brief" not in stern.render_prompt(chat)
    assert denoiser.render_prompt(chat) == stern.render_prompt(chat)
    ids = own.apply_chat_template(chat, add_generation_prompt=True, enable_thinking=False)
    assert denoiser.encode_prompt(denoiser.render_prompt(chat)) == ids["input_ids"]


def test_plain_prompts(denoiser):
    for own, chat in ((tokenizer(chat=False), True), (denoiser.tokenizer, False)):
        plain = DiffusionGemmaDenoiser(denoiser.model, own, chat=chat)
        assert plain.render_prompt("hi") == "hi"
        assert plain.encode_prompt("hi") == own("hi")["input_ids"]
        assert plain.encode_prompt("") == [BOS]
        with pytest.raises(cd.ConstrainedDiffusionError, match="chat template"):
            cd.generate(plain, [{"role": "user", "content": "hi"}])


class Processor(ProcessorMixin):
    """As much of a processor as there is without images."""

    def __init__(self, tokenizer, chat_template=None):
        super().__init__(tokenizer=tokenizer, chat_template=chat_template)


@pytest.mark.parametrize("template", [CHAT_TEMPLATE, CHAT_TEMPLATE.replace("{{ bos_token }}", "")])
def test_processors(denoiser, template):
    processor = Processor(tokenizer(chat=False), chat_template=template)
    wrapped = DiffusionGemmaDenoiser(denoiser.model, processor)
    chat = [{"role": "user", "content": "hi"}]
    ids = processor.apply_chat_template(
        chat, tokenize=True, add_generation_prompt=True, enable_thinking=False
    )
    assert wrapped.encode_prompt(wrapped.render_prompt(chat)) == ids


def test_conversations_as_prompts(denoiser):
    chat = [{"role": "user", "content": "hi"}]
    alone = cd.generate(denoiser, chat, sampler=FAST, seed=1)
    assert alone.tokens == cd.generate(denoiser, "hi", sampler=FAST, seed=1).tokens
    both = cd.generate(denoiser, [chat, "hi"], sampler=FAST, seed=1)
    assert len(both) == 2
    with pytest.raises(cd.ConstrainedDiffusionError, match="role"):
        cd.generate(denoiser, [["hi"]], sampler=FAST)
    with pytest.raises(cd.ConstrainedDiffusionError, match="got int"):
        cd.generate(denoiser, 3, sampler=FAST)
    with pytest.raises(cd.ConstrainedDiffusionError, match="refuses these messages"):
        cd.generate(
            DiffusionGemmaDenoiser(
                denoiser.model, _with_template("{{ raise_exception('no such role') }}")
            ),
            chat,
        )


def _with_template(template):
    made = tokenizer()
    made.chat_template = template
    return made


@pytest.mark.parametrize("canvases", [1, 3])
@pytest.mark.parametrize("sampler", [FAST, cd.MaskedSampler(steps=3)])
def test_constraints(tmp_path, sampler, canvases):
    length = 24 // canvases
    model = checkpoint(tmp_path, canvas_length=length, sharpness=20.0)
    denoiser = DiffusionGemmaDenoiser(model, tokenizer())
    pattern = "(é|[a-c]{2,5}-)*[0-9]{3}"
    for seed in range(4):
        results = cd.generate(
            denoiser,
            ["one", "a longer one", "three"],
            [cd.JsonSchema(SCHEMA), None, cd.Regex(pattern)],
            canvases=canvases,
            sampler=sampler,
            seed=seed,
        )
        jsonschema.validate(json.loads(results[0].text), SCHEMA)
        assert re.fullmatch(pattern, results[2].text)
        for result in (results[0], results[2]):
            text = [t for t in result.tokens if t not in (EOS, END_OF_TURN, PAD)]
            assert all(denoiser.vocabulary.tokens[token] is not None for token in text)
        assert results[1].value is None
        assert results[0].values("/a").keys() == {"x", "y"}


def test_output_types(denoiser):
    assert denoiser("yes?", Literal["yes", "no"], sampler=FAST, seed=0) in ("yes", "no")


def test_what_is_refused(denoiser, tmp_path):
    with pytest.raises(cd.CheckpointError, match="canvas_length"):
        DiffusionGemmaDenoiser(torch.nn.Linear(2, 2), denoiser.tokenizer)
    small = checkpoint(tmp_path, size=200)
    with pytest.raises(cd.VocabularyError, match="size"):
        DiffusionGemmaDenoiser(small, denoiser.tokenizer)
    with pytest.raises(cd.ConstrainedDiffusionError, match="positions"):
        cd.generate(denoiser, "word " * 3000, sampler=FAST)
    with pytest.raises(cd.ConstrainedDiffusionError, match="2 prompts for 1"):
        denoiser.denoise(["a", "b"], torch.zeros(1, 8, dtype=torch.int64))
    own = tokenizer()
    own.add_tokens([f"extra{k}" for k in range(SIZE - len(own) - 1)])
    own.add_special_tokens({"additional_special_tokens": ["<|image|>"]})
    assert own.convert_tokens_to_ids("<|image|>") == denoiser.model.config.image_token_id
    with pytest.raises(cd.ConstrainedDiffusionError, match="images"):
        cd.generate(DiffusionGemmaDenoiser(denoiser.model, own), "see <|image|>", sampler=FAST)
