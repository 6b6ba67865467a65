"""Batches of examples as tensors, bucketed by length and made in a process of their own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.text.records import Example, examples, value_spans
from training.text.tokenizer import END_ID, PAD_ID

CANVAS = 128
PROMPT = 160
SHAPES = ((80, 48), (112, 64), (PROMPT, CANVAS))
"""Padded sizes (prompt, canvas) of a batch: few, because each is compiled on its own."""


@dataclass(frozen=True)
class Encoded:
    """One example as tokens.

    Attributes:
        prompt: tokens of the passage, and of the hint unless it was dropped.
        canvas: tokens of the record and the end token.
        values: True at the canvas tokens that hold (part of) a value.
    """

    prompt: list[int]
    canvas: list[int]
    values: list[bool]


@dataclass(frozen=True)
class Batch:
    """Padded tensors: prompt [B, P] int64, canvas [B, L] int64, values [B, L] bool."""

    prompt: Tensor
    canvas: Tensor
    values: Tensor


def encode(example: Example, tokenizer: Tokenizer, hint: bool) -> Encoded | None:
    """Return the tokens of an example, or None if it is too long."""
    text = example.passage + ("\n" + example.hint if hint else "")
    prompt = tokenizer.encode(text).ids
    record = tokenizer.encode(example.text)
    if len(prompt) > PROMPT or len(record.ids) + 1 > CANVAS:
        return None
    inside = np.zeros(len(example.text) + 1, dtype=bool)
    for start, end in value_spans(example):
        inside[start:end] = True
    values = [bool(inside[start:end].any()) for start, end in record.offsets]
    return Encoded(prompt, [*record.ids, END_ID], [*values, False])


def _bucket(e: Encoded) -> int:
    """Return the index of the smallest shape that holds an example."""
    p, c = len(e.prompt), len(e.canvas)
    return next(i for i, s in enumerate(SHAPES) if (p <= s[0] and c < s[1]) or s[1] == CANVAS)


def collate(encoded: list[Encoded], full: bool = False) -> Batch:
    """Pad to the smallest of ``SHAPES`` that holds the batch, or to the largest."""
    prompts, canvases = (
        max(map(len, part)) for part in zip(*((e.prompt, e.canvas) for e in encoded), strict=True)
    )
    # At least one position of padding is shown, so that what follows the end is learnt.
    fits = (s for s in SHAPES if s[0] >= prompts and s[1] >= min(canvases + 1, CANVAS))
    p, c = SHAPES[-1] if full else next(fits)
    prompt = np.full((len(encoded), p), PAD_ID, dtype=np.int64)
    canvas = np.full((len(encoded), c), PAD_ID, dtype=np.int64)
    values = np.zeros((len(encoded), c), dtype=bool)
    for row, e in enumerate(encoded):
        prompt[row, : len(e.prompt)] = e.prompt
        canvas[row, : len(e.canvas)] = e.canvas
        values[row, : len(e.values)] = e.values
    return Batch(torch.from_numpy(prompt), torch.from_numpy(canvas), torch.from_numpy(values))


class _Stream(IterableDataset[Batch]):
    """An endless stream of training batches."""

    def __init__(self, tokenizer: str, size: int, seed: int, full_share: float) -> None:
        self.tokenizer = tokenizer
        self.size = size
        self.seed = seed
        self.full_share = full_share

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        tokenizer = Tokenizer.from_str(self.tokenizer)
        rng = random.Random(f"batches/{self.seed}")
        pool: list[Encoded] = []
        for example in examples(self.seed):
            encoded = encode(example, tokenizer, hint=rng.random() < 0.75)
            if encoded is not None:
                pool.append(encoded)
            if len(pool) == self.size * 32:
                pool.sort(key=_bucket)
                parts = [pool[i : i + self.size] for i in range(0, len(pool), self.size)]
                rng.shuffle(parts)
                pool = []
                for part in parts:
                    yield collate(part, full=rng.random() < self.full_share)


def stream(tokenizer: Tokenizer, size: int, seed: int, full_share: float = 0.08) -> Iterator[Batch]:
    """Yield training batches for ever, prepared in a separate process."""
    data = _Stream(tokenizer.to_str(), size, seed, full_share)
    loader: Any = DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=16)
    return iter(loader)


def held_out(tokenizer: Tokenizer, name: str, size: int, hint: bool, seed: int = 1) -> list[Any]:
    """Return ``size`` pairs (example, encoded) of a held-out set."""
    pairs = ((e, encode(e, tokenizer, hint)) for e in examples(seed, name))
    return list(itertools.islice((p for p in pairs if p[1] is not None), size))
