"""The steps of a search for texts: single characters, one for all that act alike."""

from __future__ import annotations

import numpy as np

from ..memory import LEX, MATCH, PART, POINT
from ..tables import GRAMMAR, Int64Array
from .estimate import Estimate

_BYTE_ORDER = [*range(0x61, 0x7B), *range(0x30, 0x3A), 0x20, *range(0x21, 0x7F), 0x0A, 0x09]
"""Bytes that come first where several act alike."""

_LOWEST = (0, 0x80, 0x800, 0x10000)
"""The first code point whose encoding has so many bytes after its first."""


class Steps:
    """Gives the byte strings to try from a configuration.

    Attributes:
        order: the classes that have a character, those first that are used where several act alike.
    """

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self._machine = estimate.machine
        lexer = self._machine.tables.lexer
        self._next = lexer.next
        self._keeps = (lexer.keep > 0) | ((lexer.match >= 0) & (lexer.match_back > 0))
        self._decides = lexer.match >= 0
        self._encoded = [text.encode() for text in estimate.characters]
        self._sets: dict[tuple[tuple[int, bool], ...], list[bytes]] = {}
        order = sorted(
            (number for number, data in enumerate(self._encoded) if data),
            key=lambda number: _rank(self._encoded[number]),
        )
        self.order: Int64Array = np.array(order, np.int64)
        self._column = lexer.column[self.order]
        self._regular: dict[int, list[bytes]] = {}
        rest = [byte for byte in range(256) if byte not in _BYTE_ORDER]
        self._bytes = np.array(list(dict.fromkeys(_BYTE_ORDER + rest)), np.int64)

    def from_configuration(self, config: int) -> list[bytes]:
        """Byte strings that stand for all that can follow: characters, or bytes for byte
        automata; the completions of a started character."""
        machine = self._machine
        memory, parts = machine.memory, machine.tables.parts
        states, regular, point = set(), set(), 0
        while config > 1:
            number = int(memory.lists_value[config])
            config = int(memory.lists_parent[config])
            fields = memory.threads[number]
            if parts.kind[fields[PART]] == GRAMMAR:
                states.add((int(fields[LEX]), bool(fields[MATCH] >= 0)))
                point = int(fields[POINT])
            else:
                regular.add(int(fields[LEX]))
        result: dict[bytes, None] = {}
        if states and point:
            result.update(dict.fromkeys(self.endings(point)))
        elif states:
            result.update(dict.fromkeys(self._characters(tuple(sorted(states)))))
        for state in sorted(regular):
            result.update(dict.fromkeys(self._bytes_from(state)))
        return list(result)

    def _characters(self, states: tuple[tuple[int, bool], ...]) -> list[bytes]:
        known = self._sets.get(states)
        if known is None:
            lexes, matched = (np.array(column) for column in zip(*states, strict=True))
            targets = self._next[lexes][:, self.order]
            # Characters that all lexers only go on with act alike if they lead to the same states.
            # Where one may be read again, they do not.
            read_again = self._keeps[targets] | (matched[:, None] & ~self._decides[targets])
            alive = ((targets != 0) & ~read_again).all(axis=0)
            seen = set()
            known = []
            for place, number in enumerate(self.order.tolist()):
                if alive[place]:
                    key = (*targets[:, place].tolist(), int(self._column[place]))
                    if key in seen:
                        continue
                    seen.add(key)
                known.append(self._encoded[number])
            self._sets[states] = known
        return known

    def _bytes_from(self, state: int) -> list[bytes]:
        known = self._regular.get(state)
        if known is None:
            row = self._machine.tables.parts.regular_next[state][self._bytes]
            _, first = np.unique(row, return_index=True)
            known = [
                bytes([int(self._bytes[place])])
                for place in sorted(first.tolist())
                if row[place] >= 0
            ]
            self._regular[state] = known
        return known

    def endings(self, point: int) -> list[bytes]:
        """The bytes that complete a started UTF-8 sequence, one string for each class."""
        missing, bits = point >> 24, point & 0xFFFFFF
        low = bits << 6 * missing
        # Lower ones have shorter encodings.
        points = np.arange(max(low, _LOWEST[missing]), min(low + (1 << 6 * missing), 0x110000))
        points = points[(points < 0xD800) | (points >= 0xE000)]
        _, first = np.unique(self._machine.tables.lexer.point_class[points], return_index=True)
        return [chr(points[place]).encode()[-missing:] for place in sorted(first.tolist())]


def _rank(data: bytes) -> tuple[int, bytes]:
    byte = data[0]
    return (_BYTE_ORDER.index(byte) if byte in _BYTE_ORDER else len(_BYTE_ORDER)), data
