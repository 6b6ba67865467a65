"""Posteriors of a batch of canvases, and of one row of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from .independent import CanvasPosterior, IndependentPosterior

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint


class BatchPosterior(Protocol):
    """What samplers ask of the posteriors of B canvases [L] over V tokens."""

    @property
    def log_evidence(self) -> Tensor:
        """[B]"""
        ...

    def entropy(self) -> Tensor:
        """[B, L]"""
        ...

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """int64 [B, L]"""
        ...

    def mode(self) -> Tensor:
        """int64 [B, L]"""
        ...

    def row(self, row: int) -> CanvasPosterior:
        """The posterior of one row: the same interface with [L] for [B, L]."""
        ...


class FreeBatch(IndependentPosterior):
    """No row has a constraint: logits [B, L, V]."""

    @property
    def log_evidence(self) -> Tensor:  # type: ignore[override]
        """[B], zeros."""
        return torch.zeros(len(self.logits))

    def row(self, row: int) -> IndependentPosterior:
        """The prediction for one row."""
        return IndependentPosterior(self.logits[row])


class ConstrainedBatch:
    """At least one row has a constraint; all rows are inferred together."""

    def __init__(
        self,
        constraints: Sequence[CompiledConstraint | None],
        logits: Tensor,
        *,
        fixed: Sequence[Mapping[int, int]] | None = None,
        states: Sequence[Any],
        last: bool,
        room: int,
    ) -> None:
        """logits: [B, L, V]; the other arguments are those of `posterior`, one per row.

        Raises what `posterior` raises.
        """
        self.constraints = constraints
        self.logits = logits
        self._fixed = [None] * len(constraints) if fixed is None else [f or None for f in fixed]
        self._states = states
        self._ends: dict[str, Any] = {"last": last, "room": room}
        if len(constraints) == 1:
            # Its own posterior is more than a row of a batch: it knows fields by their names.
            self._whole = self.compute_row(0)
        else:
            from ..constraints import posterior

            self._whole = posterior(
                constraints, logits, fixed=self._fixed, state=list(self._states), **self._ends
            )

    @property
    def log_evidence(self) -> Tensor:
        """[B]"""
        return torch.as_tensor(self._whole.log_evidence).reshape(-1)

    def entropy(self) -> Tensor:
        """[B, L], nats, of the exact marginals."""
        return self._shaped(self._whole.entropy())

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """int64 [B, L], a joint canvas per row."""
        return self._shaped(self._whole.sample(generator))

    def mode(self) -> Tensor:
        """int64 [B, L]"""
        return self._shaped(self._whole.mode())

    def row(self, row: int) -> CanvasPosterior:
        """The posterior of one row, computed again when it is asked something."""
        if len(self.constraints) == 1:
            only: CanvasPosterior = self._whole
            return only
        if self.constraints[row] is None:
            return IndependentPosterior(self.logits[row])
        return _RowPosterior(self, row)

    def compute_row(self, row: int) -> Any:
        """The `Posterior` [L, …] of a row that has a constraint."""
        constraint = self.constraints[row]
        assert constraint is not None
        return constraint.posterior(
            self.logits[row], fixed=self._fixed[row], state=self._states[row], **self._ends
        )

    def _shaped(self, values: Tensor) -> Tensor:
        return values.reshape(self.logits.shape[:2])


class _RowPosterior:
    """One row of a batch as a `Posterior` of its own, inferred when it is first asked something:
    few callers look at the steps of a batch so closely."""

    def __init__(self, batch: ConstrainedBatch, row: int) -> None:
        self._batch = batch
        self._row = row

    @functools.cached_property
    def _computed(self) -> Any:
        return self._batch.compute_row(self._row)

    @property
    def log_evidence(self) -> Tensor:
        return self._batch.log_evidence[self._row]

    def mask(self) -> Tensor:
        mask: Tensor = self._computed.mask()
        return mask

    def marginals(self) -> Tensor:
        marginals: Tensor = self._computed.marginals()
        return marginals

    def entropy(self) -> Tensor:
        return self._batch.entropy()[self._row]

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        sample: Tensor = self._computed.sample(generator)
        return sample

    def mode(self) -> Tensor:
        return self._batch.mode()[self._row]

    def values(self, name: str) -> dict[str, float]:
        values: dict[str, float] = self._computed.values(name)
        return values
