"""The LR automaton as a graph: which states can lie below each, and what leads from one to the
other."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..machine import Machine
from ..reading import UNREACHABLE
from .parser_costs import ParserCosts


class Symbol(NamedTuple):
    """A terminal or nonterminal."""

    is_terminal: bool
    number: int


class StateGraph:
    """Attributes:
    below: [Q] the states that can lie below each on a stack.
    symbol: [Q] the symbol that each state is pushed for; None for start states.
    cost: [Q] the least cost of that symbol.
    acts: [Q][T] whether a state has an action for a terminal.
    """

    def __init__(self, machine: Machine, costs: ParserCosts) -> None:
        parser = machine.tables.parser
        reduces = np.diff(parser.reduce_offsets).reshape(parser.shift.shape) > 0
        self.acts: list[list[bool]] = ((parser.shift >= 0) | reduces).tolist()
        num_states = len(parser.shift)
        self.below: list[list[int]] = [[] for _ in range(num_states)]
        self.symbol: list[Symbol | None] = [None] * num_states
        for is_terminal, table in ((True, parser.shift), (False, parser.goto)):
            for state, number in np.argwhere(table >= 0).tolist():
                target = int(table[state, number])
                self.below[target].append(state)
                self.symbol[target] = Symbol(is_terminal, number)
        self.below = [sorted(set(states)) for states in self.below]
        self.cost = [0 if symbol is None else costs.symbol_cost(symbol) for symbol in self.symbol]
        self.above: list[list[int]] = [[] for _ in range(num_states)]
        for target, states in enumerate(self.below):
            for state in states:
                self.above[state].append(target)
        self._following = [
            np.unique(np.concatenate([parser.shift[state], parser.goto[state]])).tolist()
            for state in range(num_states)
        ]

    def reachable(self, start: int) -> list[int]:
        """The states that can lie on a stack above `start`, and it."""
        order = [start]
        known = {start, -1}
        for state in order:
            for target in self._following[state]:
                if target not in known:
                    known.add(target)
                    order.append(target)
        return order

    def connections(self, ends: Mapping[int, int]) -> list[int]:
        """[Q] the least cost of going down from each state, which itself is one of `ends` or is
        taken away with its symbol, to one of them; UNREACHABLE where there is no way.

        ends: states with the costs of what lies there.
        """
        result = [UNREACHABLE] * len(self.below)
        queue = [(cost, state) for state, cost in ends.items()]
        heapq.heapify(queue)
        while queue:
            cost, state = heapq.heappop(queue)
            if cost >= result[state]:
                continue
            result[state] = cost
            for above in self.above[state]:
                total = cost + self.cost[above] + 1
                if total < result[above]:
                    heapq.heappush(queue, (total, above))
        return result
