"""Shortest ways through the lexers, and characters that stand for their classes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..tables import BoolArray, Int, Int32Array, LexerTables

FAR = 1 << 20
"""More characters than any terminal takes at least; for what cannot be reached."""

_PREFERRED = [*map(ord, "a0 \n\t"), *range(0x61, 0x7B), *range(0x20, 0x7F)]


def representatives(
    point_class: NDArray[np.uint16], num_classes: int, spelled: Collection[str] = ()
) -> list[str]:
    """One character of each class, "" for classes without: one of `spelled` if possible, else
    printable ASCII if possible."""
    result = [""] * num_classes
    classes, points = np.unique(point_class, return_index=True)
    for number, point in zip(classes.tolist(), points.tolist(), strict=True):
        result[number] = _character(point_class, number, point)
    own = sorted(set(spelled), reverse=True)
    plain = [chr(point) for point in reversed(_PREFERRED)]
    known = set(own)
    for character in (*plain, *own, *(one for one in plain if one in known)):
        result[point_class[ord(character)]] = character
    return result


def _character(point_class: NDArray[np.uint16], number: int, first: int) -> str:
    """A character of a class whose lowest code point is given, if it has one with an encoding."""
    if not 0xD800 <= first < 0xE000:
        return chr(first)
    above = np.flatnonzero(point_class[0xE000:] == number)
    return chr(0xE000 + int(above[0])) if len(above) else ""


def _edges(lexer: LexerTables) -> tuple[NDArray[np.int64], Int32Array]:
    """The states before each state, without repetition: those of s are
    sources[first[s]:first[s+1]]."""
    states = len(lexer.next)
    pairs = np.unique(
        lexer.next.astype(np.int64) * states + np.arange(states, dtype=np.int64)[:, None]
    )
    targets = pairs // states
    first = np.searchsorted(targets, np.arange(states + 1)).astype(np.int64)
    return first, (pairs % states).astype(np.int32)


def match_distances(lexer: LexerTables, num_terminals: int) -> Int32Array:
    """int32 [S, T]: the fewest characters from a state to where the match of a terminal ends; FAR
    where there is none. A lower bound where the match is decided by characters that follow it."""
    first, sources = _edges(lexer)
    return _match_distances(
        first, sources, lexer.match, lexer.match_back, lexer.end_match, lexer.end_back,
        num_terminals,
    )  # fmt: skip


@njit(cache=True)
def _match_distances(
    first: NDArray[np.int64],
    sources: Int32Array,
    match: Int32Array,
    match_back: Int32Array,
    end_match: Int32Array,
    end_back: Int32Array,
    num_terminals: Int,
) -> Int32Array:
    states = len(match)
    result = np.full((states, num_terminals), FAR, np.int32)
    queue = np.empty(states + 1, np.int32)
    distance = np.empty(states, np.int32)
    for terminal in range(num_terminals):
        distance[:] = FAR
        tail = 0
        for state in range(1, states):
            # A match that ends some characters before is that much nearer.
            if match[state] == terminal:
                distance[state] = -match_back[state]
            if end_match[state] == terminal:
                distance[state] = min(distance[state], -end_back[state])
            if distance[state] < FAR:
                queue[tail] = state
                tail += 1
        waiting = np.zeros(states, np.bool_)
        waiting[queue[:tail]] = True
        ring = states + 1
        head, count = 0, tail
        while count > 0:
            state = queue[head]
            head = (head + 1) % ring
            count -= 1
            waiting[state] = False
            for position in range(first[state], first[state + 1]):
                source = sources[position]
                if source != 0 and distance[source] > distance[state] + 1:
                    distance[source] = distance[state] + 1
                    if not waiting[source]:
                        waiting[source] = True
                        queue[(head + count) % ring] = source
                        count += 1
        for state in range(1, states):
            result[state, terminal] = max(distance[state], 0)
    return result


@njit(cache=True)
def distances_from(following: Int32Array, start: Int) -> Int32Array:
    """int32 [S]: the fewest characters, at least one, from a state to each; FAR where none lead
    there. following: int32 [S, C], `LexerTables.next`."""
    states = len(following)
    distance = np.full(states, FAR, np.int32)
    queue = np.empty(states + 1, np.int32)
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        base = 0 if head == 1 else distance[state]
        for target in following[state]:
            if target != 0 and distance[target] == FAR:
                distance[target] = base + 1
                queue[tail] = target
                tail += 1
    return distance


def shortest_path(
    following: Int32Array, start: int, wanted: BoolArray, last: BoolArray | None = None
) -> list[int] | None:
    """The classes of a shortest way of at least one character from `start` to a wanted state, the
    last of them one of `last` (bool [C]) if given; None if there is none."""
    before: dict[int, tuple[int, int]] = {}
    queue = [start]
    for state in queue:
        targets = following[state]
        goals = (targets != 0) & wanted[targets]
        if last is not None:
            goals &= last
        for number in np.flatnonzero(goals)[:1].tolist():
            path = [number]
            while state != start:
                state, number = before[state]
                path.append(number)
            return path[::-1]
        fresh, classes = np.unique(targets, return_index=True)
        for target, number in zip(fresh.tolist(), classes.tolist(), strict=True):
            if target not in (0, start) and target not in before:
                before[target] = (state, number)
                queue.append(target)
    return None
