"""Compiled: the states that a step of a recursion has found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from constrained_diffusion.inference.tables import Int32Array


@njit(cache=True, nogil=True)
def listed(found: Int32Array, count: int, scratch: Any, empty: float) -> Int32Array:
    """The states found[:count], those whose entry in scratch [S] is not `empty`.

    Ascending where there are many, so that their edges lie in the order of memory.
    """
    if count < len(scratch) // 8:
        return found[:count].copy()
    states = np.empty(count, np.int32)
    k = 0
    for state in range(len(scratch)):
        if scratch[state] != empty:
            states[k] = state
            k += 1
    return states
