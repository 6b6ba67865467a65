"""Constraints as sets of texts, decided at the byte level and compared with plain Python."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import constrained_diffusion as cd
from constrained_diffusion.constraints import Constraint

ALPHABET = "abé"
SHORT_TEXTS = [
    "".join(letters) for size in range(5) for letters in itertools.product(ALPHABET, repeat=size)
]


def texts_of(constraint: Constraint) -> set[str]:
    automaton = constraint.language().automaton
    return {text for text in SHORT_TEXTS if automaton.accepts(text.encode())}


regexes = st.sampled_from(["a*", "(ab|b)+", "é?a", "[ab]{2,3}", "", "b|é", "a.*", "(é|ab)*b?"])


@given(regexes, regexes)
def test_operators_are_those_of_sets_of_texts(left: str, right: str) -> None:
    one, other = cd.Regex(left), cd.Regex(right)
    in_one = {text for text in SHORT_TEXTS if re.fullmatch(left, text)}
    in_other = {text for text in SHORT_TEXTS if re.fullmatch(right, text)}
    assert texts_of(one) == in_one
    assert texts_of(one | other) == in_one | in_other
    assert texts_of(one & other) == in_one & in_other
    assert texts_of(~one) == set(SHORT_TEXTS) - in_one
    joined = {a + b for a in in_one for b in in_other}
    assert texts_of(one + other) == joined & set(SHORT_TEXTS)


def test_texts_join_without_wrapping() -> None:
    constraint = "a" + cd.Choice(["b", "é"]) + "a"
    assert texts_of(constraint) == {"aba", "aéa"}


@given(st.integers(0, 3), st.integers(0, 3))
def test_text_counts_code_points(low: int, extra: int) -> None:
    expected = {text for text in SHORT_TEXTS if low <= len(text) <= low + extra}
    assert texts_of(cd.Text(low, low + extra)) == expected
    assert texts_of(cd.Text(low)) == {text for text in SHORT_TEXTS if low <= len(text)}


def test_a_complement_of_a_narrowed_language_is_refused() -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match="exact"):
        (~cd.JsonSchema(True)).language()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cd.Choice([]), "at least one"),
        (lambda: cd.Choice("abc"), "collection"),
        (lambda: cd.Choice([1]), "texts"),  # type: ignore[list-item]
        (lambda: cd.Text(3, 2), "min_chars"),
        (lambda: cd.Text(-1), "min_chars"),
        (lambda: cd.Regex(3), "pattern"),  # type: ignore[arg-type]
        (lambda: cd.Hole("", cd.Text()), "name"),
        (lambda: cd.Hole("x", "text"), "constraint"),  # type: ignore[arg-type]
        (lambda: cd.Template(cd.Hole("x", cd.Text()), cd.Hole("x", cd.Text())), "twice"),
        (lambda: cd.Template(3), "texts and holes"),  # type: ignore[arg-type]
        (lambda: cd.Text() + 3, "expected a constraint"),  # type: ignore[operator]
        (lambda: cd.JsonSchema({}, whitespace="none"), "whitespace"),  # type: ignore[arg-type]
        (lambda: cd.JsonSchema({}, max_depth=0), "max_depth"),
    ],
)
def test_bad_arguments_are_named(make: object, message: str) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match=message):
        make()  # type: ignore[operator]


class TestTemplate:
    template = cd.Template("x=", cd.Hole("x", cd.Regex("a*")), cd.Hole("y", cd.Regex("a?b*")), ";é")

    def test_holes_split_with_the_shortest_first(self) -> None:
        assert self.template.holes("x=aab;é") == {"x": "a", "y": "ab"}
        assert self.template.holes("x=;é") == {"x": "", "y": ""}

    def test_a_text_that_is_no_instance_has_no_holes(self) -> None:
        assert self.template.holes("x=aba;é") == {}

    @given(st.text("ab", max_size=5), st.text("ab", max_size=5))
    def test_the_split_agrees_with_python(self, first: str, second: str) -> None:
        template = cd.Template(
            cd.Hole("one", cd.Regex("[ab]*")), "-", cd.Hole("two", cd.Regex("[ab]*"))
        )
        text = f"{first}-{second}"
        assert template.holes(text) == {"one": first, "two": second}

    def test_holes_parse_by_their_own_constraint(self) -> None:
        template = cd.Template("n: ", cd.Hole("n", cd.JsonSchema({"type": "integer"})), "!")
        assert template.parse("n: 12!") == {"n": 12}
