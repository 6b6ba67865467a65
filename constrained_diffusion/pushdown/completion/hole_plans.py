"""What a hole before a fixed text can consist of, as symbols of the grammar.

All stacks that a parser can reach through a hole from a stack S are: S finished down to some item
(`hole_sources`) and then any path in the LR automaton. So the text after the hole is run from
every LR state as if it lay on top of an unknown stack (`suffix_runs`), and where the run takes off
more, the states that can lie below are revealed one after the other, cheapest symbols first, until
a state is met with which one of the finished stacks ends.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from ...errors import LimitError
from ..reading import UNREACHABLE
from ..tables import Int32Array
from .estimate import Estimate
from .hole_ends import End, HoleEnds
from .hole_sources import Finished, Source, finished_stacks, rest_of, sources
from .state_graph import StateGraph, Symbol
from .suffix_reader import SuffixReader, Want
from .suffix_runs import ACCEPTED

WEIGHT = 2
"""How much more what connects a state with the hole's start counts than what is known to be needed:
a plan may cost so many times the least, and is found much sooner (Pohl 1970)."""

MAX_NODES = 200_000
"""How many revealed states are looked at."""


@dataclass(frozen=True)
class Plan:
    """A way to fill a hole.

    Attributes:
        source: how the hole begins.
        symbols: what follows, whole.
        end: the terminal that the hole ends in, and where.
        lexer: the lexer state at the start of that terminal.
        queue: what the parser gets for that terminal, with what a post-lexer makes of it.
    """

    source: Source
    symbols: tuple[Symbol, ...]
    end: End
    lexer: int
    queue: tuple[int, ...]


class _Top(NamedTuple):
    """What lies on a revealed state: the state `pushed` (-1: nothing), then what is on that; then
    the end of the hole."""

    above: _Top | None
    pushed: int
    end: End
    lexer: int
    position: int


_Entry: TypeAlias = tuple[int, int, int, list[tuple[int, int]], int, bool, Want, _Top]
"""An entry of the queue, one of several ways on, best first: the least cost of a plan this way;
what the top costs; a number, the older the less; the ways (what each adds to the cost, and a state
or finished stack under the top); the place of this way among them; whether they are stacks; what is
wanted of them; the top."""


class HolePlans:
    """The plans for holes before one text of one part.

    text: int32 [n], the classes of its characters. ends: of holes before it.
    """

    def __init__(
        self, estimate: Estimate, graph: StateGraph, text: Int32Array, part: int, ends: HoleEnds
    ) -> None:
        self._estimate = estimate
        self._machine = estimate.machine
        self._graph = graph
        self._part = part
        self._ends = ends
        self._reader = SuffixReader(self._machine, text, part)

    def plans(self, config: int) -> Iterator[Plan]:
        """Plans, cheap ones first; each is one that the parser accepts.

        A* (Hart, Nilsson, Raphael 1968); the estimate is the least cost of connecting a state with
        a finished stack, times `WEIGHT`. Raises LimitError after `MAX_NODES`.
        """
        finished = finished_stacks(self._estimate, sources(self._estimate, config, self._part))
        search = _Search(self._graph, self._reader, finished)
        for top, want, states in self._starts():
            search.add(top.end.cost, states, want, top)
        for stack, top in search.solutions():
            yield self._plan(finished, stack, top)

    def _starts(self) -> Iterator[tuple[_Top, Want, list[int]]]:
        """Each end in each lexer and each position after it, with the LR states that may be on top
        of the stack there."""
        tables, acts = self._machine.tables, self._graph.acts
        parser = tables.parser
        states_of: dict[int, list[int]] = {}
        for state in self._graph.reachable(int(tables.parts.start[self._part])):
            first, last = parser.lexer_offsets[state], parser.lexer_offsets[state + 1]
            for lexer in parser.lexers[first:last].tolist():
                states_of.setdefault(lexer, []).append(state)
        positions: dict[End, list[tuple[int, int]]] = {}
        for lexer, states in states_of.items():
            for start in np.unique(tables.lexer.start[lexer]).tolist():
                if start == 0:
                    continue
                for end in self._ends.from_state(start, started=False):
                    if end not in positions:
                        positions[end] = self._reader.positions(end)
                    for position, terminal in positions[end]:
                        active = [q for q in states if terminal < 0 or acts[q][terminal]]
                        if active:
                            top = _Top(None, -1, end, start, position)
                            yield top, Want(position, -1, 0), active

    def _plan(self, finished: Finished, stack: int, top: _Top) -> Plan:
        source, items = finished.way(stack)
        symbols = rest_of(self._estimate, items)
        link: _Top | None = top
        while link is not None:
            if link.pushed >= 0:
                symbol = self._graph.symbol[link.pushed]
                assert symbol is not None
                symbols.append(symbol)
            link = link.above
        queue = self._estimate.values(int(self._machine.memory.lists_value[top.position]))
        return Plan(source, tuple(symbols), top.end, top.lexer, tuple(queue))


class _Search:
    """The queue of revealed states."""

    def __init__(self, graph: StateGraph, reader: SuffixReader, finished: Finished) -> None:
        self._graph = graph
        self._reader = reader
        self._stacks = finished.by_state
        ends = {state: group[0][0] for state, group in finished.by_state.items()}
        self._connection = graph.connections(ends)
        self._below: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self._targets: dict[tuple[int, int], list[tuple[tuple[int, int], int]]] = {}
        self._queue: list[_Entry] = []
        self._order = 0

    def add(self, cost: int, states: list[int], want: Want, top: _Top) -> None:
        """Adds a top that may lie on any of some states (its costs do not count theirs)."""
        self._push(cost, self._ranked(states), want, top)

    def _ranked(self, states: list[int]) -> list[tuple[int, int]]:
        connection = self._connection
        return sorted(
            (connection[state], state) for state in states if connection[state] < UNREACHABLE
        )

    def _push(
        self,
        cost: int,
        ways: list[tuple[int, int]],
        want: Want,
        top: _Top,
        place: int = 0,
        is_stack: bool = False,
    ) -> None:
        if place < len(ways):
            self._order += 1
            entry = (
                cost + WEIGHT * ways[place][0],
                cost,
                self._order,
                ways,
                place,
                is_stack,
                want,
                top,
            )
            heapq.heappush(self._queue, entry)

    def solutions(self) -> Iterator[tuple[int, _Top]]:
        """Finished stacks and what to put on them, such that the text is accepted."""
        done: set[tuple[int, Want]] = set()
        while self._queue:
            _, cost, _, ways, place, is_stack, want, top = heapq.heappop(self._queue)
            if place + 1 < len(ways):
                self._push(cost, ways, want, top, place + 1, is_stack)
            number = ways[place][1]
            if is_stack:
                if self._reader.accepts(number, want):
                    yield number, top
                continue
            wants = [want]
            while wants:
                want = wants.pop()
                key = (number, want)
                if key in done:
                    continue
                done.add(key)
                if number in self._stacks:
                    self._push(cost, self._stacks[number], want, top, is_stack=True)
                wants += self._go_down(cost, number, want, top)
            if len(done) > MAX_NODES:
                raise LimitError(
                    f"no text for the hole was found among {MAX_NODES} partial ones; the fixed "
                    "text around it is far from the grammar"
                )

    def _go_down(self, cost: int, state: int, want: Want, top: _Top) -> list[Want]:
        """What is wanted next of a state that is revealed under a top; adds what follows where it
        is taken off."""
        position, head, pops = want
        if head < 0:
            following = self._reader.run(state, position)
        elif pops == 0:
            following = self._reader.go_on(state, position, head)
        else:
            own = self._graph.cost[state]
            if own < UNREACHABLE:
                further = Want(position, head, pops - 1)
                ways = self._under(state, further)
                if ways:
                    self._push(cost + own + 1, ways, further, _Top(top, state, *top[2:]))
            return []
        # Acceptance needs the start state, which has nothing below: that is found where it is met
        # with the stacks of the hole's start.
        return [one for one in following if one.head != ACCEPTED]

    def _under(self, state: int, want: Want) -> list[tuple[int, int]]:
        """The states that may lie below one, those that can be connected first."""
        position, head, pops = want
        key = (state, -1, 0) if pops > 0 else (state, head, position)
        known = self._below.get(key)
        if known is None:
            if pops > 0:
                known = self._ranked(self._graph.below[state])
            else:
                known = self._that_go_on(state, head, position)
            self._below[key] = known
        return known

    def _that_go_on(self, state: int, head: int, position: int) -> list[tuple[int, int]]:
        """Those below a state that can read on with `head` at a position."""
        targets = self._targets.get((state, head))
        if targets is None:
            ranked = self._under(state, Want(0, head, 1))
            pairs = [(way, self._reader.target(way[1], head)) for way in ranked]
            targets = self._targets[state, head] = [pair for pair in pairs if pair[1] >= 0]
        going = {
            target
            for target in {target for _, target in targets}
            if self._reader.with_top(target, position)
        }
        return [way for way, target in targets if target in going]
