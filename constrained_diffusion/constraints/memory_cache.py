"""The automata that this process used last, for constraints that are compiled again and again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from .cache_entry import CompiledAutomata

MAX_BYTES = 128 * 2**20


@dataclass
class _Entry:
    automata: CompiledAutomata
    nbytes: int
    last_use: int


class MemoryCache:
    """Automata by key, those used last, together at most `max_bytes` large.

    They refer to neither constraint nor vocabulary, so none of these is kept alive here. Safe with
    threads: each step is one operation of a dict. There is no lock that a fork could leave shut.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._clock = itertools.count()
        self._entries: dict[str, _Entry] = {}

    def get(self, key: str) -> CompiledAutomata | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.last_use = next(self._clock)
        return entry.automata

    def put(self, key: str, automata: CompiledAutomata) -> None:
        """Keeps `automata` if there is room for it, and drops what was not used for longest."""
        nbytes = automata.nbytes
        if nbytes > self._max_bytes:
            return
        self._entries[key] = _Entry(automata, nbytes, next(self._clock))
        entries = self._entries.copy()
        total = sum(entry.nbytes for entry in entries.values())
        for oldest in sorted(entries, key=lambda each: entries[each].last_use):
            if total <= self._max_bytes:
                break
            total -= entries[oldest].nbytes
            self._entries.pop(oldest, None)

    def clear(self) -> None:
        """Drops everything."""
        self._entries.clear()


RECENT = MemoryCache(MAX_BYTES)
