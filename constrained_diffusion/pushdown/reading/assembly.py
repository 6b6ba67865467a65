"""Putting the parts of a text together: one numbering, one set of lexers, one set of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import ByteAutomaton
from ...errors import GrammarError, LimitError
from ..lexing.specification import Keyword, LexerSpecification, TerminalPattern
from ..tables import (
    GRAMMAR,
    IGNORED,
    INDENTER,
    NEWLINE,
    NO_FILTER,
    REFUSED,
    REGULAR,
    TRANSDUCER,
    BoolArray,
    Int32Array,
    Int64Array,
    ParserTables,
    PartTables,
    Tables,
    UInt64Array,
)
from .parsers import actions
from .reading import GrammarReading

DEFAULT_TAB_LENGTH = 8
MAX_TERMINALS = 1 << 16
MAX_TABLE_ENTRIES = 1 << 28
"""The largest product of LR states and terminals, over all parts."""


@dataclass(frozen=True)
class _Offsets:
    """The numbers at which a part's own begin."""

    state: int = 0
    terminal: int = 0
    nonterminal: int = 0
    rule: int = 0
    lexer: int = 0
    filter: int = 0
    regular: int = 0

    def after(self, part: GrammarReading | ByteAutomaton) -> _Offsets:
        """The offsets of the part that follows."""
        if isinstance(part, ByteAutomaton):
            return _Offsets(
                self.state, self.terminal, self.nonterminal, self.rule, self.lexer, self.filter,
                self.regular + part.num_states,
            )  # fmt: skip
        states, terminals = part.parser.shift.shape
        return _Offsets(
            self.state + states,
            self.terminal + terminals,
            self.nonterminal + part.parser.goto.shape[1],
            self.rule + len(part.parser.rules),
            self.lexer + len(part.lexers),
            self.filter + len(part.filter.next),
            self.regular,
        )


def assemble(parts: Sequence[GrammarReading | ByteAutomaton]) -> Tables:
    """The tables of a text that consists of some parts, one after the other.

    Terminals, LR states, nonterminals, rules, lexers, transducer states and states of byte automata
    are numbered through, in the order of the parts.

    Raises:
        GrammarError: indenters of different tab lengths, or terminals that no lexer table can hold.
        LimitError: tables that are too large.
    """
    return _assembled(tuple(parts))


@lru_cache(maxsize=8)
def _assembled(parts: tuple[GrammarReading | ByteAutomaton, ...]) -> Tables:
    from ..lexing import build_lexers

    offsets = [_Offsets()]
    for part in parts:
        offsets.append(offsets[-1].after(part))
    total = offsets.pop()
    if total.terminal >= MAX_TERMINALS or total.state * total.terminal > MAX_TABLE_ENTRIES:
        raise LimitError(
            f"{total.state} LR states and {total.terminal} terminals over all parts are more than "
            f"the tables hold ({MAX_TERMINALS} terminals, {MAX_TABLE_ENTRIES} entries); use "
            "smaller grammars or fewer holes"
        )
    grammars = [
        (part, offset)
        for part, offset in zip(parts, offsets, strict=True)
        if isinstance(part, GrammarReading)
    ]
    parser = _parser_tables(grammars, total)
    lexers = build_lexers(
        [_renumbered(lexer, at.terminal) for part, at in grammars for lexer in part.lexers],
        num_terminals=total.terminal,
        tab_length=_tab_length([part for part, _ in grammars]),
        newline_terminals=np.flatnonzero(parser.sign == NEWLINE).tolist(),
    )
    return Tables(lexers, parser, _part_tables(parts, offsets, total))


def _renumbered(lexer: LexerSpecification, offset: int) -> LexerSpecification:
    return LexerSpecification(
        tuple(TerminalPattern(one.number + offset, one.pattern) for one in lexer.terminals),
        tuple(
            Keyword(one.terminal + offset, one.keyword + offset, one.pattern)
            for one in lexer.keywords
        ),
    )


def _tab_length(grammars: Sequence[GrammarReading]) -> int:
    lengths = {part.filter.tab_length for part in grammars if part.filter.kind == INDENTER}
    if len(lengths) > 1:
        raise GrammarError(
            f"the indenters of one text have tabs of {sorted(lengths)} columns; give all of them "
            "the same tab_len"
        )
    return lengths.pop() if lengths else DEFAULT_TAB_LENGTH


