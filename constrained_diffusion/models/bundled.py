"""The bundled text denoiser: prompts, self-conditioning, and its checkpoint folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from ..errors import CheckpointError
from ..vocabulary import Vocabulary
from .base import BaseDenoiser
from .checkpoint import (
    CONFIG,
    FORMAT_VERSION,
    WEIGHTS,
    build_network,
    read_checked,
    read_config,
    read_weights,
    weights_of,
    write_checkpoint,
)
from .hint import render_hint
from .protocol import Noise
from .transformer import DenoiserConfig, DenoiserTransformer, Memory

if TYPE_CHECKING:
    from torch import Tensor

TOKENIZER = "tokenizer.json"

_END_TOKEN = "<end>"
_SEPARATOR = "\n"


class TextDenoiser(BaseDenoiser):
    """A small network that reads a passage and writes a JSON record of it.

    Prompts are a passage, best followed by a line that names the wanted fields: `render_prompt`
    adds it from a schema.
    """

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
        end = tokenizer.token_to_id(_END_TOKEN)
        if end is None:
            raise CheckpointError(f"the tokenizer has no {_END_TOKEN} token")
        self.network = network.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.canvas_length = canvas_length
        self.prompt_length = prompt_length
        self.vocabulary = Vocabulary.from_tokenizer(
            tokenizer, end_ids=[end], pad_id=network.config.pad_id
        )
        self._memory: tuple[tuple[int, ...], Memory] | None = None

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.embedding.weight.device

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
            memory = self._read(prompt, previous, len(canvas))
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

    def _read(self, prompt: str, previous: Tensor | None, batch: int) -> Memory:
        """Encodes the prompt, or takes it from the step before: B rows."""
        ids = self.encode_prompt(prompt)
        if previous is not None and previous.shape[1]:
            rows = previous.to(self.device)
            own = torch.tensor(ids, device=self.device).expand(batch, -1)
            separator = self.tokenizer.encode(_SEPARATOR).ids
            between = torch.tensor(separator, device=self.device).expand(batch, -1)
            joined = torch.cat([own, between, rows], 1)[:, -self.prompt_length :]
            return self.network.encode(joined)
        # One variable, read and written once each: safe with threads.
        kept = self._memory
        key = tuple(ids)
        if kept is None or kept[0] != key:
            kept = key, self.network.encode(torch.tensor([ids], device=self.device))
            self._memory = kept
        memory = kept[1]
        return Memory(
            memory.ids.expand(batch, -1),
            memory.hidden.expand(batch, -1, -1),
            memory.mask.expand(batch, -1),
        )

    def save(self, folder: str | Path) -> None:
        """Writes the checkpoint folder: weights, configuration and tokenizer.

        What is loaded from it predicts the same, bit by bit. Weights take float16 where that loses
        nothing, else float32.
        """
        tokenizer = self.tokenizer.to_str().encode()
        config = {
            "format_version": FORMAT_VERSION,
            "kind": "text",
            "noise": self.noise,
            "canvas_length": self.canvas_length,
            "prompt_length": self.prompt_length,
            "network": self.network.config.to_dict(),
        }
        weights = weights_of(self.network.state_dict())
        write_checkpoint(Path(folder), config, {WEIGHTS: weights, TOKENIZER: tokenizer})

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> TextDenoiser:
        """The denoiser of a checkpoint folder.

        Raises CheckpointError where a file is missing, damaged, or of another version. Nothing is
        unpickled.
        """
        folder = Path(folder)
        config = read_config(folder / CONFIG, {"canvas_length": int, "prompt_length": int})
        tensors = read_weights(folder / WEIGHTS, config)
        tokenizer_bytes = read_checked(folder / TOKENIZER, config)
        try:
            tokenizer = Tokenizer.from_str(tokenizer_bytes.decode())
        except Exception as error:  # the tokenizers library raises bare Exception
            raise CheckpointError(f"{folder / TOKENIZER}: not a tokenizer: {error}") from error
        network = build_network(
            folder, lambda: DenoiserTransformer(DenoiserConfig(**config["network"])), tensors
        )
        size = network.config.vocabulary_size
        if tokenizer.get_vocab_size() != size:
            raise CheckpointError(
                f"{folder / TOKENIZER}: {tokenizer.get_vocab_size()} tokens, but the network "
                f"has {size}"
            )
        return cls(
            network.to(device),
            tokenizer,
            canvas_length=config["canvas_length"],
            prompt_length=config["prompt_length"],
        )
