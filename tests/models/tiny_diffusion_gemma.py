"""Small random checkpoints of transformers' DiffusionGemma, and the stock `generate` as oracle."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    DiffusionGemmaConfig,
    DiffusionGemmaForBlockDiffusion,
    PreTrainedTokenizerFast,
)
from transformers.models.diffusion_gemma import generation_diffusion_gemma as stock

from constrained_diffusion import UniformSampler

PAD, EOS, BOS, END_OF_TURN = range(4)
SPECIAL = ["<pad>", "<eos>", "<bos>", "<turn|>", "<|turn>", "<|channel>", "<channel|>"]
SIZE = 300

# As Gemma 4 writes a chat: turns, and an empty thought where none is wanted.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|turn>{{ m['role'] }}\n{{ m['content'] }}<turn|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn>model\n"
    "{% if not enable_thinking %}<|channel>thought\n<channel|>{% endif %}{% endif %}"
)


def tokenizer(*, chat: bool = True) -> PreTrainedTokenizerFast:
    """Byte-level BPE with Gemma's kind of special tokens, at most `SIZE` tokens."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - 5,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["the quick brown fox", '{"name": "Ada", "age": 36}'] * 3, trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    if chat:
        made.chat_template = CHAT_TEMPLATE
    return made


def configuration(
    *,
    size: int = SIZE,
    canvas_length: int = 8,
    hidden: int = 16,
    layers: int = 2,
    heads: int = 2,
    experts: int = 3,
    window: int = 8,
    bidirectional: str | None = None,
    tied: bool = True,
    spread: float = 0.3,
) -> DiffusionGemmaConfig:
    """Every part of the real model, small; sliding and full layers in turn.

    spread: the standard deviation of the weights. Those of real models before training (0.02) would
    leave most parts, self-conditioning among them, without a trace in the tokens.
    """
    kinds = ["full_attention", "sliding_attention"]
    text = {
        "vocab_size": size,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "global_head_dim": 16,
        "num_global_key_value_heads": 1,
        "sliding_window": window,
        "layer_types": [kinds[(layers - layer - 1) % 2] for layer in range(layers)],
        "num_experts": experts,
        "top_k_experts": 2,
        "moe_intermediate_size": hidden,
        "max_position_embeddings": 4096,
        "use_bidirectional_attention": bidirectional,
        "tie_word_embeddings": tied,
        "initializer_range": spread,
    }
    vision = {
        "model_type": "gemma4_vision",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    return DiffusionGemmaConfig(
        text_config=text,
        vision_config=vision,
        canvas_length=canvas_length,
        image_token_id=size - 1,
        initializer_range=spread,
        tie_word_embeddings=tied,
    )


def checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    sharpness: float = 5.0,
    change: float = 1.0,
    end_ids: tuple[int, ...] = (EOS, END_OF_TURN),
    dtype: torch.dtype = torch.float32,
    **sizes: Any,
) -> DiffusionGemmaForBlockDiffusion:
    """A random model, written to `folder` and read from there.

    sharpness: the standard deviation of the logits (before they are capped at 30).
    change: how much each layer adds. With a small one and tied weights the model predicts the
        canvas that it is shown, so that it converges.
    """
    torch.manual_seed(seed)
    model = DiffusionGemmaForBlockDiffusion(configuration(**sizes))
    with torch.no_grad():
        hidden = model.lm_head.weight.shape[1]
        model.lm_head.weight *= sharpness / (model.lm_head.weight.std() * hidden**0.5)
        for name, weight in model.named_parameters():
            if "post_attention_layernorm.w" in name or "post_feedforward_layernorm.w" in name:
                weight.fill_(change)
    model.generation_config = stock.DiffusionGemmaGenerationConfig(
        eos_token_id=list(end_ids), pad_token_id=PAD, bos_token_id=BOS
    )
    model.to(dtype).save_pretrained(folder)
    return DiffusionGemmaForBlockDiffusion.from_pretrained(folder, dtype=dtype).eval()


