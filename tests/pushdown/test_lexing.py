"""Lexer tables match what Python's `re` and Lark's lexers match, with the same lengths."""

from __future__ import annotations

import random
import re
from itertools import product

import lark_grammars
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from lark.common import LexerConf
from lark.exceptions import UnexpectedCharacters
from lark.lexer import (
    BasicLexer,
    ContextualLexer,
    LexerState,
    PatternRE,
    PatternStr,
    TerminalDef,
    TextSlice,
    Token,
)
from lark.utils import get_regexp_width
from lexing_reader import match_at, match_of_re, specification, tokens

from constrained_diffusion.errors import LimitError
from constrained_diffusion.pushdown.lexing import (
    Keyword,
    LexerSpecification,
    TerminalPattern,
    build_lexers,
)
from constrained_diffusion.pushdown.tables import LexerTables

ALPHABET = "ab-\n"
SHORT_TEXTS = ["".join(text) for n in range(5) for text in product(ALPHABET, repeat=n)]

_single = st.sampled_from(["a", "a", "b", "b", "-", r"\n", ".", r"\w", "[ab]", "[^a]", r"[^\n]"])
_anchors = st.sampled_from(["^", "$", r"\A", r"\Z", r"\b", r"\B"])
_behind = st.sampled_from(
    ["(?<=a)", "(?<!a)", "(?<!-)", r"(?<=a|\n)", r"(?<=a$)", r"(?<=[ab](?!b))", r"(?<!a\b)"]
)
_quantifiers = st.sampled_from(
    ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{2,}", "{1,3}?", "{0}"]
)


def _extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = inner.map(lambda body: f"(?:{body})")
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner | st.just(""), min_size=2, max_size=3).map(
            lambda ways: f"({'|'.join(ways)})"
        ),
        st.tuples(grouped, _quantifiers).map("".join),
        inner.map(lambda body: f"(?={body})"),
        inner.map(lambda body: f"(?!{body})"),
        inner.map(lambda body: f"(?i:{body})"),
        inner.map(lambda body: f"(?s:{body})"),
        inner.map(lambda body: f"(?m:{body})"),
    )


patterns = st.recursive(_single | _single | _anchors | _behind, _extended, max_leaves=9)


def compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def usable(pattern: str) -> bool:
    """Whether Lark takes it: it compiles and is never empty."""
    return compiles(pattern) and get_regexp_width(pattern)[0] > 0


def build(lexer: LexerSpecification, num_terminals: int) -> LexerTables:
    """The tables, unless a lookahead has no bound."""
    try:
        return build_lexers([lexer], num_terminals=num_terminals)
    except LimitError as error:
        assume("lookahead decides" not in str(error))
        raise


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(patterns)
@example(r"(?:|a)*b")
@example(r"(?:|a)*?b")
@example(r"(?:(?:a|)*-|)*b")
@example(r"(?:|a){1,3}b|a")
@example(r"(?:a?b??){2,}[ab]")
@example(r"(?:(?:|a)(?:|b))*-")
@example(r"a(?=(?:b|-){0,3}\n)")
@example(r"a(?!b(?!-))|ab")
@example(r"(?:a(?=b)|b(?<!-)?)+")
@example(r"a$\n?|^b$")
@example(r"(?m)^[ab]+$")
@example(r"\Ba|b\b-")
@example(r"(?:ab|a)(?:b|-)??-?")
@example(r"(?:a*?)*b")
@example(r"(?:a{0}|b)+a")
def test_a_terminal_matches_as_re(pattern: str) -> None:
    assume(usable(pattern))
    tables = build(LexerSpecification((TerminalPattern(0, pattern),)), 1)
    compiled = re.compile(pattern)
    for text in SHORT_TEXTS:
        for place in range(len(text) + 1):
            match = compiled.match(text, place)
            expected = None if match is None else (0, match.end())
            assert match_at(tables, 0, text, place) == expected, (pattern, text, place)


