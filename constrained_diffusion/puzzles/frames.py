"""A grid while it is solved, boiled down to what the views draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..sampling import Step
    from .constraint import PositionConstraint
    from .layout import Float64Array, Int64Array
    from .refine import Round

_NO_DOUBT = 1e-9
"""Nats of entropy under which the constraint leaves a cell no choice."""


class CellState(str, Enum):
    """What is known of a cell after a step."""

    GIVEN = "given"
    """It belongs to the puzzle."""
    FORCED = "forced"
    """The constraint leaves it no choice."""
    COMMITTED = "committed"
    """The model decided it."""
    CHANGING = "changing"
    """Open, and another symbol is the most probable one than one step ago."""
    OPEN = "open"
    """Open; the most probable symbol is the same."""


@dataclass(frozen=True)
class GridFrame:
    """One step of one puzzle. n cells, k symbols.

    Attributes:
        step: steps before this one.
        symbols: [n], the symbol number that stands or, where open, the most probable one.
        states: [n].
        probabilities: [n, k], of the candidates of each cell.
        possible: [n], the symbols that the constraint leaves, as sets.
    """

    step: int
    symbols: list[int]
    states: list[CellState]
    probabilities: Float64Array
    possible: list[int]

    @property
    def decided(self) -> int:
        """How many cells are decided."""
        return sum(s not in (CellState.OPEN, CellState.CHANGING) for s in self.states)

    @property
    def mean_entropy(self) -> float:
        """Nats, over all cells; 0 for those that are decided."""
        logs = np.log(np.maximum(self.probabilities, 1e-300))
        entropies = -(self.probabilities * logs).sum(axis=1)
        still_open = [s in (CellState.OPEN, CellState.CHANGING) for s in self.states]
        return float((entropies * still_open).mean())


@dataclass
class GridRecorder:
    """Collects frames; `refine` calls it with rounds, `cd.generate` with steps (`on_step`).

    Attributes:
        puzzle: what is solved.
        frames: all so far.
    """

    puzzle: PositionConstraint
    frames: list[GridFrame] = field(default_factory=list)

    def __call__(self, seen: Round | Step) -> GridFrame:
        from .refine import Round

        frame = self._of_round(seen) if isinstance(seen, Round) else self._of_step(seen)
        self.frames.append(frame)
        return frame

    def _of_round(self, seen: Round) -> GridFrame:
        forced = seen.committed & ~seen.chosen
        return self._frame(
            seen.step, seen.symbols, forced, seen.chosen, seen.probabilities, seen.possible
        )

    def _of_step(self, step: Step) -> GridFrame:
        from .compiled import token_of

        structure = self.puzzle.structure
        tokens = [token_of(symbol, step.vocabulary) for symbol in structure.symbols]
        cells = slice(0, structure.size)
        probabilities = step.posterior.marginals()[cells, tokens].double().cpu().numpy()
        mask = step.mask()[cells, tokens].cpu().numpy()
        possible = (mask << np.arange(len(tokens))).sum(axis=1)
        committed = step.committed[cells].numpy()
        forced = step.entropy[cells].numpy() < _NO_DOUBT
        number = {token: j for j, token in enumerate(tokens)}
        stands = np.array([number[token] for token in step.witness[cells].tolist()])
        symbols = np.where(committed, stands, probabilities.argmax(axis=1))
        return self._frame(step.index, symbols, forced, committed, probabilities, possible)

    def _frame(
        self,
        step: int,
        symbols: Int64Array,
        forced: NDArray[np.bool_],
        committed: NDArray[np.bool_],
        probabilities: Float64Array,
        possible: Int64Array,
    ) -> GridFrame:
        given = self.puzzle.initial & (self.puzzle.initial - 1) == 0
        before = self.frames[-1].symbols if self.frames else symbols.tolist()
        states = [
            CellState.GIVEN
            if given[cell]
            else CellState.FORCED
            if forced[cell]
            else CellState.COMMITTED
            if committed[cell]
            else CellState.CHANGING
            if before[cell] != symbols[cell]
            else CellState.OPEN
            for cell in range(len(symbols))
        ]
        return GridFrame(step, symbols.tolist(), states, probabilities, possible.tolist())
