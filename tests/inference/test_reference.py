"""The reference implementation against enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from enumeration import Enumeration, Problem, problems
from hypothesis import given

from constrained_diffusion.inference.reference import ReferencePosterior
from constrained_diffusion.inference.semirings import (
    ONE,
    ZERO,
    BooleanSemiring,
    LogSemiring,
    MaxSemiring,
    Semiring,
    Term,
)


def reference(problem: Problem) -> ReferencePosterior:
    fixed = {i: problem.allowed(i) for i in problem.fixed}
    return ReferencePosterior(
        problem.automaton, problem.log_probs, fixed, problem.start, np.array(problem.finals)
    )


@given(problems())
def test_agrees_with_enumeration(problem: Problem) -> None:
    expected = Enumeration.of(problem)
    posterior = reference(problem)
    if not expected.weights:
        assert posterior.evidence() == ZERO
        assert not posterior.mask().any()
        return
    order = min(order for order, _ in expected.weights.values())
    assert posterior.evidence().order == order
    assert math.isclose(posterior.evidence().log, expected.log_total, rel_tol=1e-9, abs_tol=1e-9)
    np.testing.assert_array_equal(posterior.mask(), expected.mask())


@given(problems(possible=True, largest=1e4))
def test_marginals_entropy_and_mode(problem: Problem) -> None:
    expected = Enumeration.of(problem)
    assert expected.weights
    posterior = reference(problem)
    np.testing.assert_allclose(posterior.marginals(), expected.marginals(), atol=1e-9)
    np.testing.assert_allclose(posterior.entropy(), expected.entropy(), atol=1e-8)
    mode = expected.probable[tuple(posterior.mode())]
    assert math.isclose(mode, max(expected.probable.values()), rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("semiring", [LogSemiring(), MaxSemiring(), BooleanSemiring()])
def test_semiring_laws(semiring: Semiring) -> None:
    terms = [semiring.zero, semiring.one, semiring.token(-2.0), semiring.token(-math.inf)]
    for a in terms:
        assert semiring.plus([a, semiring.zero]) == a
        assert semiring.times(a, semiring.one) == a == semiring.times(semiring.one, a)
        assert semiring.times(a, semiring.zero) == semiring.zero
        for b in terms:
            assert semiring.plus([a, b]) == semiring.plus([b, a])
            for c in terms:
                left = semiring.times(a, semiring.plus([b, c]))
                right = semiring.plus([semiring.times(a, b), semiring.times(a, c)])
                assert left == pytest.approx(right)
    assert semiring.plus([]) == semiring.zero


def test_infinitesimals_come_last() -> None:
    semiring = LogSemiring()
    assert semiring.plus([Term(1, 50.0), Term(0, -50.0)]) == Term(0, -50.0)
    assert semiring.times(Term(1, 1.0), Term(2, -3.0)) == Term(3, -2.0)
    assert semiring.plus([ONE, ONE]).log == pytest.approx(math.log(2))
