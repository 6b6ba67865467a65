"""From the rules of a context-free grammar to LR tables in which all conflicts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import GrammarError, LimitError
from ..tables import Int32Array, Int64Array
from .automaton import Automaton, build_automaton
from .grammar import ReducedGrammar, Rule, without_empty_rules
from .lookaheads import lookaheads

MAX_STATES = 50_000

MAX_ENTRIES = 1 << 27
"""The largest product of states and symbols."""


@dataclass(frozen=True, eq=False)
class NondeterministicTables:
    """An LR automaton with Q states, T terminals, N nonterminals and R rules of its own.

    No rule is empty, so that reductions never make a stack higher; there are no cycles, so that
    only finitely many reductions follow each other.

    Attributes:
        shift: int32 [Q, T], the state that shifting a terminal leads to, or -1.
        reduce_offsets, reduce_rules: int64 [Q*T+1] and int32, the rules that state q may reduce by
            before terminal t: the slice of row q*T+t. Any number of them, with or without a shift.
        rule_length, rule_head: int32 [R].
        goto: int32 [Q, N], the state after a nonterminal, or -1.
        start: the first state; nothing leads to it.
        end_state: the state in which, before the end terminal, the text is accepted.
        accepts_empty: whether the empty text, which these tables refuse, is in the language.
        rules: [R] the transformed rules, in the numbers of the tables.
    """

    shift: Int32Array
    reduce_offsets: Int64Array
    reduce_rules: Int32Array
    rule_length: Int32Array
    rule_head: Int32Array
    goto: Int32Array
    start: int
    end_state: int
    accepts_empty: bool
    rules: tuple[Rule, ...]


def nondeterministic_tables(
    rules: Sequence[Rule],
    start: int,
    num_nonterminals: int,
    num_terminals: int,
    end_terminal: int,
    *,
    max_states: int = MAX_STATES,
) -> NondeterministicTables:
    """LALR(1) tables of a context-free grammar of any kind, ambiguous ones included.

    Args:
        start: the start symbol.
        num_nonterminals, num_terminals: the symbols of the rules are numbered below these.
        end_terminal: the terminal that stands for the end of the text; no rule holds it.

    Raises:
        GrammarError: no text at all can be derived from the start symbol.
        LimitError: there are more than `max_states` states, or more than MAX_ENTRIES table entries.
    """
    grammar = without_empty_rules(rules, start, num_nonterminals)
    if not grammar.rules and not grammar.accepts_empty:
        raise GrammarError(
            "no text can be derived from the start rule: every alternative needs a rule that "
            "never ends; add an alternative without recursion"
        )
    automaton = build_automaton(grammar, max_states)
    symbols = num_terminals + grammar.num_nonterminals
    if len(automaton.transitions) * symbols > MAX_ENTRIES:
        raise LimitError(
            f"{len(automaton.transitions)} LR states and {symbols} terminals and rules are more "
            f"than the tables hold ({MAX_ENTRIES} entries); use fewer rules"
        )
    follow = lookaheads(grammar, automaton, end_terminal)
    offsets, reductions = _reductions(follow, num_terminals)
    shift, goto = _transitions(grammar, automaton, num_terminals)
    return NondeterministicTables(
        shift=shift,
        reduce_offsets=offsets,
        reduce_rules=reductions,
        rule_length=np.array([len(rule.body) for rule in grammar.rules], np.int32),
        rule_head=np.array([rule.head for rule in grammar.rules], np.int32),
        goto=goto,
        start=automaton.start,
        end_state=automaton.end,
        accepts_empty=grammar.accepts_empty,
        rules=grammar.rules,
    )


def _transitions(
    grammar: ReducedGrammar, automaton: Automaton, num_terminals: int
) -> tuple[Int32Array, Int32Array]:
    count = len(automaton.transitions)
    shift = np.full((count, num_terminals), -1, np.int32)
    goto = np.full((count, grammar.num_nonterminals), -1, np.int32)
    for state, row in enumerate(automaton.transitions):
        for (is_terminal, number), target in row.items():
            (shift if is_terminal else goto)[state, number] = target
    return shift, goto


def _reductions(
    follow: Sequence[dict[int, int]], num_terminals: int
) -> tuple[Int64Array, Int32Array]:
    states = np.array([state for state, row in enumerate(follow) for _ in row], np.int64)
    rules = np.array([rule for row in follow for rule in row], np.int32)
    num_bytes = (num_terminals + 7) // 8
    data = b"".join(bits.to_bytes(num_bytes, "little") for row in follow for bits in row.values())
    packed = np.frombuffer(data, np.uint8).reshape(-1, num_bytes)
    which, terminal = np.nonzero(np.unpackbits(packed, axis=1, bitorder="little"))
    rows = states[which] * num_terminals + terminal
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=len(follow) * num_terminals)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return offsets, rules[which[order]]
