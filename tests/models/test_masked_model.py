from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import jsonschema
import pytest

pytest.importorskip("transformers")

import published_masked_samplers as published
import tiny_masked_models as tiny
import torch
from tiny_masked_models import END, MASK, SIZE, TURN_END, TinyDream, TinyLlada

import constrained_diffusion as cd
from constrained_diffusion.models.masked_facts import facts_of
from constrained_diffusion.models.masked_model import MaskedModelDenoiser

PROMPTS = ["a", "a longer prompt", "four"]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 6}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}


def noisy_canvases(rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    canvas = torch.randint(0, 256, (rows, length), generator=generator)
    return torch.where(torch.rand(rows, length, generator=generator) < 0.6, MASK, canvas)


def alone(denoiser, prompt, canvas, previous=None):
    """Logits [L, V] of one row by the model itself, as the published loops read them."""
    written = canvas if previous is None else torch.cat([previous, canvas])
    prompt = denoiser.encode_prompt(prompt)
    sequence = torch.cat([torch.tensor(prompt, dtype=torch.int64), written])
    with torch.no_grad():
        logits = denoiser.model(input_ids=sequence[None]).logits[0]
    if denoiser.facts.shift_logits:
        logits = torch.cat([logits[:1], logits[:-1]])
    return logits[-len(canvas) :]


@pytest.mark.parametrize("padding", ["none", "tokens"])
@pytest.mark.parametrize("previous", [False, True])
def test_rows_are_what_llada_gives_each_of_them_alone(padding, previous):
    made = tiny.denoiser(TinyLlada)
    made.facts = dataclasses.replace(made.facts, padding=padding)
    check_rows(made, previous)


@pytest.mark.parametrize("previous", [False, True])
def test_rows_are_what_dream_gives_each_of_them_alone(previous):
    check_rows(tiny.denoiser(TinyDream), previous)


def check_rows(made, previous):
    prompts = [made.render_prompt(prompt) for prompt in [*PROMPTS, PROMPTS[0]]]
    canvas = noisy_canvases(4, made.canvas_length)
    finished = noisy_canvases(4, 16).clamp(max=99) if previous else None
    logits = made.denoise(prompts, canvas, previous=finished)
    assert logits.shape == (4, made.canvas_length, SIZE)
    for row, prompt in enumerate(prompts):
        expected = alone(made, prompt, canvas[row], None if finished is None else finished[row])
        assert torch.allclose(logits[row], expected, atol=2e-4)


@pytest.mark.parametrize("kind", [TinyLlada, TinyDream])
def test_one_prompt_for_all_rows_and_no_prompt_at_all(kind):
    made = tiny.denoiser(kind, chat=False)
    canvas = noisy_canvases(2, made.canvas_length)
    for prompt in ("some text", ""):
        logits = made.denoise(prompt, canvas)
        for row in range(2):
            assert torch.allclose(logits[row], alone(made, prompt, canvas[row]), atol=2e-4)


def test_denoising_is_a_function_of_its_arguments_and_changes_none():
    made = tiny.denoiser(TinyLlada)
    canvas = noisy_canvases(3, made.canvas_length)
    kept = canvas.clone()
    first = made.denoise(PROMPTS, canvas)
    made.denoise("another", noisy_canvases(1, made.canvas_length))
    assert torch.equal(made.denoise(PROMPTS, canvas), first)
    assert torch.equal(canvas, kept)


class Reciting(torch.nn.Module):
    """Predicts one text behind the prompt, whatever stands there; a shifted one says it a position
    earlier."""

    def __init__(self, text: bytes, start: int, *, shifted: bool) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.text, self.start = text, start - shifted

    def forward(self, input_ids):
        logits = torch.zeros(*input_ids.shape, SIZE)
        for offset, token in enumerate([*self.text, END]):
            logits[:, self.start + offset, token] = 20.0
        return SimpleNamespace(logits=logits)


@pytest.mark.parametrize("shifted", [False, True])
def test_the_position_of_a_prediction(shifted):
    tokenizer = tiny.tokenizer(chat=False)
    letters = cd.Vocabulary.from_tokenizer(tokenizer).tokens
    text = [letters.index(bytes([byte])) for byte in b"recited"]
    facts = facts_of(tiny.DREAM_CONFIG if shifted else tiny.LLADA_CONFIG, tokenizer)
    model = Reciting(text, start=len("prompt"), shifted=shifted)
    denoiser = MaskedModelDenoiser(model, tokenizer, facts, canvas_length=16)
    result = cd.generate(denoiser, "prompt", sampler=cd.MaskedSampler(steps=4))
    assert (result.text, result.finish_reason) == ("recited", "end")


def test_padding_is_told_to_dream_as_its_own_loop_tells_it():
    told = {}

    class Listening(TinyDream):
        def forward(self, input_ids, attention_mask=None, position_ids=None):
            told.update(mask=attention_mask, positions=position_ids)
            return super().forward(input_ids, attention_mask, position_ids)

    tokenizer = tiny.tokenizer(chat=False)
    facts = facts_of(tiny.DREAM_CONFIG, tokenizer)
    made = MaskedModelDenoiser(Listening(), tokenizer, facts, canvas_length=4)
    made.denoise(["ab", "abcde"], noisy_canvases(2, 4))
    attention = torch.tensor([[0, 0, 0] + [1] * 6, [1] * 9])
    positions = (attention.cumsum(-1) - 1).masked_fill(attention == 0, 1)
    assert torch.equal(told["positions"], positions)
    # What padding sees is of no matter.
    real = attention.bool()
    seen = (real[:, None, :, None] & real[:, None, None, :])[:, 0]
    assert all(torch.equal(told["mask"][row, 0][real[row]], seen[row][real[row]]) for row in (0, 1))

    made.denoise(["ab", "cd"], noisy_canvases(2, 4))
    assert told == {"mask": None, "positions": None}


@pytest.mark.parametrize("padding", ["none", "tokens"])
def test_batches_are_lladas_batches(padding):
    made = tiny.denoiser(TinyLlada, length=12)
    made.facts = dataclasses.replace(made.facts, padding=padding)
    ids = [tiny.encoded(made, prompt)[0] for prompt in PROMPTS]
    longest = max(map(len, ids))
    padded = torch.stack(
        [torch.nn.functional.pad(row, (longest - len(row), 0), value=END) for row in ids]
    )
    mask = torch.stack([torch.arange(longest) >= longest - len(row) for row in ids]).long()
    with torch.no_grad():
        expected = published.llada_generate(
            made.model,
            padded,
            attention_mask=mask,
            mask_id=MASK,
            steps=8,
            gen_length=12,
            block_length=6,
        )
    drafts: dict[int, list[int]] = {}
    cd.generate(
        made,
        PROMPTS,
        sampler=cd.MaskedSampler(steps=8, block_length=6),
        on_step=lambda step: drafts.update({step.row: step.draft.tolist()}),
    )
    assert [drafts[row] for row in range(3)] == expected.tolist()


def test_masked_language_models_of_transformers(tmp_path):
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=SIZE,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        pad_token_id=END,
        initializer_range=0.5,
        attn_implementation="sdpa",
    )
    ModernBertForMaskedLM(config).save_pretrained(tmp_path)
    model = ModernBertForMaskedLM.from_pretrained(tmp_path).eval()
    model.decoder.bias.data[MASK] = -1e4
    tokenizer = tiny.tokenizer()
    facts = dataclasses.replace(facts_of(tiny.LLADA_CONFIG, tokenizer), padding="tokens")
    made = MaskedModelDenoiser(model, tokenizer, facts, canvas_length=12)

    sampler = cd.MaskedSampler(steps=6, block_length=4)
    with torch.no_grad():
        expected = published.llada_generate(
            model, tiny.encoded(made, "x"), mask_id=MASK, steps=6, gen_length=12, block_length=4
        )
    assert tiny.final_canvas(made, "x", sampler, 0) == expected[0].tolist()
    results = cd.generate(made, PROMPTS, cd.Regex("(ab|c){3,5}"), sampler=sampler)
    assert all(
        cd.compile(cd.Regex("(ab|c){3,5}"), made.vocabulary, length=12).accepts(r.text)
        for r in results
    )


