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
from ..memory import LEX, PART, STACK
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

MAX_HOLES = 8
"""How many of them are told of those that lead equally far."""

_BEYOND_ASCII = 0x80


class Break(NamedTuple):
    """Where the text after a hole breaks.

    Attributes:
        certain: whether it was shown that no hole fits, whatever its length.
        position: how many characters of the text can be read after one of `holes`. A terminal that
            may not stand there can be among the last of them: a lexer hands it over at its end.
        holes: of the holes tried, those with the greatest `position`, short ones first.
        expected: in words, what could stand there after the first of them.
    """

    certain: bool
    position: int
    holes: tuple[str, ...]
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
    position, holes, reached = _furthest(estimate, config, suffix)
    expected = in_words(_allowed(estimate, reached), machine.finishes(reached))
    return Break(certain, position, holes, expected)


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


def _furthest(estimate: Estimate, config: int, suffix: str) -> tuple[int, tuple[str, ...], int]:
    """How many characters of `suffix` can be read after a hole, such holes, and the configuration
    after those characters and the first of the holes."""
    machine = estimate.machine
    steps = Steps(estimate)
    best, holes, reached = 0, [b""], config
    waiting = deque([(config, b"")])
    known: set[int] = set()
    while waiting and not machine.crowded:
        current, hole = waiting.popleft()
        read = _characters_read(machine, current, suffix, best)
        if read is not None and read[0] > best:
            best, holes, reached = read[0], [hole], read[1]
        elif read is not None and len(holes) < MAX_HOLES and hole not in holes:
            holes.append(hole)
        if len(known) >= MAX_TRIED:
            continue
        for data in steps.from_configuration(current):
            following = _run(machine, data, current)
            if following and following not in known:
                known.add(following)
                waiting.append((following, hole + data))
    return best, tuple(hole.decode() for hole in holes), reached


def _characters_read(
    machine: Machine, config: int, suffix: str, least: int
) -> tuple[int, int] | None:
    """How many characters are read from a configuration, and the one after them. None where they
    are less than `least`, or are all in a terminal that began in the hole: a string that is open
    swallows any text, which says nothing about it."""
    target = _run(machine, suffix[:least].encode(), config)
    if target == 0:
        return None
    position = least
    while position < len(suffix):
        following = _run(machine, suffix[position].encode(), target)
        if following == 0:
            break
        target = following
        position += 1
    return (position, target) if _stacks(machine, target) - _stacks(machine, config) else None


def _stacks(machine: Machine, config: int) -> set[int]:
    """The parser's stacks in a configuration; for byte automata, their states."""
    parts = machine.tables.parts
    found = set()
    for thread in machine.threads(config):
        fields = machine.memory.threads[thread].tolist()
        regular = parts.kind[fields[PART]] != GRAMMAR
        found.add(-1 - fields[LEX] if regular else fields[STACK])
    return found


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
