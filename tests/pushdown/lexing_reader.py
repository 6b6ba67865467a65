"""A slow reader of lexer tables, and specifications out of Lark's lexers."""

from __future__ import annotations

import re
from functools import lru_cache

from lark.lexer import BasicLexer

from constrained_diffusion.pushdown.lexing import Keyword, LexerSpecification, TerminalPattern
from constrained_diffusion.pushdown.tables import LexerTables


def match_at(tables: LexerTables, lexer: int, text: str, place: int) -> tuple[int, int] | None:
    """The terminal and the end of the match at a place, as the tables have it; checks on the way
    what they say of pending characters and of terminals that may come."""
    classes = tables.point_class[[ord(character) for character in text]].tolist()
    column = tables.start.shape[1] - 1 if place == 0 else classes[place - 1]
    state = int(tables.start[lexer, column])
    assert tables.is_start[state]
    states = [state]
    found = None
    for end in range(place, len(text)):
        keep = tables.keep[state]
        state = int(tables.next[state, classes[end]])
        if state == 0:
            break
        states.append(state)
        assert not tables.is_start[state]
        if tables.match[state] >= 0:
            assert tables.match_back[state] <= keep + 1
            found = (int(tables.match[state]), end + 1 - int(tables.match_back[state]))
            assert all(may_match(tables, one, found[0]) for one in states)
    else:
        if tables.end_match[state] >= 0:
            assert tables.end_back[state] <= tables.keep[state]
            found = (int(tables.end_match[state]), len(text) - int(tables.end_back[state]))
            assert all(may_match(tables, one, found[0]) for one in states)
    return found


def may_match(tables: LexerTables, state: int, terminal: int) -> bool:
    return bool(int(tables.reachable[state, terminal // 64]) >> terminal % 64 & 1)


def tokens(tables: LexerTables, text: str) -> tuple[list[tuple[int, str]], int]:
    """The terminals and texts that lexer 0 makes of a text, and where it stops."""
    result = []
    place = 0
    while place < len(text):
        found = match_at(tables, 0, text, place)
        if found is None:
            break
        terminal, end = found
        result.append((terminal, text[place:end]))
        place = end
    return result, place


def specification(lexer: BasicLexer, number: dict[str, int]) -> LexerSpecification:
    """One of Lark's lexers, which must not have callbacks but its own."""
    alternatives = lexer.scanner.terminals
    return LexerSpecification(
        tuple(TerminalPattern(number[one.name], one.pattern.to_regexp()) for one in alternatives),
        tuple(
            Keyword(number[name], number[one.name], one.pattern.to_regexp())
            for name, callback in lexer.callback.items()
            for one in callback.scanner.terminals
        ),
    )


_compiled = lru_cache(maxsize=4096)(re.compile)


def match_of_re(lexer: LexerSpecification, text: str, place: int) -> tuple[int, int] | None:
    """The terminal and the end of the match at a place, by `re`."""
    for one in lexer.terminals:
        if match := _compiled(one.pattern).match(text, place):
            for keyword in lexer.keywords:
                if keyword.terminal == one.number and _compiled(keyword.pattern).fullmatch(
                    match[0]
                ):
                    return keyword.keyword, match.end()
            return one.number, match.end()
    return None
