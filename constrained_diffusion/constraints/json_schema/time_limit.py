"""A limit of time for what a schema can ask of the compiler."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ...errors import LimitError

MAX_SECONDS = 12.0

_ENDS: ContextVar[float | None] = ContextVar("_ENDS", default=None)


@contextmanager
def time_limit() -> Iterator[None]:
    """Within it, `check_time` raises LimitError once `MAX_SECONDS` are over."""
    token = _ENDS.set(time.monotonic() + MAX_SECONDS)
    try:
        yield
    finally:
        _ENDS.reset(token)


def check_time() -> None:
    """Raises LimitError if the time is over."""
    ends = _ENDS.get()
    if ends is not None and time.monotonic() > ends:
        raise LimitError(
            "the schema takes too much time; lower max_depth, maxLength and maxItems, use fewer "
            "branches in anyOf and oneOf, or close objects with additionalProperties"
        )
