"""Sets of symbols as bits of an int64: what compiled functions need of them."""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.extending import intrinsic


def _emit_count(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


def _emit_lowest(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.int64), generate


_count: Any = intrinsic(_emit_count)
_lowest: Any = intrinsic(_emit_lowest)


@njit(cache=True, inline="always")
def count_bits(bits: int) -> int:
    """How many bits of an int64 are set, by the processor's own instruction."""
    return _count(bits)  # type: ignore[no-any-return]


@njit(cache=True, inline="always")
def lowest_bit(bits: int) -> int:
    """The index of the lowest set bit of an int64 that is not 0."""
    return _lowest(bits)  # type: ignore[no-any-return]
