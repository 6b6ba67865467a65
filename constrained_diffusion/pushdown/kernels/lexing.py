"""Stepping configurations: the lexers, parsers and post-lexers of all threads, character by
character.

A thread is one reading of the text so far:

    PART          the part of the text that it is in
    LEX           the lexer state, or the state of the part's byte automaton
    MATCH         the terminal of the last decided match since the terminal's start, or -1
    PENDING       the last characters, as a list of classes: SINCE of them after that match, or
                  those that an undecided match may give back
    BEFORE        the class of the character that the match ends with, where lexers look at it
    COLUMN        the indentation of the current line within a newline terminal, else -1
    MATCH_COLUMN  the same at the end of the match
    STACK, EXTRA  the parser's stack, and the state of the indenter or transducer
    POINT         the bytes of a started UTF-8 sequence: (bytes missing << 24) | bits so far

When a lexer cannot go on, its match is emitted: the post-lexer and the parser get it, and the
characters after it are read again by the lexers of the parser's new state, as Lark's lexer begins
its next token where the last one ended (`lark.lexer.BasicLexer.next_token`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import (
    BEFORE,
    COLUMN,
    CONTEXTUAL,
    FIELDS,
    FULL,
    LEX,
    MATCH,
    MATCH_COLUMN,
    PART,
    PENDING,
    PENDING_LIMIT,
    QUEUE,
    SINCE,
    STACK,
    Memory,
    cons,
    thread_number,
)
from ..tables import INDENTER, NEWLINE, TRANSDUCER, Int, Int32Array, Tables
from .emission import emit


@njit(cache=True)
def last_of(memory: Memory, pending: Int, count: Int, queue: Int) -> Int:
    """The last `count` characters of `pending` as a queue in front of `queue`."""
    for _ in range(count):
        queue = np.int64(cons(memory, queue, np.int64(memory.lists_value[pending])))
        pending = memory.lists_parent[pending]
    return queue


@njit(cache=True)
def shortened(memory: Memory, pending: Int, count: Int) -> Int:
    """The last `count` characters of `pending`, or all where it has fewer."""
    rest = pending
    for _ in range(count):
        if rest == 0:
            return pending
        rest = memory.lists_parent[rest]
    if rest == 0:
        return pending
    queue = last_of(memory, pending, count, np.int64(0))
    result = np.int64(0)
    while queue != 0:
        result = np.int64(cons(memory, result, np.int64(memory.lists_value[queue])))
        queue = memory.lists_parent[queue]
    return result


@njit(cache=True)
def nth_last(memory: Memory, pending: Int, count: Int, default: Int) -> Int:
    """The class `count` characters before the last one of `pending`."""
    for _ in range(count):
        pending = memory.lists_parent[pending]
    return memory.lists_value[pending] if pending != 0 else default


@njit(cache=True)
def take(tables: Tables, memory: Memory, thread: Int32Array, lex: Int, character: Int) -> None:
    """A thread reads a character that its lexer can go on with, to the state `lex`."""
    lexer = tables.lexer
    thread[LEX] = lex
    if tables.parts.filter[thread[PART]] == INDENTER:
        added = lexer.column[character]
        if added < 0:
            thread[COLUMN] = 0
        elif thread[COLUMN] >= 0:
            thread[COLUMN] += added
    pending = np.int64(cons(memory, np.int64(thread[PENDING]), np.int64(character)))
    thread[SINCE] += thread[MATCH] >= 0
    match, keep = lexer.match[lex], lexer.keep[lex]
    context = memory.count[CONTEXTUAL]
    if match >= 0:
        back = lexer.match_back[lex]
        if context:
            thread[BEFORE] = nth_last(memory, pending, back, thread[BEFORE])
        thread[MATCH] = match
        is_newline = tables.parser.sign[match] == NEWLINE
        thread[MATCH_COLUMN] = thread[COLUMN] if is_newline else -1
        thread[SINCE] = back
        keep = max(keep, back)
    elif thread[MATCH] >= 0:
        keep = max(keep, thread[SINCE])
        if thread[SINCE] > memory.count[PENDING_LIMIT]:
            forget(thread)
            keep = lexer.keep[lex]
    thread[PENDING] = shortened(memory, pending, keep + context)


@njit(cache=True)
def forget(thread: Int32Array) -> None:
    """Drops the match of a thread."""
    thread[MATCH] = -1
    thread[SINCE] = 0
    thread[BEFORE] = 0
    thread[MATCH_COLUMN] = -1


@njit(cache=True)
def read(
    tables: Tables, memory: Memory, work: Int32Array, top: Int, found: Int32Array, count: Int
) -> Int:
    """Works off work[:top]: every thread reads its queue. The threads that arrive are put behind
    found[:count]; returns the new count."""
    lexer = tables.lexer
    thread = np.empty(FIELDS + 1, np.int32)
    while top > 0:
        top -= 1
        thread[:] = work[top]
        alive = True
        while thread[QUEUE] != 0:
            queue = np.int64(thread[QUEUE])
            character = memory.lists_value[queue]
            lex = lexer.next[thread[LEX], character]
            if lex != 0:
                thread[QUEUE] = memory.lists_parent[queue]
                take(tables, memory, thread, lex, character)
                continue
            alive = False
            if thread[MATCH] >= 0:
                queue = np.int64(
                    last_of(memory, np.int64(thread[PENDING]), np.int64(thread[SINCE]), queue)
                )
                top = emit(
                    tables, memory, work, top, thread,
                    np.int64(thread[MATCH]), np.int64(thread[BEFORE]),
                    np.int64(thread[MATCH_COLUMN]), queue,
                )  # fmt: skip
            break
        if alive:
            if count >= len(found):
                memory.count[FULL] = 1
                return count
            number = arrive(tables, memory, thread)
            if number > 0:
                found[count] = number
                count += 1
        if memory.count[FULL]:
            return count
    return count


@njit(cache=True)
def arrive(tables: Tables, memory: Memory, thread: Int32Array) -> Int:
    """The number of a thread that has read its queue; 0 where the parser takes no terminal that
    its lexer can still match."""
    lex, match = thread[LEX], thread[MATCH]
    part = thread[PART]
    if tables.lexer.is_start[lex]:
        # What the lexer looks back at is decided.
        thread[PENDING] = 0
    elif tables.parts.filter[part] != TRANSDUCER:
        # An indenter drops newlines within brackets, so that it always takes them.
        indents = tables.parts.filter[part] == INDENTER
        expected = tables.parser.expected[memory.stacks_state[thread[STACK]]]
        reachable = tables.lexer.reachable[lex]
        hopeful = False
        for word in range(len(reachable)):
            taken = expected[word] | memory.newlines[word] if indents else expected[word]
            if reachable[word] & taken:
                hopeful = True
                break
        if not hopeful:
            if match < 0:
                return 0
            word, bit = match >> 6, np.uint64(match & 63)
            taken = expected[word] | memory.newlines[word] if indents else expected[word]
            if not (taken >> bit) & np.uint64(1):
                return 0
    if tables.parts.filter[part] == INDENTER and thread[COLUMN] >= 0:
        reachable = tables.lexer.reachable[lex]
        counts = False
        for word in range(len(reachable)):
            if reachable[word] & memory.newlines[word]:
                counts = True
                break
        if not counts:
            thread[COLUMN] = -1
    return thread_number(memory, thread)
