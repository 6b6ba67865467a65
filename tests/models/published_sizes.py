"""The published DiffusionGemma, without its weights."""

from __future__ import annotations

import torch
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion


def diffusion_gemma() -> dict[str, torch.Tensor]:
    """The tensors of the 26B-A4B model on the "meta" device; sizes of the Gemma 4 26B-A4B and its
    vision tower that it is built on."""
    config = DiffusionGemmaConfig(
        text_config={
            "hidden_size": 2816,
            "intermediate_size": 2112,
            "num_hidden_layers": 30,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 256,
            "global_head_dim": 512,
            "num_global_key_value_heads": 2,
            "num_experts": 128,
            "top_k_experts": 8,
            "moe_intermediate_size": 704,
        },
        vision_config={
            "model_type": "gemma4_vision",
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "head_dim": 72,
        },
    )
    with torch.device("meta"):
        model = DiffusionGemmaForBlockDiffusion(config)
    model.tie_weights()
    return dict(model.named_parameters())
