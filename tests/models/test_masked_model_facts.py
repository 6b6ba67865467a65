from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from constrained_diffusion import ConstrainedDiffusionError
from constrained_diffusion.models.masked_facts import MaskedModelFacts, facts_of

# The entries by which the configurations of the published checkpoints name these facts.
LLADA = {
    "architectures": ["LLaDAModelLM"],
    "embedding_size": 126464,
    "eos_token_id": 126081,
    "mask_token_id": 126336,
    "max_sequence_length": 4096,
    "model_type": "llada",
    "pad_token_id": 126081,
    "vocab_size": 126464,
}
DREAM = {
    "architectures": ["DreamModel"],
    "eos_token_id": 151643,
    "mask_token_id": 151666,
    "max_position_embeddings": 131072,
    "model_type": "Dream",
    "pad_token_id": 151643,
    "vocab_size": 152064,
}
LLADA_MOE = {
    "architectures": ["LLaDAMoEModelLM"],
    "eos_token_id": 156892,
    "max_position_embeddings": 8192,
    "model_type": "llada",
    "num_experts": 64,
    "pad_token_id": 156892,
    "vocab_size": 157184,
}


def tokenizer(size: int = 1000, **special: Any) -> SimpleNamespace:
    """As much of a tokenizer as is asked; `added` maps texts of added tokens to ids."""
    added = special.pop("added", {})

    class Tokenizer(SimpleNamespace):
        def __len__(self) -> int:
            return size

        def get_added_vocab(self) -> dict[str, int]:
            return added

    defaults = {"eos_token_id": None, "pad_token_id": None, "mask_token_id": None}
    return Tokenizer(**defaults | special)


def test_llada():
    made = tokenizer(126349, eos_token_id=126081, added={"<|eot_id|>": 126348, "<|image|>": 126350})
    assert facts_of(LLADA, made) == MaskedModelFacts(
        mask_id=126336,
        shift_logits=False,
        end_ids=(126081, 126348),
        pad_id=126081,
        block_length=32,
        vocabulary_size=126464,
        max_length=4096,
        padding="none",
    )


def test_llada_with_an_old_configuration_without_the_mask():
    old = {name: value for name, value in LLADA.items() if name != "mask_token_id"}
    assert facts_of(old, tokenizer()).mask_id == 126336


@pytest.mark.parametrize("kind", ["llada", "lladamoe", "llada_moe"])
def test_llada_with_experts(kind):
    config = {**LLADA_MOE, "model_type": kind}
    facts = facts_of(config, tokenizer(added={"<|role_end|>": 156900}))
    assert (facts.mask_id, facts.shift_logits) == (156895, False)
    assert (facts.end_ids, facts.pad_id) == ((156892, 156900), 156892)
    assert (facts.vocabulary_size, facts.max_length) == (157184, 8192)


@pytest.mark.parametrize("names", [("Dream", "DreamModel"), (None, "DreamModel"), ("Dream", None)])
def test_dream_and_what_has_its_classes(names):
    config = {**DREAM, "model_type": names[0], "architectures": [names[1]] if names[1] else None}
    facts = facts_of(config, tokenizer(added={"<|im_end|>": 151645}))
    assert (facts.mask_id, facts.shift_logits, facts.padding) == (151666, True, "pairs")
    assert facts.end_ids == (151643, 151645)
    assert facts.block_length is None


def test_the_configuration_goes_before_what_is_known_of_the_family():
    config = {**LLADA, "mask_token_id": 7, "eos_token_id": [8, 9], "pad_token_id": None}
    facts = facts_of(config, tokenizer(eos_token_id=9, pad_token_id=5, mask_token_id=6))
    assert (facts.mask_id, facts.end_ids, facts.pad_id) == (7, (8, 9), 5)


def test_a_mask_that_is_padding_too_pads_no_text():
    facts = facts_of({**LLADA, "pad_token_id": 126336}, tokenizer())
    assert (facts.mask_id, facts.pad_id) == (126336, None)


@pytest.mark.parametrize(
    ("config", "made", "message"),
    [
        ({"model_type": "gpt2", "eos_token_id": 1}, tokenizer(), r"gpt2.*mask_id=.*shift_logits="),
        ({}, tokenizer(mask_token_id=4), r"unnamed.*token 4"),
        ({"architectures": ["Mine"], "mask_token_id": 12}, tokenizer(), r"Mine.*token 12"),
        ({"model_type": "llada2_moe"}, tokenizer(), "between blocks"),
        ({"architectures": ["LLaDA2MoeModelLM"]}, tokenizer(), "between blocks"),
        ({**LLADA, "eos_token_id": None}, tokenizer(), "names an end token: pass"),
        ({**LLADA, "embedding_size": 99}, tokenizer(eos_token_id=3), "mask token below 99"),
    ],
)
def test_what_is_not_known_is_asked_for(config, made, message):
    with pytest.raises(ConstrainedDiffusionError, match=message):
        facts_of(config, made)


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_ids": ()},
        {"end_ids": (3, 7)},
        {"pad_id": 7},
        {"block_length": 0},
        {"vocabulary_size": 0},
        {"padding": "right"},
    ],
)
def test_wrong_facts_are_refused(wrong):
    with pytest.raises(ConstrainedDiffusionError, match="MaskedModelFacts needs"):
        MaskedModelFacts(**{"mask_id": 7, "shift_logits": False, "end_ids": (1,)} | wrong)
