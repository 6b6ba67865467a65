"""How a hole can begin: the terminal that it begins in, and what the stack there still lacks."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..feeding import feed, transduce
from ..memory import EXTRA, LEX, PART, STACK, push
from ..tables import FED, IGNORED, INDENTER, NEWLINE, TRANSDUCER
from .estimate import Estimate
from .lexer_paths import FAR
from .parser_costs import Item
from .stack_sets import stacks_below
from .state_graph import Symbol

MAX_STACKS = 20_000
"""How many stacks are finished from those at the start of a hole."""


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


def sources(estimate: Estimate, config: int, part: int) -> list[Source]:
    """All ways for the terminal that a configuration is in."""
    machine = estimate.machine
    result = []
    for thread in machine.threads(config):
        fields = machine.memory.threads[thread].tolist()
        if fields[PART] != part:
            continue
        lex, stack = fields[LEX], fields[STACK]
        if machine.tables.lexer.is_start[lex]:
            result.append(Source(0, stack, thread, -1))
            continue
        row = estimate.distances[lex]
        for terminal in np.flatnonzero(row < FAR).tolist():
            for reached in _fed(estimate, part, stack, fields[EXTRA], terminal):
                result.append(Source(int(row[terminal]), reached, thread, terminal))
    return result


def _fed(estimate: Estimate, part: int, stack: int, extra: int, terminal: int) -> list[int]:
    """The stacks after a terminal, before what an indenter makes of it."""
    machine = estimate.machine
    tables = machine.tables
    fate = tables.parser.fate[terminal]
    if fate == IGNORED:
        return [stack]
    if fate != FED:
        return []
    kernel_tables, memory = machine.kernel_tables, machine.kernel_memory
    kind = tables.parts.filter[part]
    if kind == TRANSDUCER:
        stacks, state = transduce(kernel_tables, memory, stack, extra, terminal)
        return list(estimate.values(int(stacks))) if state >= 0 else []
    result = list(estimate.values(int(feed(kernel_tables, memory, stack, terminal))))
    if kind == INDENTER and tables.parser.sign[terminal] == NEWLINE:
        result.append(stack)
    return result


@dataclass(frozen=True)
class Finished:
    """The stacks that can be reached from some sources by finishing items alone.

    Attributes:
        by_state: for each state on top, (cost, stack), cheapest first.
    """

    by_state: dict[int, list[tuple[int, int]]]
    _came: dict[int, tuple[int, Item] | Source]

    def way(self, stack: int) -> tuple[Source, list[Item]]:
        """The source of a stack, and the items that were finished from there."""
        items = []
        step = self._came[stack]
        while not isinstance(step, Source):
            stack, item = step
            items.append(item)
            step = self._came[stack]
        return step, items[::-1]


def finished_stacks(estimate: Estimate, origins: list[Source]) -> Finished:
    """Finishes the stacks of some sources, cheapest first (Dijkstra 1959)."""
    machine, costs = estimate.machine, estimate.costs
    memory = machine.memory
    cost_of: dict[int, int] = {}
    came: dict[int, tuple[int, Item] | Source] = {}
    queue: list[tuple[int, int, int, tuple[int, Item] | Source]] = [
        (source.cost, order, source.stack, source) for order, source in enumerate(origins)
    ]
    order = len(queue)
    heapq.heapify(queue)
    while queue and len(cost_of) < MAX_STACKS:
        cost, _, stack, origin = heapq.heappop(queue)
        if stack in cost_of:
            continue
        cost_of[stack] = cost
        came[stack] = origin
        for item in costs.items[int(memory.stacks_state[stack])]:
            for below in stacks_below(machine, stack, item.pop):
                target = costs.follow(int(memory.stacks_state[below]), False, item.head)
                if target < 0:
                    continue
                reached = int(push(machine.kernel_memory, below, target))
                if reached not in cost_of:
                    order += 1
                    heapq.heappush(queue, (cost + item.cost, order, reached, (stack, item)))
    by_state: dict[int, list[tuple[int, int]]] = {}
    for stack, cost in cost_of.items():
        by_state.setdefault(int(memory.stacks_state[stack]), []).append((cost, stack))
    return Finished(by_state, came)


def rest_of(estimate: Estimate, items: list[Item]) -> list[Symbol]:
    """The symbols after the dots of some items."""
    rules = estimate.costs.rules
    return [Symbol(*symbol) for item in items for symbol in rules[item.rule].body[item.pop :]]
