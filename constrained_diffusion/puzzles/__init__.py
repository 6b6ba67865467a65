"""Puzzles: constraints on the positions of a canvas, solved by propagation and search."""

from .constraint import AllDifferent, PositionConstraint, Sum
from .grids import draw_grid, read_grid
from .limits import SearchLimits
from .sudoku import Sudoku

__all__ = [
    "AllDifferent",
    "PositionConstraint",
    "SearchLimits",
    "Sudoku",
    "Sum",
    "draw_grid",
    "read_grid",
]
