"""Nondeterministic LR tables against the enumerated languages of random grammars."""

from __future__ import annotations

from itertools import product

import lark
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_glr import ReferenceParser

from constrained_diffusion.errors import GrammarError, LimitError
from constrained_diffusion.pushdown.parsing import (
    NondeterministicTables,
    Rule,
    nondeterministic_tables,
)

NUM_TERMINALS = 2
MAX_LENGTH = 5
Text = tuple[int, ...]
ALL_TEXTS = [
    text
    for length in range(MAX_LENGTH + 1)
    for text in product(range(NUM_TERMINALS), repeat=length)
]


def t(number: int) -> tuple[bool, int]:
    return True, number


def n(number: int) -> tuple[bool, int]:
    return False, number


def tables_of(
    rules: list[Rule], start: int, num_nonterminals: int, num_terminals: int = NUM_TERMINALS
) -> NondeterministicTables:
    return nondeterministic_tables(
        rules, start, num_nonterminals, num_terminals + 1, end_terminal=num_terminals
    )


def enumerated(rules: list[Rule], start: int, num_nonterminals: int) -> set[Text]:
    """All texts up to MAX_LENGTH: the least fixed point of the rules over sets of texts."""
    texts: list[set[Text]] = [set() for _ in range(num_nonterminals)]
    changed = True
    while changed:
        changed = False
        for rule in rules:
            found: set[Text] = {()}
            for is_terminal, number in rule.body:
                right = {(number,)} if is_terminal else texts[number]
                found = {x + y for x in found for y in right if len(x) + len(y) <= MAX_LENGTH}
            changed |= not found <= texts[rule.head]
            texts[rule.head] |= found
    return texts[start]


@st.composite
def grammars(draw: st.DrawFn) -> tuple[list[Rule], int, int]:
    num_nonterminals = draw(st.integers(1, 4))
    nonterminal = st.integers(0, num_nonterminals - 1)
    symbol = st.one_of(
        st.tuples(st.just(False), nonterminal),
        st.tuples(st.just(True), st.integers(0, NUM_TERMINALS - 1)),
    )
    rule = st.builds(
        Rule, nonterminal, st.lists(symbol, max_size=draw(st.integers(1, 6))).map(tuple)
    )
    return draw(st.lists(rule, min_size=1, max_size=8)), draw(nonterminal), num_nonterminals


def assert_language(rules: list[Rule], start: int, num_nonterminals: int) -> None:
    expected = enumerated(rules, start, num_nonterminals)
    try:
        tables = tables_of(rules, start, num_nonterminals)
    except GrammarError:
        assert not expected
        return
    parser = ReferenceParser(tables, NUM_TERMINALS)
    assert {text for text in ALL_TEXTS if parser.accepts(text)} == expected


@settings(max_examples=100, deadline=None)
@given(grammars())
def test_random_grammars(grammar: tuple[list[Rule], int, int]) -> None:
    assert_language(*grammar)


@pytest.mark.parametrize(
    "rules",
    [
        [Rule(0, (n(0), n(0))), Rule(0, (t(0),)), Rule(0, ())],
        [Rule(0, (n(1), n(0), t(0))), Rule(0, (t(1),)), Rule(1, ()), Rule(1, (t(0),))],
        [Rule(0, (n(1),)), Rule(1, (n(2),)), Rule(2, (n(0),)), Rule(1, (t(0), n(0), t(1)))],
        [Rule(0, (n(1),)), Rule(1, (n(0),)), Rule(0, (t(0),)), Rule(1, (t(1), n(1)))],
        [Rule(0, (n(1), n(2))), Rule(1, (n(2),)), Rule(2, (n(1), n(1))), Rule(2, (t(0),))],
        [Rule(0, (t(0), n(0), t(0))), Rule(0, (t(1), n(0), t(1))), Rule(0, ())],
        [Rule(0, (n(1),) * 7), Rule(1, (t(0),)), Rule(1, ())],
        [Rule(0, (n(1), n(2)) * 3), Rule(1, (t(0), n(1))), Rule(1, ()), Rule(2, (t(1),))],
        [Rule(0, (n(0),)), Rule(0, ()), Rule(1, (t(0),))],
    ],
    ids=[
        "ambiguous and nullable",
        "hidden left recursion",
        "cycle without a text of its own",
        "cycle",
        "hidden cycle",
        "palindromes",
        "many nullable symbols",
        "half nullable",
        "nothing but the empty text",
    ],
)
def test_difficult_grammars(rules: list[Rule]) -> None:
    assert_language(rules, 0, 3)


