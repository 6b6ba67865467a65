"""Where the stack of an LR parser can grow without end."""

from __future__ import annotations

import re

import numpy as np

from ..reading import GrammarReading
from ..tables import BoolArray


def recursive_states(reading: GrammarReading) -> BoolArray:
    """bool [Q], a set of LR states of which every stack that is long enough holds many.

    What stands on top of each other in a stack is an edge of the automaton of the LR states, so a
    stack without these states is no longer than the longest path that is left: without cycles. The
    set is a feedback vertex set that is minimal, though not the smallest: states that say little
    to a reader are left out first, and those after an opening bracket last. Left recursion, which
    does not grow the stack, is in no cycle.
    """
    successors = _successors(reading)
    predecessors: list[set[int]] = [set() for _ in successors]
    for state, after in enumerate(successors):
        for target in after:
            predecessors[target].add(state)
    cyclic = _cyclic(successors, predecessors)
    order = sorted(
        cyclic,
        key=lambda state: (
            _rank(reading, state),
            len(successors[state]) * len(predecessors[state]),
            -state,
        ),
    )
    kept = np.zeros(len(successors), np.bool_)
    left_out: set[int] = set()
    for state in order:
        if _comes_back(state, successors, left_out):
            kept[state] = True
        else:
            left_out.add(state)
    return kept


def _successors(reading: GrammarReading) -> list[set[int]]:
    parser = reading.parser
    return [
        {int(target) for row in rows for target in np.unique(row) if target >= 0}
        for rows in zip(parser.shift, parser.goto, strict=True)
    ]


def _cyclic(successors: list[set[int]], predecessors: list[set[int]]) -> set[int]:
    """The states that have others on both sides, and so on: all that are in a cycle, and those
    between cycles."""
    alive = set(range(len(successors)))
    waiting = list(alive)
    while waiting:
        state = waiting.pop()
        if state in alive and not (successors[state] & alive and predecessors[state] & alive):
            alive.discard(state)
            waiting += [*successors[state], *predecessors[state]]
    return alive


def _comes_back(state: int, successors: list[set[int]], allowed: set[int]) -> bool:
    """Whether a path through allowed states leads from a state to itself."""
    waiting, seen = [state], set[int]()
    while waiting:
        after = successors[waiting.pop()]
        if state in after:
            return True
        new = (after & allowed) - seen
        seen |= new
        waiting += new
    return False


def _rank(reading: GrammarReading, state: int) -> int:
    """How well the symbol that leads to a state tells nesting: 3 for an opening bracket, 0 for a
    rule."""
    ranks = [0]
    for terminal in np.flatnonzero((reading.parser.shift == state).any(axis=0)).tolist():
        text = literal(reading.patterns[terminal])
        if text is None or re.search(r"\w", text):
            ranks.append(1)
        else:
            ranks.append(3 if text[-1] in "([{<" else 2)
    return max(ranks)


def literal(pattern: str | None) -> str | None:
    """The only text that a regular expression matches, if it is plainly that."""
    if pattern is None:
        return None
    text = re.sub(r"\\(.)", r"\1", pattern)
    return text if re.escape(text) == pattern else None


def entering_terminals(reading: GrammarReading, states: BoolArray) -> tuple[list[int], bool]:
    """The terminals that lead to some states, and whether rules lead to others of them."""
    terminals = [
        terminal
        for terminal, targets in enumerate(reading.parser.shift.T)
        if states[targets[targets >= 0]].any()
    ]
    entered = reading.parser.goto[reading.parser.goto >= 0]
    return terminals, bool(states[entered].any())
