"""Text to tokens without a tokenizer: greedy longest match over the tokens' bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import VocabularyError


class LongestMatch:
    """Segments bytes into tokens, the longest token first.

    Plain greedy matching can run into a dead end although another segmentation exists (tokens `ab`,
    `a`, `bc` and the text `abc`). Only then are the positions from which the end can be reached
    computed, backwards, and the greedy choice is confined to them: a text that the tokens can
    spell at all is always spelled.
    """

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        self._ids: dict[bytes, int] = {}
        lengths: dict[int, set[int]] = {}
        for index, token in enumerate(tokens):
            if token:
                self._ids.setdefault(token, index)
                lengths.setdefault(token[0], set()).add(len(token))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def encode(self, data: bytes) -> list[int]:
        """Token ids whose bytes concatenate to `data`; VocabularyError where there are none."""
        ids, position = self._greedy(data, None)
        if position < len(data):
            reaches_end = self._reaches_end(data)
            if not reaches_end[0]:
                raise VocabularyError(
                    f"the vocabulary cannot spell byte 0x{data[position]:02x} at byte {position} "
                    "of the text"
                )
            ids, _ = self._greedy(data, reaches_end)
        return ids

    def _greedy(self, data: bytes, allowed: bytearray | None) -> tuple[list[int], int]:
        ids: list[int] = []
        position = 0
        while position < len(data):
            for end in self._ends(data, position):
                if allowed is None or allowed[end]:
                    ids.append(self._ids[data[position:end]])
                    position = end
                    break
            else:
                break
        return ids, position

    def _ends(self, data: bytes, position: int) -> Iterable[int]:
        for length in self._lengths.get(data[position], ()):
            end = position + length
            if end <= len(data) and data[position:end] in self._ids:
                yield end

    def _reaches_end(self, data: bytes) -> bytearray:
        reaches = bytearray(len(data) + 1)
        reaches[len(data)] = 1
        for position in range(len(data) - 1, -1, -1):
            reaches[position] = any(reaches[end] for end in self._ends(data, position))
        return reaches
