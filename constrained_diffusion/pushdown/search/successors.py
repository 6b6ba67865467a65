"""Which LR states may be on top of the stack after a terminal, whatever stands below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numba import njit

from ..tables import GRAMMAR, INDENTER, NEWLINE, BoolArray, Int, Int32Array, Int64Array, Tables

MOST_SUCCESSORS = 64
"""States that are kept for one state and terminal."""


class Successors(NamedTuple):
    """See `structures.Relaxation`."""

    offsets: Int64Array
    states: Int32Array
    accepts: BoolArray
    newline_offsets: Int64Array
    newline_states: Int32Array


def successors_of(tables: Tables) -> Successors:
    """The successors of all states, over all parts."""
    parser, parts = tables.parser, tables.parts
    end_states = np.full(parser.shift.shape[1], -1, np.int32)
    for end, state in zip(parts.end_terminal, parts.end_state, strict=True):
        if end >= 0:
            end_states[end] = state
    offsets, states, accepts = _successors(
        parser.shift,
        parser.reduce_offsets,
        parser.reduce_rules,
        *_after_reducing(
            parser.shift, parser.goto, parser.reduce_offsets, parser.reduce_rules,
            parser.rule_length, parser.rule_head,
        ),
        end_states,
    )  # fmt: skip
    for part in np.flatnonzero((parts.kind == GRAMMAR) & parts.accepts_empty).tolist():
        accepts[parts.start[part]] = True
    newline_offsets = np.zeros(len(accepts) + 1, np.int64)
    newline_states: list[int] = []
    if (parts.filter == INDENTER).any():
        num_terminals = parser.shift.shape[1]

        def following(top: Int, terminals: Iterable[int]) -> set[int]:
            found: set[int] = set()
            for terminal in terminals:
                at = top * num_terminals + terminal
                found.update(states[offsets[at] : offsets[at + 1]].tolist())
            return found

        newlines = np.flatnonzero(parser.sign == NEWLINE).tolist()
        dedents = parts.dedent[parts.dedent >= 0].tolist()
        made = dedents + parts.indent[parts.indent >= 0].tolist()
        accepts_now = accepts.copy()
        for state in range(len(accepts)):
            # Within brackets the parser does not see the newline.
            reached = _closure(following(state, newlines), made, following) | {state}
            newline_states += sorted(reached)
            newline_offsets[state + 1] = len(newline_states)
            accepts[state] |= accepts_now[list(_closure({state}, dedents, following))].any()
    return Successors(offsets, states, accepts, newline_offsets, np.array(newline_states, np.int32))


def _closure(
    states: set[int],
    terminals: Iterable[int],
    following: Callable[[int, Iterable[int]], set[int]],
) -> set[int]:
    """The states after any number of the terminals."""
    reached, waiting = set(states), list(states)
    while waiting:
        new = following(waiting.pop(), terminals) - reached
        reached |= new
        waiting += new
    return reached


@njit(cache=True)
def _predecessors(shift: Int32Array, goto: Int32Array) -> tuple[Int64Array, Int32Array]:
    """The states that have an edge to each state: offsets int64 [Q+1], and states."""
    num_states = len(shift)
    offsets = np.zeros(num_states + 1, np.int64)
    for table in (shift, goto):
        for target in table.ravel():
            if target >= 0:
                offsets[target + 1] += 1
    offsets = np.cumsum(offsets)
    fill = offsets[:-1].copy()
    result = np.empty(offsets[-1], np.int32)
    for table in (shift, goto):
        for state in range(num_states):
            for target in table[state]:
                if target >= 0:
                    result[fill[target]] = state
                    fill[target] += 1
    return offsets, result


@njit(cache=True)
def _after_reducing(
    shift: Int32Array,
    goto: Int32Array,
    reduce_offsets: Int64Array,
    reduce_rules: Int32Array,
    rule_length: Int32Array,
    rule_head: Int32Array,
) -> tuple[Int64Array, Int32Array, Int64Array, Int32Array]:
    """The rules that each state reduces by, pair_offsets int64 [Q+1] and rules; and the states
    after each such reduction, offsets int64 [P+1] and states."""
    num_states, num_terminals = shift.shape
    before_offsets, before = _predecessors(shift, goto)
    pair_offsets = np.zeros(num_states + 1, np.int64)
    pairs = [np.int32(0) for _ in range(0)]
    after_offsets = [np.int64(0)]
    after = [np.int32(0) for _ in range(0)]
    rule_seen = np.full(len(rule_length), -1, np.int64)
    stamp = np.full(num_states, -1, np.int64)
    layer = np.empty(num_states, np.int32)
    below = np.empty(num_states, np.int32)
    clock = 0
    for state in range(num_states):
        row = state * num_terminals
        for entry in range(reduce_offsets[row], reduce_offsets[row + num_terminals]):
            rule = reduce_rules[entry]
            if rule_seen[rule] == state:
                continue
            rule_seen[rule] = state
            pairs.append(rule)
            layer[0] = state
            count = 1
            for _ in range(rule_length[rule]):
                clock += 1
                found = 0
                for index in range(count):
                    first, last = before_offsets[layer[index]], before_offsets[layer[index] + 1]
                    for place in range(first, last):
                        other = before[place]
                        if stamp[other] != clock:
                            stamp[other] = clock
                            below[found] = other
                            found += 1
                layer, below = below, layer
                count = found
            clock += 1
            for index in range(count):
                reached = goto[layer[index], rule_head[rule]]
                if reached >= 0 and stamp[reached] != clock:
                    stamp[reached] = clock
                    after.append(reached)
            after_offsets.append(np.int64(len(after)))
        pair_offsets[state + 1] = len(pairs)
    return pair_offsets, np.array(pairs), np.array(after_offsets), np.array(after)


@njit(cache=True)
def _successors(
    shift: Int32Array,
    reduce_offsets: Int64Array,
    reduce_rules: Int32Array,
    pair_offsets: Int64Array,
    pair_rules: Int32Array,
    after_offsets: Int64Array,
    after: Int32Array,
    end_states: Int32Array,
) -> tuple[Int64Array, Int32Array, BoolArray]:
    """Offsets int64 [Q*T+1] and states after each terminal; bool [Q], where the text may end."""
    num_states, num_terminals = shift.shape
    offsets = np.zeros(num_states * num_terminals + 1, np.int64)
    states = [np.int32(0) for _ in range(0)]
    accepts = np.zeros(num_states, np.bool_)
    seen = np.full(num_states, -1, np.int64)
    listed = np.full(num_states, -1, np.int64)
    waiting = np.empty(num_states, np.int32)
    for state in range(num_states):
        for terminal in range(num_terminals):
            row = state * num_terminals + terminal
            end_state = end_states[terminal]
            seen[state] = row
            waiting[0] = state
            count = 1
            found = 0
            while count > 0:
                count -= 1
                top = waiting[count]
                accepts[state] |= end_state >= 0 and top == end_state
                target = shift[top, terminal]
                if target >= 0 and listed[target] != row and found < MOST_SUCCESSORS:
                    listed[target] = row
                    states.append(target)
                    found += 1
                at = top * num_terminals + terminal
                for entry in range(reduce_offsets[at], reduce_offsets[at + 1]):
                    pair = pair_offsets[top]
                    while pair_rules[pair] != reduce_rules[entry]:
                        pair += 1
                    for place in range(after_offsets[pair], after_offsets[pair + 1]):
                        reached = after[place]
                        if seen[reached] != row:
                            seen[reached] = row
                            waiting[count] = reached
                            count += 1
            accepts[state] |= end_state >= 0 and found > 0
            offsets[row + 1] = len(states)
    return offsets, np.array(states), accepts
