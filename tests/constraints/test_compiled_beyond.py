"""`accepts_beyond`: texts that satisfy a constraint though its automaton lacks them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

import pytest

import constrained_diffusion as cd
from constrained_diffusion.constraints.base import Language
from constrained_diffusion.constraints.spelling import Spelling

VOCABULARY = cd.Vocabulary([b"a", b"b", b" ", None], end_ids=[3])


@dataclass(frozen=True)
class Squares(cd.Constraint):
    """Any word twice, which is not regular; generation makes words of one letter twice. Blanks at
    the end mean nothing."""

    asked: list[str] = field(default_factory=list, compare=False)

    def language(self, capacity: int | None = None) -> Language:
        return Language(cd.Regex("aa|bb").language().automaton, ("words of one letter",))

    def spelling(self, text: str) -> Spelling:
        return Spelling(text.rstrip(" "))

    def accepts_beyond(self, text: str) -> bool:
        self.asked.append(text)
        return re.fullmatch(r"([ab]+)\1 *", text) is not None


def test_accepts_and_explain_agree_with_the_definition() -> None:
    compiled = cd.compile(Squares(), VOCABULARY, length=4)
    for size in range(6):
        for letters in itertools.product("ab ", repeat=size):
            text = "".join(letters)
            word = text.rstrip(" ")
            half = len(word) // 2
            square = "" != word[:half] == word[half:] and " " not in word
            assert compiled.accepts(text) == square
            assert compiled.accepts(text.encode()) == square
            assert (compiled.explain(text) is None) == square


def test_only_what_the_automaton_refuses_is_asked_as_it_was_written() -> None:
    constraint = Squares()
    compiled = cd.compile(constraint, VOCABULARY, length=4)
    assert compiled.accepts("aa  ") and compiled.explain("bb ") is None
    assert constraint.asked == []
    assert compiled.accepts(b"abab  ")
    assert constraint.asked == ["abab  "]
    assert not compiled.accepts(b"\xff") and not compiled.accepts("\ud800")
    assert compiled.explain(b"\xff") is not None
    assert constraint.asked == ["abab  "]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: cd.Template(cd.Hole("hole", inner)),
        lambda inner: inner & cd.Regex("[ab]*"),
        lambda inner: inner | cd.Regex("c"),
        lambda inner: inner + "",
    ],
)
def test_parts_of_a_constraint_are_not_asked(wrap: object) -> None:
    inner = Squares()
    compiled = cd.compile(wrap(inner), VOCABULARY, length=4)  # type: ignore[operator]
    assert compiled.accepts("aa") and not compiled.accepts("abab")
    assert compiled.explain("abab") is not None
    assert inner.asked == []


def test_by_default_nothing_is_beyond_the_automaton() -> None:
    assert not cd.Regex("a").accepts_beyond("b")
    assert not cd.compile(cd.Regex("a"), VOCABULARY, length=4).accepts("b")
