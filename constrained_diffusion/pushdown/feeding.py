"""Feeding terminals to parsers, on interned stacks, with post-lexers before them."""

from __future__ import annotations

import numpy as np
from numba import njit

from .memory import FEEDS, FULL, Memory, cons, find, push, store
from .stacks import after_reducing, with_stack
from .tables import CLOSING, NEWLINE, OPENING, Int, Tables

MAX_STACKS = 4096
"""Stacks that one terminal may lead to."""

LEVEL_BITS = 12
"""An indenter's state is its list of (indentation << LEVEL_BITS | open brackets), latest first."""

_BRACKETS = (1 << LEVEL_BITS) - 1


@njit(cache=True)
def feed_key(stack: Int, terminal: Int) -> Int:
    """The key of a feed in `Memory.feeds_key`."""
    return np.int64(((np.int64(stack) << 16) | np.int64(terminal)) + 1)


@njit(cache=True)
def feed(tables: Tables, memory: Memory, stack: Int, terminal: Int) -> Int:
    """The list of the stacks after `terminal` was shifted onto `stack`; 0 where it is refused.

    For the end terminal: a list of one stack where the text is accepted.
    """
    key = feed_key(stack, terminal)
    slot = find(memory.feeds_key, key)
    if memory.feeds_key[slot] == key:
        return np.int32(memory.feeds_value[slot])
    result = _feed(tables, memory, stack, terminal)
    store(memory, memory.feeds_key, memory.feeds_value, FEEDS, key, result)
    return result


@njit(cache=True)
def _feed(tables: Tables, memory: Memory, stack: Int, terminal: Int) -> Int:
    parser = tables.parser
    num_terminals = parser.shift.shape[1]
    end_state = -1
    for part in range(len(tables.parts.end_terminal)):
        if tables.parts.end_terminal[part] == terminal:
            end_state = tables.parts.end_state[part]
    # Reducing may meet a stack again (A -> B -> A): `seen` holds those reached so far, in order.
    # Deterministic parsers have one way on, so that the list stays short without a search.
    seen = cons(memory, np.int64(0), stack)
    pending = seen
    result = np.int64(0)
    visited = 1
    while pending != 0:
        current = np.int64(memory.lists_value[pending])
        pending = memory.lists_parent[pending]
        state = memory.stacks_state[current]
        target = parser.shift[state, terminal]
        if target >= 0:
            pushed = np.int64(push(memory, current, np.int64(target)))
            result = np.int64(with_stack(memory, result, pushed))
        row = state * num_terminals + terminal
        for entry in range(parser.reduce_offsets[row], parser.reduce_offsets[row + 1]):
            reduced = _reduced(tables, memory, current, np.int64(parser.reduce_rules[entry]))
            while reduced != 0:
                stack = np.int64(memory.lists_value[reduced])
                reduced = np.int64(memory.lists_parent[reduced])
                if memory.stacks_state[stack] == end_state:
                    return cons(memory, np.int64(0), stack)
                known = False
                other = seen
                while other != 0 and not known:
                    known = memory.lists_value[other] == stack
                    other = memory.lists_parent[other]
                if known:
                    continue
                visited += 1
                if visited > MAX_STACKS:
                    memory.count[FULL] = 1
                    return 0
                seen = cons(memory, seen, stack)
                pending = cons(memory, pending, stack)
    return result


@njit(cache=True)
def _reduced(tables: Tables, memory: Memory, stack: Int, rule: Int) -> Int:
    """The list of the stacks after a reduction, one for each state on top."""
    goto, head = tables.parser.goto, tables.parser.rule_head[rule]
    length = np.int64(tables.parser.rule_length[rule])
    below, several = np.int64(stack), False
    for _ in range(length):
        several |= memory.stacks_others[below] != 0
        below = np.int64(memory.stacks_parent[below])
    if not several:
        reached = np.int64(goto[memory.stacks_state[below], head])
        if below == 0 or reached < 0:
            return np.int64(0)
        return np.int64(cons(memory, np.int64(0), np.int64(push(memory, below, reached))))
    belows = np.int64(after_reducing(memory, np.int64(stack), length))
    result = np.int64(0)
    while belows != 0:
        below = np.int64(memory.lists_value[belows])
        belows = np.int64(memory.lists_parent[belows])
        reached = np.int64(goto[memory.stacks_state[below], head])
        if reached >= 0:
            result = np.int64(with_stack(memory, result, np.int64(push(memory, below, reached))))
    return result


@njit(cache=True)
def feed_all(tables: Tables, memory: Memory, stacks: Int, terminal: Int) -> Int:
    """The list of all stacks after `terminal` on each of a list of stacks."""
    if stacks == 0:
        return 0
    if memory.lists_parent[stacks] == 0:
        return feed(tables, memory, np.int64(memory.lists_value[stacks]), terminal)
    result = np.int64(0)
    while stacks != 0:
        fed = feed(tables, memory, np.int64(memory.lists_value[stacks]), terminal)
        while fed != 0:
            stack = np.int64(memory.lists_value[fed])
            fed = memory.lists_parent[fed]
            result = np.int64(with_stack(memory, result, stack))
        stacks = memory.lists_parent[stacks]
    return result


@njit(cache=True)
def indent(
    tables: Tables,
    memory: Memory,
    part: Int,
    stack: Int,
    extra: Int,
    terminal: Int,
    column: Int,
) -> tuple[Int, Int]:
    """Stacks and indenter state after a terminal, as `lark.indenter.Indenter` has it.

    column: the indentation at the end of a newline terminal, -1 where it holds no line feed.
    """
    one = cons(memory, np.int64(0), stack)
    level = memory.lists_value[extra]
    brackets = level & _BRACKETS
    sign = tables.parser.sign[terminal]
    if sign == NEWLINE:
        if brackets > 0:
            return one, extra
        if column < 0:
            return 0, 0
        stacks = feed_all(tables, memory, one, terminal)
        indentation = level >> LEVEL_BITS
        if column > indentation:
            stacks = feed_all(tables, memory, stacks, np.int64(tables.parts.indent[part]))
            return stacks, cons(memory, extra, column << LEVEL_BITS)
        while column < indentation:
            extra = memory.lists_parent[extra]
            if extra == 0:
                return 0, 0
            indentation = memory.lists_value[extra] >> LEVEL_BITS
            stacks = feed_all(tables, memory, stacks, np.int64(tables.parts.dedent[part]))
        return (stacks, extra) if column == indentation else (0, 0)
    stacks = feed_all(tables, memory, one, terminal)
    if sign == OPENING:
        if brackets == _BRACKETS:
            return 0, 0
        extra = cons(memory, np.int64(memory.lists_parent[extra]), np.int64(level + 1))
    elif sign == CLOSING:
        if brackets == 0:
            return 0, 0
        extra = cons(memory, np.int64(memory.lists_parent[extra]), np.int64(level - 1))
    return stacks, extra


@njit(cache=True)
def transduce(
    tables: Tables, memory: Memory, stack: Int, state: Int, terminal: Int
) -> tuple[Int, Int]:
    """Stacks and transducer state after a terminal; state -1 where it is refused."""
    parts = tables.parts
    stacks = cons(memory, np.int64(0), stack)
    row = state * parts.filter_next.shape[1] + terminal
    for entry in range(parts.filter_offsets[row], parts.filter_offsets[row + 1]):
        stacks = feed_all(tables, memory, stacks, np.int64(parts.filter_terminals[entry]))
    return stacks, parts.filter_next[state, terminal]
