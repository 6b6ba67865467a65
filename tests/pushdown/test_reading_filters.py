"""Token transducers as Lark's post-lexers and as tables; supersets of backreferences."""

from __future__ import annotations

import importlib.util
import re
from itertools import product

import lark
import lark_grammars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Token
from lark_grammars import HCL, MERGED, NEWLINE, lark_accepts
from reference_reader import ReferenceReader

from constrained_diffusion.errors import GrammarError
from constrained_diffusion.pushdown.reading import TokenTransducer, Transition, read
from constrained_diffusion.pushdown.reading.backreferences import Expansion, expanded


def tokens(names: list[str]) -> list[Token]:
    """A token of each type, with a text that tells its place."""
    return [Token(name, f"<{place}>") for place, name in enumerate(names)]


@given(st.lists(st.sampled_from([NEWLINE, "NAME", "PLUS", "QMARK", "MINUS"]), max_size=8))
def test_hcl_as_its_own_postlexer_does_it(names: list[str]) -> None:
    path = lark_grammars.FOLDER / "hcl2" / "postlexer.py"
    if not path.exists():
        pytest.skip("the folder of real grammars is absent")
    spec = importlib.util.spec_from_file_location("hcl_postlexer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert frozenset(MERGED) == module.OPERATOR_TYPES
    expected = list(module.PostLexer().process(iter(tokens(names))))
    got = list(HCL.process(iter(tokens(names))))
    assert [(token.type, str(token)) for token in got] == [
        (token.type, str(token)) for token in expected
    ]


def test_texts_of_withheld_and_made_tokens() -> None:
    transducer = TokenTransducer(
        "0",
        (
            Transition("0", "A", (), "1"),
            Transition("1", "B", ("MADE", "B"), "0"),
            Transition("1", None, ("A", None), "0"),
        ),
        (("1", ("A", "MADE")),),
    )
    assert transducer.states == ("0", "1")
    assert transducer.made == {"A", "B", "MADE"}
    got = list(transducer.process(iter(tokens(["C", "A", "B", "A", "C", "A"]))))
    assert [(token.type, str(token)) for token in got] == [
        ("C", "<0>"),
        ("MADE", ""),
        ("B", "<1><2>"),
        ("A", "<3>"),
        ("C", "<4>"),
        ("A", "<5>"),
        ("MADE", ""),
    ]
    assert [token.type for token in transducer.process(iter([]))] == []


def test_two_transitions_are_refused() -> None:
    edges = (Transition("0", "A", (), "0"), Transition("0", "A", ("A",), "0"))
    with pytest.raises(GrammarError, match="two transitions"):
        TokenTransducer("0", edges)
    with pytest.raises(GrammarError, match="two endings"):
        TokenTransducer("0", (), (("0", ("A",)), ("0", ())))


LETTERS = r"""
    start: "x"? (A B | B A | MADE MADE | C start C)*
    A: "a"
    B: "b"
    C: "c"
    %declare MADE
    %ignore "."
"""

transitions = st.lists(
    st.builds(
        Transition,
        st.sampled_from("01"),
        st.sampled_from(["A", "B", "C", None]),
        st.lists(st.sampled_from(["A", "B", "MADE", None]), max_size=2).map(tuple),
        st.sampled_from("01"),
    ),
    max_size=5,
    unique_by=lambda edge: (edge.state, edge.terminal),
).map(tuple)
endings = st.sampled_from([(), (("0", ("A",)),), (("0", ("MADE",)), ("1", ("B", "A")))])


@settings(max_examples=40)
@given(transitions, endings, st.sampled_from(["basic", "contextual"]))
def test_random_transducers(edges, endings, lexer: str) -> None:
    # MADE is made somewhere, so that the grammar may declare it.
    edges = (*edges, Transition("2", "A", ("MADE",), "0"))
    transducer = TokenTransducer("0", edges, endings, ("A", "B"))
    compiled = lark.Lark(LETTERS, parser="lalr", lexer=lexer, postlex=transducer)
    reader = ReferenceReader(read(compiled))
    for size in range(5):
        for letters in product("abc." if size < 4 else "abc", repeat=size):
            text = "".join(letters)
            assert reader.accepts(text) == lark_accepts(compiled, text), text


def test_a_transducer_stands_for_a_postlexer_of_the_user() -> None:
    class Merging:
        always_accept = ()

        def process(self, stream):
            return (token.update(type="B") if token.type == "A" else token for token in stream)

    compiled = lark.Lark("start: A* B B\nA: /a/\nB: /b/", parser="lalr", postlex=Merging())
    says = TokenTransducer("0", (Transition("0", "A", ("B",), "0"),))
    reader = ReferenceReader(read(compiled, filter=says))
    for size in range(4):
        for letters in product("ab", repeat=size):
            text = "".join(letters)
            assert reader.accepts(text) == lark_accepts(compiled, text), text


STARTS = ["", "a?", "<", "(?:b|a)"]
GROUPS = ["(a|b)", "(?P<n>ab?)", "(?P<n>a(?!b)b?)", "(a(b)?)", "(?P<n>[(]|a)", "(a*?)", r"(\(|b)"]
JOINTS = ["", "b", "(?:b|a)", "[)]*?", r"\)", "(b)", "|b"]
REFERENCES = [r"\1", "(?P=n)", r"\2", "(?:(?P=n)|b)"]


@settings(max_examples=200)
@given(
    st.sampled_from(STARTS),
    st.sampled_from(GROUPS),
    st.sampled_from(JOINTS),
    st.sampled_from(REFERENCES),
    st.sampled_from(["", "(?i:a)", "b"]),
)
def test_expansions_match_as_the_originals_do(
    start: str, group: str, joint: str, reference: str, rest: str
) -> None:
    pattern = start + group + joint + reference + rest
    try:
        original = re.compile(pattern)
    except re.error:
        return
    expansion = expanded(pattern)
    assert expansion is not None
    assert_stands_for(original, expansion, "ab()", 5)


def assert_stands_for(
    original: re.Pattern[str], expansion: Expansion, alphabet: str, length: int, start: str = ""
) -> None:
    fed = re.compile(expansion.fed) if expansion.fed is not None else None
    refused = re.compile(expansion.refused) if expansion.refused is not None else None
    for size in range(length + 1):
        for letters in product(alphabet, repeat=size):
            text = start + "".join(letters)
            found = original.match(text)
            if fed is not None and (mine := fed.match(text)):
                assert found is not None and mine[0] == found[0], text
            elif found is not None:
                assert refused is not None and refused.match(text), text


@pytest.mark.parametrize("joint", [r"\n", r"\n?", "x*", ""])
def test_here_documents(joint: str) -> None:
    pattern = rf"<(?P<d>[EOF]+){joint}(?:.|\n)*?\n(?P=d)\n"
    expansion = expanded(pattern)
    assert expansion is not None and expansion.texts == ("EOF",)
    assert_stands_for(re.compile(pattern), expansion, "EF\n", 6, "<")
    for start in ("<EOF", "<EOF\n", "<EOF\nEO\n", "<EOFx\nEOF\n", "<EO\nEO"):
        assert_stands_for(re.compile(pattern), expansion, "EOF\n", 5, start)
    assert re.fullmatch(expansion.fed, "<EOF\na\nb\nEOF\n")


def test_finite_groups_lose_nothing() -> None:
    expansion = expanded(r"""x?(?P<q>['"])(?:\\.|.)*?(?P=q)""")
    assert expansion is not None and expansion.refused is None
    assert set(expansion.texts) == {"'", '"'}


def test_no_backreference() -> None:
    assert expanded(r"[\1](?#\1)\\1(a)\01\0") is None
