"""A fixed text after a hole, as its lexers may read it: positions, and what follows each.

A *position* is (offset, extra, queue): characters read, the state of the post-lexer, and the
terminals that the parser gets before the next character is read. Positions are numbers: lists of
the machine's memory.

What the post-lexer's state is at the start of the text is not known. Of a transducer all states are
tried. Of an indenter the state is (levels, brackets): the levels that the text itself has shown, on
top of unknown ones, and four times the brackets that the text has opened, plus what is known of
others: `MAYBE`, `NONE` or `SOME` are open.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import Memory, cons
from ..tables import (
    CLOSING,
    IGNORED,
    INDENTER,
    NEWLINE,
    OPENING,
    REFUSED,
    TRANSDUCER,
    Int,
    Int32Array,
    Int64Array,
    Tables,
)

MAYBE, NONE, SOME = 0, 1, 2

UNKNOWN_COLUMN = -2
"""The indentation of a line that begins in the hole."""


@njit(cache=True)
def position_number(memory: Memory, offset: Int, extra: Int, queue: Int) -> Int:
    """The number of a position; 0 where the memory is full."""
    number = cons(memory, 0, np.int64(offset))
    number = cons(memory, np.int64(number), np.int64(extra))
    return np.int64(cons(memory, np.int64(number), np.int64(queue)))


@njit(cache=True)
def position_fields(memory: Memory, position: Int) -> tuple[Int, Int, Int]:
    """Offset, extra and queue."""
    queue = np.int64(memory.lists_value[position])
    rest = memory.lists_parent[position]
    extra = np.int64(memory.lists_value[rest])
    offset = np.int64(memory.lists_value[memory.lists_parent[rest]])
    return offset, extra, queue


@njit(cache=True)
def lexed(
    tables: Tables, text: Int32Array, state: Int, offset: Int, column: Int
) -> tuple[Int, Int, Int]:
    """What a lexer reads from a state: the terminal (-1: none), where it ends, and the
    indentation there.

    text: the classes of the characters. column: the indentation before `offset` within a terminal
    that began before it: -1 where that holds no line feed, UNKNOWN_COLUMN.
    """
    lexer = tables.lexer
    terminal: Int = np.int64(-1)
    end: Int = np.int64(offset)
    at_end: Int = np.int64(column)
    if lexer.match[state] >= 0 and lexer.match_back[state] == 0:
        terminal = np.int64(lexer.match[state])
    place = offset
    while place < len(text):
        character = text[place]
        state = np.int64(lexer.next[state, character])
        if state == 0:
            return terminal, end, at_end
        place += 1
        added = lexer.column[character]
        if added < 0:
            column = 0
        elif column >= 0:
            column += added
        if lexer.match[state] >= 0:
            terminal = np.int64(lexer.match[state])
            end = place - lexer.match_back[state]
            at_end = column
    if lexer.end_match[state] >= 0:
        terminal = np.int64(lexer.end_match[state])
        end = place - lexer.end_back[state]
        at_end = column
    return terminal, end, at_end


@njit(cache=True)
def _repeated(memory: Memory, queue: Int, terminal: Int, times: Int) -> Int:
    """`terminal` some times in front of a queue."""
    for _ in range(times):
        queue = np.int64(cons(memory, np.int64(queue), np.int64(terminal)))
    return queue


@njit(cache=True)
def _add(memory: Memory, found: Int64Array, count: Int, offset: Int, extra: Int, queue: Int) -> Int:
    if count < len(found):
        found[count] = position_number(memory, offset, extra, queue)
        count += 1
    return count


@njit(cache=True)
def _indented(
    tables: Tables,
    memory: Memory,
    part: Int,
    extra: Int,
    terminal: Int,
    column: Int,
    depth: Int,
    offset: Int,
    found: Int64Array,
    count: Int,
) -> Int:
    """Adds the positions after a terminal of an indenter to found[:count]; the new count."""
    levels = np.int64(memory.lists_parent[extra])
    brackets = np.int64(memory.lists_value[extra])
    fed = np.int64(cons(memory, 0, terminal))
    sign = tables.parser.sign[terminal]
    others, opened_here = brackets & 3, brackets >> 2
    if sign == OPENING:
        return _add(memory, found, count, offset, cons(memory, levels, brackets + 4), fed)
    if sign == CLOSING:
        if opened_here > 0:
            brackets -= 4
        elif others == NONE:
            return count
        else:
            brackets = np.int64(MAYBE)
        return _add(memory, found, count, offset, cons(memory, levels, brackets), fed)
    if sign != NEWLINE:
        return _add(memory, found, count, offset, extra, fed)
    if opened_here > 0 or others == SOME:
        return _add(memory, found, count, offset, extra, 0)
    if others == MAYBE:
        # Within brackets it is dropped; then one must be closed later.
        count = _add(memory, found, count, offset, cons(memory, levels, SOME), 0)
    if column == -1:
        return count
    indent, dedent = np.int64(tables.parts.indent[part]), np.int64(tables.parts.dedent[part])
    opened = np.int64(cons(memory, np.int64(cons(memory, 0, indent)), terminal))
    dedents = 0
    below = levels
    while below != 0 and column != UNKNOWN_COLUMN and memory.lists_value[below] > column:
        below = np.int64(memory.lists_parent[below])
        dedents += 1
    if below != 0 and column != UNKNOWN_COLUMN:
        level = memory.lists_value[below]
        if level == column:
            queue = cons(memory, _repeated(memory, 0, dedent, dedents), terminal)
            return _add(memory, found, count, offset, cons(memory, below, NONE), queue)
        if dedents > 0:
            return count
        inner = np.int64(cons(memory, np.int64(cons(memory, below, column)), NONE))
        return _add(memory, found, count, offset, inner, opened)
    # Below are levels that nothing is known of: the column is one of them, or a new one on top.
    shown = np.int64(0) if column == UNKNOWN_COLUMN else np.int64(cons(memory, 0, column))
    after = np.int64(cons(memory, shown, NONE))
    if levels == 0 and column != 0:
        count = _add(memory, found, count, offset, after, opened)
    for further in range(depth + 1):
        queue = cons(memory, _repeated(memory, 0, dedent, dedents + further), terminal)
        count = _add(memory, found, count, offset, after, queue)
    return count


@njit(cache=True)
def after_terminal(
    tables: Tables,
    memory: Memory,
    part: Int,
    extra: Int,
    terminal: Int,
    column: Int,
    depth: Int,
    offset: Int,
    found: Int64Array,
    count: Int,
) -> Int:
    """Adds the positions after a terminal that ends at `offset` to found[:count]; the new count.

    depth: the most levels that are closed at once beyond those that the text has shown.
    """
    fate = tables.parser.fate[terminal]
    if fate == REFUSED:
        return count
    if fate == IGNORED:
        return _add(memory, found, count, offset, extra, 0)
    kind = tables.parts.filter[part]
    if kind == INDENTER:
        return _indented(tables, memory, part, extra, terminal, column, depth, offset, found, count)
    if kind == TRANSDUCER:
        state = np.int64(tables.parts.filter_next[extra, terminal])
        if state < 0:
            return count
        queue = _transduced(tables, memory, extra, terminal, 0)
        return _add(memory, found, count, offset, state, queue)
    return _add(memory, found, count, offset, extra, cons(memory, 0, terminal))


@njit(cache=True)
def _transduced(tables: Tables, memory: Memory, state: Int, terminal: Int, queue: Int) -> Int:
    """What a transducer feeds for a terminal, in front of a queue."""
    parts = tables.parts
    row = state * parts.filter_next.shape[1] + terminal
    for entry in range(parts.filter_offsets[row + 1] - 1, parts.filter_offsets[row] - 1, -1):
        queue = np.int64(cons(memory, np.int64(queue), np.int64(parts.filter_terminals[entry])))
    return queue


@njit(cache=True)
def _at_end(
    tables: Tables,
    memory: Memory,
    part: Int,
    extra: Int,
    depth: Int,
    offset: Int,
    found: Int64Array,
    count: Int,
) -> Int:
    """Adds the positions after all characters, with the end terminal in the queue."""
    parts = tables.parts
    queue: Int = np.int64(cons(memory, 0, np.int64(parts.end_terminal[part])))
    kind = parts.filter[part]
    if kind == TRANSDUCER:
        queue = _transduced(tables, memory, extra, np.int64(parts.end_terminal[part]), queue)
    if kind != INDENTER:
        return _add(memory, found, count, offset, 0, queue)
    if memory.lists_value[extra] > NONE:
        return count
    dedent = np.int64(parts.dedent[part])
    dedents, lowest = 0, np.int64(-1)
    levels = memory.lists_parent[extra]
    while levels != 0:
        lowest = np.int64(memory.lists_value[levels])
        levels = memory.lists_parent[levels]
        dedents += 1
    if lowest == 0:
        # The first level is never closed.
        queue = _repeated(memory, queue, dedent, dedents - 1)
        return _add(memory, found, count, offset, 0, queue)
    for further in range(depth + 1):
        more = _repeated(memory, queue, dedent, dedents + further)
        count = _add(memory, found, count, offset, 0, more)
    return count


@njit(cache=True)
def following(
    tables: Tables,
    memory: Memory,
    text: Int32Array,
    part: Int,
    depth: Int,
    state: Int,
    position: Int,
    found: Int64Array,
) -> Int:
    """Writes the positions that follow one with an empty queue to `found`, as the lexers of the LR
    state `state` read the text; their number."""
    offset, extra, _ = position_fields(memory, position)
    if offset == len(text):
        return _at_end(tables, memory, part, extra, depth, offset + 1, found, 0)
    parser, start = tables.parser, tables.lexer.start
    count: Int = 0
    for entry in range(parser.lexer_offsets[state], parser.lexer_offsets[state + 1]):
        row = start[parser.lexers[entry]]
        if offset > 0:
            count = _read_from(
                tables, memory, text, part, depth,
                np.int64(row[text[offset - 1]]), offset, extra, found, count,
            )  # fmt: skip
            continue
        # The character before is in the hole.
        for before in range(len(row)):
            known = False
            for other in range(before):
                known = known or row[other] == row[before]
            if not known:
                count = _read_from(
                    tables, memory, text, part, depth,
                    np.int64(row[before]), offset, extra, found, count,
                )  # fmt: skip
    return count


@njit(cache=True)
def _read_from(
    tables: Tables,
    memory: Memory,
    text: Int32Array,
    part: Int,
    depth: Int,
    lex: Int,
    offset: Int,
    extra: Int,
    found: Int64Array,
    count: Int,
) -> Int:
    if lex == 0:
        return count
    terminal, end, column = lexed(tables, text, lex, offset, -1)
    if terminal < 0 or end <= offset:
        return count
    return after_terminal(tables, memory, part, extra, terminal, column, depth, end, found, count)
