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
characters after it are read again by the lexers of the parser's new state. Lark reads its
longest-first choice in the same order (`lark.lexer.BasicLexer.next_token`), one terminal at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .feeding import feed, feed_all, indent, transduce
from .memory import (
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
    PENDING_LIMIT,
    POINT,
    QUEUE,
    SEVERAL,
    SINCE,
    STACK,
    STEPS,
    SUFFIXES,
    Memory,
    VocabularyText,
    configuration,
    cons,
    find,
    push,
    store,
    thread_number,
)
from .stacks import merged
from .tables import (
    GRAMMAR,
    IGNORED,
    INDENTER,
    NEWLINE,
    NO_FILTER,
    REFUSED,
    REGULAR,
    TRANSDUCER,
    Int32Array,
    Tables,
    UInt8Array,
)

ENDED = 1
"""The configuration after the end token."""

SUFFIX_BLOCK = 32
"""Bytes of a suffix between two configurations that are remembered."""

# Numbers are made int64 before calls: numba compiles a kernel anew for a literal or for 32 bits.


@njit(cache=True)
def _item(work: Int32Array, top: int, part: int, lex: int, stack: int, extra: int) -> None:
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
def _restart(
    tables: Tables,
    memory: Memory,
    work: Int32Array,
    top: int,
    part: int,
    stack: int,
    extra: int,
    before: int,
    queue: int,
) -> int:
    """Adds a thread for each lexer of the state on top of the stack; the new top of the work."""
    state = memory.stacks_state[stack]
    for entry in range(tables.parser.lexer_offsets[state], tables.parser.lexer_offsets[state + 1]):
        lex = np.int64(tables.lexer.start[tables.parser.lexers[entry], before])
        if lex == 0:
            continue
        if top >= len(work):
            memory.count[FULL] = 1
            return top
        _item(work, top, part, lex, stack, extra)
        work[top, QUEUE] = queue
        top += 1
    return top


@njit(cache=True)
def _emit(
    tables: Tables,
    memory: Memory,
    work: Int32Array,
    top: int,
    thread: Int32Array,
    terminal: int,
    before: int,
    column: int,
    queue: int,
) -> int:
    """Emits a terminal of a thread; adds the threads that go on with `queue`."""
    part, stack, extra = np.int64(thread[PART]), np.int64(thread[STACK]), np.int64(thread[EXTRA])
    fate = tables.parser.fate[terminal]
    if fate == REFUSED:
        return top
    if fate == IGNORED:
        return _restart(tables, memory, work, top, part, stack, extra, before, queue)
    kind = tables.parts.filter[part]
    if kind == INDENTER:
        stacks, extra = indent(tables, memory, part, stack, extra, terminal, column)
    elif kind == TRANSDUCER:
        stacks, extra = transduce(tables, memory, stack, extra, terminal)
        if extra < 0:
            return top
    else:
        stacks = feed(tables, memory, stack, terminal)
    while stacks != 0:
        reached = np.int64(memory.lists_value[stacks])
        top = _restart(tables, memory, work, top, part, reached, extra, before, queue)
        stacks = memory.lists_parent[stacks]
    return top


@njit(cache=True)
def _last(memory: Memory, pending: int, count: int, queue: int) -> int:
    """The last `count` characters of `pending` as a queue in front of `queue`."""
    for _ in range(count):
        queue = np.int64(cons(memory, queue, np.int64(memory.lists_value[pending])))
        pending = memory.lists_parent[pending]
    return queue


@njit(cache=True)
def _shortened(memory: Memory, pending: int, count: int) -> int:
    """The last `count` characters of `pending`, or all where it has fewer."""
    rest = pending
    for _ in range(count):
        if rest == 0:
            return pending
        rest = memory.lists_parent[rest]
    if rest == 0:
        return pending
    queue = _last(memory, pending, count, np.int64(0))
    result = np.int64(0)
    while queue != 0:
        result = np.int64(cons(memory, result, np.int64(memory.lists_value[queue])))
        queue = memory.lists_parent[queue]
    return result


