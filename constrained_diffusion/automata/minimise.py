"""Exact minimisation and the canonical form of byte automata.

Partition refinement over transitions after A. Valmari, "Fast brief practical DFA minimization"
(Information Processing Letters 112, 2012): O(m log n) for m transitions of a *partial* automaton,
so missing transitions cost nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .automaton import (
    BoolArray,
    ByteArray,
    ByteAutomaton,
    Int32Array,
    fewest_steps,
)


def minimise(transitions: Int32Array, byte_class: ByteArray, accepting: BoolArray) -> ByteAutomaton:
    """The canonical minimal automaton of a deterministic one that starts in state 0.

    Args:
        transitions: int32 [S, K], target or -1; S >= 1, K >= 1.
        byte_class: uint8 [256], the column of each byte.
        accepting: bool [S].
    """
    transitions = np.ascontiguousarray(transitions, dtype=np.int32)
    accepting = np.ascontiguousarray(accepting, dtype=np.bool_)
    byte_class = np.ascontiguousarray(byte_class, dtype=np.uint8)
    trimmed, num_transitions = _trim(transitions, accepting)
    if trimmed[0, 0] == _EMPTY_LANGUAGE:
        return ByteAutomaton(
            np.full((1, 1), -1, np.int32), np.zeros(256, np.uint8), np.zeros(1, np.bool_)
        )
    block, num_blocks = _refine(trimmed, accepting, num_transitions)
    return ByteAutomaton(*_canonical(trimmed, byte_class, accepting, block, num_blocks))


_EMPTY_LANGUAGE = -2


@njit(cache=True)
def _trim(transitions: Int32Array, accepting: BoolArray) -> tuple[Int32Array, int]:
    """A copy in which only useful states (reachable, and able to accept) have transitions."""
    num_states, num_columns = transitions.shape
    distance = fewest_steps(transitions, accepting)
    trimmed = np.full((num_states, num_columns), -1, np.int32)
    if distance[0] < 0:
        trimmed[0, 0] = _EMPTY_LANGUAGE
        return trimmed, 0
    reached = np.zeros(num_states, np.bool_)
    stack = np.empty(num_states, np.int32)
    stack[0] = 0
    reached[0] = True
    height = 1
    num_transitions = 0
    while height > 0:
        height -= 1
        state = stack[height]
        for column in range(num_columns):
            target = transitions[state, column]
            if target >= 0 and distance[target] >= 0:
                trimmed[state, column] = target
                num_transitions += 1
                if not reached[target]:
                    reached[target] = True
                    stack[height] = target
                    height += 1
    return trimmed, num_transitions


@njit(cache=True)
def _mark(
    element: int,
    elements: Int32Array,
    location: Int32Array,
    set_of: Int32Array,
    first: Int32Array,
    marked: Int32Array,
    touched: Int32Array,
    num_touched: int,
) -> int:
    """Moves `element` among the marked ones at the front of its set; returns `num_touched`."""
    own = set_of[element]
    here = location[element]
    there = first[own] + marked[own]
    other = elements[there]
    elements[here] = other
    location[other] = here
    elements[there] = element
    location[element] = there
    if marked[own] == 0:
        touched[num_touched] = own
        num_touched += 1
    marked[own] += 1
    return num_touched


@njit(cache=True)
def _split(
    elements: Int32Array,
    set_of: Int32Array,
    first: Int32Array,
    past: Int32Array,
    marked: Int32Array,
    touched: Int32Array,
    num_touched: int,
    num_sets: int,
) -> int:
    """Splits each touched set into marked and unmarked, the smaller part gets the new number."""
    while num_touched > 0:
        num_touched -= 1
        old = touched[num_touched]
        middle = first[old] + marked[old]
        if middle == past[old]:
            marked[old] = 0
            continue
        if marked[old] <= past[old] - middle:
            first[num_sets] = first[old]
            past[num_sets] = middle
            first[old] = middle
        else:
            past[num_sets] = past[old]
            first[num_sets] = middle
            past[old] = middle
        for position in range(first[num_sets], past[num_sets]):
            set_of[elements[position]] = num_sets
        marked[old] = 0
        marked[num_sets] = 0
        num_sets += 1
    return num_sets


@njit(cache=True)
def _refine(
    transitions: Int32Array, accepting: BoolArray, num_transitions: int
) -> tuple[Int32Array, int]:
    """The coarsest partition of the states by language; unused states land in some block.

    Returns int32 [S] block of each state, and the number of blocks.
    """
    num_states, num_columns = transitions.shape
    zero = int(np.int64(0))  # a literal 0 would make numba compile the helpers once more each

    # Transitions ("cords") by column, which is the initial partition of them.
    tail = np.empty(num_transitions, np.int32)
    head = np.empty(num_transitions, np.int32)
    cord_first = np.empty(num_transitions + 1, np.int32)
    cord_past = np.empty(num_transitions + 1, np.int32)
    cord_of = np.empty(num_transitions, np.int32)
    count = 0
    num_cords = zero
    for column in range(num_columns):
        begin = count
        for state in range(num_states):
            target = transitions[state, column]
            if target >= 0:
                tail[count] = state
                head[count] = target
                cord_of[count] = num_cords
                count += 1
        if count > begin:
            cord_first[num_cords] = begin
            cord_past[num_cords] = count
            num_cords += 1
    cord_elements = np.arange(num_transitions).astype(np.int32)
    cord_location = np.arange(num_transitions).astype(np.int32)
    cord_marked = np.zeros(num_transitions + 1, np.int32)
    cord_touched = np.empty(num_transitions + 1, np.int32)

    # Incoming transitions of each state.
    incoming_first = np.zeros(num_states + 1, np.int32)
    for cord in range(num_transitions):
        incoming_first[head[cord] + 1] += 1
    for state in range(num_states):
        incoming_first[state + 1] += incoming_first[state]
    incoming = np.empty(num_transitions, np.int32)
    fill = incoming_first[:-1].copy()
    for cord in range(num_transitions):
        incoming[fill[head[cord]]] = cord
        fill[head[cord]] += 1

    elements = np.arange(num_states).astype(np.int32)
    location = np.arange(num_states).astype(np.int32)
    block_of = np.zeros(num_states, np.int32)
    first = np.zeros(num_states + 1, np.int32)
    past = np.zeros(num_states + 1, np.int32)
    marked = np.zeros(num_states + 1, np.int32)
    touched = np.empty(num_states + 1, np.int32)
    past[0] = num_states
    num_blocks = zero + 1
    num_touched = zero
    for state in range(num_states):
        if accepting[state]:
            num_touched = _mark(
                state, elements, location, block_of, first, marked, touched, num_touched
            )
    num_blocks = _split(elements, block_of, first, past, marked, touched, num_touched, num_blocks)

    # Block 0 needs no turn of its own: every other block has one, and columns split the cords.
    block = 1
    cord = 0
    while cord < num_cords:
        num_touched = zero
        for position in range(cord_first[cord], cord_past[cord]):
            state = tail[cord_elements[position]]
            num_touched = _mark(
                state, elements, location, block_of, first, marked, touched, num_touched
            )
        num_blocks = _split(
            elements, block_of, first, past, marked, touched, num_touched, num_blocks
        )
        cord += 1
        while block < num_blocks:
            num_touched = zero
            for position in range(first[block], past[block]):
                state = elements[position]
                for entry in range(incoming_first[state], incoming_first[state + 1]):
                    num_touched = _mark(
                        incoming[entry], cord_elements, cord_location, cord_of,
                        cord_first, cord_marked, cord_touched, num_touched,
                    )  # fmt: skip
            num_cords = _split(
                cord_elements, cord_of, cord_first, cord_past,
                cord_marked, cord_touched, num_touched, num_cords,
            )  # fmt: skip
            block += 1
    return block_of, num_blocks


@njit(cache=True)
def _canonical(
    transitions: Int32Array,
    byte_class: ByteArray,
    accepting: BoolArray,
    block_of: Int32Array,
    num_blocks: int,
) -> tuple[Int32Array, ByteArray, BoolArray]:
    """Quotient by blocks, equal columns merged, states in breadth-first order from state 0."""
    num_states, num_columns = transitions.shape
    member = np.full(num_blocks, -1, np.int32)
    column_hash = np.zeros(num_columns, np.uint64)
    for state in range(num_states):
        block = block_of[state]
        if member[block] < 0:
            member[block] = state
            for column in range(num_columns):
                target = transitions[state, column]
                number = -1 if target < 0 else block_of[target]
                column_hash[column] = column_hash[column] * np.uint64(0x9E3779B97F4A7C15) + (
                    np.uint64(number + 2)
                )

    new_class = np.empty(256, np.uint8)
    merged_into = np.full(num_columns, -1, np.int32)
    representative = np.empty(num_columns, np.int32)
    num_classes = 0
    for byte in range(256):
        column = byte_class[byte]
        if merged_into[column] < 0:
            for candidate in range(num_classes):
                other = representative[candidate]
                if column_hash[other] != column_hash[column]:
                    continue
                same = True
                for block in range(num_blocks):
                    mine = transitions[member[block], column]
                    its = transitions[member[block], other]
                    mine = -1 if mine < 0 else block_of[mine]
                    its = -1 if its < 0 else block_of[its]
                    if mine != its:
                        same = False
                        break
                if same:
                    merged_into[column] = candidate
                    break
            if merged_into[column] < 0:
                merged_into[column] = num_classes
                representative[num_classes] = column
                num_classes += 1
        new_class[byte] = merged_into[column]

    order = np.empty(num_blocks, np.int32)
    number_of = np.full(num_blocks, -1, np.int32)
    rows = np.empty((num_blocks, num_classes), np.int32)
    order[0] = block_of[0]
    number_of[block_of[0]] = 0
    num_ordered = 1
    current = 0
    while current < num_ordered:
        state = member[order[current]]
        for column in range(num_classes):
            target = transitions[state, representative[column]]
            if target < 0:
                rows[current, column] = -1
                continue
            block = block_of[target]
            if number_of[block] < 0:
                number_of[block] = num_ordered
                order[num_ordered] = block
                num_ordered += 1
            rows[current, column] = number_of[block]
        current += 1
    new_accepting = np.empty(num_ordered, np.bool_)
    for number in range(num_ordered):
        new_accepting[number] = accepting[member[order[number]]]
    return rows[:num_ordered].copy(), new_class, new_accepting
