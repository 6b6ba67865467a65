"""LR arrays: out of Lark's parse table for LALR, built here for Earley."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import lark
import numpy as np
from lark.parsers.lalr_analysis import Shift

from ..parsing import Rule, nondeterministic_tables
from ..tables import BoolArray, Int32Array, Int64Array
from .terminals import Terminals


@dataclass(frozen=True, eq=False)
class ParserArrays:
    """An LR parser with Q states, T terminals, N nonterminals and R rules.

    Attributes:
        shift: int32 [Q, T], the state that shifting a terminal leads to, or -1.
        reduce_offsets, reduce_rules: int64 [Q*T+1] and int32, the rules that state q reduces by
            before terminal t: the slice of row q*T+t.
        goto: int32 [Q, N], the state after a nonterminal, or -1.
        rules: [R]; for Earley grammars they are transformed ones of the same language.
        start: the first state.
        end_state: the state in which, before `$END`, the text is accepted.
        start_symbol: the nonterminal that is accepted.
        accepts_empty: whether the empty text is accepted although the arrays lack it.
    """

    shift: Int32Array
    reduce_offsets: Int64Array
    reduce_rules: Int32Array
    goto: Int32Array
    rules: tuple[Rule, ...]
    start: int
    end_state: int
    start_symbol: int
    accepts_empty: bool


@dataclass(frozen=True)
class NumberedRules:
    """The rules of a grammar in numbers; nonterminals in order of appearance."""

    rules: tuple[Rule, ...]
    nonterminals: dict[str, int]


def numbered_rules(lark_object: lark.Lark, terminals: Terminals) -> NumberedRules:
    """Lark's own rules, after its expansion of EBNF."""
    number: dict[str, int] = {}
    for rule in lark_object.rules:
        number.setdefault(str(rule.origin.name), len(number))
    rules = tuple(
        Rule(
            number[rule.origin.name],
            tuple(
                (True, terminals.number[symbol.name])
                if symbol.is_term
                else (False, number[symbol.name])
                for symbol in rule.expansion
            ),
        )
        for rule in lark_object.rules
    )
    return NumberedRules(rules, number)


def lalr_states(lark_object: lark.Lark, start: str) -> list[Hashable]:
    """The states that can be reached, in breadth-first order with symbols in order of their names.

    Lark numbers states anew in each process (by the order of a set).
    """
    table = lark_object.parser.parser.parser.parse_table
    order: list[Hashable] = [table.start_states[start]]
    known = set(order)
    for state in order:
        row = table.states[state]
        for symbol in sorted(row):
            action, target = row[symbol]
            if action is Shift and target not in known:
                known.add(target)
                order.append(target)
    return order


def lalr_arrays(
    lark_object: lark.Lark,
    start: str,
    numbered: NumberedRules,
    terminals: Terminals,
    states: list[Hashable],
) -> ParserArrays:
    """The arrays of Lark's parse table; at most one action for a state and a terminal."""
    table = lark_object.parser.parser.parser.parse_table
    index = {state: place for place, state in enumerate(states)}
    # Lark compares rules by origin and expansion, so that equal ones are one action.
    rule_number: dict[object, int] = {}
    for place, rule in enumerate(lark_object.rules):
        rule_number.setdefault(rule, place)
    num_terminals = len(terminals.names)
    shift = np.full((len(states), num_terminals), -1, np.int32)
    reduce = np.full((len(states), num_terminals), -1, np.int32)
    goto = np.full((len(states), len(numbered.nonterminals)), -1, np.int32)
    for place, state in enumerate(states):
        for symbol, (action, argument) in table.states[state].items():
            if symbol in numbered.nonterminals:
                goto[place, numbered.nonterminals[symbol]] = index[argument]
            elif action is Shift:
                shift[place, terminals.number[symbol]] = index[argument]
            else:
                reduce[place, terminals.number[symbol]] = rule_number[argument]
    offsets = np.zeros(reduce.size + 1, np.int64)
    np.cumsum(reduce.ravel() >= 0, out=offsets[1:])
    return ParserArrays(
        shift=shift,
        reduce_offsets=offsets,
        reduce_rules=np.ascontiguousarray(reduce[reduce >= 0]),
        goto=goto,
        rules=numbered.rules,
        start=0,
        end_state=index[table.end_states[start]],
        start_symbol=numbered.nonterminals[start],
        accepts_empty=False,
    )


def earley_arrays(start: str, numbered: NumberedRules, terminals: Terminals) -> ParserArrays:
    """Nondeterministic LR arrays that accept what an Earley parser accepts."""
    tables = nondeterministic_tables(
        numbered.rules,
        numbered.nonterminals[start],
        len(numbered.nonterminals),
        len(terminals.names),
        terminals.end,
    )
    return ParserArrays(
        shift=tables.shift,
        reduce_offsets=tables.reduce_offsets,
        reduce_rules=tables.reduce_rules,
        goto=tables.goto,
        rules=tables.rules,
        start=tables.start,
        end_state=tables.end_state,
        start_symbol=0,
        accepts_empty=tables.accepts_empty,
    )


def with_derived(arrays: ParserArrays, terminals: Terminals) -> ParserArrays:
    """The arrays with a column for each derived terminal: the one of its original, or empty."""
    if not terminals.originals:
        return arrays
    num_states, num_terminals = arrays.shift.shape
    sources = terminals.originals.values()
    columns = [*range(num_terminals), *(0 if source is None else source for source in sources)]
    empty = [num_terminals + i for i, source in enumerate(sources) if source is None]
    shift = arrays.shift[:, columns]
    shift[:, empty] = -1
    first = arrays.reduce_offsets[:-1].reshape(num_states, num_terminals)[:, columns].ravel()
    counts = np.diff(arrays.reduce_offsets).reshape(num_states, num_terminals)[:, columns]
    counts[:, empty] = 0
    count = counts.ravel()
    offsets = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=offsets[1:])
    place = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], count)
    return replace(
        arrays,
        shift=np.ascontiguousarray(shift),
        reduce_offsets=offsets,
        reduce_rules=arrays.reduce_rules[place],
    )


def actions(arrays: ParserArrays) -> BoolArray:
    """bool [Q, T]: whether a state has any action for a terminal."""
    counts = np.diff(arrays.reduce_offsets).reshape(arrays.shift.shape)
    result: BoolArray = (arrays.shift >= 0) | (counts > 0)
    return result
