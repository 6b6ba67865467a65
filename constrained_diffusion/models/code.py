"""The bundled code denoiser: writes what is missing between a prefix and a suffix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer

from ..errors import ConstrainedDiffusionError
from .protocol import Noise
from .transformer import DenoiserTransformer
from .transformer_denoiser import TransformerDenoiser

if TYPE_CHECKING:
    from torch import Tensor

_HOLE_TOKEN = "<hole>"
_CHARACTERS_READ = 16
"""Characters of the surrounding text that are tokenised for each token that the network reads:
more than nearly any text needs, and few enough for texts of any length."""


@dataclass(frozen=True)
class InfillPrompt:
    """A text with a hole: what stands before it and after it.

    Raises ConstrainedDiffusionError where one of them is no text that UTF-8 can hold.
    """

    prefix: str
    suffix: str

    def __post_init__(self) -> None:
        for name in ("prefix", "suffix"):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise ConstrainedDiffusionError(f"{name}: a text, got {type(text).__name__}")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ConstrainedDiffusionError(f"{name}: no valid text: {error}") from None


class CodeDenoiser(TransformerDenoiser):
    """A small network that reads the Python around a hole and writes what stands in it.

    Canvas positions that are not decided hold the mask token; after the text come an end token and
    padding.
    """

    kind = "code"
    sizes = ("canvas_length", "prefix_length", "suffix_length")
    noise: Noise = "masked"
    uses_self_conditioning = False

    def __init__(
        self,
        network: DenoiserTransformer,
        tokenizer: Tokenizer,
        *,
        canvas_length: int = 96,
        prefix_length: int = 384,
        suffix_length: int = 191,
    ) -> None:
        """
        network: the trained network; put into evaluation mode.
        tokenizer: its tokenizer, with tokens for the end, the mask and a hole.
        canvas_length: L, the positions of a canvas.
        prefix_length, suffix_length: the most tokens before and after the hole that are read.
        """
        # Text that looks like a special token is text.
        tokenizer.encode_special_tokens = True
        super().__init__(network, tokenizer, canvas_length=canvas_length)
        self.prefix_length = prefix_length
        self.suffix_length = suffix_length
        self._hole_id = self._special(tokenizer, _HOLE_TOKEN)

    def infill_prompt(self, prefix: str, suffix: str) -> InfillPrompt:
        """The prompt that `infill` gives to `denoise`."""
        return InfillPrompt(prefix, suffix)

    def denoise(
        self,
        prompt: InfillPrompt | str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Log-probabilities float32 [B, L, V] of the clean canvas; see `Denoiser.denoise`.

        prompt: a plain text is a prefix with nothing after the hole.
        previous: earlier canvases [B, K], read as text before the hole.
        self_conditioning: not used.
        """
        if isinstance(prompt, str):
            prompt = InfillPrompt(prompt, "")
        before, after = self.encode_prompt(prompt)
        with torch.no_grad():
            if previous is None or not previous.shape[1]:
                memory = self._read([*before, self._hole_id, *after], len(canvas)).at(len(before))
            else:
                memory = self.network.encode(self._continued(before, previous, after))
                memory = memory.at(memory.ids.shape[1] - len(after) - 1)
            return self.network.decode(memory, canvas.to(self.device), None).log_probabilities()

    def encode_prompt(self, prompt: InfillPrompt) -> tuple[list[int], list[int]]:
        """Tokens before and after the hole: the nearest `prefix_length` and `suffix_length`."""
        left = prompt.prefix[-self.prefix_length * _CHARACTERS_READ :]
        right = prompt.suffix[: self.suffix_length * _CHARACTERS_READ]
        before, after = (self.tokenizer.encode(text).ids for text in (left, right))
        return before[-self.prefix_length :], after[: self.suffix_length]

    def _continued(self, before: list[int], previous: Tensor, after: list[int]) -> Tensor:
        """Prompts int64 [B, P] in which earlier canvases stand before the hole."""
        rows = previous.to(self.device)
        left = torch.tensor(before, dtype=torch.int64, device=self.device)
        right = torch.tensor([self._hole_id, *after], device=self.device)
        joined = torch.cat([left.expand(len(rows), -1), rows], 1)[:, -self.prefix_length :]
        return torch.cat([joined, right.expand(len(rows), -1)], 1)
