"""Automata of JSON values that were assembled before, in this process.

Schemas share many parts (open values above all), and the same schema is compiled again and again
with one field narrowed to a value, so assembled automata are kept up to a bound of memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from ...automata import ByteAutomaton

MAX_BYTES = 64 * 2**20


class AutomatonCache:
    """The automata that were used last, together at most `max_bytes` large. Safe with threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._automata: OrderedDict[Hashable, ByteAutomaton] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, shape: Hashable) -> ByteAutomaton | None:
        with self._lock:
            automaton = self._automata.get(shape)
            if automaton is not None:
                self._automata.move_to_end(shape)
            return automaton

    def put(self, shape: Hashable, automaton: ByteAutomaton) -> None:
        """Keeps `automaton`, and drops those that were not used for longest."""
        with self._lock:
            if shape in self._automata:
                return
            self._automata[shape] = automaton
            self._bytes += automaton.transitions.nbytes
            while self._bytes > self._max_bytes:
                _, dropped = self._automata.popitem(last=False)
                self._bytes -= dropped.transitions.nbytes


AUTOMATA = AutomatonCache(MAX_BYTES)
"""Keyed by all that an automaton depends on: its layout, its parts, and how they stand together."""
