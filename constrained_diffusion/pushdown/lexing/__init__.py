"""Lexers: leftmost-first, as Python's `re` has it, over classes of characters."""

from .lexer import build_lexers
from .limits import LexerLimits
from .specification import Keyword, LexerSpecification, TerminalPattern

__all__ = ["Keyword", "LexerLimits", "LexerSpecification", "TerminalPattern", "build_lexers"]
