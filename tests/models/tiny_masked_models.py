"""Small random models that are called like the remote code of LLaDA and Dream, and cases of use."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import published_masked_samplers as published
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast

import constrained_diffusion as cd
from constrained_diffusion.models.masked_facts import MaskedModelFacts, facts_of
from constrained_diffusion.models.masked_model import MaskedModelDenoiser

SPECIAL = ["<|endoftext|>", "<|startoftext|>", "<|eot_id|>", "<|im_start|>", "<|mdm_mask|>"]
END, START, TURN_END, _, MASK = range(256, 261)
TOKENS = 256 + len(SPECIAL)
# More logits than tokens, as LLaDA has them.
SIZE = TOKENS + 11

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(*, chat: bool = True) -> PreTrainedTokenizerFast:
    """A token for each byte, then special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(SPECIAL)
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )
    if chat:
        made.chat_template = CHAT_TEMPLATE
    return made


class TinyMaskedModel(nn.Module):
    """A transformer in which every position sees every other, with rotary positions."""

    def __init__(
        self,
        *,
        size: int = SIZE,
        hidden: int = 16,
        layers: int = 2,
        seed: int = 0,
        sharpness: float = 3.0,
        mask_id: int = MASK,
    ) -> None:
        """
        sharpness: the standard deviation of the logits.
        mask_id: its logit is far below the others, as training makes it: no model is taught to
            predict the mask token.
        """
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(size, hidden)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "mixed": nn.Linear(hidden, 3 * hidden),
                    "out": nn.Linear(hidden, hidden),
                    "up": nn.Linear(hidden, 2 * hidden),
                    "down": nn.Linear(2 * hidden, hidden),
                }
            )
            for _ in range(layers)
        )
        self.head = nn.Linear(hidden, size)
        with torch.no_grad():
            self.head.weight.normal_(std=sharpness / hidden**0.5)
            self.head.bias.zero_()
            self.head.bias[mask_id] = -1e4

    def read(self, ids: torch.Tensor, seen: Any, positions: Any) -> SimpleNamespace:
        """ids [B, N]; seen: None or bool [B, 1, N, N]; positions: None or [B, N]."""
        if positions is None:
            positions = torch.arange(ids.shape[1])[None]
        hidden = self.embedding(ids)
        for layer in self.layers:
            normed = nn.functional.layer_norm(hidden, hidden.shape[-1:])
            query, key, value = layer["mixed"](normed).chunk(3, -1)
            mixed = nn.functional.scaled_dot_product_attention(
                _rotated(query, positions)[:, None],
                _rotated(key, positions)[:, None],
                value[:, None],
                attn_mask=seen,
            )[:, 0]
            hidden = hidden + layer["out"](mixed)
            normed = nn.functional.layer_norm(hidden, hidden.shape[-1:])
            hidden = hidden + layer["down"](torch.relu(layer["up"](normed)))
        hidden = nn.functional.layer_norm(hidden, hidden.shape[-1:])
        return SimpleNamespace(logits=self.head(hidden))


class TinyLlada(TinyMaskedModel):
    """Called as LLaDA's code since October 2025: attention_mask [B, N]."""

    config = SimpleNamespace(model_type="llada")

    def forward(self, input_ids: Any, attention_mask: Any = None) -> SimpleNamespace:
        seen = None
        if attention_mask is not None and (attention_mask == 0).any():
            seen = (attention_mask == 1)[:, None, None, :]
        return self.read(input_ids, seen, None)


class TinyDream(TinyMaskedModel):
    """Called as Dream's code: attention_mask bool [B, 1, N, N] (or none), position_ids."""

    def forward(
        self, input_ids: Any, attention_mask: Any = None, position_ids: Any = None
    ) -> SimpleNamespace:
        assert attention_mask is None or attention_mask.shape[1:] == (
            1,
            input_ids.shape[1],
            input_ids.shape[1],
        )
        return self.read(input_ids, attention_mask, position_ids)


def _rotated(values: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    half = values.shape[-1] // 2
    angles = positions[..., None] / 100 ** (torch.arange(half) / half)
    left, right = values[..., :half], values[..., half:]
    sine, cosine = angles.sin(), angles.cos()
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], -1)


LLADA_CONFIG = {
    "model_type": "llada",
    "architectures": ["LLaDAModelLM"],
    "mask_token_id": MASK,
    "eos_token_id": END,
    "pad_token_id": END,
    "embedding_size": SIZE,
    "vocab_size": SIZE,
    "max_sequence_length": 4096,
}
DREAM_CONFIG = {
    "model_type": "Dream",
    "architectures": ["DreamModel"],
    "mask_token_id": MASK,
    "eos_token_id": END,
    "pad_token_id": END,
    "vocab_size": SIZE,
    "max_position_embeddings": 2048,
}


def denoiser(
    kind: type[TinyMaskedModel],
    *,
    length: int = 16,
    chat: bool = True,
    facts: MaskedModelFacts | None = None,
    **sizes: Any,
) -> MaskedModelDenoiser:
    """A random model of that kind with its tokenizer and the facts of its family."""
    made = tokenizer(chat=chat)
    config = LLADA_CONFIG if kind is TinyLlada else DREAM_CONFIG
    return MaskedModelDenoiser(
        kind(**sizes), made, facts or facts_of(config, made), canvas_length=length
    )


