"""Canvases around fixed tokens, against the enumeration of all canvases."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import product

import completion_cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark_grammars import lark_accepts

from constrained_diffusion.errors import LimitError, UnsatisfiableError
from constrained_diffusion.inference.fixed import allowed_tokens
from constrained_diffusion.pushdown.completion import Completer
from constrained_diffusion.pushdown.kernels import ENDED
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read
from constrained_diffusion.vocabulary import Vocabulary

LENGTH = 4

WORDS = {
    "brackets": [b"(", b")", b"[", b"]", b"a", b"a)", b"(("],
    "keywords": [b"i", b"f", b"if", b" ", b"do", b", x"],
    "strings": [b'"', b"{", b"}", b":", b"\\", "é".encode()[:1], "é".encode()[1:]],
    "ambiguous": [b"a", b"+", b"a+", b"(a", b")"],
    "blocks": [b"p", b"b:", b"\n", b" ", b"\n p", b"(", b")"],
}


def vocabulary(name: str, ends: bool) -> Vocabulary:
    """With or without an end token; the token before the last one is no text."""
    words = WORDS[name]
    count = len(words)
    if ends:
        return Vocabulary([*words, None, None], end_ids=(count,), pad_id=count + 1)
    return Vocabulary([*words, None, None], end_ids=())


@cache
def setting(name: str, ends: bool) -> tuple[Machine, Completer, list[tuple[int, ...]]]:
    """A machine, its completer and all canvases of four tokens."""
    piece = read(completion_cases.grammar(name))
    tokens = vocabulary(name, ends)
    machine = Machine(assemble([piece]), tokens.tokens)
    count = len(WORDS[name])
    canvases = []
    for size in range(LENGTH + 1):
        if size < LENGTH and not ends:
            continue
        rest = () if size == LENGTH else (count,) + (count + 1,) * (LENGTH - size - 1)
        for text in product(range(count), repeat=size):
            try:
                decoded = tokens.decode(text).decode()
            except UnicodeDecodeError:
                continue
            if lark_accepts(completion_cases.grammar(name), decoded):
                canvases.append(text + rest)
    return machine, Completer(machine, [piece], tokens), canvases


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("name", WORDS)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_canvas_is_found_if_there_is_one(name: str, ends: bool, data: st.DataObject) -> None:
    machine, completer, canvases = setting(name, ends)
    size = len(WORDS[name]) + 2
    fixed = data.draw(
        st.dictionaries(
            st.integers(0, LENGTH - 1),
            st.sets(st.integers(0, size - 1), min_size=1, max_size=2),
            max_size=LENGTH,
        )
    )
    possible = {
        canvas for canvas in canvases if all(canvas[i] in tokens for i, tokens in fixed.items())
    }
    try:
        found = completer.canvas(machine.start, allowed_tokens(fixed, LENGTH, size), LENGTH)
    except UnsatisfiableError:
        assert not possible
    else:
        assert tuple(found) in possible


def test_a_canvas_that_is_not_the_last() -> None:
    """It may end wherever the caller says."""
    machine, completer, _ = setting("brackets", True)
    size = len(WORDS["brackets"]) + 2
    deep = machine.run(b"[[a(")

    def may_end(config: int) -> bool:
        return config == deep

    fixed = allowed_tokens({3: 0}, LENGTH, size)
    found = completer.canvas(machine.start, fixed, LENGTH, may_end)
    assert found.tolist() == [2, 2, 4, 0]
    with pytest.raises(UnsatisfiableError):
        completer.canvas(machine.start, allowed_tokens({0: 4}, LENGTH, size), LENGTH, may_end)
    padded = completer.canvas(ENDED, allowed_tokens({}, LENGTH, size), LENGTH)
    assert padded.tolist() == [size - 1] * LENGTH


END = 256 + 25**2
LARGE = 40
"""Positions of a canvas of the large vocabulary."""


@lru_cache(maxsize=1)
def large() -> tuple[Machine, Completer, Vocabulary]:
    """A vocabulary of which a search tries a part: all bytes, and pairs of characters."""
    pairs = ["".join(pair).encode() for pair in product('{}":,abcdefghijklmnop01 \\', repeat=2)]
    tokens = Vocabulary([*(bytes([byte]) for byte in range(256)), *pairs, None], end_ids=(END,))
    assert len(tokens) == END + 1
    piece = read(completion_cases.grammar("strings"))
    machine = Machine(assemble([piece]), tokens.tokens)
    return machine, Completer(machine, [piece], tokens), tokens


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 30), st.integers(0, 30), max_size=8),
    st.sampled_from(['{"a":"bc","":{"d":"\\""}}', '{}#"\n#a\n', '{"":{"":{"é":{"":""}}}}']),
)
def test_a_large_vocabulary(picked: dict[int, int], text: str) -> None:
    machine, completer, tokens = large()
    spelled = tokens.encode(text)
    canvas = [*spelled, *[END] * (LARGE - len(spelled))]
    fixed = {place % LARGE: canvas[place % LARGE] for place in picked}
    try:
        found = completer.canvas(machine.start, allowed_tokens(fixed, LARGE, END + 1), LARGE)
    except LimitError:
        return
    assert all(found[place] == token for place, token in fixed.items())
    end = found.tolist().index(END) if END in found else LARGE
    assert (found[end:] == END).all()
    assert machine.accepts(tokens.decode(found[:end]))


def test_a_gap_between_fixed_ends() -> None:
    """A gap is filled with exactly as many tokens as it has positions."""
    machine, completer, tokens = large()
    before, after = tokens.encode('{"ab":{"c'), tokens.encode('d"}}')
    for gap in range(2, 25):
        canvas = [*before, *[None] * gap, *after, END, END]
        fixed = {place: token for place, token in enumerate(canvas) if token is not None}
        allowed = allowed_tokens(fixed, len(canvas), END + 1)
        found = completer.canvas(machine.start, allowed, len(canvas))
        assert all(found[place] == token for place, token in fixed.items())
        assert machine.accepts(tokens.decode(found[: len(canvas) - 2]))
