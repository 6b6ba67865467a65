"""Puzzles, training and evaluation of the bundled Sudoku denoiser."""