def draw_options(rng: random.Random) -> dict[str, Any]:
    """Random options of `checkpoint`."""
    return {
        "seed": rng.randrange(10**6),
        "sharpness": rng.choice([0.5, 5.0, 20.0, 50.0]),
        "change": rng.choice([0.1, 1.0]),
        "spread": rng.choice([0.05, 0.1, 0.3]),
        "end_ids": (EOS, END_OF_TURN, *rng.sample(range(20, 280), rng.choice([0, 5, 20]))),
        "dtype": rng.choice([torch.float32, torch.float32, torch.bfloat16]),
        "canvas_length": rng.choice([4, 8, 16]),
        "hidden": rng.choice([16, 32]),
        "layers": rng.choice([1, 2, 3]),
        "heads": rng.choice([1, 2]),
        "experts": rng.choice([2, 4]),
        "window": rng.choice([4, 16, 512]),
        "bidirectional": rng.choice([None, "vision"]),
        "tied": rng.choice([True, True, False]),
    }


@dataclass(frozen=True)
class Case:
    """What both loops are asked to do."""

    prompts: tuple[str, ...]
    canvases: int
    seed: int
    sampler: UniformSampler

    @classmethod
    def draw(cls, rng: random.Random) -> Case:
        """A random one."""
        words = ["the", "quick", "brown", "fox", "Ada", "36", "{name}", "\u00e9", "over", "\n"]
        t_min = rng.choice([0.0, 0.1, 0.4, 0.8])
        return cls(
            prompts=tuple(
                " ".join(rng.choices(words, k=rng.randint(1, 9)))
                for _ in range(rng.choice([1, 1, 2, 3]))
            ),
            canvases=rng.randint(1, 3),
            seed=rng.randrange(10**6),
            sampler=UniformSampler(
                steps=rng.choice([1, 2, 5, 9, 16]),
                entropy_bound=rng.choice([0.01, 0.1, 1.0, 5.0, 50.0]),
                temperature=(t_min, t_min + rng.choice([0.05, 0.4, 1.0])),
                stability=rng.choice([0, 1, 1, 2]),
                confidence=rng.choice([0.005, 0.3, 2.0, 10.0]),
            ),
        )


def encode(denoiser: Any, prompts: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """What a user of `generate` makes of prompts: the chat template, padding from the left."""
    made = denoiser.tokenizer
    if made.chat_template is None:
        encoded = made(list(prompts), padding=True, padding_side="left", return_tensors="pt")
    else:
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        encoded = made.apply_chat_template(
            chats,
            add_generation_prompt=True,
            enable_thinking=False,
            padding=True,
            return_dict=True,
            return_tensors="pt",
            tokenizer_kwargs={"padding_side": "left"},
        )
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def stock_generate(
    model: DiffusionGemmaForBlockDiffusion, encoded: Any, case: Case
) -> tuple[list[list[int]], list[int]]:
    """The new tokens of each row by transformers' `generate`, and the steps that it counts."""
    sampler = case.sampler
    counts: list[torch.Tensor] = []
    torch.manual_seed(case.seed)
    # `generate` counts the steps of each row, but returns only tokens per step.
    count = model._compute_tokens_per_forward
    model._compute_tokens_per_forward = lambda ids, passes, *rest: counts.append(passes)
    try:
        output = model.generate(
            **encoded,
            max_new_tokens=case.canvases * model.config.canvas_length,
            max_denoising_steps=sampler.steps,
            sampler_config=stock.EntropyBoundSamplerConfig(sampler.entropy_bound),
            t_min=sampler.temperature[0],
            t_max=sampler.temperature[1],
            stability_threshold=sampler.stability,
            confidence_threshold=sampler.confidence,
        )
    finally:
        model._compute_tokens_per_forward = count
    new = output.sequences[:, encoded["input_ids"].shape[1] :]
    return new.tolist(), counts[0].tolist()