@pytest.mark.parametrize("kind", [TinyLlada, TinyDream])
@pytest.mark.parametrize("seed", range(4))
def test_constrained_output_is_valid(kind, seed):
    made = tiny.denoiser(kind, length=32, seed=seed, sharpness=6.0)
    results = cd.generate(
        made,
        PROMPTS,
        cd.JsonSchema(SCHEMA),
        sampler=cd.MaskedSampler(steps=4),
        canvases=2,
        seed=seed,
    )
    for result in results:
        jsonschema.validate(json.loads(result.text), SCHEMA)
        assert MASK not in result.tokens


@pytest.mark.parametrize("kind", [TinyLlada, TinyDream])
def test_the_mask_token_is_never_generated(kind):
    made = tiny.denoiser(kind)
    made.model.head.bias.data[MASK] = 1e4
    assert MASK not in tiny.final_canvas(made, "x", cd.MaskedSampler(steps=5), 0)


def test_special_tokens_are_no_text():
    vocabulary = tiny.denoiser(TinyLlada).vocabulary
    assert len(vocabulary) == SIZE
    assert (vocabulary.mask_id, vocabulary.end_ids, vocabulary.pad_id) == (
        MASK,
        (END, TURN_END),
        END,
    )
    assert all(token is None for token in vocabulary.tokens[256:])
    assert sorted(vocabulary.tokens[:256]) == [bytes([byte]) for byte in range(256)]


