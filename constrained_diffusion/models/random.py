"""A denoiser that knows nothing: the hardest case for a constraint, and a cheap one to run."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import torch

from ..errors import ConstrainedDiffusionError, VocabularyError
from .base import BaseDenoiser
from .protocol import Noise

if TYPE_CHECKING:
    from torch import Tensor

    from ..vocabulary import Vocabulary

_OFFSETS = 1 << 20
"""How many windows of the pool of random numbers a row of logits may be."""


class RandomDenoiser(BaseDenoiser):
    """Gaussian logits of standard deviation `scale`, for tests and benchmarks.

    The logits are a function of the seed, the prompt, the previous canvases and the canvas. Each
    row is a window of one pool of random numbers, so that a step over a large vocabulary costs a
    copy and not 10^8 draws.
    """

    uses_self_conditioning = False

    def __init__(
        self,
        vocabulary: Vocabulary,
        canvas_length: int,
        *,
        noise: Noise = "uniform",
        seed: int = 0,
        scale: float = 1.0,
    ) -> None:
        """Raises VocabularyError for masked noise without a mask token in the vocabulary."""
        if noise not in ("uniform", "masked"):
            raise ConstrainedDiffusionError(f"noise is 'uniform' or 'masked', got {noise!r}")
        if noise == "masked" and vocabulary.mask_id is None:
            raise VocabularyError("masked noise needs a vocabulary with a mask_id")
        if canvas_length < 1:
            raise ConstrainedDiffusionError(f"canvas_length is at least 1, got {canvas_length}")
        self.vocabulary = vocabulary
        self.canvas_length = canvas_length
        self.noise: Noise = noise
        self.seed = seed
        generator = torch.Generator().manual_seed(seed)
        self._pool = scale * torch.randn(_OFFSETS + len(vocabulary), generator=generator)

    def denoise(
        self,
        prompt: str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Logits float32 [B, L, V]; see `Denoiser.denoise`. Self-conditioning is not looked at."""
        windows = self._pool.unfold(0, len(self.vocabulary), 1)
        offsets = []
        for row in range(len(canvas)):
            generator = torch.Generator().manual_seed(self._row_seed(prompt, canvas, previous, row))
            offsets.append(torch.randint(_OFFSETS, canvas.shape[1:], generator=generator))
        return windows[torch.stack(offsets)]

    def _row_seed(self, prompt: str, canvas: Tensor, previous: Tensor | None, row: int) -> int:
        digest = zlib.crc32(prompt.encode("utf-8", "surrogatepass"), self.seed & 0xFFFFFFFF)
        for tokens in (previous, canvas):
            if tokens is not None:
                digest = zlib.crc32(tokens[row].cpu().numpy().tobytes(), digest)
        return digest
