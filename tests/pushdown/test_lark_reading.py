"""Readings of Lark grammars, against Lark itself: its parser on rows of tokens, and on texts."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from itertools import product

import lark
import lark_grammars
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Token
from lark.indenter import Indenter, PythonIndenter
from lark.lexer import BasicLexer
from lark_grammars import lark_accepts
from reference_reader import ReferenceReader

from constrained_diffusion.errors import GrammarError
from constrained_diffusion.pushdown.reading import UNREACHABLE, read
from constrained_diffusion.pushdown.tables import IGNORED, NEWLINE


def readers(grammar: str, **options) -> tuple[lark.Lark, ReferenceReader]:
    compiled = lark.Lark(grammar, **{"parser": "lalr", **options})
    return compiled, ReferenceReader(read(compiled))


def assert_same_language(grammar: str, alphabet: str, length: int, **options) -> None:
    """All texts up to a length; there are accepted ones, and refused ones too."""
    compiled, reader = readers(grammar, **options)
    verdicts = set()
    for size in range(length + 1):
        for letters in product(alphabet, repeat=size):
            text = "".join(letters)
            verdict = lark_accepts(compiled, text)
            verdicts.add(verdict)
            assert reader.accepts(text) == verdict, text
    assert verdicts == {True, False}


@pytest.mark.parametrize("name", lark_grammars.names(judged=True) or [None])
def test_real_grammars(name: str | None) -> None:
    if name is None:
        pytest.skip("the folder of real grammars is absent")
    reader = ReferenceReader(lark_grammars.reading(name))
    texts = [pair for pair in lark_grammars.texts(name) if len(pair[0]) < 2500]
    assert texts
    wrong = [text for text, verdict in texts[::3] if reader.accepts(text) != verdict]
    assert wrong == []


def test_all_real_grammars_can_be_read() -> None:
    found = lark_grammars.names(judged=False)
    if not found:
        pytest.skip("the folder of real grammars is absent")
    for name in set(found) - set(lark_grammars.names(judged=True)):
        reading = lark_grammars.reading(name)
        assert len(reading.parser.shift) == len(reading.state_lexers)


def test_here_documents_with_usual_delimiters() -> None:
    grammar = r"""
        start: (HERE | NAME | "<")*
        HERE: /<(?P<d>[A-Z]+)\n(?:.|\n)*?\n(?P=d)\n/
        NAME: /[A-Z\n]+/
    """
    compiled, reader = readers(grammar)
    assert [sentence for sentence in reader.reading.bounds if "EOF or EOT or END" in sentence]
    texts = ["A<B", "<EOF\nA\nEOF\n", "<EOF\nEOT\nEOF\n<END\n\nEND\nA", "<<EOT\nA<\nEOT\n"]
    for text in texts:
        assert lark_accepts(compiled, text)
    # Lark also reads < and a NAME where nothing ends the document; that is left out.
    assert [reader.accepts(text) for text in texts] == [False, True, True, True]
    assert not reader.accepts("<A\nEOF\nA\n") and lark_accepts(compiled, "<A\nEOF\nA\n")


ARITHMETIC = r"""
    start: sum
    ?sum: product | sum "+" product
    ?product: atom | product "*" atom
    ?atom: NUMBER | "-" atom | "(" sum ")"
    NUMBER: /[0-9]+/
    %ignore " "
