"""The lift against enumeration: token strings whose bytes the byte automaton accepts."""

from __future__ import annotations

import gzip
import itertools
import random
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from byte_languages import RandomNfa, nfas
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constrained_diffusion.automata import ByteAutomaton, algebra
from constrained_diffusion.automata.lift import lift
from constrained_diffusion.automata.regex import from_regex
from constrained_diffusion.automata.token_automaton import TokenAutomaton
from constrained_diffusion.errors import LimitError, UnsatisfiableError
from constrained_diffusion.vocabulary import Vocabulary

SHARED = Path(__file__).parents[3] / "shared" / "data" / "vocabularies" / "union262k.b64.gz"
PIECES = ["a", "b", "é", "ab", "ba", "aa", "aba", "éa", "bé", b"\xc3", b"\xa9", b"\xa9a", "abab"]


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """Some pieces, some of them twice, special tokens between them, no to two end tokens."""
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
    tokens: list[bytes | None] = [p.encode() if isinstance(p, str) else p for p in pieces]
    for _ in range(draw(st.integers(1, 4))):
        tokens.insert(draw(st.integers(0, len(tokens))), None)
    special = [i for i, token in enumerate(tokens) if token is None]
    ends = draw(st.lists(st.sampled_from(special), max_size=2, unique=True))
    pad = draw(st.none() | st.sampled_from(special))
    return Vocabulary(tokens, end_ids=ends, pad_id=pad)


def is_accepted(canvas: tuple[int, ...], automaton: ByteAutomaton, vocabulary: Vocabulary) -> bool:
    """A canvas by its definition: text tokens, then optionally one end token and padding."""
    ends = [i for i, token in enumerate(canvas) if token in vocabulary.end_ids]
    stop = ends[0] if ends else len(canvas)
    text = [vocabulary.tokens[token] for token in canvas[:stop]]
    padding = canvas[stop + 1 :]
    return (
        None not in text
        and all(token in vocabulary.padding_ids for token in padding)
        and automaton.accepts(b"".join(token or b"" for token in text))
    )


def behaviour(automaton: TokenAutomaton, token: int) -> tuple[int, ...]:
    return tuple(automaton.step(state, token) for state in range(automaton.num_states))


@settings(max_examples=80)
@given(nfas(), vocabularies())
def test_accepts_exactly_the_spelled_canvases(nfa: RandomNfa, vocabulary: Vocabulary) -> None:
    automaton = nfa.compiled()
    length = 4 if len(vocabulary) <= 6 else 3
    canvases = list(itertools.product(range(len(vocabulary)), repeat=length))
    try:
        lifted = lift(automaton, vocabulary)
    except UnsatisfiableError:
        assert not any(is_accepted(canvas, automaton, vocabulary) for canvas in canvases)
        return
    for canvas in canvases:
        state = lifted.run(canvas)
        accepted = state >= 0 and bool(lifted.accepting[state])
        assert accepted == is_accepted(canvas, automaton, vocabulary)


@settings(max_examples=80)
@given(nfas(), vocabularies())
def test_is_trimmed_and_its_classes_are_the_coarsest(
    nfa: RandomNfa, vocabulary: Vocabulary
) -> None:
    automaton = nfa.compiled()
    try:
        lifted = lift(automaton, vocabulary)
    except UnsatisfiableError:
        assume(False)
    states = range(lifted.num_states)
    tokens = range(len(vocabulary))

    reached = {lifted.start}
    while True:
        more = {lifted.step(s, t) for s in reached for t in tokens} - reached - {-1}
        if not more:
            break
        reached |= more
    assert reached == set(states) or (lifted.done >= 0 and reached | {lifted.done} == set(states))

    behaviours = {token: behaviour(lifted, token) for token in tokens}
    for token, acts in behaviours.items():
        assert (lifted.token_class[token] == -1) == (max(acts) == -1)
    for one, other in itertools.combinations(tokens, 2):
        same_class = lifted.token_class[one] == lifted.token_class[other]
        assert same_class == (behaviours[one] == behaviours[other])
    classes = [c for c in lifted.token_class.tolist() if c >= 0]
    assert list(dict.fromkeys(classes)) == list(range(lifted.num_classes))


@settings(max_examples=60)
@given(nfas(), vocabularies())
def test_shortest_tokens_are_as_short_as_distance_says(
    nfa: RandomNfa, vocabulary: Vocabulary
) -> None:
    automaton = nfa.compiled()
    try:
        lifted = lift(automaton, vocabulary)
    except UnsatisfiableError:
        assume(False)
    special = {*vocabulary.end_ids, vocabulary.pad_id}
    text = [i for i, token in enumerate(vocabulary.tokens) if token and i not in special]
    for state in range(lifted.num_states):
        distance = int(lifted.distance[state])
        assert distance >= 0
        shortest = lifted.shortest_tokens(state)
        assert len(shortest) == distance
        assert lifted.accepting[lifted.run(shortest, state)]
        frontier, steps = {state}, 0
        while not any(lifted.accepting[s] for s in frontier):
            frontier = {lifted.step(s, t) for s in frontier for t in text} - {-1}
            steps += 1
        assert steps == distance


