"""How many characters a parser's stack still needs at least, by the items of its states.

In LR state q with the item A -> u . v the parser can finish A by the cheapest text of v, pop the
|u| states of u and go on with A. By such steps alone every stack is finished
as cheaply as its grammar allows, and no step leads higher than the stack was; so the least cost of
a stack follows from those of lower ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from ...automata import ByteAutomaton
from ..machine import Machine
from ..memory import push
from ..parsing import Rule
from ..reading import UNREACHABLE, GrammarReading
from ..reading.costs import costs_of
from ..tables import TRANSDUCER, Int64Array
from .stack_sets import stacks_below

Piece: TypeAlias = "GrammarReading | ByteAutomaton"


class Item(NamedTuple):
    """A -> u . v: `pop` is |u|, `head` is A, `cost` that of v; v is body[pop:] of rule `rule`."""

    pop: int
    head: int
    cost: int
    rule: int


class Exit(NamedTuple):
    """A way from a state down: items that pop one state each, then one that pops `pop` (two at
    least) and leads to `head`."""

    pop: int
    head: int
    cost: int


class ParserCosts:
    """Least costs, in characters, of the symbols, states and stacks of all grammars of a text.

    What ignored terminals take between others is not counted, nor what a post-lexer makes; so the
    costs are lower bounds.

    Attributes:
        rules, rule_cost: all rules, in the numbers of the machine's tables, and their least costs.
        terminal: int64 [T]; UNREACHABLE for terminals without text.
        examples: [T] a shortest text of each terminal, "" for those that a post-lexer makes.
        nonterminal: int64 [N].
        items: [Q] the items of each state with at least one symbol before the dot; for equal
            `pop` and `head` the cheapest.
    """

    def __init__(self, machine: Machine, pieces: Sequence[Piece]) -> None:
        self._machine = machine
        parser, parts = machine.tables.parser, machine.tables.parts
        num_states, num_terminals = parser.shift.shape
        self.rules: list[Rule] = []
        self.examples: list[str | None] = [None] * num_terminals
        self.terminal: Int64Array = np.full(num_terminals, UNREACHABLE, np.int64)
        self.nonterminal: Int64Array = np.full(parser.goto.shape[1], UNREACHABLE, np.int64)
        rule_cost: list[int] = []
        self._start_symbols: dict[int, int] = {}
        terminals = nonterminals = 0
        for number, piece in enumerate(pieces):
            if isinstance(piece, ByteAutomaton):
                continue
            own = self._examples(number, piece, terminals)
            costs = costs_of(own, piece.parser.rules, piece.parser.goto.shape[1])
            self.rules += [_moved(rule, terminals, nonterminals) for rule in piece.parser.rules]
            rule_cost += costs.rule_characters.tolist()
            self.examples[terminals : terminals + len(own)] = piece.costs.examples
            self.terminal[terminals : terminals + len(own)] = costs.terminal_characters
            width = len(costs.nonterminal_characters)
            self.nonterminal[nonterminals : nonterminals + width] = costs.nonterminal_characters
            self._start_symbols[int(parts.start[number])] = piece.parser.start_symbol + nonterminals
            terminals += len(own)
            nonterminals += width
        self.rule_cost = rule_cost
        self._rules_of: list[list[int]] = [[] for _ in range(len(self.nonterminal))]
        for number, rule in enumerate(self.rules):
            self._rules_of[rule.head].append(number)
        self._shift: list[list[int]] = parser.shift.tolist()
        self._goto: list[list[int]] = parser.goto.tolist()
        self.items = self._items(num_states)
        self._end_states = set(parts.end_state[parts.end_state >= 0].tolist())
        self._empty_starts = {
            int(parts.start[p]) for p in range(len(parts.kind)) if parts.accepts_empty[p]
        }
        self._exits: dict[tuple[int, int], tuple[list[Exit], int]] = {}
        self._stacks: dict[int, int] = {}

    def forget_stacks(self) -> None:
        """For when the machine was reset."""
        self._stacks.clear()

    def _examples(self, part: int, piece: GrammarReading, offset: int) -> list[str | None]:
        """Of a grammar's terminals; "" for those that its transducer may make of others."""
        examples = list(piece.costs.examples)
        parts = self._machine.tables.parts
        if parts.filter[part] != TRANSDUCER:
            return examples
        width = parts.filter_next.shape[1]
        own = range(offset, offset + len(examples))
        for row in range(parts.filter_next.shape[0]):
            for terminal in own:
                cell = row * width + terminal
                first, last = parts.filter_offsets[cell], parts.filter_offsets[cell + 1]
                for made in parts.filter_terminals[first:last].tolist():
                    if made != terminal and examples[made - offset] is not None:
                        examples[made - offset] = ""
        return examples

    def follow(self, state: int, is_terminal: bool, symbol: int) -> int:
        """The state after a symbol, or -1."""
        return (self._shift if is_terminal else self._goto)[state][symbol]

    def _items(self, num_states: int) -> list[list[Item]]:
        best: list[dict[tuple[int, int], Item]] = [{} for _ in range(num_states)]
        known: set[tuple[int, int, int]] = set()
        for origin in range(num_states):
            for head, target in enumerate(self._goto[origin]):
                if target < 0:
                    continue
                for number in self._rules_of[head]:
                    self._walk(origin, number, best, known)
        return [sorted(items.values()) for items in best]

    def _walk(
        self,
        state: int,
        number: int,
        best: list[dict[tuple[int, int], Item]],
        known: set[tuple[int, int, int]],
    ) -> None:
        """Adds the items of one rule from a state on in which it may begin."""
        rule = self.rules[number]
        rest = self.rule_cost[number]
        for place, (is_terminal, symbol) in enumerate(rule.body):
            costs = self.terminal if is_terminal else self.nonterminal
            if rest >= UNREACHABLE:
                rest = sum(self.symbol_cost(one) for one in rule.body[place + 1 :])
            else:
                rest -= int(costs[symbol])
            state = self.follow(state, is_terminal, symbol)
            if state < 0 or (state, number, place) in known:
                return
            known.add((state, number, place))
            if rest < UNREACHABLE:
                key = (place + 1, rule.head)
                item = Item(place + 1, rule.head, rest, number)
                if key not in best[state] or best[state][key].cost > rest:
                    best[state][key] = item

    def symbol_cost(self, symbol: tuple[bool, int]) -> int:
        """Of a terminal or nonterminal."""
        is_terminal, number = symbol
        return int((self.terminal if is_terminal else self.nonterminal)[number])

    def exits(self, below: int, state: int) -> tuple[list[Exit], int]:
        """The cheapest ways from `state`, on top of `below`, to lower stacks; and the least cost to
        the end of the text, UNREACHABLE where that is not in reach here."""
        key = (below, state)
        known = self._exits.get(key)
        if known is not None:
            return known
        best: dict[tuple[int, int], Exit] = {}
        end = UNREACHABLE
        done: set[int] = set()
        queue: list[tuple[int, int]] = [(0, state)]
        while queue:
            cost, current = heapq.heappop(queue)
            if current in done:
                continue
            done.add(current)
            if current in self._end_states:
                end = min(end, cost)
            for item in self.items[current]:
                total = cost + item.cost
                if item.pop == 1:
                    target = self._goto[below][item.head]
                    if target >= 0 and target not in done:
                        heapq.heappush(queue, (total, target))
                known_exit = best.get((item.pop, item.head))
                if item.pop > 1 and (known_exit is None or known_exit.cost > total):
                    best[item.pop, item.head] = Exit(item.pop, item.head, total)
        result = (sorted(best.values(), key=lambda one: one.cost), end)
        self._exits[key] = result
        return result

    def stack(self, stack: int) -> int:
        """The least cost of finishing a stack (a number of the machine's memory)."""
        waiting = [stack]
        while waiting:
            current = waiting[-1]
            if current in self._stacks:
                waiting.pop()
                continue
            lower = self._lower(current)
            missing = [target for target, _ in lower if target > 0 and target not in self._stacks]
            if missing:
                waiting += missing
                continue
            least = min((cost + self._stacks.get(target, 0) for target, cost in lower), default=0)
            self._stacks[current] = least if lower else UNREACHABLE
            waiting.pop()
        return self._stacks[stack]

    def _lower(self, stack: int) -> list[tuple[int, int]]:
        """Lower stacks and their costs; stack 0 stands for the end of the text."""
        machine = self._machine
        memory = machine.memory
        state = int(memory.stacks_state[stack])
        bases = stacks_below(machine, stack, 1)
        if not bases:
            symbol = self._start_symbols.get(state)
            if state in self._empty_starts:
                return [(0, 0)]
            return [] if symbol is None else [(0, int(self.nonterminal[symbol]))]
        result = []
        for base in bases:
            exits, end = self.exits(int(memory.stacks_state[base]), state)
            if end < UNREACHABLE:
                result.append((0, end))
            for pop, head, cost in exits:
                for below in stacks_below(machine, base, pop - 1):
                    target = self._goto[int(memory.stacks_state[below])][head]
                    if target >= 0:
                        result.append((int(push(machine.kernel_memory, below, target)), cost))
        return result


def _moved(rule: Rule, terminals: int, nonterminals: int) -> Rule:
    body = tuple(
        (is_terminal, number + (terminals if is_terminal else nonterminals))
        for is_terminal, number in rule.body
    )
    return Rule(rule.head + nonterminals, body)
