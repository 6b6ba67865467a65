"""What a hole before a fixed text can consist of, as symbols of the grammar.

All stacks that a parser can reach through a hole from a stack S are: S finished down to some item
(`ParserCosts.items`) and then any path in the LR automaton. So the text after the hole is run from
every LR state as if it lay on top of an unknown stack (`suffix_runs`), and where the run takes off
more, the states that can lie below are revealed one after the other, cheapest symbols first
(Dijkstra 1959), until a state is met with which one of the finished stacks ends.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...errors import LimitError
from ..feeding import feed, transduce
from ..memory import EXTRA, LEX, PART, STACK, cons, push
from ..reading import UNREACHABLE
from ..tables import FED, IGNORED, INDENTER, NEWLINE, TRANSDUCER, Int32Array
from .estimate import Estimate
from .hole_ends import End, HoleEnds
from .lexer_paths import FAR
from .parser_costs import Item
from .state_graph import StateGraph, Symbol
from .suffix_runs import (
    ACCEPTED,
    FIRST_RESULT,
    OVERFLOW,
    new_runs,
    run_from,
)
from .suffix_text import after_terminal

MAX_STACKS = 20_000
"""How many stacks are finished from those at the start of a hole."""

MAX_NODES = 200_000
"""How many revealed states are looked at."""

DEEPEST_DEDENT = 3
"""Levels that one line of the text closes at least, beyond those that it has shown, if it closes
more than one."""


class Source(NamedTuple):
    """How the terminal that a hole begins in goes on.

    Attributes:
        cost: characters.
        stack: the parser's stack after it.
        thread: the thread that it is read in.
        terminal: what it becomes; -1 where the hole begins between terminals.
    """

    cost: int
    stack: int
    thread: int
    terminal: int


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


class _Node(NamedTuple):
    """A revealed state: its own symbol is not counted yet. `head` is reduced when `pops` states
    from here down are taken off; -1: the text is run from the state itself."""

    state: int
    position: int
    head: int
    pops: int


class _Origin(NamedTuple):
    """What has been put on top of a revealed state: the state `pushed` (-1: none), then what
    `above` says; then the end of the hole."""

    above: _Origin | None
    pushed: int
    end: End
    lexer: int
    position: int


class HolePlans:
    """The plans for holes before one text of one part.

    text: int32 [n], the classes of its characters. ends: of holes before it.
    """

    def __init__(
        self, estimate: Estimate, graph: StateGraph, text: Int32Array, part: int, ends: HoleEnds
    ) -> None:
        self._estimate = estimate
        self._machine = estimate.machine
        self._costs = estimate.costs
        self._graph = graph
        self._text = text
        self._part = part
        self._ends = ends
        self._runs = new_runs()
        self._depth = DEEPEST_DEDENT
        self._results: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self._accepted: dict[tuple[int, int, int, int], bool] = {}
        self._found = np.zeros(256, np.int64)

    def plans(self, config: int) -> Iterator[Plan]:
        """Plans, about in the order of their costs; each is one that the parser accepts."""
        sources = self._sources(config)
        finished, came = self._finished(sources)
        by_state: dict[int, list[tuple[int, int]]] = {}
        for stack, cost in finished.items():
            state = int(self._machine.memory.stacks_state[stack])
            by_state.setdefault(state, []).append((cost, stack))
        for group in by_state.values():
            group.sort()
        yield from self._search(by_state, came)

    def _sources(self, config: int) -> list[Source]:
        machine, estimate = self._machine, self._estimate
        result = []
        for thread in machine.threads(config):
            fields = machine.memory.threads[thread].tolist()
            if fields[PART] != self._part:
                continue
            lex, stack = fields[LEX], fields[STACK]
            if machine.tables.lexer.is_start[lex]:
                result.append(Source(0, stack, thread, -1))
                continue
            row = estimate.distances[lex]
            for terminal in np.flatnonzero(row < FAR).tolist():
                for reached in self._fed(stack, fields[EXTRA], terminal):
                    result.append(Source(int(row[terminal]), reached, thread, terminal))
        return result

    def _fed(self, stack: int, extra: int, terminal: int) -> list[int]:
        """The stacks after a terminal, before what an indenter makes of it."""
        machine = self._machine
        tables = machine.tables
        fate = tables.parser.fate[terminal]
        if fate == IGNORED:
            return [stack]
        if fate != FED:
            return []
        kernel_tables, memory = machine.kernel_tables, machine.kernel_memory
        kind = tables.parts.filter[self._part]
        if kind == TRANSDUCER:
            stacks, state = transduce(kernel_tables, memory, stack, extra, terminal)
            return list(self._estimate.values(int(stacks))) if state >= 0 else []
        result = list(self._estimate.values(int(feed(kernel_tables, memory, stack, terminal))))
        if kind == INDENTER and tables.parser.sign[terminal] == NEWLINE:
            result.append(stack)
        return result

    def _finished(
        self, sources: list[Source]
    ) -> tuple[dict[int, int], dict[int, tuple[int, Item] | Source]]:
        """The stacks that items can be finished to, with their costs, and how."""
        memory = self._machine.memory
        goto = self._machine.tables.parser.goto
        cost_of: dict[int, int] = {}
        came: dict[int, tuple[int, Item] | Source] = {}
        queue: list[tuple[int, int, int, tuple[int, Item] | Source]] = []
        for order, source in enumerate(sources):
            queue.append((source.cost, order, source.stack, source))
        order = len(queue)
        heapq.heapify(queue)
        while queue and len(cost_of) < MAX_STACKS:
            cost, _, stack, origin = heapq.heappop(queue)
            if stack in cost_of:
                continue
            cost_of[stack] = cost
            came[stack] = origin
            for item in self._costs.items[int(memory.stacks_state[stack])]:
                below = stack
                for _ in range(item.pop):
                    below = int(memory.stacks_parent[below])
                if below == 0:
                    continue
                target = int(goto[int(memory.stacks_state[below]), item.head])
                if target < 0:
                    continue
                reached = int(push(self._machine.kernel_memory, below, target))
                if reached not in cost_of:
                    order += 1
                    heapq.heappush(queue, (cost + item.cost, order, reached, (stack, item)))
        return cost_of, came

    def _search(
        self,
        by_state: dict[int, list[tuple[int, int]]],
        came: dict[int, tuple[int, Item] | Source],
    ) -> Iterator[Plan]:
        # A* with the least cost of connecting a state with a finished stack. Entries: (bound, cost,
        # order, node, its origin, place in by_state or -1 for the node itself).
        connection = self._graph.connections({key: own[0][0] for key, own in by_state.items()})
        queue: list[tuple[int, int, int, _Node, _Origin, int]] = []
        order = 0
        for state, end, lexer, position in self._starts():
            if connection[state] < UNREACHABLE:
                order += 1
                bound = end.cost + connection[state]
                node = _Node(state, position, -1, 0)
                origin = _Origin(None, -1, end, lexer, position)
                queue.append((bound, end.cost, order, node, origin, -1))
        heapq.heapify(queue)
        done: set[_Node] = set()
        while queue:
            _, cost, _, node, origin, place = heapq.heappop(queue)
            if place >= 0:
                group = by_state[node.state]
                if place + 1 < len(group):
                    order += 1
                    bound = cost + group[place + 1][0]
                    heapq.heappush(queue, (bound, cost, order, node, origin, place + 1))
                if self._is_accepted(group[place][1], node):
                    yield self._plan(group[place][1], origin, came)
                continue
            if node in done:
                continue
            done.add(node)
            if len(done) > MAX_NODES:
                raise LimitError(
                    f"no text for the hole was found among {MAX_NODES} partial ones; the fixed "
                    "text around it is far from the grammar"
                )
            if node.state in by_state:
                order += 1
                bound = cost + by_state[node.state][0][0]
                heapq.heappush(queue, (bound, cost, order, node, origin, 0))
            for target, added in self._below(node):
                if target not in done and connection[target.state] < UNREACHABLE:
                    order += 1
                    further = origin
                    if added:
                        further = _Origin(origin, node.state, *origin[2:])
                    total = cost + added
                    bound = total + connection[target.state]
                    heapq.heappush(queue, (bound, total, order, target, further, -1))
        self.nodes = len(done)

    def _starts(self) -> Iterator[tuple[int, End, int, int]]:
        """Each LR state on top at the hole's end, each end in one of its lexers, with the lexer
        state that it starts from and the position after it."""
        tables, acts = self._machine.tables, self._graph.acts
        parser = tables.parser
        ends: dict[int, list[tuple[End, int]]] = {}
        positions: dict[End, list[tuple[int, int]]] = {}
        for state in self._graph.reachable(int(tables.parts.start[self._part])):
            first, last = parser.lexer_offsets[state], parser.lexer_offsets[state + 1]
            for lexer in parser.lexers[first:last].tolist():
                if lexer not in ends:
                    starts = np.unique(tables.lexer.start[lexer]).tolist()
                    ends[lexer] = [
                        (end, start)
                        for start in starts
                        if start != 0
                        for end in self._ends.from_state(start, started=False)
                    ]
                for end, start in ends[lexer]:
                    if end not in positions:
                        positions[end] = self._positions(end)
                    for position, terminal in positions[end]:
                        if terminal < 0 or acts[state][terminal]:
                            yield state, end, start, position

    def _positions(self, end: End) -> list[tuple[int, int]]:
        """The positions after an end, each with the first terminal that the parser gets (-1: not
        known)."""
        machine = self._machine
        tables, memory = machine.kernel_tables, machine.kernel_memory
        parts = machine.tables.parts
        kind = parts.filter[self._part]
        extras = [0]
        if kind == INDENTER:
            extras = [int(cons(memory, 0, 0))]
        elif kind == TRANSDUCER:
            extras = list(range(len(parts.filter_next)))
        result = []
        for extra in extras:
            count = after_terminal(
                tables, memory, self._part, extra, end.terminal, end.column, self._depth,
                end.offset, self._found, 0,
            )  # fmt: skip
            for position in self._found[:count].tolist():
                queue = int(machine.memory.lists_value[position])
                terminal = -1 if queue == 0 else int(machine.memory.lists_value[queue])
                result.append((position, terminal))
        return result

    def _results_of(self, state: int, position: int) -> list[tuple[int, int, int]]:
        key = state, position
        known = self._results.get(key)
        if known is None:
            machine, runs = self._machine, self._runs
            node = run_from(
                machine.kernel_tables, machine.kernel_memory, runs, self._text,
                self._part, self._depth, state, position,
            )  # fmt: skip
            if runs.count[OVERFLOW] or machine.full:
                raise LimitError(
                    "the text after the hole has more readings than memory for them; shorten it"
                )
            known = []
            entry = int(runs.nodes[node, FIRST_RESULT])
            while entry:
                entry, *result = runs.results[entry].tolist()
                known.append(tuple(result))
            self._results[key] = known
        return known

    def _after(self, node: _Node) -> list[_Node]:
        """What a run from a node asks for next: nodes of the same state. `ACCEPTED` as the head of
        one means that the text is accepted."""
        state, position, head, _ = node
        if head < 0:
            results = self._results_of(state, position)
            return [
                _Node(state, where, wanted, 0 if wanted == ACCEPTED else pops + 1)
                for where, wanted, pops in results
            ]
        parser, parts = self._machine.tables.parser, self._machine.tables.parts
        target = int(parser.goto[state, head])
        if target < 0:
            return []
        memory = self._machine.memory
        terminal = int(memory.lists_value[memory.lists_value[position]])
        if target == parts.end_state[self._part] and terminal == parts.end_terminal[self._part]:
            return [_Node(state, 0, ACCEPTED, 0)]
        return [
            _Node(state, where, wanted, pops)
            for where, wanted, pops in self._results_of(target, position)
        ]

    def _below(self, node: _Node) -> Iterator[tuple[_Node, int]]:
        """The nodes that follow one, with the cost of the symbol that each reveals below; 0 where
        it reveals none."""
        if node.head < 0 or node.pops == 0:
            for target in self._after(node):
                # Acceptance needs the start state, which has nothing below: that is found where
                # it is met with the stacks of the hole's start.
                if target.head != ACCEPTED:
                    yield target, 0
            return
        cost = self._graph.cost[node.state]
        if cost < UNREACHABLE:
            for below in self._graph.below[node.state]:
                yield _Node(below, node.position, node.head, node.pops - 1), cost + 1

    def _is_accepted(self, stack: int, node: _Node) -> bool:
        """Whether the text is accepted from a whole stack whose top a node stands for."""
        memory = self._machine.memory
        first = (stack, *node[1:])
        known = self._accepted.get(first)
        if known is not None:
            return known
        seen = {first}
        waiting = [first]
        while waiting:
            top, position, head, pops = waiting.pop()
            for _ in range(pops):
                top = int(memory.stacks_parent[top])
            if top == 0:
                continue
            state = int(memory.stacks_state[top])
            for target in self._after(_Node(state, position, head, 0)):
                if target.head == ACCEPTED:
                    self._accepted[first] = True
                    return True
                following = (top, *target[1:])
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        self._accepted.update(dict.fromkeys(seen, False))
        return False

    def _plan(
        self,
        stack: int,
        origin: _Origin,
        came: dict[int, tuple[int, Item] | Source],
    ) -> Plan:
        items = []
        step = came[stack]
        while not isinstance(step, Source):
            stack, item = step
            items.append(item)
            step = came[stack]
        symbols = [
            Symbol(*symbol)
            for item in reversed(items)
            for symbol in self._costs.rules[item.rule].body[item.pop :]
        ]
        _, _, end, lexer, position = origin
        link: _Origin | None = origin
        while link is not None:
            if link.pushed >= 0:
                symbol = self._graph.symbol[link.pushed]
                assert symbol is not None
                symbols.append(symbol)
            link = link.above
        queue = self._estimate.values(int(self._machine.memory.lists_value[position]))
        return Plan(step, tuple(symbols), end, lexer, tuple(queue))
