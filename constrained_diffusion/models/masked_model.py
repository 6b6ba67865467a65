"""Masked diffusion models that others publish: LLaDA, Dream, and what descends from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..errors import ConstrainedDiffusionError, VocabularyError
from ..vocabulary import Vocabulary
from .base import BaseDenoiser
from .chat import prompt_per_row, render_chat
from .masked_facts import MaskedModelFacts
from .protocol import Conversation, Noise

if TYPE_CHECKING:
    from torch import Tensor

    from ..sampling import MaskedSampler


class MaskedModelDenoiser(BaseDenoiser):
    """A model with a mask token that predicts all positions at once, and its tokenizer.

    Prompt and canvas are one sequence, [prompt, finished canvases, canvas], in which every position
    sees every other. Nothing is cached: each step reads the whole sequence, as in the published
    loops (ML-GSAI/LLaDA, generate.py; DreamLM/Dream, `diffusion_generate`). The logits are the
    model's own, the mask token's among them; `MaskedSampler` never commits it.

        model = AutoModel.from_pretrained(name, trust_remote_code=True)
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=True)
        facts = facts_of(model.config.to_dict(), tokenizer)
        denoiser = MaskedModelDenoiser(model, tokenizer, facts)
    """

    noise: Noise = "masked"
    uses_self_conditioning = False
    batches_prompts = True
    takes_conversations = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        facts: MaskedModelFacts,
        *,
        canvas_length: int = 256,
        chat: bool = True,
        system: str | None = None,
    ) -> None:
        """
        model: a torch module that is called with `input_ids` int64 [B, N] (and what
            `facts.padding` says) and returns an object with `logits` [B, N, V]; put into evaluation
            mode.
        tokenizer: its `transformers` tokenizer.
        facts: see `facts_of`.
        canvas_length: L, the positions of a canvas.
        chat: whether a prompt is a user's message, put into the tokenizer's chat template. Without
            a template, or with False, it is plain text.
        system: a system message for every chat that does not begin with one of its own.

        Raises VocabularyError where the tokenizer has more tokens than the model.
        """
        if canvas_length < 1:
            raise ConstrainedDiffusionError(f"canvas_length is at least 1, got {canvas_length}")
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.facts = facts
        self.canvas_length = canvas_length
        self.system = system
        self._chat = chat and bool(getattr(tokenizer, "chat_template", None))
        self.vocabulary = Vocabulary.from_tokenizer(
            tokenizer,
            end_ids=facts.end_ids,
            pad_id=facts.end_ids[0] if facts.pad_id is None else facts.pad_id,
            mask_id=facts.mask_id,
            size=len(tokenizer) if facts.vocabulary_size is None else facts.vocabulary_size,
        )

    @property
    def device(self) -> torch.device:
        """Where the sequence goes in."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def default_sampler(self) -> MaskedSampler:
        """A token per step, in the blocks that the model is published with."""
        from ..sampling import MaskedSampler

        block_length = self.facts.block_length
        return MaskedSampler(
            steps=self.canvas_length,
            block_length=None if block_length is None else min(block_length, self.canvas_length),
        )

    def render_prompt(
        self, prompt: str | Conversation, schema: Mapping[str, Any] | None = None
    ) -> str:
        """The text that the model reads, special tokens and the model's turn included.

        prompt: a user's message, or a list of messages with "role" and "content". A schema is not
        shown to the model: say in the prompt what is wanted.
        """
        template = self.tokenizer if self._chat else None
        return render_chat(template, prompt, system=self.system)

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of a rendered prompt; a template has written all special tokens itself.

        Raises ConstrainedDiffusionError where the mask token stands in it: the model would take it
        for a position to fill.
        """
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=not self._chat)["input_ids"]
        if self.facts.mask_id in ids:
            spelled = self.tokenizer.decode([self.facts.mask_id])
            raise ConstrainedDiffusionError(
                f"the prompt holds the model's mask token ({spelled!r}): take it out"
            )
        return ids

    def denoise(
        self,
        prompt: str | Sequence[str],
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Logits [B, L, V] of the clean canvas, in the model's dtype; see `Denoiser.denoise`.

        prompt: rendered (`render_prompt`), the same for all rows or one per row. Rows of different
            length go through the model as `facts.padding` says.
        self_conditioning: is not looked at.

        Raises ConstrainedDiffusionError where prompt and canvases are longer than `max_length`,
        VocabularyError where the model has another number of logits than the vocabulary.
        """
        prompts = prompt_per_row(prompt, len(canvas))
        # A sampler's rows often share a prompt.
        encoded = {text: self.encode_prompt(text) for text in dict.fromkeys(prompts)}
        rows = [encoded[text] for text in prompts]
        canvas = canvas.to(self.device)
        written = canvas if previous is None else torch.cat([previous.to(self.device), canvas], 1)
        self._check_length(max(map(len, rows), default=0), written.shape[1])
        parts = []
        with torch.no_grad():
            for places in self._calls([len(row) for row in rows]):
                logits = self._call_model([rows[place] for place in places], written[places])
                parts.append((places, logits))
        if len(parts) == 1:
            return parts[0][1]
        first = parts[0][1]
        joined = first.new_empty((len(canvas), *first.shape[1:]))
        for places, logits in parts:
            joined[places] = logits
        return joined

    def _calls(self, lengths: list[int]) -> Iterator[list[int]]:
        """The rows to put through the model in one call each."""
        if self.facts.padding != "none":
            yield [*range(len(lengths))]
            return
        for length in dict.fromkeys(lengths):
            yield [row for row, found in enumerate(lengths) if found == length]

    def _call_model(self, prompts: list[list[int]], written: Tensor) -> Tensor:
        """Logits [B, L, V] of the last L positions of prompts and `written` tokens [B, K + L]."""
        longest = max(map(len, prompts))
        padding = [longest - len(ids) for ids in prompts]
        # What stands at padding is never seen.
        filler = self.facts.end_ids[0]
        read = torch.tensor(
            [[filler] * n + ids for n, ids in zip(padding, prompts, strict=True)],
            dtype=torch.int64,
            device=self.device,
        )
        sequence = torch.cat([read, written], 1)
        logits: Tensor = self.model(input_ids=sequence, **self._attention(padding, sequence)).logits
        if logits.shape[-1] != len(self.vocabulary):
            raise VocabularyError(
                f"the model gives {logits.shape[-1]} logits per position, the vocabulary has "
                f"{len(self.vocabulary)} tokens: pass MaskedModelFacts(vocabulary_size="
                f"{logits.shape[-1]}, …)"
            )
        start = sequence.shape[1] - self.canvas_length
        if not self.facts.shift_logits:
            return logits[:, start:]
        # Nothing stands before the first position of all: as published, it is read where it is.
        before = logits[:, start - 1 : start] if start else logits[:, :1]
        return torch.cat([before, logits[:, start:-1]], 1)

    def _attention(self, padding: list[int], sequence: Tensor) -> dict[str, Tensor]:
        """What tells the model of padding from the left; nothing where there is none."""
        if not any(padding):
            return {}
        places = torch.arange(sequence.shape[1], device=self.device)
        first = torch.tensor(padding, device=self.device)[:, None]
        real = places >= first
        if self.facts.padding == "tokens":
            return {"attention_mask": real.to(torch.int64)}
        # Padding sees what is real: a row that sees nothing has no softmax in some kernels.
        seen = real[:, None, None, :].expand(-1, 1, len(places), -1)
        # Dream gives position 1 to padding, which nothing sees.
        positions = torch.where(real, places - first, 1)
        return {"attention_mask": seen, "position_ids": positions}

    def _check_length(self, prompt: int, written: int) -> None:
        limit = self.facts.max_length
        if limit is not None and prompt + written > limit:
            raise ConstrainedDiffusionError(
                f"prompt and canvases take {prompt + written} positions, the model has {limit}: "
                "give a shorter prompt or fewer canvases"
            )
