"""`PuzzlePosterior`: the posterior of a puzzle in the interface of `Posterior`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..inference.fixed import allowed_tokens
from ..inference.posterior import Posterior
from ..inference.rows import fixed_of_rows, rows_of
from ..inference.threads import map_threads
from .row import PuzzleCanvas

if TYPE_CHECKING:
    from .compiled import CompiledPuzzle

    Fixed = Mapping[int, int | Collection[int]]


class PuzzlePosterior(Posterior):
    """q(x), proportional to the product of the model's token probabilities over the solutions x
    that agree with the fixed positions.

    Where there are at most `limits.solutions` of them (and `limits.nodes` guesses list them),
    everything is exact. Otherwise:

    - `mode()` is the best solution found; a solution that agrees with everything fixed in any case;
    - `mask()` holds every token that stands in some solution, and where `mask_is_exact`, no other;
    - `marginals()` and `entropy()` are those of `balanced_marginals`;
    - `sample()` is a solution drawn by perturb-and-MAP;
    - `log_evidence` is that of the solutions found, a lower bound.

    Attributes, each for all rows of a batch together:
        exact: whether everything is exact.
        mode_is_exact: whether no solution is more probable than the mode.
        mask_is_exact: whether each token of the mask stands in some solution. May search.
        nodes: guesses made, over all rows.
    """

    _rows: list[PuzzleCanvas]  # type: ignore[assignment]

    def __init__(self, rows: list[PuzzleCanvas], log_probs: Tensor) -> None:
        super().__init__(rows, log_probs)  # type: ignore[arg-type]
        if len(rows) == 1:
            self.field_values = rows[0].values

    @property
    def exact(self) -> bool:
        return all(row.exact for row in self._rows)

    @property
    def mode_is_exact(self) -> bool:
        return all(row.exploration.best_is_proven for row in self._rows)

    @property
    def mask_is_exact(self) -> bool:
        return all(row.support.exact for row in self._rows)

    @property
    def nodes(self) -> int:
        return sum(row.exploration.nodes for row in self._rows)


def posterior(
    compiled: CompiledPuzzle,
    log_probs: Tensor,
    fixed: Fixed | Sequence[Fixed | None] | None = None,
) -> PuzzlePosterior:
    """See `CompiledPuzzle.posterior`."""
    rows = rows_of(log_probs)
    maps = fixed_of_rows(fixed, len(rows))

    def canvas(b: int) -> PuzzleCanvas:
        allowed = allowed_tokens(maps[b], *rows.shape[1:])
        return PuzzleCanvas(compiled, rows[b], allowed, f" (row {b})" if len(rows) > 1 else "")

    return PuzzlePosterior(map_threads(canvas, range(len(rows))), log_probs)
