"""Byte automata: regular languages of UTF-8 text. Knows nothing of JSON or models."""

from . import algebra, utf8
from .algebra import same_language
from .automaton import ByteAutomaton
from .nfa import MAX_STATES, ByteSet, NfaBuilder, bytes_of
from .regex import from_regex

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
