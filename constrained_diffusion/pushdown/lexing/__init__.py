"""Lexers as Lark has them: the first alternative of an ordered list that matches."""

from .lexer import LexerLimits, build_lexers
from .specification import Keyword, LexerSpecification, TerminalPattern

__all__ = ["Keyword", "LexerLimits", "LexerSpecification", "TerminalPattern", "build_lexers"]
