"""The relaxed machine: its counters, and that it promises no less than there is."""

from __future__ import annotations

import lark
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.indenter import Indenter
from search_cases import NAMES, Case, canvases, case, distribution, logits_of, machine

from constrained_diffusion.inference.fixed import allowed_tokens
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble, read
from constrained_diffusion.pushdown.search import Searcher
from constrained_diffusion.pushdown.search.guide import Guide
from constrained_diffusion.pushdown.search.invariants import counters_of
from constrained_diffusion.pushdown.search.lattice import build_lattice
from constrained_diffusion.pushdown.search.projection import profile_of
from constrained_diffusion.pushdown.search.relaxed_steps import END, PADDING, relaxed_step
from constrained_diffusion.pushdown.search.structures import COUNTERS
from constrained_diffusion.vocabulary import Vocabulary

NESTED = r"""
start: expr
expr: "CASE" expr "WHEN" expr "END" | "${" expr "}" | expr "," expr_ | expr_
expr_: "x" | "{" pair* "}"
pair: "x" ":" expr ";"
"""


def guide_of(chosen: Case, own: Machine) -> Guide:
    roles = np.zeros(chosen.size, np.uint8)
    roles[chosen.end], roles[chosen.end + 1] = END, PADDING
    return Guide(own, chosen.pieces, roles, np.zeros(0, np.int64))


def promise(
    guide: Guide, config: int, size: int, logits: torch.Tensor, witness: np.ndarray
) -> float:
    lattice = build_lattice(
        logits, allowed_tokens({}, len(logits), size), witness,
        always=np.arange(size), repairs=np.zeros(0, np.int64),
    )  # fmt: skip
    guide.refresh()
    _, value = guide.potentials(lattice, witness, config, is_last=True, most_states=4096)
    return value - lattice.log_normaliser


def members(guide: Guide, own: Machine, config: int) -> set[tuple[int, int]]:
    """The abstract states and counters of a configuration."""
    profile = profile_of(
        own.kernel_tables, own.kernel_memory, guide.kernel_relaxation, np.int64(config)
    )
    return {(value // COUNTERS, value % COUNTERS) for value in own.threads(int(profile))}


def steps(guide: Guide, own: Machine, state: int, counter: int, token: int) -> set[tuple[int, int]]:
    """Those that follow with a token."""
    roles = np.zeros(token + 3, np.uint8)
    first, size = relaxed_step(
        own.kernel_tables, own.kernel_memory, own.kernel_text, roles, guide.kernel_relaxation,
        np.int64(state), np.int64(token),
    )  # fmt: skip
    edges = range(first, first + size)
    relaxation = guide.relaxation
    return {
        (int(relaxation.edge_target[edge]), counter + int(relaxation.edge_change[edge]))
        for edge in edges
    }


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 1 << 16), which=st.integers(0, 1 << 16))
def test_no_canvas_is_better_than_the_promise(name: str, seed: int, which: int) -> None:
    chosen, own = case(name), machine(name)
    every = canvases(name)
    logits = logits_of(3 * seed + 1, name, 4)
    witness = np.array(every[which % len(every)])
    value = promise(guide_of(chosen, own), own.start, chosen.size, logits, witness)
    assert value >= distribution(logits, list(every)).max() - 1e-4


class Blocks(Indenter):
    NL_type = "_NEWLINE"
    OPEN_PAREN_types = ("LPAR",)
    CLOSE_PAREN_types = ("RPAR",)
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 4


INDENTED = r"""
start: statement+
statement: "x" _NEWLINE | "if" _NEWLINE _INDENT statement+ _DEDENT | "(" "x" ")" _NEWLINE
_NEWLINE: /(\r?\n[\t ]*)+/
%declare _INDENT _DEDENT
%ignore " "
LPAR: "("
RPAR: ")"
"""


def test_indented_texts_are_promised() -> None:
    parser = lark.Lark(INDENTED, parser="lalr", postlex=Blocks())
    words = [b"x", b"if", b"\n", b"\n ", b"\n  ", b"(", b")", b" "]
    reading = read(parser)
    own = Machine(assemble([reading]), [*words, None, None])
    chosen = Case((reading,), tuple(words), lambda text: True)
    guide = guide_of(chosen, own)
    for text in ([1, 3, 0, 2], [1, 3, 1, 4, 0, 2, 0, 2], [5, 2, 0, 3, 6, 2, 0, 2]):
        assert own.accepts(b"".join(words[token] for token in text))
        canvas = np.array([*text, chosen.end, chosen.end + 1])
        logits = torch.full((len(canvas), chosen.size), -20.0)
        logits[torch.arange(len(canvas)), torch.from_numpy(canvas)] = 0.0
        value = promise(guide, own.start, chosen.size, logits, canvas)
        assert value == pytest.approx(0, abs=1e-3)


def test_counters_are_linear_invariants_and_find_the_brackets() -> None:
    parser = lark.Lark(NESTED, parser="lalr")
    reading = read(parser)
    counters = counters_of(reading.parser.rules, reading.parser.start_symbol)
    spelling = {terminal.name: terminal.pattern.value for terminal in parser.terminals}
    pairs = []
    for counter in counters:
        for rule in reading.parser.rules:
            total = sum(
                (counter.terminals if is_terminal else counter.nonterminals).get(number, 0)
                for is_terminal, number in rule.body
            )
            assert total == counter.nonterminals.get(rule.head, 0)
        assert counter.nonterminals.get(reading.parser.start_symbol, 0) == 0
        values = counter.terminals.items()
        pairs.append({spelling[reading.terminals[number]]: value for number, value in values})
    # ";" and ":" come once with each other, "CASE", "WHEN" and "END" too: pairs of a basis.
    assert any(set(pair) <= {"CASE", "WHEN", "END"} for pair in pairs)
    assert any({"${", "{"} & set(pair) and "}" in pair for pair in pairs)
    for pair in pairs:
        assert min(pair.values()) < 0 < max(pair.values())
    opening = {"CASE": 1, "${": 1, "{": 1}
    for pair in pairs:
        assert all(pair[sign] > 0 for sign in opening if sign in pair)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(NAMES), which=st.integers(0, 1 << 16))
def test_the_machine_never_leaves_the_relaxed_machine(name: str, which: int) -> None:
    chosen, own = case(name), machine(name)
    every = canvases(name)
    guide = guide_of(chosen, own)
    reached = members(guide, own, own.start)
    config = own.start
    for token in every[which % len(every)]:
        if token >= chosen.end:
            break
        config = own.step(config, token)
        reached = {after for before in reached for after in steps(guide, own, *before, token)}
        assert members(guide, own, config) <= reached


def test_special_tokens_of_a_vocabulary_without_padding() -> None:
    """An end token may follow an end token there (`Vocabulary.padding_ids`)."""
    parser = lark.Lark('start: "a"', parser="lalr")
    reading = read(parser)
    vocabulary = Vocabulary([b"a", None], end_ids=[1])
    own = Machine(assemble([reading]), [b"a", None])
    searcher = Searcher(own, [reading], vocabulary)
    witness = np.array([0, 1, 1])
    lattice = searcher.lattice(torch.zeros(3, 2), allowed_tokens({}, 3, 2), witness)
    found = searcher.search(lattice, own.start, witness, None)
    assert found.exact
    assert found.mode.tolist() == [0, 1, 1]
    assert found.log_evidence == pytest.approx(3 * np.log(0.5))
