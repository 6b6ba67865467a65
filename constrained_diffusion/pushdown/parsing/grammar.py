"""Context-free grammars, and transformations that keep their language.

An LR parser that keeps all conflicts must never reduce by an empty rule, or its stacks could grow
without reading. `without_empty_rules` removes those rules, and with them everything that cannot
occur in a derivation, and all cycles A =>+ A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from .components import strongly_connected_components

Symbol: TypeAlias = tuple[bool, int]
"""A terminal (True) or nonterminal (False) and its number."""

Body: TypeAlias = tuple[Symbol, ...]

Bodies: TypeAlias = dict[int, dict[Body, None]]
"""The right sides of each nonterminal, without repetition, in order."""

MAX_NULLABLE = 3
"""The most symbols of one right side that may be left out (2^3 variants); rules with more are cut
in two."""

MAX_MERGES = 100
"""The most rounds in which equal nonterminals are looked for."""


@dataclass(frozen=True)
class Rule:
    """`head` -> `body`, whose symbols are (is a terminal, number)."""

    head: int
    body: Body


@dataclass(frozen=True)
class ReducedGrammar:
    """A grammar without empty rules, cycles, unproductive and unreachable symbols.

    Attributes:
        rules: without repetition; none is empty, none is its own unit cycle.
        start: the start symbol; it has no rules if the language has no text but the empty one.
        num_nonterminals: the nonterminals are 0 .. num_nonterminals - 1.
        accepts_empty: whether the language of the original holds the empty text.
    """

    rules: tuple[Rule, ...]
    start: int
    num_nonterminals: int
    accepts_empty: bool


def without_empty_rules(rules: Iterable[Rule], start: int, num_nonterminals: int) -> ReducedGrammar:
    """The grammar of the same texts, the empty one aside."""
    bodies: Bodies = {}
    for rule in rules:
        bodies.setdefault(rule.head, {})[rule.body] = None
    bodies = _productive(bodies)
    nullable = _derived(bodies, lambda symbol: False)
    accepts_empty = start in nullable
    bodies = _cut(bodies, nullable, num_nonterminals)
    bodies = _productive(_expanded(bodies, nullable))
    bodies, start = _without_cycles(bodies, start)
    bodies, start = _merged(bodies, start)
    return _numbered(bodies, start, accepts_empty)


def _derived(bodies: Bodies, is_leaf: Callable[[Symbol], bool]) -> set[int]:
    """The nonterminals from which a row of leaves can be derived."""
    uses: dict[int, list[int]] = {}
    heads: list[int] = []
    missing: list[int] = []
    for head, row in bodies.items():
        for body in row:
            rule = len(heads)
            needed = [symbol for symbol in body if not is_leaf(symbol)]
            for is_terminal, number in needed:
                if not is_terminal:
                    uses.setdefault(number, []).append(rule)
            heads.append(head)
            missing.append(len(needed))
    known: set[int] = set()
    waiting = [head for head, count in zip(heads, missing, strict=True) if count == 0]
    while waiting:
        head = waiting.pop()
        if head in known:
            continue
        known.add(head)
        for rule in uses.get(head, []):
            missing[rule] -= 1
            if missing[rule] == 0:
                waiting.append(heads[rule])
    return known


def _productive(bodies: Bodies) -> Bodies:
    """Without the rules that no text can be derived from."""
    productive = _derived(bodies, lambda symbol: symbol[0])
    return {
        head: {
            body: None
            for body in row
            if all(is_terminal or number in productive for is_terminal, number in body)
        }
        for head, row in bodies.items()
        if head in productive
    }


def _cut(bodies: Bodies, nullable: set[int], first_new: int) -> Bodies:
    """Moves the ends of right sides with too many nullable symbols into rules of their own.

    Adds those of the new nonterminals that are nullable to `nullable`.
    """
    new: dict[Body, int] = {}
    result: Bodies = {}
    waiting = [(head, body) for head, row in bodies.items() for body in row]
    while waiting:
        head, body = waiting.pop()
        places = [
            place
            for place, (is_terminal, number) in enumerate(body)
            if not is_terminal and number in nullable
        ]
        if len(places) > MAX_NULLABLE:
            place = places[MAX_NULLABLE - 1]
            rest = body[place:]
            if rest not in new:
                new[rest] = first_new + len(new)
                waiting.append((new[rest], rest))
                if len(places) - MAX_NULLABLE + 1 == len(rest):
                    nullable.add(new[rest])
            body = (*body[:place], (False, new[rest]))
        result.setdefault(head, {})[body] = None
    return result


def _expanded(bodies: Bodies, nullable: set[int]) -> Bodies:
    """Each right side with and without each of its nullable symbols, without the empty ones."""
    result: Bodies = {}
    for head, row in bodies.items():
        variants: dict[Body, None] = {}
        for body in row:
            choices = [
                ((symbol,), ()) if not symbol[0] and symbol[1] in nullable else ((symbol,),)
                for symbol in body
            ]
            for chosen in product(*choices):
                variant = tuple(symbol for part in chosen for symbol in part)
                if variant:
                    variants[variant] = None
        result[head] = variants
    return result


def _without_cycles(bodies: Bodies, start: int) -> tuple[Bodies, int]:
    """Makes one nonterminal of those that derive each other by rules of one nonterminal each."""
    heads = list(bodies)
    index = {head: place for place, head in enumerate(heads)}
    units = [
        [index[body[0][1]] for body in bodies[head] if len(body) == 1 and not body[0][0]]
        for head in heads
    ]
    name: dict[int, int] = {}
    for component in strongly_connected_components(units):
        for place in component:
            name[heads[place]] = heads[component[0]]
    return _renamed(bodies, name), name.get(start, start)


def _renamed(bodies: Bodies, name: dict[int, int]) -> Bodies:
    result: Bodies = {}
    for head, row in bodies.items():
        renamed = result.setdefault(name[head], {})
        for body in row:
            new = tuple((s, number if s else name[number]) for s, number in body)
            if new != ((False, name[head]),):
                renamed[new] = None
    return result


def _merged(bodies: Bodies, start: int) -> tuple[Bodies, int]:
    """Makes one nonterminal of those that have the same rules, for fewer conflicts."""
    for _ in range(MAX_MERGES):
        first: dict[frozenset[Body], int] = {}
        name = {head: first.setdefault(frozenset(row), head) for head, row in bodies.items()}
        if len(first) == len(bodies):
            break
        bodies = _renamed(bodies, name)
        start = name.get(start, start)
    return bodies, start


def _numbered(bodies: Bodies, start: int, accepts_empty: bool) -> ReducedGrammar:
    """The rules that can be reached from the start symbol, renumbered in order of discovery."""
    number = {start: 0}
    order = [start]
    for head in order:
        for body in bodies.get(head, {}):
            for is_terminal, symbol in body:
                if not is_terminal and symbol not in number:
                    number[symbol] = len(order)
                    order.append(symbol)
    rules = tuple(
        Rule(number[head], tuple((s, symbol if s else number[symbol]) for s, symbol in body))
        for head in order
        for body in bodies.get(head, {})
    )
    return ReducedGrammar(rules, 0, len(order), accepts_empty)


def nonterminal_rules(grammar: ReducedGrammar) -> Sequence[Sequence[int]]:
    """The rule numbers of each nonterminal."""
    result: list[list[int]] = [[] for _ in range(grammar.num_nonterminals)]
    for number, rule in enumerate(grammar.rules):
        result[rule.head].append(number)
    return result
