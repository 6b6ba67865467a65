"""Why a text is refused: the place, what stands there, what was expected, and a caret below."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import constrained_diffusion as cd

SUM = """
start: NAME "=" (NUMBER "+")* NUMBER ";"
NAME: /[a-z]+/
NUMBER: /[0-9]+/
%ignore /[ \\n]+/
"""

BLOCK = """
start: line+
line: NAME ":" _NEWLINE _INDENT line+ _DEDENT | NAME _NEWLINE
NAME: /[a-z]+/
_NEWLINE: /(\\n *)+/
%declare _INDENT _DEDENT
"""


def refusal(grammar: cd.LarkGrammar, text: str) -> list[str]:
    reason = grammar.refusal(text)
    assert reason is not None
    return reason.split("\n")


@pytest.mark.parametrize("parser", ["lalr", "earley"])
@pytest.mark.parametrize(
    ("text", "place", "found", "expected"),
    [
        ("a = 1 + ;", "line 1, column 9", "found ';'", "expected NUMBER"),
        ("a =\n  b;", "line 2, column 3", "found 'b'", "expected NUMBER"),
        ("a = 1", "line 1, column 6", "the text ends", "'+'"),
        ("a = 1", "line 1, column 6", "the text ends", "';'"),
        ("", "line 1, column 1", "the text ends", "expected NAME"),
        ("a = 1; 2", "line 1, column 8", "found '2'", "expected the end of the text"),
        ("a = $", "line 1, column 5", "found '$'", "expected NUMBER"),
        ("é", "line 1, column 1", "found 'é'", "expected NAME"),
    ],
)
def test_place_and_expectation(parser, text, place, found, expected) -> None:
    first = refusal(cd.LarkGrammar(SUM, parser=parser), text)[0]
    assert first.startswith(f"{place}: {found}, ")
    assert expected in first.partition(found)[2]


@pytest.mark.parametrize(
    ("text", "shown", "caret"),
    [
        ("a = 1 + ;", "a = 1 + ;", 8),
        ("a =\n  b;\n", "  b;", 2),
        ("a = 1", "a = 1", 5),
        ("\ta = 1", "        a = 1", 0),
    ],
)
def test_the_caret_stands_below_the_place(text, shown, caret) -> None:
    lines = refusal(cd.LarkGrammar(SUM), text)
    assert lines[1:] == [f"    {shown}", " " * (4 + caret) + "^"]


def test_long_lines_are_cut() -> None:
    text = "a = " + "1 + " * 500 + ";" + " 2" * 500
    _, shown, caret = refusal(cd.LarkGrammar(SUM), text)
    assert shown[len(caret) - 1] == ";" and len(shown) < 200


def test_indentation_is_told_in_words() -> None:
    grammar = cd.LarkGrammar(BLOCK, postlex="python")
    assert "found an indented line, expected" in refusal(grammar, "a\n  b\n")[0]
    assert "expected an indented line" in refusal(grammar, "a:\nb\n")[0]
    assert "line 3, column 2: found an indentation that" in refusal(grammar, "a:\n  b\n c\n")[0]


def test_names_of_imported_terminals_are_those_of_their_grammar() -> None:
    grammar = cd.LarkGrammar("start: value\n%import json.value\n")
    assert "NUMBER" in refusal(grammar, "[")[0] and "json__" not in refusal(grammar, "[")[0]


def test_terminals_without_a_name_are_told_by_their_pattern() -> None:
    assert "/[0-9]{2}/" in refusal(cd.LarkGrammar('start: "a" /[0-9]{2}/'), "a")[0]


def test_long_lists_keep_names_and_the_end() -> None:
    texts = " | ".join(f'"{letter}"' for letter in "abcdefghijklmnopqrstuvwxy")
    first = refusal(cd.LarkGrammar(f"start: ({texts} | NAME)*\nNAME: /z+/"), "$")[0]
    assert first.endswith(", NAME, the end of the text")
    assert "other texts" in first


@settings(max_examples=100, deadline=None)
@given(text=st.text("a1+=; \n", max_size=12), parser=st.sampled_from(["lalr", "earley"]))
def test_there_is_a_reason_if_and_only_if_lark_refuses(text: str, parser: str) -> None:
    from lark.exceptions import UnexpectedInput

    grammar = GRAMMARS[parser]
    try:
        grammar.lark.parse(text)
        accepted = True
    except UnexpectedInput:
        accepted = False
    assert (grammar.refusal(text) is None) == accepted


GRAMMARS = {parser: cd.LarkGrammar(SUM, parser=parser) for parser in ("lalr", "earley")}
