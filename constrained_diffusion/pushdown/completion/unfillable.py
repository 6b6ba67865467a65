"""Where a text breaks that no hole before it saves, and whether that is certain.

A fixed text after a hole may be wrong by itself. To say where, short holes are tried, and the one
counts after which most of the text can be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...constraints.explain import in_words
from ...errors import LimitError
from .. import kernels
from ..machine import Machine
from ..memory import LEX, PART
from ..tables import GRAMMAR, Tables
from .estimate import Estimate
from .hole_ends import HoleEnds
from .hole_plans import HolePlans
from .hole_sources import MAX_STACKS, finished_stacks, sources
from .parser_costs import Piece
from .state_graph import StateGraph
from .steps import Steps

MAX_TRIED = 500
"""How many short holes are tried for the place."""

_BEYOND_ASCII = 0x80


class Break(NamedTuple):
    """Where the text after a hole breaks.

    Attributes:
        certain: whether it was shown that no hole fits, whatever its length.
        position: how many characters of the text can be read after `hole`.
        hole: of the holes tried, the one with the greatest `position`, and the first of those.
        expected: in words, what could stand there.
    """

    certain: bool
    position: int
    hole: str
    expected: str


def breaking_place(
    tables: Tables, pieces: Sequence[Piece], prefix: str, suffix: str
) -> Break | None:
    """The place in `suffix`; None where nothing begins with `prefix`.

    Certain is only what the grammar's automaton shows: for one grammar, and where the sources of
    a hole were not too many to look at.
    """
    machine = Machine(tables, [], prefix=prefix.encode())
    config = machine.start
    if config == 0:
        return None
    estimate = Estimate(machine, pieces)
    certain = _shown(estimate, config, suffix)
    position, hole, reached = _furthest(estimate, config, suffix)
    expected = in_words(_allowed(estimate, reached), machine.finishes(reached))
    return Break(certain, position, hole.decode(), expected)


def _shown(estimate: Estimate, config: int, suffix: str) -> bool:
    """Whether the parser accepts `suffix` after no hole at all.

    `HolePlans` counts every stack that a hole can lead to. That a plan exists does not yet say
    that a text of it does, so that False tells nothing.
    """
    machine = estimate.machine
    parts = machine.tables.parts
    whole = _run(machine, suffix.encode(), config)
    if whole and machine.finishes(whole):
        return False
    if len(parts.kind) != 1 or parts.kind[0] != GRAMMAR:
        return False
    points = np.frombuffer(suffix.encode("utf-32-le"), np.uint32)
    classes = machine.tables.lexer.point_class[points].astype(np.int32)
    ends = HoleEnds(estimate, classes, None, {})
    if _within_a_terminal(estimate, config, ends, suffix):
        return False
    finished = finished_stacks(estimate, sources(estimate, config, 0))
    if sum(map(len, finished.by_state.values())) >= MAX_STACKS:
        return False
    plans = HolePlans(estimate, StateGraph(machine, estimate.costs), classes, 0, ends)
    try:
        return next(plans.plans(config), None) is None
    except LimitError:
        return False


def _within_a_terminal(estimate: Estimate, config: int, ends: HoleEnds, suffix: str) -> bool:
    """Whether a hole that begins and ends in one terminal may fit."""
    machine = estimate.machine
    lexer = machine.tables.lexer
    for thread in machine.threads(config):
        lex = int(machine.memory.threads[thread, LEX])
        started = not lexer.is_start[lex]
        for end in ends.from_state(lex, started=started):
            text = ends.path(lex, end, started=started) + suffix.encode()
            reached = _run(machine, text, config)
            if reached and machine.finishes(reached):
                return True
    return False


def _furthest(estimate: Estimate, config: int, suffix: str) -> tuple[int, bytes, int]:
    """How many characters of `suffix` can be read after a hole, that hole, and the configuration
    after those characters."""
    machine = estimate.machine
    steps = Steps(estimate)
    best = (-1, b"", config)
    waiting = deque([(config, b"")])
    known = {config}
    while waiting and best[0] < len(suffix) and len(known) < MAX_TRIED and not machine.crowded:
        current, hole = waiting.popleft()
        reached = _characters_read(machine, current, suffix, best[0])
        if reached is not None:
            best = (reached[0], hole, reached[1])
        for data in steps.from_configuration(current):
            following = _run(machine, data, current)
            if following and following not in known:
                known.add(following)
                waiting.append((following, hole + data))
    return best


def _characters_read(
    machine: Machine, config: int, suffix: str, least: int
) -> tuple[int, int] | None:
    """How many characters are read from a configuration, and the one after them; None where they
    are no more than `least`, or where all are, within a terminal that began in the hole."""
    target = _run(machine, suffix[: least + 1].encode(), config)
    if target == 0:
        return None
    position = least + 1
    while position < len(suffix):
        following = _run(machine, suffix[position].encode(), target)
        if following == 0:
            return position, target
        target = following
        position += 1
    return (position, target) if _between_terminals(machine, target) else None


def _between_terminals(machine: Machine, config: int) -> bool:
    """Whether some terminal may end in a configuration: a string that is open swallows any text,
    which says nothing about it."""
    lexer, parts = machine.tables.lexer, machine.tables.parts
    for thread in machine.threads(config):
        fields = machine.memory.threads[thread]
        lex = int(fields[LEX])
        regular = parts.kind[int(fields[PART])] != GRAMMAR
        if regular or lexer.is_start[lex] or lexer.match[lex] >= 0:
            return True
    return False


def _allowed(estimate: Estimate, config: int) -> list[int]:
    """The ASCII characters that may follow a configuration, and 128 for any beyond."""
    machine = estimate.machine
    allowed = [byte for byte in range(_BEYOND_ASCII) if _run(machine, bytes([byte]), config)]
    following = Steps(estimate).from_configuration(config)
    if any(data[0] >= _BEYOND_ASCII and _run(machine, data, config) for data in following):
        allowed.append(_BEYOND_ASCII)
    return allowed


def _run(machine: Machine, data: bytes, config: int) -> int:
    """As `Machine.run`, but configurations stay valid."""
    text = np.frombuffer(data, np.uint8)
    return int(kernels.run(machine.kernel_tables, machine.kernel_memory, config, text))
