"""How much a puzzle may cost."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConstrainedDiffusionError


@dataclass(frozen=True)
class SearchLimits:
    """Bounds of the search behind a puzzle.

    Attributes:
        seconds: for finding a solution; LimitError where it runs out before there is one.
        solutions: up to so many are listed. Where there are no more, everything of a posterior is
            exact. 0: nothing is listed, and masks and marginals are always those of propagation,
            so that a model has something left to decide.
        nodes: guesses for listing them and for finding the most probable one.
    """

    seconds: float = 60.0
    solutions: int = 1000
    nodes: int = 10_000

    def __post_init__(self) -> None:
        for holds, rule in (
            (self.seconds > 0, f"seconds > 0, got {self.seconds}"),
            (0 <= self.solutions <= 1_000_000, f"0 <= solutions <= 10^6, got {self.solutions}"),
            (self.nodes >= 1, f"nodes >= 1, got {self.nodes}"),
        ):
            if not holds:
                raise ConstrainedDiffusionError(f"SearchLimits needs {rule}")
