"""From an automaton over classes of characters to one over the bytes of their UTF-8."""

from __future__ import annotations

import numpy as np

from ...automata import ByteAutomaton
from ...automata.minimise import minimise
from ...automata.nfa import NfaBuilder
from ...automata.utf8 import CodePoints, add_code_points, clip, normalise
from ..tables import BoolArray, Int32Array, UInt16Array

_MOST_COLUMNS = 256


def byte_automaton(
    transitions: Int32Array, accepting: BoolArray, point_class: UInt16Array
) -> ByteAutomaton:
    """The minimal automaton over bytes.

    Args:
        transitions: int32 [S, C], the state after a character of a class, or -1; the first is 0.
        accepting: bool [S].
        point_class: uint16 [0x110000], the class of each code point.

    Raises:
        LimitError: it has too many states.
    """
    transitions, accepting, column_of = _smaller(transitions, accepting)
    ranges = _ranges(column_of[point_class])
    builder = NfaBuilder()
    builder.add_states(len(transitions))
    points_of: dict[bytes, tuple[int, CodePoints]] = {}
    hubs: dict[tuple[CodePoints, int], int] = {}
    for state, row in enumerate(transitions):
        for target in np.unique(row).tolist():
            if target < 0:
                continue
            members = row == target
            key = members.tobytes()
            if key not in points_of:
                points_of[key] = _split(ranges, members)
            ascii_bytes, beyond = points_of[key]
            if ascii_bytes:
                builder.add_edge(state, ascii_bytes, target)
            if beyond:
                # Shared by all states from which these characters lead to the same one.
                hub = hubs.get((beyond, target))
                if hub is None:
                    hub = hubs[beyond, target] = builder.add_state()
                    add_code_points(builder, hub, beyond, target)
                builder.add_epsilon(state, hub)
    return builder.determinise(0, np.flatnonzero(accepting).tolist())


def _smaller(
    transitions: Int32Array, accepting: BoolArray
) -> tuple[Int32Array, BoolArray, Int32Array]:
    """The minimal automaton with equal columns merged, and the column of each class."""
    columns, inverse = np.unique(transitions, axis=1, return_inverse=True)
    column_of: Int32Array = inverse.reshape(-1).astype(np.int32)
    if columns.shape[1] > _MOST_COLUMNS:
        return columns, accepting, column_of
    # In the place of bytes: one for each column.
    as_byte = np.minimum(np.arange(_MOST_COLUMNS), columns.shape[1] - 1).astype(np.uint8)
    minimal = minimise(columns, as_byte, accepting)
    return minimal.transitions, minimal.accepting, minimal.byte_class[column_of].astype(np.int32)


def _ranges(column: Int32Array) -> list[tuple[int, int, int]]:
    """First and last code point and column of each run of code points of one column."""
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(column)) - 1
    return list(zip(starts.tolist(), ends.tolist(), column[starts].tolist(), strict=True))


def _split(ranges: list[tuple[int, int, int]], members: BoolArray) -> tuple[int, CodePoints]:
    """The characters of some columns: the ASCII ones as a set of bytes, and the others."""
    points = normalise([(low, high) for low, high, column in ranges if members[column]])
    ascii_bytes = 0
    for low, high in clip(points, 0, 0x7F):
        ascii_bytes |= (1 << (high + 1)) - (1 << low)
    return ascii_bytes, tuple(clip(points, 0x80, 0x10FFFF))
