"""The subset construction over flat arrays (Rabin and Scott 1959), bounded in time and memory.

Epsilon closures keep only *important* states (those that read a byte or accept: Aho, Sethi, Ullman,
"Compilers", section 3.9). States that cannot reach acceptance are removed first, so the result is
trimmed. Sets are found by an order-independent hash and compared exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .automaton import BoolArray, Int32Array
from .nfa_arrays import (
    forwarding,
    grouped,
    taken_at,
    useful_states,
)

MAX_TABLE = 24_000_000
"""Bound on states times byte classes of the deterministic table (4 bytes each)."""

MAX_MEMBERS = 40_000_000
"""Bound on the sizes of all subsets together (4 bytes each)."""

MAX_WORK = 200_000_000
"""Bound on the edges followed, a few seconds' worth."""

LIMIT_NAMES = (
    "",
    "max_states states",
    f"{MAX_TABLE:,} transitions",
    f"{MAX_MEMBERS:,} subset members",
    f"{MAX_WORK:,} edge visits",
)
"""What the third result of `subset_construction` stands for."""


@njit(cache=True)
def _mixed(value: int | np.int64) -> np.uint64:
    """A 64-bit hash of one integer (the finaliser of splitmix64)."""
    word = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(cache=True)
def _close(
    kernel: Int32Array,
    important: BoolArray,
    epsilon_first: Int32Array,
    epsilon_next: Int32Array,
    absorbing: np.int64,
    stamps: Int32Array,
    stamp: int,
    stack: Int32Array,
    subset: Int32Array,
) -> tuple[int, np.uint64, int]:
    """Writes the important states of the epsilon closure of `kernel` to `subset`.

    Stamps exactly these states (and states that are not important). Returns their number, the hash
    of the set, and the edges followed.
    """
    height = 0
    for state in kernel:
        if stamps[state] != stamp:
            stamps[state] = stamp
            stack[height] = state
            height += 1
    size = 0
    total = np.uint64(0)
    work = 0
    while height > 0:
        height -= 1
        state = stack[height]
        if state == absorbing:
            for position in range(size):
                stamps[subset[position]] = 0
            for position in range(height):
                stamps[stack[position]] = 0
            subset[0] = absorbing
            return 1, _mixed(absorbing), work
        if important[state]:
            subset[size] = state
            size += 1
            total += _mixed(state)
        work += 1 + epsilon_first[state + 1] - epsilon_first[state]
        for entry in range(epsilon_first[state], epsilon_first[state + 1]):
            after = epsilon_next[entry]
            if stamps[after] != stamp:
                stamps[after] = stamp
                stack[height] = after
                height += 1
    return size, total, work


@njit(cache=True)
def _find(
    size: int,
    total: np.uint64,
    stamps: Int32Array,
    stamp: int,
    slots: Int32Array,
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    members: Int32Array,
) -> tuple[int, np.int64]:
    """The number of the known subset that is just stamped, or -1, and its slot."""
    slot = np.int64(total & np.uint64(len(slots) - 1))
    while slots[slot] >= 0:
        candidate = slots[slot]
        if hashes[candidate] == total and offsets[candidate + 1] - offsets[candidate] == size:
            same = True
            for position in range(offsets[candidate], offsets[candidate + 1]):
                if stamps[members[position]] != stamp:
                    same = False
                    break
            if same:
                return candidate, slot
        slot = (slot + 1) & (len(slots) - 1)
    return -1, slot


