"""The vocabulary of the model that vLLM serves."""

from __future__ import annotations

from typing import Any

from ...vocabulary import Vocabulary


def vocabulary_of(model_config: Any, tokenizer: Any) -> Vocabulary:
    """Every token that has a logit; the end tokens are those at which vLLM stops.

    model_config: vLLM's ModelConfig. tokenizer: the model's, as vLLM made it.

    Raises VocabularyError where the tokenizer cannot be read.
    """
    generation = model_config.try_get_generation_config() or {}
    ends = generation.get("eos_token_id")
    end_ids = [ends] if isinstance(ends, int) else list(ends or ())
    if tokenizer.eos_token_id is not None:
        end_ids.append(tokenizer.eos_token_id)
    overrides: dict[str, Any] = {"size": model_config.get_vocab_size()}
    if end_ids:
        overrides["end_ids"] = list(dict.fromkeys(end_ids))
    if generation.get("pad_token_id") is not None:
        overrides["pad_id"] = generation["pad_token_id"]
    return Vocabulary.from_tokenizer(tokenizer, **overrides)
