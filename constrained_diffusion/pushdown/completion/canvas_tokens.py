"""Tokens of a large vocabulary that stand for all of them in a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tables import Int64Array
from .estimate import Estimate
from .spelling import Speller

ALL_TOKENS = 512
"""Up to so many text tokens, a search tries all of them."""

_FILLERS = (" ", "\n", "\t", "a", "0", "\\", "-", ".")
_LITERALS = 256


def candidate_tokens(
    words: Sequence[bytes | None], estimate: Estimate, speller: Speller
) -> tuple[Int64Array, bool]:
    """Text tokens to try in free positions, and whether these are all.

    One of each class of characters, the literal terminals and what they are spelled with, single
    bytes, and runs of characters that fill a canvas.
    """
    text = [token for token, word in enumerate(words) if word]
    if len(text) <= ALL_TOKENS:
        return np.array(text, np.int64), True
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
    for byte in range(0x20, 0x7F):
        add(bytes([byte]))
    for byte in (0x09, 0x0A, 0x0D, *range(0x80, 0x100)):
        add(bytes([byte]))
    return np.array(list(chosen), np.int64), False
