"""Sets of LR stacks as one stack number.

Nondeterministic parsers reach many stacks with one text, even exponentially many. A stack number
may stand for a set of them: one state on top, several stacks below, whose top states differ. All
sets are kept in this form at every height (a trie read from the top), so that equal sets have one
number. Tomita, "Efficient parsing for natural language" (1985), merges stacks in the same way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .memory import FEEDS, FULL, Memory, cons, find, push_several, store
from .tables import Int, Int32Array

_MERGES = 1 << 60
"""Keys of merges, beside those of feeds."""


@njit(cache=True)
def _parents(memory: Memory, stack: Int) -> Int32Array:
    """The stacks below the top state, by ascending state."""
    count = 1
    rest = memory.stacks_others[stack]
    while rest != 0:
        count += 1
        rest = memory.lists_parent[rest]
    result = np.empty(count, np.int32)
    result[0] = memory.stacks_parent[stack]
    rest = memory.stacks_others[stack]
    for i in range(1, count):
        result[i] = memory.lists_value[rest]
        rest = memory.lists_parent[rest]
    return result


@njit(cache=True)
def _aligned(memory: Memory, first: Int, second: Int) -> Int32Array:
    """[n, 2], the stacks below two stacks, those with the same state side by side; -1: none."""
    left, right = _parents(memory, first), _parents(memory, second)
    result = np.full((len(left) + len(right), 2), -1, np.int32)
    count, i, j = 0, 0, 0
    while i < len(left) or j < len(right):
        order = 0
        if j == len(right):
            order = -1
        elif i == len(left):
            order = 1
        else:
            order = memory.stacks_state[left[i]] - memory.stacks_state[right[j]]
        if order <= 0:
            result[count, 0] = left[i]
            i += 1
        if order >= 0:
            result[count, 1] = right[j]
            j += 1
        count += 1
    return result[:count]


@njit(cache=True)
def _merge_key(first: Int, second: Int) -> Int:
    return _MERGES + (np.int64(min(first, second)) << 28) + np.int64(max(first, second))


@njit(cache=True)
def _known(memory: Memory, first: Int, second: Int) -> Int:
    """The union of two sets of stacks, if it is remembered, else 0. -1 stands for no stack."""
    if first == second or second < 0:
        return np.int64(first)
    if first < 0:
        return np.int64(second)
    key = _merge_key(first, second)
    slot = find(memory.feeds_key, key)
    return np.int64(memory.feeds_value[slot]) if memory.feeds_key[slot] == key else np.int64(0)


@njit(cache=True)
def merged(memory: Memory, first: Int, second: Int) -> Int:
    """The union of two sets of stacks with the same state on top. Memoised."""
    waiting = np.empty((64, 2), np.int64)
    waiting[0, 0], waiting[0, 1] = first, second
    count = 1
    while count > 0:
        left, right = waiting[count - 1]
        if memory.count[FULL]:
            return np.int64(first)
        if _known(memory, left, right) != 0:
            count -= 1
            continue
        pairs = _aligned(memory, left, right)
        if count + len(pairs) > len(waiting):
            more = np.empty((2 * (count + len(pairs)), 2), np.int64)
            more[:count] = waiting[:count]
            waiting = more
        ready = count
        for pair in pairs:
            if _known(memory, np.int64(pair[0]), np.int64(pair[1])) == 0:
                waiting[count] = pair
                count += 1
        if count > ready:
            continue
        others = np.int64(0)
        for place in range(len(pairs) - 1, 0, -1):
            pair = pairs[place]
            union = _known(memory, np.int64(pair[0]), np.int64(pair[1]))
            others = np.int64(cons(memory, others, union))
        parent = _known(memory, np.int64(pairs[0, 0]), np.int64(pairs[0, 1]))
        state = np.int64(memory.stacks_state[left])
        result = np.int64(push_several(memory, parent, others, state))
        store(memory, memory.feeds_key, memory.feeds_value, FEEDS, _merge_key(left, right), result)
        count -= 1
    return _known(memory, np.int64(first), np.int64(second))


@njit(cache=True)
def with_stack(memory: Memory, stacks: Int, stack: Int) -> Int:
    """A list of stacks, one for each state, by ascending state, with one more."""
    if stacks == 0:
        return cons(memory, 0, stack)
    head = np.int64(memory.lists_value[stacks])
    rest = np.int64(memory.lists_parent[stacks])
    own, other = memory.stacks_state[stack], memory.stacks_state[head]
    if own == other:
        both = merged(memory, head, np.int64(stack))
        return stacks if both == head else cons(memory, rest, both)
    if own < other:
        return cons(memory, np.int64(stacks), np.int64(stack))
    return cons(memory, with_stack(memory, rest, np.int64(stack)), head)


@njit(cache=True)
def after_reducing(memory: Memory, stack: Int, length: Int) -> Int:
    """The list of the stacks `length` states below the top, one for each state."""
    stacks = cons(memory, 0, stack)
    for _ in range(length):
        below: Int = 0
        while stacks != 0:
            for parent in _parents(memory, np.int64(memory.lists_value[stacks])):
                if parent != 0:
                    below = np.int64(with_stack(memory, np.int64(below), np.int64(parent)))
            stacks = memory.lists_parent[stacks]
        stacks = below
    return stacks
