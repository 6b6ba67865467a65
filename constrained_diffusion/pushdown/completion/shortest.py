"""The shortest text that finishes from a configuration: best-first search over configurations."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from ...errors import LimitError
from .. import kernels
from ..reading import UNREACHABLE
from .estimate import Estimate
from .steps import Steps

EXPANSIONS = 4000
"""Configurations that the search for a shortest text looks at before it hurries."""

HURRIED_EXPANSIONS = 40_000
"""Configurations that the search for some short text looks at before it gives up."""

_HURRY = 4


@dataclass(frozen=True)
class Found:
    """A text that finishes.

    Attributes:
        text: UTF-8.
        is_shortest: whether it is known that none has fewer characters.
    """

    text: bytes
    is_shortest: bool


def shortest(estimate: Estimate, steps: Steps, config: int) -> Found | None:
    """A shortest text, in characters, after which the text may end; None if there is none.

    A* (Hart, Nilsson, Raphael 1968) with `Estimate.remaining`. Texts of equal length: the one that
    is found first, which is always the same. Raises LimitError where the search ends undecided.
    """
    for weight, limit in ((1, EXPANSIONS), (_HURRY, HURRIED_EXPANSIONS)):
        result, exhausted = _search(estimate, steps, config, weight, limit)
        if result is not None:
            return Found(result, weight == 1)
        if exhausted:
            return None
    raise LimitError(
        f"no text that finishes was found among {HURRIED_EXPANSIONS} continuations; the grammar's "
        "shortest text is long, or its terminals seldom fit together"
    )


def _search(
    estimate: Estimate, steps: Steps, config: int, weight: int, limit: int
) -> tuple[bytes | None, bool]:
    """The text, and whether all continuations were looked at."""
    machine = estimate.machine
    tables, memory = machine.kernel_tables, machine.kernel_memory
    came: dict[int, tuple[int, bytes]] = {config: (0, b"")}
    length = {config: 0}
    first = estimate.remaining(config)
    if first >= UNREACHABLE:
        return None, True
    queue = [(weight * first, first, 0, config)]
    done: set[int] = set()
    order = 0
    while queue:
        _, remaining, _, current = heapq.heappop(queue)
        if current in done:
            continue
        done.add(current)
        if remaining == 0 and machine.finishes(current):
            return _path(came, config, current), False
        if len(done) > limit:
            return None, False
        so_far = length[current]
        for data in steps.from_configuration(current):
            target = int(kernels.run(tables, memory, current, np.frombuffer(data, np.uint8)))
            if target == 0:
                continue
            total = so_far + 1
            if length.get(target, UNREACHABLE) <= total:
                continue
            remaining = estimate.remaining(target)
            if remaining >= UNREACHABLE:
                continue
            # A better way to a configuration that was done is kept for it, but only if the
            # estimate was not consistent there.
            length[target] = total
            came[target] = (current, data)
            done.discard(target)
            order += 1
            heapq.heappush(queue, (total + weight * remaining, remaining, order, target))
        if machine.full:
            raise LimitError("the memory of configurations is full in the search for a short text")
    return None, True


def _path(came: dict[int, tuple[int, bytes]], start: int, end: int) -> bytes:
    pieces = []
    while end != start:
        end, data = came[end]
        pieces.append(data)
    return b"".join(reversed(pieces))
