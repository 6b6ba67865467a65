"""transformers' `generate` of small random DiffusionGemma checkpoints, its drafts recorded."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LogitsProcessorList
from transformers.generation.streamers import BaseStreamer
from transformers.models.diffusion_gemma import generation_diffusion_gemma as stock

import constrained_diffusion as cd

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from tiny_diffusion_gemma import EOS, PAD, SIZE
from tiny_diffusion_gemma import checkpoint as tiny_checkpoint
from tiny_diffusion_gemma import tokenizer as tiny_tokenizer

END = EOS
VOCABULARY = cd.Vocabulary.from_tokenizer(tiny_tokenizer(), end_ids=[END], pad_id=PAD, size=SIZE)


def checkpoint(folder, **options):
    """A random one whose only end token is `END`."""
    return tiny_checkpoint(folder, end_ids=(END,), **options)


def text_of(tokens):
    return VOCABULARY.decode(tokens).decode()


class Drafts(BaseStreamer):
    """Keeps every draft."""

    def __init__(self):
        self.drafts = []

    def put(self, value):
        pass

    def put_draft(self, value):
        self.drafts.append(value.tolist())

    def end(self):
        pass


@dataclass
class Generated:
    """The new tokens of each row, and the drafts of all steps."""

    new: list[list[int]]
    drafts: list[list[list[int]]]


def generate(model, processors, count, canvases, seed, sampler=None):
    """`count` prompts of random tokens, with the settings of `sampler`."""
    sampler = sampler or cd.UniformSampler(steps=4)
    torch.manual_seed(seed)
    ids = torch.randint(10, SIZE - 1, (count, 5))
    streamer = Drafts()
    output = model.generate(
        ids,
        max_new_tokens=canvases * model.config.canvas_length,
        logits_processor=LogitsProcessorList(processors),
        streamer=streamer,
        max_denoising_steps=sampler.steps,
        sampler_config=stock.EntropyBoundSamplerConfig(sampler.entropy_bound),
        t_min=sampler.temperature[0],
        t_max=sampler.temperature[1],
        stability_threshold=sampler.stability,
        confidence_threshold=sampler.confidence,
    )
    return Generated(output.sequences[:, ids.shape[1] :].tolist(), streamer.drafts)