def test_nullable_symbols_do_not_multiply() -> None:
    parts = 30
    body = tuple(n(1 + part) for part in range(parts))
    rules = [Rule(0, body)]
    for part in range(parts):
        rules += [Rule(1 + part, ()), Rule(1 + part, (t(part),))]
    tables = tables_of(rules, 0, 1 + parts, parts)
    assert len(tables.rules) < 10 * parts
    parser = ReferenceParser(tables, parts)
    assert parser.accepts(range(parts))
    assert parser.accepts([3, 8, 21])
    assert not parser.accepts([3, 21, 8])
    assert not parser.accepts([3, 3])
    assert tables.accepts_empty


def test_lookaheads_are_those_of_lalr() -> None:
    """The textbook grammar that is LALR(1) and not SLR(1): no cell may hold two actions."""
    start, left, right = 0, 1, 2
    equals, star, name = 0, 1, 2
    rules = [
        Rule(start, (n(left), t(equals), n(right))),
        Rule(start, (n(right),)),
        Rule(left, (t(star), n(right))),
        Rule(left, (t(name),)),
        Rule(right, (n(left),)),
    ]
    tables = tables_of(rules, start, 3, 3)
    reductions = np.diff(tables.reduce_offsets).reshape(tables.shift.shape)
    assert (reductions + (tables.shift >= 0)).max() == 1
    parser = ReferenceParser(tables, 3)
    assert parser.accepts([star, star, name, equals, star, name])
    assert not parser.accepts([name, equals, name, equals, name])


JSON = r"""
start: value
value: "{" [pair ("," pair)*] "}" | "[" [value ("," value)*] "]" | "s" | "n"
pair: "s" ":" value
"""


def test_deterministic_grammars_stay_deterministic() -> None:
    """For a grammar that Lark's LALR parser takes, one action a cell, and the same texts."""
    parser = lark.Lark(JSON, parser="lalr", lexer="basic")
    terminals = {terminal.name: number for number, terminal in enumerate(parser.terminals)}
    heads: dict[str, int] = {}
    for rule in parser.rules:
        heads.setdefault(rule.origin.name, len(heads))
    rules = [
        Rule(
            heads[rule.origin.name],
            tuple(
                (symbol.is_term, (terminals if symbol.is_term else heads)[symbol.name])
                for symbol in rule.expansion
            ),
        )
        for rule in parser.rules
    ]
    tables = tables_of(rules, heads["start"], len(heads), len(terminals))
    reductions = np.diff(tables.reduce_offsets).reshape(tables.shift.shape)
    assert (reductions + (tables.shift >= 0)).max() == 1
    reference = ReferenceParser(tables, len(terminals))
    numbers = {terminal.pattern.value: terminals[terminal.name] for terminal in parser.terminals}
    for length in range(5):
        for text in product(numbers, repeat=length):
            try:
                parser.parse("".join(text))
                expected = True
            except lark.exceptions.LarkError:
                expected = False
            assert reference.accepts([numbers[character] for character in text]) == expected


def test_grammar_without_texts() -> None:
    with pytest.raises(GrammarError, match="no text"):
        tables_of([Rule(0, (t(0), n(0)))], 0, 1)


def test_limit_of_states() -> None:
    rules = [Rule(0, tuple(t(place % 2) for place in range(20)))]
    with pytest.raises(LimitError, match="max_states"):
        nondeterministic_tables(rules, 0, 1, 3, 2, max_states=10)


def test_limit_of_table_entries() -> None:
    with pytest.raises(LimitError, match="fewer rules"):
        nondeterministic_tables([Rule(0, (t(0),))], 0, 1, 1 << 27, 1)
