"""`Infill` against enumeration, `re`, `json` and Lark: what fits, and where a text breaks."""

from __future__ import annotations

import functools
import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import constrained_diffusion as cd

BYTES = cd.Vocabulary([*(bytes([byte]) for byte in range(256)), None], end_ids=[256])
PATTERNS = ["(ab|ba)*c", "a{2,5}b?", "(a|b)*abb(a|c)*", "[^b]*", "äb|aé"]
BRACKETS = 'start: "(" start ")" | "[" start start "]" | "a"'
SHORT = st.text("abc", max_size=4)


def fitting(whole: cd.Constraint, prefix: str = "", suffix: str = "", length: int = 8):
    return cd.compile(cd.Infill(whole, prefix, suffix), BYTES, length=length)


def holes(alphabet: str, most: int) -> list[str]:
    return [
        "".join(letters)
        for count in range(most + 1)
        for letters in itertools.product(alphabet, repeat=count)
    ]


@functools.cache
def matching(pattern: str) -> list[str]:
    return [text for text in holes("abc", 10) if re.fullmatch(pattern, text)]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PATTERNS), SHORT, SHORT)
def test_a_regular_whole_by_enumeration(pattern: str, prefix: str, suffix: str) -> None:
    matches = {hole for hole in holes("abc", 5) if re.fullmatch(pattern, prefix + hole + suffix)}
    try:
        compiled = fitting(cd.Regex(pattern), prefix, suffix)
    except cd.UnsatisfiableError:
        assert not matches
        return
    assert {hole for hole in holes("abc", 5) if compiled.accepts(hole)} == matches
    assert re.fullmatch(pattern, prefix + compiled.shortest().decode() + suffix)
    assert compiled.min_tokens <= min(map(len, matches), default=8)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PATTERNS[:4]), st.text("abc", max_size=3), st.text("abc", max_size=3))
def test_the_place_of_a_regular_whole_by_enumeration(
    pattern: str, prefix: str, suffix: str
) -> None:
    """The longest part of prefix and suffix that begins some text with any hole, by all
    texts of at most ten characters, which decide for these patterns."""
    try:
        fitting(cd.Regex(pattern), prefix, suffix)
        return
    except cd.UnsatisfiableError as error:
        column = int(re.search(r"line 1, column (\d+)", str(error))[1])
    texts = matching(pattern)
    begun = [p for p in range(len(prefix) + 1) if any(t.startswith(prefix[:p]) for t in texts)]
    if begun[-1] < len(prefix):
        assert column == begun[-1] + 1
        return
    read = [
        s
        for s in range(len(suffix) + 1)
        if any(suffix[:s] in t[len(prefix) :] for t in texts if t.startswith(prefix))
    ]
    assert column == len(prefix) + read[-1] + 1


@settings(max_examples=25, deadline=None)
@given(st.text("()[]a", max_size=3), st.text("()[]a", max_size=3))
def test_a_grammar_by_enumeration(prefix: str, suffix: str) -> None:
    grammar = cd.LarkGrammar(BRACKETS)

    def accepted(hole: str) -> bool:
        try:
            grammar.lark.parse(prefix + hole + suffix)
        except Exception:
            return False
        return True

    matches = [hole for hole in holes("()[]a", 4) if accepted(hole)]
    try:
        compiled = fitting(grammar, prefix, suffix, length=30)
    except cd.UnsatisfiableError as error:
        assert not matches
        assert re.search(r"line 1, column \d", str(error))
        return
    assert accepted(compiled.shortest().decode())
    assert all(compiled.accepts(hole) for hole in matches)
    assert [hole for hole in holes("()[]a", 3) if compiled.accepts(hole)] == [
        hole for hole in matches if len(hole) <= 3
    ]


def test_a_json_schema_as_the_whole() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    compiled = fitting(cd.JsonSchema(schema), '{"name":"Ada","', "}", length=40)
    assert json.loads('{"name":"Ada","' + compiled.shortest().decode() + "}")["age"] >= 0
    assert compiled.accepts('age":36')
    assert not compiled.accepts('age":"36"')
    assert not compiled.accepts('size":36')
    # The hole may begin a string before the semicolon, which ends at the quote.
    with pytest.raises(cd.UnsatisfiableError, match="line 1, column 10"):
        fitting(cd.JsonSchema(schema), '{"name"', ';"Ada"}', length=40)


