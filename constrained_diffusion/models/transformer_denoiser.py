"""What the bundled denoisers of text and code share: the prompt's memory and the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

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
from .protocol import Noise
from .transformer import DenoiserConfig, DenoiserTransformer, Memory

if TYPE_CHECKING:
    from typing_extensions import Self

TOKENIZER = "tokenizer.json"

_END_TOKEN, _MASK_TOKEN = "<end>", "<mask>"


class TransformerDenoiser(BaseDenoiser):
    """A `DenoiserTransformer` with its tokenizer.

    A subclass says its `kind`, its `noise`, and the `sizes` that its constructor takes besides
    network and tokenizer (and has as attributes of the same names).
    """

    kind: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]]
    noise: Noise

    def __init__(
        self, network: DenoiserTransformer, tokenizer: Tokenizer, *, canvas_length: int
    ) -> None:
        """
        network: the trained network; put into evaluation mode.
        tokenizer: its tokenizer, with an end token, and a mask token if the noise is "masked".
        canvas_length: L, the positions of a canvas.
        """
        special: dict[str, Any] = {
            "end_ids": [self._special(tokenizer, _END_TOKEN)],
            "pad_id": network.config.pad_id,
        }
        if self.noise == "masked":
            special["mask_id"] = self._special(tokenizer, _MASK_TOKEN)
        self.vocabulary = Vocabulary.from_tokenizer(tokenizer, **special)
        self.network = network.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.canvas_length = canvas_length
        self._memory: tuple[tuple[int, ...], Memory] | None = None

    @staticmethod
    def _special(tokenizer: Tokenizer, token: str) -> int:
        """The id of a token that the tokenizer must have; else CheckpointError."""
        token_id = tokenizer.token_to_id(token)
        if token_id is None:
            raise CheckpointError(f"the tokenizer has no {token} token")
        return token_id

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.embedding.weight.device

    def _read(self, ids: list[int], batch: int) -> Memory:
        """Encodes a prompt, or takes it from the step before: B rows."""
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
        config: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "noise": self.noise,
            **{name: getattr(self, name) for name in self.sizes},
            "network": self.network.config.to_dict(),
        }
        weights = weights_of(self.network.state_dict())
        write_checkpoint(Path(folder), config, {WEIGHTS: weights, TOKENIZER: tokenizer})

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> Self:
        """The denoiser of a checkpoint folder.

        Raises CheckpointError where a file is missing, damaged, or of another version. Nothing is
        unpickled.
        """
        folder = Path(folder)
        config = read_config(folder / CONFIG, dict.fromkeys(cls.sizes, int))
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
        sizes = {name: config[name] for name in cls.sizes}
        return cls(network.to(device), tokenizer, **sizes)
