"""canonical_text against the standard library's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from constrained_diffusion.constraints.json_schema import canonical_spelling, canonical_text
from constrained_diffusion.constraints.json_schema.drafts import Draft

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@settings(max_examples=100, deadline=None)
@given(json_values, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_white_space_and_escapes(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if not any("\ud800" <= character <= "\udfff" for character in compact(value)):
        assert canonical_text(f" {text}\n") == compact(value)


@settings(max_examples=100, deadline=None)
@given(json_values, st.integers(0, 200), st.sampled_from('{}[],:" \n1-.e0tfn\\u'), st.booleans())
def test_damaged_text(value: Any, place: int, character: str, insert: bool) -> None:
    text = compact(value)
    place %= len(text) + 1
    damaged = text[:place] + character + text[place + (not insert) :]

    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        parsed = json.loads(damaged, parse_constant=refuse)
    except ValueError:
        assert canonical_text(damaged) is None
    else:
        result = canonical_text(damaged)
        assert result is not None
        assert json.loads(result) == parsed


@settings(max_examples=100, deadline=None)
@given(json_values, st.sampled_from([None, 0, 2, "\t"]), st.sampled_from(["", " ", "\n\t"]))
def test_the_white_space_of_each_layout(value: Any, indent: Any, blank: str) -> None:
    spaced = json.dumps(value, ensure_ascii=False)
    if not any("\ud800" <= character <= "\udfff" for character in spaced):
        text = json.dumps(value, indent=indent, separators=(f"{blank},", f":{blank}"))
        assert canonical_text(text, whitespace="spaced") == spaced
        assert canonical_text(text, whitespace="flexible") == compact(value)


def parsed(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


@settings(max_examples=300, deadline=None)
@example("1.0.5")
@example("[1e2e5]")
@example("[-0.0 5]")
@example('{"a" : 1.50 "b": 2}')
@given(
    st.one_of(
        st.text('{}[],:" \n1-.e05', max_size=12),
        st.lists(
            st.sampled_from(["[", "]", "{", "}", ",", ":", '"a"', "1.0", "2e1", "-0", " ", "true"]),
            max_size=10,
        ).map("".join),
    )
)
def test_any_text_and_the_way_back(text: str) -> None:
    for whitespace in ("compact", "spaced", "flexible"):
        spelling = canonical_spelling(text, whitespace=whitespace, draft=Draft.DRAFT7)
        assert parsed(spelling.text) == parsed(text)
        passed = 0
        for start, original, spelled in spelling.pieces:
            assert text[start : start + len(original)] == original
            assert spelling.original_offset(passed) == start
            passed += len(spelled)
        for offset in range(passed, len(spelling.text)):
            assert text[spelling.original_offset(offset)] == spelling.text[offset]
        assert spelling.original_offset(len(spelling.text)) == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (' { "b" : 1.50 , "a" : [ 1E5 , -0 ] } ', '{"b":1.50,"a":[1E5,-0]}'),
        (r'"\/\u0041\u000a\u001F\ud83d\ude00"', '"/A\\n\\u001f😀"'),
        (r'"\uD800x"', r'"\ud800x"'),
        ('{"a":1,"a":2}', '{"a":1,"a":2}'),
        ("", None), ("[1,]", None), ("[,1]", None), ("{1:2}", None), ("1 2", None),
        ("NaN", None), ("[1}", None), ("]", None), ('{"a"}', None), ('"\t"', None), ("01", None),
        ("\u00a01", None), ("[", None), ("\ufeff1", None),
    ],
)  # fmt: skip
def test_examples(text: str, expected: str | None) -> None:
    assert canonical_text(text) == expected


def test_deep_nesting_is_no_problem() -> None:
    text = "[" * 100_000 + "]" * 100_000
    assert canonical_text(text) == text
    assert canonical_text(text[:-1]) is None
