"""Many puzzles and one model: rounds of denoising, with as much help as is asked for.

`cd.generate` fills one canvas under any constraint; this solves puzzles of one kind side by side,
in the way in which the literature evaluates models on them, and can leave the constraint out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from ..errors import (
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
    VocabularyError,
)
from .compiled import token_of
from .explore import Searcher, narrowed
from .layout import (
    Float64Array,
    Int64Array,
    Layout,
    Scratch,
    build_scratch,
)
from .propagation import MATCHINGS
from .search import EXHAUSTED, PAUSED, best_symbol, narrow
from .solve import text_of

if TYPE_CHECKING:
    from ..models import Denoiser
    from .constraint import PositionConstraint

Guidance = Literal["none", "masks", "search"]
"""What helps the model: nothing; propagation, which takes away what cannot stand, without a way
back; propagation, and a search in the model's order that makes the answer right."""


@dataclass(frozen=True)
class Refined:
    """What became of one puzzle.

    Attributes:
        text: the symbols of all cells at the end.
        solved: whether that is a solution.
        unique: whether it is the only one; None where that is not known.
        steps: denoising steps.
        nodes: guesses of the search to this solution; 0 where nothing was searched.
        dead_end: whether the rounds ended in a contradiction (with masks or search).
        reason: in words, why it is not solved; None where it is.
        log_probs: float64 [n, k], what the search goes by: of each cell, the mean prediction of the
            steps in which it was open.
    """

    text: str
    solved: bool
    unique: bool | None
    steps: int
    nodes: int
    dead_end: bool
    reason: str | None
    log_probs: Float64Array = field(repr=False)


class Round(NamedTuple):
    """What `on_round` is told of one puzzle after one denoising step. n cells, k symbols."""

    puzzle: int  # its number
    step: int  # steps before this one
    committed: NDArray[np.bool_]  # [n], cells that are decided, the given ones among them
    chosen: NDArray[np.bool_]  # [n], those of them that the model decided
    symbols: Int64Array  # [n], the symbol that stands or, where open, the most probable one
    probabilities: Float64Array  # [n, k], the model's, over what is possible
    possible: Int64Array  # [n], sets: what propagation leaves; everything without guidance


def refine(
    denoiser: Denoiser,
    puzzles: Sequence[PositionConstraint],
    *,
    guidance: Guidance = "search",
    steps: int = 12,
    threshold: float = 0.97,
    on_round: Callable[[Round], object] | None = None,
) -> list[Refined]:
    """Solves puzzles of one kind (the same structure) with a model, as one batch.

    In each step the model sees what is decided and predicts the rest; the cells with a symbol more
    probable than `threshold` are decided, at least the most certain one, and in the last step all.
    With masks, a symbol counts only where propagation leaves it, cells are decided one after the
    other with propagation in between, and what propagation decides is decided. With search,
    the answer is then searched for, in the order of the mean predictions of all steps.

    Raises VocabularyError where the denoiser has no tokens for the symbols or no mask token,
    ConstrainedDiffusionError for a canvas of another length or puzzles of several kinds. A puzzle
    without a solution raises nothing: it is not solved, for a `reason`.
    """
    if guidance not in ("none", "masks", "search"):
        raise ConstrainedDiffusionError(
            f"guidance is 'none', 'masks' or 'search', got {guidance!r}"
        )
    if steps < 1 or not puzzles:
        raise ConstrainedDiffusionError("refine needs at least one puzzle and one step")
    boards = [_Board(puzzle, guided=guidance != "none") for puzzle in puzzles]
    structure = puzzles[0].structure
    if any(puzzle.structure is not structure for puzzle in puzzles):
        raise ConstrainedDiffusionError("refine solves puzzles of one kind at a time")
    vocabulary = denoiser.vocabulary
    if vocabulary.mask_id is None:
        raise VocabularyError("refine needs a denoiser with a mask token")
    if denoiser.canvas_length != structure.size:
        raise ConstrainedDiffusionError(
            f"the denoiser's canvas has {denoiser.canvas_length} positions, the puzzle "
            f"{structure.size} cells"
        )
    tokens = np.array([token_of(symbol, vocabulary) for symbol in structure.symbols], np.int64)

    for index in range(steps):
        active = [number for number, board in enumerate(boards) if not board.finished]
        if not active:
            break
        canvas = np.stack([boards[number].canvas(tokens, vocabulary.mask_id) for number in active])
        with torch.no_grad():
            logits = denoiser.denoise("", torch.from_numpy(canvas))
        logits = logits[..., torch.from_numpy(tokens).to(logits.device)]
        logs = logits.double().log_softmax(-1).cpu().numpy()
        for row, number in enumerate(active):
            seen = boards[number].step(logs[row], threshold, last=index == steps - 1)
            if on_round is not None:
                on_round(Round(number, index, *seen))
    outcomes = []
    for number, board in enumerate(boards):
        outcomes.append(board.outcome(guidance))
        if on_round is not None and guidance == "search" and outcomes[-1].solved:
            on_round(Round(number, outcomes[-1].steps, *board.answered()))
    return outcomes


