"""The bytes that a token's string stands for, by family of tokenizer.

A tokenizer writes tokens as printable strings and turns a sequence of them back into text with its
*decoder*. Here the decoder's steps are applied to one token alone, as it stands in the middle of a
text, so that concatenated token bytes equal the decoder's output. Exceptions, by convention:

- SentencePiece (`▁` for a space) and WordPiece: at the start of a text the decoder drops one
  leading space, the token bytes keep it.
- WordPiece: a token without the continuing prefix stands for a space and itself, as its decoder
  writes it (without that space before `.`, `,`, `?`, `!`, `n't`, `'s`, … where `cleanup` is on).
- End-of-word suffixes (`</w>`) stand for a space, also after the last word of a text.
- Without a decoder tokens are literal text, except for what the pre-tokenizer or the normaliser
  shows of their spelling (byte-level, metaspace). The tokenizers library would join such tokens
  with spaces, which no text read back would survive.

The decoders are those of the `tokenizers` library, version 0.23 (`tokenizers/src/decoders`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import VocabularyError

Step = Callable[["str | bytes"], "str | bytes"]

METASPACE = "\N{LOWER ONE EIGHTH BLOCK}"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")

# WordPiece's `cleanup`, in the library's order (it is applied token by token).
_CLEANUP = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def byte_to_character() -> list[str]:
    """The printable character of each byte in byte-level BPE (GPT-2, `encoder.py`)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    unprintable = [byte for byte in range(256) if byte not in printable]
    return [
        chr(byte) if byte in printable else chr(0x100 + unprintable.index(byte))
        for byte in range(256)
    ]


_CHARACTER_TO_BYTE = {character: byte for byte, character in enumerate(byte_to_character())}


def byte_level(token: str | bytes) -> str | bytes:
    """A byte-level token; one with a character outside the map stands for itself."""
    if isinstance(token, bytes):
        return token
    try:
        return bytes(_CHARACTER_TO_BYTE[character] for character in token)
    except KeyError:
        return token


def byte_fallback(token: str | bytes) -> str | bytes:
    """`<0x0A>` is the byte 0x0A; everything else stands for itself."""
    match = _BYTE_TOKEN.fullmatch(token) if isinstance(token, str) else None
    return token if match is None else bytes([int(match[1], 16)])


def replace(pattern: str, content: str) -> Step:
    """A step that replaces a literal string in tokens that are still strings."""

    def step(token: str | bytes) -> str | bytes:
        return token.replace(pattern, content) if isinstance(token, str) else token

    return step


def word_piece(prefix: str, *, cleanup: bool) -> Step:
    """A step for WordPiece tokens in the middle of a text."""

    def step(token: str | bytes) -> str | bytes:
        if isinstance(token, bytes):
            return token
        text = token[len(prefix) :] if prefix and token.startswith(prefix) else f" {token}"
        if cleanup:
            for found, written in _CLEANUP:
                text = text.replace(found, written)
        return text

    return step


def spell(token: str, steps: list[Step]) -> bytes:
    """The bytes of a token after all steps; VocabularyError if it holds a lone surrogate."""
    result: str | bytes = token
    for step in steps:
        result = step(result)
    try:
        return result if isinstance(result, bytes) else result.encode()
    except UnicodeEncodeError:
        raise VocabularyError(f"token {token!r} is not valid Unicode") from None


def spelling_steps(description: Mapping[str, Any]) -> list[Step]:
    """The steps from token string to bytes of a `tokenizer.json`, given as a mapping."""
    decoders = list(_flatten(description.get("decoder"), "decoders"))
    model = description.get("model") or {}
    steps = _decoder_steps(decoders) if decoders else _steps_without_decoder(description, model)
    if model.get("end_of_word_suffix"):
        steps.append(_end_of_word(model["end_of_word_suffix"]))
    if model.get("byte_fallback") and byte_fallback not in steps:
        steps.append(byte_fallback)
    return steps


def is_byte_level(steps: list[Step]) -> bool:
    """Whether tokens are spelled in the byte-level alphabet."""
    return byte_level in steps