@njit(cache=True)
def _rehashed(hashes: NDArray[np.uint64], count: int, num_slots: int) -> Int32Array:
    """A hash table of `num_slots` (a power of two) with the first `count` subsets."""
    slots = np.full(num_slots, -1, np.int32)
    for number in range(count):
        slot = np.int64(hashes[number] & np.uint64(num_slots - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (num_slots - 1)
        slots[slot] = number
    return slots


@njit(cache=True)
def _fill_buckets(
    subset: Int32Array,
    edge_first: Int32Array,
    edge_label: Int32Array,
    edge_next: Int32Array,
    set_offsets: Int32Array,
    set_columns: Int32Array,
    bucket_first: NDArray[np.int64],
    bucket_hash: NDArray[np.uint64],
    bucket: Int32Array,
) -> Int32Array:
    """Targets of a subset by byte class: `bucket_first` [K + 1] into the bucket, which may grow."""
    num_classes = len(bucket_hash)
    bucket_first[:] = 0
    for state in subset:
        for entry in range(edge_first[state], edge_first[state + 1]):
            label = edge_label[entry]
            for place in range(set_offsets[label], set_offsets[label + 1]):
                bucket_first[set_columns[place] + 1] += 1
    for column in range(num_classes):
        bucket_first[column + 1] += bucket_first[column]
    if bucket_first[num_classes] > len(bucket):
        bucket = np.empty(2 * bucket_first[num_classes], np.int32)
    bucket_hash[:] = np.uint64(0)
    for state in subset:
        for entry in range(edge_first[state], edge_first[state + 1]):
            label = edge_label[entry]
            after = edge_next[entry]
            for place in range(set_offsets[label], set_offsets[label + 1]):
                column = set_columns[place]
                bucket[bucket_first[column]] = after
                bucket_first[column] += 1
                bucket_hash[column] = bucket_hash[column] * np.uint64(0x9E3779B97F4A7C15) + (
                    np.uint64(after + 1)
                )
    for column in range(num_classes, 0, -1):
        bucket_first[column] = bucket_first[column - 1]
    bucket_first[0] = 0
    return bucket


@njit(cache=True)
def _earlier_equal(
    column: int,
    bucket_first: NDArray[np.int64],
    bucket_hash: NDArray[np.uint64],
    bucket: Int32Array,
) -> int:
    """One of the 16 classes before `column` that has the same targets in the same order, or -1."""
    low = bucket_first[column]
    size = bucket_first[column + 1] - low
    for other in range(column - 1, max(-1, column - 17), -1):
        other_low = bucket_first[other]
        if bucket_hash[other] == bucket_hash[column] and (
            bucket_first[other + 1] - other_low == size
        ):
            same = True
            for step in range(size):
                if bucket[low + step] != bucket[other_low + step]:
                    same = False
                    break
            if same:
                return other
    return -1


@njit(cache=True)
def subset_construction(
    source: Int32Array,
    set_number: Int32Array,
    target: Int32Array,
    epsilon_source: Int32Array,
    epsilon_target: Int32Array,
    accepting: BoolArray,
    start: np.int64,
    set_offsets: Int32Array,
    set_columns: Int32Array,
    num_classes: np.int64,
    max_states: np.int64,
    absorbing: np.int64,
) -> tuple[Int32Array, BoolArray, int]:
    """The deterministic automaton of a nondeterministic one.

    Args:
        source, set_number, target: int32 [E], edges labelled with a set of byte classes.
        epsilon_source, epsilon_target: int32 [M].
        accepting: bool [N].
        start, num_classes, max_states: int64.
        absorbing: int64, a state that makes the others of its subset superfluous, or -1.
        set_offsets, set_columns: int32, as from `byte_classes`.

    Returns:
        int32 [S, K] transitions, bool [S] accepting, and 0 or the number of the limit that was
        exceeded (see `LIMIT_NAMES`).
    """
    num_nfa_states = len(accepting)
    useful = useful_states(source, target, epsilon_source, epsilon_target, accepting)
    if not useful[start]:
        return np.full((1, num_classes), -1, np.int32), np.zeros(1, np.bool_), 0

    keep = np.empty(len(source), np.bool_)
    for edge in range(len(source)):
        keep[edge] = useful[source[edge]] and useful[target[edge]]
    edge_first, edges = grouped(source, keep, num_nfa_states)
    keep_epsilon = np.empty(len(epsilon_source), np.bool_)
    for edge in range(len(epsilon_source)):
        keep_epsilon[edge] = useful[epsilon_source[edge]] and useful[epsilon_target[edge]]
    epsilon_first, epsilons = grouped(epsilon_source, keep_epsilon, num_nfa_states)
    important = accepting.copy()
    for state in range(num_nfa_states):
        important[state] = important[state] or edge_first[state + 1] > edge_first[state]
    epsilon_next = taken_at(epsilon_target, epsilons)
    forward = forwarding(useful, important, epsilon_first, epsilon_next)
    edge_label = taken_at(set_number, edges)
    edge_next = taken_at(forward, taken_at(target, edges))
    epsilon_next = taken_at(forward, epsilon_next)

    # Subset i is members[offsets[i]:offsets[i + 1]].
    capacity = 64
    offsets = np.zeros(capacity + 1, np.int64)
    hashes = np.zeros(capacity, np.uint64)
    dfa_accepting = np.zeros(capacity, np.bool_)
    transitions = np.full((capacity, num_classes), -1, np.int32)
    members = np.empty(num_nfa_states + 64, np.int32)
    slots = np.full(256, -1, np.int32)
    singleton = np.full(num_nfa_states, -1, np.int32)

    stamps = np.zeros(num_nfa_states, np.int32)
    stamp = 0
    stack = np.empty(num_nfa_states, np.int32)
    bucket_first = np.zeros(num_classes + 1, np.int64)
    bucket_hash = np.zeros(num_classes, np.uint64)
    bucket = np.empty(64, np.int32)
    num_states = 0
    work = 0

    # Before state 0, one bucket holds the start state.
    current = -1
    bucket[0] = forward[start]
    bucket_first[1:] = 1
    while current < num_states:
        if current >= 0:
            bucket = _fill_buckets(
                members[offsets[current] : offsets[current + 1]],
                edge_first,
                edge_label,
                edge_next,
                set_offsets,
                set_columns,
                bucket_first,
                bucket_hash,
                bucket,
            )
            work += bucket_first[num_classes]

        for column in range(num_classes):
            low, high = bucket_first[column], bucket_first[column + 1]
            if low == high:
                continue
            number = -1
            if high - low == 1:
                number = singleton[bucket[low]]
            else:
                other = _earlier_equal(column, bucket_first, bucket_hash, bucket)
                if other >= 0:
                    number = transitions[current, other]

            if number < 0:
                begin = offsets[num_states]
                if begin + num_nfa_states > len(members):
                    members = grown(members, 2 * (begin + num_nfa_states))
                stamp += 1
                size, total, followed = _close(
                    bucket[low:high],
                    important,
                    epsilon_first,
                    epsilon_next,
                    absorbing,
                    stamps,
                    stamp,
                    stack,
                    members[begin:],
                )
                work += followed
                number, slot = _find(size, total, stamps, stamp, slots, hashes, offsets, members)
                if number < 0:
                    if num_states >= max_states:
                        return transitions[:1], dfa_accepting[:1], 1
                    if (num_states + 1) * num_classes > MAX_TABLE:
                        return transitions[:1], dfa_accepting[:1], 2
                    if begin + size > MAX_MEMBERS:
                        return transitions[:1], dfa_accepting[:1], 3
                    if num_states == capacity:
                        capacity *= 2
                        offsets = grown(offsets, capacity + 1)
                        hashes = grown(hashes, capacity)
                        dfa_accepting = grown(dfa_accepting, capacity)
                        transitions = more_rows(transitions)
                    number = num_states
                    hashes[number] = total
                    for position in range(begin, begin + size):
                        if accepting[members[position]]:
                            dfa_accepting[number] = True
                            break
                    slots[slot] = number
                    num_states += 1
                    offsets[num_states] = begin + size
                    if 2 * num_states > len(slots):
                        slots = _rehashed(hashes, num_states, 4 * len(slots))
                if high - low == 1:
                    singleton[bucket[low]] = number
            if current < 0:
                break
            transitions[current, column] = number

        if work > MAX_WORK:
            return transitions[:1], dfa_accepting[:1], 4
        current += 1
    return transitions[:num_states].copy(), dfa_accepting[:num_states].copy(), 0


@njit(cache=True)
def more_rows(table: Int32Array) -> Int32Array:
    """A copy with twice the rows, the new ones filled with -1."""
    num_rows, num_columns = table.shape
    longer = np.full((2 * num_rows, num_columns), -1, np.int32)
    for row in range(num_rows):
        for column in range(num_columns):
            longer[row, column] = table[row, column]
    return longer


@njit(cache=True)
def grown(values: NDArray[Any], size: int) -> Any:
    """A longer copy, filled up with zeros."""
    longer = np.zeros(size, values.dtype)
    # a loop, for numba takes seconds to compile the error messages of a slice assignment
    for position in range(len(values)):
        longer[position] = values[position]
    return longer
