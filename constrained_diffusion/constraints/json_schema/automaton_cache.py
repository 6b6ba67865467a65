"""Automata that were built before, in this process.

Schemas share many parts (open values above all), and the same schema is compiled again and again
with one field narrowed to a value, so automata are kept up to a bound of memory.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import ParamSpec, TypeVar

from ...automata import ByteAutomaton

MAX_BYTES = 128 * 2**20

_P = ParamSpec("_P")
_T = TypeVar("_T", ByteAutomaton, tuple[ByteAutomaton, tuple[str, ...]], tuple[ByteAutomaton, str])


class AutomatonCache:
    """What was used last, together at most `max_bytes` large. Safe with threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> object | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: object, num_bytes: int) -> None:
        """Keeps `value`, and drops what was not used for longest."""
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (value, num_bytes)
            self._bytes += num_bytes
            while self._bytes > self._max_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped


AUTOMATA = AutomatonCache(MAX_BYTES)


def size(automaton: ByteAutomaton) -> int:
    """About how many bytes an automaton takes, with what is computed from it later."""
    return 3 * automaton.transitions.nbytes + 1_000


def remembered(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Keeps the automata that `function` returns, alone or with remarks, by its arguments."""

    @functools.wraps(function)
    def looked_up(*arguments: _P.args, **named: _P.kwargs) -> _T:
        key = (function.__qualname__, arguments, tuple(named.items()))
        found = AUTOMATA.get(key)
        if found is None:
            found = function(*arguments, **named)
            automaton = found if isinstance(found, ByteAutomaton) else found[0]
            AUTOMATA.put(key, found, size(automaton))
        return found  # type: ignore[return-value]

    return looked_up
