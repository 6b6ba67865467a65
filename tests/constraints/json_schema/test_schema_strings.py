"""Strings: spelling, lengths, patterns, lists."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schema_oracle import spell, validator

from constrained_diffusion.constraints.json_schema import canonical_text, compile_schema
from constrained_diffusion.errors import (
    LimitError,
    SchemaError,
    UnsatisfiableError,
    UnsupportedSchemaError,
)

ANY_STRING = compile_schema({"type": "string"}).automaton

characters = st.one_of(
    st.sampled_from(['"', "\\", "/", "\n", "\t", "\x00", "\x1f", "\x7f", "é", "€", "😀", "a"]),
    st.characters(exclude_categories=["Cs"]),
)
texts = st.text(characters, max_size=8)


@settings(max_examples=100, deadline=None)
@given(texts)
def test_every_string_has_one_spelling(text: str) -> None:
    assert ANY_STRING.accepts(spell(text))
    other = json.dumps(text)
    if other.encode() != spell(text):
        assert not ANY_STRING.accepts(other.encode())
    assert canonical_text(other) == spell(text).decode()


@pytest.mark.parametrize(
    "text",
    [b'"\\/"', b'"\\u0041"', b'"\n"', b'"\x00"', b'"\xff"', b'"\xed\xa0\x80"', b'"\\u000A"', b'"a'],
)
def test_other_spellings_and_broken_strings_are_refused(text: bytes) -> None:
    assert not ANY_STRING.accepts(text)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(0, 5), st.integers(0, 6))
def test_lengths_count_code_points(text: str, low: int, high: int) -> None:
    schema = {"type": "string", "minLength": low, "maxLength": high}
    try:
        accepted = compile_schema(schema).automaton.accepts(spell(text))
    except UnsatisfiableError:
        assert low > high
        return
    assert accepted == (low <= len(text) <= high)


PATTERNS = [
    r"^\d{3}-\d{4}$", r"\bfoo\b", r"^[^\s]+$", r"^(a|b)*$", "é+", r"\\", '^"', r"^\S+@\S+$",
    "^$", r"^(?!x)", r"^.$", "[\\u00e0-\\u00ff]", r"a\.b", r"^(?:[a-z]+,)*[a-z]+$", r"\/",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PATTERNS), st.data())
def test_patterns_are_searched_for(pattern: str, data: Any) -> None:
    text = data.draw(st.one_of(texts, st.from_regex(pattern), st.sampled_from(["a\n", "\x85"])))
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    automaton = compile_schema({"type": "string", "pattern": pattern}).automaton
    accepted = automaton.accepts(spell(text))
    found = re.search(pattern, text) is not None
    if accepted:
        assert found
    if text.isascii() and not text.endswith("\n") and not re.search("[\x1c-\x1f]", text):
        # There, Python and ECMAScript agree.
        assert accepted == found


def test_difference_of_dialects_is_said() -> None:
    compiled = compile_schema({"type": "string", "pattern": r"^\w$"})
    assert compiled.bounds == ()
    compiled = compile_schema({"type": "string", "pattern": r"^\W$"})
    assert compiled.bounds == (r"pattern ^\W$: only what ECMAScript and Python both find",)
    assert not compiled.automaton.accepts(spell("é"))


def test_tests_hold_together() -> None:
    schema = {"enum": ["a", "bb", "ccc", 'd"'], "minLength": 2, "pattern": '[b-z"]$'}
    automaton = compile_schema(schema).automaton
    accepted = [text for text in ("a", "bb", "ccc", 'd"') if automaton.accepts(spell(text))]
    assert accepted == ["bb", "ccc", 'd"']
    judge = validator(schema)
    assert accepted == [text for text in schema["enum"] if judge.is_valid(text)]


def test_lone_surrogates_cannot_be_written() -> None:
    assert compile_schema({"enum": ["\ud800", "a"]}).automaton.shortest() == b'"a"'
    with pytest.raises(UnsatisfiableError):
        compile_schema({"const": "\ud800"})
    schema = {"type": "object", "properties": {"\ud800": {}, "a": {"type": "null"}}}
    assert compile_schema(schema).automaton.accepts(b'{"a":null,"b":1}')
    with pytest.raises(UnsatisfiableError):
        compile_schema({**schema, "required": ["\ud800"]})


def test_a_large_list_is_fast() -> None:
    values = [f"value-{number}" for number in range(20_000)]
    automaton = compile_schema({"enum": values}).automaton
    assert automaton.accepts(b'"value-19999"')
    assert not automaton.accepts(b'"value-20000"')


def test_idle_counters_are_dropped() -> None:
    schema = {"type": "string", "maxLength": 5000}
    counted = compile_schema(schema).automaton
    dropped = compile_schema(schema, capacity=4000).automaton
    assert counted.num_states > 5000 > dropped.num_states
    assert not counted.accepts(spell("a" * 5001))
    kept = compile_schema(schema, capacity=6000).automaton
    assert not kept.accepts(spell("a" * 5001))


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "*", "a{2,1}"])
def test_bad_pattern(pattern: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema({"properties": {"k/": {"type": "string", "pattern": pattern}}})
    assert caught.value.pointer == "/properties/k~1/pattern"


def test_backreference() -> None:
    with pytest.raises(UnsupportedSchemaError) as caught:
        compile_schema({"type": "string", "pattern": r"^(a+)b\1$"})
    assert (caught.value.pointer, caught.value.keyword) == ("/pattern", "pattern")


def test_exponential_pattern_ends() -> None:
    with pytest.raises(LimitError):
        compile_schema({"type": "string", "pattern": "(a|b)*a(a|b){40}"})
