"""Lexers as tables: the states that ordered threads can be in, found eagerly."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import GrammarError, LimitError
from ..tables import BoolArray, Int32Array, LexerTables, UInt64Array
from .classes import partition
from .program import Program
from .specification import LexerSpecification
from .threads import Context, Runner, State

_BLANK, _TAB, _LINE_FEED = 0x20, 0x09, 0x0A


@dataclass(frozen=True)
class LexerLimits:
    """Bounds on building lexers: states, and seconds."""

    states: int = 100_000
    seconds: float = 30.0


def build_lexers(
    lexers: Sequence[LexerSpecification],
    *,
    num_terminals: int,
    tab_length: int = 8,
    newline_terminals: Collection[int] = (),
    limits: LexerLimits = LexerLimits(),
) -> LexerTables:
    """The tables of leftmost-first lexers, in which states are shared.

    newline_terminals: those whose indentation an indenter looks at; tab_length: what a tab adds.

    Raises GrammarError for patterns that are not regular, look back over more than one character,
    or (newline terminals) ahead; LimitError.
    """
    program = Program()
    places = []
    for lexer in lexers:
        places.append(
            (
                [program.add(terminal.number, terminal.pattern) for terminal in lexer.terminals],
                [
                    (word.terminal, word.keyword, program.add(word.keyword, word.pattern))
                    for word in lexer.keywords
                ],
            )
        )
    alone = (_BLANK, _TAB, _LINE_FEED) if newline_terminals else ()
    point_class, holds = partition(program.points, alone)
    builder = _Builder(Runner(program, holds.tolist()), holds, limits)
    num_classes = holds.shape[1] if len(program.points) else int(point_class.max()) + 1
    start = np.zeros((len(lexers), num_classes + 1), np.int32)
    for x, (patterns, keywords) in enumerate(places):
        start[x] = builder.start_row(patterns, keywords, num_classes)
    builder.explore(num_classes)
    column = np.zeros(num_classes, np.int32)
    if newline_terminals:
        column[point_class[[_BLANK, _TAB, _LINE_FEED]]] = (1, tab_length, -1)
    tables = builder.tables(num_terminals)
    for terminal in newline_terminals:
        looks = ((tables["match"] == terminal) & (tables["match_back"] > 0)) | (
            (tables["end_match"] == terminal) & (tables["end_back"] > 0)
        )
        if looks.any():
            raise GrammarError(
                "a newline terminal whose indentation counts may not look ahead; let the terminal "
                "end where its match ends"
            )
    return LexerTables(point_class=point_class, column=column, start=start, **tables)


class _Builder:
    """Numbers states as they are met. State 0 is dead."""

    def __init__(self, runner: Runner, holds: BoolArray, limits: LexerLimits) -> None:
        self._runner = runner
        self._holds = holds
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._numbers: dict[State, int] = {}
        self._states: list[State] = [State((), ())]
        self._next: list[list[int]] = []
        self._starts: dict[tuple[tuple[int, ...], tuple[tuple[int, int, int], ...]], list[int]] = {}

    def _number(self, state: State) -> int:
        # A start state lives even where nothing can follow: the text may end in it.
        if not state.threads and state.match < 0 and not state.is_start:
            return 0
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            if number >= self._limits.states or time.monotonic() > self._deadline:
                raise LimitError(
                    f"the lexers reach {number:,} states (at most {self._limits.states:,}, in "
                    f"{self._limits.seconds:g} s); simplify the terminals: smaller repeat counts, "
                    "fewer overlaps, shorter lookaheads"
                )
            self._states.append(state)
        return number

    def start_row(
        self, patterns: list[int], keywords: list[tuple[int, int, int]], num_classes: int
    ) -> list[int]:
        """The start states of a lexer by the class of the character before; the last one is that
        of the start of the text."""
        key = (tuple(patterns), tuple(keywords))
        if key not in self._starts:
            self._runner.looked_behind = False
            first = self._number(self._runner.start(patterns, keywords, None))
            row = [first] * (num_classes + 1)
            if self._runner.looked_behind:
                contexts: list[Context] = list(range(num_classes))
                row[:-1] = [
                    self._number(self._runner.start(patterns, keywords, context))
                    for context in contexts
                ]
            self._starts[key] = row
        return self._starts[key]

    def explore(self, num_classes: int) -> None:
        """Follows every state under every class."""
        self._next = [[0] * num_classes]
        behind = self._runner.behind_sets
        number = 1
        while number < len(self._states):
            state = self._states[number]
            if not state.threads:
                self._next.append([0] * num_classes)
                number += 1
                continue
            sets = sorted(self._runner.sets_in(state) | behind)
            kinds, of_class = np.unique(self._holds[sets], axis=1, return_inverse=True)
            first = np.zeros(kinds.shape[1], np.int64)
            first[of_class.ravel()[::-1]] = np.arange(num_classes)[::-1]
            targets = [self._number(self._runner.step(state, int(c))) for c in first]
            self._next.append(np.array(targets)[of_class.ravel()].tolist())
            number += 1

    def tables(self, num_terminals: int) -> dict[str, Int32Array | BoolArray | UInt64Array]:
        """The columns of `LexerTables` that are about states."""
        states = self._states
        ends = [self._runner.at_end(state) for state in states]
        following = np.array(self._next, np.int32)
        match = np.array([state.match for state in states], np.int32)
        end_match = np.array([terminal for terminal, _ in ends], np.int32)
        reachable = _reachable(following, match, end_match, num_terminals)
        following = np.where(reachable.any(axis=1)[following], following, 0).astype(np.int32)
        return {
            "next": following,
            "match": match,
            "match_back": np.array([state.back for state in states], np.int32),
            "end_match": end_match,
            "end_back": np.array([back for _, back in ends], np.int32),
            "keep": np.array(
                [max((t.back for t in s.threads if t.name >= 0), default=0) for s in states],
                np.int32,
            ),
            "is_start": np.array([state.is_start for state in states], np.bool_),
            "reachable": reachable,
        }


def _reachable(
    following: Int32Array, match: Int32Array, end_match: Int32Array, num_terminals: int
) -> UInt64Array:
    """Bit sets over terminals [S, W]: those that a path from each state matches."""
    words = (num_terminals + 63) // 64
    own = np.zeros((len(match), words), np.uint64)
    for terminals in (match, end_match):
        some = np.flatnonzero(terminals >= 0)
        bits = np.uint64(1) << (terminals[some] % 64).astype(np.uint64)
        np.bitwise_or.at(own, (some, terminals[some] // 64), bits)
    sources = np.repeat(np.arange(len(match)), following.shape[1])
    pairs = np.unique(np.stack([sources, following.ravel()], axis=1), axis=0)
    pairs = pairs[pairs[:, 1] > 0]
    offsets = np.searchsorted(pairs[:, 0], np.arange(len(match) + 1))
    has_any = np.flatnonzero(np.diff(offsets))
    while len(has_any):
        reached = np.bitwise_or.reduceat(own[pairs[:, 1]], offsets[has_any], axis=0)
        grown = own[has_any] | reached
        if (grown == own[has_any]).all():
            break
        own[has_any] = grown
    return own
