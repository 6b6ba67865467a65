"""What the machine remembers: interned lists, stacks and threads, and the results of steps.

Everything equal has one number, so that configurations can be compared, merged and memoised by
number. All tables are hash tables with open addressing; an index entry of 0 is free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .tables import Int, Int32Array, Int64Array, UInt8Array, UInt64Array

PART, LEX, MATCH, PENDING, SINCE, BEFORE, COLUMN, MATCH_COLUMN, STACK, EXTRA, POINT = range(11)
"""Fields of a thread; see `machine`."""
QUEUE = 11
"""In a work item: the list of classes still to be read."""
FIELDS = 11

LISTS, STACKS, THREADS, STEPS, FEEDS, FULL, CONTEXTUAL, PENDING_LIMIT, SEVERAL, SUFFIXES = range(10)
"""Entries of `Memory.count`."""

LIST_CAPACITY = 1 << 20
STACK_CAPACITY = 1 << 20
THREAD_CAPACITY = 1 << 19
STEP_CAPACITY = 1 << 21
FEED_CAPACITY = 1 << 20
SUFFIX_CAPACITY = 1 << 20
WORK_CAPACITY = 1 << 12


class Memory(NamedTuple):
    """Attributes:
    count: int64 [10]: numbers given so far, by kind; FULL is set when a table overflows, and what
        was computed since then is void. CONTEXTUAL: whether lexers look at the character before.
        PENDING_LIMIT: the most characters that a lexer may go back over. SEVERAL: whether one
        text may have several readings.
    lists_parent, lists_value, lists_index: linked lists; list 0 is empty.
    stacks_parent, stacks_state, stacks_depth, stacks_index: LR stacks; stack 0 is empty.
    stacks_others: 0, or the list of further parents of a stack that stands for several (`stacks`);
        stacks_parent is one of them all the same.
    threads, threads_index: int32 [n, FIELDS]; thread 0 stands for a text that has ended.
    steps_key, steps_value: (configuration, token) -> configuration.
    feeds_key, feeds_value: (stack, terminal) -> list of stacks.
    suffix: uint8, the text that follows the one that is read, and ends it.
    suffixes_key, suffixes_value: (configuration, block of the suffix) -> 2 where the text may end
        so, 1 where it may not.
    ends: uint8, whether a thread may end the text of its part: 0 unknown, 1 no, 2 yes.
    newlines: uint64 [W], the newline terminals.
    work, probe, found, probed, word: scratch.
    """

    count: Int64Array  # type: ignore[assignment]
    lists_parent: Int32Array
    lists_value: Int32Array
    lists_index: Int32Array
    stacks_parent: Int32Array
    stacks_state: Int32Array
    stacks_depth: Int32Array
    stacks_others: Int32Array
    stacks_index: Int32Array
    threads: Int32Array
    threads_index: Int32Array
    steps_key: Int64Array
    steps_value: Int32Array
    feeds_key: Int64Array
    feeds_value: Int32Array
    suffix: UInt8Array
    suffixes_key: Int64Array
    suffixes_value: Int32Array
    ends: UInt8Array
    newlines: UInt64Array
    work: Int32Array
    probe: Int32Array
    found: Int32Array
    probed: Int32Array
    word: Int32Array


class VocabularyText(NamedTuple):
    """The bytes of token v: data[offsets[v]:offsets[v+1]]; none for tokens that are no text."""

    offsets: Int64Array
    data: UInt8Array


def new_memory(
    newlines: UInt64Array,
    *,
    contextual: bool,
    pending_limit: Int,
    several: bool,
    suffix: bytes = b"",
) -> Memory:
    """An empty memory: only list, stack and thread 0, and list 1, the configuration of thread 0."""
    count = np.zeros(10, np.int64)
    count[[LISTS, STACKS, THREADS]] = 1
    count[CONTEXTUAL] = contextual
    count[PENDING_LIMIT] = pending_limit
    count[SEVERAL] = several

    def table(*shape: Int, dtype: type = np.int32) -> np.ndarray:
        return np.zeros(shape, dtype)

    memory = Memory(
        count=count,
        lists_parent=table(LIST_CAPACITY),
        lists_value=table(LIST_CAPACITY),
        lists_index=table(2 * LIST_CAPACITY),
        stacks_parent=table(STACK_CAPACITY),
        stacks_state=table(STACK_CAPACITY),
        stacks_depth=table(STACK_CAPACITY),
        stacks_others=table(STACK_CAPACITY),
        stacks_index=table(2 * STACK_CAPACITY),
        threads=table(THREAD_CAPACITY, FIELDS),
        threads_index=table(2 * THREAD_CAPACITY),
        steps_key=table(STEP_CAPACITY, dtype=np.int64),
        steps_value=table(STEP_CAPACITY),
        feeds_key=table(FEED_CAPACITY, dtype=np.int64),
        feeds_value=table(FEED_CAPACITY),
        suffix=np.frombuffer(suffix, np.uint8).copy(),
        suffixes_key=table(SUFFIX_CAPACITY if suffix else 1, dtype=np.int64),
        suffixes_value=table(SUFFIX_CAPACITY if suffix else 1),
        ends=table(THREAD_CAPACITY, dtype=np.uint8),
        newlines=newlines,
        work=table(WORK_CAPACITY, FIELDS + 1),
        probe=table(WORK_CAPACITY, FIELDS + 1),
        found=table(WORK_CAPACITY),
        probed=table(WORK_CAPACITY),
        word=table(WORK_CAPACITY),
    )
    memory.threads[0] = -1
    # List 1 is the configuration of thread 0.
    memory.lists_index[mix(0) & (len(memory.lists_index) - 1)] = 1
    memory.count[LISTS] = 2
    return memory


@njit(cache=True, inline="always")
def mix(key: Int) -> Int:
    """A 64-bit finaliser (Stafford's variant 13 of MurmurHash3's)."""
    x = np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((x ^ (x >> np.uint64(31))) >> np.uint64(1))


@njit(cache=True)
def cons(memory: Memory, parent: Int, value: Int) -> Int:
    """The list `parent` with `value` at its head; 0 where the memory is full."""
    mask = len(memory.lists_index) - 1
    slot = mix((np.int64(parent) << 32) ^ np.int64(value)) & mask
    while memory.lists_index[slot] != 0:
        number = memory.lists_index[slot]
        if memory.lists_parent[number] == parent and memory.lists_value[number] == value:
            return np.int32(number)
        slot = (slot + 1) & mask
    number = np.int32(memory.count[LISTS])
    if number >= len(memory.lists_parent):
        memory.count[FULL] = 1
        return 0
    memory.count[LISTS] = number + 1
    memory.lists_parent[number] = parent
    memory.lists_value[number] = value
    memory.lists_index[slot] = number
    return number


@njit(cache=True)
def push(memory: Memory, parent: Int, state: Int) -> Int:
    """The stack `parent` with `state` on top; 0 where the memory is full."""
    return push_several(memory, parent, 0, state)


@njit(cache=True)
def push_several(memory: Memory, parent: Int, others: Int, state: Int) -> Int:
    """The stacks `parent` and the list `others` with `state` on top; 0 where the memory is full."""
    mask = len(memory.stacks_index) - 1
    slot = mix((np.int64(parent) << 32) ^ np.int64(state) ^ (np.int64(others) << 16)) & mask
    while memory.stacks_index[slot] != 0:
        number = memory.stacks_index[slot]
        if (
            memory.stacks_parent[number] == parent
            and memory.stacks_state[number] == state
            and memory.stacks_others[number] == others
        ):
            return np.int32(number)
        slot = (slot + 1) & mask
    number = np.int32(memory.count[STACKS])
    if number >= len(memory.stacks_parent):
        memory.count[FULL] = 1
        return 0
    memory.count[STACKS] = number + 1
    memory.stacks_parent[number] = parent
    memory.stacks_others[number] = others
    memory.stacks_state[number] = state
    memory.stacks_depth[number] = memory.stacks_depth[parent] + 1
    memory.stacks_index[slot] = number
    return number


@njit(cache=True)
def thread_number(memory: Memory, fields: Int32Array) -> Int:
    """The number of the thread with these fields; 0 where the memory is full."""
    mask = len(memory.threads_index) - 1
    key = np.int64(0)
    for field in range(FIELDS):
        key = np.int64(mix(key * 31 + np.int64(fields[field]) + 7))
    slot = key & mask
    while memory.threads_index[slot] != 0:
        number = memory.threads_index[slot]
        same = True
        for field in range(FIELDS):
            if memory.threads[number, field] != fields[field]:
                same = False
                break
        if same:
            return np.int32(number)
        slot = (slot + 1) & mask
    number = np.int32(memory.count[THREADS])
    if number >= len(memory.threads):
        memory.count[FULL] = 1
        return 0
    memory.count[THREADS] = number + 1
    for field in range(FIELDS):
        memory.threads[number, field] = fields[field]
    memory.threads_index[slot] = number
    return np.int32(number)


@njit(cache=True)
def configuration(memory: Memory, numbers: Int32Array, count: Int) -> Int:
    """The number of the set of threads numbers[:count], which is sorted in place; 0 if empty."""
    for i in range(1, count):
        value = numbers[i]
        j = i
        while j > 0 and numbers[j - 1] > value:
            numbers[j] = numbers[j - 1]
            j -= 1
        numbers[j] = value
    result: Int = 0
    previous = -1
    for i in range(count):
        if numbers[i] != previous:
            previous = numbers[i]
            result = cons(memory, result, previous)
            if result == 0:
                return 0
    return result


@njit(cache=True)
def find(keys: Int64Array, key: Int) -> Int:
    """The slot of a key (never 0), or of the free place for it."""
    mask = len(keys) - 1
    slot = mix(key) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def store(
    memory: Memory,
    keys: Int64Array,
    values: Int32Array,
    counter: Int,
    key: Int,
    value: Int,
) -> None:
    """Remembers a result, unless the table is three quarters full."""
    if memory.count[counter] * 4 > len(keys) * 3:
        memory.count[FULL] = 1
        return
    slot = find(keys, key)
    if keys[slot] == 0:
        keys[slot] = key
        memory.count[counter] += 1
    values[slot] = value
