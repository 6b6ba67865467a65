"""From a compiled `lark.Lark` object to everything that the pushdown engine needs to know of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import lark
import numpy as np
from lark.indenter import Indenter

from ...errors import GrammarError
from ..lexing.specification import LexerSpecification
from ..tables import UInt8Array
from . import parsers
from .costs import UNREACHABLE, Costs, costs_of
from .filters import FilterTables, filter_tables, made_terminals
from .lexers import Lexers, check_lexer_options, dynamic_lexers, lexers_of_states
from .parsers import ParserArrays
from .terminals import Terminals, terminals_of
from .transducer import TokenTransducer


@dataclass(frozen=True, eq=False)
class GrammarReading:
    """One grammar in numbers: T terminals, Q LR states.

    Attributes:
        terminals: [T], their names in Lark: the defined ones, then those that only a post-lexer
            makes, `$END`, then derived ones of the same name: copies of ignored terminals that
            are fed to the parser, and the refused rests of terminals that refer back.
        titles: [T], what to call them in messages: the pattern where Lark made the name up.
        patterns: [T], Python regular expressions; None for those that no lexer matches.
        fates: uint8 [T], FED, IGNORED or REFUSED.
        end: the number of `$END`.
        parser: the LR arrays and the rules in their numbers.
        lexers: lexer specifications, in the numbers of `terminals`.
        state_lexers: [Q], the indices of each LR state's lexers.
        filter: the post-lexer.
        costs: how short the texts of terminals, rules and nonterminals can be.
        deterministic: whether there is at most one action for each state and terminal (LALR).
        bounds: sentences about what is narrower here than in Lark.
    """

    terminals: tuple[str, ...]
    titles: tuple[str, ...]
    patterns: tuple[str | None, ...]
    fates: UInt8Array
    end: int
    parser: ParserArrays
    lexers: tuple[LexerSpecification, ...]
    state_lexers: tuple[tuple[int, ...], ...]
    filter: FilterTables
    costs: Costs
    deterministic: bool
    bounds: tuple[str, ...]


def read(
    lark_object: lark.Lark,
    *,
    filter: TokenTransducer | Indenter | None = None,
    start: str | None = None,
    never: Collection[str] = (),
) -> GrammarReading:
    """Reads Lark's own tables, lexers and rules.

    Args:
        lark_object: with parser "lalr" (lexer "contextual" or "basic") or "earley" (lexer "dynamic"
            or "basic").
        filter: what its post-lexer does, if that is code that cannot be read; without it the
            post-lexer must be a `TokenTransducer`, or an `Indenter` that overrides no method.
        start: the start rule, if it has several.
        never: terminals that the grammar declares for other users of it and that nothing makes
            here. (Any other such terminal is an error, since its rules would silently be lost.)

    Raises:
        GrammarError: something that cannot be honoured, or an empty language; says what to change,
            with line and column where the grammar's text is known.
        LimitError: the LR automaton of an Earley grammar is too large.
    """
    options = lark_object.options
    check_lexer_options(lark_object)
    _check_parser_options(lark_object)
    start = _start_rule(lark_object, start)
    postlex = options.postlex if filter is None else filter
    made = made_terminals(postlex)
    dynamic = options.lexer == "dynamic"
    terminals = terminals_of(lark_object, made, never, alone=dynamic)
    numbered = parsers.numbered_rules(lark_object, terminals)
    if options.parser == "lalr":
        states = parsers.lalr_states(lark_object, start)
        arrays = parsers.lalr_arrays(lark_object, start, numbered, terminals, states)
        lexers = lexers_of_states(lark_object, terminals, states)
    else:
        arrays = parsers.earley_arrays(start, numbered, terminals)
        lexers = _earley_lexers(lark_object, terminals, arrays)
    arrays = parsers.with_derived(arrays, terminals)
    num_nonterminals = int(arrays.goto.shape[1])
    costs = costs_of(terminals.examples, arrays.rules, num_nonterminals)
    if costs.nonterminal_terminals[arrays.start_symbol] >= UNREACHABLE and not arrays.accepts_empty:
        reason = f" ({'; '.join(terminals.bounds)})" if terminals.bounds else ""
        raise GrammarError(
            f"no text can be derived from {start}: each of its alternatives needs a rule that "
            f"never ends or a terminal that nothing matches{reason}; add an alternative"
        )
    return GrammarReading(
        terminals=tuple(terminals.names),
        titles=terminals.titles(),
        patterns=tuple(terminals.patterns),
        fates=np.array(terminals.fates, np.uint8),
        end=terminals.end,
        parser=arrays,
        lexers=lexers.specifications,
        state_lexers=lexers.of_state,
        filter=filter_tables(postlex, terminals),
        costs=costs,
        deterministic=options.parser == "lalr",
        bounds=tuple(terminals.bounds),
    )


def _check_parser_options(lark_object: lark.Lark) -> None:
    options = lark_object.options
    if options.parser not in ("lalr", "earley"):
        raise GrammarError(
            f"parser={options.parser!r} is not supported; use 'lalr', or 'earley' for grammars "
            "that are not LALR"
        )
    if options.lexer == "dynamic_complete":
        raise GrammarError(
            "lexer='dynamic_complete' lets a terminal match any shorter text too, so that it "
            "decides by the whole rest of the text; use lexer='dynamic'"
        )
    if options._plugins:
        raise GrammarError(
            f"plugins of Lark may parse as they like: {', '.join(sorted(options._plugins))}; a "
            "grammar for generation has none"
        )
    if options.transformer is not None:
        raise GrammarError(
            "a transformer inside of Lark may refuse texts; transform the tree after parsing"
        )


def _start_rule(lark_object: lark.Lark, start: str | None) -> str:
    known = lark_object.options.start
    if start is None and len(known) == 1:
        return str(known[0])
    if start not in known:
        raise GrammarError(
            f"name one of the start rules {', '.join(known)}"
            + ("" if start is None else f"; {start} is not one of them")
        )
    return start


def _earley_lexers(lark_object: lark.Lark, terminals: Terminals, arrays: ParserArrays) -> Lexers:
    num_states = len(arrays.shift)
    if lark_object.options.lexer == "basic":
        basic = lexers_of_states(lark_object, terminals, (0,))
        return Lexers(basic.specifications, basic.of_state * num_states)
    acts = parsers.actions(arrays)
    return dynamic_lexers(terminals, [np.flatnonzero(row).tolist() for row in acts])