@st.composite
def terminals(draw: st.DrawFn) -> list[TerminalDef]:
    result = []
    for number in range(draw(st.integers(1, 5))):
        priority = draw(st.sampled_from([0, 0, 0, 1]))
        if draw(st.booleans()):
            text = draw(st.text("ab-", min_size=1, max_size=3))
            flags = draw(st.sampled_from([(), (), ("i",)]))
            result.append(TerminalDef(f"T{number}", PatternStr(text, flags), priority))
        else:
            pattern = draw(patterns.filter(usable))
            result.append(TerminalDef(f"T{number}", PatternRE(pattern), priority))
    return result


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(terminals(), st.lists(st.text(ALPHABET + "AB", max_size=12), min_size=10, max_size=40))
def test_a_lexer_makes_the_tokens_of_larks(
    definitions: list[TerminalDef], samples: list[str]
) -> None:
    lexer = BasicLexer(LexerConf(definitions, re))
    number = {one.name: place for place, one in enumerate(definitions)}
    tables = build(specification(lexer, number), len(number))
    for text in samples:
        expected = []
        stop = len(text)
        try:
            for token in lexer.lex(LexerState(TextSlice.cast_from(text)), None):
                expected.append((number[token.type], str(token)))
        except UnexpectedCharacters as error:
            stop = error.pos_in_stream
        assert tokens(tables, text) == (expected, stop), text


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(patterns, st.lists(patterns, min_size=1, max_size=2))
@example(r"[ab]+", [r"\Aab\Z"])
@example(r"[ab]+(?!-)", [r"ab(?!b)", r"(?<!b)a+"])
@example(r"[ab]+?-?", [r"a|a-|ab-"])
def test_keywords_match_the_text_by_itself(pattern: str, keywords: list[str]) -> None:
    assume(usable(pattern) and all(map(compiles, keywords)))
    lexer = LexerSpecification(
        (TerminalPattern(0, pattern),),
        tuple(Keyword(0, place + 1, keyword) for place, keyword in enumerate(keywords)),
    )
    tables = build(lexer, len(keywords) + 1)
    for text in SHORT_TEXTS[::2]:
        for place in range(len(text) + 1):
            expected = match_of_re(lexer, text, place)
            assert match_at(tables, 0, text, place) == expected, (text, place)


@pytest.mark.parametrize("name", lark_grammars.names(judged=True))
def test_the_lexers_of_real_grammars_match_as_re(name: str) -> None:
    reading = lark_grammars.reading(name)
    tables = build_lexers(reading.lexers, num_terminals=len(reading.terminals))
    generator = random.Random(5)
    texts = [text for text, _ in lark_grammars.texts(name) if 0 < len(text) < 3000]
    for text in generator.sample(texts, min(len(texts), 60)):
        for place in generator.choices(range(len(text)), k=10):
            for lexer in generator.sample(range(len(reading.lexers)), min(4, len(reading.lexers))):
                expected = match_of_re(reading.lexers[lexer], text, place)
                assert match_at(tables, lexer, text, place) == expected, (text, place, lexer)


def _has_backreference(name: str) -> bool:
    return any("(?P=" in one.pattern.to_regexp() for one in lark_grammars.load(name).terminals)


@pytest.mark.parametrize("name", lark_grammars.names(judged=True))
def test_the_tokens_of_real_grammars_are_larks(name: str) -> None:
    if lark_grammars.meta(name)["parser"] != "lalr" or _has_backreference(name):
        pytest.skip("Lark has no such lexer for it")
    grammar = lark_grammars.load(name)
    number = {one.name: place for place, one in enumerate(grammar.terminals)}
    basic = grammar._build_lexer(True)
    lexer = grammar.parser.lexer
    lexer = getattr(lexer, "lexer", lexer)
    contextual = list(lexer.lexers.values()) if isinstance(lexer, ContextualLexer) else []
    lexers = [basic, *contextual]
    tables = build_lexers([specification(one, number) for one in lexers], num_terminals=len(number))
    generator = random.Random(7)
    texts = [text for text, _ in lark_grammars.texts(name) if 0 < len(text) < 2000]
    for text in generator.sample(texts, min(len(texts), 30)):
        expected = []
        stop = len(text)
        try:
            for token in basic.lex(LexerState(TextSlice.cast_from(text)), None):
                expected.append((number[token.type], str(token)))
        except UnexpectedCharacters as error:
            stop = error.pos_in_stream
        assert tokens(tables, text) == (expected, stop), text
        for place in generator.choices(range(len(text)), k=5):
            for one in generator.sample(range(1, len(lexers)), min(5, len(contextual))):
                assert match_at(tables, one, text, place) == match_of_lark(
                    lexers[one], number, text, place
                ), (text, place, one)


def match_of_lark(
    lexer: BasicLexer, number: dict[str, int], text: str, place: int
) -> tuple[int, int] | None:
    """The terminal and the end of the match at a place."""
    found = lexer.match(TextSlice.cast_from(text), place)
    if found is None:
        return None
    value, name = found
    if name in lexer.callback:
        name = lexer.callback[name](Token(name, value)).type
    return number[name], place + len(value)