def test_edges_carry_disjoint_sorted_sets_of_classes() -> None:
    vocabulary = Vocabulary(
        [bytes([b]) for b in range(128)] + [b"ab", b"12", b"a1", None], end_ids=[131]
    )
    lifted = lift(from_regex(r"[a-z]{1,3}(\d+|x)?"), vocabulary)
    sets = [
        lifted.set_classes[low:high].tolist()
        for low, high in itertools.pairwise(lifted.set_offsets.tolist())
    ]
    assert all(classes == sorted(set(classes)) for classes in sets)
    assert len({tuple(classes) for classes in sets}) == len(sets) == lifted.num_sets
    for state in range(lifted.num_states):
        edges = range(lifted.edge_offsets[state], lifted.edge_offsets[state + 1])
        targets = [int(lifted.edge_target[edge]) for edge in edges]
        assert len(set(targets)) == len(targets)
        labels = [c for edge in edges for c in sets[lifted.edge_set[edge]]]
        assert len(set(labels)) == len(labels)


def test_special_tokens_stand_nowhere_in_text() -> None:
    vocabulary = Vocabulary([b"a", None, b"", None, None], end_ids=[3], pad_id=4, mask_id=1)
    lifted = lift(algebra.star(algebra.literal(b"a")), vocabulary)
    assert lifted.token_class.tolist() == [0, -1, -1, 1, 2]
    assert lifted.done == 1
    assert lifted.run([0, 0, 3, 4, 4]) == lifted.done
    assert lifted.run([3, 3]) == -1
    assert lifted.run([4]) == -1


def test_end_tokens_pad_where_no_padding_token_is_named() -> None:
    vocabulary = Vocabulary([b"a", None, None], end_ids=[1, 2])
    lifted = lift(algebra.literal(b"a"), vocabulary)
    assert lifted.run([0, 1, 2, 1]) == lifted.done
    assert lifted.token_class[1] == lifted.token_class[2]
    assert lifted.run([1]) == -1


def test_vocabulary_without_end_tokens_has_no_done_state() -> None:
    lifted = lift(algebra.literal(b"aa"), Vocabulary([b"a", None], end_ids=[], pad_id=1))
    assert lifted.done == -1
    assert lifted.token_class[1] == -1
    assert lifted.run([0, 0]) == 2 and lifted.accepting.tolist() == [False, False, True]


def test_states_out_of_reach_of_the_tokens_are_trimmed() -> None:
    vocabulary = Vocabulary([b"ab", b"a", b"c", None], end_ids=[3])
    lifted = lift(algebra.choice([b"ab", b"ad", b"cc", b"b"]), vocabulary)
    assert lifted.step(lifted.start, 1) == -1
    assert lifted.token_class[1] == -1
    assert lifted.run([0, 3]) == lifted.done == lifted.run([2, 2, 3])
    assert lifted.num_states == 4


def test_unsatisfiable_with_the_vocabulary() -> None:
    vocabulary = Vocabulary([b"a", None], end_ids=[1])
    with pytest.raises(UnsatisfiableError, match="with this vocabulary"):
        lift(algebra.literal(b"b"), vocabulary)
    with pytest.raises(UnsatisfiableError):
        lift(algebra.EMPTY, vocabulary)


def test_the_empty_text() -> None:
    lifted = lift(algebra.EPSILON, Vocabulary([b"a", None], end_ids=[1]))
    assert lifted.accepting.tolist() == [True, True]
    assert lifted.run([1, 1]) == lifted.done
    assert lifted.shortest_tokens(lifted.start) == []
    silent = lift(algebra.EPSILON, Vocabulary([b"a"], end_ids=[]))
    assert (silent.num_edges, silent.num_sets, silent.num_classes) == (0, 0, 0)


def test_limit() -> None:
    vocabulary = Vocabulary([bytes([b]) for b in range(97, 123)] + [None], end_ids=[26])
    with pytest.raises(LimitError, match="max_edges"):
        lift(from_regex("[a-z]{100}"), vocabulary, max_edges=50)


def test_real_vocabulary_walks_as_its_bytes_do() -> None:
    if not SHARED.exists():
        pytest.skip("the shared vocabulary is not here")
    with gzip.open(SHARED) as lines:
        tokens: list[bytes | None] = [b64decode(line) for line in lines]
    vocabulary = Vocabulary([*tokens, None], end_ids=[len(tokens)])
    automaton = from_regex(r'\{"name":"([^"\\\x00-\x1f]|\\["\\n]){0,9}","id":-?\d{1,4}(\.\d+)?\}')
    lifted = lift(automaton, vocabulary)
    byte_state = np.flatnonzero(automaton.distance >= 0)
    assert lifted.num_states == len(byte_state) + 1
    generator = random.Random(0)
    for token in [*generator.sample(range(len(tokens)), 3000), *range(256)]:
        for state in generator.sample(range(automaton.num_states), 3):
            assert lifted.step(state, token) == automaton.run(tokens[token] or b"", state)
