"""Array kernels that prepare a nondeterministic automaton for the subset construction."""

from __future__ import annotations

import numpy as np
from numba import njit

from .automaton import BoolArray, ByteArray, Int32Array


@njit(cache=True)
def byte_classes(sets: BoolArray) -> tuple[ByteArray, Int32Array, Int32Array]:
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
def grouped(keys: Int32Array, keep: BoolArray, num_groups: int) -> tuple[Int32Array, Int32Array]:
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
def taken_at(values: Int32Array, positions: Int32Array) -> Int32Array:
    """`values[positions]`."""
    taken = np.empty(len(positions), np.int32)
    for place in range(len(positions)):
        taken[place] = values[positions[place]]
    return taken


@njit(cache=True)
def useful_states(
    source: Int32Array,
    target: Int32Array,
    epsilon_source: Int32Array,
    epsilon_target: Int32Array,
    accepting: BoolArray,
) -> BoolArray:
    """bool [n]: the states from which an accepting state can be reached."""
    num_states = len(accepting)
    every = np.ones(max(len(target), len(epsilon_target)), np.bool_)
    into, edges = grouped(target, every, num_states)
    epsilon_into, epsilons = grouped(epsilon_target, every, num_states)
    found = accepting.copy()
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
            if not found[before]:
                found[before] = True
                stack[height] = before
                height += 1
        for entry in range(epsilon_into[state], epsilon_into[state + 1]):
            before = epsilon_source[epsilons[entry]]
            if not found[before]:
                found[before] = True
                stack[height] = before
                height += 1
    return found


@njit(cache=True)
def forwarding(
    useful: BoolArray, important: BoolArray, epsilon_first: Int32Array, epsilon_next: Int32Array
) -> Int32Array:
    """int32 [N]: the state that each state stands for.

    A state with one epsilon edge and nothing else stands for its successor. Every chain of such
    states ends, for a cycle of them could not reach acceptance.
    """
    num_states = len(useful)
    forward = np.arange(num_states).astype(np.int32)
    for state in range(num_states):
        final = state
        while (
            useful[final]
            and not important[final]
            and forward[final] == final
            and epsilon_first[final + 1] - epsilon_first[final] == 1
        ):
            final = epsilon_next[epsilon_first[final]]
        final = forward[final]
        walk = state
        while walk != final and forward[walk] == walk:
            after = epsilon_next[epsilon_first[walk]]
            forward[walk] = final
            walk = after
    return forward
