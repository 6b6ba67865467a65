"""The machine against Lark, against itself in other portions, and over texts of several parts."""

from __future__ import annotations

import re

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import from_regex
from constrained_diffusion.pushdown import machine as machines
from constrained_diffusion.pushdown.kernels import ENDED
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read

BRACKETS = r"""
start: item+
item: WORD | NUMBER | "(" start ")" | "[" [start ("," start)*] "]"
WORD: /[a-z\u00e9\u4e2d\U0001f600]+/
NUMBER: /\d+(\.\d+)?/
%ignore " "
%ignore /#[^\n]*\n/
"""

AMBIGUOUS = r"""
start: e
e: e "+" e | e e | A | "(" e ")"
A: /a+/
%ignore " "
"""


def grammar(text: str, **options: object) -> lark.Lark:
    return lark.Lark(text, **{"parser": "lalr", **options})


def accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


@pytest.fixture(scope="module")
def brackets() -> tuple[lark.Lark, Machine]:
    parser = grammar(BRACKETS)
    return parser, Machine(assemble([read(parser)]), [])


@pytest.fixture(scope="module")
def ambiguous() -> tuple[lark.Lark, Machine]:
    parser = grammar(AMBIGUOUS, parser="earley")
    return parser, Machine(assemble([read(parser)]), [])


TEXTS = st.text("aé中😀1.()[], #\n", max_size=12)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_accepts_what_lark_parses(brackets: tuple[lark.Lark, Machine], text: str) -> None:
    parser, machine = brackets
    assert machine.accepts(text.encode()) == accepts(parser, text)


@settings(max_examples=150, deadline=None)
@given(st.text("a+() ", max_size=9))
def test_ambiguous_grammars(ambiguous: tuple[lark.Lark, Machine], text: str) -> None:
    parser, machine = ambiguous
    assert machine.accepts(text.encode()) == accepts(parser, text)


