"""The fast posterior against enumeration and against the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from enumeration import Enumeration, Problem, log_softmax, problems, token_automaton
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constrained_diffusion.errors import (
    UnsatisfiableError,
)
from constrained_diffusion.inference import Posterior, canvas, infer
from constrained_diffusion.inference.reference import ReferencePosterior
from constrained_diffusion.inference.semirings import MaxSemiring

ANY_OF_THREE = token_automaton([[0, 0, 0]], [True])
# 0: "a" to 1, "b" to 2; 1: only "c", 2: "a", "b" or "c"
FORK = token_automaton([[1, 2, -1], [-1, -1, 1], [2, 2, 2]], [False, True, True])


def posterior_of(problem: Problem) -> Posterior:
    return infer(
        [problem.automaton],
        torch.from_numpy(problem.log_probs),
        fixed=problem.fixed,
        states=[problem.start],
        finals=[np.array(problem.finals)],
    )


@given(problems())
def test_agrees_with_enumeration(problem: Problem) -> None:
    expected = Enumeration.of(problem)
    if not expected.weights:
        with pytest.raises(UnsatisfiableError):
            posterior_of(problem)
        return
    posterior = posterior_of(problem)
    # beyond logits of 1e8 or so, log-probabilities of 1e12 have no digits left for the differences
    scale = np.abs(problem.log_probs[np.isfinite(problem.log_probs)]).max(initial=1)
    tolerance = 1e-9 * max(1, scale / 1e4)
    np.testing.assert_array_equal(posterior.mask().numpy(), expected.mask())
    evidence = float(posterior.log_evidence)
    if scale <= 1e5:
        assert math.isclose(evidence, expected.log_evidence, rel_tol=1e-9, abs_tol=1e-9)
        np.testing.assert_allclose(posterior.marginals(), expected.marginals(), atol=tolerance)
        np.testing.assert_allclose(posterior.entropy(), expected.entropy(), atol=1e-8)
    mode = expected.probable[tuple(posterior.mode().tolist())]
    assert math.isclose(mode, max(expected.probable.values()), rel_tol=1e-12, abs_tol=1e-12)
    for seed in range(3):
        sample = posterior.sample(torch.Generator().manual_seed(seed))
        assert tuple(sample.tolist()) in expected.probable


@given(problems(possible=True, largest=1e4))
def test_agrees_with_the_reference(problem: Problem) -> None:
    fixed = {i: problem.allowed(i) for i in problem.fixed}
    reference = ReferencePosterior(
        problem.automaton, problem.log_probs, fixed, problem.start, np.array(problem.finals)
    )
    assert reference.evidence().order < math.inf
    posterior = posterior_of(problem)
    np.testing.assert_array_equal(posterior.mask().numpy(), reference.mask())
    np.testing.assert_allclose(posterior.marginals(), reference.marginals(), atol=1e-9)
    np.testing.assert_allclose(posterior.entropy(), reference.entropy(), atol=1e-8)


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 50.0, 300.0, 1e4]))
def test_long_canvases_agree_with_the_reference(seed: int, scale: float) -> None:
    """Messages of different states drift apart by far more than a float64 can hold."""
    random = np.random.default_rng(seed)
    num_states, size, length = 6, 4, 40
    table = random.integers(0, num_states, (num_states, size))
    table[random.random((num_states, size)) < 0.4] = -1
    finals = random.random(num_states) < 0.5
    log_probs = random.normal(0, scale, (length, size))
    log_probs[random.random((length, size)) < 0.05] = -math.inf
    fixed = {int(i): random.integers(0, size, 3).tolist() for i in random.integers(0, length, 3)}
    problem = Problem(table.tolist(), finals.tolist(), 0, log_probs, fixed)
    allowed = {i: problem.allowed(i) for i in fixed}
    reference = ReferencePosterior(problem.automaton, log_probs, allowed, 0, finals)
    evidence = reference.evidence()
    assume(evidence.order < math.inf)
    posterior = posterior_of(problem)
    if evidence.order == 0:
        assert float(posterior.log_evidence) == pytest.approx(evidence.log, rel=1e-12, abs=1e-9)
    np.testing.assert_array_equal(posterior.mask().numpy(), reference.mask())
    np.testing.assert_allclose(posterior.marginals(), reference.marginals(), atol=1e-7)
    semiring = MaxSemiring()
    best = reference.backward(semiring)[0][0]
    state, way = 0, semiring.one
    for row, token in zip(log_probs, posterior.mode().tolist(), strict=True):
        state = table[state][token]
        way = semiring.times(way, semiring.token(float(log_softmax(row)[token])))
    assert finals[state] and way.order == best.order
    assert way.log == pytest.approx(best.log, rel=1e-12, abs=1e-9)


@given(problems(possible=True), st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))
def test_narrow_logits(problem: Problem, dtype: torch.dtype) -> None:
    logits = torch.from_numpy(problem.log_probs).to(dtype)
    assume(not logits.isposinf().any())
    rounded = Problem(
        problem.table, problem.finals, problem.start, logits.double().numpy(), problem.fixed
    )
    expected = Enumeration.of(rounded)
    assert expected.weights
    scale = np.abs(rounded.log_probs[np.isfinite(rounded.log_probs)]).max(initial=1)
    posterior = infer(
        [problem.automaton],
        logits,
        fixed=problem.fixed,
        states=[problem.start],
        finals=[np.array(problem.finals)],
    )
    np.testing.assert_array_equal(posterior.mask().numpy(), expected.mask())
    assert posterior.marginals().dtype == posterior.entropy().dtype == torch.float32
    if scale <= 1e5:
        evidence = float(posterior.log_evidence)
        assert math.isclose(evidence, expected.log_evidence, rel_tol=1e-6, abs_tol=2e-6)
        np.testing.assert_allclose(posterior.marginals(), expected.marginals(), atol=5e-6)
        np.testing.assert_allclose(posterior.entropy(), expected.entropy(), atol=5e-5)
    mode = expected.probable[tuple(posterior.mode().tolist())]
    assert math.isclose(mode, max(expected.probable.values()), rel_tol=1e-12, abs_tol=1e-12)


def test_samples_follow_the_joint_distribution() -> None:
    generator = np.random.default_rng(0)
    problem = Problem(
        [[1, 0, 2, 2], [2, 1, 0, 0], [-1, 2, 1, 1]],
        [True, False, True],
        1,
        np.where(generator.random((4, 4)) < 0.2, -math.inf, generator.normal(0, 1, (4, 4))),
        {2: [0, 2, 3]},
    )
    expected = Enumeration.of(problem)
    posterior = posterior_of(problem)
    random = torch.Generator().manual_seed(1)
    draws = 4000
    counts = dict.fromkeys(expected.probable, 0)
    for _ in range(draws):
        counts[tuple(posterior.sample(random).tolist())] += 1
    statistic, cells, rest, rest_count = 0.0, 0, 0.0, 0
    for sample, log in expected.probable.items():
        mean = draws * math.exp(log - expected.log_total)
        if mean < 5:
            rest, rest_count = rest + mean, rest_count + counts[sample]
        else:
            statistic, cells = statistic + (counts[sample] - mean) ** 2 / mean, cells + 1
    if rest >= 5:
        statistic, cells = statistic + (rest_count - rest) ** 2 / rest, cells + 1
    freedom = cells - 1
    # Wilson and Hilferty: the cube root is nearly normal; 4 standard deviations
    bound = freedom * (1 - 2 / (9 * freedom) + 4 * math.sqrt(2 / (9 * freedom))) ** 3
    assert cells > 10 and statistic < bound


def test_same_generator_state_same_sample() -> None:
    posterior = infer([ANY_OF_THREE], torch.zeros(20, 3))
    samples = [posterior.sample(torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*samples)
    torch.manual_seed(7)
    first = posterior.sample()
    torch.manual_seed(7)
    assert torch.equal(first, posterior.sample())


def test_path_that_is_preferred_at_first_dies() -> None:
    """After "a" only "c" goes on, which the model is sure is wrong, by far more than a float64."""
    length = 60
    logits = torch.zeros(length, 3, dtype=torch.float64)
    logits[0] = torch.tensor([9e3, -9e3, 0])
    logits[1:, 2] = -700.0
    posterior = infer([FORK], logits)
    others = torch.log_softmax(logits[1:], -1)[:, :2].logsumexp(-1).sum()
    expected = torch.log_softmax(logits[0], -1)[1] + others
    assert float(posterior.log_evidence) == pytest.approx(float(expected), rel=1e-12)
    assert posterior.marginals()[0].tolist() == pytest.approx([0, 1, 0], abs=1e-12)
    assert posterior.mask()[0].tolist() == [True, True, False]
    assert posterior.mode()[0] == 1
    assert posterior.entropy()[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("wanted", [3, 60])
@pytest.mark.parametrize("cost", [10.0, 80.0, 88.7, 170.0, 270.0, 400.0, 530.0, 620.0, 710.0, 2e3])
def test_exactly_so_many_improbable_tokens(cost: float, wanted: int) -> None:
    """Of 120 tokens so many are of probability exp(-cost): the messages of the states, which count
    them, differ by up to exp(wanted cost), and all are needed. By symmetry every position holds one
    with the same probability."""
    length = 120
    counter = [[state, state + 1] for state in range(wanted)] + [[wanted, -1]]
    automaton = token_automaton(counter, [False] * wanted + [True])
    logits = torch.tensor([[0.0, -cost]] * length, dtype=torch.float64)
    posterior = infer([automaton], logits)
    expected = math.log(math.comb(length, wanted)) - wanted * cost
    expected -= length * math.log1p(math.exp(-cost))
    assert float(posterior.log_evidence) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(posterior.marginals()[:, 1], wanted / length, rtol=1e-9)
    assert posterior.mask().all()
    assert posterior.mode().sum() == posterior.sample().sum() == wanted


@pytest.mark.parametrize("level", [-80.0, -88.0, -88.2, -88.4, -88.6, -95.0, -265.7, -266.0])
def test_classes_of_one_set_keep_their_proportions(level: float) -> None:
    """Wherever their logits lie below that of a token that is not possible."""
    # 1 and 2 are one set on the first state and are told apart on the second
    automaton = token_automaton([[-1, 1, 1], [1, 1, -1]], [False, True])
    logits = torch.tensor([[0.0, level, level - 1.0]], dtype=torch.float64)
    expected = torch.softmax(torch.tensor([1.0, 0.0], dtype=torch.float64), -1)
    torch.testing.assert_close(infer([automaton], logits).marginals()[0, 1:], expected)
    wide = infer([automaton], logits, states=[1], fixed={0: [0, 1]}).marginals()
    assert float(wide[0, 1]) == pytest.approx(math.exp(level) / (1 + math.exp(level)), rel=1e-12)


def test_probability_zero_decides_only_where_it_must() -> None:
    logits = torch.zeros(4, 3, dtype=torch.float64)
    logits[0, 1] = -math.inf
    logits[2] = torch.tensor([-math.inf, 0, -1e9])
    posterior = infer([FORK], logits)
    assert posterior.mode().tolist() == [0, 2, 2, 2]
    assert posterior.marginals()[0].tolist() == [1, 0, 0]
    assert posterior.mask()[0].tolist() == [True, True, False]
    logits[3, 2] = -math.inf
    logits[1, 2] = -math.inf
    posterior = infer([FORK], logits)
    assert posterior.mode()[0] == 1
    assert float(posterior.log_evidence) == -math.inf
    assert posterior.marginals()[1].tolist() == pytest.approx([0.5, 0.5, 0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tokens_of_probability_zero_are_equally_improbable(dtype: torch.dtype) -> None:
    """At every position: one of two must hold one of its three, whatever the others' logits."""
    automaton = token_automaton([[0, 0, 0, 1, 1], [1, 1, 1, 0, 0]], [False, True])
    logits = torch.tensor([[-math.inf] * 3 + [0.0, 0.0], [-math.inf] * 3 + [7.0, 9e3]], dtype=dtype)
    posterior = infer([automaton], logits)
    third, half = 1 / 6, 1 / 4
    np.testing.assert_allclose(
        posterior.marginals(), [[third] * 3 + [half] * 2, [third] * 3 + [0, 1 / 2]], rtol=1e-6
    )
    assert posterior.mode().tolist()[0] in (0, 1, 2)


