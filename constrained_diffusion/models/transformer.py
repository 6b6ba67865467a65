"""The bundled denoiser's network: a prompt encoder, a canvas decoder, and a head that copies.

The prompt is read once (``encode``); every denoising step then runs only the decoder
(``decode``).  The decoder attends to the prompt and, in both directions, to the whole canvas.
Its prediction is a mixture

    p(token) = g * softmax(vocabulary logits) + (1 - g) * attention over the prompt's tokens

because most values of a record stand in the passage: copying a word that training never showed
is then as easy as copying a frequent one.

Shapes: B batch, P prompt positions, L canvas positions, V vocabulary, D width.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_COPY_MASK = -1e4
_TINY = 1e-9


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the network."""

    vocabulary_size: int
    width: int = 128
    heads: int = 4
    encoder_layers: int = 2
    decoder_layers: int = 4
    expansion: int = 4
    rotary_base: float = 1000.0
    pad_id: int = 0

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} must be a multiple of 2 * heads ({self.heads})")
        sizes = asdict(self)
        for name in ("vocabulary_size", "width", "heads", "encoder_layers", "decoder_layers"):
            if sizes[name] < 1:
                raise ValueError(f"{name} must be positive, not {sizes[name]}")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class Memory:
    """The prompt as the decoder sees it.

    Attributes:
        ids: tokens, int64 [B, P].
        hidden: final states of the encoder [B, P, D].
        mask: True where a token is no padding, [B, P].
        origin: the prompt position that the canvas begins at, so that what stands around a hole is
            near it; 0 for a prompt that is no surrounding text. A number, or int64 [B].
    """

    ids: Tensor
    hidden: Tensor
    mask: Tensor
    origin: int | Tensor = 0

    def rows(self, index: Tensor) -> Memory:
        """The prompts of the rows `index` [R] in turn; a row may stand there many times."""
        origin = self.origin[index] if isinstance(self.origin, Tensor) else self.origin
        return Memory(self.ids[index], self.hidden[index], self.mask[index], origin)

    def at(self, origin: int | Tensor) -> Memory:
        """The same with canvases that begin at `origin`."""
        return replace(self, origin=origin)


@dataclass(frozen=True)
class Prediction:
    """A mixture of vocabulary and copied tokens, kept in parts because training needs no more.

    Attributes:
        gate: logit of the vocabulary's share [B, L, 1], float32.
        logits: vocabulary logits [B, L, V], float32.
        copy: attention over the prompt's tokens [B, L, P], float32, rows sum to 1.
        ids: the prompt's tokens, int64 [B, P].
    """

    gate: Tensor
    logits: Tensor
    copy: Tensor
    ids: Tensor

    def probabilities(self) -> Tensor:
        """Return p, float32 [B, L, V]."""
        share = self.gate.sigmoid()
        p = share * self.logits.softmax(-1)
        index = self.ids[:, None].expand(-1, p.shape[1], -1)
        return p.scatter_add(2, index, (1 - share) * self.copy)

    def log_probabilities(self) -> Tensor:
        """Return log p, float32 [B, L, V], finite everywhere."""
        return self.probabilities().clamp_min(_TINY).log()

    def target_nll(self, targets: Tensor) -> Tensor:
        """Return -log p of ``targets`` [B, L] without forming p, float32 [B, L]."""
        share = self.gate.squeeze(-1)
        own = self.logits.gather(2, targets[..., None]).squeeze(-1) - self.logits.logsumexp(-1)
        copied = (self.copy * (self.ids[:, None] == targets[..., None])).sum(-1)
        return -torch.logaddexp(
            F.logsigmoid(share) + own, F.logsigmoid(-share) + copied.clamp_min(_TINY).log()
        )


