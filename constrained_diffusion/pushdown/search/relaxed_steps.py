"""Steps of the relaxed machine by tokens, memoised."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels import decode_byte
from ..memory import Memory, VocabularyText, find
from ..tables import GRAMMAR, REGULAR, Int, Int32Array, Int64Array, Tables, UInt8Array
from .relaxed_threads import (
    CHANGE,
    CHARACTERS,
    LEX,
    MATCH,
    MOST_ENDINGS,
    MOST_PENDING,
    PART,
    PLACE,
    POINT,
    TOP,
    arrive,
    begin,
    endings,
    read,
)
from .structures import EDGES, FIELDS, FULL, STEPS, ZERO, Relaxation

MOST_ITEMS = 512
"""Readings of one token from one state; further ones are left out."""

END, PADDING = 1, 2
"""Bits of a token's role."""


@njit(cache=True)
def _word_of(
    tables: Tables, state: Int64Array, data: UInt8Array, word: Int32Array, starts: Int32Array
) -> tuple[Int, Int, Int]:
    """Fills `word` with the pending characters and those of the token, and `starts` with the first
    byte of each, and one more. Returns where the token begins, the length, and the new POINT, -1
    for bytes that are no UTF-8."""
    length = 0
    packed = state[CHARACTERS]
    while packed != 0:
        length += 1
        packed >>= 16
    packed = state[CHARACTERS]
    for place in range(length - 1, -1, -1):
        word[place] = (packed & 0xFFFF) - 1
        packed >>= 16
    own = length
    point = state[POINT]
    starts[length] = 0
    for index in range(len(data)):
        byte = np.int64(data[index])
        if point == 0 and byte & 0xC0 == 0x80:
            # The rest of a character that only a byte automaton has begun.
            decoded = np.int64(-1)
        else:
            decoded = np.int64(decode_byte(point, byte))
            if decoded < 0:
                return own, length, -1
            if decoded < 1 << 30:
                point = decoded
                continue
            decoded = np.int64(tables.lexer.point_class[decoded & 0xFFFFFF])
        point = np.int64(0)
        word[length] = decoded
        length += 1
        starts[length] = index + 1
    return own, length, point


@njit(cache=True)
def _record(relaxation: Relaxation, first: Int, size: Int, target: Int, change: Int) -> Int:
    """Adds an edge to those from `first` on unless it is there; the new size."""
    for edge in range(first, first + size):
        if relaxation.edge_target[edge] == target and relaxation.edge_change[edge] == change:
            return size
    if first + size >= len(relaxation.edge_target):
        relaxation.counts[FULL] = 1
        return size
    relaxation.edge_target[first + size] = target
    relaxation.edge_change[first + size] = change
    return size + 1


@njit(cache=True)
def weight_in_hand(tables: Tables, relaxation: Relaxation, number: Int) -> Int:
    """What the terminal that an abstract state is reading would add to the counters."""
    state = relaxation.states[number]
    if number == 0 or tables.parts.kind[state[PART]] == REGULAR:
        return np.int64(0)
    terminal = np.int64(tables.lexer.end_match[state[LEX]])
    if terminal < 0:
        terminal = state[MATCH]
    return np.int64(relaxation.terminal_weight[terminal]) if terminal >= 0 else np.int64(0)


@njit(cache=True)
def final_changes(
    tables: Tables, memory: Memory, relaxation: Relaxation, number: Int, changes: Int64Array
) -> Int:
    """Fills `changes` with the ways to count when the text ends in a state; how many there are."""
    state = relaxation.states[number]
    part = state[PART]
    if len(memory.suffix) > 0:
        # What follows is not read here, but it closes so many brackets.
        if relaxation.ending[0] < 0:
            return 0
        changes[0] = ZERO - relaxation.ending[0] + weight_in_hand(tables, relaxation, number)
        return 1
    if part != len(tables.parts.kind) - 1:
        return 0
    if tables.parts.kind[part] == GRAMMAR and state[POINT] != 0:
        return 0
    word = np.empty(MOST_PENDING + 1, np.int32)
    starts = np.empty(MOST_PENDING + 2, np.int32)
    _, length, _ = _word_of(tables, state, np.empty(0, np.uint8), word, starts)
    item = state.copy()
    item[CHANGE] = 0
    item[PLACE] = length
    return endings(tables, memory, relaxation, item, word, changes)


