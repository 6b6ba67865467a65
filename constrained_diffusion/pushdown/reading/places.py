"""Where the terminals of a Lark grammar are defined, for error messages."""

from __future__ import annotations

import re
from typing import NoReturn

import lark

from ...errors import GrammarError


def place_of(lark_object: lark.Lark, name: str) -> tuple[int, int] | None:
    """Line and column, from 1, of the definition of a symbol in the grammar's own text.

    Imported symbols are at their `%import`, terminals that have no name at their pattern; None
    where the text is not known (a grammar loaded from a cache) or has neither.
    """
    source = getattr(lark_object, "source_grammar", None)
    if not isinstance(source, str):
        return None
    title = shown(lark_object, name)
    if title != name and title in source:
        return position(source, source.index(title))
    # Lark prefixes imported names with the module's: common__WS.
    short = re.escape(name.rsplit("__", 1)[-1] if not name.startswith("__") else name)
    patterns = (
        rf"^[ \t]*(?:%override[ \t]+|%extend[ \t]+)?[?!]*({short})[ \t]*(?:\.-?\d+)?[ \t]*[:{{]",
        rf"^[ \t]*%declare\b[^\n]*?\b({short})\b",
        rf"^[ \t]*%import\b[^\n]*?\b({short})\b",
        rf"\b({short})\b",
    )
    for pattern in patterns:
        if match := re.search(pattern, source, re.MULTILINE):
            return position(source, match.start(1))
    return None


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a place in a text."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def refuse(lark_object: lark.Lark, name: str, message: str) -> NoReturn:
    """Raises GrammarError at the place of a symbol."""
    place = place_of(lark_object, name)
    raise GrammarError(message, *(place if place is not None else ()))


def shown(lark_object: lark.Lark, name: str) -> str:
    """How a message names a terminal: by its pattern where Lark made the name up."""
    for terminal in lark_object.terminals:
        if terminal.name == name and name.startswith("__"):
            return str(terminal.pattern.raw or terminal.pattern.to_regexp())
    return name
