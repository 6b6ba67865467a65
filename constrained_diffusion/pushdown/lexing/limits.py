"""Bounds on the size of lexers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LexerLimits:
    """Where building lexers stops with a LimitError.

    Attributes:
        states: of all lexers together.
        entries: states times classes of characters.
        threads: in one state.
        back: characters that may follow a match before it is decided.
        steps: threads moved, all in all.
        seconds: of building.
    """

    states: int = 200_000
    entries: int = 20_000_000
    threads: int = 20_000
    back: int = 64
    steps: int = 20_000_000
    seconds: float = 30.0


DEFAULT = LexerLimits()
