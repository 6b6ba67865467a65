"""Threads: places in programs, with what they still have to prove, moved along by characters.

The threads of a lexer stand in the order in which Python's `re` would try their paths; of two that
go on alike, the first is kept, and none stands behind a decided match (Pike's virtual machine with
priorities: Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). A lookahead
that a thread has passed is an *obligation*: the set of threads of its own program, which must (or
must not) match yet. A match whose obligations are open is *pending* and counts the characters read
since. A thread whose terminal has keywords carries what is left of them.

Obligations, lists of successors and states of keywords are interned, and every move is memoised.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ...errors import LimitError
from .limits import LexerLimits
from .program import (
    Ahead,
    Behind,
    Found,
    Iterate,
    Leave,
    Program,
    Read,
    Split,
)

Obligations: TypeAlias = frozenset[int]
Place: TypeAlias = tuple[int, Obligations]
"""A `Read` or `Found` in a program, and the obligations on the way to it."""

FREE: Final[Obligations] = frozenset()
HOLDS, FAILS = -1, -2
"""Obligations that are decided."""


@dataclass(frozen=True, slots=True)
class Running:
    """A thread before a character; `keywords` is the state of its terminal's keywords, or 0."""

    place: int
    obligations: Obligations
    keywords: int


@dataclass(frozen=True, slots=True)
class Matched:
    """A match that ended `back` characters ago; decided if nothing remains to be proved."""

    terminal: int
    back: int
    obligations: Obligations


Thread: TypeAlias = Running | Matched


class Numbering:
    """Numbers for equal values, from 0 on in order of appearance."""

    def __init__(self, *values: Hashable) -> None:
        self._number: dict[Hashable, int] = {}
        for value in values:
            self(value)

    def __call__(self, value: Hashable) -> int:
        return self._number.setdefault(value, len(self._number))


