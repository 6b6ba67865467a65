"""Grammars that were loaded lately: Lark takes a tenth of a second to seconds for each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from .imports import Found, Importer

MAX_GRAMMARS = 32


class RecentGrammars:
    """The `lark.Lark` objects used last, by all that was given, with the files that they import.

    Safe with threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Any, tuple[Found, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, importer: Importer) -> Any | None:
        """The object, if every import finds the same text as before; `importer` then knows them."""
        with self._lock:
            entry = self._kept.get(key)
            if entry is None:
                return None
            self._kept.move_to_end(key)
        lark, found = entry
        if not importer.finds(found):
            return None
        return lark

    def put(self, key: Hashable, lark: Any, found: tuple[Found, ...]) -> None:
        """Keeps an object, and drops what was not used for longest."""
        with self._lock:
            self._kept[key] = lark, found
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_GRAMMARS:
                self._kept.popitem(last=False)


RECENT = RecentGrammars()
