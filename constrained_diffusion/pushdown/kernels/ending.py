"""Where the text of a part may end, and the next part begins."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..feeding import feed_all, transduce
from ..memory import (
    BEFORE,
    COLUMN,
    CONTEXTUAL,
    EXTRA,
    FIELDS,
    FULL,
    LEX,
    MATCH,
    MATCH_COLUMN,
    PART,
    PENDING,
    POINT,
    SINCE,
    STACK,
    Memory,
    cons,
    push,
    thread_number,
)
from ..tables import INDENTER, REGULAR, TRANSDUCER, Int, Int32Array, Tables
from .emission import emit, restart, write_item
from .lexing import last_of, nth_last, read


@njit(cache=True)
def _end_of_input(tables: Tables, memory: Memory, part: Int, stack: Int, extra: Int) -> bool:
    """Whether the parser accepts the end of the text."""
    parts = tables.parts
    adds = False
    if parts.filter[part] == TRANSDUCER:
        row = extra * parts.filter_next.shape[1] + parts.end_terminal[part]
        adds = parts.filter_offsets[row + 1] > parts.filter_offsets[row]
    if parts.accepts_empty[part] and memory.stacks_parent[stack] == 0 and not adds:
        return True
    stacks = cons(memory, np.int64(0), stack)
    if parts.filter[part] == INDENTER:
        while memory.lists_parent[extra] != 0:
            stacks = feed_all(tables, memory, stacks, np.int64(parts.dedent[part]))
            extra = memory.lists_parent[extra]
    elif parts.filter[part] == TRANSDUCER:
        stacks, state = transduce(tables, memory, stack, extra, np.int64(parts.end_terminal[part]))
        if state < 0:
            return False
    return feed_all(tables, memory, stacks, np.int64(parts.end_terminal[part])) != 0


@njit(cache=True)
def thread_ends(tables: Tables, memory: Memory, number: Int) -> bool:
    """Whether the text of a thread's part may end with it. Memoised."""
    if memory.ends[number] != 0:
        return bool(memory.ends[number] == 2)
    result = False
    if tables.parts.kind[memory.threads[number, PART]] == REGULAR:
        result = tables.parts.regular_accepting[memory.threads[number, LEX]]
    elif memory.threads[number, POINT] == 0:
        result = _grammar_ends(tables, memory, number)
    if not memory.count[FULL]:
        memory.ends[number] = 2 if result else 1
    return result


@njit(cache=True)
def _grammar_ends(tables: Tables, memory: Memory, number: Int) -> bool:
    lexer = tables.lexer
    waiting = np.empty(1024, np.int32)
    waiting[0] = number
    count = 1
    thread = np.empty(FIELDS + 1, np.int32)
    while count > 0:
        count -= 1
        thread[:FIELDS] = memory.threads[waiting[count]]
        lex = thread[LEX]
        if lexer.is_start[lex]:
            part, stack = np.int64(thread[PART]), np.int64(thread[STACK])
            if _end_of_input(tables, memory, part, stack, np.int64(thread[EXTRA])):
                return True
            continue
        terminal = np.int64(lexer.end_match[lex])
        before, column = np.int64(thread[BEFORE]), np.int64(thread[MATCH_COLUMN])
        back = np.int64(thread[SINCE])
        if terminal >= 0:
            back = np.int64(lexer.end_back[lex])
            if memory.count[CONTEXTUAL]:
                before = np.int64(nth_last(memory, np.int64(thread[PENDING]), back, before))
            column = np.int64(thread[COLUMN])
        else:
            terminal = np.int64(thread[MATCH])
            if terminal < 0:
                continue
        queue = last_of(memory, np.int64(thread[PENDING]), back, np.int64(0))
        top = emit(
            tables, memory, memory.probe, np.int64(0), thread, terminal, before, column, queue
        )
        found = read(tables, memory, memory.probe, top, memory.probed, np.int64(0))
        for i in range(found):
            if count < len(waiting):
                waiting[count] = memory.probed[i]
                count += 1
            else:
                memory.count[FULL] = 1
                return False
    return False


@njit(cache=True)
def begin_part(tables: Tables, memory: Memory, part: Int, found: Int32Array, count: Int) -> Int:
    """Adds the threads at the start of a part behind found[:count]; the new count."""
    parts = tables.parts
    if parts.kind[part] == REGULAR:
        write_item(memory.work, 0, part, np.int64(parts.start[part]), 0, 0)
        found[count] = thread_number(memory, memory.work[0])
        return count + 1
    stack = np.int64(push(memory, 0, np.int64(parts.start[part])))
    extra = np.int64(0)
    if parts.filter[part] == INDENTER:
        extra = np.int64(cons(memory, 0, 0))
    elif parts.filter[part] == TRANSDUCER:
        extra = np.int64(parts.filter_start[part])
    start_of_text = tables.lexer.start.shape[1] - 1
    zero = np.int64(0)
    top = restart(tables, memory, memory.work, zero, part, stack, extra, start_of_text, zero)
    return read(tables, memory, memory.work, top, found, count)


@njit(cache=True)
def close(tables: Tables, memory: Memory, found: Int32Array, count: Int) -> Int:
    """Adds the starts of the parts that follow those that may end here; the new count."""
    num_parts = len(tables.parts.kind)
    if num_parts == 1:
        return count
    begun = np.zeros(num_parts, np.bool_)
    i = 0
    while i < count and not memory.count[FULL]:
        following = np.int64(memory.threads[found[i], PART]) + 1
        if following < num_parts and not begun[following] and thread_ends(tables, memory, found[i]):
            begun[following] = True
            count = begin_part(tables, memory, following, found, count)
        i += 1
    return count


@njit(cache=True)
def may_end(tables: Tables, memory: Memory, config: Int) -> bool:
    """Whether the text may end in a configuration."""
    last = len(tables.parts.kind) - 1
    while config != 0:
        number = memory.lists_value[config]
        if memory.threads[number, PART] == last and thread_ends(tables, memory, number):
            return True
        config = memory.lists_parent[config]
    return False
