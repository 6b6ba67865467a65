"""Why Lark refuses a text: the place, the text around it, and what was expected there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_LISTED = 16
_CONTEXT = 60
_TAB = 8


def refusal(lark: Any, text: str, names: dict[str, str]) -> str | None:
    """None where Lark accepts `text`, else the reason: one line, and two that show the place.

    names: in words, terminals that a post-lexer makes.
    """
    try:
        lark.parse(text)
    except refusing() as error:
        position, found, expected = _failure(lark, error, text, names)
        line, column = line_and_column(text, position)
        shown = _listed(expected)
        return f"line {line}, column {column}: {found}, {shown}\n{_excerpt(text, position)}"
    return None


def accepted(lark: Any, text: str) -> bool:
    """Whether Lark accepts `text`."""
    try:
        lark.parse(text)
    except refusing():
        return False
    return True


def refusing() -> tuple[type[Exception], ...]:
    """What Lark raises for a text that it refuses."""
    from lark.exceptions import LarkError

    # AssertionError: an Indenter's own checks. RuntimeError: a defect of Lark's Earley parser where
    # two alternatives of the start rule are complete with only ignored text between them.
    return LarkError, AssertionError, RuntimeError


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The place of a character, counted from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _failure(
    lark: Any, error: Exception, text: str, names: dict[str, str]
) -> tuple[int, str, list[str]]:
    """Where the text fails (a position), what stands there, and what was expected."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken
    from lark.indenter import DedentError

    if isinstance(error, DedentError):
        # The post-lexer that Lark was given adds the token.
        token = error.args[-1]
        position = token.start_pos + len(token)
        return position, "found an indentation that no line above has", ["one of theirs"]
    if isinstance(error, UnexpectedToken):
        expected = _words(lark, _accepts(error), names)
        if error.token.type == "$END":
            return len(text), "the text ends", expected
        position = error.token.start_pos or 0
        if error.token.type in names:
            return position + len(error.token), f"found {names[error.token.type]}", expected
        return position, f"found {_shown(text, position, len(error.token))}", expected
    if isinstance(error, UnexpectedEOF):
        return len(text), "the text ends", _words(lark, error.expected, names)
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        allowed = _accepts(error) or error.allowed or ()
        expected = _words(lark, allowed, names)
        if lark.options.parser == "earley" and accepted(lark, text[:position]):
            expected.append(_END)
        return position, f"found {_shown(text, position, 1)}", expected
    return len(text), f"the text ends ({str(error).partition(chr(10))[0]})", []


def _accepts(error: Any) -> Iterable[str]:
    """The terminals that the parser could read at a failure."""
    parser = getattr(error, "interactive_parser", None)
    if parser is not None:
        # `accepts` passes over names that are not in upper case: those of imported terminals.
        imported = {name for name in parser.choices() if not name.isupper()}
        return {*parser.accepts(), *imported}
    return getattr(error, "expected", None) or ()


_END = "the end of the text"


def _words(lark: Any, terminals: Iterable[str], names: dict[str, str]) -> list[str]:
    """Literal terminals as their text, others by name; literals first."""
    known = {terminal.name: terminal for terminal in lark.terminals}
    literal, named = set(), set()
    end: list[str] = []
    for name in terminals:
        name = str(getattr(name, "name", name))
        terminal = known.get(name)
        if name == "$END":
            end = [_END]
        elif name in names:
            named.add(names[name])
        elif terminal is None:
            if name.isupper():
                named.add(name)
        elif terminal.pattern.type == "str":
            literal.add(repr(terminal.pattern.value))
        elif name.startswith("__"):
            named.add(terminal.pattern.raw or f"/{terminal.pattern.value}/")
        else:
            # Lark puts the grammar's name before the names of what was imported.
            named.add(name.rpartition("__")[2])
    kept = max(0, _LISTED - len(named) - len(end))
    more = [f"{len(literal) - kept} other texts"] if len(literal) > kept + 1 else []
    shown = sorted(literal)[:kept] if more else sorted(literal)
    return [*shown, *more, *sorted(named), *end]


def _listed(words: list[str]) -> str:
    if not words:
        return "expected nothing more"
    if len(words) == 1:
        return f"expected {words[0]}"
    return f"expected one of {', '.join(words)}"


def _shown(text: str, position: int, length: int) -> str:
    piece = text[position : position + min(max(length, 1), _CONTEXT)]
    return repr(piece) if piece else "the end of the text"


def _excerpt(text: str, position: int) -> str:
    """The line around a position, and a caret below it."""
    before = text[max(0, position - _CONTEXT) : position].rpartition("\n")[2]
    after = text[position : position + _CONTEXT].partition("\n")[0]
    indent = " " * len(before.expandtabs(_TAB))
    return f"    {(before + after).expandtabs(_TAB)}\n    {indent}^"
