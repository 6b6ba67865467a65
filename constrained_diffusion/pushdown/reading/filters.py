"""Post-lexers as tables: Lark's indenters and token transducers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from lark.indenter import Indenter

from ...errors import GrammarError
from ..tables import (
    CLOSING,
    INDENTER,
    NEWLINE,
    NO_FILTER,
    OPENING,
    TRANSDUCER,
    Int32Array,
    Int64Array,
)
from .terminals import Terminals
from .transducer import TokenTransducer

MAX_LEVEL = 1 << 16
"""The longest tab, in columns."""


@dataclass(frozen=True, eq=False)
class FilterTables:
    """What stands between the lexer and the parser of one grammar with T terminals.

    Attributes:
        kind: NO_FILTER, INDENTER or TRANSDUCER.
        sign: int32 [T], OPENING, CLOSING, NEWLINE or 0, for an indenter.
        indent, dedent: the terminals that an indenter makes, else -1.
        tab_length: what a tab adds to the indentation, in columns; 0 without an indenter.
        next: int32 [F, T], the state after a terminal; [0, T] without a transducer.
        offsets, terminals: int64 [F*T+1] and int32, what the parser gets for a terminal in a state;
            in the columns of `$END` what it gets before that.
        start: the first state of a transducer.
    """

    kind: int
    sign: Int32Array
    indent: int
    dedent: int
    tab_length: int
    next: Int32Array
    offsets: Int64Array
    terminals: Int32Array
    start: int


def made_terminals(postlex: object) -> frozenset[str]:
    """The terminals that a post-lexer makes.

    Raises:
        GrammarError: a post-lexer that is neither an indenter nor a token transducer.
    """
    if postlex is None:
        return frozenset()
    if isinstance(postlex, TokenTransducer):
        return postlex.made
    kind = type(postlex)
    same = ("process", "_process", "handle_NL")
    if isinstance(postlex, Indenter):
        changed = [name for name in same if getattr(kind, name) is not getattr(Indenter, name)]
        if not changed:
            return frozenset((postlex.INDENT_type, postlex.DEDENT_type))
        raise GrammarError(
            f"the post-lexer {kind.__name__} has an Indenter's {changed[0]} of its own, and what "
            "that does cannot be known; set the types and tab_len only, or state the post-lexer "
            "as a TokenTransducer"
        )
    raise GrammarError(
        f"the post-lexer {kind.__name__} is a function on tokens, and what it does cannot be "
        "known; state it as a TokenTransducer (it may be the grammar's post-lexer itself), or use "
        "a subclass of lark.indenter.Indenter"
    )


def filter_tables(postlex: object, terminals: Terminals) -> FilterTables:
    """The tables of a post-lexer that `made_terminals` knows."""
    if isinstance(postlex, Indenter):
        return _indenter(postlex, terminals)
    if isinstance(postlex, TokenTransducer):
        return _transducer(postlex, terminals)
    return _without_transducer(NO_FILTER, np.zeros(len(terminals.names), np.int32))


def _without_transducer(
    kind: int, sign: Int32Array, indent: int = -1, dedent: int = -1, tab_length: int = 0
) -> FilterTables:
    return FilterTables(
        kind=kind,
        sign=sign,
        indent=indent,
        dedent=dedent,
        tab_length=tab_length,
        next=np.zeros((0, len(sign)), np.int32),
        offsets=np.zeros(1, np.int64),
        terminals=np.zeros(0, np.int32),
        start=0,
    )


def _indenter(postlex: Indenter, terminals: Terminals) -> FilterTables:
    tab_length = postlex.tab_len
    if not isinstance(tab_length, int) or not 0 < tab_length <= MAX_LEVEL:
        raise GrammarError(
            f"tab_len of the indenter {type(postlex).__name__} is {tab_length!r}; "
            f"set it to a number from 1 to {MAX_LEVEL}"
        )
    # A terminal of two kinds: the newline's is looked at first, and opening before closing.
    signs: dict[str, int] = dict.fromkeys(postlex.CLOSE_PAREN_types, CLOSING)
    signs.update(dict.fromkeys(postlex.OPEN_PAREN_types, OPENING))
    if postlex.NL_type in signs:
        raise GrammarError(
            f"{postlex.NL_type} is both the newline and a bracket of the indenter; keep one"
        )
    signs[postlex.NL_type] = NEWLINE
    return _without_transducer(
        INDENTER,
        np.array([signs.get(name, 0) for name in terminals.names], np.int32),
        terminals.number[postlex.INDENT_type],
        terminals.number[postlex.DEDENT_type],
        tab_length,
    )


def _transducer(postlex: TokenTransducer, terminals: Terminals) -> FilterTables:
    state_number = {state: place for place, state in enumerate(postlex.states)}
    table = np.zeros((len(state_number), len(terminals.names)), np.int32)
    offsets, fed = [0], []
    for state, row in state_number.items():
        for number, name in enumerate(terminals.names):
            if number == terminals.end:
                output, target = postlex.ending(state), state
            else:
                output, target = postlex.step(state, name)
            table[row, number] = state_number[target]
            fed += [_fed(terminals.number, name, number, made) for made in output]
            offsets.append(len(fed))
    return FilterTables(
        kind=TRANSDUCER,
        sign=np.zeros(len(terminals.names), np.int32),
        indent=-1,
        dedent=-1,
        tab_length=0,
        next=table,
        offsets=np.array(offsets, np.int64),
        terminals=np.array(fed, np.int32),
        start=state_number[postlex.start],
    )


def _fed(numbers: Mapping[str, int], name: str, number: int, made: str) -> int:
    """The number of an emitted terminal: a copy's own where it is passed on."""
    return number if made == name else numbers[made]
