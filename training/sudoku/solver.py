"""A Sudoku solver for the generator: singles, then guesses; counts solutions and guesses.

Compiled with numba because a generator asks for uniqueness many millions of times. Grids are
uint8 [81] in row-major order, 0 for an empty cell. Candidates are uint16 [81], bit d - 1 for digit
d.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

ALL = np.uint16(511)
"""The candidates of an empty cell: all nine digits."""


def _units() -> NDArray[np.int64]:
    """The cells of the 27 rows, columns and boxes, int64 [27, 9]."""
    cells = np.arange(81).reshape(9, 9)
    boxes = cells.reshape(3, 3, 3, 3).transpose(0, 2, 1, 3).reshape(9, 9)
    return np.concatenate([cells, cells.T, boxes])


def _peers(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 20 cells that share a unit with each cell, int64 [81, 20]."""
    rows = []
    for cell in range(81):
        others = np.unique(units[(units == cell).any(1)])
        rows.append(others[others != cell])
    return np.stack(rows)


UNITS = _units()
PEERS = _peers(UNITS)
_BITS = np.array([bin(mask).count("1") for mask in range(512)], dtype=np.int64)
_DIGIT = np.array([mask.bit_length() for mask in range(512)], dtype=np.uint8)


@njit(cache=True)
def propagate(candidates: NDArray[np.uint16]) -> bool:
    """Applies naked and hidden singles in place until nothing changes.

    Returns False where a cell or a unit has no candidate left.
    """
    settled = np.zeros(81, dtype=np.bool_)
    changed = True
    while changed:
        changed = False
        for cell in range(81):
            mask = candidates[cell]
            if mask == 0:
                return False
            if settled[cell] or _BITS[mask] != 1:
                continue
            settled[cell] = True
            for peer in PEERS[cell]:
                if candidates[peer] & mask:
                    candidates[peer] &= ~mask
                    if candidates[peer] == 0:
                        return False
                    changed = True
        if changed:
            continue
        for unit in UNITS:
            once, more = np.uint16(0), np.uint16(0)
            for cell in unit:
                more |= once & candidates[cell]
                once |= candidates[cell]
            if once != ALL:
                return False
            single = once & ~more
            for cell in unit:
                here = candidates[cell] & single
                if here == 0 or here == candidates[cell]:
                    continue
                if _BITS[here] > 1:
                    return False
                candidates[cell] = here
                changed = True
    return True


@njit(cache=True)
def search(
    candidates: NDArray[np.uint16], limit: int, max_guesses: int, solution: NDArray[np.uint8]
) -> tuple[int, int]:
    """Depth-first search with singles at every node.

    candidates: of the cells at the root; left as they are.
    limit: stops at this many solutions.
    max_guesses: gives up after this many guesses.
    solution: receives the first solution, uint8 [81].

    Returns the number of solutions found, or -1 where it gave up, and the number of guesses (tried
    values of cells that had more than one).
    """
    stack = np.empty((82, 81), dtype=np.uint16)
    branch = np.empty(82, dtype=np.int64)
    left = np.empty(82, dtype=np.uint16)
    stack[0] = candidates
    depth, found, guesses = 0, 0, 0
    descending = True
    while depth >= 0:
        if descending:
            cell = -1
            if propagate(stack[depth]):
                fewest = 10
                for i in range(81):
                    count = _BITS[stack[depth, i]]
                    if 1 < count < fewest:
                        fewest, cell = count, i
                if cell < 0:
                    if found == 0:
                        for i in range(81):
                            solution[i] = _DIGIT[stack[depth, i]]
                    found += 1
                    if found >= limit:
                        return found, guesses
            if cell < 0:
                depth -= 1
                descending = False
                continue
            branch[depth] = cell
            left[depth] = stack[depth, cell]
        if left[depth] == 0:
            depth -= 1
            descending = False
            continue
        guesses += 1
        if guesses > max_guesses:
            return -1, guesses
        value = left[depth] & (~left[depth] + np.uint16(1))
        left[depth] &= ~value
        stack[depth + 1] = stack[depth]
        stack[depth + 1, branch[depth]] = value
        depth += 1
        descending = True
    return found, guesses


@njit(cache=True)
def to_candidates(grid: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Candidates uint16 [81] of a grid: one digit where it is given, all where it is not."""
    candidates = np.empty(81, dtype=np.uint16)
    for cell in range(81):
        digit = grid[cell]
        candidates[cell] = ALL if digit == 0 else np.uint16(1) << np.uint16(digit - 1)
    return candidates


@njit(cache=True)
def grade(grid: NDArray[np.uint8]) -> int:
    """Guesses that the search makes to prove that the puzzle has one solution.

    0: singles are enough. Cell order and digit order are part of the measure, so that it orders
    sets of puzzles rather than two of them.
    """
    solution = np.empty(81, dtype=np.uint8)
    return search(to_candidates(grid), 2, 1_000_000, solution)[1]
