"""What differs between masked diffusion models, and what is known of the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from ..errors import ConstrainedDiffusionError

Padding = Literal["none", "tokens", "pairs"]


@dataclass(frozen=True)
class MaskedModelFacts:
    """The facts of a checkpoint that `MaskedModelDenoiser` needs.

    Attributes:
        mask_id: the token that stands at undecided positions.
        shift_logits: whether position i's prediction is read at position i - 1, as in models that
            were adapted from left-to-right ones (Dream).
        end_ids: the tokens that end a text, at least one.
        pad_id: the token that follows them; None: the first of `end_ids`.
        block_length: the block length that the model is published with, for `default_sampler`;
            None: no blocks.
        vocabulary_size: V, how many logits the model gives per position, where its embedding is
            larger than the tokenizer; None: as many as the tokenizer has tokens.
        max_length: the most positions of prompt and canvases; None: any number.
        padding: how prompts of different length are denoised in one call, padded from the left.
            "none": they are not, and each length takes a call of its own. "tokens": the model
            takes an attention mask [B, N], 0 at padding, and keeps attention bidirectional with
            it. "pairs": one of [B, 1, N, N], True where a position sees another, and position ids
            [B, N] (Dream).
    """

    mask_id: int
    shift_logits: bool
    end_ids: tuple[int, ...]
    pad_id: int | None = None
    block_length: int | None = None
    vocabulary_size: int | None = None
    max_length: int | None = None
    padding: Padding = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "end_ids", tuple(self.end_ids))
        sizes = (self.block_length, self.vocabulary_size, self.max_length)
        for holds, rule in (
            (bool(self.end_ids), "at least one id in end_ids"),
            (
                self.mask_id not in (*self.end_ids, self.pad_id),
                "a mask_id that ends or pads no text",
            ),
            (all(size is None or size >= 1 for size in sizes), "sizes >= 1"),
            (self.padding in ("none", "tokens", "pairs"), 'padding "none", "tokens" or "pairs"'),
        ):
            if not holds:
                raise ConstrainedDiffusionError(f"MaskedModelFacts needs {rule}, got {self}")


@dataclass(frozen=True)
class _Family:
    """What the published code of a family does, where its configuration does not say it."""

    mask_id: int
    shift_logits: bool
    block_length: int | None
    padding: Padding


# ML-GSAI/LLaDA, generate.py: the mask id, and blocks of 32 for the instructed model. The remote
# code ignored attention masks until October 2025 and looks the same from outside, so batches of
# different lengths are not padded unless the caller says that they can be.
_LLADA = _Family(126336, shift_logits=False, block_length=32, padding="none")
# inclusionAI/LLaDA-MoE-7B-A1B: the same code with experts, another tokenizer.
_LLADA_MOE = _Family(156895, shift_logits=False, block_length=32, padding="none")
# DreamLM/Dream, generation_utils.py and configuration_dream.py; apple/DiffuCoder is the same class.
_DREAM = _Family(151666, shift_logits=True, block_length=None, padding="pairs")

_FAMILIES: Mapping[str, _Family] = {
    "llada": _LLADA,
    "lladamodellm": _LLADA,
    "lladamoe": _LLADA_MOE,
    "llada_moe": _LLADA_MOE,
    "lladamoemodel": _LLADA_MOE,
    "lladamoemodellm": _LLADA_MOE,
    "dream": _DREAM,
    "dreammodel": _DREAM,
}

# Models whose attention is not plainly bidirectional: they mask blocks from one another.
_BLOCK_CAUSAL = ("llada2",)

# Special tokens by which chat templates end a turn; configurations name <|endoftext|> only.
_TURN_ENDS = ("<|eot_id|>", "<|im_end|>", "<|role_end|>")


def facts_of(config: Mapping[str, Any], tokenizer: Any) -> MaskedModelFacts:
    """The facts of a published checkpoint, or of a descendant with the same classes.

    config: the content of `config.json`, or `model.config.to_dict()`. Known are LLaDA (8B, 1.5),
        LLaDA-MoE, and Dream with its descendants (DiffuCoder), by "model_type" or "architectures".
        What the configuration states goes before what is known of the family.
    tokenizer: a `transformers` tokenizer; its end token and the tokens by which its chats end a
        turn count as end tokens.

    Raises ConstrainedDiffusionError, which names what to pass, for another kind of model and
    where the tokens cannot be found out.
    """
    # LLaDA-MoE is published with the model_type of LLaDA: its class says more.
    stated = [*(config.get("architectures") or ()), config.get("model_type")]
    names = [str(name) for name in stated if name]
    for name in names:
        if name.lower().startswith(_BLOCK_CAUSAL):
            raise ConstrainedDiffusionError(
                f"{name} masks the attention between blocks; MaskedModelDenoiser is for models "
                "whose positions all see each other"
            )
    family = next((_FAMILIES[name.lower()] for name in names if name.lower() in _FAMILIES), None)
    if family is None:
        _ask(config, tokenizer, names)
    if family is _LLADA and config.get("num_experts"):
        family = _LLADA_MOE

    size = _integer(config, "embedding_size", "vocab_size") or len(tokenizer)
    mask_id = _integer(config, "mask_token_id")
    if mask_id is None:
        mask_id = getattr(tokenizer, "mask_token_id", None)
    if mask_id is None:
        mask_id = family.mask_id
    end_ids = _end_ids(config, tokenizer, size)
    if not end_ids or not 0 <= mask_id < size:
        what = f"a mask token below {size} (found {mask_id})" if end_ids else "an end token"
        raise ConstrainedDiffusionError(
            f"neither the configuration nor the tokenizer of this {names[0]} checkpoint names "
            f"{what}: pass MaskedModelFacts(mask_id=…, shift_logits={family.shift_logits}, "
            "end_ids=[…], …)"
        )
    pad_id = _integer(config, "pad_token_id")
    if pad_id is None:
        pad_id = getattr(tokenizer, "pad_token_id", None)
    return MaskedModelFacts(
        mask_id=mask_id,
        shift_logits=family.shift_logits,
        end_ids=end_ids,
        pad_id=None if pad_id == mask_id else pad_id,
        block_length=family.block_length,
        vocabulary_size=size,
        max_length=_integer(config, "max_sequence_length", "max_position_embeddings"),
        padding=family.padding,
    )


def _end_ids(config: Mapping[str, Any], tokenizer: Any, size: int) -> tuple[int, ...]:
    configured = config.get("eos_token_id")
    found = [*configured] if isinstance(configured, (list, tuple)) else [configured]
    found.append(getattr(tokenizer, "eos_token_id", None))
    known = tokenizer.get_added_vocab()
    found += [known[name] for name in _TURN_ENDS if name in known]
    ids = (index for index in found if isinstance(index, int) and 0 <= index < size)
    return tuple(dict.fromkeys(ids))


def _integer(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these entries that is a whole number from 0 on."""
    values = (config.get(name) for name in names)
    return next((v for v in values if isinstance(v, int) and v >= 0), None)


def _ask(config: Mapping[str, Any], tokenizer: Any, names: list[str]) -> NoReturn:
    mask_id = _integer(config, "mask_token_id")
    if mask_id is None:
        mask_id = getattr(tokenizer, "mask_token_id", None)
    found = "" if mask_id is None else f" (token {mask_id} says that it is the mask)"
    raise ConstrainedDiffusionError(
        f"nothing is known of models of the kind {' / '.join(names) or 'unnamed'}: "
        f"pass MaskedModelFacts(mask_id=…, shift_logits=…, end_ids=[…]), where mask_id is the "
        f"token of undecided positions{found}, shift_logits whether position i is predicted at "
        "i - 1, and end_ids the tokens that end a text"
    )