@njit(cache=True)
def _nth_last(memory: Memory, pending: int, count: int, default: int) -> int:
    """The class `count` characters before the last one of `pending`."""
    for _ in range(count):
        pending = memory.lists_parent[pending]
    return memory.lists_value[pending] if pending != 0 else default


@njit(cache=True)
def _take(tables: Tables, memory: Memory, thread: Int32Array, lex: int, character: int) -> None:
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
            thread[BEFORE] = _nth_last(memory, pending, back, thread[BEFORE])
        thread[MATCH] = match
        is_newline = tables.parser.sign[match] == NEWLINE
        thread[MATCH_COLUMN] = thread[COLUMN] if is_newline else -1
        thread[SINCE] = back
        keep = max(keep, back)
    elif thread[MATCH] >= 0:
        keep = max(keep, thread[SINCE])
        if thread[SINCE] > memory.count[PENDING_LIMIT]:
            _forget(thread)
            keep = lexer.keep[lex]
    thread[PENDING] = _shortened(memory, pending, keep + context)


@njit(cache=True)
def _forget(thread: Int32Array) -> None:
    """Drops the match of a thread."""
    thread[MATCH] = -1
    thread[SINCE] = 0
    thread[BEFORE] = 0
    thread[MATCH_COLUMN] = -1


@njit(cache=True)
def _read(
    tables: Tables, memory: Memory, work: Int32Array, top: int, found: Int32Array, count: int
) -> int:
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
                _take(tables, memory, thread, lex, character)
                continue
            alive = False
            if thread[MATCH] >= 0:
                queue = _last(memory, np.int64(thread[PENDING]), np.int64(thread[SINCE]), queue)
                top = _emit(
                    tables, memory, work, top, thread,
                    np.int64(thread[MATCH]), np.int64(thread[BEFORE]),
                    np.int64(thread[MATCH_COLUMN]), queue,
                )  # fmt: skip
            break
        if alive:
            if count >= len(found):
                memory.count[FULL] = 1
                return count
            number = _arrive(tables, memory, thread)
            if number > 0:
                found[count] = number
                count += 1
        if memory.count[FULL]:
            return count
    return count


@njit(cache=True)
def _arrive(tables: Tables, memory: Memory, thread: Int32Array) -> int:
    """The number of a thread that has read its queue; 0 where the parser takes no terminal that
    its lexer can still match."""
    lex, match = thread[LEX], thread[MATCH]
    part = thread[PART]
    if tables.lexer.is_start[lex]:
        # What the lexer looks back at is decided.
        thread[PENDING] = 0
    elif tables.parts.filter[part] == NO_FILTER:
        expected = tables.parser.expected[memory.stacks_state[thread[STACK]]]
        reachable = tables.lexer.reachable[lex]
        hopeful = False
        for word in range(len(reachable)):
            if reachable[word] & expected[word]:
                hopeful = True
                break
        if not hopeful:
            if match < 0:
                return 0
            if not (expected[match >> 6] >> np.uint64(match & 63)) & np.uint64(1):
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


@njit(cache=True)
def _prune(tables: Tables, memory: Memory, found: Int32Array, count: int) -> None:
    """Drops matches that lead nowhere: where the characters after one cannot be read again, a
    thread that keeps it would differ from others by those characters alone."""
    thread = np.empty(FIELDS + 1, np.int32)
    for i in range(count):
        number = found[i]
        if memory.threads[number, MATCH] < 0 or memory.threads[number, SINCE] < 2:
            continue
        thread[:FIELDS] = memory.threads[number]
        queue = _last(memory, np.int64(thread[PENDING]), np.int64(thread[SINCE]), np.int64(0))
        top = _emit(
            tables, memory, memory.probe, np.int64(0), thread,
            np.int64(thread[MATCH]), np.int64(thread[BEFORE]),
            np.int64(thread[MATCH_COLUMN]), queue,
        )  # fmt: skip
        if _read(tables, memory, memory.probe, top, memory.probed, np.int64(0)) == 0:
            _forget(thread)
            keep = tables.lexer.keep[thread[LEX]]
            context = memory.count[CONTEXTUAL]
            thread[PENDING] = _shortened(memory, np.int64(thread[PENDING]), keep + context)
            found[i] = thread_number(memory, thread)


