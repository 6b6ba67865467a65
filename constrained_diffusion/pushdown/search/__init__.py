"""Searching the canvases of a language for the most probable ones."""

from .lattice import Lattice
from .searcher import Searcher
from .survivors import Survivors

__all__ = ["Lattice", "Searcher", "Survivors"]
