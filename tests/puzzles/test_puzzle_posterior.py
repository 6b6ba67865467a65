"""The posterior of a puzzle against listing, and what holds where it cannot be exact."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from puzzle_oracles import digits, fillings, posterior_by_listing, structures

from constrained_diffusion import (
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
    Vocabulary,
    VocabularyError,
)
from constrained_diffusion.puzzles import AllDifferent, SearchLimits, Sudoku, row

FOUR = Vocabulary([b"x", b"4", b"3", b"2", b"1", None], end_ids=[], mask_id=5)


def logits(length, size, seed, scale=2.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(length, size, generator=generator, dtype=dtype)


def puzzle_of(structure, **limits):
    """The same puzzle as a constraint, for the vocabulary a, b, c, … and one more token."""
    groups = [group.cells for group in structure.groups]
    domains = [
        [symbol for j, symbol in enumerate(structure.symbols) if bits >> j & 1]
        for bits in structure.domains.tolist()
    ]
    return AllDifferent(groups, domains, limits=SearchLimits(**limits))


@given(structures(sums=False), st.integers(0, 999), st.data())
@settings(max_examples=80)
def test_everything_is_exact_where_solutions_are_listed(structure, seed, data):
    vocabulary = Vocabulary([b"z", *structure.symbols, None], end_ids=[], mask_id=None)
    constraint = puzzle_of(structure)
    numbers = {symbol: j for j, symbol in enumerate(structure.symbols)}
    wanted = data.draw(
        st.dictionaries(
            st.integers(0, structure.size - 1),
            st.lists(st.integers(1, len(structure.symbols)), min_size=1, max_size=3),
            max_size=2,
        )
    )
    solutions = [
        filling
        for filling in fillings(structure)
        if all(filling[cell] + 1 in tokens for cell, tokens in wanted.items())
    ]
    log_probs = logits(structure.size, len(vocabulary), seed)
    try:
        compiled = constraint.compile_for(vocabulary, length=structure.size)
        posterior = compiled.posterior(log_probs, fixed=wanted)
    except UnsatisfiableError:
        assert not solutions
        return
    assert numbers and solutions and posterior.exact and posterior.mask_is_exact

    normalised = log_probs.log_softmax(-1)[:, 1 : 1 + len(structure.symbols)].tolist()
    marginals, evidence, best = posterior_by_listing(solutions, normalised)
    found = posterior.marginals()
    assert found.shape == log_probs.shape and found.dtype == torch.float64
    assert np.allclose(found[:, 1 : 1 + len(structure.symbols)].numpy(), marginals, atol=1e-12)
    assert float(posterior.log_evidence) == pytest.approx(evidence)
    entropy = -(marginals * np.log(np.where(marginals > 0, marginals, 1))).sum(1)
    assert np.allclose(posterior.entropy().numpy(), entropy)
    mask = posterior.mask()[:, 1 : 1 + len(structure.symbols)].numpy()
    expected = np.zeros_like(mask)
    for filling in solutions:
        expected[np.arange(structure.size), filling] = True
    assert np.array_equal(mask, expected)
    mode = [token - 1 for token in posterior.mode().tolist()]
    assert tuple(mode) in solutions and posterior.mode_is_exact
    assert sum(normalised[i][j] for i, j in enumerate(mode)) == pytest.approx(best)
    sample = tuple(token - 1 for token in posterior.sample(torch.Generator()).tolist())
    assert sample in solutions


def test_samples_follow_the_posterior():
    compiled = Sudoku("1.......4.......", (2, 2)).compile_for(FOUR, length=16)
    log_probs = logits(16, 6, 3, scale=0.3)
    posterior = compiled.posterior(log_probs)
    assert posterior.exact
    texts = list(compiled.constraint.solutions())
    normalised = log_probs.log_softmax(-1)
    weights = torch.tensor(
        [
            sum(normalised[i, FOUR.tokens.index(c.encode())] for i, c in enumerate(text))
            for text in texts
        ]
    )
    shares = weights.softmax(0).tolist()
    generator = torch.Generator().manual_seed(0)
    draws = 2000
    counts = Counter(FOUR.decode(posterior.sample(generator)).decode() for _ in range(draws))
    assert set(counts) <= set(texts)
    chi_square = sum(
        (counts[text] - draws * share) ** 2 / (draws * share)
        for text, share in zip(texts, shares, strict=True)
    )
    # Mean of the statistic plus six standard deviations.
    freedom = len(texts) - 1
    assert chi_square < freedom + 6 * math.sqrt(2 * freedom)


@given(
    st.integers(0, 999),
    st.integers(0, 40),
    st.integers(1, 200),
    st.sampled_from([1.0, 20.0]),
)
@settings(max_examples=40)
def test_where_not_exact_the_witness_holds(seed, listed, nodes, scale):
    limits = SearchLimits(solutions=listed, nodes=nodes)
    compiled = Sudoku("1...............", (2, 2), limits=limits).compile_for(FOUR, length=16)
    texts = set(compiled.constraint.solutions())
    log_probs = logits(16, 6, seed, scale, torch.float32)
    posterior = compiled.posterior(log_probs)
    assert not posterior.exact
    rng = np.random.default_rng(seed)
    committed: dict[int, int] = {}
    while True:
        mode, marginals = posterior.mode(), posterior.marginals()
        text = FOUR.decode(mode).decode()
        assert text in texts
        assert FOUR.decode(posterior.sample(torch.Generator().manual_seed(seed))).decode() in texts
        assert all(int(mode[cell]) == token for cell, token in committed.items())
        assert torch.allclose(marginals.sum(-1), torch.ones(16), atol=1e-5)
        mask = posterior.mask()
        possible = [
            filling
            for filling in texts
            if all(filling[i].encode() == FOUR.tokens[t] for i, t in committed.items())
        ]
        for i in range(16):
            supported = {FOUR.tokens.index(filling[i].encode()) for filling in possible}
            kept = set(mask[i].nonzero().flatten().tolist())
            assert supported <= kept
            assert supported == kept or not posterior.mask_is_exact
            assert marginals[i, int(mode[i])] > 0
        # The evidence is that of the solutions found: no more than that of all.
        normalised = log_probs.double().log_softmax(-1)
        total = torch.logsumexp(
            torch.stack(
                [
                    sum(normalised[i, FOUR.tokens.index(c.encode())] for i, c in enumerate(filling))
                    for filling in possible
                ]
            ),
            0,
        )
        assert float(posterior.log_evidence) <= float(total) + 1e-9
        open_cells = [cell for cell in range(16) if cell not in committed]
        if not open_cells:
            break
        for cell in rng.choice(open_cells, min(5, len(open_cells)), replace=False).tolist():
            committed[cell] = int(mode[cell])
        posterior = compiled.posterior(log_probs, fixed=committed)


def test_balanced_marginals_are_exact_for_one_group():
    """Every rule holds on average, and equal weights give equal shares."""
    limits = SearchLimits(solutions=0)
    compiled = AllDifferent([[0, 1, 2]], "123", limits=limits).compile_for(digits(3), length=3)
    marginals = compiled.posterior(torch.zeros(3, 4)).marginals()
    assert torch.allclose(marginals[:, :3], torch.full((3, 3), 1 / 3), atol=1e-6)
    uneven = compiled.posterior(logits(3, 4, 0)).marginals()[:, :3]
    assert torch.allclose(uneven.sum(0), torch.ones(3, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(uneven.sum(1), torch.ones(3, dtype=torch.float64), atol=1e-5)


def test_probability_zero_is_a_last_resort():
    inf = math.inf
    vocabulary = digits(2, extra=1)
    compiled = AllDifferent([[0, 1]], ["12", "12", "1"]).compile_for(vocabulary, length=3)
    # Every solution needs the token of probability 0 in the last cell; 1 2 1 needs two more,
    # however probable the third cell's other token makes it look.
    log_probs = torch.tensor(
        [[-inf, -9.0, 0.0, 0.0], [-9.0, -inf, 0.0, 0.0], [-inf, 5.0, 0.0, 0.0]]
    )
    posterior = compiled.posterior(log_probs)
    assert posterior.mask()[:2, :2].all() and not posterior.mask()[:, 2:].any()
    assert posterior.mode().tolist() == [1, 0, 0]
    assert torch.equal(posterior.marginals()[:2, :2], torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert float(posterior.log_evidence) == -inf

    compiled = AllDifferent([[0, 1]], "12").compile_for(vocabulary, length=2)
    # 1 2 needs one such token, 2 1 none: all the evidence is that of 2 1.
    log_probs = torch.tensor([[-inf, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]).double()
    assert compiled.posterior(log_probs).mode().tolist() == [1, 0]
    evidence = float(compiled.posterior(log_probs).log_evidence)
    normalised = log_probs.log_softmax(-1)
    assert evidence == pytest.approx(float(normalised[0, 1] + normalised[1, 0]))
    # A row of only -inf counts as uniform.
    nothing = compiled.posterior(torch.full((2, 4), -inf).double())
    assert float(nothing.log_evidence) == pytest.approx(math.log(2 / 16))
    assert torch.allclose(nothing.marginals()[:, :2], torch.full((2, 2), 0.5).double())


def test_end_and_padding_follow_the_cells():
    tokens = [b"1", b"2", None, None, None]
    vocabulary = Vocabulary(tokens, end_ids=[2, 3], pad_id=4)
    compiled = AllDifferent([[0, 1]], "12").compile_for(vocabulary, length=5)
    log_probs = logits(5, 5, 1)
    posterior = compiled.posterior(log_probs)
    normalised = log_probs.log_softmax(-1)
    canvases = [(*cells, end, 4, 4) for cells in ((0, 1), (1, 0)) for end in (2, 3)]
    weights = torch.stack(
        [sum(normalised[i, token] for i, token in enumerate(canvas)) for canvas in canvases]
    )
    assert float(posterior.log_evidence) == pytest.approx(float(weights.logsumexp(0)))
    marginals = torch.zeros(5, 5, dtype=torch.float64)
    for canvas, share in zip(canvases, weights.softmax(0), strict=True):
        marginals[torch.arange(5), list(canvas)] += share
    assert torch.allclose(posterior.marginals(), marginals)
    assert torch.equal(posterior.mask(), marginals > 0)
    assert tuple(posterior.mode().tolist()) == canvases[int(weights.argmax())]
    entropy = torch.special.entr(marginals).sum(-1)
    assert torch.allclose(posterior.entropy(), entropy)
    assert posterior.sample(torch.Generator()).tolist()[3:] == [4, 4]
    assert compiled.posterior(log_probs, fixed={2: 3}).mode()[2] == 3
    with pytest.raises(UnsatisfiableError, match="position 3"):
        compiled.posterior(log_probs, fixed={3: 0})


def test_batches_are_their_rows():
    compiled = Sudoku("1...............", (2, 2)).compile_for(FOUR, length=16)
    log_probs = torch.stack([logits(16, 6, seed) for seed in range(3)])
    fixed = [{1: 3}, None, {15: [1, 2]}]
    batch = compiled.posterior(log_probs, fixed=fixed)
    for b in range(3):
        one = compiled.posterior(log_probs[b], fixed=fixed[b])
        assert torch.equal(batch.mode()[b], one.mode())
        assert torch.allclose(batch.marginals()[b], one.marginals())
        assert torch.equal(batch.mask()[b], one.mask())
        assert batch.log_evidence[b] == one.log_evidence
    assert batch.mode().shape == (3, 16) and batch.log_evidence.shape == (3,)
    assert batch.exact and batch.nodes >= 0


def test_values_of_a_cell():
    compiled = Sudoku("1...............", (2, 2)).compile_for(FOUR, length=16)
    posterior = compiled.posterior(logits(16, 6, 0))
    values = posterior.values("r1c2")
    assert values.keys() == {"1", "2", "3", "4"} and values["1"] == 0.0
    for symbol, token in (("2", 3), ("3", 2), ("4", 1)):
        assert values[symbol] == pytest.approx(float(posterior.marginals()[1, token]))
    assert posterior.values("1") == values
    with pytest.raises(ConstrainedDiffusionError, match="r1c1 to r4c4"):
        posterior.values("/name")


def test_wrong_input_is_named():
    compiled = Sudoku("1...............", (2, 2)).compile_for(FOUR, length=16)
    good = logits(16, 6, 0)
    with pytest.raises(VocabularyError, match="7 columns"):
        compiled.posterior(logits(16, 7, 0))
    with pytest.raises(ConstrainedDiffusionError, match="15 positions"):
        compiled.posterior(logits(15, 6, 0))
    for value in (math.nan, math.inf):
        bad = good.clone()
        bad[5, 2] = value
        with pytest.raises(ConstrainedDiffusionError, match="position 5"):
            compiled.posterior(bad)
    with pytest.raises(UnsatisfiableError, match="r1c1 is fixed to 2"):
        compiled.posterior(good, fixed={0: 3})
    with pytest.raises(UnsatisfiableError, match="no symbol"):
        compiled.posterior(good, fixed={1: 0})
    with pytest.raises(UnsatisfiableError, match=r"r1c3 and r1c4 .* both hold 2"):
        compiled.posterior(good, fixed={2: 3, 3: 3})
    with pytest.raises(ConstrainedDiffusionError, match="outside the canvas"):
        compiled.posterior(good, fixed={16: 1})


def test_an_earlier_solution_serves_where_time_runs_out(monkeypatch):
    compiled = Sudoku("1...............", (2, 2)).compile_for(FOUR, length=16)
    log_probs = logits(16, 6, 0)
    first = compiled.posterior(log_probs).mode()

    def out_of_time(*arguments):
        raise LimitError("no solution found in time")

    monkeypatch.setattr(row, "explore", out_of_time)
    kept = {cell: int(first[cell]) for cell in range(8)}
    later = compiled.posterior(logits(16, 6, 1), fixed=kept)
    assert compiled.accepts(FOUR.decode(later.mode()))
    assert later.mode()[:8].tolist() == list(kept.values())
    assert not later.exact and not later.mode_is_exact
    other = {0: 4, 1: 3, 2: 1, 3: 2, 4: 1, 5: 2, 6: 3}
    with pytest.raises(LimitError):
        compiled.posterior(log_probs, fixed=other)
