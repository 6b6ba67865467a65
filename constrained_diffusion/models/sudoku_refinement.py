"""Solving by the denoiser alone: commit what is certain, predict again, remask on a contradiction.

No constraint and no search tree: the rules of Sudoku serve only to see whether a draft is a
solution and whether two equal committed digits contradict each other. An attempt ends with either;
a contradiction masks all cells but the givens again. The next attempt draws its uncertain commits
from the model's distribution instead of taking the most probable one, and asks for more of a
certain one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .sudoku import DIGITS, MASK, SudokuDenoiser

_TRUST_LOST = 0.3
"""Each attempt asks this share of the doubt of the attempt before for a certain commit."""


@dataclass(frozen=True)
class Refinement:
    """How to refine.

    Attributes:
        threshold: cells whose best digit is more probable than this are committed together, in the
            first attempt; later ones ask for more. Where there is none, one cell is.
        attempts: how often all commits may be taken back, plus one. 1: plain masked diffusion.
        calls: the most calls of the denoiser for one puzzle.
        seed: of the draws of all attempts but the first, which draws nothing.
    """

    threshold: float = 0.97
    attempts: int = 1
    calls: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Refined:
    """The outcome for N puzzles.

    Attributes:
        canvas: int64 [N, 81]; the draft where it is solved, else the last canvas.
        solved: bool [N]: filled, and no unit holds a digit twice.
        calls: int64 [N], calls of the denoiser that it took.
        attempts: int64 [N], attempts begun.
    """

    canvas: Tensor
    solved: Tensor
    calls: Tensor
    attempts: Tensor = field(repr=False)


def refine(denoiser: SudokuDenoiser, canvas: Tensor, how: Refinement | None = None) -> Refined:
    """Fills Sudoku canvases by the denoiser alone.

    canvas: int64 [N, 81], tokens of the denoiser's vocabulary: givens and masks.
    """
    how = how or Refinement()
    generator = torch.Generator().manual_seed(how.seed)
    givens = canvas.cpu()
    result = givens.clone()
    count = len(givens)
    solved = torch.zeros(count, dtype=torch.bool)
    calls = torch.zeros(count, dtype=torch.int64)
    attempts = torch.ones(count, dtype=torch.int64)
    active = torch.arange(count)
    for _ in range(how.calls):
        if not len(active):
            break
        now = result[active]
        p = denoiser.denoise("", now)[..., :DIGITS].softmax(-1).cpu()
        calls[active] += 1
        draft = torch.where(now == MASK, p.argmax(-1), now)
        committed = _commit(now, p, attempts[active], how, generator)
        now = torch.where(has_conflict(draft)[:, None], committed, draft)
        failed = has_conflict(now)
        right = ~failed & (now != MASK).all(1)
        again = failed & (attempts[active] < how.attempts)
        now[again] = givens[active][again]
        attempts[active] += again.long()
        result[active] = now
        solved[active] = right
        active = active[again | ~(failed | right)]
    return Refined(result, solved, calls, attempts)


def _commit(
    canvas: Tensor, p: Tensor, attempt: Tensor, how: Refinement, generator: torch.Generator
) -> Tensor:
    """Canvases [N, 81] with more cells decided.

    p: [N, 81, 9]. attempt: int64 [N], from 1; from the second on uncertain cells are drawn.
    """
    retrying = attempt > 1
    # What looked certain may have been the mistake.
    doubt = (1 - how.threshold) * _TRUST_LOST ** (attempt - 1).float()
    undecided = canvas == MASK
    best, digit = p.max(-1)
    certain = undecided & (1 - best < doubt[:, None])
    stuck = undecided.any(1) & ~certain.any(1)
    # One cell: the surest one, or while retrying any cell, the likelier the surer.
    confidence = torch.where(undecided, best, 0.0)
    noise = torch.rand(confidence.shape, generator=generator).clamp_min(1e-9)
    drawn = torch.where(undecided, noise.log() / confidence.clamp_min(1e-9) ** 4, -torch.inf)
    cell = torch.where(retrying, drawn.argmax(1), confidence.argmax(1))
    rows = torch.arange(len(canvas))
    sampled = torch.multinomial(p[rows, cell], 1, generator=generator)[:, 0]
    value = torch.where(retrying, sampled, digit[rows, cell])
    committed = torch.where(certain, digit, canvas)
    committed[rows[stuck], cell[stuck]] = value[stuck]
    return committed


def has_conflict(canvas: Tensor) -> Tensor:
    """bool [N]: whether a unit holds a digit twice. Masks conflict with nothing.

    canvas: int64 [N, 81].
    """
    digits = torch.nn.functional.one_hot(canvas, DIGITS + 1)[..., :DIGITS]
    nodes = digits.view(-1, 3, 3, 3, 3, DIGITS)
    sums = torch.stack([nodes.sum(axes).flatten(1) for axes in ((3, 4), (1, 2), (2, 4))], 1)
    return (sums > 1).flatten(1).any(1)
