"""Reading vocabularies out of the tokenizers that people have.

Tokenizers are recognised by their attributes; a library is imported only to read its own file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import VocabularyError
from .special_tokens import (
    Configuration,
    Reading,
    read_object,
)
from .spellings import (
    METASPACE,
    Step,
    byte_fallback,
    byte_level,
    is_byte_level,
    replace,
    spell,
    spelling_steps,
    word_piece,
)

_MAX_TOKENS = 1 << 24  # an id beyond this is a damaged file, not a vocabulary


def read_tokenizer(source: Any) -> Reading:
    """Read any tokenizer that `Vocabulary.from_tokenizer` takes; else VocabularyError."""
    if isinstance(source, (str, Path)):
        return _read_path(Path(source))
    backend = getattr(source, "backend_tokenizer", None) or getattr(source, "_tokenizer", None)
    if _has(source, "to_str", "get_vocab"):
        return _read_hugging_face(source)
    if backend is not None and _has(backend, "to_str", "get_vocab"):
        return _configured(_read_hugging_face(backend), source)
    if _has(source, "decode_single_token_bytes", "encode_ordinary", "n_vocab"):
        return _read_tiktoken(source)
    inner = getattr(getattr(source, "instruct_tokenizer", None), "tokenizer", None)
    if inner is not None:
        return read_tokenizer(inner)
    if _has(source, "id_to_byte_piece", "n_words", "special_ids"):
        return _read_tekken(source)
    if _has(source, "id_to_piece", "is_byte", "is_control"):
        return _read_sentencepiece(source)
    model = getattr(source, "_model", None)
    if _has(source, "id_to_piece", "n_words") and _has(model, "id_to_piece", "is_byte"):
        return _read_sentencepiece(model)
    if _has(source, "get_vocab", "convert_tokens_to_ids"):
        return _configured(_read_slow_transformers(source), source)
    raise VocabularyError(
        f"cannot read a vocabulary from {type(source).__name__}: pass a tokenizers, transformers, "
        "tiktoken or mistral-common tokenizer or the path of a tokenizer.json"
    )


def _has(thing: Any, *names: str) -> bool:
    return all(hasattr(thing, name) for name in names)


def _read_path(path: Path) -> Reading:
    if not path.exists():
        raise VocabularyError(f"no such tokenizer file or folder: {path}")
    if path.is_dir():
        names = ("tokenizer.json", "tekken.json", "tokenizer.model")
        found = next((path / name for name in names if (path / name).is_file()), None)
        if found is None:
            raise VocabularyError(f"{path} holds no tokenizer.json")
        path = found
    if path.suffix == ".model":
        return _read_with("sentencepiece", "SentencePieceProcessor", path, model_file=str(path))
    description = read_object(path)
    if "tekken" in path.name and "config" in description:
        return _read_with("mistral_common.tokens.tokenizers.tekken", "Tekkenizer", path)
    if not isinstance(description.get("model"), dict):
        raise VocabularyError(f"{path} is not a tokenizer.json: it has no model")
    tokenizer = _backend_of(path)
    configuration = Configuration.read(path.parent)
    reading = _read_description(description, tokenizer, configuration)
    ids = {**reading.strings, **reading.added}
    reading.end_ids, reading.pad_id, reading.mask_id = configuration.special_ids(ids)
    return reading


def _read_with(module: str, name: str, path: Path, **arguments: Any) -> Reading:
    """Read a file with the library that owns its format."""
    import importlib

    try:
        reader = getattr(importlib.import_module(module), name)
    except ImportError:
        package = module.partition(".")[0].replace("_", "-")
        raise VocabularyError(
            f"reading {path.name} needs {package}: pip install {package}"
        ) from None
    try:
        source = reader(**arguments) if arguments else reader.from_file(path)
    except Exception as error:  # whatever the library raises on a damaged file
        raise _unreadable(path, error) from None
    return read_tokenizer(source)


def _backend_of(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        raise _unreadable(path, error) from None
    # Files of embedding models ask for both, which would cut and fill what `encode` returns.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _unreadable(path: Path, error: Exception) -> VocabularyError:
    lines = str(error).splitlines()
    return VocabularyError(f"cannot read {path}: {lines[0] if lines else type(error).__name__}")


def _read_hugging_face(tokenizer: Any) -> Reading:
    try:
        text = tokenizer.to_str()
    except Exception as error:  # custom Python components cannot be written
        raise VocabularyError(f"the tokenizer cannot be serialised: {error}") from None
    return _read_description(json.loads(text), tokenizer, Configuration({}, {}, {}, {}))


def _read_description(
    description: dict[str, Any], tokenizer: Any, configuration: Configuration
) -> Reading:
    """Tokens of a `tokenizer.json` mapping; `tokenizer` is the same as a `tokenizers.Tokenizer`."""
    steps = spelling_steps(description)
    strings: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    added: dict[str, int] = {}
    spelled = {index: spell(string, steps) for string, index in strings.items()}
    special = {strings[text] for text in _unknown_texts(description) if text in strings}
    entries = [
        (entry["id"], entry["content"], bool(entry.get("special")))
        for entry in description.get("added_tokens") or ()
    ]
    entries += [(index, *entry) for index, entry in configuration.added_tokens().items()]
    special_texts = configuration.special_texts()
    for index, text, is_special in entries:
        added[text] = index
        if is_special or text in special_texts:
            special.add(index)
        elif is_byte_level(steps):
            # Outside the model's own vocabulary it is text, not text in the byte alphabet.
            spelled[index] = spelled[index] if strings.get(text) == index else text.encode()
        else:
            spelled[index] = spell(text, steps)
    special.update(strings[text] for text in special_texts if text in strings)
    return Reading(
        tokens=_by_id(spelled, special),
        encode=partial(_encode_hugging_face, tokenizer),
        added=added,
        strings=strings,
    )


def _unknown_texts(description: Mapping[str, Any]) -> list[str]:
    """The token that a model writes for what it cannot spell."""
    model = description["model"]
    unknown = model.get("unk_token")
    index = model.get("unk_id")
    if isinstance(index, int):
        unknown = model["vocab"][index][0]
    return [unknown] if isinstance(unknown, str) else []


def _encode_hugging_face(tokenizer: Any, text: str) -> Sequence[int]:
    ids: Sequence[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _read_slow_transformers(tokenizer: Any) -> Reading:
    """A tokenizer written in Python: the family shows in the attributes of its class."""
    strings: dict[str, int] = dict(tokenizer.get_vocab())
    steps: list[Step]
    if hasattr(tokenizer, "byte_decoder"):
        steps = [byte_level]
    elif hasattr(tokenizer, "sp_model"):
        steps = [replace(METASPACE, " "), byte_fallback]
    elif hasattr(tokenizer, "wordpiece_tokenizer"):
        cleanup = bool(getattr(tokenizer, "clean_up_tokenization_spaces", False))
        steps = [word_piece("##", cleanup=cleanup)]
    else:
        raise VocabularyError(
            f"{type(tokenizer).__name__} does not show how it spells bytes: "
            "build Vocabulary(tokens, end_ids=…) from the tokens' bytes"
        )
    spelled = {index: spell(string, steps) for string, index in strings.items()}
    special: set[int] = set()
    added: dict[str, int] = {}
    for index, token in getattr(tokenizer, "added_tokens_decoder", {}).items():
        text = str(getattr(token, "content", token))
        added[text] = index
        if getattr(token, "special", False):
            special.add(index)
        elif byte_level in steps:
            spelled[index] = text.encode()
    return Reading(
        tokens=_by_id(spelled, special),
        encode=partial(_encode_transformers, tokenizer),
        added=added,
        strings=strings,
    )


def _encode_transformers(tokenizer: Any, text: str) -> Sequence[int]:
    ids: Sequence[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _configured(reading: Reading, tokenizer: Any) -> Reading:
    """Special ids and special tokens that a `transformers` tokenizer declares."""
    for index in getattr(tokenizer, "all_special_ids", ()) or ():
        if 0 <= index < len(reading.tokens):
            reading.tokens[index] = None
    end = getattr(tokenizer, "eos_token_id", None)
    ends = end if isinstance(end, (list, tuple)) else [end]
    reading.end_ids = tuple(index for index in ends if index is not None)
    reading.pad_id = getattr(tokenizer, "pad_token_id", None)
    reading.mask_id = getattr(tokenizer, "mask_token_id", None)
    return reading


def _read_tiktoken(encoding: Any) -> Reading:
    special: dict[str, int] = {
        text: encoding.encode_single_token(text) for text in encoding.special_tokens_set
    }
    special_ids = set(special.values())
    spelled: dict[int, bytes] = {}
    for index in range(encoding.n_vocab):
        if index not in special_ids:
            try:
                spelled[index] = encoding.decode_single_token_bytes(index)
            except KeyError:  # ids may have gaps
                continue
    return Reading(
        tokens=_by_id(spelled, special_ids),
        encode=encoding.encode_ordinary,
        added=special,
    )


def _read_tekken(tokenizer: Any) -> Reading:
    special = set(tokenizer.special_ids)
    size = int(tokenizer.n_words)
    spelled = {i: tokenizer.id_to_byte_piece(i) for i in range(size) if i not in special}
    pad = int(tokenizer.pad_id)
    return Reading(
        tokens=_by_id(spelled, special),
        encode=partial(_encode_tekken, tokenizer),
        end_ids=(int(tokenizer.eos_id),),
        pad_id=pad if pad >= 0 else None,
    )


def _encode_tekken(tokenizer: Any, text: str) -> Sequence[int]:
    ids: Sequence[int] = tokenizer.encode(text, bos=False, eos=False)
    return ids


def _read_sentencepiece(processor: Any) -> Reading:
    steps: list[Step] = [replace(METASPACE, " ")]
    special: set[int] = set()
    spelled: dict[int, bytes] = {}
    strings: dict[str, int] = {}
    for index in range(processor.get_piece_size()):
        piece = processor.id_to_piece(index)
        strings[piece] = index
        if processor.is_control(index) or processor.is_unknown(index) or processor.is_unused(index):
            special.add(index)
        else:
            is_byte = processor.is_byte(index)
            spelled[index] = spell(piece, [byte_fallback] if is_byte else steps)
    end, pad = processor.eos_id(), processor.pad_id()
    return Reading(
        tokens=_by_id(spelled, special),
        encode=processor.encode,
        strings=strings,
        end_ids=(end,) if end >= 0 else (),
        pad_id=pad if pad >= 0 else None,
    )


def _by_id(spelled: Mapping[int, bytes], special: Iterable[int]) -> list[bytes | None]:
    special = set(special)
    ids = [*spelled, *special]
    if not ids:
        raise VocabularyError("the tokenizer has no tokens")
    if min(ids) < 0 or max(ids) >= _MAX_TOKENS:
        raise VocabularyError(f"token ids must lie in 0..{_MAX_TOKENS - 1}")
    tokens: list[bytes | None] = [None] * (max(ids) + 1)
    for index, token in spelled.items():
        tokens[index] = None if index in special else token
    return tokens
