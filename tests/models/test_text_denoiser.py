"""The bundled text denoiser: its data, its network, and its checkpoint folder."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import jsonschema
import pytest
import torch
from damaged_folders import COMMON, check_refused, edit

from constrained_diffusion.models.bundled import TextDenoiser
from constrained_diffusion.models.hint import render_hint
from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.text.batches import CANVAS, PROMPT, collate, encode
from training.text.records import DOMAINS, HELD_OUT_SETS, Example, examples, value_spans
from training.text.tokenizer import END_ID, PAD_ID, train_tokenizer
from training.text.train import corrupt
from training.text.words import is_held_out


def take(count: int, seed: int = 3, held_out: str | None = None) -> list[Example]:
    return list(itertools.islice(examples(seed, held_out), count))


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(size=600, passages=500)


@pytest.fixture(scope="module")
def denoiser(tokenizer) -> TextDenoiser:
    torch.manual_seed(0)
    config = DenoiserConfig(
        tokenizer.get_vocab_size(), width=32, heads=2, encoder_layers=1, decoder_layers=2
    )
    network = DenoiserTransformer(config)
    # Zero at the start of training; a test must see that self-conditioning gets through.
    torch.nn.init.normal_(network.conditioning.weight)
    return TextDenoiser(network, tokenizer)


# --- data ------------------------------------------------------------------------------------


def test_the_generator_is_deterministic():
    assert take(50) == take(50)
    assert take(50, seed=3) != take(50, seed=4)


@pytest.mark.parametrize("held_out", [None, *HELD_OUT_SETS])
def test_every_record_satisfies_its_schema(held_out):
    for example in take(400, held_out=held_out):
        jsonschema.Draft202012Validator.check_schema(example.schema)
        jsonschema.validate(example.record, example.schema)
        assert json.loads(example.text) == example.record
        assert list(example.record) == list(example.schema["properties"])


def test_there_are_enough_domains_and_templates():
    assert len(DOMAINS) >= 12
    assert all(len(domain.templates) >= 9 for domain in DOMAINS)
    seen = {(example.domain, example.template) for example in take(6000)}
    assert len(seen) == len({(d.name, i) for d in DOMAINS for i in range(len(d.templates) - 1)})


def test_held_out_templates_are_not_trained_on():
    last = {id(domain): len(domain.templates) - 1 for domain in DOMAINS}
    least = min(last.values())
    assert max(example.template for example in take(4000)) < max(last.values())
    assert min(example.template for example in take(300, held_out="templates")) >= least


def test_held_out_words_are_not_trained_on():
    def surnames(held_out):
        for example in take(800, held_out=held_out):
            if example.domain == "invoice" and (name := example.record.get("customer")):
                yield name.split()[-1]

    assert not any(is_held_out(name) for name in surnames(None))
    assert all(is_held_out(name) for name in surnames("values"))


def test_held_out_keys_are_not_trained_on():
    def keys(value, found):
        if isinstance(value, dict):
            found.update(value)
            for item in value.values():
                keys(item, found)
        elif isinstance(value, list):
            for item in value:
                keys(item, found)
        return found

    known: set[str] = set()
    new: set[str] = set()
    for example in take(4000):
        keys(example.record, known)
    for example in take(200, held_out="keys"):
        keys(example.record, new)
    assert not {"individual", "municipality", "calendar_date", "callback_number"} & known
    assert {"individual", "municipality"} & new


def test_value_spans_cover_the_values_and_nothing_of_the_keys():
    example = Example(
        "", {}, {"a": "x, y", "b": {"c": [1, -2.5]}, "d": [{"e": True}], "f": ""}, "", 0
    )
    assert [example.text[a:b] for a, b in value_spans(example)] == ["x, y", "1", "-2.5", "true", ""]


# --- hint ------------------------------------------------------------------------------------


def test_hint_marks_types_nesting_and_enums():
    schema = {
        "type": "object",
        "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}},
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "member": {"type": ["boolean", "null"]},
            "home": {"$ref": "#/$defs/Place"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "scores": {"type": "array", "items": {"type": "number"}},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Place"}},
            "status": {"enum": ["open", "closed"]},
            "note": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        },
    }
    assert render_hint(schema) == (
        "name,age#,member?,home{city},tags[],scores[#],items[{city}],status=open|closed,note#"
    )


def test_hint_of_a_recursive_schema_ends():
    schema = {"properties": {"next": {"$ref": "#"}}}
    assert render_hint(schema).startswith("next{next{")
    assert render_hint({"$ref": "#"}) == ""
    assert render_hint({"type": "string"}) == ""


# --- tokens ----------------------------------------------------------------------------------


def test_any_text_encodes_and_comes_back(tokenizer):
    for text in ("héllo €5\n x☃", "\x00\x7f", "{}[]\\\"'", "日本語 12.5"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_batches_end_and_are_padded(tokenizer):
    encoded = [e for example in take(40) if (e := encode(example, tokenizer, True)) is not None]
    for full in (False, True):
        batch = collate(encoded, full)
        assert batch.canvas.shape == batch.values.shape
        assert batch.prompt.shape[1] <= PROMPT and batch.canvas.shape[1] <= CANVAS
        assert ((batch.canvas == END_ID).sum(1) == 1).all()
        assert not (batch.values & (batch.canvas <= END_ID)).any()
    noisy, given = corrupt(batch, tokenizer.get_vocab_size())
    assert noisy.shape == given.shape == batch.canvas.shape
    assert not (given & batch.values).any()


# --- network ---------------------------------------------------------------------------------


def test_log_probabilities_are_normalised_and_agree_with_the_loss(denoiser):
    network = denoiser.network
    prompt = torch.randint(2, 600, (2, 9))
    canvas = torch.randint(0, 600, (2, 7))
    logits = network(prompt, canvas)
    assert logits.shape == (2, 7, 600) and logits.dtype == torch.float32
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 7))
    target = torch.randint(0, 600, (2, 7))
    nll = network.decode(network.encode(prompt), canvas, None).target_nll(target)
    picked = logits.gather(2, target[..., None]).squeeze(-1)
    torch.testing.assert_close(nll, -picked, atol=1e-3, rtol=1e-4)


def test_expected_embedding_without_the_distribution(denoiser):
    network = denoiser.network
    prompt = torch.randint(2, 600, (2, 9))
    prediction = network.decode(network.encode(prompt), torch.randint(0, 600, (2, 7)), None)
    torch.testing.assert_close(
        network.expect_prediction(prediction), network.expect(prediction.probabilities())
    )


def test_padding_of_the_prompt_changes_nothing(denoiser):
    prompt = torch.randint(2, 600, (2, 9))
    canvas = torch.randint(0, 600, (2, 7))
    padded = torch.cat([prompt, torch.full((2, 5), PAD_ID)], 1)
    torch.testing.assert_close(denoiser.network(prompt, canvas), denoiser.network(padded, canvas))


# --- denoiser --------------------------------------------------------------------------------


def test_denoise_is_a_function_of_its_arguments(denoiser):
    canvas = torch.randint(0, 600, (2, 12))
    before = canvas.clone()
    first = denoiser.denoise("Ada is in Rome.", canvas)
    denoiser.denoise("Something else.", canvas)
    torch.testing.assert_close(denoiser.denoise("Ada is in Rome.", canvas), first)
    assert torch.equal(canvas, before) and first.shape == (2, 12, 600)
    torch.testing.assert_close(denoiser.denoise("Ada is in Rome.", canvas[1:]), first[1:])


def test_self_conditioning_and_earlier_canvases_are_read(denoiser):
    canvas = torch.randint(0, 600, (1, 12))
    plain = denoiser.denoise("x", canvas)
    scores = torch.full((1, 12, 600), -torch.inf)
    scores[..., 5] = 0.0
    scores[:, 3] = -torch.inf
    conditioned = denoiser.denoise("x", canvas, self_conditioning=scores)
    assert conditioned.isfinite().all() and not torch.allclose(conditioned, plain)
    previous = torch.randint(2, 600, (1, 400))
    continued = denoiser.denoise("x", canvas, previous=previous)
    assert continued.isfinite().all() and not torch.allclose(continued, plain)


def test_prompts_of_any_length(denoiser):
    canvas = torch.randint(0, 600, (1, 4))
    assert denoiser.denoise("", canvas).isfinite().all()
    ids = denoiser.encode_prompt(
        denoiser.render_prompt("word " * 500, {"properties": {"kiwi": {}}})
    )
    assert len(ids) == denoiser.prompt_length
    assert denoiser.tokenizer.decode(ids).endswith("\nkiwi")
    assert denoiser.render_prompt("word", None) == "word"


# --- checkpoint folder -----------------------------------------------------------------------


def test_saved_and_loaded_it_predicts_the_same(denoiser, tmp_path):
    denoiser.save(tmp_path)
    loaded = TextDenoiser.load(tmp_path)
    canvas = torch.randint(0, 600, (1, 12))
    torch.testing.assert_close(
        loaded.denoise("x", canvas), denoiser.denoise("x", canvas), atol=0.05, rtol=0.05
    )
    # The weights in float16 are a fixed point: a second round trip changes nothing.
    loaded.save(tmp_path / "again")
    again = TextDenoiser.load(tmp_path / "again")
    assert torch.equal(again.denoise("x", canvas), loaded.denoise("x", canvas))


def _flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *COMMON,
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json.*damaged"),
        (_flip, "model.safetensors.*damaged"),
        (edit(canvas_length=0), "canvas_length"),
        (edit(network={"width": 33}), "sizes"),
    ],
)
def test_a_damaged_folder_is_refused(denoiser, tmp_path, damage, message):
    check_refused(denoiser, tmp_path, damage, message)
