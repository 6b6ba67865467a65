"""Regular expressions in Python's and ECMAScript's dialect as byte automata."""

from .classes import Dialect
from .compile import Match, from_regex

__all__ = ["Dialect", "Match", "from_regex"]
