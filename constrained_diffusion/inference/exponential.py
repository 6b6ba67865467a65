"""exp for non-positive arguments in compiled loops: vectorisable in float32, libm's in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

# Cephes expf (Moshier): exp(x) = 2**n exp(r) with r = x - n log 2, taken in two exact steps.
_LOG2_E = np.float32(1.44269504088896341)
_LOG_2_HIGH = np.float32(0.693359375)
_LOG_2_LOW = np.float32(-2.12194440e-4)
_P0 = np.float32(1.9875691500e-4)
_P1 = np.float32(1.3981999507e-3)
_P2 = np.float32(8.3334519073e-3)
_P3 = np.float32(4.1665795894e-2)
_P4 = np.float32(1.6666665459e-1)
_P5 = np.float32(5.0000001201e-1)
_ONE = np.float32(1)
_EXPONENT_BIAS = np.int32(127)
_MANTISSA_BITS = np.int32(23)

# Below these the results are subnormal or 0: nothing beside a largest term of 1.
LEAST_FLOAT32 = np.float32(-87)
LEAST_FLOAT64 = -708.0


def exp_nonpositive(x: Any) -> Any:
    """exp(x) for `least(x) <= x <= 0`, relative error at most 2e-7 in float32; NaN stays NaN."""
    return math.exp(x)


def least(x: Any) -> Any:
    """The least argument of `exp_nonpositive` in the type of x."""
    return LEAST_FLOAT64


@intrinsic
def _float32_of_bits(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_bits_to_float32: Any = _float32_of_bits


@overload(exp_nonpositive, jit_options={"fastmath": {"contract"}})
def _exp_nonpositive(x: Any) -> Any:
    def exp_float64(x: Any) -> Any:
        return math.exp(x)

    def exp_float32(x: Any) -> Any:
        n = np.rint(x * _LOG2_E)
        r = (x - n * _LOG_2_HIGH) - n * _LOG_2_LOW
        p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
        power = _bits_to_float32((np.int32(n) + _EXPONENT_BIAS) << _MANTISSA_BITS)
        return (p * (r * r) + r + _ONE) * power

    return exp_float32 if x == types.float32 else exp_float64


@overload(least)
def _least(x: Any) -> Any:
    def least_float64(x: Any) -> Any:
        return LEAST_FLOAT64

    def least_float32(x: Any) -> Any:
        return LEAST_FLOAT32

    return least_float32 if x == types.float32 else least_float64
