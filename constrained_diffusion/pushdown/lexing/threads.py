"""Ordered lists of threads: one state of a leftmost-first lexer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .program import Ahead, Behind, Char, Loop, Match, Program, Split

Obligations: TypeAlias = "frozenset[tuple[bool, Waiting]]"
"""What has to hold ahead: (negative, threads of the lookahead's body)."""
Waiting: TypeAlias = "frozenset[tuple[int, Obligations]]"

_FREE: Obligations = frozenset()

Context: TypeAlias = int | None
"""The class of the character before; None at the start of the text."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One way in which a match may go on.

    Attributes:
        place: of a `Char`, or of a `Match` that is undecided.
        obligations: what the lookaheads passed still ask for.
        back: for a `Match`, how many characters ago it was reached.
        name: for a `Match`, the terminal (a keyword, where the text was one).
    """

    place: int
    obligations: Obligations = _FREE
    back: int = 0
    name: int = -1


KeywordThreads: TypeAlias = tuple[tuple[int, int, "frozenset[int]"], ...]
"""(terminal, keyword, places) for the keywords that the text so far may still become."""


@dataclass(frozen=True, slots=True)
class State:
    """A lexer state: threads in order, and the match that is decided when it is entered."""

    threads: tuple[Thread, ...]
    keywords: KeywordThreads
    match: int = -1
    back: int = 0
    is_start: bool = False


class Runner:
    """Moves threads through a program over classes of characters.

    holds[s][c]: whether the characters of class c are in the set s.
    """

    def __init__(self, program: Program, holds: Sequence[Sequence[bool]]) -> None:
        self._code = program.code
        self._holds = holds
        self.looked_behind = False
        self.behind_sets = {
            instruction.points for instruction in program.code if isinstance(instruction, Behind)
        }

    def start(
        self,
        places: Sequence[int],
        keywords: Sequence[tuple[int, int, int]],
        context: Context,
    ) -> State:
        """The state before a terminal: patterns in order, keywords (terminal, keyword, place)."""
        threads: list[Thread] = []
        seen: set[tuple[int, Obligations]] = set()
        for place in places:
            threads.extend(self._closure(place, _FREE, context, seen))
        begun = tuple(
            (terminal, keyword, frozenset(t.place for t in self._closure(place, _FREE, context)))
            for terminal, keyword, place in keywords
        )
        state = self._ordered(threads, begun)
        return State(state.threads, state.keywords, state.match, state.back, True)

    def step(self, state: State, character: int) -> State:
        """The state after a character of a class."""
        keywords = []
        for terminal, keyword, places in state.keywords:
            reached = self._reached(places, character)
            if reached:
                keywords.append((terminal, keyword, reached))
        threads: list[Thread] = []
        seen: set[tuple[int, Obligations]] = set()
        for thread in state.threads:
            instruction = self._code[thread.place]
            if isinstance(instruction, Char) and not self._holds[instruction.points][character]:
                continue
            left = self._advance(thread.obligations, character)
            if left is None:
                continue
            if isinstance(instruction, Char):
                threads.extend(self._closure(instruction.then, left, character, seen))
            else:
                threads.append(Thread(thread.place, left, thread.back + 1, thread.name))
        return self._ordered(threads, tuple(keywords))

    def at_end(self, state: State) -> tuple[int, int]:
        """The terminal and how many characters ago it ended, if the text ends here; -1 where the
        threads give none."""
        for thread in state.threads:
            if isinstance(self._code[thread.place], Match) and self._met(thread.obligations):
                return thread.name, thread.back
        return -1, 0

    def sets_in(self, state: State) -> set[int]:
        """The sets of characters that tell apart what a state does."""
        sets: set[int] = set()
        places = [thread.place for thread in state.threads]
        places += [place for _, _, some in state.keywords for place in some]
        waiting = [thread.obligations for thread in state.threads if thread.obligations]
        while waiting:
            for _, threads in waiting.pop():
                for place, obligations in threads:
                    places.append(place)
                    if obligations:
                        waiting.append(obligations)
        for place in places:
            instruction = self._code[place]
            if isinstance(instruction, Char):
                sets.add(instruction.points)
        return sets

    def _ordered(self, threads: list[Thread], keywords: KeywordThreads) -> State:
        """Names new matches, drops repeated threads and what follows the first decided match."""
        kept: list[Thread] = []
        seen: set[tuple[int, Obligations, int]] = set()
        match, back = -1, 0
        for thread in threads:
            instruction = self._code[thread.place]
            if isinstance(instruction, Match):
                if thread.name < 0:
                    name = self._name(instruction.number, keywords)
                    thread = Thread(thread.place, thread.obligations, thread.back, name)
                if not thread.obligations:
                    match, back = thread.name, thread.back
                    break
            key = (thread.place, thread.obligations, thread.back)
            if key not in seen:
                seen.add(key)
                kept.append(thread)
        alive = keywords if kept else ()
        return State(tuple(kept), alive, match, back)

    def _name(self, terminal: int, keywords: KeywordThreads) -> int:
        for owner, keyword, places in keywords:
            if owner == terminal and any(isinstance(self._code[p], Match) for p in places):
                return keyword
        return terminal

    def _reached(self, places: frozenset[int], character: int) -> frozenset[int]:
        reached = set()
        for place in places:
            instruction = self._code[place]
            if isinstance(instruction, Char) and self._holds[instruction.points][character]:
                reached |= {t.place for t in self._closure(instruction.then, _FREE, character)}
        return frozenset(reached)

    def _closure(
        self,
        place: int,
        obligations: Obligations,
        context: Context,
        seen: set[tuple[int, Obligations]] | None = None,
    ) -> Iterator[Thread]:
        """What a place leads to without reading, in order, but for what was seen before."""
        seen = set() if seen is None else seen
        stack = [(place, obligations)]
        while stack:
            key = stack.pop()
            place, obligations = key
            instruction = self._code[place]
            if key in seen:
                if isinstance(instruction, Loop):
                    # A round that has read nothing.
                    leave = (instruction.leave, obligations)
                    if leave not in seen:
                        stack.append(leave)
                continue
            seen.add(key)
            if isinstance(instruction, Split):
                stack.extend((way, obligations) for way in reversed(instruction.ways))
            elif isinstance(instruction, Loop):
                ways = (instruction.body, instruction.leave)
                stack.extend((way, obligations) for way in (ways[::-1] if instruction.greedy else ways))
            elif isinstance(instruction, Behind):
                self.looked_behind = True
                inside = context is not None and self._holds[instruction.points][context]
                if inside != instruction.negative:
                    stack.append((instruction.then, obligations))
            elif isinstance(instruction, Ahead):
                body = frozenset(
                    (thread.place, thread.obligations)
                    for thread in self._closure(instruction.body, _FREE, context)
                )
                left = self._decided([(instruction.negative, body)])
                if left is not None:
                    stack.append((instruction.then, obligations | left))
            else:
                yield Thread(place, obligations)

    def _advance(self, obligations: Obligations, character: int) -> Obligations | None:
        """What is still owed after a character; None where something has failed."""
        if not obligations:
            return obligations
        moved: list[tuple[bool, Waiting]] = []
        for negative, threads in obligations:
            reached: set[tuple[int, Obligations]] = set()
            for place, own in threads:
                instruction = self._code[place]
                reads = isinstance(instruction, Char)
                if isinstance(instruction, Char) and not self._holds[instruction.points][character]:
                    continue
                left = self._advance(own, character)
                if left is None:
                    continue
                if reads and isinstance(instruction, Char):
                    reached |= {
                        (thread.place, thread.obligations)
                        for thread in self._closure(instruction.then, left, character)
                    }
                else:
                    reached.add((place, left))
            moved.append((negative, frozenset(reached)))
        return self._decided(moved)

    def _decided(self, obligations: Sequence[tuple[bool, Waiting]]) -> Obligations | None:
        """The obligations that are still open; None where one has failed."""
        left = set()
        for negative, threads in obligations:
            met = any(
                isinstance(self._code[place], Match) and not own for place, own in threads
            )
            if met or not threads:
                if met == negative:
                    return None
            else:
                left.add((negative, threads))
        return frozenset(left)

    def _met(self, obligations: Obligations) -> bool:
        """Whether all obligations hold if the text ends here."""
        for negative, threads in obligations:
            met = any(
                isinstance(self._code[place], Match) and self._met(own) for place, own in threads
            )
            if met == negative:
                return False
        return True
