"""The bundled text denoiser: its prompts and self-conditioning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from .hint import render_hint
from .protocol import Noise
from .transformer import DenoiserTransformer, Memory
from .transformer_denoiser import TransformerDenoiser

if TYPE_CHECKING:
    from torch import Tensor

_SEPARATOR = "\n"


class TextDenoiser(TransformerDenoiser):
    """A small network that reads a passage and writes a JSON record of it.

    Prompts are a passage, best followed by a line that names the wanted fields: `render_prompt`
    adds it from a schema.
    """

    kind = "text"
    sizes = ("canvas_length", "prompt_length")
    noise: Noise = "uniform"
    uses_self_conditioning = True
    # Commits that stay give more right values than the published loop: benchmarks/text_quality.py.
    preferred_sampler: Noise = "masked"

    def __init__(
        self,
        network: DenoiserTransformer,
        tokenizer: Tokenizer,
        *,
        canvas_length: int = 128,
        prompt_length: int = 160,
    ) -> None:
        """
        network: the trained network; put into evaluation mode.
        tokenizer: its tokenizer, with an end token.
        canvas_length: L, the positions of a canvas.
        prompt_length: the most tokens of a prompt that the network reads.
        """
        super().__init__(network, tokenizer, canvas_length=canvas_length)
        self.prompt_length = prompt_length

    def render_prompt(self, prompt: str, schema: Mapping[str, Any] | None) -> str:
        """`prompt` and a line that names the fields of `schema`, as in the training data."""
        hint = render_hint(schema) if schema else ""
        return f"{prompt}{_SEPARATOR}{hint}" if hint else prompt

    def denoise(
        self,
        prompt: str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Log-probabilities float32 [B, L, V] of the clean canvas; see `Denoiser.denoise`.

        prompt: a prompt that is too long loses the beginning of its passage, never its last line.
        previous: earlier canvases [B, K] are read as a part of the prompt. The network was not
            trained on that.
        """
        with torch.no_grad():
            memory = self._remember(prompt, previous, len(canvas))
            expected = None
            if self_conditioning is not None:
                scores = self_conditioning.to(self.device, torch.float32)
                # A row that is -inf throughout has no softmax: it says nothing.
                expected = self.network.expect(scores.softmax(-1).nan_to_num(0.0))
            prediction = self.network.decode(memory, canvas.to(self.device), expected)
            return prediction.log_probabilities()

    def encode_prompt(self, prompt: str) -> list[int]:
        """Tokens of a prompt, at most `prompt_length`: the passage is cut from the left."""
        ids = self.tokenizer.encode(prompt).ids
        if len(ids) > self.prompt_length:
            ids = ids[-self.prompt_length :]
        return ids or self.tokenizer.encode(_SEPARATOR).ids

    def _remember(self, prompt: str, previous: Tensor | None, batch: int) -> Memory:
        """The prompt as the decoder sees it: B rows."""
        ids = self.encode_prompt(prompt)
        if previous is None or not previous.shape[1]:
            return self._read(ids, batch)
        rows = previous.to(self.device)
        own = torch.tensor(ids, device=self.device).expand(batch, -1)
        separator = self.tokenizer.encode(_SEPARATOR).ids
        between = torch.tensor(separator, device=self.device).expand(batch, -1)
        return self.network.encode(torch.cat([own, between, rows], 1)[:, -self.prompt_length :])