def test_ambiguity_costs_no_more_than_the_length(ambiguous: tuple[lark.Lark, Machine]) -> None:
    _, machine = ambiguous
    # e e e … has exponentially many parses.
    config = machine.run(b"a +(a) " * 200)
    assert machine.finishes(config)
    assert len(machine.threads(config)) < 50


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.data())
def test_portions_do_not_matter(
    brackets: tuple[lark.Lark, Machine], text: str, data: st.DataObject
) -> None:
    _, machine = brackets
    encoded = text.encode()
    cut = data.draw(st.integers(0, len(encoded)))
    whole = machine.run(encoded)
    first = machine.run(encoded[:cut])
    assert (machine.run(encoded[cut:], first) if first else 0) == whole


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_frozen_configurations_survive_a_reset(
    brackets: tuple[lark.Lark, Machine], text: str
) -> None:
    _, machine = brackets
    encoded = text.encode()
    half = machine.run(encoded[: len(encoded) // 2])
    if half == 0:
        return
    frozen = machine.freeze(half)
    assert machine.thaw(frozen) == half
    accepted = machine.accepts(encoded)
    machine.reset()
    rest = machine.run(encoded[len(encoded) // 2 :], machine.thaw(frozen))
    assert (rest != 0 and machine.finishes(rest)) == accepted
    assert machine.freeze(machine.thaw(frozen)) == frozen


def test_the_ended_text_can_be_frozen(brackets: tuple[lark.Lark, Machine]) -> None:
    _, machine = brackets
    assert machine.thaw(machine.freeze(ENDED)) == ENDED
    assert machine.finishes(ENDED)
    assert machine.run(b"a", ENDED) == 0


@pytest.mark.parametrize(
    "data", [b"\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8", b"\xf4\x90\x80\x80", b"\xe9"]
)
def test_what_is_no_utf8_is_refused(brackets: tuple[lark.Lark, Machine], data: bytes) -> None:
    _, machine = brackets
    assert not machine.accepts(data)
    # Python's decoder is the oracle for how long it may still become valid.
    config = machine.run(b"#" + data)
    try:
        (b"#" + data).decode()
        valid = True
    except UnicodeDecodeError as error:
        valid = error.reason == "unexpected end of data"
    assert (config != 0) == valid


def test_a_crowded_memory_is_emptied_on_the_way(
    brackets: tuple[lark.Lark, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    parser, _ = brackets
    machine = Machine(assemble([read(parser)]), [])
    resets = []
    reset = machine.reset
    monkeypatch.setattr(machine, "reset", lambda: (resets.append(1), reset())[1])
    monkeypatch.setattr(machines, "CHUNK", 7)
    monkeypatch.setattr(Machine, "crowded", property(lambda self: True))
    assert machine.accepts(b"([a, (b) 1.5] c) #x\n[]")
    assert not machine.accepts(b"([a, (b) 1.5] c #x\n[]")
    assert resets


def test_tokens_step_as_their_bytes(brackets: tuple[lark.Lark, Machine]) -> None:
    parser, _ = brackets
    words = [b"(", b"[a", b"1.", b"5", "é".encode()[:1], "é".encode()[1:], None, b")] ", b"", b"]"]
    machine = Machine(assemble([read(parser)]), words)
    waiting, seen = [machine.start], {machine.start}
    while waiting and len(seen) < 400:
        config = waiting.pop()
        for token, word in enumerate(words):
            after = machine.step(config, token)
            assert after == (machine.run(word, config) if word else 0)
            assert after == machine.step(config, token)
            if after and after not in seen:
                seen.add(after)
                waiting.append(after)
    assert len(seen) > 100


PARTS = [
    (("<", "regex"), (BRACKETS, "grammar"), (">", "regex")),
    (("[a(]*", "regex"), (BRACKETS, "grammar"), ("[a)]*", "regex")),
    ((BRACKETS, "grammar"), (BRACKETS, "grammar")),
    (("a?", "regex"), (AMBIGUOUS, "earley"), ("", "regex"), (BRACKETS, "grammar")),
]


@pytest.mark.parametrize("number", range(len(PARTS)))
def test_texts_of_several_parts(number: int) -> None:
    pieces, judges = [], []
    for source, kind in PARTS[number]:
        if kind == "regex":
            pieces.append(from_regex(source))
            judges.append(lambda text, source=source: re.fullmatch(source, text) is not None)
        else:
            parser = grammar(source, parser="earley" if kind == "earley" else "lalr")
            pieces.append(read(parser))
            judges.append(lambda text, parser=parser: accepts(parser, text))
    machine = Machine(assemble(pieces), [])

    def splits(text: str, part: int) -> bool:
        if part == len(judges):
            return text == ""
        return any(
            judges[part](text[:end]) and splits(text[end:], part + 1)
            for end in range(len(text) + 1)
        )

    @settings(max_examples=60, deadline=None)
    @given(st.text("a<>()[], +1", max_size=7))
    def check(text: str) -> None:
        assert machine.accepts(text.encode()) == splits(text, 0)

    check()


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.data())
def test_a_prefix_and_a_suffix(
    brackets: tuple[lark.Lark, Machine], text: str, data: st.DataObject
) -> None:
    parser, plain = brackets
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))
    around = text[:first].encode(), text[last:].encode()
    machine = Machine(plain.tables, [], prefix=around[0], suffix=around[1])
    middle = data.draw(st.one_of(st.just(text[first:last]), st.text("a1.()[] ", max_size=4)))
    expected = accepts(parser, text[:first] + middle + text[last:])
    assert machine.accepts(middle.encode()) == expected
    assert machine.accepts(middle.encode()) == expected
    machine.reset()
    assert machine.accepts(middle.encode()) == expected


def test_a_lexer_goes_back_as_far_as_it_has_to() -> None:
    # An opened string that never closes is a quote and then words, as Lark reads it.
    parser = grammar('start: (QUOTE | TEXT | WORD)+\nQUOTE: /"/\nTEXT: /"[a-z ]*"/\nWORD: /[a-z ]/')
    machine = Machine(assemble([read(parser)]), [])
    for text in ('"' + "ab " * 100, '"' + "ab " * 100 + '"', '"' + "ab " * 100 + "?"):
        assert machine.accepts(text.encode()) == accepts(parser, text)
    config = machine.run(b'"')
    for byte in b"ab " * 100:
        config = machine.run(bytes([byte]), config)
    assert machine.finishes(config)
