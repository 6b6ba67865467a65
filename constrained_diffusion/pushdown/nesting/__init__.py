"""Grammars of bounded nesting as byte automata."""

from .nesting import Nested, NestingLimits, deepest_within, nested

__all__ = ["Nested", "NestingLimits", "deepest_within", "nested"]
