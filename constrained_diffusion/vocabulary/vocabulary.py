"""`Vocabulary`: what each token id means, as bytes."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..errors import VocabularyError
from .segmentation import LongestMatch
from .sources import read_tokenizer
from .special_tokens import choose_special_ids

# A line break is a token of its own in every family of tokenizers, so the text after it is encoded
# as text in the middle of a document: without the space that some tokenizers put before the start.
_ANCHOR = "\n"


class Vocabulary:
    """The bytes of every token, and which tokens end, pad and mask a canvas. Immutable.

    `tokens[i]` is the bytes of token i. None marks a special token, which never stands inside text;
    the end, padding and mask tokens and tokens without bytes become None whatever was passed. One
    token may hold a part of a UTF-8 character, and several tokens may have the same bytes.

    Raises VocabularyError for wrong types, for ids outside 0..len(tokens)-1, and for a mask token
    that is an end or padding token as well.
    """

    __slots__ = (
        "_encode_with_source",
        "_fingerprint",
        "_segmenter",
        "end_ids",
        "mask_id",
        "pad_id",
        "tokens",
    )

    tokens: tuple[bytes | None, ...]
    end_ids: tuple[int, ...]
    pad_id: int | None
    mask_id: int | None
    _encode_with_source: Callable[[str], Sequence[int]] | None
    _segmenter: LongestMatch | None
    _fingerprint: str | None

    def __init__(
        self,
        tokens: Sequence[bytes | None],
        *,
        end_ids: Sequence[int],
        pad_id: int | None = None,
        mask_id: int | None = None,
    ) -> None:
        self._initialise(tokens, end_ids, pad_id, mask_id, None)

    def _initialise(
        self,
        tokens: Sequence[bytes | None],
        end_ids: Sequence[int],
        pad_id: int | None,
        mask_id: int | None,
        encode_with_source: Callable[[str], Sequence[int]] | None,
    ) -> None:
        spelled = _checked_tokens(tokens)
        size = len(spelled)
        if isinstance(end_ids, (str, bytes)) or not isinstance(end_ids, Iterable):
            raise VocabularyError(f"end_ids must be a sequence of token ids, not {end_ids!r}")
        ends = tuple(dict.fromkeys(_checked_id(i, size, "end_ids") for i in end_ids))
        pad = None if pad_id is None else _checked_id(pad_id, size, "pad_id")
        mask = None if mask_id is None else _checked_id(mask_id, size, "mask_id")
        if mask is not None and (mask == pad or mask in ends):
            raise VocabularyError(f"mask_id {mask} is an end or padding token as well")
        for index in (*ends, pad, mask):
            if index is not None:
                spelled[index] = None
        for name, value in (
            ("tokens", tuple(spelled)),
            ("end_ids", ends),
            ("pad_id", pad),
            ("mask_id", mask),
            ("_encode_with_source", encode_with_source),
            ("_segmenter", None),
            ("_fingerprint", None),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def from_tokenizer(cls, source: Any, **overrides: Any) -> Vocabulary:
        """Read the vocabulary of a tokenizer.

        `source`: a `tokenizers.Tokenizer`; a `transformers` tokenizer; the path of a
        `tokenizer.json`, of its folder, or of a tekken or SentencePiece file (with the library
        that reads it installed); a `tiktoken.Encoding`; a mistral-common tokenizer.

        `overrides`: `end_ids`, `pad_id`, `mask_id` replace what the tokenizer and the
        configuration files beside it say; `size` is the model's number of logits where its
        embedding is padded beyond the tokenizer (the rest never stands inside text).

        Token bytes are those of the token in the middle of a text. Tokenizers that put a space
        before the start of a text and take it away again when decoding (SentencePiece's dummy
        prefix, WordPiece) therefore decode here with that space; see `spellings`.

        Raises VocabularyError: unreadable, unknown, or without any end token.
        """
        unknown = sorted(set(overrides) - {"end_ids", "pad_id", "mask_id", "size"})
        if unknown:
            raise VocabularyError(
                f"unknown override {unknown[0]!r}: known are end_ids, pad_id, mask_id and size"
            )
        reading = read_tokenizer(source)
        tokens = _resized(reading.tokens, overrides.pop("size", None))
        special = choose_special_ids(reading, overrides)
        vocabulary = cls.__new__(cls)
        vocabulary._initialise(
            tokens, special.end_ids, special.pad_id, special.mask_id, reading.encode
        )
        return vocabulary

    @property
    def padding_ids(self) -> tuple[int, ...]:
        """The tokens that fill a canvas after its end token: the padding token, else the ends."""
        return self.end_ids if self.pad_id is None else (self.pad_id,)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the tokens and special ids: equal for equal vocabularies."""
        if self._fingerprint is None:
            object.__setattr__(self, "_fingerprint", self._compute_fingerprint())
        assert self._fingerprint is not None
        return self._fingerprint

    def decode(self, ids: Iterable[int]) -> bytes:
        """The bytes of a sequence of token ids, special tokens skipped.

        `ids`: integers, or a one-dimensional tensor or array of them. The bytes may end inside a
        UTF-8 character. Raises VocabularyError for an id outside the vocabulary.
        """
        size = len(self.tokens)
        flat = ids.tolist() if hasattr(ids, "tolist") else ids
        if not isinstance(flat, Iterable):
            raise VocabularyError(f"ids must be a sequence of token ids, not {ids!r}")
        return b"".join(self.tokens[_checked_id(i, size, "ids")] or b"" for i in flat)

    def encode(self, text: str) -> list[int]:
        """Text tokens that spell `text`: `decode(encode(text)) == text.encode()`.

        The source tokenizer's encoding without special tokens; where that does not spell the text
        exactly (normalisation, a space before the start, lost white space, text that looks like a
        special token), greedy longest match over the tokens' bytes. Raises VocabularyError where
        no tokens spell the text.
        """
        if not isinstance(text, str):
            raise VocabularyError(f"encode takes a str, not {type(text).__name__}")
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise VocabularyError(f"the text holds a lone surrogate at {error.start}") from None
        if not data:
            return []
        if self._encode_with_source is not None:
            for prefix in ("", _ANCHOR):
                ids = self._suffix_spelling(self._source_ids(prefix + text), data)
                if ids is not None:
                    return ids
        if self._segmenter is None:
            object.__setattr__(self, "_segmenter", LongestMatch(self.tokens))
        assert self._segmenter is not None
        return self._segmenter.encode(data)

    def _source_ids(self, text: str) -> list[int]:
        assert self._encode_with_source is not None
        try:
            return list(self._encode_with_source(text))
        except Exception:  # tokenizers and tiktoken raise bare Exceptions for text they refuse
            return []

    def _suffix_spelling(self, ids: list[int], data: bytes) -> list[int] | None:
        """The end of `ids` that spells `data` exactly; None if there is none."""
        start, missing = len(ids), len(data)
        pieces: list[bytes] = []
        while missing > 0 and start > 0:
            start -= 1
            index = ids[start]
            token = self.tokens[index] if 0 <= index < len(self.tokens) else None
            if token is None:
                return None
            pieces.append(token)
            missing -= len(token)
        return ids[start:] if b"".join(reversed(pieces)) == data else None

    def _compute_fingerprint(self) -> str:
        lengths = np.fromiter(
            (-1 if token is None else len(token) for token in self.tokens),
            dtype="<i8",
            count=len(self.tokens),
        )
        digest = hashlib.sha256()
        digest.update(repr(("vocabulary 1", self.end_ids, self.pad_id, self.mask_id)).encode())
        digest.update(lengths.tobytes())
        digest.update(b"".join(token for token in self.tokens if token is not None))
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self is other or self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return (
            f"Vocabulary({len(self.tokens)} tokens, end_ids={self.end_ids}, "
            f"pad_id={self.pad_id}, mask_id={self.mask_id})"
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Vocabulary is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Vocabulary is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.tokens, self.end_ids, self.pad_id, self.mask_id, self._encode_with_source)
        return _restore, state


