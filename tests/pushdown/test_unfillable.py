"""That no hole fits is claimed only where none does; the place against enumeration."""

from __future__ import annotations

import itertools

import completion_cases
import pytest
from completion_cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from lark_grammars import lark_accepts

from constrained_diffusion.pushdown.completion.unfillable import breaking_place
from constrained_diffusion.pushdown.reading import assemble, read


def holes(alphabet: str, most: int) -> list[str]:
    return [
        "".join(letters)
        for count in range(most + 1)
        for letters in itertools.product(alphabet, repeat=count)
    ]


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_what_is_certain_is_so(name: str, data: st.DataObject) -> None:
    """Prefix and suffix of texts, the suffix with a change that may break it."""
    text = data.draw(st.sampled_from(completion_cases.texts(name)), "text")
    other = data.draw(st.sampled_from(completion_cases.texts(name)), "other")
    prefix = text[: data.draw(st.integers(0, len(text)), "cut")]
    end = data.draw(st.integers(0, len(other)), "other cut")
    inserted = data.draw(st.text(CASES[name].alphabet, max_size=2), "inserted")
    place = data.draw(st.integers(end, len(other)), "place")
    suffix = other[end:place] + inserted + other[place:]
    piece = read(completion_cases.grammar(name))
    found = breaking_place(assemble([piece]), [piece], prefix, suffix)
    assert found is not None
    assert 0 <= found.position <= len(suffix)
    if found.certain:
        for hole in holes(CASES[name].alphabet, 3):
            assert not lark_accepts(completion_cases.grammar(name), prefix + hole + suffix), hole


@pytest.mark.parametrize("name", ["brackets", "sums", "keywords", "nullable"])
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_every_suffix_that_fits_is_left_alone(name: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(completion_cases.texts(name)), "text")
    start = data.draw(st.integers(0, len(text)), "start")
    end = data.draw(st.integers(start, len(text)), "end")
    piece = read(completion_cases.grammar(name))
    found = breaking_place(assemble([piece]), [piece], text[:start], text[end:])
    assert found is not None and not found.certain


@settings(max_examples=60, deadline=None)
@given(st.text("()[]a", max_size=2), st.text("()[]a", min_size=1, max_size=4))
def test_the_place_by_enumeration(prefix: str, suffix: str) -> None:
    """The longest part of the suffix that some hole and some end make a text of."""
    texts = completion_cases.texts("brackets")
    piece = read(completion_cases.grammar("brackets"))
    found = breaking_place(assemble([piece]), [piece], prefix, suffix)
    begun = [text[len(prefix) :] for text in texts if text.startswith(prefix)]
    if not begun:
        return
    assert found is not None
    least = max(k for k in range(len(suffix) + 1) if any(suffix[:k] in text for text in begun))
    assert found.position >= least
    assert found.certain or found.position == len(suffix)


def test_a_prefix_that_nothing_begins_with() -> None:
    piece = read(completion_cases.grammar("brackets"))
    assert breaking_place(assemble([piece]), [piece], ")", "a") is None
