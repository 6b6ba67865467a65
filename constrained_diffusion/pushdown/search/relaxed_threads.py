"""The relaxed machine: the lexers as they are, and of a parser's stack only the state on top.

What stands below the top is forgotten, so that a reduction leads to every state that it leads to
from some stack (`successors`). All else is as in the machine, but for the pending characters, of
which only the last few are kept: nearly a superset of the language, with finitely many states. An
abstract state is one thread:

    PART          the part of the text
    TOP           the LR state on top, or the state of the part's byte automaton
    EXTRA         the state of a transducer; what an indenter knows is forgotten
    LEX, MATCH, SINCE, BEFORE, POINT    as in the machine's threads
    CHARACTERS    the pending characters' classes + 1, 16 bits each, the last one lowest

A token may lead to several states. What terminals add to the counters is kept apart from the
state, as a number on the edge.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import CONTEXTUAL, Memory, mix
from ..tables import (
    IGNORED,
    INDENTER,
    NEWLINE,
    NO_FILTER,
    REFUSED,
    REGULAR,
    TRANSDUCER,
    Int,
    Int32Array,
    Int64Array,
    Tables,
)
from .structures import FIELDS, FULL, STATES, Relaxation

PART, TOP, EXTRA, LEX, MATCH, SINCE, BEFORE, POINT, CHARACTERS = range(FIELDS)
CHANGE, PLACE = POINT, CHARACTERS
"""In a work item: the change of the counters, and the place in the word that is read next."""

MOST_PENDING = 3
"""Characters that an abstract state keeps. A match with more after it is given up."""

MOST_ENDINGS = 64
MOST_STACKED = 256


@njit(cache=True)
def state_number(relaxation: Relaxation, fields: Int64Array) -> Int:
    """The number of an abstract state; -1 where the table is full."""
    mask = len(relaxation.state_index) - 1
    key = np.int64(0)
    for field in range(FIELDS):
        key = np.int64(mix(key * 31 + fields[field] + 7))
    slot = key & mask
    while relaxation.state_index[slot] != 0:
        number = relaxation.state_index[slot] - 1
        same = True
        for field in range(FIELDS):
            if relaxation.states[number, field] != fields[field]:
                same = False
                break
        if same:
            return np.int64(number)
        slot = (slot + 1) & mask
    number = relaxation.counts[STATES]
    if number >= len(relaxation.states):
        relaxation.counts[FULL] = 1
        return np.int64(-1)
    relaxation.counts[STATES] = number + 1
    for field in range(FIELDS):
        relaxation.states[number, field] = fields[field]
    relaxation.state_index[slot] = number + 1
    return np.int64(number)


@njit(cache=True)
def _add(items: Int64Array, count: Int, item: Int64Array) -> Int:
    """Adds a work item unless it is there; the new count."""
    for other in range(count):
        same = True
        for field in range(FIELDS):
            if items[other, field] != item[field]:
                same = False
                break
        if same:
            return count
    if count < len(items):
        items[count] = item
        count += 1
    return count


@njit(cache=True)
def _tops(
    tables: Tables,
    relaxation: Relaxation,
    part: Int,
    top: Int,
    extra: Int,
    terminal: Int,
    tops: Int32Array,
) -> tuple[Int, Int]:
    """Fills `tops` with the states that may be on top after a terminal; how many there are, and
    the state of the transducer."""
    kind = tables.parts.filter[part]
    if kind == TRANSDUCER:
        following = np.int64(tables.parts.filter_next[extra, terminal])
        if following < 0:
            return 0, following
        row = extra * tables.parts.filter_next.shape[1] + terminal
        return _tops_after(tables, relaxation, top, row, tops), following
    if kind == INDENTER and tables.parser.sign[terminal] == NEWLINE:
        first, last = relaxation.newline_offsets[top], relaxation.newline_offsets[top + 1]
        listed = relaxation.newline_successors
    else:
        row = top * tables.parser.shift.shape[1] + terminal
        first, last = relaxation.successor_offsets[row], relaxation.successor_offsets[row + 1]
        listed = relaxation.successors
    count = min(last - first, len(tops))
    for i in range(count):
        tops[i] = listed[first + i]
    return count, extra


@njit(cache=True)
def _tops_after(
    tables: Tables, relaxation: Relaxation, top: Int, row: Int, tops: Int32Array
) -> Int:
    """The same after the terminals in a row of a transducer."""
    parts = tables.parts
    num_terminals = tables.parser.shift.shape[1]
    tops[0] = top
    count = 1
    for entry in range(parts.filter_offsets[row], parts.filter_offsets[row + 1]):
        terminal = parts.filter_terminals[entry]
        before = tops[:count].copy()
        count = 0
        for state in before:
            key = state * num_terminals + terminal
            for place in range(
                relaxation.successor_offsets[key], relaxation.successor_offsets[key + 1]
            ):
                known = False
                for other in range(count):
                    known |= tops[other] == relaxation.successors[place]
                if not known and count < len(tops):
                    tops[count] = relaxation.successors[place]
                    count += 1
    return count


@njit(cache=True)
def _weight_of_row(tables: Tables, relaxation: Relaxation, row: Int) -> Int:
    weight = np.int64(0)
    for entry in range(tables.parts.filter_offsets[row], tables.parts.filter_offsets[row + 1]):
        weight += relaxation.terminal_weight[tables.parts.filter_terminals[entry]]
    return weight


@njit(cache=True)
def _restart(tables: Tables, items: Int64Array, count: Int, item: Int64Array, before: Int) -> Int:
    """Adds an item for each lexer of the state on top; `item` has all but the lexer state."""
    top = item[TOP]
    for entry in range(tables.parser.lexer_offsets[top], tables.parser.lexer_offsets[top + 1]):
        lex = tables.lexer.start[tables.parser.lexers[entry], before]
        if lex != 0:
            item[LEX] = lex
            count = _add(items, count, item)
    return count


@njit(cache=True)
def _emit(
    tables: Tables,
    relaxation: Relaxation,
    items: Int64Array,
    count: Int,
    number: Int,
    terminal: Int,
    before: Int,
    place: Int,
) -> Int:
    """Emits a terminal of items[number]; the readings that go on at `place` are added."""
    item = items[number].copy()
    item[MATCH] = -1
    item[SINCE] = 0
    item[BEFORE] = 0
    item[PLACE] = place
    fate = tables.parser.fate[terminal]
    if fate == REFUSED:
        return count
    if fate == IGNORED:
        return _restart(tables, items, count, item, before)
    tops = np.empty(MOST_STACKED, np.int32)
    part, extra = item[PART], item[EXTRA]
    found, following = _tops(tables, relaxation, part, item[TOP], extra, terminal, tops)
    if tables.parts.filter[part] == TRANSDUCER:
        row = extra * tables.parts.filter_next.shape[1] + terminal
        item[CHANGE] += _weight_of_row(tables, relaxation, row)
    else:
        item[CHANGE] += relaxation.terminal_weight[terminal]
    item[EXTRA] = following
    for i in range(found):
        item[TOP] = tops[i]
        count = _restart(tables, items, count, item, before)
    return count


@njit(cache=True)
def _take(tables: Tables, memory: Memory, item: Int64Array, lex: Int, word: Int32Array) -> None:
    """An item reads the character at its place, to the lexer state `lex`."""
    lexer = tables.lexer
    item[LEX] = lex
    if item[MATCH] >= 0:
        item[SINCE] += 1
    match = lexer.match[lex]
    if match >= 0:
        back = min(np.int64(lexer.match_back[lex]), item[PLACE])
        item[MATCH] = match
        item[SINCE] = back
        if memory.count[CONTEXTUAL]:
            item[BEFORE] = max(word[item[PLACE] - back], 0)
    item[PLACE] += 1


@njit(cache=True)
def read(
    tables: Tables,
    memory: Memory,
    relaxation: Relaxation,
    items: Int64Array,
    count: Int,
    number: Int,
    word: Int32Array,
    stop: Int,
) -> tuple[Int, bool]:
    """items[number], of a grammar, reads up to `stop`. Adds what it emits on the way; the new
    count, and whether it got there itself."""
    item = items[number]
    while item[PLACE] < stop:
        character = word[item[PLACE]]
        lex = tables.lexer.next[item[LEX], character] if character >= 0 else 0
        if lex == 0:
            if item[MATCH] >= 0:
                place = max(item[PLACE] - item[SINCE], 0)
                count = _emit(
                    tables, relaxation, items, count, number, item[MATCH], item[BEFORE], place
                )
            return count, False
        _take(tables, memory, item, np.int64(lex), word)
    return count, True


@njit(cache=True)
def endings(
    tables: Tables,
    memory: Memory,
    relaxation: Relaxation,
    item: Int64Array,
    word: Int32Array,
    changes: Int64Array,
) -> Int:
    """Fills `changes` with the distinct ways to count when the part ends at the item's place; how
    many there are, 0 where it cannot end."""
    found = 0
    stop = item[PLACE]
    part = item[PART]
    if tables.parts.kind[part] == REGULAR:
        if tables.parts.regular_accepting[item[TOP]]:
            changes[0] = item[CHANGE]
            found = 1
        return found
    items = np.empty((MOST_ENDINGS, FIELDS), np.int64)
    items[0] = item
    number = 0
    count: Int = np.int64(1)
    tops = np.empty(MOST_STACKED, np.int32)
    while number < count:
        count, arrived = read(tables, memory, relaxation, items, count, number, word, stop)
        one = items[number]
        number += 1
        if not arrived:
            continue
        lex = one[LEX]
        if tables.lexer.is_start[lex]:
            accepted = relaxation.accepts[one[TOP]]
            change = one[CHANGE]
            if tables.parts.filter[part] == TRANSDUCER:
                end = tables.parts.end_terminal[part]
                row = one[EXTRA] * tables.parts.filter_next.shape[1] + end
                accepted = False
                if tables.parts.filter_next[one[EXTRA], end] >= 0:
                    last = tables.parts.filter_offsets[row + 1]
                    reached = _tops_after(tables, relaxation, one[TOP], row, tops)
                    accepted = reached > 0 and last > tables.parts.filter_offsets[row]
                    if last == tables.parts.filter_offsets[row]:
                        accepted = relaxation.accepts[one[TOP]]
                    change += _weight_of_row(tables, relaxation, row)
            if accepted and found < len(changes):
                known = False
                for other in range(found):
                    known |= changes[other] == change
                if not known:
                    changes[found] = change
                    found += 1
            continue
        terminal = np.int64(tables.lexer.end_match[lex])
        back = np.int64(tables.lexer.end_back[lex])
        before = one[BEFORE]
        if terminal < 0:
            terminal, back = one[MATCH], one[SINCE]
            if terminal < 0:
                continue
        place = max(stop - back, 0)
        if memory.count[CONTEXTUAL] and place > 0:
            before = np.int64(max(word[place - 1], 0))
        count = np.int64(
            _emit(tables, relaxation, items, count, number - 1, terminal, before, place)
        )
    return found


@njit(cache=True)
def begin(
    tables: Tables,
    relaxation: Relaxation,
    items: Int64Array,
    count: Int,
    part: Int,
    change: Int,
    place: Int,
) -> Int:
    """Adds the items at the start of a part, and of the following ones while texts may be empty."""
    parts = tables.parts
    item = np.zeros(FIELDS, np.int64)
    item[MATCH] = -1
    item[CHANGE] = change
    item[PLACE] = place
    while part < len(parts.kind):
        item[PART] = part
        item[TOP] = parts.start[part]
        item[EXTRA] = 0
        item[LEX] = 0
        if parts.kind[part] == REGULAR:
            count = _add(items, count, item)
            may_be_empty = parts.regular_accepting[parts.start[part]]
        else:
            if parts.filter[part] == TRANSDUCER:
                item[EXTRA] = parts.filter_start[part]
            start_of_text = tables.lexer.start.shape[1] - 1
            count = _restart(tables, items, count, item, start_of_text)
            may_be_empty = relaxation.accepts[parts.start[part]]
        if not may_be_empty:
            break
        part += 1
    return count


@njit(cache=True)
def arrive(
    tables: Tables,
    memory: Memory,
    relaxation: Relaxation,
    item: Int64Array,
    word: Int32Array,
    point: Int,
) -> Int:
    """The abstract state of an item that has read its word; -1 where nothing can follow."""
    lexer = tables.lexer
    fields = item.copy()
    fields[POINT] = point
    fields[CHARACTERS] = 0
    if tables.parts.kind[item[PART]] == REGULAR:
        return state_number(relaxation, fields)
    lex = item[LEX]
    if not lexer.is_start[lex]:
        keep = np.int64(lexer.keep[lex]) + memory.count[CONTEXTUAL]
        if item[SINCE] > MOST_PENDING:
            fields[MATCH] = -1
            fields[SINCE] = 0
            fields[BEFORE] = 0
        else:
            keep = max(keep, item[SINCE])
        if tables.parts.filter[item[PART]] == NO_FILTER and not _hopeful(tables, fields):
            return np.int64(-1)
        first = max(item[PLACE] - min(keep, MOST_PENDING), 0)
        for place in range(first, item[PLACE]):
            fields[CHARACTERS] = fields[CHARACTERS] << 16 | (max(word[place], 0) + 1)
    return state_number(relaxation, fields)


@njit(cache=True)
def _hopeful(tables: Tables, fields: Int64Array) -> bool:
    """Whether the state on top takes a terminal that the lexer has matched or can match."""
    expected = tables.parser.expected[fields[TOP]]
    reachable = tables.lexer.reachable[fields[LEX]]
    for index in range(len(expected)):
        if expected[index] & reachable[index]:
            return True
    match = fields[MATCH]
    if match < 0:
        return False
    return bool((expected[match >> 6] >> np.uint64(match & 63)) & np.uint64(1) != 0)
