"""Earley grammars with the dynamic lexer: the pushdown machine against Lark itself."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from random import Random

import lark
import pytest
from earley_grammars import (
    Derivations,
    lark_accepts,
    random_grammars,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lark_grammars import FOLDER, load, texts

from constrained_diffusion.errors import GrammarError
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read

needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the grammar collection is not there")

MAX_THREADS = 400
"""No configuration of the grammars below may need more threads, however long the text."""


def machine_of(parser: lark.Lark) -> Machine:
    return Machine(assemble([read(parser)]), [])


@lru_cache
def real_machine(name: str) -> tuple[lark.Lark, Machine]:
    parser = load(name)
    return parser, machine_of(parser)


@needs_data
@pytest.mark.parametrize("name", ["ligurio_iso8601", "mistql", "optimade_1_2", "sympy_latex"])
def test_samples_and_mutants(name: str) -> None:
    _, machine = real_machine(name)
    labelled = texts(name)
    assert labelled
    wrong = [text for text, accepted in labelled if machine.accepts(text.encode()) != accepted]
    assert wrong == []


@needs_data
@pytest.mark.parametrize("name", ["ligurio_lua", "optimade_1_2", "mistql"])
def test_derived_texts(name: str) -> None:
    parser, machine = real_machine(name)
    derivations = Derivations(parser, Random(7))
    labels = set()
    for _ in range(50):
        text = derivations.text(max_depth=10, max_terminals=12)
        expected = lark_accepts(parser, text)
        assert machine.accepts(text.encode()) == expected, text
        labels.add(expected)
    assert labels == {True, False}


@pytest.mark.parametrize("lexer", ["dynamic", "basic"])
def test_random_grammars(lexer: str) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(random_grammars(), st.lists(st.text("abc", min_size=4, max_size=9), max_size=10))
    def check(grammar: str, longer: list[str]) -> None:
        try:
            parser = lark.Lark(grammar, parser="earley", lexer=lexer)
        except lark.exceptions.LarkError:
            assume(False)
        short = ["".join(text) for length in range(4) for text in product("abc", repeat=length)]
        expected = {text: lark_accepts(parser, text) for text in [*short, *longer]}
        try:
            machine = machine_of(parser)
        except GrammarError:
            assert not any(expected.values())
            return
        for text, accepted in expected.items():
            if accepted is not None:
                assert machine.accepts(text.encode()) == accepted, text

    check()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_grammars(), st.lists(st.sampled_from(["a", "b", "c", "ab", "bca"]), max_size=6))
def test_tokens_and_bytes_lead_to_the_same_configuration(grammar: str, tokens: list[str]) -> None:
    words = ["a", "b", "c", "ab", "bca"]
    try:
        parser = lark.Lark(grammar, parser="earley")
        tables = assemble([read(parser)])
    except (lark.exceptions.LarkError, GrammarError):
        assume(False)
    machine = Machine(tables, [word.encode() for word in words])
    config = machine.start
    for token in tokens:
        config = machine.step(config, words.index(token))
    whole = "".join(tokens).encode()
    assert config == machine.run(whole)
    if config != 0:
        frozen = machine.freeze(config)
        machine.reset()
        machine.run(whole[::-1])
        assert machine.thaw(frozen) == machine.run(whole)


AMBIGUOUS = """
start: expression
expression: expression "+" expression | expression expression | "-" expression
          | NAME | "(" expression? ")"
NAME: /[a-z]+/
%ignore " "
"""


def test_ambiguity_does_not_multiply() -> None:
    """The number of derivations grows exponentially, that of threads does not grow at all."""
    machine = machine_of(lark.Lark(AMBIGUOUS, parser="earley"))
    text = b"a + b - c d (e f + (g - h)) "
    config = machine.run(text * 40)
    assert config != 0
    assert machine.finishes(config)
    assert len(machine.threads(config)) <= len(machine.threads(machine.run(text * 2)))
    assert machine.run(text * 40 + b"+ )") == 0
    assert not machine.accepts(text * 40 + b"+")


@needs_data
def test_ambiguous_real_grammar() -> None:
    """Lua of a grammar whose expressions may be empty, and whose names are no keywords."""
    parser, machine = real_machine("ligurio_lua")
    text = "if x then f=1 end local x do x=1 end "
    assert lark_accepts(parser, text)
    config = machine.run(text.encode() * 20)
    assert machine.finishes(config)
    assert len(machine.threads(config)) <= MAX_THREADS


def test_text_of_ignored_characters() -> None:
    for grammar in ['start: "a"*', 'start: "a"+']:
        parser = lark.Lark(grammar + "\n%ignore /[ b]+/", parser="earley")
        machine = machine_of(parser)
        for text in ["", " ", "b b", " a", "a b", "ba a ", " c", "a c"]:
            assert machine.accepts(text.encode()) == lark_accepts(parser, text), text


def test_frozen_configurations() -> None:
    machine = machine_of(lark.Lark(AMBIGUOUS, parser="earley"))
    config = machine.run(b"(a + b - c d (e f")
    frozen = machine.freeze(config)
    machine.reset()
    assert machine.run(b"z + y ") != 0
    thawed = machine.thaw(frozen)
    assert machine.freeze(thawed) == frozen
    assert thawed == machine.run(b"(a + b - c d (e f")
    assert machine.finishes(machine.run(b" + g))", thawed))
    assert not machine.finishes(machine.run(b" + g)", thawed))
