"""The LR(0) automaton of a grammar without empty rules."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import LimitError
from .components import strongly_connected_components
from .grammar import ReducedGrammar, Symbol, nonterminal_rules


@dataclass(frozen=True)
class Automaton:
    """States are sets of rules with a place in them.

    Attributes:
        transitions: of each state, the state after each symbol.
        complete: of each state, the rules at whose end it stands.
        start: the first state; nothing leads to it.
        end: the state after the start symbol.
    """

    transitions: list[dict[Symbol, int]]
    complete: list[list[int]]
    start: int
    end: int


def build_automaton(grammar: ReducedGrammar, max_states: int) -> Automaton:
    """The canonical collection (Knuth, "On the translation of languages from left to right", 1965,
    without lookahead).

    Raises:
        LimitError: there are more than `max_states` states.
    """
    goal: Symbol = (False, grammar.start)
    bodies = [rule.body for rule in grammar.rules] + [(goal,)]
    goal_rule = len(grammar.rules)
    first_item = [0]
    symbols: list[Symbol | None] = []
    for body in bodies:
        symbols.extend(body)
        symbols.append(None)
        first_item.append(len(symbols))
    rule_of = [rule for rule, body in enumerate(bodies) for _ in range(len(body) + 1)]

    rules = nonterminal_rules(grammar)
    corners = _left_corners(grammar)
    openings: dict[int, dict[Symbol, list[int]]] = {}

    def opening(closure: int) -> dict[Symbol, list[int]]:
        """The items after the first symbol of the rules of a bit set of nonterminals."""
        if closure not in openings:
            moves: dict[Symbol, list[int]] = {}
            bits = closure
            while bits:
                head = bits.bit_length() - 1
                bits ^= 1 << head
                for rule in rules[head]:
                    moves.setdefault(bodies[rule][0], []).append(first_item[rule] + 1)
            openings[closure] = moves
        return openings[closure]

    kernels: list[tuple[int, ...]] = [(first_item[goal_rule],)]
    numbers = {kernels[0]: 0}
    transitions: list[dict[Symbol, int]] = []
    complete: list[list[int]] = []
    for kernel in kernels:
        closure = 0
        moves: dict[Symbol, list[int]] = {}
        ended = []
        for item in kernel:
            symbol = symbols[item]
            if symbol is None:
                if rule_of[item] != goal_rule:
                    ended.append(rule_of[item])
                continue
            moves.setdefault(symbol, []).append(item + 1)
            if not symbol[0]:
                closure |= corners[symbol[1]]
        for symbol, items in opening(closure).items():
            moves[symbol] = moves[symbol] + items if symbol in moves else items
        row = {}
        for symbol, items in moves.items():
            target = tuple(sorted(set(items)))
            number = numbers.get(target)
            if number is None:
                number = numbers[target] = len(kernels)
                if number >= max_states:
                    raise LimitError(
                        f"the LR automaton has over {max_states} states; simplify the rules or "
                        "raise max_states"
                    )
                kernels.append(target)
            row[symbol] = number
        transitions.append(row)
        complete.append(ended)
    return Automaton(transitions, complete, 0, transitions[0][goal])


def _left_corners(grammar: ReducedGrammar) -> list[int]:
    """For each nonterminal the bit set of those that its texts can begin with, itself included."""
    first: list[list[int]] = [[] for _ in range(grammar.num_nonterminals)]
    for rule in grammar.rules:
        is_terminal, number = rule.body[0]
        if not is_terminal:
            first[rule.head].append(number)
    corners = [1 << head for head in range(grammar.num_nonterminals)]
    for component in strongly_connected_components(first):
        union = 0
        for head in component:
            union |= corners[head]
            for number in first[head]:
                union |= corners[number]
        for head in component:
            corners[head] = union
    return corners
