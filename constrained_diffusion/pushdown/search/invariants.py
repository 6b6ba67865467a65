"""Counters that every text of a grammar brings back to 0: brackets, and what acts like them.

A linear invariant gives each symbol a number φ such that φ(A) = Σ φ(right side) for every rule of
A, and φ(start) = 0: the null space of a matrix with a row for each rule. Brackets are found by
themselves, whatever the grammar calls them, and so are `CASE` and `END`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..parsing import Rule

MOST_TERMINALS = 5
"""Of an invariant that is worth a counter: brackets come in pairs or small groups."""

STRIDES = (1, 7, 15)
"""What one step of each counter adds to the index of all counters together."""

Vector = dict[int, Fraction]


@dataclass(frozen=True)
class Counter:
    """The number of each symbol that has one: terminals, and nonterminals."""

    terminals: dict[int, int]
    nonterminals: dict[int, int]


def counters_of(
    rules: Sequence[Rule], start: int, *, never: frozenset[int] = frozenset()
) -> list[Counter]:
    """The bracket-like invariants of a grammar, the ones over the fewest terminals first.

    never: terminals that must not count (those that a post-lexer makes).
    """
    found = []
    for vector in _null_space(_equations(rules, start)):
        terminals = {symbol >> 1: value for symbol, value in vector.items() if symbol & 1}
        nonterminals = {symbol >> 1: value for symbol, value in vector.items() if not symbol & 1}
        values = list(terminals.values())
        if len(values) > MOST_TERMINALS or not never.isdisjoint(terminals):
            continue
        if not (min(values, default=0) < 0 < max(values, default=0)):
            continue
        if any(value.denominator != 1 for value in vector.values()):
            continue
        sign = _opening_sign(rules, terminals)
        found.append(
            Counter(
                {number: sign * int(value) for number, value in terminals.items()},
                {number: sign * int(value) for number, value in nonterminals.items()},
            )
        )
    found.sort(key=lambda counter: (len(counter.terminals), sorted(counter.terminals)))
    return found


def _symbol(is_terminal: bool, number: int) -> int:
    return number << 1 | is_terminal


def _equations(rules: Sequence[Rule], start: int) -> list[Vector]:
    equations = [{_symbol(False, start): Fraction(1)}]
    for rule in rules:
        vector: Vector = {_symbol(False, rule.head): Fraction(1)}
        for is_terminal, number in rule.body:
            _add(vector, _symbol(is_terminal, number), Fraction(-1))
        if vector:
            equations.append(vector)
    return equations


def _add(vector: Vector, symbol: int, value: Fraction) -> None:
    total = vector.get(symbol, Fraction(0)) + value
    if total:
        vector[symbol] = total
    else:
        vector.pop(symbol, None)


def _order(symbol: int) -> tuple[int, int]:
    """Nonterminals are solved for first, so that terminals are left free."""
    return symbol & 1, symbol


def _null_space(equations: list[Vector]) -> list[Vector]:
    """A basis, by elimination over the rationals: one vector for each free symbol."""
    symbols = sorted({symbol for vector in equations for symbol in vector}, key=_order)
    rows: dict[int, Vector] = {}
    for equation in equations:
        vector = dict(equation)
        while vector:
            pivot = min(vector, key=_order)
            factor = vector[pivot]
            if pivot not in rows:
                rows[pivot] = {symbol: value / factor for symbol, value in vector.items()}
                break
            for symbol, value in rows[pivot].items():
                _add(vector, symbol, -factor * value)
    basis = []
    for free in symbols:
        if free in rows:
            continue
        solution = {free: Fraction(1)}
        for pivot in sorted(rows, key=_order, reverse=True):
            value = -sum(
                (
                    factor * solution[symbol]
                    for symbol, factor in rows[pivot].items()
                    if symbol != pivot and symbol in solution
                ),
                Fraction(0),
            )
            if value:
                solution[pivot] = value
        basis.append(solution)
    return basis


def _opening_sign(rules: Sequence[Rule], terminals: dict[int, Fraction]) -> int:
    """1 or -1, so that what comes first in most rules counts upwards."""
    balance = 0
    for rule in rules:
        values = [
            terminals[number]
            for is_terminal, number in rule.body
            if is_terminal and number in terminals
        ]
        if len(values) > 1:
            balance += 1 if values[0] > 0 else -1
    return 1 if balance >= 0 else -1
