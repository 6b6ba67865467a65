"""The rows of a batch of logits, and what is given for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import ConstrainedDiffusionError
from .fixed import Fixed


def rows_of(log_probs: Tensor) -> Tensor:
    """Logits [L, V] (one row) or [B, L, V] as [B, L, V] on the CPU.

    Raises ConstrainedDiffusionError for another shape and for what are no floats.
    """
    if log_probs.dim() not in (2, 3) or not log_probs.is_floating_point():
        raise ConstrainedDiffusionError(
            "log_probs are floats [L, V] or [B, L, V], got "
            f"{log_probs.dtype} {list(log_probs.shape)}"
        )
    length, size = log_probs.shape[-2:]
    count = len(log_probs) if log_probs.dim() == 3 else 1
    return log_probs.detach().cpu().reshape(count, length, size)


def per_row(name: str, given: Sequence[Any] | None, count: int) -> list[Any]:
    """What is given for each of `count` rows; None for all of them where nothing is.

    Raises ConstrainedDiffusionError for another number of them.
    """
    values = [None] * count if given is None else list(given)
    if len(values) != count:
        raise ConstrainedDiffusionError(f"{len(values)} {name} for {count} rows of log_probs")
    return values


def fixed_of_rows(fixed: Fixed | Sequence[Fixed | None] | None, count: int) -> list[Fixed | None]:
    """The fixed positions of each row: one map is that of all rows."""
    return per_row("fixed", [fixed] * count if isinstance(fixed, Mapping) else fixed, count)
