"""From the machine's configurations to abstract states with counters."""

from __future__ import annotations

import numpy as np
from numba import njit

from .. import memory as threads
from ..kernels import ENDED
from ..memory import Memory, cons
from ..tables import REGULAR, TRANSDUCER, Int, Tables
from .relaxed_threads import (
    BEFORE,
    CHARACTERS,
    EXTRA,
    LEX,
    MATCH,
    MOST_PENDING,
    PART,
    POINT,
    SINCE,
    TOP,
    state_number,
)
from .structures import COUNTERS, FIELDS, UNKNOWN_WEIGHT, ZERO, Relaxation


@njit(cache=True)
def _state_of(tables: Tables, memory: Memory, relaxation: Relaxation, number: Int) -> Int:
    """The abstract state of a thread; -1 where the table is full."""
    known = relaxation.state_of_thread[number]
    if known != 0:
        return np.int64(known - 1)
    thread = memory.threads[number]
    fields = np.zeros(FIELDS, np.int64)
    part = thread[threads.PART]
    fields[PART] = part
    fields[MATCH] = -1
    if tables.parts.kind[part] == REGULAR:
        fields[TOP] = thread[threads.LEX]
    else:
        fields[TOP] = memory.stacks_state[thread[threads.STACK]]
        if tables.parts.filter[part] == TRANSDUCER:
            fields[EXTRA] = thread[threads.EXTRA]
        fields[LEX] = thread[threads.LEX]
        if thread[threads.SINCE] <= MOST_PENDING:
            fields[MATCH] = thread[threads.MATCH]
            fields[SINCE] = thread[threads.SINCE]
            fields[BEFORE] = thread[threads.BEFORE]
        pending = thread[threads.PENDING]
        for place in range(MOST_PENDING):
            if pending == 0:
                break
            fields[CHARACTERS] |= np.int64(memory.lists_value[pending] + 1) << (16 * place)
            pending = memory.lists_parent[pending]
    fields[POINT] = thread[threads.POINT]
    state = state_number(relaxation, fields)
    relaxation.state_of_thread[number] = state + 1
    return state


@njit(cache=True)
def _weight_of(memory: Memory, relaxation: Relaxation, stack: Int) -> Int:
    """What the states on a stack add up to."""
    weight = np.int64(0)
    current = stack
    while current != 0 and relaxation.weight_of_stack[current] == UNKNOWN_WEIGHT:
        weight += relaxation.state_weight[memory.stacks_state[current]]
        current = np.int64(memory.stacks_parent[current])
    if current != 0:
        weight += relaxation.weight_of_stack[current]
    relaxation.weight_of_stack[stack] = weight
    return weight


@njit(cache=True)
def profile_of(tables: Tables, memory: Memory, relaxation: Relaxation, config: Int) -> Int:
    """The list of (abstract state * COUNTERS + counter) of a configuration's threads."""
    known = relaxation.profile_of[config]
    if known != 0:
        return np.int64(known)
    profile = np.int64(0)
    if config == ENDED:
        profile = np.int64(cons(memory, np.int64(0), np.int64(ZERO)))
    else:
        rest = config
        while rest != 0:
            number = np.int64(memory.lists_value[rest])
            rest = np.int64(memory.lists_parent[rest])
            state = _state_of(tables, memory, relaxation, number)
            stack = np.int64(memory.threads[number, threads.STACK])
            weight = _weight_of(memory, relaxation, stack) + ZERO if stack != 0 else ZERO
            value = state * COUNTERS + min(max(weight, 0), COUNTERS - 1)
            if state >= 0:
                profile = np.int64(cons(memory, profile, value))
    relaxation.profile_of[config] = profile
    return profile