class _Block(nn.Module):
    """Self-attention (with an optional memory in front) and a feed-forward layer."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_attention = nn.RMSNorm(width)
        self.norm_feedforward = nn.RMSNorm(width)
        # How much of the left and the right neighbour each feature takes in: finding "the token
        # after the one I have" is what copying needs, and this gives it without a layer.
        self.neighbours = nn.Parameter(torch.zeros(2, width))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, config.expansion * width, bias=False)
        self.down = nn.Linear(config.expansion * width, width, bias=False)

    def forward(
        self, x: Tensor, rotation: Tensor, memory: tuple[Tensor, Tensor] | None, mask: Tensor
    ) -> Tensor:
        """Transform x [B, T, D].

        Args:
            x: states.
            rotation: rotary cosines and sines [2, T, D / heads / 2], or [2, B, 1, T, …].
            memory: states [B, P, D] to attend to besides x, and their rotation.
            mask: True at the keys that may be attended to, [B, 1, 1, (P +) T].
        """
        y = self.norm_attention(x)
        y = (
            y
            + self.neighbours[0] * F.pad(y, (0, 0, 1, -1))
            + self.neighbours[1] * F.pad(y, (0, 0, -1, 1))
        )
        q, k, v = (self._split(part) for part in self.qkv(y).chunk(3, -1))
        q, k = _rotate(q, rotation), _rotate(k, rotation)
        if memory is not None:
            states, states_rotation = memory
            width = states.shape[-1]
            mk, mv = F.linear(states, self.qkv.weight[width:]).chunk(2, -1)
            k = torch.cat([_rotate(self._split(mk), states_rotation), k], 2)
            v = torch.cat([self._split(mv), v], 2)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        hidden: Tensor = self.down(F.gelu(self.up(self.norm_feedforward(x)), approximate="tanh"))
        return x + hidden

    def _split(self, x: Tensor) -> Tensor:
        """[B, T, D] to [B, heads, T, D / heads]."""
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)


def _rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Apply rotary positions to x [B, heads, T, d]."""
    cos, sin = rotation[0].to(x.dtype), rotation[1].to(x.dtype)
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class DenoiserTransformer(nn.Module):
    """Predicts the clean canvas from a noisy one, given a prompt."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.embedding = nn.Embedding(config.vocabulary_size, width)
        self.segments = nn.Parameter(torch.zeros(2, width))
        self.encoder = nn.ModuleList(_Block(config) for _ in range(config.encoder_layers))
        self.decoder = nn.ModuleList(_Block(config) for _ in range(config.decoder_layers))
        self.norm_memory = nn.RMSNorm(width)
        self.norm_out = nn.RMSNorm(width)
        self.conditioning = nn.Linear(width, width, bias=False)
        self.copy_query = nn.Linear(width, width, bias=False)
        self.copy_key = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, 1)
        nn.init.normal_(self.embedding.weight, std=0.05)
        nn.init.normal_(self.segments, std=0.05)
        nn.init.zeros_(self.conditioning.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(
        self, prompt_ids: Tensor, canvas: Tensor, self_conditioning: Tensor | None = None
    ) -> Tensor:
        """Return log-probabilities of the clean tokens, float32 [B, L, V].

        Args:
            prompt_ids: int64 [B, P], padded with ``pad_id``; at least one token a row.
            canvas: noisy tokens, int64 [B, L].
            self_conditioning: probabilities of the previous step [B, L, V].
        """
        expected = None if self_conditioning is None else self.expect(self_conditioning)
        prediction = self.decode(self.encode(prompt_ids), canvas, expected)
        return prediction.log_probabilities()

    def encode(self, prompt_ids: Tensor) -> Memory:
        """Read a prompt [B, P]."""
        mask = prompt_ids != self.config.pad_id
        x = self.embedding(prompt_ids) + self.segments[0]
        # Padding must not leak into its left neighbour either.
        x = x * mask[..., None]
        rotation = self._rotation(prompt_ids.shape[1], x.device)
        for block in self.encoder:
            x = block(x, rotation, None, mask[:, None, None]) * mask[..., None]
        return Memory(prompt_ids, self.norm_memory(x), mask)

    def expect(self, probabilities: Tensor) -> Tensor:
        """Return the expected embedding [B, L, D] of token probabilities [B, L, V]."""
        return probabilities.to(self.embedding.weight.dtype) @ self.embedding.weight

    def expect_prediction(self, prediction: Prediction) -> Tensor:
        """Return the expected embedding of a prediction, without its full distribution."""
        share = prediction.gate.sigmoid()
        own = self.expect(prediction.logits.softmax(-1))
        copied: Tensor = prediction.copy @ self.embedding(prediction.ids).float()
        return share * own + (1 - share) * copied

    def decode(self, memory: Memory, canvas: Tensor, expected: Tensor | None) -> Prediction:
        """Predict the clean canvas.

        Args:
            memory: the prompt.
            canvas: noisy tokens, int64 [B, L].
            expected: expected embedding of the previous step's prediction [B, L, D], or None.
        """
        x = self.embedding(canvas) + self.segments[1]
        if expected is not None:
            x = x + self.conditioning(expected)
        rotation = self._rotation(canvas.shape[1], x.device, memory.origin)
        states = (memory.hidden, self._rotation(memory.ids.shape[1], x.device))
        mask = torch.cat([memory.mask, torch.ones_like(canvas, dtype=torch.bool)], 1)
        for block in self.decoder:
            x = block(x, rotation, states, mask[:, None, None])
        x = self.norm_out(x)
        scale = 4 / x.shape[-1] ** 0.5
        scores = (self.copy_query(x) @ self.copy_key(memory.hidden).transpose(1, 2)).float()
        scores = (scores * scale).masked_fill(~memory.mask[:, None], _COPY_MASK)
        logits = F.linear(x, self.embedding.weight).float() * 4
        return Prediction(self.gate(x).float(), logits, scores.softmax(-1), memory.ids)

    def _rotation(self, length: int, device: torch.device, origin: int | Tensor = 0) -> Tensor:
        """Return cosines and sines of the rotary positions from ``origin`` on.

        [2, length, d / 2], or [2, B, 1, length, d / 2] for an origin [B].
        """
        half = self.config.width // self.config.heads // 2
        steps = torch.arange(half, device=device, dtype=torch.float32)
        frequencies = self.config.rotary_base ** (-steps / half)
        positions = torch.arange(length, device=device, dtype=torch.float32)
        if isinstance(origin, Tensor):
            positions = positions + origin[:, None, None]
        else:
            positions = positions + origin
        angles = positions[..., None] * frequencies
        return torch.stack([angles.cos(), angles.sin()])