def test_position_of_only_minus_infinity_is_uniform() -> None:
    logits = torch.full((2, 3), -math.inf)
    posterior = infer([FORK], logits)
    assert float(posterior.log_evidence) == pytest.approx(math.log(4 / 9))
    np.testing.assert_allclose(posterior.marginals()[0], [0.25, 0.75, 0], rtol=1e-6)


def test_forced_positions_have_entropy_zero() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) * 5
    posterior = infer([FORK], logits, fixed={0: 0})
    assert posterior.entropy().tolist() == [0.0] * 6
    assert posterior.marginals()[1:, 2].tolist() == [1.0] * 5


def test_unconstrained_row_is_the_models_own_distribution() -> None:
    logits = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    posterior = infer([None], logits)
    assert float(posterior.log_evidence) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(posterior.marginals(), torch.softmax(logits, -1))
    assert torch.equal(posterior.mode(), logits.argmax(-1))
    assert posterior.mask().all()
    fixed = infer([None], logits, fixed={1: 3, 2: {0, 4}})
    logs = torch.log_softmax(logits, -1)
    expected = logs[1, 3] + logs[2, [0, 4]].logsumexp(-1)
    assert float(fixed.log_evidence) == pytest.approx(float(expected))


def test_batch_of_different_constraints() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(3, 4, 3, generator=generator)
    rows = [FORK, None, ANY_OF_THREE]
    maps = [{0: 1}, None, {3: [0, 2]}]
    finals = [np.array([False, True, True]), None, None]
    batch = infer(rows, logits, fixed=maps, states=[0, 0, 0], finals=finals)
    assert batch.log_evidence.shape == (3,) and batch.log_evidence.dtype == torch.float64
    assert batch.mask().shape == batch.marginals().shape == (3, 4, 3)
    assert batch.mask().dtype == torch.bool
    assert batch.entropy().shape == batch.mode().shape == (3, 4)
    sample = batch.sample(torch.Generator().manual_seed(0))
    assert sample.shape == (3, 4) and sample.dtype == batch.mode().dtype == torch.int64
    for b in range(3):
        single = infer([rows[b]], logits[b], fixed=maps[b], finals=[finals[b]])
        assert single.log_evidence.shape == ()
        assert single.mask().shape == (4, 3) and single.mode().shape == (4,)
        assert torch.equal(single.mask(), batch.mask()[b])
        assert torch.equal(single.marginals(), batch.marginals()[b])
        assert torch.equal(single.entropy(), batch.entropy()[b])
        assert torch.equal(single.mode(), batch.mode()[b])
        assert single.log_evidence == batch.log_evidence[b]


