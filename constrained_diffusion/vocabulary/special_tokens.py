"""Which tokens end, pad and mask: from configuration files, else from their usual names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import VocabularyError

END_NAMES = (
    "</s>",
    "<eos>",
    "<|endoftext|>",
    "<|im_end|>",
    "<end_of_turn>",
    "<turn|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|eot|>",
    "<|return|>",
    "<|endofprompt|>",
    "<\N{FULLWIDTH VERTICAL LINE}end\N{LOWER ONE EIGHTH BLOCK}of"
    "\N{LOWER ONE EIGHTH BLOCK}sentence\N{FULLWIDTH VERTICAL LINE}>",
    "<EOS>",
    "[EOS]",
    "<end>",
)
# BERT-like tokenizers close a segment with it; others use it between segments inside a text.
SEPARATOR_NAMES = ("[SEP]", "<sep>")
PAD_NAMES = ("<pad>", "[PAD]", "<|pad|>", "<PAD>", "<|padding|>", "<|finetune_right_pad_id|>")
MASK_NAMES = ("<mask>", "[MASK]", "<|mask|>", "<|mdm_mask|>", "<MASK>", "<|MASK|>")

# The keys of special_tokens_map.json and tokenizer_config.json that name special tokens.
_NAME_KEYS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")


@dataclass
class Reading:
    """What a tokenizer says of its vocabulary, before the caller's overrides.

    `added` are the added (special or not) tokens by their text, `strings` every token by its own
    spelling; ids from configuration are empty or None where nothing is configured.
    """

    tokens: list[bytes | None]
    encode: Callable[[str], Sequence[int]] | None = None
    added: Mapping[str, int] = field(default_factory=dict)
    strings: Mapping[str, int] = field(default_factory=dict)
    end_ids: tuple[int, ...] = ()
    pad_id: int | None = None
    mask_id: int | None = None


@dataclass(frozen=True)
class SpecialIds:
    """The special ids that were decided on; not yet checked against the vocabulary's size."""

    end_ids: Sequence[int]
    pad_id: int | None
    mask_id: int | None


def choose_special_ids(reading: Reading, overrides: Mapping[str, Any]) -> SpecialIds:
    """The caller's ids, else the configured ones, else those of tokens with the usual names.

    Raises VocabularyError if no end token is found.
    """
    if "end_ids" in overrides:
        end_ids: Sequence[int] = overrides["end_ids"]
    else:
        end_ids = reading.end_ids or _named(reading, END_NAMES) or _named(reading, SEPARATOR_NAMES)
        if not end_ids:
            raise VocabularyError("the tokenizer names no end-of-text token: pass end_ids=[…]")
    pad_id = reading.pad_id
    if pad_id is None:
        pad_id = next(iter(_named(reading, PAD_NAMES)), None)
    pad_id = overrides.get("pad_id", pad_id)
    mask_id = reading.mask_id
    if mask_id is None:
        # A name is only a guess: it yields to what was said of the token.
        taken = (*end_ids, pad_id) if isinstance(end_ids, (list, tuple)) else (pad_id,)
        named = (index for index in _named(reading, MASK_NAMES) if index not in taken)
        mask_id = next(named, None)
    return SpecialIds(end_ids, pad_id, overrides.get("mask_id", mask_id))


def _named(reading: Reading, names: Iterable[str]) -> tuple[int, ...]:
    for known in (reading.added, reading.strings):
        found = tuple(known[name] for name in names if name in known)
        if found:
            return found
    return ()


@dataclass(frozen=True)
class Configuration:
    """The JSON files that lie beside a `tokenizer.json`; empty mappings where there are none."""

    generation: Mapping[str, Any]
    model: Mapping[str, Any]
    tokenizer: Mapping[str, Any]
    special_map: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Configuration:
        """Read generation_config, config, tokenizer_config and special_tokens_map."""
        return cls(
            generation=_optional_object(folder / "generation_config.json"),
            model=_optional_object(folder / "config.json"),
            tokenizer=_optional_object(folder / "tokenizer_config.json"),
            special_map=_optional_object(folder / "special_tokens_map.json"),
        )

    def added_tokens(self) -> dict[int, tuple[str, bool]]:
        """Id to (text, whether special) of the tokens that only tokenizer_config.json adds."""
        listed = self.tokenizer.get("added_tokens_decoder")
        found: dict[int, tuple[str, bool]] = {}
        for key, entry in listed.items() if isinstance(listed, dict) else ():
            if key.isdecimal() and isinstance(entry, dict) and "content" in entry:
                found[int(key)] = (str(entry["content"]), bool(entry.get("special")))
        return found

    def special_texts(self) -> set[str]:
        """The texts of all tokens that the files call special."""
        found: set[str] = set()
        for source in (self.special_map, self.tokenizer):
            listed = source.get("additional_special_tokens") or ()
            values = [source.get(f"{key}_token") for key in _NAME_KEYS]
            values.extend(listed if isinstance(listed, list) else ())
            found.update(text for text in map(_token_text, values) if text is not None)
        return found

    def special_ids(self, ids: Mapping[str, int]) -> tuple[tuple[int, ...], int | None, int | None]:
        """(end ids, padding id, mask id); `ids` maps token texts to ids.

        The generation configuration decides over the model's; the tokenizer's own end token
        always counts. Its padding and mask tokens decide over the model's ids.
        """
        ends = _as_ids(self.generation.get("eos_token_id"))
        ends = ends or _as_ids(self._model_value("eos_token_id"))
        own_end = self._by_name("eos", ids)
        if own_end is not None and own_end not in ends:
            ends = (*ends, own_end)
        chosen: list[int | None] = []
        for name in ("pad", "mask"):
            index = self._by_name(name, ids)
            key = f"{name}_token_id"
            for value in (self.generation.get(key), self._model_value(key)):
                if index is None:
                    index = next(iter(_as_ids(value)), None)
            chosen.append(index)
        return ends, chosen[0], chosen[1]

    def _model_value(self, key: str) -> Any:
        text = self.model.get("text_config")
        nested = text.get(key) if isinstance(text, dict) else None
        return self.model[key] if self.model.get(key) is not None else nested

    def _by_name(self, name: str, ids: Mapping[str, int]) -> int | None:
        for source in (self.tokenizer, self.special_map):
            text = _token_text(source.get(f"{name}_token"))
            if text is not None and text in ids:
                return ids[text]
        return None


def _token_text(value: Any) -> str | None:
    """A token given as a string or as an AddedToken object."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _as_ids(value: Any) -> tuple[int, ...]:
    """An id or a list of ids; -1 (none) and everything else that is no id is left out."""
    values = value if isinstance(value, list) else [value]
    return tuple(i for i in values if isinstance(i, int) and not isinstance(i, bool) and i >= 0)


def _optional_object(path: Path) -> Mapping[str, Any]:
    return read_object(path) if path.is_file() else {}


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; VocabularyError if it cannot be read or is something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VocabularyError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise VocabularyError(f"{path} is not valid JSON: {reason}") from None
    if not isinstance(value, dict):
        raise VocabularyError(f"{path} does not hold a JSON object")
    return value