"""


@given(st.lists(st.sampled_from(["NUMBER", "PLUS", "STAR", "MINUS", "LPAR", "RPAR"]), max_size=9))
def test_rows_of_terminals(names: list[str]) -> None:
    compiled, reader = readers(ARITHMETIC)
    interactive = compiled.parse_interactive()
    reading = reader.reading
    stacks = {(reading.parser.start,)}
    for name in names:
        stacks = reader.feed_all(stacks, [reading.terminals.index(name)])
        try:
            interactive.feed_token(Token(name, "x"))
        except lark.exceptions.UnexpectedToken:
            assert not stacks
            return
        assert [stack[-1] for stack in stacks] and len(stacks) == 1
    try:
        interactive.feed_eof()
    except lark.exceptions.UnexpectedToken:
        assert not reader.feed_all(stacks, [reading.end])
    else:
        assert reader.feed_all(stacks, [reading.end])


@pytest.mark.parametrize("lexer", ["basic", "contextual"])
@pytest.mark.parametrize(
    ("grammar", "alphabet"),
    [
        pytest.param(ARITHMETIC, "1+(- )", id="ignored"),
        pytest.param(
            """
            start: (NAME | "if" | IFF)+
            NAME: /[a-z]+/
            IFF.2: /iff/
            %ignore " "
            """,
            "if ",
            id="keywords and priorities",
        ),
        pytest.param(
            """
            start: NAME ("x"i NAME)*
            NAME: /[a-w]+?/
            """,
            "abxX",
            id="lazy, case",
        ),
        pytest.param(
            """
            start: (A "=" B ";")+
            A: /[a-z]+/
            B: /[a-z]+(?=;)|=/
            """,
            "a=;",
            id="lookahead",
        ),
        pytest.param(
            """
            start: NAME NAME*
            NAME: /[ab]+/
            REM: "b"
            %ignore REM
            """,
            "ab",
            id="the name of a match is ignored where it stands alone",
        ),
        pytest.param(
            """
            start: "a" WORD*
            WORD: "b"
            BLANK: /[b ]/
            %ignore BLANK
            """,
            "ab ",
            id="an ignored match is not renamed",
        ),
        pytest.param(
            """
            start: x "a" y*
            x: "b" x |
            y: "c" x "a" |  "b"
            """,
            "abc",
            id="empty rules",
        ),
    ],
)
def test_small_lalr_grammars(grammar: str, alphabet: str, lexer: str) -> None:
    assert_same_language(grammar, alphabet, 5, lexer=lexer)


@pytest.mark.parametrize("flags", [2, 64, 16, 8 | 2])
def test_global_flags(flags: int) -> None:
    grammar = r"""
        start: A+
        A: /a .b|[^a-z]c$  # \n/
    """
    assert_same_language(grammar, "abC\n ", 4, g_regex_flags=flags)


@pytest.mark.parametrize("lexer", ["dynamic", "basic"])
@pytest.mark.parametrize(
    ("grammar", "alphabet"),
    [
        pytest.param(ARITHMETIC, "1+(- )", id="ignored"),
        pytest.param("start: (A | B)* B\nA: /a+/\nB: /ab?|b/", "ab", id="terminals that overlap"),
        pytest.param("start: s\ns: s s | A | \nA: /ab?/", "ab", id="ambiguous"),
        pytest.param(
            'start: A (W A)* ["c"]\nA: "a"\nW: /b+/\n%ignore W', "abc", id="ignored and expected"
        ),
        pytest.param("start: x*\nx: A |\nA: /a/\n%ignore /b/", "abc", id="empty text"),
        pytest.param("start: A A\nA: /a(?!b)|(?<=a)b/", "ab", id="lookaround"),
    ],
)
def test_small_earley_grammars(grammar: str, alphabet: str, lexer: str) -> None:
    assert_same_language(grammar, alphabet, 5, parser="earley", lexer=lexer)


def test_backreference_alone() -> None:
    grammar = r"start: (QUOTED | A)+" + "\n" + r"QUOTED: /(['\"]).*?\1/" + "\nA: /a/"
    assert_same_language(grammar, "'a\"", 6, parser="earley", lexer="dynamic")
    assert readers(grammar, parser="earley", lexer="dynamic")[1].reading.bounds == ()
    compiled = lark.Lark(grammar, parser="earley", lexer="basic")
    with pytest.raises(GrammarError, match="QUOTED refers to a group by its number") as error:
        read(compiled)
    assert (error.value.line, error.value.column) == (2, 1)


INDENTED = r"""
    start: (_NL | line)*
    line: NAME _NL [_INDENT line+ _DEDENT] | "(" NAME* ")" _NL
    NAME: /a/
    _NL: /(\r?\n[ \t]*)+|#/
    %declare _INDENT _DEDENT
    %ignore " "
