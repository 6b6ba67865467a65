"""Which constraint holds for which row of a batch: what the logits processors have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..constraints.compiled import CompiledConstraint
from ..errors import CanvasTooSmallError, ConstrainedDiffusionError, VocabularyError

if TYPE_CHECKING:
    from torch import Tensor

Row = CompiledConstraint | None


def as_rows(compiled: Any) -> tuple[Row, ...]:
    """One compiled constraint, or a sequence of one (or None) per row of the batch.

    Raises ConstrainedDiffusionError for anything else.
    """
    rows = tuple(compiled) if isinstance(compiled, Sequence) else (compiled,)
    for row in rows:
        if row is not None and not isinstance(row, CompiledConstraint):
            raise ConstrainedDiffusionError(
                f"expected what cd.compile returns (or None for a free row), got {row!r}"
            )
    if all(row is None for row in rows):
        raise ConstrainedDiffusionError("no row has a constraint: leave the processor out")
    return rows


def checked_limit(max_new_tokens: int | None, rows: Sequence[Row], *, multiple_of: int = 1) -> int:
    """The number of new tokens, rounded up to a multiple; by default as many as the longest of the
    constraints was compiled for.

    Raises ConstrainedDiffusionError for what is no number of tokens, CanvasTooSmallError where the
    shortest text of a row does not fit.
    """
    compiled = [row for row in rows if row is not None]
    if max_new_tokens is None:
        max_new_tokens = max(row.length * row.canvases for row in compiled)
    if not isinstance(max_new_tokens, int) or isinstance(max_new_tokens, bool):
        raise ConstrainedDiffusionError(f"max_new_tokens is a number, got {max_new_tokens!r}")
    max_new_tokens = -(-max_new_tokens // multiple_of) * multiple_of
    for row in compiled:
        if row.min_tokens > max_new_tokens:
            raise CanvasTooSmallError(needed=row.min_tokens, available=max_new_tokens)
    return max_new_tokens


def check_vocabulary(rows: Sequence[Row], scores: Tensor) -> None:
    """Raises VocabularyError where scores [.., V] have another V than a row's vocabulary."""
    size = scores.shape[-1]
    for row in rows:
        if row is not None and len(row.vocabulary) != size:
            raise VocabularyError(
                f"the model has {size} logits, the vocabulary of the constraint "
                f"{len(row.vocabulary)} tokens; where the tokenizer is the right one, compile for "
                f"Vocabulary.from_tokenizer(tokenizer, size={size})"
            )
