"""Compiling a constraint, unless the result is in memory or on disk already."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from ..automata import lift
from ..cache_settings import cache_bytes, cache_folder
from ..errors import ConstrainedDiffusionError, UnsatisfiableError
from ..vocabulary import Vocabulary
from .base import Constraint, text_capacity
from .cache_entry import MAX_BYTES, CompiledAutomata, from_bytes, to_bytes
from .cache_key import cache_key
from .disk_cache import DiskCache
from .memory_cache import RECENT

Source = Literal["compiled", "memory cache", "disk cache"]

SLOW_SECONDS = 0.05
"""By default what compiles faster is not worth a file."""


def compiled_automata(
    constraint: Constraint,
    vocabulary: Vocabulary,
    *,
    length: int,
    canvases: int,
    cache: bool | Path | None = None,
) -> tuple[CompiledAutomata, Source]:
    """The automata of `constraint`, and where they come from; `cache` as for `compile`.

    Raises UnsatisfiableError where no text satisfies the constraint, LimitError, and the errors of
    the kind of constraint; none of these is cached.
    """
    disk = _disk(cache)
    key = None
    if cache is not False:
        key = cache_key(constraint, vocabulary, length=length, canvases=canvases)
    if key is None:
        return _compile(constraint, vocabulary, length * canvases), "compiled"

    source: Source = "memory cache"
    automata = RECENT.get(key)
    if automata is None and disk is not None:
        source = "disk cache"
        automata = _read(disk, key, vocabulary)
    seconds = 0.0
    if automata is None:
        source = "compiled"
        started = time.perf_counter()
        automata = _compile(constraint, vocabulary, length * canvases)
        seconds = time.perf_counter() - started
    if source != "memory cache":
        RECENT.put(key, automata)
    wanted = cache is not None or seconds >= SLOW_SECONDS
    if wanted and disk is not None and key not in disk and automata.nbytes <= MAX_BYTES:
        disk.store(key, to_bytes(automata))
    return automata, source


def _compile(constraint: Constraint, vocabulary: Vocabulary, positions: int) -> CompiledAutomata:
    capacity = text_capacity(vocabulary, positions)
    language = constraint.language(capacity)
    if language.automaton.is_empty:
        raise UnsatisfiableError("no text satisfies this constraint")
    return CompiledAutomata(language, lift.lift(language.automaton, vocabulary), capacity)


def _disk(cache: bool | Path | None) -> DiskCache | None:
    if not (cache is None or isinstance(cache, (bool, Path))):
        raise ConstrainedDiffusionError(
            f"cache is a folder (a Path), True, False or None, got {cache!r}"
        )
    if cache is False:
        return None
    if isinstance(cache, Path):
        return DiskCache(cache, cache_bytes())
    folder = cache_folder()
    return None if folder is None else DiskCache(folder / "compiled", cache_bytes())


def _read(disk: DiskCache, key: str, vocabulary: Vocabulary) -> CompiledAutomata | None:
    data = disk.load(key)
    if data is None:
        return None
    automata = from_bytes(data, len(vocabulary))
    if automata is None:
        disk.discard(key, "it holds no automata")
    return automata
