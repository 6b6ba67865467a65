"""Tokens of a large vocabulary that stand for all of them in a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..tables import Int64Array
from .estimate import Estimate
from .spelling import Speller

ALL_TOKENS = 512
"""Up to so many text tokens, a search tries all of them."""

_FILLERS = (" ", "\n", "\t", "a", "0", "\\", "-", ".")
_LITERALS = 256
_LONGEST = 4
_MANY = 1500


@dataclass(frozen=True)
class Candidates:
    """Text tokens to try in free positions.

    Attributes:
        few: one of each class of characters, single bytes, what the literal terminals are spelled
            with, and runs of characters that fill a canvas.
        many: these, and tokens of several characters, one of those that act alike.
        are_all: whether they are all text tokens of the vocabulary.
    """

    few: Int64Array
    many: Int64Array
    are_all: bool


def candidate_tokens(
    words: Sequence[bytes | None], estimate: Estimate, speller: Speller
) -> Candidates:
    """The candidates of a vocabulary, for a machine's grammars."""
    text = [token for token, word in enumerate(words) if word]
    if len(text) <= ALL_TOKENS:
        every = np.array(text, np.int64)
        return Candidates(every, every, True)
    chosen: dict[int, None] = {}

    def add(word: bytes) -> None:
        token = speller.token(word)
        if token is not None:
            chosen[token] = None

    for character in estimate.characters:
        if character:
            add(character.encode())
    for character in _FILLERS:
        for count in (2, 4, 8, 16):
            add((character * count).encode())
    for example in estimate.costs.examples[:_LITERALS]:
        for token in speller.spell((example or "").encode()) or ():
            chosen[token] = None
    for byte in (0x09, 0x0A, 0x0D, *range(0x20, 0x7F), *range(0x80, 0x100)):
        add(bytes([byte]))
    few = list(chosen)
    for token in _several_characters(words, estimate):
        chosen[token] = None
    return Candidates(np.array(few, np.int64), np.array(list(chosen), np.int64), False)


def _several_characters(words: Sequence[bytes | None], estimate: Estimate) -> list[int]:
    """Short ASCII tokens, one for each sequence of classes, those first that are made of the most
    uncommon classes: of punctuation rather than of letters."""
    point_class = estimate.machine.tables.lexer.point_class
    plain = np.bincount(point_class[:128], minlength=len(estimate.characters)) > 4
    first: dict[tuple[int, ...], int] = {}
    for token, word in enumerate(words):
        if word and 2 <= len(word) <= _LONGEST and word.isascii():
            first.setdefault(tuple(point_class[byte] for byte in word), token)
    ranked = sorted(first, key=lambda classes: (int(plain[list(classes)].sum()), len(classes)))
    return [first[classes] for classes in ranked[:_MANY]]
