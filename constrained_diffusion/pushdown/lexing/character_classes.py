"""The characters that no set of a program tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...automata.utf8 import MAX_CODE_POINT, CodePoints
from ...errors import LimitError
from ..tables import Int32Array, UInt16Array

BLANK, TAB, LINE_FEED = 0x20, 0x09, 0x0A
MAX_CLASSES = 4096


class CharacterClasses:
    """A partition of all code points.

    Attributes:
        count: the number of classes.
        point_class: uint16 [0x110000], the class of each code point.
        members: for each set that was given, the classes it consists of, as a bit set.
    """

    def __init__(self, sets: Sequence[CodePoints]) -> None:
        """Raises LimitError where the sets tell too many classes apart."""
        edges = [np.array(points, np.int64).reshape(-1, 2) for points in sets]
        bounds = np.unique(
            np.concatenate([np.array((0, MAX_CODE_POINT + 1)), *(e[:, 0] for e in edges)]
                           + [e[:, 1] + 1 for e in edges])
        )  # fmt: skip
        member = np.zeros((len(bounds) - 1, len(sets)), np.bool_)
        for number, ends in enumerate(edges):
            if len(ends):
                place = np.searchsorted(ends[:, 0], bounds[:-1], side="right") - 1
                member[:, number] = (place >= 0) & (ends[place, 1] >= bounds[:-1])
        packed = np.packbits(member, axis=1)
        class_of: dict[bytes, int] = {}
        classes = [class_of.setdefault(row.tobytes(), len(class_of)) for row in packed]
        if len(class_of) > MAX_CLASSES:
            raise LimitError(
                f"the terminals tell more than {MAX_CLASSES} classes of characters apart; use "
                "fewer different sets of characters"
            )
        self.count = len(class_of)
        self.point_class: UInt16Array = np.repeat(np.array(classes, np.uint16), np.diff(bounds))
        first = [classes.index(number) for number in range(self.count)]
        columns = member[first]
        self.members = [
            sum(1 << int(one) for one in np.flatnonzero(columns[:, number]))
            for number in range(len(sets))
        ]

    def columns(self, tab_length: int) -> Int32Array:
        """What each class adds to an indentation (`LexerTables.column`), where the blank, the tab
        and the line feed are classes of their own."""
        result = np.zeros(self.count, np.int32)
        result[self.point_class[BLANK]] = 1
        result[self.point_class[TAB]] = tab_length
        result[self.point_class[LINE_FEED]] = -1
        return result
