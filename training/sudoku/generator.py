"""Random puzzles with exactly one solution, from easy to very hard.

A *minimal* puzzle loses its uniqueness with any clue that is taken away. Random minimal puzzles
are mostly easy; `harden` walks over the minimal puzzles of one solution grid towards those that
need more guesses, as collectors of hard puzzles do ("vicinity search").
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.sudoku.solver import ALL, grade, search, to_candidates

_MAX_GUESSES = 20_000


@njit(cache=True)
def seed_generator(seed: int) -> None:
    """Seeds the random numbers of the compiled functions below."""
    np.random.seed(seed)


@njit(cache=True)
def random_grid() -> NDArray[np.uint8]:
    """A random complete grid, uint8 [81]; not exactly uniform.

    The three boxes of the diagonal are independent permutations; twelve further random cells keep
    the search from completing them in a fixed order.
    """
    solution = np.empty(81, dtype=np.uint8)
    while True:
        grid = np.zeros(81, dtype=np.uint8)
        for box in range(3):
            digits = np.random.permutation(9)
            for i in range(9):
                grid[(3 * box + i // 3) * 9 + 3 * box + i % 3] = digits[i] + 1
        for _ in range(12):
            cell = np.random.randint(81)
            if grid[cell] == 0:
                grid[cell] = np.random.randint(1, 10)
                if search(to_candidates(grid), 1, _MAX_GUESSES, solution)[0] != 1:
                    grid[cell] = 0
        if search(to_candidates(grid), 1, _MAX_GUESSES, solution)[0] == 1:
            return solution


@njit(cache=True)
def is_redundant(puzzle: NDArray[np.uint8], cell: int) -> bool:
    """Whether a puzzle with one solution keeps it without the clue of a cell.

    It does if no solution has another digit there.
    """
    candidates = to_candidates(puzzle)
    candidates[cell] = ALL & ~candidates[cell]
    solution = np.empty(81, dtype=np.uint8)
    return search(candidates, 1, _MAX_GUESSES, solution)[0] == 0


@njit(cache=True)
def remove_clues(puzzle: NDArray[np.uint8], order: NDArray[np.int64]) -> None:
    """Takes away, in the given order of cells and in place, the clues that are redundant."""
    for cell in order:
        if puzzle[cell] != 0 and is_redundant(puzzle, cell):
            puzzle[cell] = 0


@njit(cache=True)
def minimal_puzzle(grid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A random minimal puzzle of a complete grid."""
    puzzle = grid.copy()
    remove_clues(puzzle, np.random.permutation(81))
    return puzzle


@njit(cache=True)
def neighbour(grid: NDArray[np.uint8], puzzle: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A minimal puzzle near another: one to four clues more, then redundant ones away.

    The clues are tried in random order, the new ones last in half of the calls.
    """
    near = puzzle.copy()
    added = np.random.randint(1, 5)
    order = np.random.permutation(81)
    if np.random.random() < 0.5:
        place, back = 0, 81
        last = np.empty(81, dtype=np.int64)
        for cell in order:
            if near[cell] == 0 and added > 0:
                added -= 1
                near[cell] = grid[cell]
                back -= 1
                last[back] = cell
            else:
                last[place] = cell
                place += 1
        order = last
    else:
        while added > 0:
            cell = np.random.randint(81)
            if near[cell] == 0:
                near[cell] = grid[cell]
                added -= 1
    remove_clues(near, order)
    return near


@njit(cache=True)
def clue_count(puzzle: NDArray[np.uint8]) -> int:
    """Number of given cells."""
    return int((puzzle != 0).sum())


@njit(cache=True)
def family(
    size: int, steps: int, few_clues: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Minimal puzzles of one random grid, harder and harder.

    size: number of puzzles.
    steps: neighbours tried between two of them; the walk keeps one that is at least as hard, and
        now and then an easier one.
    few_clues: how many guesses a clue less is worth to the walk.

    Returns the grid uint8 [81], the puzzles uint8 [size, 81] and their grades int64 [size].
    """
    grid = random_grid()
    puzzles = np.empty((size, 81), dtype=np.uint8)
    grades = np.empty(size, dtype=np.int64)
    puzzle = minimal_puzzle(grid)
    guesses = grade(puzzle)
    for i in range(size):
        for _ in range(steps):
            near = neighbour(grid, puzzle)
            near_guesses = grade(near)
            gain = near_guesses - guesses + few_clues * (clue_count(puzzle) - clue_count(near))
            if gain >= 0 or np.random.random() < 0.02:
                puzzle, guesses = near, near_guesses
        puzzles[i] = puzzle
        grades[i] = guesses
    return grid, puzzles, grades
