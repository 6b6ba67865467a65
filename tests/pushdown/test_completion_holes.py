"""Holes before fixed text: what was cut out can be replaced."""

from __future__ import annotations

import ast
import random

import completion_cases
import lark_grammars
import pytest
from completion_cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from lark_grammars import lark_accepts

import constrained_diffusion as cd
from constrained_diffusion.errors import UnsatisfiableError
from constrained_diffusion.pushdown.completion import Completer
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read
from constrained_diffusion.vocabulary import Vocabulary

REAL = ("lark_json", "syncode_sql", "lark_python", "hcl2", "optimade_1_2")
HOLES = 12


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_hole_is_filled(name: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(completion_cases.texts(name)), "text")
    start = data.draw(st.integers(0, len(text)), "start")
    end = data.draw(st.integers(start, len(text)), "end")
    machine, completer = completion_cases.bytes_completer(name)
    hole = completer.fill(machine.run(text[:start].encode()), text[end:].encode())
    assert lark_accepts(completion_cases.grammar(name), text[:start] + hole.decode() + text[end:])


LONG = {
    "brackets": "[[(a)a][a(([aa]))]]",
    "keywords": "if ifx , doif,y do  ifdo",
    "sums": "1+(20*(0+1)*11)*1+((((1))+1)+1)",
    "strings": '{"":"\\"",#"}\n"\\\\é漢😀":{"#":{"":{}}},"":""}',
    "lazy": "a<!a<!aa!>a<!!><!!!!>",
    "ambiguous": "a+(a+(a)+((a+a)))+a",
    "dynamic": "ab, ba , abba ab a .",
    "nullable": "aacaacabaaa",
    "blocks": "p\n\nb:\n    p(pp\n  p)\n    b:\n      p\n      p()\n\n    p\np\nb:\n b:\n  p\n",
    "held": "\na\n+a\na+a\n+a\na",
}


@pytest.mark.parametrize("name", CASES)
def test_every_hole_in_a_longer_text(name: str) -> None:
    """All holes, cut out at any byte, within characters too."""
    text = LONG[name].encode()
    machine, completer = completion_cases.bytes_completer(name)
    compiled = completion_cases.grammar(name)
    cuts = [(a, b) for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    shuffled = random.Random(name).sample(cuts, min(120, len(cuts)))
    try:
        compiled.parse(text.decode())
    except Exception as error:  # the text is wrong, not what is tested
        raise AssertionError(name) from error
    for start, end in shuffled:
        hole = completer.fill(machine.run(text[:start]), text[end:])
        filled = (text[:start] + hole + text[end:]).decode()
        assert lark_accepts(compiled, filled), (text[:start], hole, text[end:])


def test_nothing_to_fill_and_nothing_that_fits() -> None:
    machine, completer = completion_cases.bytes_completer("brackets")
    assert completer.fill(machine.run(b"[a"), b"a]") == b""
    closed = machine.run(b"a")
    with pytest.raises(UnsatisfiableError):
        completer.fill(closed, b"a")


def test_the_suffix_of_the_machine_is_fixed_text() -> None:
    piece = read(completion_cases.grammar("brackets"))
    machine = Machine(assemble([piece]), [], prefix=b"[", suffix=b"])]")
    completer = Completer(machine, [piece], Vocabulary([b"(", b"[", b"a", None], end_ids=(3,)))
    whole = Machine(assemble([piece]), [])
    shortest = completer.shortest(machine.start)
    for hole in (completer.fill(machine.start), completer.fill(machine.start, b"])]"), shortest):
        assert whole.accepts(b"[" + hole + b"])]")
    assert whole.accepts(b"[" + completer.fill(machine.start, b"a])]") + b"a])]")
    # The text finishes all but what the suffix finishes.
    assert whole.accepts(b"[([" + completer.shortest(machine.run(b"([")) + b"])]")


@pytest.mark.parametrize("name", [one for one in REAL if one in lark_grammars.names(judged=True)])
def test_real_grammars(name: str) -> None:
    piece = lark_grammars.reading(name)
    machine = Machine(assemble([piece]), [])
    completer = Completer(machine, [piece], Vocabulary([b"a", None], end_ids=(1,)))
    rng = random.Random(name)
    judged = lark_grammars.texts(name)
    accepted = [text for text, verdict in judged if verdict and 10 < len(text) < 600]
    for _ in range(HOLES):
        text = rng.choice(accepted).encode()
        start = rng.randrange(len(text))
        end = min(len(text), start + rng.choice((1, 3, 10, 40)))
        hole = completer.fill(machine.run(text[:start]), text[end:])
        assert lark_accepts(
            lark_grammars.load(name), (text[:start] + hole + text[end:]).decode()
        ), (text[:start], hole, text[end:])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    y = 1\n", "        if x:\n            z = 2\n    return z\n"),
        (
            "class A:\n    def f(self):\n        n = 0\n",
            "            if n:\n                n += 1\n",
        ),
        ("for a in b:\n", "        c = 1\n"),
    ],
)
def test_a_hole_that_opens_the_block_of_the_lines_after_it(before: str, after: str) -> None:
    grammar = cd.LarkGrammar.open("python")
    vocabulary = cd.Vocabulary([*(bytes([byte]) for byte in range(256)), None], end_ids=[256])
    infill = cd.compile(cd.Infill(grammar, before, after), vocabulary, length=64)
    text = before + infill.shortest().decode() + after
    grammar.parse(text)
    ast.parse(text)
