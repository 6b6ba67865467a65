"""Fixed positions of a canvas: which tokens may stand there."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import (
    ConstrainedDiffusionError,
    UnsatisfiableError,
    VocabularyError,
)
from .tables import Allowed

Fixed = Mapping[int, int | Collection[int]]


def allowed_tokens(fixed: Fixed | None, length: int, vocabulary_size: int) -> Allowed:
    """From a map of positions to a token id, or to a collection of ids of which one must stand.

    Raises ConstrainedDiffusionError for a position outside the canvas, VocabularyError for an id
    outside the vocabulary, UnsatisfiableError for an empty collection.
    """
    allowed: dict[int, list[int]] = {}
    for key, value in (fixed or {}).items():
        position = _integer(key, "a fixed position")
        if not 0 <= position < length:
            raise ConstrainedDiffusionError(
                f"fixed position {position} is outside the canvas of {length} positions"
            )
        allowed[position] = _ids(value, position, vocabulary_size)
    is_fixed = np.zeros(length, np.bool_)
    is_fixed[list(allowed)] = True
    offsets = np.zeros(length + 1, np.int64)
    np.cumsum([len(allowed.get(i, ())) for i in range(length)], out=offsets[1:])
    flat = [token for position in sorted(allowed) for token in allowed[position]]
    return Allowed(is_fixed, offsets, np.array(flat, np.uint32))


def _ids(value: Any, position: int, vocabulary_size: int) -> list[int]:
    if hasattr(value, "tolist"):  # arrays and tensors, those without dimensions too
        value = value.tolist()
    given: Iterable[Any] = value if isinstance(value, Iterable) else (value,)
    ids = sorted({_integer(token, f"the token fixed at position {position}") for token in given})
    if not ids:
        raise UnsatisfiableError(f"no token may stand at the fixed position {position}")
    if ids[0] < 0 or ids[-1] >= vocabulary_size:
        wrong = ids[0] if ids[0] < 0 else ids[-1]
        raise VocabularyError(
            f"token {wrong} fixed at position {position} is outside the vocabulary of "
            f"{vocabulary_size} tokens"
        )
    return ids


def _integer(value: Any, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ConstrainedDiffusionError(f"{what} is an integer, got {value!r}") from None
