"""Byte automata: regular languages of UTF-8 text. Knows nothing of JSON or models."""

from constrained_diffusion.automata import algebra, utf8
from constrained_diffusion.automata.algebra import same_language
from constrained_diffusion.automata.automaton import ByteAutomaton
from constrained_diffusion.automata.nfa import MAX_STATES, ByteSet, NfaBuilder, bytes_of
from constrained_diffusion.automata.regex import from_regex

__all__ = [
    "MAX_STATES",
    "ByteAutomaton",
    "ByteSet",
    "NfaBuilder",
    "algebra",
    "bytes_of",
    "from_regex",
    "same_language",
    "utf8",
]
