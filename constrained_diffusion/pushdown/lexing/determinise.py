"""Lists of threads as states: the eager subset construction, with order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import LimitError
from ..tables import Int32Array
from .limits import LexerLimits
from .threads import FREE, Matched, Mover, Numbering, Thread, normal_form

DEAD = 0
NONE = -1


class Determiniser:
    """Gathers the states that the lexers reach. State 0 is dead.

    Attributes:
        threads: of each state, in order, as numbers.
        match, match_back, end_match, end_back, keep: of each state, as in `LexerTables`.
        is_start: of each state.
        edges: of each state, the states after the classes that it can read.
    """

    def __init__(
        self,
        mover: Mover,
        num_classes: int,
        patterns: Mapping[int, str],
        refused: int | None,
        limits: LexerLimits,
    ) -> None:
        """
        Args:
            patterns: of each terminal, for messages.
            refused: the terminal that stands for matches which are undecided for too long.
        """
        self._mover = mover
        self._patterns = patterns
        self._refused = refused
        self._num_classes = num_classes
        self._limits = limits
        self._thread_number = Numbering()
        self._thread_list: list[Thread] = []
        self._moves: dict[int, list[tuple[int, int]]] = {}
        self._group_number = Numbering()
        self._groups: list[tuple[int, ...]] = []
        self._after_groups: dict[tuple[int, ...], int] = {(): DEAD}
        self._state_number: dict[tuple[tuple[int, ...], int, int], int] = {}
        self._start_number: dict[tuple[int, ...], int] = {}
        self.threads: list[tuple[int, ...]] = []
        self.match: list[int] = []
        self.match_back: list[int] = []
        self.end_match: list[int] = []
        self.end_back: list[int] = []
        self.keep: list[int] = []
        self.is_start: list[bool] = []
        self.edges: list[dict[int, int]] = []
        self._add((), NONE, 0, False)

    def start(self, threads: Sequence[Thread]) -> int:
        """The start state with these threads, none of which has matched."""
        kept, _ = normal_form(threads)
        numbers = tuple(map(self._number_of, kept))
        if numbers not in self._start_number:
            self._start_number[numbers] = self._add(numbers, NONE, 0, True)
        return self._start_number[numbers]

    def run(self) -> None:
        """Follows all edges.

        Raises:
            LimitError: too many states, or threads in a state.
        """
        while len(self.edges) < len(self.threads):
            self.edges.append(self._followed(self.threads[len(self.edges)]))

    def table(self) -> Int32Array:
        """The edges as an array [S, C]."""
        result = np.zeros((len(self.threads), self._num_classes), np.int32)
        for state, edges in enumerate(self.edges):
            if edges:
                result[state, list(edges)] = list(edges.values())
        return result

    def _followed(self, threads: tuple[int, ...]) -> dict[int, int]:
        groups: dict[int, list[int]] = {}
        for thread in threads:
            for character, group in self._moves_of(thread):
                groups.setdefault(character, []).append(group)
        edges = {}
        for character, parts in groups.items():
            key = tuple(parts)
            state = self._after_groups.get(key)
            if state is None:
                state = self._after_groups[key] = self._joined(key)
            if state != DEAD:
                edges[character] = state
        return edges

    def _joined(self, groups: tuple[int, ...]) -> int:
        self._mover.spend(sum(len(self._groups[group]) for group in groups))
        threads, decided = normal_form(
            self._thread_list[thread] for group in groups for thread in self._groups[group]
        )
        for one in threads:
            if isinstance(one, Matched) and one.back > self._limits.back:
                threads, decided = (), self._undecided(one.terminal)
                break
        numbers = tuple(map(self._number_of, threads))
        if decided is None:
            terminal, back = NONE, 0
        else:
            terminal, back = decided.terminal, decided.back
        key = numbers, terminal, back
        if key not in self._state_number:
            self._state_number[key] = self._add(numbers, terminal, back, False)
        return self._state_number[key]

    def _undecided(self, terminal: int) -> Matched:
        if self._refused is None:
            raise LimitError(
                f"terminal pattern /{self._patterns[terminal]}/: more than {self._limits.back} "
                "characters may follow before its lookahead decides whether it matches; use a "
                "shorter lookahead"
            )
        return Matched(self._refused, 0, FREE)

    def _add(self, threads: tuple[int, ...], match: int, back: int, is_start: bool) -> int:
        state = len(self.threads)
        if state > self._limits.states or state * self._num_classes > self._limits.entries:
            raise LimitError(
                f"the lexers need more than {state:,} states over {self._num_classes} classes of "
                "characters; use terminals with smaller repeat counts and shorter lookaheads"
            )
        if len(threads) > self._limits.threads:
            raise LimitError(
                f"more than {self._limits.threads:,} ways to match are open at once; use terminals "
                "with smaller repeat counts"
            )
        pending = [
            thread
            for thread in map(self._thread_list.__getitem__, threads)
            if isinstance(thread, Matched)
        ]
        keep = max((thread.back for thread in pending), default=0)
        at_end = next((one for one in pending if self._mover.hold_at_end(one.obligations)), None)
        self.threads.append(threads)
        self.match.append(match)
        self.match_back.append(back)
        self.end_match.append(NONE if at_end is None else at_end.terminal)
        self.end_back.append(0 if at_end is None else at_end.back)
        self.keep.append(keep)
        self.is_start.append(is_start)
        return state

    def _number_of(self, thread: Thread) -> int:
        number = self._thread_number(thread)
        if number == len(self._thread_list):
            self._thread_list.append(thread)
        return number

    def _moves_of(self, thread: int) -> list[tuple[int, int]]:
        """The groups of threads that a thread becomes, for each class that it can read."""
        if thread not in self._moves:
            moves = []
            for character, threads in self._mover.moves(self._thread_list[thread]):
                if not threads:
                    continue
                members = tuple(map(self._number_of, threads))
                group = self._group_number(members)
                if group == len(self._groups):
                    self._groups.append(members)
                moves.append((character, group))
            self._moves[thread] = moves
        return self._moves[thread]