class Mover:
    """Moves threads along classes of characters.

    Raises (in every method) LimitError where the work exceeds the limits.
    """

    def __init__(
        self, program: Program, members: Sequence[int], num_classes: int, limits: LexerLimits
    ) -> None:
        """members: the classes of each set of the program, as bit sets."""
        self.start_of_text = num_classes
        self._instructions = program.instructions
        self._members = members
        self._classes = [
            [one for one in range(num_classes) if classes >> one & 1] for classes in members
        ]
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._steps = 0
        self._closures: dict[int | tuple[int, int], tuple[Place, ...]] = {}
        self._tested = False
        self._obligation_number = Numbering()
        self._obligation_list: list[tuple[bool, frozenset[Place]]] = []
        self._obligation_moves: dict[tuple[int, int], int] = {}
        self._keyword_number = Numbering(())
        self._keyword_list: list[tuple[tuple[int, int], ...]] = [()]
        self._keyword_moves: dict[tuple[int, int], int] = {}

    def spend(self, steps: int) -> None:
        """Counts work."""
        self._steps += steps
        if self._steps > self._limits.steps:
            raise LimitError(
                f"the lexers take more than {self._limits.steps:,} steps to build; use terminals "
                "with smaller repeat counts, fewer nested repeats and shorter lookaheads"
            )
        if self._steps & 1023 < steps and time.monotonic() > self._deadline:
            raise LimitError(
                f"the lexers take more than {self._limits.seconds:g} seconds to build; use "
                "terminals with smaller repeat counts, fewer nested repeats and shorter lookaheads"
            )

    def closure(self, start: int, before: int) -> tuple[Place, ...]:
        """Where the paths from a place lead without a character, in order.

        Args:
            before: the class of the character before, or `start_of_text`.
        """
        known = self._closures.get(start)
        if known is None:
            known = self._closures.get((start, before))
        if known is None:
            outer, self._tested = self._tested, False
            known = self._explored(start, before)
            self._closures[(start, before) if self._tested else start] = known
            self._tested |= outer
        elif start not in self._closures:
            self._tested = True
        return known

    def is_contextual(self, start: int) -> bool:
        """Whether a closure from here, formed before, depends on the character before."""
        return start not in self._closures

    def _explored(self, start: int, before: int) -> tuple[Place, ...]:
        found: dict[Place, None] = {}
        nothing: frozenset[int] = frozenset()
        waiting = [(start, FREE, nothing)]
        # The loops in which the path stands without having read anything since it entered them
        # are part of what distinguishes it here, but not once it has read a character.
        seen = set()
        while waiting:
            item = waiting.pop()
            if item in seen:
                continue
            seen.add(item)
            self.spend(1)
            place, obligations, entered = item
            match self._instructions[place]:
                case Read() | Found():
                    found[place, obligations] = None
                case Split(targets):
                    waiting += [(one, obligations, entered) for one in reversed(targets)]
                case Iterate(loop, body, following, lazy):
                    after = (following, obligations, entered - {loop})
                    if loop in entered:
                        waiting.append(after)
                        continue
                    again = (body, obligations, entered | {loop})
                    waiting += (again, after) if lazy else (after, again)
                case Leave(loop, following):
                    waiting.append((following, obligations, entered - {loop}))
                case Behind(points, negative, following):
                    self._tested = True
                    known = before != self.start_of_text and self._members[points] >> before & 1
                    if bool(known) != negative:
                        waiting.append((following, obligations, entered))
                case Ahead(body, negative, following):
                    obligation = self._obligation(negative, self.closure(body, before))
                    if obligation == HOLDS:
                        waiting.append((following, obligations, entered))
                    elif obligation != FAILS:
                        waiting.append((following, obligations | {obligation}, entered))
        return tuple(found)

    def _obligation(self, negative: bool, places: Iterable[Place]) -> int:
        """The number of an obligation, or how it is decided."""
        kept = frozenset(places)
        if any(
            not obligations and isinstance(self._instructions[place], Found)
            for place, obligations in kept
        ):
            return FAILS if negative else HOLDS
        if not kept:
            return HOLDS if negative else FAILS
        open_ones = {place for place, obligations in kept if not obligations}
        kept = frozenset(
            (place, obligations)
            for place, obligations in kept
            if not obligations or place not in open_ones
        )
        number = self._obligation_number((negative, kept))
        if number == len(self._obligation_list):
            self._obligation_list.append((negative, kept))
        return number

    def _moved_obligation(self, number: int, character: int) -> int:
        key = number, character
        result = self._obligation_moves.get(key)
        if result is None:
            negative, places = self._obligation_list[number]
            moved: list[Place] = []
            for place, obligations in places:
                carried = self._moved(obligations, character)
                if carried is None:
                    continue
                instruction = self._instructions[place]
                if isinstance(instruction, Found):
                    moved.append((place, carried))
                elif isinstance(instruction, Read) and (
                    self._members[instruction.points] >> character & 1
                ):
                    moved += [
                        (after, carried | new)
                        for after, new in self.closure(instruction.following, character)
                    ]
            self.spend(len(places) + len(moved))
            result = self._obligation_moves[key] = self._obligation(negative, moved)
        return result

    def _moved(self, obligations: Obligations, character: int) -> Obligations | None:
        """What is open after a character; None if one fails."""
        if not obligations:
            return obligations
        result = {self._moved_obligation(one, character) for one in obligations}
        if FAILS in result:
            return None
        result.discard(HOLDS)
        return frozenset(result)

    def hold_at_end(self, obligations: Obligations) -> bool:
        """Whether all are met if the text ends here."""
        return all(map(self._holds_at_end, obligations))

    def _holds_at_end(self, number: int) -> bool:
        negative, places = self._obligation_list[number]
        matches = any(
            isinstance(self._instructions[place], Found) and self.hold_at_end(obligations)
            for place, obligations in places
        )
        return matches != negative

    def keywords(self, keywords: Iterable[tuple[int, int]]) -> int:
        """The first state of keywords, given in order as (terminal, start of a program)."""
        return self._keywords(
            (terminal, self._obligation(False, self.closure(start, self.start_of_text)))
            for terminal, start in keywords
        )

    def _keywords(self, pairs: Iterable[tuple[int, int]]) -> int:
        kept = tuple((terminal, one) for terminal, one in pairs if one != FAILS)
        number = self._keyword_number(kept)
        if number == len(self._keyword_list):
            self._keyword_list.append(kept)
        return number

    def _moved_keywords(self, number: int, character: int) -> int:
        key = number, character
        result = self._keyword_moves.get(key)
        if result is None:
            result = self._keyword_moves[key] = self._keywords(
                (terminal, self._moved_obligation(one, character))
                for terminal, one in self._keyword_list[number]
            )
        return result

    def _renamed(self, terminal: int, keywords: int) -> int:
        for keyword, obligation in self._keyword_list[keywords]:
            if self._holds_at_end(obligation):
                return keyword
        return terminal

    def threads(self, places: Iterable[Place], keywords: int) -> list[Thread]:
        """The threads at some places of one terminal."""
        result: list[Thread] = []
        for place, obligations in places:
            instruction = self._instructions[place]
            if isinstance(instruction, Found):
                terminal = self._renamed(instruction.terminal, keywords)
                result.append(Matched(terminal, 0, obligations))
            else:
                result.append(Running(place, obligations, keywords))
        return result

    def moves(self, thread: Thread) -> list[tuple[int, tuple[Thread, ...]]]:
        """The threads that a thread becomes, in order, for each class that it can read."""
        if isinstance(thread, Matched):
            result: list[tuple[int, tuple[Thread, ...]]] = []
            for character in range(self.start_of_text):
                carried = self._moved(thread.obligations, character)
                if carried is not None:
                    after = Matched(thread.terminal, thread.back + 1, carried)
                    result.append((character, (after,)))
            return result
        instruction = self._instructions[thread.place]
        assert isinstance(instruction, Read)
        result = []
        memo: dict[Hashable, tuple[Thread, ...]] = {}
        for character in self._classes[instruction.points]:
            carried = self._moved(thread.obligations, character)
            if carried is None:
                continue
            places = self.closure(instruction.following, character)
            keywords = self._moved_keywords(thread.keywords, character)
            key = places, carried, keywords
            if key not in memo:
                self.spend(len(places))
                memo[key] = tuple(
                    self.threads([(place, carried | new) for place, new in places], keywords)
                )
            result.append((character, memo[key]))
        return result


def normal_form(threads: Iterable[Thread]) -> tuple[tuple[Thread, ...], Matched | None]:
    """The threads of a list that can have a say, and the decided match behind them."""
    kept: list[Thread] = []
    pending: list[Obligations] = []
    seen: dict[tuple[int, int], list[Obligations]] = {}
    for thread in threads:
        obligations = thread.obligations
        if isinstance(thread, Matched):
            if not obligations:
                return tuple(kept), thread
            if any(open_ones <= obligations for open_ones in pending):
                continue
            pending.append(obligations)
        else:
            # Where all that a thread has to prove is proved, a match before it wins.
            if pending and any(open_ones <= obligations for open_ones in pending):
                continue
            earlier = seen.setdefault((thread.place, thread.keywords), [])
            if any(open_ones <= obligations for open_ones in earlier):
                continue
            earlier.append(obligations)
        kept.append(thread)
    return tuple(kept), None
