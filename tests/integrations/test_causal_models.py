"""Texts of transformers' own `generate` on small random causal models."""

from __future__ import annotations

import json

import jsonschema
import pytest

pytest.importorskip("transformers")

import tiny_causal_models
import torch
from tiny_texts import END, PAD, PATTERNS, VOCABULARY, is_complete, texts
from transformers import LlamaConfig, LlamaForCausalLM

import constrained_diffusion as cd
from constrained_diffusion.integrations.autoregressive_constraint import AutoregressiveConstraint

ROOM = 5
WAYS = {
    "greedy": {"do_sample": False},
    "sample": {"do_sample": True, "num_return_sequences": 3},
    "top-k": {"do_sample": True, "top_k": 1, "temperature": 3.0},
    "beams": {"do_sample": False, "num_beams": 3},
    "beam sample": {"do_sample": True, "num_beams": 2},
}
BYTES = cd.Vocabulary(
    [bytes([byte]) for byte in range(256)] + [None, None], end_ids=[256], pad_id=257
)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"enum": ["x", "yy"]}, "n": {"type": "integer"}, "s": {"type": "string"}},
    "required": ["n"],
    "additionalProperties": False,
}


def llama(vocabulary, seed):
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=None,
        eos_token_id=vocabulary.end_ids[0],
        pad_token_id=vocabulary.pad_id,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config).eval()


def gemma(vocabulary, seed):
    size = len(vocabulary)
    return tiny_causal_models.gemma(
        size,
        seed,
        vocab_size_per_layer_input=size,
        hidden_size_per_layer_input=8,
        bos_token_id=None,
        eos_token_id=vocabulary.end_ids[0],
        pad_token_id=vocabulary.pad_id,
        initializer_range=0.5,
    )


def generate(model, constraint, prompts, most, **options):
    """The new tokens of each returned sequence."""
    ids = torch.tensor(prompts)
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=most,
        logits_processor=[constraint],
        **options,
    )
    return output[:, ids.shape[1] :].tolist()


@pytest.mark.parametrize("make", [llama, gemma])
@pytest.mark.parametrize("way", WAYS)
def test_every_text_is_complete(make, way):
    options = WAYS[way]
    each = options.get("num_return_sequences", 1)
    for seed, pattern in enumerate(PATTERNS[make is llama :: 2]):
        model = make(VOCABULARY, seed)
        rules = [cd.compile(cd.Regex(rule), VOCABULARY, length=ROOM) for rule in (pattern, "c|ab")]
        for room in (ROOM, max(2, rules[0].min_tokens)):
            constraint = AutoregressiveConstraint(rules, room)
            for _ in range(2):
                found = generate(model, constraint, [[1, 2], [0, 4]], room, **options)
                assert len(found) == 2 * each
                assert all(is_complete(pattern, tokens) for tokens in found[:each])
                assert all(is_complete("c|ab", tokens) for tokens in found[each:])


def test_beams_find_the_most_probable_text():
    pattern = "c|abab|(aab?|bc)+"
    compiled = cd.compile(cd.Regex(pattern), VOCABULARY, length=4)
    model = llama(VOCABULARY, 3)
    (found,) = generate(
        model, AutoregressiveConstraint(compiled), [[1, 2]], 4, num_beams=200, length_penalty=0.0
    )
    text = found[: found.index(END)] if END in found else found

    def log_probability(tokens):
        ids = torch.tensor([[1, 2, *tokens]])
        with torch.no_grad():
            scores = model(ids).logits[0].log_softmax(-1)
        return sum(float(scores[1 + place, token]) for place, token in enumerate(tokens))

    ended = [tokens if len(tokens) == 4 else (*tokens, END) for tokens in texts(pattern, 4)]
    best = max(ended, key=log_probability)
    assert tuple(text) == tuple(token for token in best if token != END)


def test_free_rows_are_as_without_the_processor():
    model = llama(VOCABULARY, 5)
    compiled = cd.compile(cd.Regex("[abc]*"), VOCABULARY, length=8)
    ids = torch.tensor([[1, 2], [0, 4], [3, 3]])
    options = {"max_new_tokens": 8, "attention_mask": torch.ones_like(ids), "do_sample": True}
    torch.manual_seed(0)
    plain = model.generate(ids, **options)
    torch.manual_seed(0)
    constraint = AutoregressiveConstraint([None, compiled, None])
    mixed = model.generate(ids, logits_processor=[constraint], **options)
    shared = min(plain.shape[1], mixed.shape[1])
    assert torch.equal(plain[[0, 2], :shared], mixed[[0, 2], :shared])


@pytest.mark.parametrize("make", [llama, gemma])
def test_schemas_within_all_rooms(make):
    model = make(BYTES, 1)
    for room in (7, 12, 60):
        compiled = cd.compile(cd.JsonSchema(SCHEMA), BYTES, length=room)
        constraint = AutoregressiveConstraint(compiled)
        for seed in range(3):
            torch.manual_seed(seed)
            (tokens,) = generate(model, constraint, [[104, 105]], room, do_sample=True)
            text = BYTES.decode(token for token in tokens if token < 256)
            jsonschema.validate(json.loads(text), SCHEMA)


def test_an_assistant_model_may_draft():
    model, assistant = llama(VOCABULARY, 0), llama(VOCABULARY, 1)
    for pattern in PATTERNS:
        compiled = cd.compile(cd.Regex(pattern), VOCABULARY, length=8)
        constraint = AutoregressiveConstraint(compiled)
        alone = generate(model, constraint, [[1, 2]], 8)
        drafted = generate(model, constraint, [[1, 2]], 8, assistant_model=assistant)
        assert is_complete(pattern, drafted[0]) and alone == drafted
        assert PAD not in drafted[0]
