"""The search against all canvases of small languages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_cases import LENGTH, NAMES, canvases, case, distribution, logits_of, machine

from constrained_diffusion.errors import InternalError
from constrained_diffusion.inference.fixed import allowed_tokens
from constrained_diffusion.pushdown.memory import FULL
from constrained_diffusion.pushdown.search import Searcher, Survivors
from constrained_diffusion.pushdown.search.survivors import Edges, best_path, live_edges

EVERYTHING = {"width": 4096, "margin": 1e18, "pops": 1 << 20}


def search(
    searcher: Searcher,
    name: str,
    logits: torch.Tensor,
    witness: tuple[int, ...],
    fixed: dict[int, int] | None = None,
) -> Survivors:
    allowed = allowed_tokens(fixed, LENGTH, case(name).size)
    start = np.array(witness)
    lattice = searcher.lattice(logits, allowed, start)
    return searcher.search(lattice, machine(name).start, start, None)


def dense(survivors: Survivors, size: int) -> np.ndarray:
    result = np.zeros((LENGTH, size))
    sparse = survivors.marginals
    result[sparse.positions, sparse.tokens] = sparse.probabilities
    return result


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 16), which=st.integers(0, 1 << 16), scale=st.sampled_from([0.5, 4]))
def test_a_beam_that_leaves_nothing_out_is_exact(
    name: str, seed: int, which: int, scale: float
) -> None:
    every = canvases(name)
    logits = logits_of(seed, name, scale)
    searcher = case(name).searcher(machine(name), **EVERYTHING)
    found = search(searcher, name, logits, every[which % len(every)])
    assert found.exact
    scores = distribution(logits, list(every))
    mode = tuple(found.mode.tolist())
    assert mode in every
    total = np.logaddexp.reduce(scores)
    if total == -np.inf:
        assert found.log_evidence == -np.inf
        is_zero = logits.isneginf() & ~logits.isneginf().all(-1, keepdim=True)
        zeros = is_zero.numpy()[np.arange(LENGTH), np.array(every)].sum(1)
        assert zeros[every.index(mode)] == zeros.min()
        return
    assert scores[every.index(mode)] == pytest.approx(scores.max(), abs=1e-5)
    assert found.log_evidence == pytest.approx(min(total, 0.0), abs=1e-5)
    expected = np.zeros((LENGTH, case(name).size))
    for canvas, score in zip(every, scores, strict=True):
        expected[np.arange(LENGTH), canvas] += np.exp(score - total)
    np.testing.assert_allclose(dense(found, case(name).size), expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 16), width=st.integers(1, 6))
def test_small_beams_keep_the_laws(name: str, data: st.DataObject, seed: int, width: int) -> None:
    every = canvases(name)
    logits = logits_of(seed, name, 4)
    witness = data.draw(st.sampled_from(every))
    kept = data.draw(st.sets(st.integers(0, LENGTH - 1)))
    fixed = {position: witness[position] for position in kept}
    searcher = case(name).searcher(machine(name), width=width)
    found = search(searcher, name, logits, witness, fixed)

    def agrees(canvas: tuple[int, ...]) -> bool:
        return all(canvas[position] == token for position, token in fixed.items())

    mode = tuple(found.mode.tolist())
    assert mode in every and agrees(mode)
    best, given_score = distribution(logits, [mode, witness])
    assert best >= given_score - 1e-6
    marginals = dense(found, case(name).size)
    np.testing.assert_allclose(marginals.sum(1), 1, atol=1e-9)
    assert marginals[np.arange(LENGTH), mode].min() > 0
    possible = [canvas for canvas in every if agrees(canvas)]
    total = np.logaddexp.reduce(distribution(logits, possible))
    assert found.log_evidence <= total + 1e-5
    supported = np.zeros_like(marginals, np.bool_)
    for canvas in possible:
        supported[np.arange(LENGTH), canvas] = True
    assert not (marginals > 0)[~supported].any()
    drawn = data.draw(st.lists(st.floats(0, 0.999), min_size=LENGTH, max_size=LENGTH))
    sample = tuple(found.sample(np.array(drawn)).tolist())
    assert sample in every and agrees(sample)


def test_samples_follow_the_distribution(name: str) -> None:
    every = canvases(name)
    logits = logits_of(1, name, 1.0)
    found = search(case(name).searcher(machine(name), **EVERYTHING), name, logits, every[0])
    generator = np.random.default_rng(0)
    draws = 4000
    counts = dict.fromkeys(every, 0)
    for _ in range(draws):
        counts[tuple(found.sample(generator.random(LENGTH)).tolist())] += 1
    probabilities = np.exp(distribution(logits, list(every)))
    expected = draws * probabilities / probabilities.sum()
    observed = np.array(list(counts.values()))
    often = expected >= 5
    statistic = ((observed - expected)[often] ** 2 / expected[often]).sum()
    rest = (observed[~often].sum() - expected[~often].sum()) ** 2 / max(expected[~often].sum(), 1)
    # The chi-square distribution with k degrees has mean k and variance 2k: five deviations.
    degrees = int(often.sum())
    assert statistic + rest < degrees + 5 * np.sqrt(2 * degrees) + 25


def test_a_canvas_that_others_follow_ends_where_the_caller_says() -> None:
    chosen = case("brackets")
    closings = ["".join(text) for n in range(4) for text in itertools.product(")]", repeat=n)]
    endings = closings + ["a" + text for text in closings]

    def viable(canvas: tuple[int, ...]) -> bool:
        text = chosen.text_of(canvas)
        if text is None:
            return False
        if chosen.end in canvas:
            return chosen.accepts(text)
        return any(chosen.accepts(text + ending) for ending in endings)

    own = machine("brackets")

    def may_end(config: int) -> bool:
        return any(own.finishes(own.run(ending.encode(), config)) for ending in endings)

    logits = logits_of(4, "brackets", 3.0)[:3]
    every = [c for c in itertools.product(range(chosen.size), repeat=3) if viable(c)]
    searcher = chosen.searcher(own, **EVERYTHING)
    witness = np.array([0, 0, 0])
    lattice = searcher.lattice(logits, allowed_tokens({}, 3, chosen.size), witness)
    found = searcher.search(lattice, own.start, witness, may_end)
    scores = distribution(logits, every)
    assert tuple(found.mode.tolist()) == every[int(scores.argmax())]
    assert found.log_evidence == pytest.approx(min(np.logaddexp.reduce(scores), 0), abs=1e-5)


def test_a_search_from_the_middle_of_a_text() -> None:
    chosen, own = case("brackets"), machine("brackets")
    logits = logits_of(2, "brackets", 3.0)
    searcher = chosen.searcher(own, **EVERYTHING)
    witness = (3, 1, chosen.end, chosen.end + 1, chosen.end + 1)
    start = own.run(b"(")
    every = [
        canvas
        for canvas in itertools.product(range(chosen.size), repeat=LENGTH)
        if (text := chosen.text_of(canvas)) is not None and chosen.accepts("(" + text)
    ]
    lattice = searcher.lattice(logits, allowed_tokens({}, LENGTH, chosen.size), np.array(witness))
    found = searcher.search(lattice, start, np.array(witness), None)
    scores = distribution(logits, every)
    assert tuple(found.mode.tolist()) == every[int(scores.argmax())]


def test_a_full_memory_is_emptied_and_the_search_repeated(name: str) -> None:
    every, logits = canvases(name), logits_of(5, name, 3.0)
    own = case(name).machine()
    searcher = case(name).searcher(own, **EVERYTHING)
    witness = np.array(every[0])
    lattice = searcher.lattice(logits, allowed_tokens({}, LENGTH, case(name).size), witness)
    before = searcher.search(lattice, own.start, witness, None)
    own.memory.count[FULL] = 1
    after = searcher.search(lattice, own.start, witness, None)
    assert before.mode.tolist() == after.mode.tolist()
    assert before.log_evidence == pytest.approx(after.log_evidence, abs=1e-9)


def test_a_witness_outside_of_the_language_is_an_internal_error() -> None:
    chosen = case("brackets")
    searcher = chosen.searcher(machine("brackets"))
    for witness in ((1, 1, 1, 1, 1), (0, 0, 0, 0, 0)):
        with pytest.raises(InternalError, match="canvas that a search begins with"):
            search(searcher, "brackets", logits_of(1, "brackets", 1.0), witness)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 16), length=st.integers(1, 4), width=st.integers(1, 4))
def test_sums_over_the_edges_are_sums_over_their_paths(seed: int, length: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    layers = []
    for position in range(length):
        sources = [0] if position == 0 else range(width)
        every = list(itertools.product(sources, range(width), range(3)))
        count = generator.integers(1, len(every) + 1)
        layers.append([every[i] for i in generator.permutation(len(every))[:count]])
    flat = np.array([edge for layer in layers for edge in layer], np.int32)
    edges = Edges(
        np.concatenate([[0], np.cumsum([len(layer) for layer in layers])]),
        *(np.ascontiguousarray(flat[:, column]) for column in range(3)),
        generator.normal(size=len(flat)) * 5,
    )
    ends = generator.random(width) < 0.6
    paths = []
    for path in itertools.product(*(range(a, b) for a, b in itertools.pairwise(edges.offsets))):
        slots = [0, *(edges.target[edge] for edge in path)]
        joined = all(edges.source[edge] == slot for edge, slot in zip(path, slots, strict=False))
        if joined and ends[slots[-1]]:
            paths.append(path)
    if not paths:
        return
    scores = np.array([edges.score[list(path)].sum() for path in paths])
    mode, score = best_path(edges, ends)
    assert score == pytest.approx(scores.max())
    assert mode.tolist() == edges.token[list(paths[int(scores.argmax())])].tolist()
    live = live_edges(edges, ends)
    found = Survivors(mode, score, True, live, ends, lambda: 100.0)
    total = np.logaddexp.reduce(scores)
    assert found.log_evidence == pytest.approx(total - 100)
    expected = np.zeros((length, 3))
    for path, own in zip(paths, scores, strict=True):
        expected[np.arange(length), edges.token[list(path)]] += np.exp(own - total)
    sparse = found.marginals
    marginals = np.zeros((length, 3))
    marginals[sparse.positions, sparse.tokens] = sparse.probabilities
    np.testing.assert_allclose(marginals, expected, atol=1e-9)
