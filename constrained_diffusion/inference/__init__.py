"""The exact posterior of a factorised prediction given token automata."""

from constrained_diffusion.inference.posterior import Posterior, infer

__all__ = ["Posterior", "infer"]
