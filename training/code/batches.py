"""Batches of holes as tensors, made in a process of their own.

A context is a stretch of a file in which one to `HOLES` pieces are replaced by hole marks. The
encoder reads it once for `ROWS` canvases, each of which belongs to one of its holes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.code.dataset import Corpus
from training.code.holes import draw_holes
from training.code.tokenizer import END_ID, HOLE_ID, PAD_ID

CANVAS = 96
BEFORE, AFTER = 384, 192
"""Tokens of the context before a hole, and after it, that the network reads."""
HOLES = 3
ROWS = 3
_CHARACTERS = 5
"""A token has fewer characters than this, on average over a context."""


@dataclass(frozen=True)
class Shape:
    """Padded sizes of a batch: few, because each is compiled on its own.

    The canvas is drawn before the holes, so that its length says nothing about theirs, but that
    they fit.
    """

    before: int
    after: int
    canvas: int
    contexts: int
    share: float

    @property
    def prompt(self) -> int:
        """Positions of the encoder."""
        return self.before + 1 + self.after


SHAPES = (
    Shape(64, 31, 24, 24, 0.72),
    Shape(128, 63, CANVAS, 10, 0.14),
    Shape(BEFORE, AFTER - 1, 32, 6, 0.07),
    Shape(BEFORE, AFTER - 1, CANVAS, 5, 0.07),
)
"""Most contexts are short: an hour on one core is little, and what is copied mostly stands near."""


@dataclass(frozen=True)
class Context:
    """A stretch of a file as tokens.

    Attributes:
        prompt: tokens with hole marks.
        holes: for each canvas the position of its hole mark in the prompt, and its tokens with
            the end token.
    """

    prompt: list[int]
    holes: list[tuple[int, list[int]]]


@dataclass(frozen=True)
class Batch:
    """Padded tensors of C contexts and R canvases.

    Attributes:
        prompt: int64 [C, P].
        owner: the context of each canvas, int64 [R].
        origin: the position of each canvas's hole mark, int64 [R].
        canvas: clean tokens, int64 [R, L].
    """

    prompt: Tensor
    owner: Tensor
    origin: Tensor
    canvas: Tensor


def draw_context(
    corpus: Corpus, index: int, shape: Shape, tokenizer: Tokenizer, count: int, rng: random.Random
) -> Context | None:
    """A context with up to `count` holes in file `index`; None where the draw has no hole or one
    that the canvas does not hold."""
    text = corpus.file(index)
    reach = shape.after * 2
    holes = draw_holes(text, corpus.pieces(index), count, reach, rng)
    if not holes:
        return None
    anchor = holes[0]
    holes.sort(key=lambda hole: hole.start)
    first = max(0, holes[0].start - shape.before * _CHARACTERS)
    ends = [first, *(hole.end for hole in holes)]
    starts = [*(hole.start for hole in holes), holes[-1].end + shape.after * _CHARACTERS]
    between = [text[a:b] for a, b in zip(ends, starts, strict=True)]
    inside = [text[hole.start : hole.end] for hole in holes]
    ids = [e.ids for e in tokenizer.encode_batch(between + inside)]
    prompt, marks = list(ids[0]), []
    for tokens in ids[1 : len(between)]:
        marks.append(len(prompt))
        prompt += [HOLE_ID, *tokens]
    own = holes.index(anchor)
    cut = max(0, marks[own] - shape.before)
    stop = marks[own] + 1 + shape.after
    filled = [
        (mark - cut, [*tokens, END_ID])
        for mark, tokens in zip(marks, ids[len(between) :], strict=True)
        if cut <= mark < stop and len(tokens) < shape.canvas
    ]
    if marks[own] - cut not in {mark for mark, _ in filled}:
        return None
    return Context(prompt[cut:stop], filled)


def collate(contexts: list[Context], prompt: int, canvas: int, rows: int) -> Batch:
    """Padded tensors; holes are repeated where a context has fewer than `rows`."""
    count = len(contexts) * rows
    prompts = np.full((len(contexts), prompt), PAD_ID, dtype=np.int64)
    owner = np.repeat(np.arange(len(contexts)), rows)
    origin = np.zeros(count, dtype=np.int64)
    canvases = np.full((count, canvas), PAD_ID, dtype=np.int64)
    for index, context in enumerate(contexts):
        prompts[index, : len(context.prompt)] = context.prompt
        for row in range(rows):
            place, tokens = context.holes[row % len(context.holes)]
            origin[index * rows + row] = place
            canvases[index * rows + row, : len(tokens)] = tokens
    return Batch(*(torch.from_numpy(part) for part in (prompts, owner, origin, canvases)))


class _Stream(IterableDataset[Batch]):
    """An endless stream of training batches."""

    def __init__(self, corpus: Corpus, tokenizer: str, seed: int) -> None:
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.seed = seed

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        tokenizer = Tokenizer.from_str(self.tokenizer)
        rng = random.Random(f"batches/{self.seed}")
        files = self.corpus.files("training")
        sizes = np.cumsum(np.diff(self.corpus.starts)[files])
        while True:
            shape = rng.choices(SHAPES, [s.share for s in SHAPES])[0]
            contexts: list[Context] = []
            while len(contexts) < shape.contexts:
                place = int(np.searchsorted(sizes, rng.randrange(int(sizes[-1])), "right"))
                count = rng.randint(1, HOLES)
                index = int(files[place])
                context = draw_context(self.corpus, index, shape, tokenizer, count, rng)
                if context is not None:
                    contexts.append(context)
            yield collate(contexts, shape.prompt, shape.canvas, ROWS)


def stream(corpus: Corpus, tokenizer: Tokenizer, seed: int) -> Iterator[Batch]:
    """Training batches for ever, prepared in a separate process."""
    data = _Stream(corpus, tokenizer.to_str(), seed)
    loader: Any = DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=8)
    return iter(loader)