@njit(cache=True)
def _merged(memory: Memory, found: Int32Array, count: int) -> int:
    """Makes one thread of those that differ in nothing but the stacks below the top state; the new
    count."""
    if not memory.count[SEVERAL]:
        return count
    kept = 0
    for i in range(count):
        number = np.int64(found[i])
        stack = np.int64(memory.threads[number, STACK])
        for j in range(kept):
            other = np.int64(found[j])
            if memory.threads[other, LEX] != memory.threads[number, LEX]:
                continue
            same = True
            for field in range(FIELDS):
                if field != STACK and memory.threads[other, field] != memory.threads[number, field]:
                    same = False
                    break
            second = np.int64(memory.threads[other, STACK])
            if same and memory.stacks_state[stack] == memory.stacks_state[second]:
                thread = memory.probe[0]
                thread[:FIELDS] = memory.threads[number]
                thread[STACK] = merged(memory, stack, second)
                found[j] = thread_number(memory, thread)
                break
        else:
            found[kept] = number
            kept += 1
    return kept


@njit(cache=True)
def _end_of_input(tables: Tables, memory: Memory, part: int, stack: int, extra: int) -> bool:
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
def _thread_ends(tables: Tables, memory: Memory, number: int) -> bool:
    """Whether the text of a thread's part may end with it. Memoised."""
    if memory.ends[number] != 0:
        return memory.ends[number] == 2
    result = False
    if tables.parts.kind[memory.threads[number, PART]] == REGULAR:
        result = tables.parts.regular_accepting[memory.threads[number, LEX]]
    elif memory.threads[number, POINT] == 0:
        result = _grammar_ends(tables, memory, number)
    if not memory.count[FULL]:
        memory.ends[number] = 2 if result else 1
    return result


@njit(cache=True)
def _grammar_ends(tables: Tables, memory: Memory, number: int) -> bool:
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
                before = _nth_last(memory, thread[PENDING], back, before)
            column = np.int64(thread[COLUMN])
        else:
            terminal = np.int64(thread[MATCH])
            if terminal < 0:
                continue
        queue = _last(memory, np.int64(thread[PENDING]), back, np.int64(0))
        top = _emit(
            tables, memory, memory.probe, np.int64(0), thread, terminal, before, column, queue
        )
        found = _read(tables, memory, memory.probe, top, memory.probed, np.int64(0))
        for i in range(found):
            if count < len(waiting):
                waiting[count] = memory.probed[i]
                count += 1
            else:
                memory.count[FULL] = 1
                return False
    return False


@njit(cache=True)
def _begin_part(tables: Tables, memory: Memory, part: int, found: Int32Array, count: int) -> int:
    """Adds the threads at the start of a part behind found[:count]; the new count."""
    parts = tables.parts
    if parts.kind[part] == REGULAR:
        _item(memory.work, 0, part, np.int64(parts.start[part]), 0, 0)
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
    top = _restart(tables, memory, memory.work, zero, part, stack, extra, start_of_text, zero)
    return _read(tables, memory, memory.work, top, found, count)


@njit(cache=True)
def _close(tables: Tables, memory: Memory, found: Int32Array, count: int) -> int:
    """Adds the starts of the parts that follow those that may end here; the new count."""
    num_parts = len(tables.parts.kind)
    if num_parts == 1:
        return count
    begun = np.zeros(num_parts, np.bool_)
    i = 0
    while i < count and not memory.count[FULL]:
        following = np.int64(memory.threads[found[i], PART]) + 1
        if (
            following < num_parts
            and not begun[following]
            and _thread_ends(tables, memory, found[i])
        ):
            begun[following] = True
            count = _begin_part(tables, memory, following, found, count)
        i += 1
    return count


@njit(cache=True)
def start_configuration(tables: Tables, memory: Memory) -> int:
    """The configuration before the first character."""
    zero = np.int64(0)
    count = _begin_part(tables, memory, zero, memory.found, zero)
    count = _close(tables, memory, memory.found, count)
    return configuration(memory, memory.found, count)


