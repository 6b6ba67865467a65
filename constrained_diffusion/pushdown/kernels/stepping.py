"""Stepping configurations by characters, bytes and tokens."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import (
    FIELDS,
    FULL,
    LEX,
    PART,
    POINT,
    QUEUE,
    SEVERAL,
    STEPS,
    Memory,
    VocabularyText,
    configuration,
    cons,
    find,
    store,
    thread_number,
)
from ..tables import GRAMMAR, REGULAR, Int, Tables, UInt8Array
from .emission import ENDED, write_item
from .ending import begin_part, close
from .lexing import read
from .pruning import merge_threads, prune


@njit(cache=True)
def start_configuration(tables: Tables, memory: Memory) -> Int:
    """The configuration before the first character."""
    zero = np.int64(0)
    count = begin_part(tables, memory, zero, memory.found, zero)
    count = close(tables, memory, memory.found, count)
    return configuration(memory, memory.found, count)


@njit(cache=True)
def decode_byte(point: Int, byte: Int) -> Int:
    """UTF-8 (RFC 3629), one byte on: -1 where it is invalid, a code point | 1 << 30 where it is
    complete, else the new POINT."""
    if point == 0:
        if byte < 0x80:
            return byte | 1 << 30
        if byte < 0xC2 or byte > 0xF4:
            return -1
        if byte < 0xE0:
            return 1 << 24 | byte & 0x1F
        if byte < 0xF0:
            return 2 << 24 | byte & 0x0F
        return 3 << 24 | byte & 0x07
    if byte & 0xC0 != 0x80:
        return -1
    missing = (point >> 24) - 1
    bits = (point & 0xFFFFFF) << 6 | byte & 0x3F
    if missing == 2 and not 0x10 <= bits <= 0x10F:
        return -1
    if missing == 1 and point >> 24 == 2 and (bits < 0x20 or 0x360 <= bits < 0x380):
        # Overlong forms of three bytes, and surrogates.
        return -1
    if missing == 0:
        return bits | 1 << 30
    return missing << 24 | bits


@njit(cache=True)
def _point_of(memory: Memory, config: Int) -> Int:
    """The started UTF-8 sequence of a configuration: the same in all threads of grammars."""
    while config != 0:
        point = memory.threads[memory.lists_value[config], POINT]
        if point != 0:
            return np.int32(point)
        config = memory.lists_parent[config]
    return 0


@njit(cache=True)
def _queue_of(memory: Memory, count: Int) -> Int:
    """The classes memory.word[:count] as a queue."""
    queue = np.int64(0)
    for i in range(count - 1, -1, -1):
        queue = np.int64(cons(memory, queue, np.int64(memory.word[i])))
    return queue


@njit(cache=True)
def _advance(tables: Tables, memory: Memory, config: Int, queue: Int, point: Int) -> Int:
    """All threads of a one-part configuration read a queue of classes and are left with `point`."""
    found = memory.found
    top = np.int64(0)
    while config != 0:
        memory.work[top, :FIELDS] = memory.threads[memory.lists_value[config]]
        memory.work[top, POINT] = point
        memory.work[top, QUEUE] = queue
        top += 1
        config = memory.lists_parent[config]
    count = read(tables, memory, memory.work, top, found, np.int64(0))
    if point != 0:
        for i in range(count):
            # Threads that began anew within the queue are in the same character as all others.
            if memory.threads[found[i], POINT] != point:
                memory.work[0, :FIELDS] = memory.threads[found[i]]
                memory.work[0, POINT] = point
                found[i] = thread_number(memory, memory.work[0])
    prune(tables, memory, found, count)
    count = merge_threads(memory, found, count)
    return configuration(memory, found, count)


@njit(cache=True)
def step_class(tables: Tables, memory: Memory, config: Int, character: Int) -> Int:
    """The configuration after a character of a class, for one grammar by itself; 0 is dead."""
    return _advance(
        tables, memory, config, np.int64(cons(memory, np.int64(0), character)), np.int64(0)
    )


@njit(cache=True)
def step_byte(tables: Tables, memory: Memory, config: Int, byte: Int) -> Int:
    """The configuration after a byte; 0 is dead."""
    if config <= ENDED:
        return 0
    found = memory.found
    decoded = decode_byte(np.int64(_point_of(memory, config)), byte)
    complete = decoded >= 1 << 30
    queue: Int = np.int64(0)
    if complete:
        character = np.int64(tables.lexer.point_class[decoded & 0xFFFFFF])
        queue = np.int64(cons(memory, np.int64(0), character))
    count: Int = np.int64(0)
    top = np.int64(0)
    while config != 0:
        number = memory.lists_value[config]
        config = memory.lists_parent[config]
        thread = memory.threads[number]
        if tables.parts.kind[thread[PART]] == REGULAR:
            state = np.int64(tables.parts.regular_next[thread[LEX], byte])
            if state >= 0:
                write_item(memory.probe, 0, np.int64(thread[PART]), state, 0, 0)
                found[count] = thread_number(memory, memory.probe[0])
                count += 1
        elif decoded >= 0:
            memory.work[top, :FIELDS] = thread
            memory.work[top, POINT] = 0 if complete else decoded
            memory.work[top, QUEUE] = queue
            top += 1
    count = read(tables, memory, memory.work, top, found, count)
    prune(tables, memory, found, count)
    count = merge_threads(memory, found, count)
    count = close(tables, memory, found, count)
    return configuration(memory, found, count)


@njit(cache=True)
def run(tables: Tables, memory: Memory, config: Int, data: UInt8Array) -> Int:
    """The configuration after some bytes; 0 is dead."""
    if config <= ENDED:
        return config if len(data) == 0 else 0
    single = len(tables.parts.kind) == 1 and tables.parts.kind[0] == GRAMMAR
    # Threads that read a whole word alone would meet the same readings again and again.
    if memory.count[SEVERAL] or not single or len(data) > len(memory.word):
        for byte in data:
            config = step_byte(tables, memory, np.int64(config), np.int64(byte))
            if config == 0 or memory.count[FULL]:
                return 0
        return config
    point = np.int64(_point_of(memory, config))
    count = np.int64(0)
    for byte in data:
        point = np.int64(decode_byte(point, np.int64(byte)))
        if point < 0:
            return 0
        if point >= 1 << 30:
            memory.word[count] = tables.lexer.point_class[point & 0xFFFFFF]
            count += 1
            point = np.int64(0)
    return _advance(tables, memory, config, _queue_of(memory, count), point)


@njit(cache=True)
def step_token(
    tables: Tables, memory: Memory, text: VocabularyText, config: Int, token: Int
) -> Int:
    """The configuration after a text token of the vocabulary; 0 is dead. Memoised."""
    if config <= ENDED:
        return 0
    key = (np.int64(config) << 22 | token) + 1
    slot = find(memory.steps_key, key)
    if memory.steps_key[slot] == key:
        return np.int32(memory.steps_value[slot])
    first, last = text.offsets[token], text.offsets[token + 1]
    result = run(tables, memory, config, text.data[first:last]) if last > first else 0
    if not memory.count[FULL]:
        store(memory, memory.steps_key, memory.steps_value, STEPS, key, result)
    return result
