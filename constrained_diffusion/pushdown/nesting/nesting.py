"""The automaton of a grammar whose recursion is bounded, and how deep it can be."""

from __future__ import annotations

from dataclasses import dataclass

from ...automata import ByteAutomaton
from ...errors import LimitError
from ..machine import PENDING_LIMIT, Machine
from ..reading import GrammarReading, assemble
from ..tables import BoolArray, Int32Array
from .exploration import COMPLETE, explore
from .flattening import byte_automaton
from .recursion import entering_terminals, literal, recursive_states

_LISTED = 8


@dataclass(frozen=True)
class NestingLimits:
    """Bounds on the exploration of one depth.

    states: configurations. steps: configurations times classes of characters.
    """

    states: int
    steps: int


ASKED = NestingLimits(states=200_000, steps=20_000_000)
"""Where the depth was asked for."""

AUTOMATIC = NestingLimits(states=12_000, steps=800_000)
"""Where the engine is chosen: about a second."""

DEEPEST, SHALLOWEST = 4, 3
"""Depths that are tried where the engine is chosen, and the least that is taken."""


@dataclass(frozen=True, eq=False)
class Nested:
    """The texts of a grammar up to some depth.

    depth: None where no depth bounds it.
    states: configurations that were explored.
    """

    automaton: ByteAutomaton
    bounds: tuple[str, ...]
    depth: int | None
    states: int


def nested(reading: GrammarReading, max_depth: int, limits: NestingLimits = ASKED) -> Nested:
    """The texts that nest at most `max_depth` deep.

    Raises LimitError where that takes too many states, GrammarError as `assemble`.
    """
    explorer = _Explorer(reading)
    explored = explorer.explored(max_depth, limits)
    if explored is None:
        raise LimitError(
            f"the texts of this grammar that nest up to max_depth={max_depth} need more than "
            f"{limits.states:,} states, or {limits.steps:,} steps to find them; lower max_depth, "
            "or leave it out for the pushdown engine"
        )
    return explorer.flattened(explored)


def deepest_within(
    reading: GrammarReading, limits: NestingLimits = AUTOMATIC, *, shallowest: int = SHALLOWEST
) -> Nested | None:
    """The texts of a grammar that needs no bound, or those of the greatest depth up to `DEEPEST`
    that is within the limits; None where that is less than `shallowest`.

    Raises GrammarError as `assemble`.
    """
    explorer = _Explorer(reading)
    best = None
    sizes: list[int] = []
    for depth in range(1, DEEPEST + 1):
        if len(sizes) > 1 and sizes[-1] * sizes[-1] > sizes[-2] * limits.states:
            # Growing on like this, the next one is too large.
            break
        explored = explorer.explored(depth, limits)
        if explored is None:
            break
        best = explored
        if not explored.bounded:
            break
        sizes.append(len(explored.accepting))
    if best is None or (best.bounded and best.depth < shallowest):
        return None
    return explorer.flattened(best)


@dataclass(frozen=True, eq=False)
class _Explored:
    transitions: Int32Array
    accepting: BoolArray
    bounded: bool
    shortened: bool
    depth: int


class _Explorer:
    """One grammar with its machine."""

    def __init__(self, reading: GrammarReading) -> None:
        self.reading = reading
        self.machine = Machine(assemble([reading]), [])
        self.recursive = recursive_states(reading)

    def explored(self, depth: int, limits: NestingLimits) -> _Explored | None:
        """The automaton of a depth over classes of characters; None where it is too large."""
        machine = self.machine
        machine.reset()
        *found, outcome = explore(
            machine.kernel_tables,
            machine.kernel_memory,
            machine.start,
            self.recursive,
            depth,
            limits.states,
            limits.steps,
        )
        return _Explored(*found, depth) if outcome == COMPLETE else None

    def flattened(self, explored: _Explored) -> Nested:
        bounds = list(self.reading.bounds)
        if explored.bounded:
            bounds.insert(0, f"nesting: at most {explored.depth} {self._recursion()}")
        if explored.shortened:
            bounds.append(
                f"lexing: a terminal is matched at most {PENDING_LIMIT} characters before it is "
                "known that nothing longer matches"
            )
        return Nested(
            byte_automaton(
                explored.transitions,
                explored.accepting,
                self.machine.tables.lexer.point_class,
            ),
            tuple(bounds),
            explored.depth if explored.bounded else None,
            len(explored.accepting),
        )

    def _recursion(self) -> str:
        """In words, what is counted."""
        terminals, rules = entering_terminals(self.reading, self.recursive)
        names = [_shown(self.reading, terminal) for terminal in terminals]
        if len(names) > _LISTED:
            names = [*names[:_LISTED], "…"]
        if rules:
            names.append("rules that recur at their right end" if names else "right recursion")
        return f"of {', '.join(names)} open at a time"


def _shown(reading: GrammarReading, terminal: int) -> str:
    """A terminal by its text where it has only one, else by its title."""
    text = literal(reading.patterns[terminal])
    return reading.titles[terminal] if text is None else repr(text)