@njit(cache=True)
def finishes(tables: Tables, memory: Memory, config: int) -> bool:
    """Whether the text may end in a configuration (after the suffix, where the memory has one)."""
    if config <= ENDED:
        return config == ENDED
    if len(memory.suffix) > 0:
        return _suffix_fits(tables, memory, np.int64(config))
    return _may_end(tables, memory, np.int64(config))


@njit(cache=True)
def _suffix_fits(tables: Tables, memory: Memory, config: int) -> bool:
    """Whether the text may end after the suffix.

    Memoised by block: what stood before a suffix is soon reduced to the same stack, so that
    configurations meet again within it.
    """
    blocks = (len(memory.suffix) + SUFFIX_BLOCK - 1) // SUFFIX_BLOCK
    passed = np.empty(blocks, np.int64)
    result = False
    count = 0
    for block in range(blocks):
        key = (np.int64(config) << 20 | block) + 1
        slot = find(memory.suffixes_key, key)
        if memory.suffixes_key[slot] == key:
            result = memory.suffixes_value[slot] == 2
            break
        passed[count] = key
        count += 1
        part = memory.suffix[block * SUFFIX_BLOCK : (block + 1) * SUFFIX_BLOCK]
        config = np.int64(run(tables, memory, np.int64(config), part))
        if config == 0:
            break
        if block == blocks - 1:
            result = _may_end(tables, memory, config)
    if not memory.count[FULL]:
        for i in range(count):
            store(
                memory, memory.suffixes_key, memory.suffixes_value, SUFFIXES,
                passed[i], np.int64(2 if result else 1),
            )  # fmt: skip
    return result


@njit(cache=True)
def _may_end(tables: Tables, memory: Memory, config: int) -> bool:
    """Whether the text may end in a configuration."""
    last = len(tables.parts.kind) - 1
    while config != 0:
        number = memory.lists_value[config]
        if memory.threads[number, PART] == last and _thread_ends(tables, memory, number):
            return True
        config = memory.lists_parent[config]
    return False


@njit(cache=True)
def decode_byte(point: int, byte: int) -> int:
    """UTF-8 (RFC 3629), one byte on: -1 where it is invalid, a code point | 1 << 30 where it is
    complete, else the new POINT."""
    if point == 0:
        if byte < 0x80:
            return byte | 1 << 30
        if byte < 0xC2 or byte > 0xF4:
            return -1
        if byte < 0xE0:
            return 1 << 24 | byte & 0x1F
        if byte < 0xF0:
            return 2 << 24 | byte & 0x0F
        return 3 << 24 | byte & 0x07
    if byte & 0xC0 != 0x80:
        return -1
    missing = (point >> 24) - 1
    bits = (point & 0xFFFFFF) << 6 | byte & 0x3F
    if missing == 2 and not 0x10 <= bits <= 0x10F:
        return -1
    if missing == 1 and point >> 24 == 2 and (bits < 0x20 or 0x360 <= bits < 0x380):
        # Overlong forms of three bytes, and surrogates.
        return -1
    if missing == 0:
        return bits | 1 << 30
    return missing << 24 | bits


@njit(cache=True)
def _point_of(memory: Memory, config: int) -> int:
    """The started UTF-8 sequence of a configuration: the same in all threads of grammars."""
    while config != 0:
        point = memory.threads[memory.lists_value[config], POINT]
        if point != 0:
            return point
        config = memory.lists_parent[config]
    return 0


@njit(cache=True)
def _queue_of(memory: Memory, count: int) -> int:
    """The classes memory.word[:count] as a queue."""
    queue = np.int64(0)
    for i in range(count - 1, -1, -1):
        queue = np.int64(cons(memory, queue, np.int64(memory.word[i])))
    return queue


