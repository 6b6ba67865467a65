"""What a lexer is made of, before it becomes tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TerminalPattern:
    """A terminal of a lexer.

    Attributes:
        number: the terminal.
        pattern: a regular expression in Python's syntax.
    """

    number: int
    pattern: str


@dataclass(frozen=True)
class Keyword:
    """A renamed match: one of `terminal` whose whole text `pattern` matches is one of `keyword`.

    Attributes:
        terminal: the number of the terminal that matches.
        keyword: the number of the terminal that it becomes.
        pattern: a regular expression in Python's syntax.
    """

    terminal: int
    keyword: int
    pattern: str


@dataclass(frozen=True)
class LexerSpecification:
    """A lexer: the first alternative that matches wins, with the text that it matches.

    Attributes:
        terminals: the alternatives in order.
        keywords: for a match, the first keyword of its terminal that matches all of it counts.
    """

    terminals: tuple[TerminalPattern, ...]
    keywords: tuple[Keyword, ...] = ()
