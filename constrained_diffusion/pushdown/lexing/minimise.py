"""Lexer tables with useless states removed and equal ones merged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tables import Int32Array, Int64Array, UInt64Array

MAX_ENTRIES = 30_000_000
"""Bound on the table entries that merging looks at, some seconds' worth."""


def matched_from(edges: Sequence[dict[int, int]], own: Sequence[int]) -> list[int]:
    """The terminals matched in each state or after it, as bit sets.

    Args:
        own: the terminals matched in each state itself.
    """
    result = list(own)
    targets = [tuple(set(following.values())) for following in edges]
    changed = True
    # Most edges lead to states of higher numbers, so that few rounds suffice.
    while changed:
        changed = False
        for state in range(len(result) - 1, -1, -1):
            terminals = result[state]
            for target in targets[state]:
                terminals |= result[target]
            if terminals != result[state]:
                result[state] = terminals
                changed = True
    return result


def bit_rows(sets: Sequence[int], num_bits: int) -> UInt64Array:
    """Bit sets as rows [S, W]."""
    words = max(1, -(-num_bits // 64))
    data = b"".join(one.to_bytes(8 * words, "little") for one in sets)
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(len(sets), words)


def equal_states(following: Int32Array, labels: Int64Array) -> Int64Array:
    """The coarsest numbering in which states of equal numbers have equal labels and successors of
    equal numbers (Moore, "Gedanken-experiments on sequential machines", 1956); all different where
    finding it takes long, as with repeats of many thousands.

    Args:
        following: int32 [S, C].
        labels: int64 [S].
    """
    numbers = labels
    count = len(np.unique(labels))
    for _ in range(1 + MAX_ENTRIES // following.size):
        rows = np.ascontiguousarray(np.column_stack([numbers, numbers[following]]))
        packed = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
        _, numbers = np.unique(packed.ravel(), return_inverse=True)
        new_count = int(numbers.max()) + 1
        if new_count == count:
            return numbers
        count = new_count
    return np.arange(len(labels))
