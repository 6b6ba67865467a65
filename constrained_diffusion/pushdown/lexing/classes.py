"""Classes of characters: code points that no set of a program tells apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ...automata.utf8 import MAX_CODE_POINT, CodePoints
from ..tables import BoolArray, UInt16Array


def partition(
    sets: Sequence[CodePoints], alone: Collection[int] = ()
) -> tuple[UInt16Array, BoolArray]:
    """The class of each code point, uint16 [0x110000], and which classes each set holds, bool
    [sets, C]. Classes are numbered by their first code point.

    alone: code points that are classes by themselves.
    """
    members = [*sets, *(((point, point),) for point in sorted(alone))]
    changes: dict[int, int] = {0: 0}
    for number, points in enumerate(members):
        for low, high in points:
            changes[low] = changes.get(low, 0) ^ 1 << number
            if high < MAX_CODE_POINT:
                changes[high + 1] = changes.get(high + 1, 0) ^ 1 << number
    point_class = np.zeros(MAX_CODE_POINT + 1, np.uint16)
    numbers: dict[int, int] = {}
    begins = sorted(changes)
    current = 0
    for begin, end in zip(begins, [*begins[1:], MAX_CODE_POINT + 1], strict=True):
        current ^= changes[begin]
        point_class[begin:end] = numbers.setdefault(current, len(numbers))
    holds = np.array(
        [[signature >> number & 1 for signature in numbers] for number in range(len(sets))], bool
    ).reshape(len(sets), len(numbers))
    return point_class, holds
