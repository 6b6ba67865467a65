"""Small random left-to-right models of transformers' real classes."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Gemma4ForCausalLM, Gemma4TextConfig


def gemma(size: int, seed: int, **options: Any) -> Gemma4ForCausalLM:
    """Gemma 4 over `size` tokens. options: of its configuration."""
    torch.manual_seed(seed)
    config = Gemma4TextConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        global_head_dim=16,
        layer_types=["sliding_attention", "full_attention"],
        num_kv_shared_layers=0,
        **options,
    )
    return Gemma4ForCausalLM(config).eval()
