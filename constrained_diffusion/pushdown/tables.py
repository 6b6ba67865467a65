"""The tables of the pushdown engine: lexers, parsers and post-lexers as arrays.

A *part* is a piece of the text with a language of its own: one part for a grammar by itself; the
literals and holes of a template are one part each. A *class* is a set of characters that no lexer
tells apart. Terminals, LR states and lexer states are numbered through all parts.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

BoolArray: TypeAlias = NDArray[np.bool_]
Int32Array: TypeAlias = NDArray[np.int32]
Int64Array: TypeAlias = NDArray[np.int64]
UInt8Array: TypeAlias = NDArray[np.uint8]
UInt16Array: TypeAlias = NDArray[np.uint16]
UInt64Array: TypeAlias = NDArray[np.uint64]

Int: TypeAlias = "int | np.integer[Any]"
"""A number within kernels, where numba wants to be told its width."""

REGULAR, GRAMMAR = 0, 1
"""Kinds of parts: a byte automaton, or a lexer with a parser."""

FED, IGNORED, REFUSED = 0, 1, 2
"""What becomes of a terminal: the parser gets it; it is skipped; the text is refused (a terminal
that is wider here than in Lark, so that its texts are left out)."""

NO_FILTER, INDENTER, TRANSDUCER = 0, 1, 2
"""Kinds of post-lexers of a part."""

OPENING, CLOSING, NEWLINE = 1, 2, 3
"""What a terminal means to an indenter; 0 for all others."""


class LexerTables(NamedTuple):
    """Leftmost-first lexers (ordered threads, determinised) over classes of characters.

    Lexer state 0 is dead. No edge leads back to a start state: in one, nothing of the terminal has
    been read.

    Attributes:
        point_class: uint16 [0x110000], the class of each code point.
        column: int32 [C], what the class adds to the indentation: 1 for the blank, the tab length
            for the tab, -1 for the line feed (which sets it to 0), else 0.
        next: int32 [S, C], the state after a character.
        match: int32 [S], the terminal whose match is decided when the state is entered, or -1. It
            replaces every earlier match of this terminal's reading.
        match_back: int32 [S], how many characters before the last one read it ended (0: with it).
        end_match, end_back: int32 [S], the same if the text ends here; -1 where nothing matches
            that `match` (of this or of an earlier state) does not give.
        keep: int32 [S], how many of the last characters an undecided match may have to give back.
        is_start: bool [S].
        start: int32 [X, C+1], the start state of lexer x after a character of class c; column C is
            the start of the text.
        reachable: uint64 [S, W], bit set over terminals: those that some path from here matches.
    """

    point_class: UInt16Array
    column: Int32Array
    next: Int32Array
    match: Int32Array
    match_back: Int32Array
    end_match: Int32Array
    end_back: Int32Array
    keep: Int32Array
    is_start: BoolArray
    start: Int32Array
    reachable: UInt64Array


class ParserTables(NamedTuple):
    """LR parsers, deterministic (at most one action each) or not, and what stands before them.

    Attributes:
        shift: int32 [Q, T], the state that shifting a terminal leads to, or -1.
        reduce_offsets, reduce_rules: int64 [Q*T+1] and int32, the rules that a state reduces by
            before a terminal: those of (q, t) are in the slice of row q*T+t.
        rule_length, rule_head: int32 [R].
        goto: int32 [Q, N], the state after a nonterminal, or -1.
        lexer_offsets, lexers: int32 [Q+1] and int32, the lexers of each state: one for a basic or
            contextual lexer, one per terminal that may follow (and per ignored one) for Earley's
            dynamic lexer, whose terminals do not compete.
        expected: uint64 [Q, W], bit set over terminals that the state has an action for, and the
            ignored ones.
        fate: uint8 [T], FED, IGNORED or REFUSED.
        sign: int32 [T], OPENING, CLOSING, NEWLINE or 0, for indenters.
    """

    shift: Int32Array
    reduce_offsets: Int64Array
    reduce_rules: Int32Array
    rule_length: Int32Array
    rule_head: Int32Array
    goto: Int32Array
    lexer_offsets: Int32Array
    lexers: Int32Array
    expected: UInt64Array
    fate: UInt8Array
    sign: Int32Array


class PartTables(NamedTuple):
    """The parts in order; arrays over P parts.

    Attributes:
        kind: int32 [P], REGULAR or GRAMMAR.
        start: int32 [P], the start state: of `regular_next`, or the first LR state.
        end_state: int32 [P], the LR state in which, before the end terminal, the text is accepted.
        end_terminal: int32 [P], `$END`.
        accepts_empty: bool [P], whether the empty text is accepted although the parser lacks it.
        filter: int32 [P], NO_FILTER, INDENTER or TRANSDUCER.
        indent, dedent: int32 [P], the terminals that an indenter makes.
        filter_start: int32 [P], the first state of a transducer.
        filter_next: int32 [F, T], transducer states after a terminal, -1 where it is refused
            (F = 1 where there is no transducer).
        filter_offsets, filter_terminals: int64 [F*T+1] and int32, what is fed to the parser for a
            terminal in a state; before `$END` what is in the row of the end terminal.
        regular_next: int32 [G, 256], the byte automata of the regular parts; -1 is dead.
        regular_accepting: bool [G].
    """

    kind: Int32Array
    start: Int32Array
    end_state: Int32Array
    end_terminal: Int32Array
    accepts_empty: BoolArray
    filter: Int32Array
    indent: Int32Array
    dedent: Int32Array
    filter_start: Int32Array
    filter_next: Int32Array
    filter_offsets: Int64Array
    filter_terminals: Int32Array
    regular_next: Int32Array
    regular_accepting: BoolArray


class Tables(NamedTuple):
    """Everything that the machine reads."""

    lexer: LexerTables
    parser: ParserTables
    parts: PartTables
