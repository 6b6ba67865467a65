"""The regular operations against set operations on all short texts, and their laws."""

from __future__ import annotations

import pytest
from byte_languages import ALL_TEXTS, MAX_LENGTH, RandomNfa, assert_canonical, language, nfas
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import algebra, same_language
from constrained_diffusion.automata.algebra import EMPTY, EPSILON, any_text
from constrained_diffusion.errors import ConstrainedDiffusionError, LimitError


@settings(max_examples=60, deadline=None)
@given(nfas(), nfas())
def test_operations_on_all_short_texts(left: RandomNfa, right: RandomNfa) -> None:
    a, b = left.compiled(), right.compiled()
    in_a, in_b = language(a), language(b)
    joined = {x + y for x in in_a for y in in_b if len(x + y) <= MAX_LENGTH}
    stars = {""}
    for _ in range(MAX_LENGTH):
        stars |= {x + y for x in stars for y in in_a if len(x + y) <= MAX_LENGTH}
    twice = {x + y for x in in_a for y in in_a if len(x + y) <= MAX_LENGTH}
    for result, expected in [
        (algebra.union(a, b), in_a | in_b),
        (algebra.intersect(a, b), in_a & in_b),
        (algebra.difference(a, b), in_a - in_b),
        (algebra.complement(a), set(ALL_TEXTS) - in_a),
        (algebra.concatenate(a, b), joined),
        (algebra.star(a), stars),
        (algebra.optional(a), in_a | {""}),
        (algebra.repeat(a, 1, 2), in_a | twice),
        (algebra.repeat(a, 2, 2), twice),
    ]:
        assert language(result) == expected
        assert_canonical(result)


@settings(max_examples=40, deadline=None)
@given(nfas(), nfas(), nfas())
def test_laws(first: RandomNfa, second: RandomNfa, third: RandomNfa) -> None:
    a, b, c = first.compiled(), second.compiled(), third.compiled()
    union, cut, minus = algebra.union, algebra.intersect, algebra.complement
    then, star = algebra.concatenate, algebra.star
    for left, right in [
        (minus(minus(a)), a),
        (minus(union(a, b)), cut(minus(a), minus(b))),
        (union(a, cut(b, c)), cut(union(a, b), union(a, c))),
        (then(union(a, b), c), union(then(a, c), then(b, c))),
        (then(a, then(b, c)), then(a, b, c)),
        (star(union(a, b)), star(then(star(a), star(b)))),
        (star(a), union(EPSILON, algebra.plus(a))),
        (algebra.repeat(a, 2, None), then(a, algebra.plus(a))),
        (algebra.repeat(a, 0, 2), union(EPSILON, a, then(a, a))),
        (cut(a, any_text()), a),
        (algebra.difference(a, b), cut(a, minus(b))),
        (then(a, EPSILON), a),
        (then(a, EMPTY), EMPTY),
    ]:
        assert same_language(left, right)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab\x00é😀", max_size=5), max_size=12), st.text("ab\x00é😀"))
def test_choice(values: list[str], other: str) -> None:
    encoded = [value.encode() for value in values]
    automaton = algebra.choice(encoded)
    assert all(automaton.accepts(value) for value in encoded)
    assert automaton.accepts(other.encode()) == (other in values)
    assert_canonical(automaton)
    assert same_language(automaton, algebra.union(*map(algebra.literal, encoded)))


def test_choice_of_every_byte_length() -> None:
    values = [chr(code_point).encode() for code_point in range(0x80)]
    values += [bytes([lead, 0x80 + low]) for lead in range(0xC2, 0xE0) for low in range(64)]
    automaton = algebra.choice(values)
    assert sum(automaton.accepts(value) for value in values) == len(values)
    assert not automaton.accepts(b"\xc2")


def test_nothing_given() -> None:
    assert same_language(algebra.union(), EMPTY)
    assert same_language(algebra.choice([]), EMPTY)
    assert same_language(algebra.concatenate(), EPSILON)
    assert same_language(algebra.intersect(), any_text())
    assert same_language(algebra.repeat(any_text(), 0, 0), EPSILON)


def test_any_text_is_valid_utf8() -> None:
    texts = any_text()
    for valid in ("", "\x00", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff",
                  "\U00010000", "\U0010ffff", "aé😀"):  # fmt: skip
        assert texts.accepts(valid.encode())
    for invalid in (b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80",
                    b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5", b"\xff",
                    b"\xe2\x82", b"a\xc3"):  # fmt: skip
        assert not texts.accepts(invalid)
        assert not algebra.complement(algebra.literal(b"a")).accepts(invalid)


def test_errors() -> None:
    with pytest.raises(ConstrainedDiffusionError, match="not valid UTF-8"):
        algebra.literal(b"\xff")
    with pytest.raises(ConstrainedDiffusionError, match="0 <= low <= high"):
        algebra.repeat(EPSILON, 3, 2)
    with pytest.raises(LimitError):
        algebra.repeat(algebra.literal(b"ab"), 0, 10**9)
    with pytest.raises(LimitError, match="product"):
        algebra.intersect(
            algebra.repeat(algebra.literal(b"a"), 0, 400),
            algebra.star(algebra.literal(b"a" * 399)),
            max_states=300,
        )
    with pytest.raises(LimitError, match="prefixes"):
        algebra.choice([b"abc"], max_states=3)


@settings(max_examples=60, deadline=None)
@given(nfas(), st.sampled_from(ALL_TEXTS), st.sampled_from(ALL_TEXTS))
def test_quotient(operand: RandomNfa, prefix: str, suffix: str) -> None:
    automaton = operand.compiled()
    result = algebra.quotient(automaton, prefix.encode(), suffix.encode())
    expected = {text for text in ALL_TEXTS if automaton.accepts(f"{prefix}{text}{suffix}".encode())}
    assert language(result) == expected
    assert_canonical(result)
