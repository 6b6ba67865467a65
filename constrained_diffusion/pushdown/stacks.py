"""Sets of LR stacks as one stack number.

Nondeterministic parsers reach many stacks with one text, even exponentially many. A stack number
may stand for a set of them: one state on top, several stacks below, whose top states differ. All
sets are kept in this form at every height (a trie read from the top), so that equal sets have one
number. Tomita, "Efficient parsing for natural language" (1985), merges stacks in the same way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .memory import FEEDS, Memory, cons, find, push_several, store
from .tables import Int32Array

_MERGES = 1 << 60
"""Keys of merges, beside those of feeds."""


@njit(cache=True)
def _parents(memory: Memory, stack: int) -> Int32Array:
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
def merged(memory: Memory, first: int, second: int) -> int:
    """The union of two sets of stacks with the same state on top. Memoised."""
    if first == second:
        return np.int64(first)
    low, high = np.int64(min(first, second)), np.int64(max(first, second))
    key = _MERGES + (low << 28) + high
    slot = find(memory.feeds_key, key)
    if memory.feeds_key[slot] == key:
        return np.int64(memory.feeds_value[slot])
    left, right = _parents(memory, first), _parents(memory, second)
    union = np.empty(len(left) + len(right), np.int32)
    count, i, j = 0, 0, 0
    while i < len(left) and j < len(right):
        a, b = memory.stacks_state[left[i]], memory.stacks_state[right[j]]
        if a == b:
            union[count] = merged(memory, np.int64(left[i]), np.int64(right[j]))
            i, j = i + 1, j + 1
        elif a < b:
            union[count] = left[i]
            i += 1
        else:
            union[count] = right[j]
            j += 1
        count += 1
    while i < len(left):
        union[count] = left[i]
        count, i = count + 1, i + 1
    while j < len(right):
        union[count] = right[j]
        count, j = count + 1, j + 1
    others = 0
    for place in range(count - 1, 0, -1):
        others = cons(memory, np.int64(others), np.int64(union[place]))
    state = np.int64(memory.stacks_state[first])
    result = np.int64(push_several(memory, np.int64(union[0]), np.int64(others), state))
    store(memory, memory.feeds_key, memory.feeds_value, FEEDS, key, result)
    return result


@njit(cache=True)
def with_stack(memory: Memory, stacks: int, stack: int) -> int:
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
def after_reducing(memory: Memory, stack: int, length: int) -> int:
    """The list of the stacks `length` states below the top, one for each state."""
    stacks = cons(memory, 0, stack)
    for _ in range(length):
        below = 0
        while stacks != 0:
            for parent in _parents(memory, np.int64(memory.lists_value[stacks])):
                if parent != 0:
                    below = with_stack(memory, np.int64(below), np.int64(parent))
            stacks = memory.lists_parent[stacks]
        stacks = below
    return stacks