@njit(cache=True)
def _step_text(
    tables: Tables,
    memory: Memory,
    relaxation: Relaxation,
    number: Int,
    data: UInt8Array,
    first: Int,
) -> Int:
    """Adds the edges of a text token from `first` on; how many there are."""
    state = relaxation.states[number]
    word = np.empty(len(data) + MOST_PENDING + 1, np.int32)
    starts = np.empty(len(data) + MOST_PENDING + 2, np.int32)
    own, stop, point = _word_of(tables, state, data, word, starts)
    if point < 0:
        return 0
    parts = tables.parts
    last_part = len(parts.kind) - 1
    items = np.empty((MOST_ITEMS, FIELDS), np.int64)
    changes = np.empty(MOST_ENDINGS, np.int64)
    items[0] = state
    items[0, CHANGE] = 0
    items[0, PLACE] = own
    count: Int = np.int64(1)
    size: Int = np.int64(0)
    current = 0
    while current < count:
        item = items[current]
        arrived = True
        while arrived and item[PLACE] < stop:
            if parts.kind[item[PART]] == REGULAR:
                for index in range(starts[item[PLACE]], starts[item[PLACE] + 1]):
                    item[TOP] = parts.regular_next[item[TOP], data[index]]
                    if item[TOP] < 0:
                        arrived = False
                        break
                item[PLACE] += 1
            else:
                # Where another part follows, this one may end after each character.
                until = stop if item[PART] == last_part else item[PLACE] + 1
                count, arrived = read(
                    tables, memory, relaxation, items, count, current, word, until
                )
            if arrived and item[PART] < last_part and item[PLACE] > own:
                ending_count = endings(tables, memory, relaxation, item, word, changes)
                for ending in range(ending_count):
                    count = begin(
                        tables, relaxation, items, count, item[PART] + 1,
                        changes[ending], item[PLACE],
                    )  # fmt: skip
        if arrived and parts.kind[item[PART]] == REGULAR:
            for index in range(starts[stop], len(data)):
                if item[TOP] >= 0:
                    item[TOP] = parts.regular_next[item[TOP], data[index]]
            arrived = item[TOP] >= 0
        if arrived:
            target = arrive(tables, memory, relaxation, item, word, point)
            if target >= 0:
                size = _record(relaxation, first, size, target, item[CHANGE])
        current += 1
    return size


@njit(cache=True)
def relaxed_step(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    number: Int,
    token: Int,
) -> tuple[Int, Int]:
    """The edges of a token from an abstract state: the first one, and how many. Memoised."""
    key = (number << 22 | token) + 1
    slot = find(relaxation.steps_key, key)
    if relaxation.steps_key[slot] == key:
        return np.int64(relaxation.steps_first[slot]), np.int64(relaxation.steps_size[slot])
    first = np.int64(relaxation.counts[EDGES])
    size: Int = np.int64(0)
    if number == 0:
        if roles[token] & PADDING:
            size = _record(relaxation, first, size, 0, 0)
    elif roles[token] & END:
        changes = np.empty(MOST_ENDINGS, np.int64)
        ending_count = final_changes(tables, memory, relaxation, number, changes)
        for ending in range(ending_count):
            size = _record(relaxation, first, size, 0, changes[ending])
    elif text.offsets[token + 1] > text.offsets[token]:
        data = text.data[text.offsets[token] : text.offsets[token + 1]]
        size = _step_text(tables, memory, relaxation, number, data, first)
    if relaxation.counts[STEPS] * 4 > len(relaxation.steps_key) * 3:
        relaxation.counts[FULL] = 1
    if not relaxation.counts[FULL]:
        relaxation.counts[EDGES] = first + size
        relaxation.counts[STEPS] += 1
        relaxation.steps_key[slot] = key
        relaxation.steps_first[slot] = first
        relaxation.steps_size[slot] = size
    return first, size
