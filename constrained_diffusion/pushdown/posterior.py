"""`PushdownPosterior`: what a search over the canvases of a grammar finds, as a posterior."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ..errors import VocabularyError
from ..inference.fixed import allowed_tokens
from ..inference.posterior import Posterior
from ..inference.rows import fixed_of_rows, per_row, rows_of
from .compiled import Known
from .kernels import ENDED
from .search import Survivors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..inference.tables import Allowed
    from .compiled import CompiledGrammar
    from .tables import BoolArray, Int64Array

    Fixed = Mapping[int, int | Collection[int]]
    Float64Array = NDArray[np.float64]


_NO_BOUND = 1 << 40


class PushdownPosterior(Posterior):
    """q(x), proportional to the product of the model's token probabilities over the canvases x of
    the language that a beam search keeps (the survivors), which agree with the fixed positions.

    - `mode()` is the best canvas found: in the language and in agreement with what is fixed;
    - `sample()` is a canvas drawn from the survivors in proportion to their probability;
    - `marginals()`, `entropy()` and `mask()` are those of the survivors: every token of the mask
      stands in some canvas of the language, but not every such token is in the mask;
    - `log_evidence` is the log probability of the survivors, a lower bound.

    Attributes, for all rows of a batch together:
        exact: whether no canvas over the most probable tokens of each position was left out.
        candidates: how many tokens a position has to choose from at most.
    """

    _rows: list[PushdownCanvas]  # type: ignore[assignment]

    def __init__(self, rows: list[PushdownCanvas], log_probs: Tensor) -> None:
        super().__init__(rows, log_probs)  # type: ignore[arg-type]

    @property
    def exact(self) -> bool:
        return all(row.survivors.exact for row in self._rows)


class PushdownCanvas:
    """The survivors of one canvas of L positions over V tokens.

    log_probs: [L, V], a CPU tensor of any float dtype. config: the machine's configuration before
    the canvas; final: whether a configuration may end it.
    """

    def __init__(
        self,
        compiled: CompiledGrammar,
        log_probs: Tensor,
        allowed: Allowed,
        state: int,
        may_end: Callable[[int], bool] | None,
        name: str,
    ) -> None:
        self._length = len(log_probs)
        last = may_end is None
        self._remember = functools.partial(compiled.remember, state, last)
        with compiled.lock:
            known = compiled.known_canvas(state, last, allowed)
            if known is None:
                witness = compiled.witness(state, self._length, allowed, may_end, name)
                known = Known(witness, -math.inf)
            witness = known.canvas
            lattice = compiled.searcher.lattice(log_probs, allowed, witness)
            self.survivors: Survivors = compiled.searcher.search(
                lattice, compiled.configuration(state), witness, may_end, known.gap
            )
            self._remember(Known(self.survivors.mode, self.survivors.gap))

    @property
    def mode(self) -> Int64Array:
        """The best canvas found, int64 [L]."""
        return self.survivors.mode

    @property
    def log_evidence(self) -> float:
        """log of the probability of the survivors."""
        return self.survivors.log_evidence

    def fill_mask(self, mask: BoolArray) -> None:
        """Marks the tokens of the survivors in mask [L, V], which is False before."""
        marginals = self.survivors.marginals
        mask[marginals.positions, marginals.tokens] = True

    def fill_marginals(self, marginals: NDArray[np.floating]) -> None:
        """Writes the marginals to [L, V], which is 0 before."""
        sparse = self.survivors.marginals
        marginals[sparse.positions, sparse.tokens] = sparse.probabilities

    def entropy(self) -> Float64Array:
        """Of each position's marginal, float64 [L], nats."""
        sparse = self.survivors.marginals
        probabilities = sparse.probabilities
        terms = -probabilities * np.log(np.maximum(probabilities, 1e-300))
        totals = np.bincount(sparse.positions, terms, minlength=self._length)
        return np.maximum(totals, 0.0)

    def sample(self, uniforms: Float64Array) -> Int64Array:
        """One canvas, int64 [L]. uniforms: [L+1, 3], independent draws from [0, 1)."""
        canvas = self.survivors.sample(uniforms[:, 0])
        # A sampler that commits some of its tokens fixes them in the next step.
        self._remember(Known(canvas, self.survivors.gap))
        return canvas


def posterior(
    compiled: CompiledGrammar,
    log_probs: Tensor,
    *,
    fixed: Fixed | Sequence[Fixed | None] | None,
    state: int | Sequence[int] | None,
    last: bool,
    room: int | None,
) -> PushdownPosterior:
    """See `CompiledGrammar.posterior`."""
    rows = rows_of(log_probs)
    count, length, size = rows.shape
    if size != len(compiled.vocabulary):
        raise VocabularyError(
            f"log_probs have {size} columns, but the vocabulary of the constraint has "
            f"{len(compiled.vocabulary)} tokens"
        )
    maps = fixed_of_rows(fixed, count)
    states = per_row("states", [state] * count if isinstance(state, int) else state, count)
    canvases = [
        PushdownCanvas(
            compiled,
            rows[b],
            allowed_tokens(maps[b], length, size),
            _state(compiled, states[b]),
            None if last else functools.partial(_may_end_canvas, compiled, room),
            f" (row {b})" if count > 1 else "",
        )
        for b in range(count)
    ]
    return PushdownPosterior(canvases, log_probs)


def _state(compiled: CompiledGrammar, state: int | None) -> int:
    return compiled.initial_state if state is None else int(state)


def _may_end_canvas(compiled: CompiledGrammar, room: int | None, config: int) -> bool:
    """Whether the text can be finished with `room` further tokens. Hold the lock."""
    # Not every configuration that a step leads to can be finished.
    return config == ENDED or compiled.completer.finishes_within(
        config, _NO_BOUND if room is None else room
    )
