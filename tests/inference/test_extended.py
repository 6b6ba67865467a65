"""Numbers of unbounded range against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constrained_diffusion.inference.extended import (
    INFINITESIMAL,
    LEAST_BLOCKS,
    ZERO_BLOCKS,
    add,
    exponential,
    logarithm,
    normal,
    to_float,
)

normals = st.tuples(st.floats(2.0**-128, 2.0**128, exclude_max=True), st.integers(-6, 6)) | st.just(
    (0.0, ZERO_BLOCKS)
)
products = st.tuples(normals, normals).map(
    lambda pair: (
        pair[0][0] * pair[1][0],
        max(pair[0][1] + pair[1][1], ZERO_BLOCKS),
    )
)


def exact(mantissa: float, blocks: int) -> Fraction:
    return Fraction(mantissa) * Fraction(2) ** (256 * blocks) if mantissa else Fraction(0)


@given(st.lists(products, min_size=1, max_size=8))
def test_sums_are_accurate_and_positive(terms: list[tuple[float, int]]) -> None:
    total = (0.0, ZERO_BLOCKS)
    for term in terms:
        total = add(*total, *term)
    mantissa, blocks = normal(*total)
    expected = sum(exact(*term) for term in terms)
    assert (mantissa > 0) == (expected > 0)
    if expected:
        assert 2.0**-128 <= mantissa < 2.0**128
        assert abs(exact(mantissa, blocks) / expected - 1) < Fraction(1, 10**14)


@given(st.floats(-1e7, 0))
def test_exponential_and_logarithm(nats: float) -> None:
    mantissa, blocks = exponential(nats)
    assert 2.0**-129 < mantissa < 2.0**129
    assert logarithm(mantissa, blocks) == pytest.approx(nats, rel=1e-15, abs=1e-15)


def test_range() -> None:
    assert exponential(-1e300) == (1.0, LEAST_BLOCKS) == exponential(-math.inf)
    assert logarithm(1.0, INFINITESIMAL) == -math.inf == logarithm(0.0, ZERO_BLOCKS)
    assert 2**19 * LEAST_BLOCKS >= INFINITESIMAL > LEAST_BLOCKS * 2**20
    assert to_float(1.0, -5) == 0.0
    assert to_float(2.0**100, -4) == 2.0**-924
    assert to_float(2.0**-200, 1) == 2.0**56
