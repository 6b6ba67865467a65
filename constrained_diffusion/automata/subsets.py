"""The subset construction over flat arrays (Rabin and Scott 1959), bounded in time and memory.

Epsilon closures keep only *important* states (those that read a byte or accept: Aho, Sethi, Ullman,
"Compilers", section 3.9). States that cannot reach acceptance are removed first, so the result is
trimmed. Sets are found by an order-independent hash and compared exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAX_TABLE = 24_000_000
"""Bound on states times byte classes of the deterministic table (4 bytes each)."""

MAX_MEMBERS = 40_000_000
"""Bound on the sizes of all subsets together (4 bytes each)."""

MAX_WORK = 400_000_000
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
def byte_classes(sets):
    """The coarsest partition of the bytes of which every set is a union of classes.

    Args:
        sets: bool [D, 256].

    Returns:
        uint8 [256] class of each byte, numbered by first byte, and the classes of each set as
        int32 offsets [D + 1] into int32 columns.
    """
    num_sets = sets.shape[0]
    byte_class = np.zeros(256, np.int32)
    num_classes = 1
    renamed = np.empty(512, np.int32)
    for number in range(num_sets):
        renamed[: 2 * num_classes] = -1
        num_classes = 0
        for byte in range(256):
            pair = 2 * byte_class[byte] + (1 if sets[number, byte] else 0)
            if renamed[pair] < 0:
                renamed[pair] = num_classes
                num_classes += 1
            byte_class[byte] = renamed[pair]
    first_byte = np.full(num_classes, -1, np.int32)
    for byte in range(255, -1, -1):
        first_byte[byte_class[byte]] = byte
    offsets = np.zeros(num_sets + 1, np.int32)
    columns = np.empty(num_sets * num_classes, np.int32)
    count = 0
    for number in range(num_sets):
        for column in range(num_classes):
            if sets[number, first_byte[column]]:
                columns[count] = column
                count += 1
        offsets[number + 1] = count
    return byte_class.astype(np.uint8), offsets, columns[:count].copy()


@njit(cache=True)
def _group(keys, keep, num_groups):
    """Positions of the kept `keys` grouped by key: offsets [num_groups + 1] and positions."""
    offsets = np.zeros(num_groups + 1, np.int32)
    for position in range(len(keys)):
        if keep[position]:
            offsets[keys[position] + 1] += 1
    for group in range(num_groups):
        offsets[group + 1] += offsets[group]
    positions = np.empty(offsets[num_groups], np.int32)
    fill = offsets[:-1].copy()
    for position in range(len(keys)):
        if keep[position]:
            positions[fill[keys[position]]] = position
            fill[keys[position]] += 1
    return offsets, positions


@njit(cache=True)
def _useful(source, target, epsilon_source, epsilon_target, accepting):
    """bool [n]: the states from which an accepting state can be reached."""
    num_states = len(accepting)
    into, edges = _group(target, np.ones(len(target), np.bool_), num_states)
    epsilon_into, epsilons = _group(
        epsilon_target, np.ones(len(epsilon_target), np.bool_), num_states
    )
    useful = accepting.copy()
    stack = np.empty(num_states, np.int32)
    height = 0
    for state in range(num_states):
        if accepting[state]:
            stack[height] = state
            height += 1
    while height > 0:
        height -= 1
        state = stack[height]
        for entry in range(into[state], into[state + 1]):
            before = source[edges[entry]]
            if not useful[before]:
                useful[before] = True
                stack[height] = before
                height += 1
        for entry in range(epsilon_into[state], epsilon_into[state + 1]):
            before = epsilon_source[epsilons[entry]]
            if not useful[before]:
                useful[before] = True
                stack[height] = before
                height += 1
    return useful


@njit(cache=True)
def _mixed(value):
    """A 64-bit hash of one integer (the finaliser of splitmix64)."""
    word = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(cache=True)
def subset_construction(
    source,
    set_number,
    target,
    epsilon_source,
    epsilon_target,
    accepting,
    start,
    set_offsets,
    set_columns,
    num_classes,
    max_states,
    absorbing,
):
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
    useful = _useful(source, target, epsilon_source, epsilon_target, accepting)
    if not useful[start]:
        return np.full((1, num_classes), -1, np.int32), np.zeros(1, np.bool_), 0

    keep = np.empty(len(source), np.bool_)
    for edge in range(len(source)):
        keep[edge] = useful[source[edge]] and useful[target[edge]]
    edge_first, edges = _group(source, keep, num_nfa_states)
    keep_epsilon = np.empty(len(epsilon_source), np.bool_)
    for edge in range(len(epsilon_source)):
        keep_epsilon[edge] = useful[epsilon_source[edge]] and useful[epsilon_target[edge]]
    epsilon_first, epsilons = _group(epsilon_source, keep_epsilon, num_nfa_states)

    # A state with one epsilon edge and nothing else stands for its successor. Every such chain ends,
    # for a cycle of such states could not reach acceptance.
    important = np.empty(num_nfa_states, np.bool_)
    forward = np.empty(num_nfa_states, np.int32)
    for state in range(num_nfa_states):
        important[state] = accepting[state] or edge_first[state + 1] > edge_first[state]
        forward[state] = state
    for state in range(num_nfa_states):
        final = state
        while (
            useful[final]
            and not important[final]
            and forward[final] == final
            and epsilon_first[final + 1] - epsilon_first[final] == 1
        ):
            final = epsilon_target[epsilons[epsilon_first[final]]]
        final = forward[final]
        walk = state
        while walk != final and forward[walk] == walk:
            after = epsilon_target[epsilons[epsilon_first[walk]]]
            forward[walk] = final
            walk = after

    # Subsets: members of set i are members[offsets[i]:offsets[i + 1]].
    capacity = 64
    offsets = np.zeros(capacity + 1, np.int64)
    hashes = np.empty(capacity, np.uint64)
    dfa_accepting = np.zeros(capacity, np.bool_)
    transitions = np.empty((capacity, num_classes), np.int32)
    members = np.empty(1024, np.int32)
    slots = np.full(256, -1, np.int32)
    num_states = 0
    singleton = np.full(num_nfa_states, -1, np.int32)

    seen = np.zeros(num_nfa_states, np.int32)
    version = 0
    stack = np.empty(num_nfa_states + 1, np.int32)
    bucket_first = np.zeros(num_classes + 1, np.int64)
    bucket = np.empty(64, np.int32)
    bucket[0] = forward[start]
    bucket_hash = np.zeros(num_classes, np.uint64)
    work = 0

    current = -1  # before state 0: its one "bucket" holds the start state
    while current < num_states:
        if current < 0:
            bucket_first[:] = 1
            bucket_first[0] = 0
        else:
            # Targets of the current subset by byte class.
            bucket_first[:] = 0
            for position in range(offsets[current], offsets[current + 1]):
                state = members[position]
                for entry in range(edge_first[state], edge_first[state + 1]):
                    label = set_number[edges[entry]]
                    for place in range(set_offsets[label], set_offsets[label + 1]):
                        bucket_first[set_columns[place] + 1] += 1
            for column in range(num_classes):
                bucket_first[column + 1] += bucket_first[column]
            total = bucket_first[num_classes]
            work += total
            if total > len(bucket):
                bucket = np.empty(2 * total, np.int32)
            bucket_hash[:] = np.uint64(0)
            for position in range(offsets[current], offsets[current + 1]):
                state = members[position]
                for entry in range(edge_first[state], edge_first[state + 1]):
                    edge = edges[entry]
                    label = set_number[edge]
                    after = forward[target[edge]]
                    for place in range(set_offsets[label], set_offsets[label + 1]):
                        column = set_columns[place]
                        bucket[bucket_first[column]] = after
                        bucket_first[column] += 1
                        bucket_hash[column] = bucket_hash[column] * np.uint64(
                            0x9E3779B97F4A7C15
                        ) + np.uint64(after + 1)
            for column in range(num_classes, 0, -1):
                bucket_first[column] = bucket_first[column - 1]
            bucket_first[0] = 0

        for column in range(num_classes):
            low, high = bucket_first[column], bucket_first[column + 1]
            if low == high:
                if current >= 0:
                    transitions[current, column] = -1
                continue

            found = np.int32(-1)
            if high - low == 1:
                found = singleton[bucket[low]]
            else:
                # Often the same targets in the same order as an earlier class of this subset.
                for other in range(column - 1, max(-1, column - 17), -1):
                    if bucket_hash[other] == bucket_hash[column]:
                        other_low = bucket_first[other]
                        if bucket_first[other + 1] - other_low == high - low:
                            same = True
                            for step in range(high - low):
                                if bucket[low + step] != bucket[other_low + step]:
                                    same = False
                                    break
                            if same:
                                found = transitions[current, other]
                                break

            if found < 0:
                # Epsilon closure, important states only, written behind the last subset.
                version += 1
                begin = offsets[num_states]
                end = begin
                height = 0
                total_hash = np.uint64(0)
                accepts = False
                for place in range(low, high):
                    state = bucket[place]
                    if seen[state] != version:
                        seen[state] = version
                        stack[height] = state
                        height += 1
                while height > 0:
                    height -= 1
                    state = stack[height]
                    work += 1
                    if important[state]:
                        if end == len(members):
                            grown = np.empty(2 * end, np.int32)
                            grown[:end] = members
                            members = grown
                        members[end] = state
                        end += 1
                        total_hash += _mixed(state)
                        accepts = accepts or accepting[state]
                    for entry in range(epsilon_first[state], epsilon_first[state + 1]):
                        after = forward[epsilon_target[epsilons[entry]]]
                        work += 1
                        if seen[after] != version:
                            seen[after] = version
                            stack[height] = after
                            height += 1

                if absorbing >= 0 and seen[absorbing] == version:
                    version += 1
                    seen[absorbing] = version
                    members[begin] = absorbing
                    end = begin + 1
                    total_hash = _mixed(absorbing)
                    accepts = accepting[absorbing]

                slot = np.int64(total_hash & np.uint64(len(slots) - 1))
                while slots[slot] >= 0:
                    candidate = slots[slot]
                    if (
                        hashes[candidate] == total_hash
                        and offsets[candidate + 1] - offsets[candidate] == end - begin
                    ):
                        # `seen` holds exactly the new subset (and states that do not matter).
                        same = True
                        for position in range(offsets[candidate], offsets[candidate + 1]):
                            if seen[members[position]] != version:
                                same = False
                                break
                        if same:
                            found = candidate
                            break
                    slot = (slot + 1) & (len(slots) - 1)

                if found < 0:
                    if num_states >= max_states:
                        return transitions[:1], dfa_accepting[:1], 1
                    if (num_states + 1) * num_classes > MAX_TABLE:
                        return transitions[:1], dfa_accepting[:1], 2
                    if end > MAX_MEMBERS:
                        return transitions[:1], dfa_accepting[:1], 3
                    if num_states == capacity:
                        capacity *= 2
                        offsets = _grown(offsets, capacity + 1)
                        hashes = _grown(hashes, capacity)
                        dfa_accepting = _grown(dfa_accepting, capacity)
                        wider = np.empty((capacity, num_classes), np.int32)
                        wider[:num_states] = transitions
                        transitions = wider
                    found = np.int32(num_states)
                    hashes[found] = total_hash
                    dfa_accepting[found] = accepts
                    num_states += 1
                    offsets[num_states] = end
                    slots[slot] = found
                    if 2 * num_states > len(slots):
                        slots = np.full(4 * len(slots), -1, np.int32)
                        for number in range(num_states):
                            slot = np.int64(hashes[number] & np.uint64(len(slots) - 1))
                            while slots[slot] >= 0:
                                slot = (slot + 1) & (len(slots) - 1)
                            slots[slot] = number
                if high - low == 1:
                    singleton[bucket[low]] = found

            if current < 0:
                break
            transitions[current, column] = found
        if work > MAX_WORK:
            return transitions[:1], dfa_accepting[:1], 4
        current += 1
    return transitions[:num_states].copy(), dfa_accepting[:num_states].copy(), 0


@njit(cache=True)
def _grown(values, size):
    grown = np.zeros(size, values.dtype)
    grown[: len(values)] = values
    return grown
