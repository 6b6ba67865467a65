"""`Posterior`, the exact distribution over whole canvases given constraints, and `infer`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..automata.token_automaton import TokenAutomaton
from ..errors import ConstrainedDiffusionError, VocabularyError
from .canvas import CanvasPosterior
from .fixed import Fixed, allowed_tokens
from .rows import fixed_of_rows, per_row, rows_of
from .threads import map_threads


class Posterior:
    """q(x), proportional to the product of the model's token probabilities over the canvases x that
    satisfy the constraint and agree with the fixed positions. Made by `infer`.

    Shapes are [L, …] for unbatched logits [L, V] and [B, L, …] for [B, L, V]; results lie on the
    logits' device. What costs is computed when it is first asked for: the logits are read again
    then, and changing them in place in between is an error.

    A token that the model gives probability 0 still counts as possible in `mask`; it has a part in
    the marginals, samples and mode only where every possible canvas holds such tokens, and
    `log_evidence` is then -inf. A position whose logits are all -inf counts as uniform.
    """

    def __init__(self, rows: list[CanvasPosterior], log_probs: Tensor) -> None:
        self._rows = rows
        self._log_probs = log_probs
        self._version = _version(log_probs)
        self._batched = log_probs.dim() == 3
        self.field_values: Callable[[str], dict[str, float]] | None = None

    @classmethod
    def stack(cls, parts: Sequence[Posterior], log_probs: Tensor) -> Posterior:
        """The posteriors of the rows of `log_probs` [B, L, V], each by itself, as one of all."""
        return Posterior([row for part in parts for row in part._rows], log_probs)

    @property
    def log_evidence(self) -> Tensor:
        """log of the probability that a canvas of the model satisfies the constraint and has the
        fixed tokens: float64 (float32 on devices without it), a scalar or [B]."""
        dtype = torch.float32 if self._log_probs.device.type == "mps" else torch.float64
        evidence = torch.tensor([row.log_evidence for row in self._rows], dtype=dtype)
        return self._shaped(evidence)

    def mask(self) -> Tensor:
        """bool [.., L, V]: the tokens that stand at each position in some possible canvas."""
        mask = np.zeros(self._shape, np.bool_)
        self._each(lambda row, part: row.fill_mask(part), mask)
        return self._shaped(torch.from_numpy(mask))

    def marginals(self) -> Tensor:
        """The posterior probability of each token at each position, float [.., L, V].

        float64 for float64 logits, else float32; each position sums to 1.
        """
        self._check_unchanged()
        # NumPy asks for huge pages, torch does not: half of the time is that of the page faults
        marginals = np.zeros(self._shape, np.float64 if self._wide else np.float32)
        self._each(lambda row, part: row.fill_marginals(part), marginals)
        return self._shaped(torch.from_numpy(marginals))

    def entropy(self) -> Tensor:
        """Entropy of each position's marginal, nats, [.., L]; 0 where the constraint forces it."""
        entropies = self._each(lambda row, _: row.entropy())
        dtype = torch.float64 if self._wide else torch.float32
        return self._shaped(torch.from_numpy(np.stack(entropies)).to(dtype))

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One canvas of each row's exact joint distribution, int64 [.., L].

        generator: the source of randomness, default torch's; the same state, the same canvas.
        """
        self._check_unchanged()
        count, length, _ = self._shape
        device = "cpu" if generator is None else generator.device
        uniforms = torch.rand(
            (count, length + 1, 3), dtype=torch.float64, generator=generator, device=device
        )
        samples = self._each(lambda row, part: row.sample(part), uniforms.cpu().numpy())
        return self._shaped(torch.from_numpy(np.stack(samples)))

    def mode(self) -> Tensor:
        """The most probable canvas of each row, int64 [.., L]."""
        self._check_unchanged()
        modes = self._each(lambda row, _: row.mode)
        return self._shaped(torch.from_numpy(np.stack(modes)))

    def values(self, name: str) -> dict[str, float]:
        """The probability of each value of an enum, a boolean or a choice.

        name: a Template's hole, or a JSON pointer into the instance of a JSON schema.
        """
        if self.field_values is None:
            raise ConstrainedDiffusionError(
                "values() needs the posterior of one compiled constraint from its initial state"
            )
        return self.field_values(name)

    @property
    def _shape(self) -> tuple[int, int, int]:
        length, size = self._log_probs.shape[-2:]
        return len(self._rows), length, size

    @property
    def _wide(self) -> bool:
        return self._log_probs.dtype == torch.float64

    def _each(
        self, function: Callable[[CanvasPosterior, Any], Any], parts: NDArray[Any] | None = None
    ) -> list[Any]:
        numbers = range(len(self._rows))
        return map_threads(
            lambda b: function(self._rows[b], None if parts is None else parts[b]), numbers
        )

    def _shaped(self, result: Tensor) -> Tensor:
        """A result [B, …] as the caller's batching and device have it."""
        return (result if self._batched else result[0]).to(self._log_probs.device)

    def _check_unchanged(self) -> None:
        if _version(self._log_probs) != self._version:
            raise ConstrainedDiffusionError(
                "log_probs were changed in place after their posterior was made; pass a copy"
            )


