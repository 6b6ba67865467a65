"""A denoiser that knows a text and is wrong at some of its positions."""

from __future__ import annotations

import random
import zlib
from collections import defaultdict

import torch
from torch import Tensor

import constrained_diffusion as cd
from constrained_diffusion.models.base import BaseDenoiser
from constrained_diffusion.models.protocol import Noise

_CANDIDATES = 40
_TAIL = 16.0
"""Nats of a position's best token above the mean of all tokens that are no candidates."""

_POOL = 1 << 20
_ABSENT = 0.02
"""Share of the wrong positions whose true token is no candidate."""


class ConfusionSource:
    """Tokens that may be taken for another, and random logits for the tail of a vocabulary."""

    def __init__(self, vocabulary: cd.Vocabulary, seed: int = 0) -> None:
        self.vocabulary = vocabulary
        tokens = vocabulary.tokens
        self._short = [i for i, word in enumerate(tokens) if word and len(word) <= 16]
        self._alike: dict[bytes, list[int]] = defaultdict(list)
        for i in self._short:
            self._alike[(tokens[i] or b"")[:2]].append(i)
        generator = torch.Generator().manual_seed(seed)
        self._pool = torch.randn(_POOL + len(vocabulary), generator=generator) - _TAIL

    def tail(self, source: random.Random, length: int) -> Tensor:
        """Logits [length, V], small ones."""
        offsets = torch.tensor([source.randrange(_POOL) for _ in range(length)])
        return self._pool.unfold(0, len(self.vocabulary), 1)[offsets]

    def confused(self, source: random.Random, tokens: list[int], place: int) -> int:
        """A wrong token: a neighbour's, one that begins alike, one of the text, or any."""
        kind = source.random()
        if kind < 0.3:
            return tokens[min(len(tokens) - 1, max(0, place + source.choice((-1, 1))))]
        if kind < 0.6:
            word = self.vocabulary.tokens[tokens[place]]
            alike = self._alike[word[:2]] if word else []
            return source.choice(alike or self._short)
        if kind < 0.8:
            return source.choice(tokens)
        return source.choice(self._short)


class NoisyDenoiser(BaseDenoiser):
    """Predicts `tokens` [L] with a share of wrong positions.

    At a right position the true token is the most probable one, at a wrong one another is, and the
    true one comes up to eight places later, or not at all among the candidates. Other candidates
    are tokens of the same text and random ones.
    """

    uses_self_conditioning = False

    def __init__(
        self,
        confusion: ConfusionSource,
        tokens: list[int],
        *,
        wrong: float,
        persistent: bool,
        noise: Noise,
        seed: int = 0,
    ) -> None:
        """wrong: the share of wrong positions; persistent: the same ones, wrong in the same way,
        at every step, else others for each canvas."""
        self.vocabulary = confusion.vocabulary
        self.canvas_length = len(tokens)
        self.noise: Noise = noise
        self._confusion = confusion
        self._tokens = tokens
        self._wrong = wrong
        self._persistent = persistent
        self._seed = seed
        self.last: Tensor | None = None

    def denoise(
        self,
        prompt: str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Logits float32 [1, L, V]; see `Denoiser.denoise`."""
        if self.last is None or not self._persistent:
            data = b"" if self._persistent else canvas[0].cpu().numpy().tobytes()
            self.last = self._logits(random.Random(zlib.crc32(data, self._seed)))
        return self.last[None]

    def _logits(self, source: random.Random) -> Tensor:
        logits = self._confusion.tail(source, self.canvas_length)
        for place in range(self.canvas_length):
            ranked = self._ranked(source, place)
            # A model that is right is the surer of it, on the whole.
            is_right = ranked[0] == self._tokens[place]
            slope = source.uniform(0.8, 2.5) if is_right else source.uniform(0.4, 1.6)
            ranks = torch.arange(len(ranked), dtype=torch.float32)
            logits[place, torch.tensor(ranked)] = -slope * ranks.pow(0.6)
        return logits

    def _ranked(self, source: random.Random, place: int) -> list[int]:
        """The candidates of a position, the most probable one first."""
        true = self._tokens[place]
        others = [self._confusion.confused(source, self._tokens, place) for _ in range(_CANDIDATES)]
        others = [token for token in dict.fromkeys(others) if token != true]
        if source.random() >= self._wrong or not others:
            return [true, *others]
        if source.random() < _ABSENT:
            return others
        place = 1
        while place < 8 and source.random() < 0.5:
            place += 1
        return [*others[:place], true, *others[place:]]