def _decoder_steps(decoders: list[Mapping[str, Any]]) -> list[Step]:
    steps: list[Step] = []
    fused = False
    for decoder in decoders:
        kind = decoder.get("type")
        if kind == "ByteLevel":
            steps.append(byte_level)
        elif kind == "Metaspace":
            steps.append(replace(decoder.get("replacement") or METASPACE, " "))
        elif kind == "WordPiece":
            prefix = decoder.get("prefix", "##")
            steps.append(word_piece(prefix, cleanup=bool(decoder.get("cleanup", True))))
        elif kind == "BPEDecoder":
            steps.append(_end_of_word(decoder.get("suffix") or "</w>"))
        elif kind == "ByteFallback":
            steps.append(byte_fallback)
        elif kind == "Replace":
            steps.append(_replace_step(decoder))
        elif kind == "Fuse":
            fused = True
        elif kind == "Strip":
            # After Fuse it strips the text's start and end, which a token in the middle has not.
            if not fused:
                steps.append(_strip(decoder))
        else:
            raise VocabularyError(f"the tokenizer's decoder {kind!r} is not one that writes text")
    return steps


def _steps_without_decoder(description: Mapping[str, Any], model: Mapping[str, Any]) -> list[Step]:
    steps: list[Step] = []
    before = [
        *_flatten(description.get("pre_tokenizer"), "pretokenizers"),
        *_flatten(description.get("normalizer"), "normalizers"),
    ]
    if model.get("type") == "WordPiece":
        steps.append(word_piece(model.get("continuing_subword_prefix") or "##", cleanup=False))
    elif model.get("continuing_subword_prefix"):
        steps.append(_without_prefix(model["continuing_subword_prefix"]))
    for part in before:
        pattern = part.get("pattern")
        if part.get("type") == "ByteLevel" and byte_level not in steps:
            steps.append(byte_level)
        elif part.get("type") == "Metaspace":
            steps.append(replace(part.get("replacement") or METASPACE, " "))
        elif part.get("type") == "Replace" and pattern == {"String": " "} and part.get("content"):
            steps.append(replace(part["content"], " "))
    return steps


def _flatten(part: Mapping[str, Any] | None, members: str) -> Iterator[Mapping[str, Any]]:
    if part is None:
        return
    if part.get("type") == "Sequence":
        for member in part.get(members) or ():
            yield from _flatten(member, members)
    else:
        yield part


def _replace_step(decoder: Mapping[str, Any]) -> Step:
    pattern = decoder.get("pattern") or {}
    content = str(decoder.get("content", ""))
    if "String" in pattern:
        return replace(pattern["String"], content)
    try:
        expression = re.compile(pattern["Regex"])
    except (KeyError, TypeError, re.error):
        raise VocabularyError(f"the decoder's pattern {pattern!r} cannot be read") from None

    def step(token: str | bytes) -> str | bytes:
        return expression.sub(lambda _: content, token) if isinstance(token, str) else token

    return step


def _strip(decoder: Mapping[str, Any]) -> Step:
    content = str(decoder.get("content", " "))
    start, stop = int(decoder.get("start", 0)), int(decoder.get("stop", 0))

    def step(token: str | bytes) -> str | bytes:
        if isinstance(token, bytes):
            return token
        leading = len(token) - len(token.lstrip(content))
        token = token[min(leading, start) :]
        trailing = min(len(token) - len(token.rstrip(content)), stop)
        return token[: len(token) - trailing]

    return step


def _end_of_word(suffix: str) -> Step:
    def step(token: str | bytes) -> str | bytes:
        if isinstance(token, bytes):
            ending = suffix.encode()
            return token[: -len(ending)] + b" " if token.endswith(ending) else token
        return token[: -len(suffix)] + " " if token.endswith(suffix) else token

    return step


def _without_prefix(prefix: str) -> Step:
    def step(token: str | bytes) -> str | bytes:
        return token.removeprefix(prefix) if isinstance(token, str) else token

    return step