def infer(
    automata: Sequence[TokenAutomaton | None],
    log_probs: Tensor,
    *,
    fixed: Fixed | Sequence[Fixed | None] | None = None,
    states: Sequence[int] | None = None,
    finals: Sequence[NDArray[np.bool_] | None] | None = None,
) -> Posterior:
    """The exact posterior of each row of logits given its automaton.

    automata: one per row; None for an unconstrained row.
    log_probs: [L, V] (one row) or [B, L, V], any float dtype and device, normalised or not; rows
        are normalised by log-softmax here.
    fixed: for each row a map from positions to a token id, or to a collection of ids of which one
        must stand there. For one row the map itself will do.
    states: each row's state before the canvas, default the automaton's start.
    finals: for each row bool [S], the states that may end the canvas, default the accepting ones.

    Raises VocabularyError where V is not the automaton's, UnsatisfiableError where no canvas is
    possible, ConstrainedDiffusionError for NaN or +inf and for wrong shapes, LimitError where a
    table would exceed 1 GiB.
    """
    rows = rows_of(log_probs)
    batched = log_probs.dim() == 3
    count, length, size = rows.shape
    automata = per_row("automata", automata, count)
    maps = fixed_of_rows(fixed, count)
    starts = per_row("states", states, count)
    ends = per_row("finals", finals, count)

    def row_posterior(b: int) -> CanvasPosterior:
        automaton = automata[b] or _unconstrained(size)
        if automaton.vocabulary_size != size:
            raise VocabularyError(
                f"log_probs have {size} columns, but the vocabulary of the constraint has "
                f"{automaton.vocabulary_size} tokens"
            )
        given, final = starts[b], ends[b]
        start: int = automaton.start if given is None else int(given)
        if not 0 <= start < automaton.num_states:
            raise ConstrainedDiffusionError(
                f"state {start} is not one of the {automaton.num_states} states of the constraint"
            )
        return CanvasPosterior(
            automaton,
            rows[b],
            allowed_tokens(maps[b], length, size),
            start,
            automaton.accepting if final is None else np.asarray(final, np.bool_),
            f" of row {b}" if batched else "",
        )

    return Posterior(map_threads(row_posterior, range(count)), log_probs)


@functools.lru_cache(maxsize=4)
def _unconstrained(vocabulary_size: int) -> TokenAutomaton:
    """Every canvas of any tokens, special ones too: one state, one class, one edge."""
    return TokenAutomaton(
        vocabulary_size=vocabulary_size,
        start=0,
        accepting=np.ones(1, np.bool_),
        done=-1,
        token_class=np.zeros(vocabulary_size, np.int32),
        num_classes=1,
        set_offsets=np.array([0, 1], np.int64),
        set_classes=np.zeros(1, np.int32),
        edge_offsets=np.array([0, 1], np.int64),
        edge_set=np.zeros(1, np.int32),
        edge_target=np.zeros(1, np.int32),
        distance=np.zeros(1, np.int32),
    )


def _version(tensor: Tensor) -> int | None:
    """torch's count of in-place changes; inference tensors have none."""
    return None if tensor.is_inference() else tensor._version
