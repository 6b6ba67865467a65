"""Where texts of some pieces may end within a longer text."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

from ..automata import ByteAutomaton
from .machine import Machine
from .reading import GrammarReading, assemble


class PartsReader:
    """Reads texts of some pieces, one after the other, without a vocabulary."""

    def __init__(self, pieces: Sequence[ByteAutomaton | GrammarReading]) -> None:
        self._machine = Machine(assemble(pieces), [])
        self._lock = threading.Lock()

    @classmethod
    def of(cls, pieces: tuple[ByteAutomaton | GrammarReading, ...]) -> PartsReader:
        """The reader of these pieces, from memory where it was made before."""
        return _reader_of(pieces)

    def accepts(self, data: bytes) -> bool:
        """Whether all of `data` is a text of the pieces."""
        with self._lock:
            return self._machine.accepts(data)

    def ends(self, data: bytes, start: int) -> list[int]:
        """Every offset in `data` at which a text that starts at `start` may end."""
        with self._lock:
            machine = self._machine
            config = machine.run(b"")
            found = [start] if machine.finishes(config) else []
            for offset in range(start, len(data)):
                config = machine.run(data[offset : offset + 1], config)
                if config == 0:
                    break
                if machine.finishes(config):
                    found.append(offset + 1)
            return found


@lru_cache(maxsize=16)
def _reader_of(pieces: tuple[ByteAutomaton | GrammarReading, ...]) -> PartsReader:
    return PartsReader(pieces)
