"""Subset construction, minimisation and the canonical form against plain simulation."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from byte_languages import ALL_TEXTS, RandomNfa, assert_canonical, language, nfas
from hypothesis import given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import ByteAutomaton, NfaBuilder, bytes_of, same_language
from constrained_diffusion.automata.algebra import EMPTY, EPSILON, choice, star
from constrained_diffusion.automata.minimise import minimise
from constrained_diffusion.errors import LimitError


@settings(max_examples=100, deadline=None)
@given(nfas(), st.randoms(use_true_random=False))
def test_determinise_agrees_with_simulation(nfa: RandomNfa, rng: random.Random) -> None:
    automaton = nfa.compiled()
    assert language(automaton) == {text for text in ALL_TEXTS if nfa.accepts(text)}
    assert_canonical(automaton)
    order = list(range(nfa.size))
    rng.shuffle(order)
    assert same_language(automaton, nfa.compiled(order))


@settings(max_examples=60, deadline=None)
@given(nfas(), nfas())
def test_equal_arrays_mean_equal_languages(left: RandomNfa, right: RandomNfa) -> None:
    a, b = left.compiled(), right.compiled()
    # 2 ** 5 subsets on either side: texts of up to 4 characters tell most, never all, apart
    if same_language(a, b):
        assert language(a) == language(b)
        assert a.key() == b.key()
    else:
        assert a.key() != b.key()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_minimise_any_table(data: st.DataObject) -> None:
    """Random tables with unreachable and dead states, against a walk through the table."""
    states, columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 3))
    cell = st.integers(-1, states - 1)
    table = np.array(
        data.draw(st.lists(st.lists(cell, min_size=columns, max_size=columns),
                           min_size=states, max_size=states)), np.int32
    )  # fmt: skip
    accepting = np.array(data.draw(st.lists(st.booleans(), min_size=states, max_size=states)))
    byte_class = np.minimum(np.arange(256) // 50, columns - 1).astype(np.uint8)
    automaton = minimise(table, byte_class, accepting)
    assert_canonical(automaton)
    for word in (w for n in range(5) for w in product((0, 60, 200), repeat=n)):
        state = 0
        for byte in word:
            state = table[state, byte_class[byte]] if state >= 0 else -1
        assert automaton.accepts(bytes(word)) == (state >= 0 and accepting[state])


def test_run_continues_from_a_state() -> None:
    automaton = choice([b"cat", b"car"])
    middle = automaton.run(b"ca")
    assert middle > 0
    assert automaton.accepting[automaton.run(b"r", middle)]
    assert automaton.run(b"x", middle) == -1
    assert automaton.run(b"cat", -1) == -1


def test_shortest_is_the_smallest_of_the_fewest_bytes() -> None:
    assert choice([b"zzz", b"yb", b"ya", b"zaa"]).shortest() == b"ya"
    assert EPSILON.shortest() == b""
    with pytest.raises(ValueError, match="empty language"):
        EMPTY.shortest()


def test_empty_language_is_one_state() -> None:
    builder = NfaBuilder()
    start, unreachable = builder.add_states(2), 1
    builder.add_edge(start, bytes_of(b"a"), start)
    automaton = builder.determinise(start, [unreachable])
    assert same_language(automaton, EMPTY) and automaton.is_empty


def test_dense_table() -> None:
    automaton = choice([b"a"])
    assert automaton.dense().shape == (2, 256)
    assert automaton.dense()[0].tolist() == [1 if byte == ord("a") else -1 for byte in range(256)]


def test_bytes_of() -> None:
    assert bytes_of(3, (65, 66), b"az") == 1 << 3 | 3 << 65 | 1 << 97 | 1 << 122
    assert bytes_of((0, 255)) == (1 << 256) - 1


def test_repeat_block_equals_embedding_again() -> None:
    inner = choice([b"ab", b"c"])

    def repeated(copies: int) -> ByteAutomaton:
        builder = NfaBuilder()
        mark = builder.mark()
        start, end = builder.add_states(2), 1
        builder.embed(inner, start, end)
        distance = builder.repeat_block(mark, copies - 1)
        for number in range(copies - 1):
            builder.add_epsilon(end + number * distance, start + (number + 1) * distance)
        return builder.determinise(start, [end + (copies - 1) * distance])

    three = repeated(3)
    assert {len(text) for text in (b"ccc", b"abcab") if three.accepts(text)} == {3, 5}
    assert not three.accepts(b"cc") and not three.accepts(b"cccc")


def test_absorbing_state_changes_no_language() -> None:
    builder = NfaBuilder()
    states = [builder.add_state() for _ in range(3)]
    for state in states:
        builder.add_edge(state, bytes_of(b"abc"), state)
    builder.add_edge(states[0], bytes_of(b"a"), states[1])
    builder.add_edge(states[0], bytes_of(b"b"), states[2])
    plain = builder.determinise(states[0], states[1:])
    assert same_language(plain, builder.determinise(states[0], states[1:], absorbing=states[1]))
    assert_canonical(plain)


def test_limits() -> None:
    builder = NfaBuilder()
    state = builder.add_state()
    builder.add_edge(state, bytes_of(b"ab"), state)
    for number in range(20):
        after = builder.add_state()
        builder.add_edge(state, bytes_of(b"a" if number == 0 else b"ab"), after)
        state = after
    with pytest.raises(LimitError, match="more than 1,000 states"):
        builder.determinise(0, [state], max_states=1000)
    with pytest.raises(LimitError, match="nondeterministic states"):
        builder.add_states(3_000_000)


def test_star_of_a_long_word_keeps_its_length() -> None:
    word = b"abcdefghij" * 300
    automaton = star(choice([word]))
    assert automaton.num_states == len(word)
    assert automaton.accepts(word * 2) and not automaton.accepts(word + word[:-1])