@njit(cache=True)
def _advance(tables: Tables, memory: Memory, config: int, queue: int, point: int) -> int:
    """All threads of a one-part configuration read a queue of classes and are left with `point`."""
    found = memory.found
    top = np.int64(0)
    while config != 0:
        memory.work[top, :FIELDS] = memory.threads[memory.lists_value[config]]
        memory.work[top, POINT] = point
        memory.work[top, QUEUE] = queue
        top += 1
        config = memory.lists_parent[config]
    count = _read(tables, memory, memory.work, top, found, np.int64(0))
    if point != 0:
        for i in range(count):
            # Threads that began anew within the queue are in the same character as all others.
            if memory.threads[found[i], POINT] != point:
                memory.work[0, :FIELDS] = memory.threads[found[i]]
                memory.work[0, POINT] = point
                found[i] = thread_number(memory, memory.work[0])
    _prune(tables, memory, found, count)
    count = _merged(memory, found, count)
    return configuration(memory, found, count)


@njit(cache=True)
def step_class(tables: Tables, memory: Memory, config: int, character: int) -> int:
    """The configuration after a character of a class, for one grammar by itself; 0 is dead."""
    return _advance(
        tables, memory, config, np.int64(cons(memory, np.int64(0), character)), np.int64(0)
    )


@njit(cache=True)
def step_byte(tables: Tables, memory: Memory, config: int, byte: int) -> int:
    """The configuration after a byte; 0 is dead."""
    if config <= ENDED:
        return 0
    found = memory.found
    decoded = decode_byte(np.int64(_point_of(memory, config)), byte)
    complete = decoded >= 1 << 30
    queue = 0
    if complete:
        queue = cons(memory, np.int64(0), np.int64(tables.lexer.point_class[decoded & 0xFFFFFF]))
    count = np.int64(0)
    top = np.int64(0)
    while config != 0:
        number = memory.lists_value[config]
        config = memory.lists_parent[config]
        thread = memory.threads[number]
        if tables.parts.kind[thread[PART]] == REGULAR:
            state = np.int64(tables.parts.regular_next[thread[LEX], byte])
            if state >= 0:
                _item(memory.probe, 0, np.int64(thread[PART]), state, 0, 0)
                found[count] = thread_number(memory, memory.probe[0])
                count += 1
        elif decoded >= 0:
            memory.work[top, :FIELDS] = thread
            memory.work[top, POINT] = 0 if complete else decoded
            memory.work[top, QUEUE] = queue
            top += 1
    count = _read(tables, memory, memory.work, top, found, count)
    _prune(tables, memory, found, count)
    count = _merged(memory, found, count)
    count = _close(tables, memory, found, count)
    return configuration(memory, found, count)


@njit(cache=True)
def run(tables: Tables, memory: Memory, config: int, data: UInt8Array) -> int:
    """The configuration after some bytes; 0 is dead."""
    if config <= ENDED:
        return config if len(data) == 0 else 0
    single = len(tables.parts.kind) == 1 and tables.parts.kind[0] == GRAMMAR
    # Threads that read a whole word alone would meet the same readings again and again.
    if memory.count[SEVERAL] or not single or len(data) > len(memory.word):
        for byte in data:
            config = step_byte(tables, memory, np.int64(config), np.int64(byte))
            if config == 0 or memory.count[FULL]:
                return 0
        return config
    point = np.int64(_point_of(memory, config))
    count = np.int64(0)
    for byte in data:
        point = decode_byte(point, np.int64(byte))
        if point < 0:
            return 0
        if point >= 1 << 30:
            memory.word[count] = tables.lexer.point_class[point & 0xFFFFFF]
            count += 1
            point = 0
    return _advance(tables, memory, config, _queue_of(memory, count), point)


@njit(cache=True)
def step_token(
    tables: Tables, memory: Memory, text: VocabularyText, config: int, token: int
) -> int:
    """The configuration after a text token of the vocabulary; 0 is dead. Memoised."""
    if config <= ENDED:
        return 0
    key = (np.int64(config) << 22 | token) + 1
    slot = find(memory.steps_key, key)
    if memory.steps_key[slot] == key:
        return memory.steps_value[slot]
    first, last = text.offsets[token], text.offsets[token + 1]
    result = run(tables, memory, config, text.data[first:last]) if last > first else 0
    if not memory.count[FULL]:
        store(memory, memory.steps_key, memory.steps_value, STEPS, key, result)
    return result
