"""Emitting a terminal: the post-lexer, the parser, and the lexers of the state that follows."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..feeding import feed, indent, transduce
from ..memory import COLUMN, EXTRA, FULL, LEX, MATCH, MATCH_COLUMN, PART, QUEUE, STACK, Memory
from ..tables import IGNORED, INDENTER, REFUSED, TRANSDUCER, Int, Int32Array, Tables

ENDED = 1
"""The configuration after the end token."""

# Numbers are made int64 before calls: numba compiles a kernel anew for a literal or for 32 bits.


@njit(cache=True)
def write_item(work: Int32Array, top: Int, part: Int, lex: Int, stack: Int, extra: Int) -> None:
    """Writes a thread at the start of a terminal to work[top]."""
    item = work[top]
    item[:] = 0
    item[PART] = part
    item[LEX] = lex
    item[MATCH] = -1
    item[COLUMN] = -1
    item[MATCH_COLUMN] = -1
    item[STACK] = stack
    item[EXTRA] = extra


@njit(cache=True)
def restart(
    tables: Tables,
    memory: Memory,
    work: Int32Array,
    top: Int,
    part: Int,
    stack: Int,
    extra: Int,
    before: Int,
    queue: Int,
) -> Int:
    """Adds a thread for each lexer of the state on top of the stack; the new top of the work."""
    state = memory.stacks_state[stack]
    for entry in range(tables.parser.lexer_offsets[state], tables.parser.lexer_offsets[state + 1]):
        lex = np.int64(tables.lexer.start[tables.parser.lexers[entry], before])
        if lex == 0:
            continue
        if top >= len(work):
            memory.count[FULL] = 1
            return top
        write_item(work, top, part, lex, stack, extra)
        work[top, QUEUE] = queue
        top += 1
    return top


@njit(cache=True)
def emit(
    tables: Tables,
    memory: Memory,
    work: Int32Array,
    top: Int,
    thread: Int32Array,
    terminal: Int,
    before: Int,
    column: Int,
    queue: Int,
) -> Int:
    """Emits a terminal of a thread; adds the threads that go on with `queue`."""
    part, stack, extra = np.int64(thread[PART]), np.int64(thread[STACK]), np.int64(thread[EXTRA])
    fate = tables.parser.fate[terminal]
    if fate == REFUSED:
        return top
    if fate == IGNORED:
        return restart(tables, memory, work, top, part, stack, extra, before, queue)
    kind = tables.parts.filter[part]
    if kind == INDENTER:
        stacks, after = indent(tables, memory, part, stack, extra, terminal, column)
        extra = np.int64(after)
    elif kind == TRANSDUCER:
        stacks, after = transduce(tables, memory, stack, extra, terminal)
        extra = np.int64(after)
        if extra < 0:
            return top
    else:
        stacks = feed(tables, memory, stack, terminal)
    while stacks != 0:
        reached = np.int64(memory.lists_value[stacks])
        top = restart(tables, memory, work, top, part, reached, extra, before, queue)
        stacks = memory.lists_parent[stacks]
    return top
