"""Bounded nesting of an LR parser as a finite automaton over terminals, built bottom up.

What a parser does from pushing a state until a reduction takes it off the stack again depends on
that state alone, not on what is below. So each state is a *procedure*: an automaton over terminals
that ends in *exits*, which say how many more states to take off, and which nonterminal then to go
on with, before the same terminal is looked at once more. The procedure of a state is made of those
of its successors, which are minimal already: the many stacks that mean the same never appear.
(Compare the components of recursive state machines: R. Alur et al., "Analysis of recursive state
machines", ACM TOPLAS 27(4), 2005.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..reading import GrammarReading
from ..tables import BoolArray

Exit: TypeAlias = tuple[int, int]
"""How many more states leave the stack, and the nonterminal to go on with."""

ACCEPT: Exit = (-1, -1)
"""The text is accepted here; on the end terminal only."""

Move: TypeAlias = tuple[int, frozenset[Exit]]
"""On a terminal: the next state or -1, and exits."""

_NO_EXITS: frozenset[Exit] = frozenset()


@dataclass(frozen=True, eq=False)
class Procedure:
    """A minimal automaton over terminals; state 0 is the first.

    moves: for each state, the moves by terminal.
    lexers: for each state, those that read the next terminal.
    cut: whether nesting deeper than the bound was left out.
    """

    moves: tuple[dict[int, Move], ...]
    lexers: tuple[frozenset[int], ...]
    cut: bool


class WorkExceededError(Exception):
    """The procedures take more steps than allowed."""


class Procedures:
    """The procedures of all states of a grammar, to all depths that were asked for."""

    def __init__(self, reading: GrammarReading, recursive: BoolArray, max_work: int) -> None:
        """recursive: bool [Q], the states that count for the depth. max_work: moves at most."""
        parser = reading.parser
        self._end, self._end_state, self._start = reading.end, parser.end_state, parser.start
        self._goto = parser.goto
        self._recursive = [int(counts) for counts in recursive]
        self._lexers = [frozenset(row) for row in reading.state_lexers]
        num_states, num_terminals = parser.shift.shape
        self._shifts: list[dict[int, int]] = [
            {int(t): int(row[t]) for t in np.flatnonzero(row >= 0)} for row in parser.shift
        ]
        self._reductions: list[dict[int, list[Exit]]] = [{} for _ in range(num_states)]
        offsets = parser.reduce_offsets
        for row in np.flatnonzero(np.diff(offsets)).tolist():
            rules = [parser.rules[r] for r in parser.reduce_rules[offsets[row] : offsets[row + 1]]]
            state, terminal = divmod(row, num_terminals)
            self._reductions[state][terminal] = [(len(rule.body), rule.head) for rule in rules]
        self._successors = [
            sorted({*shifts.values(), *(int(q) for q in row if q >= 0)})
            for shifts, row in zip(self._shifts, parser.goto, strict=True)
        ]
        self._known: dict[tuple[int, int], Procedure] = {}
        self._unbounded: dict[int, Procedure] = {}
        self._work = max_work

    def root(self, depth: int) -> Procedure:
        """The procedure of whole texts. Raises WorkExceededError."""
        waiting = [(self._start, depth)]
        while waiting:
            state, left = waiting[-1]
            needed = [(after, self._left_in(after, left)) for after in self._successors[state]]
            missing = [key for key in needed if key[1] >= 0 and self._procedure(*key) is None]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            if self._procedure(state, left) is None:
                procedure = _Construction(self, state, left).built()
                self._known[state, left] = procedure
                if not procedure.cut:
                    self._unbounded[state] = procedure
        root = self._procedure(self._start, depth)
        assert root is not None
        return root

    def called(self, state: int, left: int) -> Procedure | None:
        """The procedure of a state that is pushed; None where it would nest too deeply."""
        return self._procedure(state, self._left_in(state, left))

    def _left_in(self, state: int, left: int) -> int:
        return left - self._recursive[state]

    def _procedure(self, state: int, left: int) -> Procedure | None:
        return self._unbounded.get(state) or self._known.get((state, left))

    def work(self) -> None:
        """Counts a move. Raises WorkExceededError beyond the bound."""
        self._work -= 1
        if self._work < 0:
            raise WorkExceededError


class _Construction:
    """Puts the procedure of one state together out of those of its successors.

    An item is a reading of where the parser is: (-1, 0) where the state itself is on top, else
    (q, s) in state s of the procedure of its successor q.
    """

    def __init__(self, whole: Procedures, state: int, left: int) -> None:
        self._whole, self._state, self._left = whole, state, left
        self._cut = False
        self._called: dict[int, Procedure] = {}
        self._number: dict[frozenset[tuple[int, int]], int] = {}
        self._sets: list[frozenset[tuple[int, int]]] = []

    def built(self) -> Procedure:
        self._numbered(frozenset([(-1, 0)]))
        moves: list[dict[int, Move]] = []
        lexers: list[frozenset[int]] = []
        for items in self._sets:
            moves.append(self._moves_of(items))
            lexers.append(frozenset().union(*map(self._lexers_of, items)))
        return _minimal(moves, lexers, self._cut)

    def _numbered(self, items: frozenset[tuple[int, int]]) -> int:
        number = self._number.setdefault(items, len(self._sets))
        if number == len(self._sets):
            self._sets.append(items)
        return number

    def _moves_of(self, items: frozenset[tuple[int, int]]) -> dict[int, Move]:
        moves = {}
        for terminal in sorted({t for item in items for t in self._terminals(item)}):
            self._whole.work()
            self._after: set[tuple[int, int]] = set()
            self._exits: set[Exit] = set()
            self._entered: set[int] = set()
            for item in items:
                self._move(item, terminal)
            if self._after or self._exits:
                target = self._numbered(frozenset(self._after)) if self._after else -1
                moves[terminal] = (target, frozenset(self._exits) or _NO_EXITS)
        return moves

    def _terminals(self, item: tuple[int, int]) -> Iterable[int]:
        called, inner = item
        if called >= 0:
            return self._procedure(called).moves[inner]
        whole, state = self._whole, self._state
        end = [whole._end] if state == whole._end_state else []
        return [*whole._shifts[state], *whole._reductions[state], *end]

    def _lexers_of(self, item: tuple[int, int]) -> frozenset[int]:
        called, inner = item
        if called >= 0:
            return self._procedure(called).lexers[inner]
        return self._whole._lexers[self._state]

    def _procedure(self, called: int) -> Procedure:
        procedure = self._called.get(called)
        if procedure is None:
            procedure = self._whole.called(called, self._left)
            assert procedure is not None
            self._called[called] = procedure
            self._cut = self._cut or procedure.cut
        return procedure

    def _move(self, item: tuple[int, int], terminal: int) -> None:
        called, inner = item
        if called < 0:
            self._move_on_top(terminal)
            return
        move = self._procedure(called).moves[inner].get(terminal)
        if move is None:
            return
        target, exits = move
        if target >= 0:
            self._after.add((called, target))
        for left, head in exits:
            if (left, head) == ACCEPT:
                self._exits.add(ACCEPT)
            else:
                self._leave(left, head, terminal)

    def _move_on_top(self, terminal: int) -> None:
        whole, state = self._whole, self._state
        if terminal == whole._end and state == whole._end_state:
            self._exits.add(ACCEPT)
        target = whole._shifts[state].get(terminal)
        if target is not None:
            if whole.called(target, self._left) is None:
                self._cut = True
            else:
                self._after.add((target, 0))
        for length, head in whole._reductions[state].get(terminal, ()):
            self._leave(length, head, terminal)

    def _leave(self, length: int, head: int, terminal: int) -> None:
        """After a reduction that takes `length` states off the stack, from this one on down."""
        if length > 0:
            self._exits.add((length - 1, head))
            return
        target = int(self._whole._goto[self._state, head])
        if target < 0 or target in self._entered:
            return
        self._entered.add(target)
        procedure = self._whole.called(target, self._left)
        if procedure is None:
            self._cut = True
            return
        self._move((target, 0), terminal)


def _minimal(moves: list[dict[int, Move]], lexers: list[frozenset[int]], cut: bool) -> Procedure:
    """Equal states merged (by refinement, after E. F. Moore), numbered from the first on."""
    block = _numbers(
        (label, tuple((t, target < 0, exits) for t, (target, exits) in row.items()))
        for label, row in zip(lexers, moves, strict=True)
    )
    targets = [tuple(target for target, _ in row.values() if target >= 0) for row in moves]
    count = 0
    while count < max(block) + 1:
        count = max(block) + 1
        block = _numbers(
            (block[state], tuple([block[target] for target in after]))
            for state, after in enumerate(targets)
        )
    first = {number: state for state, number in reversed(list(enumerate(block)))}
    return Procedure(
        tuple(
            {
                t: (-1 if target < 0 else block[target], exits)
                for t, (target, exits) in moves[first[number]].items()
            }
            for number in range(count)
        ),
        tuple(lexers[first[number]] for number in range(count)),
        cut,
    )


def _numbers(values: Iterable[object]) -> list[int]:
    """Equal values as equal numbers, from 0 on in order of appearance."""
    known: dict[object, int] = {}
    return [known.setdefault(value, len(known)) for value in values]
