"""The automaton of a grammar whose recursion is bounded, and how deep it can be."""

from __future__ import annotations

from dataclasses import dataclass

from ...automata import ByteAutomaton
from ...errors import LimitError
from ..reading import GrammarReading, assemble
from ..tables import INDENTER
from .finite import PENDING_LIMIT, Explored, FiniteMachine
from .flattening import byte_automaton
from .procedures import Procedures, WorkExceededError
from .recursion import entering_terminals, literal, recursive_states

_LISTED = 8


@dataclass(frozen=True)
class NestingLimits:
    """Bounds on what is done to find an automaton.

    parser_states: LR states. work: moves of procedures. states: configurations. steps:
    configurations times classes of characters. byte_states: states of the result.
    """

    parser_states: int
    work: int
    states: int
    steps: int
    byte_states: int


ASKED = NestingLimits(
    parser_states=10_000, work=3_000_000, states=200_000, steps=20_000_000, byte_states=200_000
)
"""Where the depth was asked for: up to a minute."""

AUTOMATIC = NestingLimits(
    parser_states=400, work=100_000, states=20_000, steps=1_000_000, byte_states=4_000
)
"""Where the engine is chosen: up to a second or two. Of the grammars that were tried none of more
than 300 LR states came below these bounds."""

DEEPEST, SHALLOWEST = 8, 3
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
    if reading.filter.kind == INDENTER:
        raise LimitError(
            "lines can be indented by any number of columns, so that an indenter makes no "
            "automaton of any max_depth; leave max_depth out for the pushdown engine"
        )
    found = _Explorer(reading, limits).nested(max_depth)
    if found is None:
        raise LimitError(
            f"the texts of this grammar that nest up to max_depth={max_depth} need more than "
            f"{limits.states:,} states, or more work than is allowed to find them; lower "
            "max_depth, or leave it out for the pushdown engine"
        )
    return found


def deepest_within(
    reading: GrammarReading, limits: NestingLimits = AUTOMATIC, *, shallowest: int = SHALLOWEST
) -> Nested | None:
    """The texts of a grammar that needs no bound, or those of the greatest depth up to `DEEPEST`
    that is within the limits; None where that is less than `shallowest`.

    Raises GrammarError as `assemble`.
    """
    if reading.filter.kind == INDENTER or len(reading.parser.shift) > limits.parser_states:
        return None
    explorer = _Explorer(reading, limits)
    best = explorer.nested(shallowest)
    if best is None or best.automaton.num_states > limits.byte_states:
        return None
    for depth in range(explorer.likely_depth(best), shallowest, -1):
        found = explorer.nested(depth)
        if found is not None and found.automaton.num_states <= limits.byte_states:
            return found
    return best


class _Explorer:
    """One grammar with its lexers and procedures."""

    def __init__(self, reading: GrammarReading, limits: NestingLimits) -> None:
        self.reading = reading
        self.limits = limits
        self.recursive = recursive_states(reading)
        self.procedures = Procedures(reading, self.recursive, limits.work)
        self.tables = assemble([reading])

    def likely_depth(self, shallow: Nested) -> int:
        """The greatest depth up to `DEEPEST` whose automaton should be within the limits: that
        grows as the procedures of whole texts do, which are found quickly."""
        if shallow.depth is None:
            return 0
        depth, size = shallow.depth, shallow.automaton.num_states
        moves = len(self.procedures.root(depth).moves)
        while depth < DEEPEST:
            try:
                deeper = len(self.procedures.root(depth + 1).moves)
            except WorkExceededError:
                break
            if size * deeper > moves * self.limits.byte_states:
                break
            depth += 1
        return depth

    def nested(self, depth: int) -> Nested | None:
        """The texts of a depth; None where there are too many configurations."""
        try:
            root = self.procedures.root(depth)
        except WorkExceededError:
            return None
        machine = FiniteMachine(self.tables, self.reading, root)
        explored = machine.explored(self.limits.states, self.limits.steps)
        if explored is None:
            return None
        automaton = byte_automaton(
            explored.transitions, explored.accepting, self.tables.lexer.point_class
        )
        bounds = self._bounds(depth, root.cut, explored)
        return Nested(automaton, bounds, depth if root.cut else None, len(explored.accepting))

    def _bounds(self, depth: int, cut: bool, explored: Explored) -> tuple[str, ...]:
        bounds = list(self.reading.bounds)
        if cut:
            bounds.insert(0, f"nesting: at most {depth} of {self._recursion()} open at a time")
        if explored.shortened:
            bounds.append(
                f"lexing: a match is given up where more than {PENDING_LIMIT} characters after it "
                "belong to a longer one that may fail"
            )
        return tuple(bounds)

    def _recursion(self) -> str:
        """In words, what is counted."""
        terminals, rules = entering_terminals(self.reading, self.recursive)
        names = []
        for terminal in terminals[:_LISTED]:
            text = literal(self.reading.patterns[terminal])
            names.append(self.reading.titles[terminal] if text is None else repr(text))
        if len(terminals) > _LISTED:
            names.append("…")
        if rules:
            names.append("rules that recur at their right end")
        return ", ".join(names)
