"""The posterior in place of the model's own statistics, at vLLM's seam `sample_row_stats`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from ...inference.threads import map_threads
from .rows import Row

Statistics = tuple[Tensor, Tensor, Tensor, "Tensor | None"]


class Step:
    """One call of vLLM's sampler, which passes its rows to the seam in tiles, one after another.

    rows: those of the batch in the order of the tiles; None for a request that is not constrained,
        or that commits in this step, whose statistics nobody reads.
    """

    def __init__(self, rows: Sequence[Row | None]) -> None:
        self._rows = rows
        self._passed = 0

    def constrain(self, statistics: Statistics, logits: Tensor, temps: Tensor, width: int) -> None:
        """Writes the posteriors of the constrained rows of a tile over their statistics.

        statistics: argmax, sample (int64 [n * W]), entropy (float [n * W]) and the softmax, or
            None. The softmax stays: it is what the model is told of its own prediction, and was
            trained to be told; what the constraint makes certain would be told as certain.
        logits: [n * W, V]. temps: [n]. width: W.
        """
        count = len(logits) // width
        rows = self._rows[self._passed : self._passed + count]
        self._passed += count
        if not any(rows):
            return
        parts = [
            # To the CPU in this thread: another one has another stream of the GPU.
            (place, row, logits[place * width :][: row.open_positions(width)].cpu(), temperature)
            for place, (row, temperature) in enumerate(zip(rows, temps.tolist(), strict=True))
            if row is not None
        ]
        predictions = map_threads(lambda part: part[1].predict(*part[2:], width), parts)
        for (place, *_), prediction in zip(parts, predictions, strict=True):
            first = place * width
            for target, values in zip(statistics[:3], prediction, strict=True):
                target[first : first + len(values)] = values.to(target)

    def finish(self) -> None:
        """Raises RuntimeError where the tiles were not those of this step's rows."""
        if self._passed != len(self._rows):
            raise RuntimeError(
                f"vLLM's sampler took the statistics of {self._passed} requests, "
                f"{len(self._rows)} were expected: constraints may be on the wrong requests"
            )


_current: ContextVar[Step | None] = ContextVar("constrained diffusion step", default=None)


@contextmanager
def during(step: Step) -> Iterator[None]:
    """Statistics that are taken inside are those of `step`."""
    token = _current.set(step)
    try:
        yield
        step.finish()
    finally:
        _current.reset(token)


def constraining(take_statistics: Callable[..., Statistics]) -> Callable[..., Statistics]:
    """`sample_row_stats`, or its reference for the CPU, with the constraints of the current step.
    All random numbers are drawn as without."""

    @functools.wraps(take_statistics)
    def take_and_constrain(
        logits: Tensor, temps: Tensor, canvas_len: int, *rest: Any
    ) -> Statistics:
        statistics = take_statistics(logits, temps, canvas_len, *rest)
        step = _current.get()
        if step is not None:
            step.constrain(statistics, logits, temps, canvas_len)
        return statistics

    return take_and_constrain
