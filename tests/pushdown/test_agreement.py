"""What the machine accepts is what Lark parses."""

from __future__ import annotations

import random
import re
from itertools import product

import lark
import lark_grammars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.indenter import Indenter
from lark_grammars import lark_accepts
from test_reading_filters import LETTERS, endings, transitions

from constrained_diffusion.automata.regex import from_regex
from constrained_diffusion.errors import GrammarError
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import TokenTransducer, Transition, assemble, read

MAX_CHARACTERS = 1500
"""Longer texts are left to the benchmark."""

PER_GRAMMAR = 60


def machine_of(compiled: lark.Lark) -> Machine:
    return Machine(assemble([read(compiled)]), [])


@pytest.mark.parametrize("name", lark_grammars.names(judged=True) or [None])
def test_real_grammars(name: str | None) -> None:
    if name is None:
        pytest.skip("the folder of real grammars is absent")
    machine = Machine(assemble([lark_grammars.reading(name)]), [])
    judged = [pair for pair in lark_grammars.texts(name) if len(pair[0]) <= MAX_CHARACTERS]
    chosen = random.Random(name).sample(judged, min(PER_GRAMMAR, len(judged)))
    assert [text for text, verdict in chosen if machine.accepts(text.encode()) != verdict] == []
    for text in [text for text, verdict in judged if verdict and len(text) < 300][:3]:
        config = machine.run(b"")
        for byte in text.encode():
            config = machine.run(bytes((byte,)), config)
            assert config != 0, text
        assert machine.finishes(config)


def assert_same_language(compiled: lark.Lark, alphabet: str, length: int) -> None:
    machine = machine_of(compiled)
    for size in range(length + 1):
        for letters in product(alphabet, repeat=size):
            text = "".join(letters)
            assert machine.accepts(text.encode()) == lark_accepts(compiled, text), text


FRAGMENTS = ["a", "ab", "b", "a+", "b*a", "[ab]", "(a|ab)", "(ab|a)", "a?b", ".", "a+?", "é"]
LOOKS = ["", "(?!b)", "(?=a)", "(?<!a)", "(?<=b)", "$"]


@st.composite
def terminals(draw) -> str:
    """A regular expression, sometimes with an assertion at an end or in its middle."""
    parts = draw(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3))
    place = draw(st.integers(0, len(parts)))
    return "".join([*parts[:place], draw(st.sampled_from(LOOKS)), *parts[place:]])


RULES = [
    "start: A B C",
    "start: (A | B)* C",
    "start: A start B | C",
    "start: A (B A)* [C]",
    "start: x x\nx: A | B | C x",
    "start: A+ | B C",
]


@st.composite
def grammars(draw) -> str:
    lines = [draw(st.sampled_from(RULES))]
    for name in "ABC":
        priority = draw(st.sampled_from(["", ".1", ".-1"]))
        if draw(st.integers(0, 3)) == 0:
            pattern = draw(st.sampled_from(['"a"', '"ab"', '"b"i', '"ba"']))
        else:
            pattern = f"/{draw(terminals())}/"
        lines.append(f"{name}{priority}: {pattern}")
    if draw(st.booleans()):
        lines.append("%ignore /[ b]/")
    return "\n".join(lines)


def compiled_or_none(grammar: str, **options) -> lark.Lark | None:
    try:
        return lark.Lark(grammar, **options)
    except (lark.exceptions.LarkError, AssertionError):
        return None


@settings(max_examples=80)
@given(grammars(), st.sampled_from(["basic", "contextual"]))
def test_random_lalr_grammars(grammar: str, lexer: str) -> None:
    compiled = compiled_or_none(grammar, parser="lalr", lexer=lexer)
    if compiled is None:
        return
    try:
        assert_same_language(compiled, "abé ", 4)
    except GrammarError as error:
        assert "no text can be derived" in str(error)


@settings(max_examples=80)
@given(grammars(), st.sampled_from(["basic", "dynamic"]))
def test_random_earley_grammars(grammar: str, lexer: str) -> None:
    compiled = compiled_or_none(grammar, parser="earley", lexer=lexer)
    if compiled is None:
        return
    try:
        assert_same_language(compiled, "ab ", 4)
    except GrammarError as error:
        assert "no text can be derived" in str(error)


@settings(max_examples=25)
@given(transitions, endings, st.sampled_from(["basic", "contextual"]))
def test_random_transducers(edges, ends, lexer: str) -> None:
    edges = (*edges, Transition("2", "A", ("MADE",), "0"))
    transducer = TokenTransducer("0", edges, ends, ("A", "B"))
    compiled = lark.Lark(LETTERS, parser="lalr", lexer=lexer, postlex=transducer)
    assert_same_language(compiled, "abc.", 4)


class SmallIndenter(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = ("LPAR",)
    CLOSE_PAREN_types = ("RPAR",)
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 3


INDENTED = r"""
    start: (_NL | line)*
    line: NAME _NL [_INDENT line+ _DEDENT] | "(" NAME* ")" _NL
    NAME: /a/
    _NL: /(\r?\n[ \t]*)+|#/
    %declare _INDENT _DEDENT
    %ignore " "
"""


def test_indenter() -> None:
    compiled = lark.Lark(INDENTED, parser="lalr", postlex=SmallIndenter())
    machine = machine_of(compiled)
    generator = random.Random(5)
    pieces = ["a", "a\n", "\n", " ", "   ", "\t", "(", ")", "#", "(a)\n", "\r\n", "a\n "]
    verdicts = []
    for _ in range(1500):
        text = "".join(generator.choices(pieces, k=generator.randrange(7)))
        verdicts.append(lark_accepts(compiled, text))
        assert machine.accepts(text.encode()) == verdicts[-1], text
    assert 100 < sum(verdicts) < 1400


def test_parts_one_after_the_other() -> None:
    """A grammar, a byte automaton, and a grammar again, against all ways to cut the text."""
    first = lark.Lark('start: "a" start "b" | "a" "b"', parser="lalr")
    last = lark.Lark("start: A B\nA: /a+/\nB: /a|b/", parser="earley", lexer="dynamic")
    middle = from_regex("b?c*")
    machine = Machine(assemble([read(first), middle, read(last)]), [])
    for size in range(8):
        for letters in product("abc" if size < 7 else "ab", repeat=size):
            text = "".join(letters)
            expected = any(
                middle.accepts(text[i:j].encode())
                and lark_accepts(first, text[:i])
                and lark_accepts(last, text[j:])
                for i in range(size + 1)
                for j in range(i, size + 1)
            )
            assert machine.accepts(text.encode()) == expected, text


def test_byte_automata_alone() -> None:
    machine = Machine(assemble([from_regex("(ab)*"), from_regex("b?a*")]), [])
    for size in range(7):
        for letters in product("ab", repeat=size):
            text = "".join(letters)
            assert machine.accepts(text.encode()) == bool(re.fullmatch("(ab)*b?a*", text)), text


class OtherTabs(SmallIndenter):
    tab_len = 4


def test_different_tab_lengths_are_refused() -> None:
    readings = [
        read(lark.Lark(INDENTED, parser="lalr", postlex=indenter()))
        for indenter in (SmallIndenter, OtherTabs)
    ]
    with pytest.raises(GrammarError, match=r"tabs of \[3, 4\] columns"):
        assemble(readings)
