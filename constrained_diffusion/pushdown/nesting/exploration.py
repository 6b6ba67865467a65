"""All configurations of a machine up to a depth of nesting, breadth first."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels import finishes, step_class
from ..memory import FULL, PENDING_LIMIT, SINCE, STACK, Memory, configuration
from ..tables import BoolArray, Int32Array, Tables

COMPLETE, TOO_MANY_STATES, TOO_MANY_STEPS, MEMORY_FULL = 0, 1, 2, 3
"""How an exploration ended."""


@njit(cache=True)
def explore(
    tables: Tables,
    memory: Memory,
    start: int,
    recursive: BoolArray,
    max_depth: int,
    max_states: int,
    max_steps: int,
) -> tuple[Int32Array, BoolArray, bool, bool, int]:
    """The automaton of the configurations reached from `start`, over classes of characters.

    Readings whose stack holds more than `max_depth` recursive states are dropped.

    Args:
        recursive: bool [Q].
        max_steps: bound on the configurations times classes that are tried.

    Returns:
        next: int32 [S, C], the state after a character of a class, or -1.
        accepting: bool [S].
        bounded: whether a reading was dropped.
        shortened: whether a lexer went so far past a match that it gave it up.
        outcome: COMPLETE, or why it is not.
    """
    num_classes = tables.lexer.next.shape[1]
    state_of = np.full(len(memory.lists_parent), -1, np.int32)
    configs = np.empty(max_states, np.int32)
    transitions = np.full((1024, num_classes), -1, np.int32)
    accepting = np.zeros(max_states, np.bool_)
    bounded = False
    shortened = False
    configs[0] = start
    state_of[start] = 0
    count = 1
    done = 0
    outcome = COMPLETE
    while done < count and outcome == COMPLETE:
        if done == len(transitions):
            larger = np.full((2 * len(transitions), num_classes), -1, np.int32)
            larger[: len(transitions)] = transitions
            transitions = larger
        config = np.int64(configs[done])
        accepting[done] = finishes(tables, memory, config)
        if (done + 1) * num_classes > max_steps:
            outcome = TOO_MANY_STEPS
        for character in range(num_classes):
            target = np.int64(step_class(tables, memory, config, np.int64(character)))
            if target == 0:
                continue
            target, dropped = _within(tables, memory, target, recursive, max_depth)
            bounded = bounded or dropped
            if target == 0:
                continue
            if state_of[target] < 0:
                if count == max_states:
                    outcome = TOO_MANY_STATES
                    break
                state_of[target] = count
                configs[count] = target
                count += 1
                shortened = shortened or _looks_far_back(memory, target)
            transitions[done, character] = state_of[target]
        if memory.count[FULL]:
            outcome = MEMORY_FULL
        done += 1
    return transitions[:done], accepting[:done], bounded, shortened, outcome


@njit(cache=True)
def _within(
    tables: Tables, memory: Memory, config: int, recursive: BoolArray, max_depth: int
) -> tuple[int, bool]:
    """The configuration without the threads that are nested too deeply, and whether there were
    any."""
    dropped = False
    current = config
    while current != 0:
        if _depth(memory, np.int64(memory.lists_value[current]), recursive) > max_depth:
            dropped = True
            break
        current = memory.lists_parent[current]
    if not dropped:
        return config, False
    count = 0
    current = config
    while current != 0:
        number = np.int64(memory.lists_value[current])
        if _depth(memory, number, recursive) <= max_depth:
            memory.found[count] = number
            count += 1
        current = memory.lists_parent[current]
    return np.int64(configuration(memory, memory.found, count)), True


@njit(cache=True)
def _depth(memory: Memory, thread: int, recursive: BoolArray) -> int:
    depth = 0
    stack = memory.threads[thread, STACK]
    while stack != 0:
        depth += recursive[memory.stacks_state[stack]]
        stack = memory.stacks_parent[stack]
    return depth


@njit(cache=True)
def _looks_far_back(memory: Memory, config: int) -> bool:
    while config != 0:
        if memory.threads[memory.lists_value[config], SINCE] >= memory.count[PENDING_LIMIT]:
            return True
        config = memory.lists_parent[config]
    return False
