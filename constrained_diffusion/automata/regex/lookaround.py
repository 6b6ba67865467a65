"""Lookahead, lookbehind and anchors anywhere in a regular expression, exactly.

The automaton runs over *symbols*: the classes of characters that the pattern can tell apart.

- A *thread* is a state of the pattern's automaton and the *obligations* it has taken on: each
  lookahead it passed must still match (or must not) from there. An obligation is the set of threads
  of that lookahead's own automaton, moved along with the text, so it is deterministic; threads of
  threads cover nested assertions. A thread accepts at the end of the text if its state does and its
  obligations hold there.
- A lookbehind depends on the text so far alone. The set of threads of its automaton, with a new one
  started at every position, is moved along with the text; together these sets are the *past*. Where
  a lookbehind holds lookaheads, their obligations pass to the thread that relies on it.

(This is an alternating automaton with its conjunctions kept in the threads: Chandra, Kozen and
Stockmeyer, "Alternation", JACM 28, 1981.) Threads with their pasts are then the states of an
ordinary nondeterministic automaton.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

import numpy as np

from ...errors import LimitError
from ..automaton import ByteAutomaton
from ..nfa import NfaBuilder
from ..utf8 import (
    ALL_CODE_POINTS,
    CodePoints,
    add_code_points,
    normalise,
)
from . import ast
from .thompson import emit, emit_whole

MAX_PATTERN_STATES = 100_000
MAX_STEPS = 1_000_000
"""Bound on the threads that are formed, some seconds' worth."""

Obligations: TypeAlias = frozenset[int]
"""Members are twice the number of a set of threads, plus one if they must not match."""

Thread: TypeAlias = tuple[int, Obligations]
Threads: TypeAlias = int
"""The number of a set of threads: sets hold sets, so they are compared by number."""

Past: TypeAlias = tuple[Threads, ...]
"""By number of the lookbehind."""

_FREE: Obligations = frozenset()


@dataclass
class _Body:
    """The automaton of one lookahead or lookbehind, inside the common one."""

    number: int
    start: int
    end: int


@dataclass
class _SymbolTarget:
    """The pattern's automaton over characters (a `thompson.Target`)."""

    char_edges: list[list[tuple[CodePoints, int]]] = field(default_factory=list)
    epsilons: list[list[int]] = field(default_factory=list)
    looks: list[list[tuple[ast.Look, int]]] = field(default_factory=list)
    bodies: dict[tuple[ast.Node, bool], _Body] = field(default_factory=dict)
    behind: list[_Body] = field(default_factory=list)

    def add_state(self) -> int:
        if len(self.char_edges) >= MAX_PATTERN_STATES:
            raise LimitError(
                f"a regular expression with lookaround has more than {MAX_PATTERN_STATES:,} "
                "states; use smaller repeat counts"
            )
        self.char_edges.append([])
        self.epsilons.append([])
        self.looks.append([])
        return len(self.char_edges) - 1

    def add_epsilon(self, source: int, target: int) -> None:
        self.epsilons[source].append(target)

    def add_chars(self, source: int, points: CodePoints, target: int) -> None:
        self.char_edges[source].append((points, target))

    def add_copies(self, body: ast.Node, count: int) -> list[tuple[int, int]]:
        copies = []
        for _ in range(count):
            start, end = self.add_state(), self.add_state()
            emit(self, body, start, end)
            copies.append((start, end))
        return copies

    def add_look(self, source: int, look: ast.Look, target: int) -> None:
        key = look.body, look.ahead
        if key not in self.bodies:
            start, end = self.add_state(), self.add_state()
            emit(self, look.body, start, end)
            # numbered after the assertions inside it, which must be known first at each position
            body = self.bodies[key] = _Body(len(self.behind), start, end)
            if look.ahead:
                self.add_chars(end, ALL_CODE_POINTS, end)
            else:
                self.behind.append(body)
        self.looks[source].append((look, target))


