"""Running a parser over a fixed text without knowing what its stack holds.

For an LR state q on top of an unknown stack and a position of the text, the parser reads on until
it wants to take states off that lie below q. Such a result is (position, head, pops): a rule with
that head is reduced there, for which `pops` states below q are still to be taken off.
A result without a head means that the text is accepted, with the start state below.
The results of (q, position) follow from those of the states that are pushed on q, as in Earley's
deduction for pushdown automata (B. Lang, "Deterministic techniques for efficient
non-deterministic parsers", 1974); all parsers are covered, deterministic or not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ..memory import Memory, find
from ..tables import Int, Int32Array, Int64Array, Tables
from .suffix_text import following, position_fields, position_number

ACCEPTED = -2
"""The head of a result that stands for acceptance."""

NODES, RESULTS, CALLERS, WORK, OVERFLOW = range(5)
"""Entries of `Runs.counts`."""

STATE, POSITION, FIRST_RESULT, FIRST_CALLER = range(4)
"""Columns of `Runs.nodes`."""

_PUSHED, _PASSED = 0, 1
"""Kinds of callers: a state that the called one was pushed on; the same state, further back."""

MAX_FOLLOWING = 4096


class Runs(NamedTuple):
    """Attributes:
    counts: int64 [5].
    nodes: int32 [n, 4]: LR state, position, latest result, latest caller.
    key, value: (position, LR state) -> node.
    results: int32 [n, 4]: the result before it (0: none), position, head, pops.
    callers: int32 [n, 3]: the caller before it, node, kind.
    work: int32 [n, 3]: (node, -1, 0) to begin a node, else (caller, its kind, result).
    found: int64, scratch.
    """

    counts: Int64Array
    nodes: Int32Array
    key: Int64Array
    value: Int32Array
    results: Int32Array
    callers: Int32Array
    work: Int32Array
    found: Int64Array


def new_runs(capacity: int = 1 << 18) -> Runs:
    """Empty tables; number 0 is no node, result or caller."""
    counts = np.zeros(5, np.int64)
    counts[[NODES, RESULTS, CALLERS]] = 1
    return Runs(
        counts=counts,
        nodes=np.zeros((capacity, 4), np.int32),
        key=np.zeros(2 * capacity, np.int64),
        value=np.zeros(2 * capacity, np.int32),
        results=np.zeros((4 * capacity, 4), np.int32),
        callers=np.zeros((4 * capacity, 3), np.int32),
        work=np.zeros((8 * capacity, 3), np.int32),
        found=np.zeros(MAX_FOLLOWING, np.int64),
    )


@njit(cache=True)
def _push_work(runs: Runs, first: Int, second: Int, third: Int) -> None:
    place = runs.counts[WORK]
    if place >= len(runs.work):
        runs.counts[OVERFLOW] = 1
        return
    runs.work[place, 0] = first
    runs.work[place, 1] = second
    runs.work[place, 2] = third
    runs.counts[WORK] = place + 1


@njit(cache=True)
def _node(runs: Runs, state: Int, position: Int) -> Int:
    """The node of a state and a position; a new one is put to work. 0 where the tables are full."""
    key = (np.int64(position) << 24 | np.int64(state)) + 1
    slot = find(runs.key, key)
    if runs.key[slot] == key:
        return np.int64(runs.value[slot])
    number = runs.counts[NODES]
    if number >= len(runs.nodes):
        runs.counts[OVERFLOW] = 1
        return np.int64(0)
    runs.counts[NODES] = number + 1
    runs.key[slot] = key
    runs.value[slot] = number
    runs.nodes[number, STATE] = state
    runs.nodes[number, POSITION] = position
    _push_work(runs, number, -1, 0)
    return np.int64(number)


@njit(cache=True)
def _call(runs: Runs, caller: Int, kind: Int, state: Int, position: Int) -> None:
    """Lets `caller` have the results of a state at a position."""
    node = _node(runs, state, position)
    entry = runs.nodes[node, FIRST_CALLER]
    while entry != 0:
        if runs.callers[entry, 1] == caller and runs.callers[entry, 2] == kind:
            return
        entry = runs.callers[entry, 0]
    number = runs.counts[CALLERS]
    if number >= len(runs.callers):
        runs.counts[OVERFLOW] = 1
        return
    runs.counts[CALLERS] = number + 1
    runs.callers[number, 0] = runs.nodes[node, FIRST_CALLER]
    runs.callers[number, 1] = caller
    runs.callers[number, 2] = kind
    runs.nodes[node, FIRST_CALLER] = number
    result = runs.nodes[node, FIRST_RESULT]
    while result != 0:
        _push_work(runs, caller, kind, result)
        result = runs.results[result, 0]


@njit(cache=True)
def _add_result(runs: Runs, node: Int, position: Int, head: Int, pops: Int) -> None:
    entry = runs.nodes[node, FIRST_RESULT]
    while entry != 0:
        known = runs.results[entry]
        if known[1] == position and known[2] == head and known[3] == pops:
            return
        entry = known[0]
    number = runs.counts[RESULTS]
    if number >= len(runs.results):
        runs.counts[OVERFLOW] = 1
        return
    runs.counts[RESULTS] = number + 1
    runs.results[number, 0] = runs.nodes[node, FIRST_RESULT]
    runs.results[number, 1] = position
    runs.results[number, 2] = head
    runs.results[number, 3] = pops
    runs.nodes[node, FIRST_RESULT] = number
    caller = runs.nodes[node, FIRST_CALLER]
    while caller != 0:
        _push_work(runs, runs.callers[caller, 1], runs.callers[caller, 2], number)
        caller = runs.callers[caller, 0]


@njit(cache=True)
def _go_on(
    tables: Tables, memory: Memory, runs: Runs, part: Int, node: Int, position: Int, head: Int
) -> None:
    """The state of a node is on top again, at a position, and `head` is pushed on it."""
    target = np.int64(tables.parser.goto[runs.nodes[node, STATE], head])
    if target < 0:
        return
    _, _, queue = position_fields(memory, position)
    terminal = memory.lists_value[queue]
    if terminal == tables.parts.end_terminal[part] and target == tables.parts.end_state[part]:
        _add_result(runs, node, 0, ACCEPTED, 0)
        return
    _call(runs, node, _PUSHED, target, position)


@njit(cache=True)
def _begin(
    tables: Tables, memory: Memory, runs: Runs, text: Int32Array, part: Int, depth: Int, node: Int
) -> None:
    """The first step of a node."""
    parser = tables.parser
    state, position = np.int64(runs.nodes[node, STATE]), np.int64(runs.nodes[node, POSITION])
    offset, extra, queue = position_fields(memory, position)
    if queue == 0:
        if offset > len(text):
            return
        count = following(tables, memory, text, part, depth, state, position, runs.found)
        for place in range(count):
            _call(runs, node, _PASSED, state, runs.found[place])
        return
    terminal = np.int64(memory.lists_value[queue])
    target = np.int64(parser.shift[state, terminal])
    if target >= 0:
        if terminal == tables.parts.end_terminal[part]:
            _add_result(runs, node, 0, ACCEPTED, 0)
        else:
            rest = np.int64(memory.lists_parent[queue])
            _call(runs, node, _PUSHED, target, position_number(memory, offset, extra, rest))
    row = state * parser.shift.shape[1] + terminal
    for entry in range(parser.reduce_offsets[row], parser.reduce_offsets[row + 1]):
        rule = parser.reduce_rules[entry]
        head, length = np.int64(parser.rule_head[rule]), np.int64(parser.rule_length[rule])
        if length == 0:
            _go_on(tables, memory, runs, part, node, position, head)
        else:
            _add_result(runs, node, position, head, length - 1)


@njit(cache=True)
def run_from(
    tables: Tables,
    memory: Memory,
    runs: Runs,
    text: Int32Array,
    part: Int,
    depth: Int,
    state: Int,
    position: Int,
) -> Int:
    """The node of a state at a position, with all its results."""
    result = _node(runs, state, position)
    while runs.counts[WORK] > 0 and runs.counts[OVERFLOW] == 0:
        place = runs.counts[WORK] - 1
        runs.counts[WORK] = place
        node, kind = np.int64(runs.work[place, 0]), runs.work[place, 1]
        if kind < 0:
            _begin(tables, memory, runs, text, part, depth, node)
            continue
        entry = np.int64(runs.work[place, 2])
        position = np.int64(runs.results[entry, 1])
        head, pops = np.int64(runs.results[entry, 2]), np.int64(runs.results[entry, 3])
        if kind == _PASSED or head == ACCEPTED:
            _add_result(runs, node, position, head, pops)
        elif pops > 0:
            _add_result(runs, node, position, head, pops - 1)
        else:
            _go_on(tables, memory, runs, part, node, position, head)
    return result