def _restore(*state: Any) -> Vocabulary:
    vocabulary = Vocabulary.__new__(Vocabulary)
    vocabulary._initialise(*state)
    return vocabulary


def _checked_tokens(tokens: Sequence[bytes | None]) -> list[bytes | None]:
    if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
        raise VocabularyError(
            f"tokens must be a sequence of bytes or None, not {type(tokens).__name__}"
        )
    checked: list[bytes | None] = []
    for index, token in enumerate(tokens):
        if token is not None and not isinstance(token, bytes):
            raise VocabularyError(
                f"token {index} must be bytes or None, not {type(token).__name__}"
            )
        checked.append(token or None)
    if not checked:
        raise VocabularyError("a vocabulary needs at least one token")
    return checked


def _checked_id(value: Any, size: int, name: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        index = operator.index(value)
    except TypeError:
        raise VocabularyError(f"{name}: {value!r} is not a token id") from None
    if not 0 <= index < size:
        raise VocabularyError(f"{name}: token id {index} is outside the vocabulary of {size}")
    return index


def _resized(tokens: list[bytes | None], size: Any) -> list[bytes | None]:
    if size is None:
        return tokens
    if isinstance(size, bool) or not isinstance(size, int) or size < len(tokens):
        raise VocabularyError(
            f"size must be an integer not below the tokenizer's {len(tokens)} tokens: {size!r}"
        )
    return tokens + [None] * (size - len(tokens))