def test_views_and_gradients_are_fine() -> None:
    logits = torch.randn(3, 8, requires_grad=True)
    view = logits.t()[::2]
    torch.testing.assert_close(
        infer([ANY_OF_THREE], view).marginals(), torch.softmax(view.detach(), -1)
    )
    with torch.inference_mode():
        inference = torch.zeros(2, 3)
    assert infer([ANY_OF_THREE], inference).mode().shape == (2,)


def test_long_canvases_keep_only_some_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = infer([FORK], logits)
    expected = whole.marginals(), whole.mode(), whole.sample(torch.Generator().manual_seed(2))
    monkeypatch.setattr(canvas.Messages.__init__, "__defaults__", (300,), raising=True)
    sparse = infer([FORK], logits)
    assert sparse._rows[0]._forward._stride > 1
    torch.testing.assert_close(sparse.marginals(), expected[0], rtol=0, atol=0)
    assert torch.equal(sparse.mode(), expected[1])
    assert torch.equal(sparse.sample(torch.Generator().manual_seed(2)), expected[2])


def test_large_vocabulary_in_several_chunks() -> None:
    """Classes of one, of few and of many tokens, over more tokens and positions than one chunk."""
    size, length = 40_000, 100
    random = np.random.default_rng(0)
    kinds = random.choice([0, 0, 0, 1, 1, 2], size=size)
    kinds[:3] = [3, 4, 5]
    columns = [[0, 1], [1, -1], [-1, 0], [1, 0], [0, 0], [-1, -1]]
    table = [[columns[kind][state] for kind in kinds] for state in range(2)]
    automaton = token_automaton(table, [False, True])
    logits = torch.from_numpy(random.normal(0, 4, (length, size))).float()
    posterior = infer([automaton], logits, fixed={5: 4, 60: range(size // 2)})
    wide = infer([automaton], logits.double(), fixed={5: 4, 60: range(size // 2)})
    assert float(posterior.log_evidence) == pytest.approx(float(wide.log_evidence), abs=1e-5)
    torch.testing.assert_close(
        posterior.marginals(), wide.marginals().float(), rtol=2e-5, atol=1e-12
    )
    torch.testing.assert_close(posterior.entropy(), wide.entropy().float(), rtol=1e-5, atol=1e-5)
    assert torch.equal(posterior.mask(), wide.mask())
    assert torch.equal(posterior.mode(), wide.mode())
    # by class, in two states, the same sums are small enough for NumPy
    logs = np.stack([log_softmax(row) for row in logits.double().numpy()])
    for i, keep in ((5, np.arange(size) == 4), (60, np.arange(size) < size // 2)):
        logs[i, ~keep] = -math.inf
    message = np.array([0.0, -math.inf])
    for row in logs:
        by_kind = [np.logaddexp.reduce(row[kinds == kind]) for kind in range(6)]
        ways: list[list[float]] = [[-math.inf], [-math.inf]]
        for kind, column in enumerate(columns):
            for state, target in enumerate(column):
                if target >= 0:
                    ways[target].append(message[state] + by_kind[kind])
        message = np.array([np.logaddexp.reduce(way) for way in ways])
    assert float(wide.log_evidence) == pytest.approx(message[1], abs=1e-9)
    state = 0
    for token in posterior.sample(torch.Generator().manual_seed(0)).tolist():
        state = table[state][token]
    assert state == 1
