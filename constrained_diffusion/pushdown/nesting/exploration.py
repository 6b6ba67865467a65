"""All configurations of a machine whose parser is a finite automaton, breadth first."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..feeding import feed_key
from ..kernels import finishes, step_class
from ..memory import FEEDS, FULL, PENDING_LIMIT, SINCE, Memory, cons, push, store
from ..tables import BoolArray, Int, Int32Array, Tables

COMPLETE, TOO_MANY_STATES, TOO_MANY_STEPS, MEMORY_FULL = 0, 1, 2, 3
"""How an exploration ended."""


@njit(cache=True)
def teach(memory: Memory, following: Int32Array, accepting: BoolArray, end: int) -> None:
    """Writes all that feeding terminals can lead to into the memory of an idle machine.

    A stack is a state of the parser by itself, so that no stack grows.

    Args:
        following: int32 [S, T], the state after a terminal, or -1.
        accepting: bool [S], whether the text may end in a state, before the terminal `end`.
    """
    num_states, num_terminals = following.shape
    lists = np.empty(num_states, np.int64)
    stacks = np.empty(num_states, np.int64)
    for state in range(num_states):
        stacks[state] = push(memory, np.int64(0), np.int64(state))
        lists[state] = cons(memory, np.int64(0), stacks[state])
    for state in range(num_states):
        for terminal in range(num_terminals):
            result = np.int64(0)
            if terminal == end:
                if accepting[state]:
                    result = lists[state]
            elif following[state, terminal] >= 0:
                result = lists[following[state, terminal]]
            key = feed_key(stacks[state], np.int64(terminal))
            store(memory, memory.feeds_key, memory.feeds_value, FEEDS, np.int64(key), result)


@njit(cache=True)
def explore(
    tables: Tables, memory: Memory, start: int, max_states: int, max_steps: int
) -> tuple[Int32Array, BoolArray, bool, int]:
    """The automaton of the configurations reached from `start`, over classes of characters.

    Args:
        max_steps: bound on the configurations times classes that are tried.

    Returns:
        next: int32 [S, C], the state after a character of a class, or -1.
        accepting: bool [S].
        shortened: whether a lexer went so far past a match that it gave it up.
        outcome: COMPLETE, or why it is not.
    """
    num_classes = tables.lexer.next.shape[1]
    state_of = np.full(len(memory.lists_parent), -1, np.int32)
    configs = np.empty(max_states, np.int32)
    transitions = np.full((1024, num_classes), -1, np.int32)
    accepting = np.zeros(max_states, np.bool_)
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
    return transitions[:done], accepting[:done], shortened, outcome


@njit(cache=True)
def _looks_far_back(memory: Memory, config: Int) -> bool:
    while config != 0:
        if memory.threads[memory.lists_value[config], SINCE] >= memory.count[PENDING_LIMIT]:
            return True
        config = memory.lists_parent[config]
    return False