def _partition(sets: Sequence[CodePoints]) -> tuple[list[CodePoints], list[int]]:
    """The coarsest symbols of which every set is a union, and each set as a mask of symbols."""
    edges = [np.array(points, np.int64).reshape(-1, 2) for points in sets]
    bounds = np.unique(np.concatenate([ends + np.array((0, 1)) for ends in edges]))
    member = np.zeros((len(sets), len(bounds)), np.bool_)
    for number, ends in enumerate(edges):
        if len(ends):
            place = np.searchsorted(ends[:, 0], bounds, side="right") - 1
            member[number] = (place >= 0) & (ends[place, 1] >= bounds)
    ranges_of: dict[bytes, list[tuple[int, int]]] = {}
    used = member.any(axis=0)
    for interval in np.flatnonzero(used).tolist():
        signature = member[:, interval].tobytes()
        low, behind = int(bounds[interval]), int(bounds[interval + 1])
        ranges_of.setdefault(signature, []).append((low, behind - 1))
    masks = [
        sum(1 << symbol for symbol, signature in enumerate(ranges_of) if signature[number])
        for number in range(len(sets))
    ]
    return [normalise(ranges) for ranges in ranges_of.values()], masks


def _weakest(choices: list[Obligations]) -> list[Obligations]:
    """The sets that hold no other of the sets: whoever meets a larger one meets a smaller one."""
    if len(choices) == 1:
        return choices
    kept: list[Obligations] = []
    for choice in sorted(choices, key=len):
        if not any(smaller <= choice for smaller in kept):
            kept.append(choice)
    return kept


class _Runner:
    """Moves threads and pasts along symbols."""

    def __init__(self, pattern: _SymbolTarget) -> None:
        self.epsilons = pattern.epsilons
        self.behind = pattern.behind
        sets = list(dict.fromkeys(points for row in pattern.char_edges for points, _ in row))
        self.symbols, masks = _partition(sets)
        mask_of = dict(zip(sets, masks, strict=True))
        self.edges = [
            [(mask_of[points], target) for points, target in row] for row in pattern.char_edges
        ]
        self.looks = [
            [(look, pattern.bodies[look.body, look.ahead], target) for look, target in row]
            for row in pattern.looks
        ]
        self.ahead_ends = {body.end for (_, ahead), body in pattern.bodies.items() if ahead}
        self.important = [bool(row) for row in self.edges]
        for body in pattern.bodies.values():
            self.important[body.end] = True
        self.members: list[frozenset[Thread]] = []
        self.numbers: dict[frozenset[Thread], Threads] = {}
        self.moved: dict[tuple[Threads, int, Past], Threads] = {}
        self.steps = 0

    def closure(self, threads: Iterable[Thread], past: Past) -> Threads:
        """The important threads that these become without reading, at a position with `past`."""
        stack = list(threads)
        seen = set(stack)
        found: dict[int, list[Obligations]] = {}
        while stack:
            state, obligations = stack.pop()
            self._count(1 + len(obligations))
            if self.important[state]:
                found.setdefault(state, []).append(obligations)
            reached = [(target, obligations) for target in self.epsilons[state]]
            for look, body, target in self.looks[state]:
                for added in self._ways(look, body, past):
                    reached.append((target, obligations | added))
            for thread in reached:
                if thread not in seen:
                    seen.add(thread)
                    stack.append(thread)
        return self.number_of(
            frozenset(
                (state, obligations)
                for state, choices in found.items()
                for obligations in _weakest(choices)
            )
        )

    def number_of(self, members: frozenset[Thread]) -> Threads:
        """The number of a set of threads."""
        number = self.numbers.setdefault(members, len(self.members))
        if number == len(self.members):
            self.members.append(members)
        return number

    def _ways(self, look: ast.Look, body: _Body, past: Past) -> list[Obligations]:
        """The sets of obligations any one of which makes the assertion hold at this position."""
        if look.ahead:
            return self._kept([2 * self.closure([(body.start, _FREE)], past) + look.negative])
        choices = [owed for state, owed in self.members[past[body.number]] if state == body.end]
        if not look.negative:
            return choices
        negated: list[Obligations] = []
        for one_of_each in product(*choices):
            self._count(1 + len(one_of_each))
            negated.append(frozenset(obligation ^ 1 for obligation in one_of_each))
        return _weakest(negated)

    def _kept(self, obligations: Iterable[int]) -> list[Obligations]:
        """The obligations still open, as the only set; no set if one has failed already."""
        still_open = []
        for obligation in obligations:
            threads = self.members[obligation >> 1]
            met = any(state in self.ahead_ends and not owed for state, owed in threads)
            if met or not threads:
                if met == bool(obligation & 1):
                    return []
            else:
                still_open.append(obligation)
        return [frozenset(still_open)]

    def move(self, threads: Threads, symbol: int, past: Past) -> Threads:
        """The threads after reading `symbol`; `past` is that of the position behind it."""
        key = threads, symbol, past
        result = self.moved.get(key)
        if result is None:
            result = self.moved[key] = self.closure(self._moved(threads, symbol, past), past)
        return result

    def _moved(self, threads: Threads, symbol: int, past: Past) -> list[Thread]:
        moved: list[Thread] = []
        for state, obligations in self.members[threads]:
            targets = [target for mask, target in self.edges[state] if mask >> symbol & 1]
            if targets:
                self._count(len(obligations))
                owed = (2 * self.move(own >> 1, symbol, past) + (own & 1) for own in obligations)
                for kept in self._kept(owed):
                    moved.extend((target, kept) for target in targets)
        return moved

    def first_past(self) -> Past:
        """The past at the start of the text."""
        past: Past = ()
        for body in self.behind:
            past += (self.closure([(body.start, _FREE)], past),)
        return past

    def next_past(self, past: Past, symbol: int) -> Past:
        """The past after reading `symbol`."""
        # a lookbehind is numbered after those inside it, so it needs no more than `after` so far
        after: Past = ()
        for body, threads in zip(self.behind, past, strict=True):
            moved = self._moved(threads, symbol, after)
            after += (self.closure([*moved, (body.start, _FREE)], after),)
        return after

    def holds_at_end(self, obligations: Obligations) -> bool:
        """Whether all obligations hold if the text ends here."""
        for obligation in obligations:
            met = any(
                state in self.ahead_ends and self.holds_at_end(owed)
                for state, owed in self.members[obligation >> 1]
            )
            if met == bool(obligation & 1):
                return False
        return True

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise LimitError(
                f"the lookaround of a regular expression takes more than {MAX_STEPS:,} steps; "
                "use smaller repeat counts or simpler assertions"
            )


