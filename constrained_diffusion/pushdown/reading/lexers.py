"""Lark's lexers as specifications: the alternatives in their order, and the keywords."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import lark
from lark.lexer import BasicLexer, ContextualLexer, UnlessCallback
from lark.parser_frontends import PostLexConnector

from ...errors import GrammarError
from ..lexing.specification import Keyword, LexerSpecification
from ..tables import IGNORED, REFUSED
from .places import shown
from .terminals import Terminals


@dataclass(frozen=True)
class Lexers:
    """Attributes:
    specifications: without repetition.
    of_state: the lexers of each LR state, as indices.
    """

    specifications: tuple[LexerSpecification, ...]
    of_state: tuple[tuple[int, ...], ...]


def check_lexer_options(lark_object: lark.Lark) -> None:
    """Raises GrammarError for what cannot be known from patterns."""
    options = lark_object.options
    if options.use_bytes:
        raise GrammarError("Lark(use_bytes=True) is not supported; let the grammar read text")
    if options.regex:
        raise GrammarError(
            "Lark(regex=True) is not supported; write the terminals in the syntax of Python's re"
        )
    if options.lexer_callbacks:
        raise GrammarError(
            "lexer_callbacks are functions that may change any token: "
            f"{', '.join(sorted(options.lexer_callbacks))}; a grammar for generation has none"
        )
    if not isinstance(options.lexer, str):
        raise GrammarError("a lexer class of its own is not supported; use lexer='contextual'")


def lexers_of_states(
    lark_object: lark.Lark, terminals: Terminals, states: Sequence[Hashable]
) -> Lexers:
    """The lexers of Lark's LR states: one each, chosen by the state or the same for all."""
    lexer: Any = lark_object.parser.lexer
    if isinstance(lexer, PostLexConnector):
        lexer = lexer.lexer
    contextual = isinstance(lexer, ContextualLexer)
    by_state = lexer.lexers if contextual else dict.fromkeys(states, lexer)
    for one in {type(lexer), *map(type, by_state.values())}:
        # Subclasses (Lark's plugins) may lex as they like.
        if one not in (BasicLexer, ContextualLexer):
            raise GrammarError(f"the lexer {one.__name__} is not one of Lark's own")
    number: dict[LexerSpecification, int] = {}
    known: dict[int, int] = {}
    of_state = []
    for state in states:
        basic = by_state[state]
        if id(basic) not in known:
            specification = _specification(basic, terminals)
            known[id(basic)] = number.setdefault(specification, len(number))
        of_state.append((known[id(basic)],))
    return Lexers(tuple(number), tuple(of_state))


def _specification(lexer: BasicLexer, terminals: Terminals) -> LexerSpecification:
    try:
        alternatives = lexer.scanner.terminals
    except re.error as error:
        raise GrammarError(
            f"the terminals do not compile together: {error}; each name of a group (?P<name>...) "
            "may stand in one terminal only"
        ) from None
    number = terminals.number
    keywords = []
    for name, callback in lexer.callback.items():
        if not isinstance(callback, UnlessCallback):
            raise GrammarError(f"terminal {shown(terminals.lark, name)} has a callback; remove it")
        fate = terminals.fates[number[name]]
        if fate in (IGNORED, REFUSED):
            # An ignored match is dropped before it is renamed (lark.lexer.BasicLexer.next_token).
            continue
        for keyword in callback.scanner.terminals:
            renamed = number[keyword.name]
            if terminals.fates[renamed] == IGNORED:
                renamed = terminals.copy_of(renamed)
            pattern = terminals.alternative(number[keyword.name]).pattern
            keywords.append(Keyword(number[name], renamed, pattern))
    return LexerSpecification(
        tuple(one for terminal in alternatives for one in terminals.alternatives(terminal.name)),
        tuple(keywords),
    )


def dynamic_lexers(terminals: Terminals, expected: Sequence[Sequence[int]]) -> Lexers:
    """Earley's dynamic lexer: each expected and each ignored terminal is matched by itself.

    Args:
        expected: the terminals of each LR state.
    """
    ignored = [number for number, fate in enumerate(terminals.fates) if fate == IGNORED]
    number: dict[LexerSpecification, int] = {}
    of_state = []
    for row in expected:
        # A terminal that is both expected and ignored is read in both ways.
        wanted = [
            terminals.copy_of(terminal) if terminals.fates[terminal] == IGNORED else terminal
            for terminal in row
            if terminal != terminals.end and terminals.fates[terminal] != REFUSED
        ] + ignored
        # Where a terminal is left out, so is what might match in its place: they do not compete.
        singles = [LexerSpecification((terminals.alternative(one),)) for one in wanted]
        # Where only the end of the text may follow, a lexer that matches nothing waits for it.
        singles = singles or [LexerSpecification(())]
        of_state.append(tuple(number.setdefault(single, len(number)) for single in singles))
    return Lexers(tuple(number), tuple(of_state))
