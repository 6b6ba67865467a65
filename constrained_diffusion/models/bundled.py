"""The bundled text denoiser: prompts, self-conditioning, and its checkpoint folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from tokenizers import Tokenizer

from ..errors import CheckpointError
from ..vocabulary import Vocabulary
from .base import BaseDenoiser
from .hint import render_hint
from .protocol import Noise
from .transformer import DenoiserConfig, DenoiserTransformer, Memory

if TYPE_CHECKING:
    from torch import Tensor

FORMAT_VERSION = 1
"""Version of the checkpoint folder; a reader refuses any other."""

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"

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
        """Writes the checkpoint folder: float16 weights, configuration and tokenizer."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = self.network.state_dict()
        weights = save_tensors(
            {k: t.to("cpu", torch.float16).contiguous() for k, t in state.items()}
        )
        tokenizer = self.tokenizer.to_str().encode()
        config = {
            "format_version": FORMAT_VERSION,
            "noise": self.noise,
            "canvas_length": self.canvas_length,
            "prompt_length": self.prompt_length,
            "network": self.network.config.to_dict(),
            "sha256": {WEIGHTS: _digest(weights), TOKENIZER: _digest(tokenizer)},
        }
        (folder / WEIGHTS).write_bytes(weights)
        (folder / TOKENIZER).write_bytes(tokenizer)
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> TextDenoiser:
        """The denoiser of a checkpoint folder.

        Raises CheckpointError where a file is missing, damaged, or of another version. Nothing is
        unpickled.
        """
        folder = Path(folder)
        config = _read_config(folder / CONFIG)
        weights = _read_checked(folder / WEIGHTS, config)
        tokenizer_bytes = _read_checked(folder / TOKENIZER, config)
        try:
            tokenizer = Tokenizer.from_str(tokenizer_bytes.decode())
        except Exception as error:  # the tokenizers library raises bare Exception
            raise CheckpointError(f"{folder / TOKENIZER}: not a tokenizer: {error}") from error
        network = _build(folder, config, weights)
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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_read_bytes(path))
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: expected an object")
    version = config.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {version!r}; this release reads {FORMAT_VERSION}"
        )
    for key, kind in (("network", dict), ("sha256", dict), ("canvas_length", int),
                      ("prompt_length", int)):  # fmt: skip
        value = config.get(key)
        if not isinstance(value, kind) or (isinstance(value, int) and value < 1):
            raise CheckpointError(f"{path}: {key!r} is missing or malformed: {value!r}")
    return config


def _read_checked(path: Path, config: dict[str, Any]) -> bytes:
    data = _read_bytes(path)
    expected = config["sha256"].get(path.name)
    if _digest(data) != expected:
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 is not the one that {CONFIG} names "
            f"({_digest(data)[:12]}… instead of {str(expected)[:12]}…)"
        )
    return data


def _build(folder: Path, config: dict[str, Any], weights: bytes) -> DenoiserTransformer:
    try:
        network = DenoiserTransformer(DenoiserConfig(**config["network"]))
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder / CONFIG}: bad sizes of the network: {error}") from error
    path = folder / WEIGHTS
    try:
        tensors = load_tensors(weights)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    try:
        network.load_state_dict({name: t.float() for name, t in tensors.items()})
    except RuntimeError as error:
        raise CheckpointError(f"{path}: does not fit the network of {CONFIG}: {error}") from error
    return network