"""


class SmallIndenter(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = ("LPAR", "MISSING")
    CLOSE_PAREN_types = ("RPAR",)
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 3


@settings(max_examples=300)
@given(st.text("aa\n\n \t()#", max_size=14))
def test_indenter(text: str) -> None:
    compiled, reader = readers(INDENTED, postlex=SmallIndenter())
    assert reader.accepts(text) == lark_accepts(compiled, text)


def test_indenter_fields() -> None:
    reading = readers(INDENTED, postlex=SmallIndenter())[1].reading
    assert reading.filter.tab_length == 3
    assert reading.terminals[reading.filter.indent] == "_INDENT"
    assert reading.terminals[reading.filter.dedent] == "_DEDENT"
    assert [reading.terminals[n] for n in np.flatnonzero(reading.filter.sign == NEWLINE)] == ["_NL"]


def shortest_texts(compiled: lark.Lark, alphabet: str, length: int) -> list[str]:
    for size in range(length + 1):
        found = [
            text
            for letters in product(alphabet, repeat=size)
            if lark_accepts(compiled, text := "".join(letters))
        ]
        if found:
            return found
    return []


@pytest.mark.parametrize(
    ("grammar", "alphabet"),
    [
        (ARITHMETIC, "1+(-)"),
        ('start: "a" b "c" | "a" start\nb: "bb" | "c" b', "abc"),
        ("start: A B\nA: /a{2,3}|bcd/\nB: /(?:x|yz)+?y/", "abxyz"),
    ],
)
@pytest.mark.parametrize("parser", ["lalr", "earley"])
def test_costs(grammar: str, alphabet: str, parser: str) -> None:
    compiled, reader = readers(grammar, parser=parser)
    reading = reader.reading
    length = reading.costs.nonterminal_characters[reading.parser.start_symbol]
    assert {len(text) for text in shortest_texts(compiled, alphabet, 6)} == {length}
    for rule, least in zip(reading.parser.rules, reading.costs.rule_characters, strict=True):
        parts = [
            reading.costs.terminal_characters[number]
            if is_terminal
            else reading.costs.nonterminal_characters[number]
            for is_terminal, number in rule.body
        ]
        assert sum(parts) == least


def test_examples_match() -> None:
    compiled, reader = readers(
        r"""
        start: A | B | C | D
        A: /[^a-z0-9 ]+x/
        B: /(?!aa)a.|b/
        C: /c(?=d)/
        D: /[^\W\d]{3}/i
        """
    )
    reading = reader.reading
    for terminal in compiled.terminals:
        number = reading.terminals.index(terminal.name)
        example = reading.costs.examples[number]
        assert example is not None
        # What C looks at comes after it.
        assert re.match(terminal.pattern.to_regexp(), example + "d")[0] == example
        assert len(example) == reading.costs.terminal_characters[number]


class OtherLexer(BasicLexer):
    pass


@pytest.mark.parametrize(
    ("grammar", "options", "message", "place"),
    [
        ("start: A\n\nA: /(?>a)/", {}, "terminal A cannot be honoured", (3, 1)),
        ("start: A\n\nA: /b/ | /a++/", {}, "terminal A cannot be honoured", (3, 1)),
        (
            "start: A\n\nA: /b(?<!ab)/",
            {},
            "terminal A cannot be honoured: a lookbehind of 2",
            (3, 1),
        ),
        ('start: "b"\n  | /(?>a)/', {}, r"terminal /\(\?>a\)/ cannot be honoured", (2, 5)),
        ("start: A X\nA: /a/\n%declare X", {}, "X is declared", (3, 10)),
        ("start: A start\nA: /a/", {}, "no text can be derived", None),
        ("start: A start\nA: /a/", {"parser": "earley"}, "no text can be derived", None),
        ("start: A\nA: /(?P<x>a+)(?P=x)/", {}, "a backreference", None),
        ("start: A\nA: /a/", {"parser": "cyk"}, "'cyk' is not supported", None),
        (
            "start: A\nA: /a/",
            {"parser": "earley", "lexer": "dynamic_complete"},
            "dynamic_complete",
            None,
        ),
        ("start: A\nA: /a/", {"lexer_callbacks": {"A": lambda t: t}}, "lexer_callbacks", None),
        ("start: A\nA: /a/", {"use_bytes": True}, "use_bytes", None),
        ("start: A\nA: /a/", {"transformer": lark.Transformer()}, "transformer", None),
        ("start: A\nA: /a/", {"_plugins": {"BasicLexer": OtherLexer}}, "BasicLexer", None),
        ("start: A\nA: /a/", {"start": ["start", "a"]}, None, None),
    ],
)
def test_refused_grammars(grammar: str, options: dict, message: str | None, place) -> None:
    if message is None:
        compiled = lark.Lark(grammar + "\na: A A", parser="lalr", **options)
        with pytest.raises(GrammarError, match="name one of the start rules start, a"):
            read(compiled)
        assert ReferenceReader(read(compiled, start="a")).accepts("aa")
        assert not ReferenceReader(read(compiled, start="start")).accepts("aa")
        return
    compiled = lark.Lark(grammar, **{"parser": "lalr", **options})
    with pytest.raises(GrammarError, match=message) as error:
        read(compiled)
    assert (error.value.line, error.value.column) == (place or (None, None))


def test_declared_and_never_made() -> None:
    compiled = lark.Lark("start: A | X A A\nA: /a/\n%declare X", parser="lalr")
    reading = read(compiled, never=("X",))
    reader = ReferenceReader(reading)
    assert [text for text in ("", "a", "aa") if reader.accepts(text)] == ["a"]
    assert reading.costs.terminal_characters[reading.terminals.index("X")] == UNREACHABLE


class OtherPostLexer:
    always_accept = ()

    def process(self, stream):
        return stream


class ChangedIndenter(PythonIndenter):
    def handle_NL(self, token):
        yield token


@pytest.mark.parametrize(
    ("postlex", "message"),
    [
        (OtherPostLexer(), "OtherPostLexer is a function on tokens"),
        (ChangedIndenter(), "ChangedIndenter has an Indenter's handle_NL of its own"),
    ],
)
def test_refused_postlexers(postlex: object, message: str) -> None:
    compiled = lark.Lark("start: A\nA: /a/", parser="lalr", postlex=postlex)
    with pytest.raises(GrammarError, match=message):
        read(compiled)


def test_numbers_do_not_depend_on_the_process() -> None:
    program = (
        "import lark, hashlib\n"
        "from constrained_diffusion.pushdown.reading import read\n"
        f"r = read(lark.Lark({ARITHMETIC!r}, parser='lalr'))\n"
        "p = r.parser\n"
        "print(r.terminals, r.lexers, r.state_lexers, p.shift.tolist(), p.goto.tolist(),\n"
        "      p.reduce_rules.tolist(), p.rules)\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_a_grammar_from_a_cache() -> None:
    compiled, reader = readers(ARITHMETIC)
    stored = io.BytesIO()
    compiled.save(stored)
    stored.seek(0)
    loaded = ReferenceReader(read(lark.Lark.load(stored)))
    for size in range(5):
        for letters in product("1+(- )", repeat=size):
            text = "".join(letters)
            assert loaded.accepts(text) == reader.accepts(text), text


def test_ignored_terminals_are_marked() -> None:
    reading = readers(ARITHMETIC)[1].reading
    marked = [
        title for title, fate in zip(reading.titles, reading.fates, strict=True) if fate == IGNORED
    ]
    assert marked == ['" "']