def final_canvas(
    denoiser: MaskedModelDenoiser, prompt: str, sampler: cd.MaskedSampler, seed: int
) -> list[int]:
    """The tokens of one canvas as they are before what follows an end token is made padding."""
    drafts: list[list[int]] = []
    cd.generate(
        denoiser,
        prompt,
        sampler=sampler,
        seed=seed,
        on_step=lambda step: drafts.append(step.draft.tolist()),
    )
    return drafts[-1]


def encoded(denoiser: MaskedModelDenoiser, prompt: str) -> torch.Tensor:
    """What a user of the published code makes of a prompt: ids [1, P]."""
    if denoiser.tokenizer.chat_template is None:
        return torch.tensor([denoiser.tokenizer(prompt)["input_ids"]])
    rendered = denoiser.tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
    )
    return torch.tensor([denoiser.tokenizer(rendered, add_special_tokens=False)["input_ids"]])


PUBLISHED = (
    "LLaDA, low confidence",
    "LLaDA, random",
    "Fast-dLLM, threshold",
    "Dream, maskgit_plus",
    "Dream, topk_margin",
    "Dream, entropy",
    "Dream, origin",
)

_WORDS = ("the", "quick", "brown", "fox", "Ada", "36", "{name}", "\u00e9", "over", "\n")


@dataclass(frozen=True)
class Case:
    """What a published sampler and ours are asked to do."""

    name: str
    prompt: str
    seed: int
    length: int
    model: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def draw(cls, name: str, rng: random.Random) -> Case:
        """A random one: model, prompt, seed and options."""
        block_length = rng.choice([4, 6, 12])
        blocks = rng.choice([1, 2, 3])
        length = block_length * blocks
        temperature = rng.choice([0.0, 0.0, 0.3, 1.0])
        options: dict[str, Any] = {"temperature": temperature}
        if name.startswith("Dream"):
            options["steps"] = rng.randint(1, 2 * length)
            if name == "Dream, origin":
                options["temperature"] = 0.0
            else:
                options["alg_temp"] = rng.choice([None, None, 0.0, 0.1, 1.0])
            options["top_p"] = rng.choice([None, 0.5, 0.95])
            options["top_k"] = rng.choice([None, 1, 5])
        elif name.startswith("LLaDA"):
            options |= {
                "block_length": block_length,
                "steps": blocks * rng.randint(1, block_length),
            }
        else:
            options |= {"block_length": block_length, "threshold": rng.choice([0.05, 0.3, 0.9])}
        return cls(
            name=name,
            prompt=" ".join(rng.choices(_WORDS, k=rng.randint(1, 9))),
            seed=rng.randrange(10**6),
            length=length,
            model={
                "seed": rng.randrange(10**6),
                "layers": rng.randint(1, 3),
                "hidden": rng.choice([8, 16, 32]),
                "sharpness": rng.choice([1.0, 3.0, 6.0]),
                "chat": rng.random() < 0.7,
            },
            options=options,
        )

    @property
    def draws_differ(self) -> bool:
        """Whether the published code draws for the prompt's positions, or in another way, so that
        the oracle has to draw for the canvas alone to be comparable."""
        options = self.options
        if self.name.startswith("Dream"):
            return bool(options.get("alg_temp"))
        return self.name == "LLaDA, random" or options["temperature"] > 0

    @property
    def sampler(self) -> cd.MaskedSampler:
        """Ours, with the settings that its documentation names."""
        options = self.options
        if self.name.startswith("Dream"):
            orders = {"maskgit_plus": "confidence", "topk_margin": "margin", "origin": "random"}
            alg = self.name.split(", ")[1]
            return cd.MaskedSampler(
                steps=options["steps"],
                order=orders.get(alg, alg),
                schedule="linear",
                temperature=options["temperature"],
                top_p=options["top_p"],
                top_k=options["top_k"],
                order_temperature=options.get("alg_temp") or 0.0,
            )
        return cd.MaskedSampler(
            steps=options.get("steps", self.length),
            block_length=options["block_length"],
            order="random" if self.name == "LLaDA, random" else "confidence",
            threshold=options.get("threshold"),
            temperature=options["temperature"],
            raw_confidence=True,
        )

    def ours(self) -> list[int]:
        """The canvas that our sampler fills."""
        return final_canvas(self._denoiser(), self.prompt, self.sampler, self.seed)

    def theirs(self) -> list[int]:
        """The canvas that the published one fills, on the global generator."""
        made = self._denoiser()
        prompt = encoded(made, self.prompt)
        options: dict[str, Any] = dict(self.options, mask_id=MASK)
        if self.draws_differ:
            options["draws"] = published.CANVAS_ONLY
        torch.manual_seed(self.seed)
        with torch.no_grad():
            if self.name.startswith("Dream"):
                alg = self.name.split(", ")[1]
                tokens = published.dream_generate(
                    made.model, prompt, max_new_tokens=self.length, alg=alg, **options
                )
            elif self.name.startswith("LLaDA"):
                remasking = self.name.split(", ")[1].replace(" ", "_")
                tokens = published.llada_generate(
                    made.model, prompt, gen_length=self.length, remasking=remasking, **options
                )
            else:
                tokens = published.fast_dllm_generate(
                    made.model, prompt, gen_length=self.length, **options
                )
        return tokens[0].tolist()

    def _denoiser(self) -> MaskedModelDenoiser:
        kind = TinyDream if self.name.startswith("Dream") else TinyLlada
        return denoiser(kind, length=self.length, **self.model)
