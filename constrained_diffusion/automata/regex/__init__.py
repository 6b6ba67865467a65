"""Regular expressions in Python's and ECMAScript's dialect as byte automata."""

from constrained_diffusion.automata.regex.classes import Dialect
from constrained_diffusion.automata.regex.compile import Match, from_regex

__all__ = ["Dialect", "Match", "from_regex"]
