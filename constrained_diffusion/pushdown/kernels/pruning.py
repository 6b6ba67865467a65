"""Making fewer threads of those that have read the same text."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import (
    BEFORE,
    CONTEXTUAL,
    FIELDS,
    LEX,
    MATCH,
    MATCH_COLUMN,
    PENDING,
    SEVERAL,
    SINCE,
    STACK,
    Memory,
    thread_number,
)
from ..stacks import merged
from ..tables import Int, Int32Array, Tables
from .emission import emit
from .lexing import forget, last_of, read, shortened


@njit(cache=True)
def prune(tables: Tables, memory: Memory, found: Int32Array, count: Int) -> None:
    """Drops matches that lead nowhere: where the characters after one cannot be read again, a
    thread that keeps it would differ from others by those characters alone."""
    thread = np.empty(FIELDS + 1, np.int32)
    for i in range(count):
        number = found[i]
        if memory.threads[number, MATCH] < 0 or memory.threads[number, SINCE] < 2:
            continue
        thread[:FIELDS] = memory.threads[number]
        queue = last_of(memory, np.int64(thread[PENDING]), np.int64(thread[SINCE]), np.int64(0))
        top = emit(
            tables, memory, memory.probe, np.int64(0), thread,
            np.int64(thread[MATCH]), np.int64(thread[BEFORE]),
            np.int64(thread[MATCH_COLUMN]), queue,
        )  # fmt: skip
        if read(tables, memory, memory.probe, top, memory.probed, np.int64(0)) == 0:
            forget(thread)
            keep = tables.lexer.keep[thread[LEX]]
            context = memory.count[CONTEXTUAL]
            thread[PENDING] = shortened(memory, np.int64(thread[PENDING]), keep + context)
            found[i] = thread_number(memory, thread)


@njit(cache=True)
def merge_threads(memory: Memory, found: Int32Array, count: Int) -> Int:
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