def with_lookaround(node: ast.Node, *, max_states: int) -> ByteAutomaton:
    """The texts that `node` matches as a whole.

    Raises:
        LimitError: the construction, or the automaton, becomes too large.
    """
    pattern = _SymbolTarget()
    start, end, universal = (pattern.add_state() for _ in range(3))
    emit_whole(pattern, node, start, end, universal)
    runner = _Runner(pattern)
    runner.important[end] = True
    anything = (universal, _FREE)

    builder = NfaBuilder()
    state_of: dict[tuple[Thread, int], int] = {}
    queue: list[tuple[Thread, int]] = []
    past_number: dict[Past, int] = {}
    pasts: list[Past] = []
    next_past: dict[tuple[int, int], int] = {}
    points_of: dict[int, CodePoints] = {}

    def number_of(past: Past) -> int:
        number = past_number.setdefault(past, len(pasts))
        if number == len(pasts):
            pasts.append(past)
        return number

    def state_for(thread: Thread, past: int) -> int:
        key = thread, -1 if thread == anything else past
        state = state_of.get(key)
        if state is None:
            state = state_of[key] = builder.add_state()
            queue.append(key)
        return state

    origin = builder.add_state()
    # what may go on in any way needs no past
    absorbing = builder.add_state()
    state_of[anything, -1] = absorbing
    add_code_points(builder, absorbing, ALL_CODE_POINTS, absorbing)
    first = number_of(runner.first_past())
    for thread in runner.members[runner.closure([(start, _FREE)], pasts[first])]:
        builder.add_epsilon(origin, state_for(thread, first))
    accepting = [absorbing]
    for (state, obligations), past in queue:
        source = state_of[(state, obligations), past]
        if state in (end, universal) and runner.holds_at_end(obligations):
            accepting.append(source)
        symbols_to: dict[int, int] = {}
        readable = 0
        for mask, _ in runner.edges[state]:
            readable |= mask
        for symbol in range(readable.bit_length()):
            if not readable >> symbol & 1:
                continue
            after = next_past.get((past, symbol))
            if after is None:
                after = number_of(runner.next_past(pasts[past], symbol))
                next_past[past, symbol] = after
            here = runner.number_of(frozenset([(state, obligations)]))
            for thread in runner.members[runner.move(here, symbol, pasts[after])]:
                target = state_for(thread, after)
                symbols_to[target] = symbols_to.get(target, 0) | 1 << symbol
        for target, symbols in symbols_to.items():
            points = points_of.get(symbols)
            if points is None:
                points = points_of[symbols] = normalise(
                    [
                        span
                        for symbol, spans in enumerate(runner.symbols)
                        if symbols >> symbol & 1
                        for span in spans
                    ]
                )
            add_code_points(builder, source, points, target)
    return builder.determinise(origin, accepting, max_states=max_states, absorbing=absorbing)
