"""What a posterior refuses, and what it bears with."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from enumeration import token_automaton

from constrained_diffusion.errors import (
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
    VocabularyError,
)
from constrained_diffusion.inference import canvas, infer

ANY_OF_THREE = token_automaton([[0, 0, 0]], [True])
# 0: "a" to 1, "b" to 2; 1: only "c", 2: "a", "b" or "c"
FORK = token_automaton([[1, 2, -1], [-1, -1, 1], [2, 2, 2]], [False, True, True])


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.nan])
@pytest.mark.parametrize("fixed", [None, {1: 0}, {1: 2}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rest", [0.0, -math.inf])
def test_nan_and_infinity_are_named(
    wrong: float, fixed: dict[int, int] | None, dtype: torch.dtype, rest: float
) -> None:
    logits = torch.full((2, 3, 3), rest, dtype=dtype)
    logits[1, 1, 2] = wrong
    with pytest.raises(ConstrainedDiffusionError, match=r"NaN or \+inf at position 1 of row 1"):
        infer([ANY_OF_THREE, FORK], logits, fixed=[fixed, fixed])


def test_nan_among_many_tokens_is_found() -> None:
    size = 5000
    automaton = token_automaton([[0] * size], [True])
    logits = torch.zeros(3, size)
    logits[2, 4321] = math.nan
    with pytest.raises(ConstrainedDiffusionError, match="position 2"):
        infer([automaton], logits)


def test_nothing_agrees_with_the_fixed_positions() -> None:
    logits = torch.zeros(2, 3, 3)
    with pytest.raises(UnsatisfiableError, match=r"fixed positions.*row 1"):
        infer([FORK, FORK], logits, fixed=[{0: 0}, {0: 2}])
    with pytest.raises(UnsatisfiableError, match="position 1"):
        infer([FORK], logits[0], fixed={1: []})
    with pytest.raises(UnsatisfiableError):
        infer([FORK], logits[0], finals=[np.array([True, False, False])])


@pytest.mark.parametrize(
    ("fixed", "error"),
    [
        ({3: 0}, ConstrainedDiffusionError),
        ({-1: 0}, ConstrainedDiffusionError),
        ({0: 3}, VocabularyError),
        ({0: [0, -1]}, VocabularyError),
        ({0: "a"}, ConstrainedDiffusionError),
        ({"0": 1}, ConstrainedDiffusionError),
        ({0: 1.5}, ConstrainedDiffusionError),
    ],
)
def test_wrong_fixed_positions(fixed: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        infer([ANY_OF_THREE], torch.zeros(3, 3), fixed=fixed)


def test_fixed_tokens_of_any_integer_type() -> None:
    fixed = {
        np.int64(0): np.int32(1),
        1: torch.tensor(2),
        2: torch.tensor([0, 2]),
        3: np.array([1]),
        4: {0, 1},
    }
    mask = infer([ANY_OF_THREE], torch.zeros(5, 3), fixed=fixed).mask()
    assert mask.int().tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0]]


def test_wrong_shapes_and_states() -> None:
    with pytest.raises(VocabularyError, match="4 columns"):
        infer([FORK], torch.zeros(2, 4))
    with pytest.raises(ConstrainedDiffusionError, match="automata"):
        infer([FORK], torch.zeros(2, 2, 3))
    with pytest.raises(ConstrainedDiffusionError, match="floats"):
        infer([FORK], torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ConstrainedDiffusionError, match="state 3"):
        infer([FORK], torch.zeros(2, 3), states=[3])
    with pytest.raises(ConstrainedDiffusionError, match="fixed"):
        infer([FORK], torch.zeros(2, 3), fixed=[None, None])


def test_changed_logits_are_noticed() -> None:
    logits = torch.zeros(2, 3)
    posterior = infer([FORK], logits)
    mask = posterior.mask()
    logits[~mask] = -math.inf
    for method in (posterior.marginals, posterior.mode, posterior.sample):
        with pytest.raises(ConstrainedDiffusionError, match="in place"):
            method()


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "MAX_TABLE_BYTES", 100)
    with pytest.raises(LimitError, match="shorten the canvas"):
        infer([FORK], torch.zeros(2, 3))


def test_values_need_a_compiled_constraint() -> None:
    with pytest.raises(ConstrainedDiffusionError, match="compiled constraint"):
        infer([FORK], torch.zeros(2, 3)).values("/name")
