"""Is a puzzle in the training set? Canonical forms of solution grids, and a check over files.

    python -m training.sudoku.canonical --data runs/sudoku/puzzles.npz PUZZLES.csv.gz ...

Two grids have the same canonical form if and only if relabelling of digits, permutations of bands,
rows, stacks and columns, and transposition turn one into the other. Puzzles that are the same up to
symmetry have solutions that are, so sets whose solution grids share no canonical form share no
puzzle, not even one with other clues of the same grid. Exits with 1 where they share one.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray
from rich.progress import track

from training.sudoku.puzzle_files import read_puzzles


def _column_orders() -> NDArray[np.int64]:
    """The 1296 orders of columns that keep stacks together, int64 [1296, 9]."""
    three = list(itertools.permutations(range(3)))
    orders = [
        [3 * stack + inner[place][i] for place, stack in enumerate(stacks) for i in range(3)]
        for stacks in three
        for inner in itertools.product(three, repeat=3)
    ]
    return np.array(orders, dtype=np.int64)


_ORDERS = _column_orders()


@njit(cache=True)
def _sort_rows(rows: NDArray[np.uint8]) -> None:
    """Sorts three rows [3, 9] by their first digit, in place."""
    for i, j in ((0, 1), (1, 2), (0, 1)):
        if rows[i, 0] > rows[j, 0]:
            for k in range(9):
                rows[i, k], rows[j, k] = rows[j, k], rows[i, k]


@njit(cache=True)
def canonical_form(grid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The smallest grid, read row by row, among all that are equivalent to a complete grid.

    grid: uint8 [81]; the result too.
    """
    best = np.full((9, 9), 10, dtype=np.uint8)
    now = np.empty((9, 9), dtype=np.uint8)
    label = np.empty(10, dtype=np.uint8)
    block = np.empty((3, 9), dtype=np.uint8)
    square = grid.reshape(9, 9)
    for turned in range(2):
        source = square.T.copy() if turned else square.copy()
        for top in range(9):
            band = top // 3
            others = [row for row in range(3 * band, 3 * band + 3) if row != top]
            for order in _ORDERS:
                for k in range(9):
                    label[source[top, order[k]]] = k + 1
                    now[0, k] = k + 1
                second, third = others[0], others[1]
                if label[source[second, order[0]]] > label[source[third, order[0]]]:
                    second, third = third, second
                worse, better = False, False
                for k in range(9):
                    now[1, k] = label[source[second, order[k]]]
                    if not better and not worse:
                        worse = now[1, k] > best[1, k]
                        better = now[1, k] < best[1, k]
                if worse:
                    continue
                for k in range(9):
                    now[2, k] = label[source[third, order[k]]]
                place = 3
                for other in range(3):
                    if other == band:
                        continue
                    for i in range(3):
                        for k in range(9):
                            block[i, k] = label[source[3 * other + i, order[k]]]
                    _sort_rows(block)
                    now[place : place + 3] = block
                    place += 3
                if now[3, 0] > now[6, 0]:
                    for i in range(3):
                        for k in range(9):
                            now[3 + i, k], now[6 + i, k] = now[6 + i, k], now[3 + i, k]
                for i in range(9):
                    for k in range(9):
                        if not better and not worse:
                            worse = now[i, k] > best[i, k]
                            better = now[i, k] < best[i, k]
                if better:
                    best[:] = now
    return best.reshape(81)


def canonical_forms(grids: NDArray[np.uint8], what: str) -> set[bytes]:
    """Canonical forms of different grids [N, 81]."""
    return {canonical_form(grid).tobytes() for grid in track(np.unique(grids, axis=0), what)}


def main() -> None:
    """Check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="training puzzles, .npz")
    parser.add_argument("files", type=Path, nargs="+", help="puzzles to look for, .csv.gz")
    args = parser.parse_args()
    with np.load(args.data) as data:
        known = canonical_forms(data["solutions"], "training")
    print(f"{len(known)} different solution grids in {args.data.name}")
    shared = 0
    for file in args.files:
        grids = read_puzzles(file).solutions.astype(np.uint8)
        forms = canonical_forms(grids, file.name)
        shared += len(forms & known)
        print(f"{file.name}: {len(grids)} puzzles, {len(forms)} solution grids, "
              f"{len(forms & known)} of them in the training set")  # fmt: skip
    raise SystemExit(shared > 0)


if __name__ == "__main__":
    main()
