"""The product of two byte automata: intersection and difference."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit

from ..errors import LimitError
from .automaton import (
    BoolArray,
    ByteArray,
    ByteAutomaton,
    Int32Array,
)
from .minimise import minimise
from .nfa import MAX_STATES
from .subsets import MAX_TABLE, grown, more_rows


def product(
    left: ByteAutomaton,
    right: ByteAutomaton,
    operation: Literal["and", "minus"],
    *,
    max_states: int = MAX_STATES,
) -> ByteAutomaton:
    """The texts of `left` that are in `right` ("and"), or that are not ("minus").

    Raises:
        LimitError: more than `max_states` reachable pairs of states.
    """
    pairs = left.byte_class.astype(np.int64) * 256 + right.byte_class
    _, first_byte, joint = np.unique(pairs, return_index=True, return_inverse=True)
    transitions, accepting, complete = _product(
        left.transitions,
        left.accepting,
        left.byte_class[first_byte],
        right.transitions,
        right.accepting,
        right.byte_class[first_byte],
        operation == "minus",
        np.int64(min(max_states, MAX_TABLE // len(first_byte))),
    )
    if not complete:
        raise LimitError(
            f"the product of automata of {left.num_states:,} and {right.num_states:,} states has "
            f"more than {max_states:,} states or {MAX_TABLE:,} transitions; simplify the "
            "constraint or raise max_states"
        )
    return minimise(transitions, joint.astype(np.uint8), accepting)


@njit(cache=True)
def _product(
    left: Int32Array,
    left_accepting: BoolArray,
    left_column: ByteArray,
    right: Int32Array,
    right_accepting: BoolArray,
    right_column: ByteArray,
    minus: bool,
    max_states: np.int64,
) -> tuple[Int32Array, BoolArray, bool]:
    """Pairs reachable from (0, 0); a missing right state is -1, allowed under `minus` only.

    Returns int32 [S, K] transitions, bool [S] accepting, and whether `max_states` sufficed.
    """
    num_columns = len(left_column)
    width = np.int64(len(right_accepting) + 1)
    capacity = 64
    lefts = np.empty(capacity, np.int32)
    rights = np.empty(capacity, np.int32)
    transitions = np.empty((capacity, num_columns), np.int32)
    slots = np.full(256, -1, np.int32)
    lefts[0] = 0
    rights[0] = 0
    slots[_slot_of(np.int64(1), len(slots))] = 0
    num_states = 1
    current = 0
    while current < num_states:
        for column in range(num_columns):
            transitions[current, column] = -1
            next_left = left[lefts[current], left_column[column]]
            if next_left < 0:
                continue
            next_right = np.int32(-1)
            if rights[current] >= 0:
                next_right = right[rights[current], right_column[column]]
            if next_right < 0 and not minus:
                continue
            slot = _slot_of(np.int64(next_left) * width + next_right + 1, len(slots))
            while slots[slot] >= 0:
                found = slots[slot]
                if lefts[found] == next_left and rights[found] == next_right:
                    break
                slot = (slot + 1) & (len(slots) - 1)
            if slots[slot] < 0:
                if num_states >= max_states:
                    return transitions[:1], np.zeros(1, np.bool_), False
                if num_states == capacity:
                    capacity *= 2
                    lefts = grown(lefts, capacity)
                    rights = grown(rights, capacity)
                    transitions = more_rows(transitions)
                slots[slot] = num_states
                lefts[num_states] = next_left
                rights[num_states] = next_right
                num_states += 1
            transitions[current, column] = slots[slot]
            if 2 * num_states > len(slots):
                slots = np.full(4 * len(slots), -1, np.int32)
                for number in range(num_states):
                    pair = np.int64(lefts[number]) * width + rights[number] + 1
                    slot = _slot_of(pair, len(slots))
                    while slots[slot] >= 0:
                        slot = (slot + 1) & (len(slots) - 1)
                    slots[slot] = number
        current += 1
    accepting = np.empty(num_states, np.bool_)
    for number in range(num_states):
        in_right = rights[number] >= 0 and right_accepting[rights[number]]
        accepting[number] = left_accepting[lefts[number]] and in_right != minus
    return transitions[:num_states].copy(), accepting, True


@njit(cache=True)
def _slot_of(pair: np.int64, num_slots: int) -> np.int64:
    word = np.uint64(pair) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((word ^ (word >> np.uint64(32))) & np.uint64(num_slots - 1))
