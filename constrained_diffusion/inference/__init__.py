"""The exact posterior of a factorised prediction given token automata."""

from .posterior import Posterior, infer

__all__ = ["Posterior", "infer"]