def test_a_template_as_the_whole() -> None:
    letter = cd.Template("Dear ", cd.Hole("name", cd.Regex("[A-Z][a-z]+")), ",\nyours")
    compiled = fitting(letter, "Dear A", "a,\nyours", length=12)
    assert compiled.accepts("d")
    assert compiled.accepts("")
    assert not compiled.accepts("D")
    assert compiled.constraint.holes("d") == {"hole": "d"}
    with pytest.raises(cd.UnsatisfiableError, match="line 2, column 2"):
        fitting(letter, "Dear A", "da,\nyyours", length=12)


def test_a_template_with_a_grammar_as_the_whole() -> None:
    whole = cd.Template("x = ", cd.Hole("v", cd.LarkGrammar.open("json")), ";\n")
    compiled = fitting(whole, "x = [1, ", "];\n", length=40)
    assert compiled.accepts('{"a": 2}')
    assert not compiled.accepts("}")
    json.loads("[1, " + compiled.shortest().decode() + "]")


def test_the_value_is_that_of_the_whole() -> None:
    infill = cd.Infill(cd.JsonSchema({"type": "array"}), "[1,", "]")
    assert infill.around("2") == "[1,2]"
    assert infill.parse("2") == [1, 2]
    assert infill.holes("2") == {"hole": "2"}


def test_text_that_is_not_ascii() -> None:
    compiled = fitting(cd.Regex("ä+漢?é"), "ää", "漢é")
    assert compiled.accepts("ä")
    assert not compiled.accepts("漢")
    with pytest.raises(cd.UnsatisfiableError, match="line 1, column 4"):
        fitting(cd.Regex("ä+漢?é"), "ää", "漢漢é")


def test_places_count_lines() -> None:
    with pytest.raises(cd.UnsatisfiableError, match=r"line 3, column 2: found 'x'"):
        fitting(cd.LarkGrammar.open("json"), "[1,\n", ", 2]\n x\n", length=60)
    with pytest.raises(cd.UnsatisfiableError, match=r"prefix: line 2, column 3: found 'x'"):
        fitting(cd.LarkGrammar.open("json"), "[1,\n 2x", "]", length=60)
    with pytest.raises(cd.UnsatisfiableError, match=r"line 2, column 1: the text ends"):
        fitting(cd.Regex("a\nb"), "a", "\n")
    with pytest.raises(cd.UnsatisfiableError, match=r"line 2, column 1: found 'c'"):
        fitting(cd.Regex("a\nb"), "a\n", "c")


def test_the_canvas_is_too_small() -> None:
    with pytest.raises(cd.CanvasTooSmallError) as caught:
        fitting(cd.Regex("a{9}b"), "a", "b", length=7)
    assert (caught.value.needed, caught.value.available) == (8, 7)
    grammar = cd.LarkGrammar('start: "a" "b" "c" "d" start? "e"')
    with pytest.raises(cd.CanvasTooSmallError, match="a shorter text may exist") as caught:
        cd.compile(cd.Infill(cd.LarkGrammar.open("json"), "[" * 20, ""), BYTES, length=7)
    assert caught.value.available == 7
    assert caught.value.needed >= 20
    assert cd.compile(cd.Infill(grammar, "a", "e"), BYTES, length=3).accepts("bcd")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a*", "a", ""), "a constraint on the whole text, got str"),
        ((cd.Regex("a*"), b"a", ""), "prefix is a text, got bytes"),
        ((cd.Regex("a*"), "", None), "suffix is a text, got NoneType"),
        ((cd.Regex("a*"), "a\ud800", ""), "prefix has no UTF-8 encoding: character 1"),
    ],
)
def test_wrong_arguments(arguments: tuple, words: str) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match=words):
        cd.Infill(*arguments)
