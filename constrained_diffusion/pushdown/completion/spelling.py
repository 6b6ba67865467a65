"""Texts as tokens of a vocabulary."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence


class Speller:
    """Spells bytes with the fewest tokens.

    A machine reads bytes, so it does not matter how a text is cut into tokens.
    """

    def __init__(self, words: Sequence[bytes | None]) -> None:
        """words: the bytes of each token of a vocabulary; None or b"" for those that are no
        text."""
        self._token: dict[bytes, int] = {}
        for token, word in enumerate(words):
            if word:
                self._token.setdefault(word, token)
        self.longest = max(map(len, self._token), default=0)

    def token(self, word: bytes) -> int | None:
        """The first token with these bytes."""
        return self._token.get(word)

    def characters(self) -> list[str]:
        """The characters that are tokens."""
        found = []
        for word in self._token:
            if len(word) <= 4:
                with contextlib.suppress(UnicodeDecodeError):
                    text = word.decode()
                    if len(text) == 1:
                        found.append(text)
        return found

    def spell(self, text: bytes) -> list[int] | None:
        """As few tokens as possible that spell `text`; None where none do. Of several such
        spellings the one with the longest first token, and so on."""
        size = len(text)
        count = [0] * (size + 1)
        choice = [0] * (size + 1)
        for start in range(size - 1, -1, -1):
            best = size + 1
            for end in range(min(size, start + self.longest), start, -1):
                if count[end] + 1 < best and text[start:end] in self._token:
                    best, choice[start] = count[end] + 1, end
            count[start] = best
        if count[0] > size:
            return None
        tokens = []
        start = 0
        while start < size:
            end = choice[start]
            tokens.append(self._token[text[start:end]])
            start = end
        return tokens

    def spell_in(self, text: bytes, count: int) -> list[int] | None:
        """Exactly `count` tokens that spell `text`; None where none do."""
        size = len(text)
        # Bit n of possible[i]: text[i:] can be spelled with n tokens.
        possible = [0] * size + [1]
        mask = (1 << count + 1) - 1
        for start in range(size - 1, -1, -1):
            for end in range(start + 1, min(size, start + self.longest) + 1):
                if possible[end] and text[start:end] in self._token:
                    possible[start] |= possible[end] << 1 & mask
        if not possible[0] >> count & 1:
            return None
        tokens = []
        start = 0
        for left in range(count - 1, -1, -1):
            end = next(
                end
                for end in range(min(size, start + self.longest), start, -1)
                if possible[end] >> left & 1 and text[start:end] in self._token
            )
            tokens.append(self._token[text[start:end]])
            start = end
        return tokens