def _parser_tables(
    grammars: Sequence[tuple[GrammarReading, _Offsets]], total: _Offsets
) -> ParserTables:
    shift = np.full((total.state, total.terminal), -1, np.int32)
    goto = np.full((total.state, total.nonterminal), -1, np.int32)
    counts = np.zeros((total.state, total.terminal), np.int32)
    expected = np.zeros((total.state, total.terminal), np.bool_)
    reduce_rules, lengths, heads, fates, signs = [], [], [], [], []
    lexers: list[int] = []
    lexer_offsets = [0]
    for part, at in grammars:
        own = part.parser
        states = slice(at.state, at.state + own.shift.shape[0])
        columns = slice(at.terminal, at.terminal + own.shift.shape[1])
        shift[states, columns] = _moved(own.shift, at.state)
        goto[states, at.nonterminal : at.nonterminal + own.goto.shape[1]] = _moved(
            own.goto, at.state
        )
        counts[states, columns] = np.diff(own.reduce_offsets).reshape(own.shift.shape)
        expected[states, columns] = _expected(part)
        reduce_rules.append(own.reduce_rules + at.rule)
        lengths += [len(rule.body) for rule in own.rules]
        heads += [rule.head + at.nonterminal for rule in own.rules]
        fates.append(part.fates)
        signs.append(part.filter.sign)
        for row in part.state_lexers:
            lexers += [number + at.lexer for number in row]
            lexer_offsets.append(len(lexers))
    reduce_offsets = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts.ravel(), out=reduce_offsets[1:])
    return ParserTables(
        shift=shift,
        reduce_offsets=reduce_offsets,
        reduce_rules=_joined(reduce_rules, np.int32),
        rule_length=np.array(lengths, np.int32),
        rule_head=np.array(heads, np.int32),
        goto=goto,
        lexer_offsets=np.array(lexer_offsets, np.int32),
        lexers=np.array(lexers, np.int32),
        expected=bit_sets(expected),
        fate=_joined(fates, np.uint8),
        sign=_joined(signs, np.int32),
    )


def _moved(table: Int32Array, offset: int) -> Int32Array:
    """The table with its numbers moved; -1 stays."""
    result: Int32Array = np.where(table >= 0, table + offset, np.int32(-1)).astype(np.int32)
    return result


def _joined(arrays: Sequence[NDArray[np.generic]], dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype)


def _expected(part: GrammarReading) -> BoolArray:
    """bool [Q, T]: the terminals that need not be an error in a state.

    Those that the state has an action for, the ignored ones, the newlines of an indenter (which
    drops them in brackets), and those that a transducer withholds or turns into expected ones.
    """
    acts = actions(part.parser)
    result: BoolArray = acts | (part.fates == IGNORED)
    table = part.filter
    if table.kind == INDENTER:
        result |= table.sign == NEWLINE
    elif table.kind == TRANSDUCER:
        num_terminals = table.next.shape[1]
        for row in range(table.next.size):
            first, last = table.offsets[row], table.offsets[row + 1]
            terminal = row % num_terminals
            if first == last:
                result[:, terminal] = True
            else:
                result[:, terminal] |= acts[:, table.terminals[first]]
        result[:, part.end] = acts[:, part.end]
    result &= part.fates != REFUSED
    return result


def bit_sets(members: BoolArray) -> UInt64Array:
    """bool [Q, T] as bit sets, uint64 [Q, W]: member t is bit t % 64 of word t // 64."""
    words = max(1, -(-members.shape[1] // 64))
    padded = np.zeros((len(members), words * 64), np.bool_)
    padded[:, : members.shape[1]] = members
    octets = np.packbits(padded, axis=1, bitorder="little")
    result: UInt64Array = octets.view("<u8").astype(np.uint64)
    return result


def _part_tables(
    parts: Sequence[GrammarReading | ByteAutomaton],
    offsets: Sequence[_Offsets],
    total: _Offsets,
) -> PartTables:
    filter_next, filter_offsets, filter_terminals = _filters(parts, offsets, total)
    columns: dict[str, list[int]] = {
        name: []
        for name in (
            "kind", "start", "end_state", "end_terminal", "filter", "indent", "dedent",
            "filter_start",
        )
    }  # fmt: skip
    accepts_empty = []
    dense, accepting = [], []
    for part, at in zip(parts, offsets, strict=True):
        if isinstance(part, ByteAutomaton):
            row = (REGULAR, at.regular, -1, -1, NO_FILTER, -1, -1, 0)
            accepts_empty.append(False)
            dense.append(_moved(part.dense(), at.regular))
            accepting.append(part.accepting)
        else:
            own, table = part.parser, part.filter
            made = [-1 if n < 0 else n + at.terminal for n in (table.indent, table.dedent)]
            row = (
                GRAMMAR, own.start + at.state, own.end_state + at.state, part.end + at.terminal,
                table.kind, made[0], made[1], table.start + at.filter,
            )  # fmt: skip
            accepts_empty.append(own.accepts_empty)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return PartTables(
        accepts_empty=np.array(accepts_empty, np.bool_),
        filter_next=filter_next,
        filter_offsets=filter_offsets,
        filter_terminals=filter_terminals,
        regular_next=np.concatenate([np.zeros((0, 256), np.int32), *dense]),
        regular_accepting=_joined(accepting, np.bool_),
        **{name: np.array(column, np.int32) for name, column in columns.items()},
    )


def _filters(
    parts: Sequence[GrammarReading | ByteAutomaton],
    offsets: Sequence[_Offsets],
    total: _Offsets,
) -> tuple[Int32Array, Int64Array, Int32Array]:
    rows = max(1, total.filter)
    table = np.full((rows, total.terminal), -1, np.int32)
    counts = np.zeros((rows, total.terminal), np.int64)
    terminals = []
    for part, at in zip(parts, offsets, strict=True):
        if isinstance(part, GrammarReading) and part.filter.kind == TRANSDUCER:
            own = part.filter
            states = slice(at.filter, at.filter + own.next.shape[0])
            columns = slice(at.terminal, at.terminal + own.next.shape[1])
            table[states, columns] = own.next + at.filter
            counts[states, columns] = np.diff(own.offsets).reshape(own.next.shape)
            terminals.append(own.terminals + at.terminal)
    result = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts.ravel(), out=result[1:])
    return table, result, _joined(terminals, np.int32)