def test_prompts_are_chats():
    tokenizer = tiny.tokenizer()
    facts = facts_of(tiny.LLADA_CONFIG, tokenizer)
    made = MaskedModelDenoiser(TinyLlada(), tokenizer, facts, system="Be brief.")
    assert made.render_prompt("Hi") == (
        "<|startoftext|><|im_start|>system\nBe brief.<|eot_id|><|im_start|>user\nHi<|eot_id|>"
        "<|im_start|>assistant\n"
    )
    own = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert "Be brief." not in made.render_prompt(own)
    assert made.encode_prompt(made.render_prompt(own)).count(tiny.START) == 1
    with pytest.raises(cd.ConstrainedDiffusionError, match="messages"):
        made.render_prompt(["Hi"])


def test_prompts_are_plain_text_without_a_template():
    made = tiny.denoiser(TinyLlada, chat=False)
    assert made.render_prompt("Hi") == "Hi"
    with pytest.raises(cd.ConstrainedDiffusionError, match="chat template"):
        made.render_prompt([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize("chat", [True, False])
def test_a_mask_token_in_a_prompt_is_refused(chat):
    made = tiny.denoiser(TinyLlada, chat=chat)
    with pytest.raises(cd.ConstrainedDiffusionError, match=r"mask token.*mdm_mask"):
        cd.generate(made, "fill <|mdm_mask|> in")


def test_sequences_beyond_the_model_are_refused():
    made = tiny.denoiser(TinyLlada, chat=False)
    made.facts = dataclasses.replace(made.facts, max_length=20)
    made.denoise("1234", noisy_canvases(1, 16))
    with pytest.raises(cd.ConstrainedDiffusionError, match="21 positions, the model has 20"):
        made.denoise("12345", noisy_canvases(1, 16))


def test_another_number_of_logits_is_refused():
    tokenizer = tiny.tokenizer()
    facts = dataclasses.replace(facts_of(tiny.LLADA_CONFIG, tokenizer), vocabulary_size=None)
    made = MaskedModelDenoiser(TinyLlada(), tokenizer, facts)
    with pytest.raises(cd.VocabularyError, match=f"vocabulary_size={SIZE}"):
        cd.generate(made, "x")


def test_prompts_and_rows_must_be_as_many():
    with pytest.raises(cd.ConstrainedDiffusionError, match="2 prompts for 3"):
        tiny.denoiser(TinyLlada).denoise(["a", "b"], noisy_canvases(3, 16))


@pytest.mark.parametrize(("length", "block"), [(256, 32), (16, 16)])
def test_default_sampler_takes_the_published_blocks(length, block):
    sampler = tiny.denoiser(TinyLlada, length=length).default_sampler
    assert (sampler.steps, sampler.block_length) == (length, block)
    assert tiny.denoiser(TinyDream, length=length).default_sampler.block_length is None