Seen = tuple[NDArray[np.bool_], NDArray[np.bool_], Int64Array, Float64Array, Int64Array]
"""The fields of a `Round` from `committed` on."""


class _Board:
    """One puzzle while it is refined."""

    def __init__(self, puzzle: PositionConstraint, *, guided: bool) -> None:
        self._puzzle = puzzle
        self._structure = puzzle.structure
        self._guided = guided
        self._scratch = build_scratch(self._structure.layout)
        self._domains = puzzle.initial.copy()
        self._reason: str | None = None
        if guided:
            try:
                self._domains = narrowed(self._structure, puzzle.initial)
            except UnsatisfiableError as error:
                self._reason = str(error)
        self._committed = self._decided()
        symbols = np.arange(len(self._structure.symbols))
        self._predicted = (self._domains[:, None] >> symbols & 1).astype(np.float64)
        self._predictions = np.zeros((self._structure.size, 1))
        self._chosen = np.zeros_like(self._committed)
        self._answer = _first_symbol(self._domains)
        self._steps = 0
        self._dead_end = False

    @property
    def finished(self) -> bool:
        return self._reason is not None or self._dead_end or bool(self._committed.all())

    def canvas(self, tokens: Int64Array, mask_id: int) -> Int64Array:
        """int64 [n], token ids. At first the given cells alone: a puzzle as it is stated is what a
        model was trained on, one that propagation has filled in half is not."""
        shown = self._domains if self._steps else self._puzzle.initial
        decided = (shown & (shown - 1)) == 0
        return np.where(decided, tokens[_first_symbol(shown)], mask_id)

    def step(self, logs: Float64Array, threshold: float, *, last: bool) -> Seen:
        """Decides cells by log-probabilities [n, k]; the rest of a `Round`."""
        self._steps += 1
        logs = np.maximum(logs, _LEAST)
        possible = (self._domains[:, None] >> np.arange(logs.shape[1]) & 1).astype(np.bool_)
        masked = np.where(possible, logs, -np.inf)
        masked -= np.logaddexp.reduce(masked, axis=1, keepdims=True)
        probabilities = np.exp(masked)
        open_cells = np.flatnonzero(~self._committed)
        # The first prediction of a cell takes the place of what its domain says.
        self._predicted[open_cells] *= self._predictions[open_cells] > 0
        self._predicted[open_cells] += np.exp(logs[open_cells])
        self._predictions[open_cells] += 1
        chosen = probabilities.argmax(axis=1)
        certainty = probabilities[open_cells, chosen[open_cells]]
        order = np.argsort(-certainty, kind="stable")
        count = len(order) if last else max(1, int((certainty > threshold).sum()))
        self._chosen[open_cells[order[:count]]] = True
        self._commit(open_cells[order[:count]], chosen, logs, last)
        shown = np.where(self._committed, _first_symbol(self._domains), chosen)
        decided, by_model = self._committed.copy(), self._committed & self._chosen
        return decided, by_model, shown, probabilities, self._domains.copy()

    def _commit(
        self, cells: Int64Array, chosen: Int64Array, logs: Float64Array, last: bool
    ) -> None:
        if not self._guided:
            self._domains[cells] = 1 << chosen[cells]
        else:
            narrower = self._domains.copy()
            if not _commit(
                self._structure.layout, self._scratch, narrower, cells, chosen, logs, last
            ):
                self._dead_end = True
                return
            self._domains = narrower
        self._committed = self._decided()

    def _decided(self) -> NDArray[np.bool_]:
        decided: NDArray[np.bool_] = (self._domains & (self._domains - 1)) == 0
        return decided

    def outcome(self, guidance: Guidance) -> Refined:
        """The answer, searched for where that was asked for."""
        structure, reason = self._structure, self._reason
        answer = _first_symbol(self._domains)
        unique, nodes = None, 0
        if guidance == "search" and reason is None:
            try:
                answer, unique, nodes = self._search()
            except (UnsatisfiableError, LimitError) as error:
                reason = str(error)
        if reason is None and not (self._puzzle.initial >> answer & 1).all():
            reason = "a given cell was changed"
        if reason is None:
            reason = structure.broken_rule(answer.tolist())
        self._answer = answer
        return Refined(
            text_of(structure, answer),
            solved=reason is None,
            unique=unique,
            steps=self._steps,
            nodes=nodes,
            dead_end=self._dead_end,
            reason=reason,
            log_probs=self._mean_log_probs(),
        )

    def _mean_log_probs(self) -> Float64Array:
        # A mean of probabilities, so that a step that went wrong weighs no more than one before.
        mean = self._predicted / np.maximum(self._predictions, 1)
        return np.asarray(np.log(np.maximum(mean, _SMALLEST)))

    def answered(self) -> Seen:
        """The outcome as the last round: what the model did not decide so, the search did."""
        answer = self._answer
        decided = np.ones_like(self._committed)
        kept = self._chosen & self._committed & (_first_symbol(self._domains) == answer)
        probabilities = np.eye(len(self._structure.symbols))[answer]
        return decided, kept, answer, probabilities, 1 << answer

    def _search(self) -> tuple[Int64Array, bool | None, int]:
        """A solution, whether it is the only one, and the guesses for it."""
        puzzle = self._puzzle
        search = Searcher(
            self._structure,
            puzzle.initial,
            self._mean_log_probs(),
            seconds=puzzle.limits.seconds,
        )
        if search.run(1) == EXHAUSTED and search.found == 0:
            raise UnsatisfiableError("no solution: every possibility was tried")
        answer, nodes = search.last.astype(np.int64), search.nodes
        status = search.run(2)
        unique = None if status == PAUSED else status == EXHAUSTED and search.found == 1
        return answer, unique, nodes


_LEAST = -1e4
"""In place of a log-probability of -inf: a model may exclude all that propagation leaves."""

_SMALLEST = 1e-300
"""In place of a probability of 0, whose logarithm the search could not add."""


def _first_symbol(domains: Int64Array) -> Int64Array:
    """int64 [n], the number of the lowest symbol of each set, 0 for an empty one."""
    lowest = np.maximum(domains & -domains, 1)
    numbers: Int64Array = np.log2(lowest.astype(np.float64)).astype(np.int64)
    return numbers


@njit(cache=True)
def _commit(
    layout: Layout,
    scratch: Scratch,
    domains: Int64Array,
    cells: Int64Array,
    chosen: Int64Array,
    logs: Float64Array,
    last: bool,
) -> bool:
    """Decides cells one after the other, each with propagation; False at a contradiction.

    Where an earlier one took the chosen symbol away, the cell is left for the next step, or in the
    last step decided for the best symbol that is left.
    """
    for cell in cells:
        symbol = 1 << chosen[cell]
        if not domains[cell] & symbol:
            if not last:
                continue
            symbol = best_symbol(domains[cell], logs[cell])
        if not narrow(layout, scratch, domains, cell, symbol, MATCHINGS):
            return False
    return True
