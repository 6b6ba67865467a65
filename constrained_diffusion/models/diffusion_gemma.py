"""DiffusionGemma as transformers has it: prompts, prompt cache, self-conditioning."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

from ..errors import CheckpointError, ConstrainedDiffusionError
from ..vocabulary import Vocabulary
from .base import BaseDenoiser
from .chat import prompt_per_row, render_chat
from .protocol import Conversation, Noise

if TYPE_CHECKING:
    from torch import Tensor

    from ..sampling import UniformSampler


class DiffusionGemmaDenoiser(BaseDenoiser):
    """transformers' `DiffusionGemmaForBlockDiffusion` and its tokenizer or processor.

    An encoder reads the prompt and the finished canvases once each, from left to right, into a
    cache; a decoder with the same weights denoises the canvas with that cache in view. Does what
    `generate` of the model does (transformers 5.24, `models/diffusion_gemma/`): with
    `UniformSampler`, no constraint and the same seed the tokens are the same.

    The cache of the latest prompts is kept between the calls of `denoise`.
    """

    noise: Noise = "uniform"
    uses_self_conditioning = True
    batches_prompts = True
    takes_conversations = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        chat: bool = True,
        system: str | None = None,
        thinking: bool = False,
    ) -> None:
        """
        model: a `DiffusionGemmaForBlockDiffusion`; put into evaluation mode.
        tokenizer: its tokenizer, or its processor.
        chat: whether a prompt is a user's message, put into the chat template (of the processor,
            else of the tokenizer). Without a template, or with False, it is plain text.
        system: a system message for every chat that does not begin with one of its own.
        thinking: what the template is told as `enable_thinking`. The model then writes its
            thoughts first, in a channel of special tokens; under a constraint it cannot, since
            those stand in no text.

        End and padding tokens are those of the generation configuration, else of the text
        configuration. Raises CheckpointError for another kind of model, VocabularyError where the
        tokenizer has more tokens than the model.
        """
        config = getattr(model, "config", None)
        if not all(hasattr(config, name) for name in ("canvas_length", "text_config")):
            raise CheckpointError(
                f"{type(model).__name__} is no DiffusionGemmaForBlockDiffusion: its configuration "
                "has no canvas_length"
            )
        self.model = model.eval()
        self.tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
        self.system = system
        self.thinking = thinking
        self.canvas_length = int(model.config.canvas_length)
        self.vocabulary = _vocabulary(model, self.tokenizer)
        sources = (tokenizer, self.tokenizer) if chat else ()
        self._template = next((s for s in sources if getattr(s, "chat_template", None)), None)
        self._context: _Context | None = None

    @property
    def device(self) -> torch.device:
        """Where the canvas goes in."""
        device: torch.device = self.model.device
        return device

    @property
    def default_sampler(self) -> UniformSampler:
        """The sampler with the settings of the checkpoint's generation configuration."""
        from ..sampling import UniformSampler

        generation = getattr(self.model, "generation_config", None)
        bound = getattr(generation, "sampler_config", None)
        t_min, t_max = UniformSampler.temperature
        given: dict[str, Any] = {
            "steps": getattr(generation, "max_denoising_steps", None),
            "entropy_bound": getattr(bound, "entropy_bound", None),
            "stability": getattr(generation, "stability_threshold", None),
            "confidence": getattr(generation, "confidence_threshold", None),
            "temperature": (_given(generation, "t_min", t_min), _given(generation, "t_max", t_max)),
        }
        return UniformSampler(**{name: value for name, value in given.items() if value is not None})

    def render_prompt(
        self, prompt: str | Conversation, schema: Mapping[str, Any] | None = None
    ) -> str:
        """The text that the model reads, special tokens and the model's turn included.

        prompt: a user's message, or a list of messages with "role" and "content". A schema is not
        shown to the model: say in the prompt what is wanted.
        """
        return render_chat(
            self._template, prompt, system=self.system, enable_thinking=self.thinking
        )

    def encode_prompt(self, prompt: str) -> list[int]:
        """Token ids of a rendered prompt.

        A template writes the beginning-of-text token itself (for a processor: if it does), plain
        text gets it from the tokenizer.
        """
        begin = self.tokenizer.bos_token
        if self._template is None:
            special = True
        elif self._template is self.tokenizer:
            special = False
        else:
            special = begin is None or not prompt.startswith(begin)
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=special)["input_ids"]
        image = getattr(self.model.config, "image_token_id", None)
        if image is not None and image in ids:
            raise ConstrainedDiffusionError("prompts with images are not supported, only text")
        first = (self.tokenizer.bos_token_id, *self.vocabulary.end_ids)
        return ids or [next(index for index in first if index is not None)]

    def denoise(
        self,
        prompt: str | Sequence[str],
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Logits float32 [B, L, V] of the clean canvas; see `Denoiser.denoise`.

        prompt: rendered (`render_prompt`), the same for all rows or one per row; shorter ones are
            padded from the left, as for `generate`.
        self_conditioning: is rounded to the type of the embeddings, as `generate` does.

        Raises ConstrainedDiffusionError where prompt and canvases are longer than the model's
        positions.
        """
        prompts = prompt_per_row(prompt, len(canvas))
        finished = canvas[:, :0] if previous is None else previous
        with torch.no_grad():
            context = self._read(prompts, finished.to(self.device))
            told = None
            if self_conditioning is not None:
                told = self_conditioning.to(self.device, self._embedding_dtype)
            logits: Tensor = self.model(
                decoder_input_ids=canvas.to(self.device),
                self_conditioning_logits=told,
                decoder_attention_mask=context.decoder_masks,
                cache=context.cache,
                decoder_position_ids=self._positions(context.length, canvas.shape[1]),
            ).logits
        return logits

    @property
    def _embedding_dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.model.decoder.embed_tokens.weight.dtype
        return dtype

    def _positions(self, start: int, count: int) -> Tensor:
        """Counted over padding too, as `generate` does."""
        return torch.arange(start, start + count, dtype=torch.int32, device=self.device)[None]

    def _read(self, prompts: tuple[str, ...], finished: Tensor) -> _Context:
        """What the encoder made of the prompts and `finished` canvases [B, K]: from the step
        before, that continued by the new canvases, or from the beginning."""
        # One variable, read and written once each: safe with threads, as contexts never change.
        context = self._context
        if context is None or not context.begins(prompts, finished):
            context = self._read_prompts(prompts)
        new = finished[:, context.finished.shape[1] :]
        if new.shape[1]:
            for canvas in torch.split(new, self.canvas_length, dim=1):  # type: ignore[no-untyped-call]
                context = self._continue(context, canvas)
        self._context = context
        return context

    def _read_prompts(self, prompts: tuple[str, ...]) -> _Context:
        from transformers import DynamicCache

        encoded = [self.encode_prompt(prompt) for prompt in prompts]
        longest = max(map(len, encoded))
        filler = self.tokenizer.pad_token_id
        if filler is None:
            filler = self.vocabulary.padding_ids[0]
        ids = torch.tensor([[filler] * (longest - len(row)) + row for row in encoded])
        attention = torch.tensor(
            [[False] * (longest - len(row)) + [True] * len(row) for row in encoded]
        )
        empty = _Context(
            prompts=prompts,
            finished=ids[:, :0].to(self.device),
            attention=attention[:, :0].to(self.device),
            cache=DynamicCache(config=self.model.config.get_text_config(decoder=True)),
            decoder_masks={},
        )
        return self._encode(empty, ids.to(self.device), attention.to(self.device))

    def _continue(self, context: _Context, canvas: Tensor) -> _Context:
        """`context` and a finished canvas [B, L]; `context` itself stays as it is."""
        extended = self._encode(context, canvas, torch.ones_like(canvas, dtype=torch.bool))
        extended.finished = torch.cat([context.finished, canvas], dim=1)
        return extended

    def _encode(self, context: _Context, ids: Tensor, attention: Tensor) -> _Context:
        """Runs the encoder over new tokens [B, N] with their attention mask."""
        model, start, size = self.model, context.length, ids.shape[1]
        limit = model.config.text_config.max_position_embeddings
        if limit is not None and start + size + self.canvas_length > limit:
            raise ConstrainedDiffusionError(
                f"prompt and canvases take {start + size + self.canvas_length} positions, the "
                f"model has {limit}: give a shorter prompt or fewer canvases"
            )
        seen = torch.cat([context.attention, attention], dim=1)
        cache = _copied(context.cache)
        positions = self._positions(start, size)
        # Only sizes, type and device of these are looked at.
        shaped = torch.empty((len(ids), size, 0), dtype=model.dtype, device=self.device)
        masks = model.model.encoder.create_masks_for_generate(
            config=model.config,
            inputs_embeds=shaped,
            attention_mask=seen,
            cache=cache,
            position_ids=positions,
        )
        model.model.encoder(
            input_ids=ids, attention_mask=masks, cache=cache, position_ids=positions
        )
        length = self.canvas_length
        shaped = torch.empty((len(ids), length, 0), dtype=model.dtype, device=self.device)
        decoder_masks = model.model.decoder.create_diffusion_decoder_attention_mask(
            config=model.config,
            inputs_embeds=shaped,
            cache=cache,
            decoder_attention_mask=pad(seen, (0, length), value=True),
        )
        return _Context(context.prompts, context.finished, seen, cache, decoder_masks)


@dataclass
class _Context:
    """What the decoder sees of B rows: never changed once it is in use.

    Attributes:
        prompts: one per row.
        finished: int64 [B, K], the canvases that were read after the prompts.
        attention: bool [B, P + K], False at the padding before a prompt.
        cache: keys and values of the P + K positions.
        decoder_masks: by kind of layer, as the decoder takes them.
    """

    prompts: tuple[str, ...]
    finished: Tensor
    attention: Tensor
    cache: Any
    decoder_masks: Mapping[str, Any]

    @property
    def length(self) -> int:
        """Positions so far, padding included."""
        return self.attention.shape[1]

    def begins(self, prompts: tuple[str, ...], finished: Tensor) -> bool:
        """Whether this is the beginning of that, or all of it."""
        return self.prompts == prompts and torch.equal(
            self.finished, finished[:, : self.finished.shape[1]]
        )


def _copied(cache: Any) -> Any:
    """A cache to go on with, while the old one stays valid: layers put new tensors in the place
    of old ones and do not write into them, so that nothing is copied."""
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    return copied


def _given(configuration: Any, name: str, default: Any) -> Any:
    value = getattr(configuration, name, None)
    return default if value is None else value


def _vocabulary(model: Any, tokenizer: Any) -> Vocabulary:
    """The tokenizer's tokens, as many as the model has logits; ids from the configurations."""
    text = model.config.text_config
    generation = getattr(model, "generation_config", None)
    overrides: dict[str, Any] = {"size": int(text.vocab_size)}
    for name, key in (("end_ids", "eos_token_id"), ("pad_id", "pad_token_id")):
        found = _given(generation, key, getattr(text, key, None))
        if found is not None:
            listed = name == "end_ids" and isinstance(found, int)
            overrides[name] = [found] if listed else found
    return Vocabulary.from_tokenizer(tokenizer, **overrides)
