"""The cheapest terminals of each nonterminal."""

from __future__ import annotations

from collections.abc import Iterable

from .parser_costs import ParserCosts
from .state_graph import Symbol


class Yields:
    """Expands symbols of the grammars to terminals."""

    def __init__(self, costs: ParserCosts) -> None:
        self._costs = costs
        self._rule = self._cheapest_rules()
        self._known: dict[int, tuple[int, ...]] = {}

    def _cheapest_rules(self) -> dict[int, int]:
        """A cheapest rule of each nonterminal, such that expanding by them comes to an end."""
        costs = self._costs
        chosen: dict[int, int] = {}
        changed = True
        while changed:
            changed = False
            for number, rule in enumerate(costs.rules):
                cheapest = costs.rule_cost[number] == costs.nonterminal[rule.head]
                if rule.head in chosen or not cheapest:
                    continue
                if all(is_terminal or symbol in chosen for is_terminal, symbol in rule.body):
                    chosen[rule.head] = number
                    changed = True
        return chosen

    def terminals(self, symbols: Iterable[Symbol]) -> list[int]:
        """The cheapest terminals of some symbols, one after the other."""
        result: list[int] = []
        for is_terminal, number in symbols:
            if is_terminal:
                result.append(number)
            else:
                result += self._of_nonterminal(number)
        return result

    def _of_nonterminal(self, number: int) -> tuple[int, ...]:
        known = self._known.get(number)
        if known is None:
            body = self._costs.rules[self._rule[number]].body
            known = tuple(self.terminals(Symbol(*symbol) for symbol in body))
            self._known[number] = known
        return known
