"""The candidates of each position."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_cases import case

from constrained_diffusion.errors import ConstrainedDiffusionError
from constrained_diffusion.inference.fixed import allowed_tokens
from constrained_diffusion.pushdown.search.grammar_tokens import grammar_tokens
from constrained_diffusion.pushdown.search.lattice import PROBABILITY_ZERO, build_lattice
from constrained_diffusion.pushdown.search.top_tokens import (
    BLOCK,
    check_finite,
    log_normalisers,
    top_tokens,
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 16),
    blocks=st.integers(0, 12),
    rest=st.integers(0, BLOCK - 1),
    count=st.integers(1, 6),
    kind=st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]),
)
def test_top_tokens_are_those_of_a_sort(
    seed: int, blocks: int, rest: int, count: int, kind: torch.dtype
) -> None:
    size = max(blocks * BLOCK + rest, 1)
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(3, size, generator=generator) * 3).to(kind)
    values, tokens = top_tokens(logits, count)
    expected = logits.sort(-1, descending=True).values[:, :count]
    assert torch.equal(values, expected)
    assert torch.equal(logits.gather(1, tokens), expected)
    assert all(len(set(row)) == len(row) for row in tokens.tolist())


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("token", [0, 700, 1030])
def test_nan_and_infinity_are_refused_with_their_position(wrong: float, token: int) -> None:
    logits = torch.zeros(4, 1031)
    logits[2, token] = wrong
    for count in (2, 600):
        with pytest.raises(ConstrainedDiffusionError, match="position 2"):
            top_tokens(logits, count)
    with pytest.raises(ConstrainedDiffusionError, match="position 2"):
        check_finite(logits.amax(-1))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_log_normalisers(kind: torch.dtype) -> None:
    logits = (torch.randn(5, 3000, generator=torch.Generator().manual_seed(1)) * 20).to(kind)
    logits[1, ::2] = -torch.inf
    expected = torch.logsumexp(logits.double(), -1).numpy()
    np.testing.assert_allclose(log_normalisers(logits), expected, rtol=1e-6)
    nothing = torch.full((1, 3000), -torch.inf, dtype=kind)
    assert log_normalisers(nothing)[0] == pytest.approx(np.log(3000))


SIZE = 40


@settings(max_examples=80, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1 << 16), candidates=st.integers(1, 8))
def test_a_lattice_holds_what_it_promises(data: st.DataObject, seed: int, candidates: int) -> None:
    length = 4
    logits = torch.randn(length, SIZE, generator=torch.Generator().manual_seed(seed)) * 4
    logits[:, data.draw(st.lists(st.integers(0, SIZE - 1)))] = -torch.inf
    if data.draw(st.booleans()):
        logits[1] = -torch.inf
    witness = np.array(data.draw(st.lists(st.integers(0, SIZE - 1), min_size=4, max_size=4)))
    fixed = {2: {int(witness[2]), *data.draw(st.sets(st.integers(0, SIZE - 1)))}}
    always, repairs = np.array([38, 39]), np.array([3, 5, 7, 11])
    lattice = build_lattice(
        logits, allowed_tokens(fixed, length, SIZE), witness,
        always=always, repairs=repairs, candidates=candidates, num_repairs=2,
    )  # fmt: skip
    assert lattice.length == length
    for position in range(length):
        count = lattice.counts[position]
        tokens = lattice.tokens[position, :count].tolist()
        assert (lattice.tokens[position, count:] == -1).all()
        assert len(set(tokens)) == len(tokens)
        assert witness[position] in tokens
        scores = lattice.scores[position, :count]
        assert (np.diff(scores) <= 0).all()
        row = logits[position].double()
        impossible = torch.isneginf(row).all()
        for token, score in zip(tokens, scores.tolist(), strict=True):
            if impossible:
                assert score == 0
            elif torch.isneginf(row[token]):
                assert score == PROBABILITY_ZERO
            else:
                assert score == pytest.approx(float(row[token] - row.max()), abs=1e-6)
        if position in fixed:
            assert set(tokens) <= fixed[position]
            if len(fixed[position]) <= candidates:
                assert set(tokens) == fixed[position]
            continue
        assert {38, 39} <= set(tokens)
        if not impossible:
            best = [t for t in row.argsort(descending=True)[:candidates].tolist() if row[t] > -999]
            assert set(best) <= set(tokens)
            own = sorted((t for t in repairs.tolist() if row[t] > -999), key=lambda t: -row[t])
            assert set(own[:2]) <= set(tokens)


def test_scores_less_the_normaliser_are_log_probabilities() -> None:
    logits = torch.randn(3, SIZE, generator=torch.Generator().manual_seed(3)) * 5
    witness = np.array([1, 2, 3])
    lattice = build_lattice(
        logits, allowed_tokens({}, 3, SIZE), witness, always=np.array([39]), repairs=np.array([4])
    )
    score = sum(lattice.score(i, int(token)) for i, token in enumerate(witness))
    expected = logits.double().log_softmax(-1)[torch.arange(3), torch.from_numpy(witness)].sum()
    assert score - lattice.log_normaliser == pytest.approx(float(expected), abs=1e-5)


def test_the_grammars_own_tokens() -> None:
    chosen = case("brackets")
    own = set(grammar_tokens(chosen.pieces, chosen.vocabulary()).tolist())
    words = dict(enumerate(chosen.words))
    assert {words[token] for token in own} == {b"(", b")", b"[", b"a", b" "}
