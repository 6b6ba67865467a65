"""The regular-expression parser: pattern text to syntax tree, in Python's or ECMAScript's dialect.

Written after CPython's `re._parser` and ECMAScript 2025 section 22.2.1 with the u flag; in the
latter the leniencies of Annex B.1.2 that patterns in the wild rely on are kept (lone `]`, `{`, `}`,
escaped punctuation, `-` beside a class in a class), unknown letter escapes are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from ..utf8 import CodePoints, invert, normalise
from . import ast
from .classes import (
    EMPTY_IS_NOT_BOUNDARY,
    Dialect,
    ignoring_case,
    line_terminators,
    shorthand,
)
from .escapes import EscapeReader

MAX_DEPTH = 100
"""Bound on nested groups."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The inline flags in force: (?i) (?m) (?s) (?x) (?a)."""

    ignore_case: bool = False
    multi_line: bool = False
    dot_all: bool = False
    verbose: bool = False
    ascii_only: bool = False


_FLAG_NAMES = {
    "i": "ignore_case",
    "m": "multi_line",
    "s": "dot_all",
    "x": "verbose",
    "a": "ascii_only",
}
_GLOBAL_FLAGS = re.compile(r"\(\?(?!R\))([a-zA-Z]+)\)")
_SCOPED_FLAGS = re.compile(r"([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])")
_GROUP_NAME = re.compile(r"[^\W\d]\w*")
_QUANTIFIER = {
    "python": re.compile(r"\{(?=[\d,])(\d*)(?:(,)(\d*))?\}", re.ASCII),
    "ecma": re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII),
}
_UNSUPPORTED_GROUPS = {
    "(?P=": "a backreference is not a regular language",
    "(?P>": "a recursive call is not a regular language",
    "(?>": "an atomic group depends on the order of matching",
    "(?(": "a conditional depends on what a group has matched",
    "(?R)": "a recursive call is not a regular language",
    "(?&": "a recursive call is not a regular language",
    "(?|": "branch reset groups are unknown to both dialects",
}


def parse(pattern: str, dialect: Dialect, *, ordered: bool = False) -> ast.Node:
    """The syntax tree of `pattern`.

    ordered: keep what decides which of several matches is found first: lazy quantifiers, and
        repeats of repeats as they are written.

    Raises:
        GrammarError: malformed, or not expressible as a regular language; line 1, column from 1.
    """
    return _Parser(pattern, dialect, ordered).parse()


@cache
def _folded_literal(code_point: int, dialect: Dialect, ascii_only: bool) -> CodePoints:
    return ignoring_case(((code_point, code_point),), dialect, ascii_only)


class _Parser(EscapeReader):
    def __init__(self, pattern: str, dialect: Dialect, ordered: bool) -> None:
        super().__init__(pattern, dialect)
        self.ordered = ordered
        self.flags = Flags()
        self.depth = 0

    def parse(self) -> ast.Node:
        if self.dialect == "python":
            self._global_flags()
        node = self._alternation()
        if not self.at_end:
            raise self.error("unbalanced parenthesis", self.position)
        return node

    def _global_flags(self) -> None:
        while match := _GLOBAL_FLAGS.match(self.pattern, self.position):
            self.flags = self._switched(match[1], "", match.start(1))
            self.position = match.end()

    def _alternation(self) -> ast.Node:
        branches = [self._sequence()]
        while self.take("|"):
            branches.append(self._sequence())
        return ast.alternation(branches)

    def _sequence(self) -> ast.Node:
        parts: list[ast.Node] = []
        self._skip_blanks()
        while not self.at_end and self.peek() not in "|)":
            begin = self.position
            parts.append(self._quantified(self._atom(), begin))
            self._skip_blanks()
        return ast.concat(parts)

    def _skip_blanks(self) -> None:
        """Moves over comments, and over white space in verbose mode."""
        while not self.at_end:
            if self.dialect == "python" and self.peek_is("(?#"):
                end = self.pattern.find(")", self.position)
                if end < 0:
                    raise self.error("missing ), unterminated comment", self.position)
                self.position = end + 1
            elif self.flags.verbose and self.peek() in " \t\n\r\f\v":
                self.position += 1
            elif self.flags.verbose and self.peek() == "#":
                end = self.pattern.find("\n", self.position)
                self.position = self.length if end < 0 else end + 1
            else:
                return

    def _atom(self) -> ast.Node:
        begin = self.position
        if self._quantifier() is not None:
            raise self.error("nothing to repeat", begin)
        character = self.next()
        match character:
            case "(":
                return self._group(begin)
            case "[":
                return ast.Chars(self._class(begin))
            case ".":
                if self.flags.dot_all:
                    return ast.ANY
                return ast.Chars(invert(line_terminators(self.dialect)))
            case "^":
                return self._line_anchor("start", "line_start")
            case "$":
                last: ast.AnchorKind = "end_or_newline" if self.dialect == "python" else "end"
                return self._line_anchor(last, "line_end")
            case "\\":
                return self._escaped_atom(begin)
            case _:
                return ast.Chars(self._literal(ord(character)))

    def _line_anchor(self, plain: ast.AnchorKind, multi_line: ast.AnchorKind) -> ast.Node:
        if self.flags.multi_line:
            return ast.Anchor(multi_line, line_terminators(self.dialect))
        return ast.Anchor(plain)

    def _literal(self, code_point: int) -> CodePoints:
        if self.flags.ignore_case:
            return _folded_literal(code_point, self.dialect, self.flags.ascii_only)
        return ((code_point, code_point),)

    def _folded(self, points: CodePoints) -> CodePoints:
        return ignoring_case(points, self.dialect, self.flags.ascii_only)

    def _escaped_atom(self, begin: int) -> ast.Node:
        letter = self.peek() if not self.at_end else ""
        if letter and letter in "bB":
            self.position += 1
            word = self._shorthand("w")
            kind: ast.AnchorKind = "boundary" if letter == "b" else "not_boundary"
            in_empty = self.dialect == "ecma" or EMPTY_IS_NOT_BOUNDARY
            return ast.Anchor(kind, word, in_empty)
        if letter and letter in "AZz" and self.dialect == "python":
            self.position += 1
            return ast.Anchor("start" if letter == "A" else "end")
        points = self._class_shorthand()
        if points is not None:
            return ast.Chars(points)
        return ast.Chars(self._literal(self.character_escape(begin, in_class=False)))

    def _class_shorthand(self) -> CodePoints | None:
        """The set of an escape such as `\\d` or `\\p{L}` after the backslash, or None."""
        if not self.at_end and self.peek() in "dDsSwW":
            return self._shorthand(self.next())
        return self.property_escape()

    def _shorthand(self, letter: str) -> CodePoints:
        if self.dialect == "ecma" and self.flags.ignore_case and letter in "wW":
            word = self._folded(shorthand("w", "ecma", False))
            return word if letter == "w" else invert(word)
        return shorthand(letter, self.dialect, self.flags.ascii_only)

    def _quantifier(self) -> tuple[int, int | None] | None:
        """The bounds of a quantifier at the position, which moves behind it; None if none."""
        if self.at_end:
            return None
        character = self.peek()
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(character)
        if simple is not None:
            self.position += 1
            return simple
        match = _QUANTIFIER[self.dialect].match(self.pattern, self.position)
        if match is None:
            return None
        low, comma, high = match.groups()
        if len(low) > 9 or len(high or "") > 9:
            raise self.error("the repeat count is too large", self.position)
        least = int(low or 0)
        most = least if comma is None else int(high) if high else None
        if most is not None and most < least:
            raise self.error("the lower bound of the repeat exceeds the upper one", self.position)
        self.position = match.end()
        return least, most

    def _quantified(self, atom: ast.Node, begin: int) -> ast.Node:
        self._skip_blanks()
        place = self.position
        bounds = self._quantifier()
        if bounds is None:
            return atom
        if isinstance(atom, ast.Anchor) and self.pattern[begin] != "(":
            raise self.error("nothing to repeat", place)
        if self.take("+"):
            raise self.error(
                "a possessive quantifier depends on the order of matching; not supported", place
            )
        lazy = self.take("?")
        self._skip_blanks()
        place = self.position
        if self._quantifier() is not None:
            raise self.error("multiple repeat", place)
        if self.ordered and bounds[1] != 0:
            return ast.Repeat(atom, *bounds, lazy)
        return ast.repeat(atom, *bounds)

    def _group(self, begin: int) -> ast.Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"groups are nested deeper than {MAX_DEPTH} levels", begin)
        outer = self.flags
        look: tuple[bool, bool] | None = None  # ahead, negative
        if self.take("?"):
            for prefix, reason in _UNSUPPORTED_GROUPS.items():
                if self.pattern.startswith(prefix, begin):
                    raise self.error(f"{prefix} is not supported: {reason}", begin)
            if self.take("="):
                look = True, False
            elif self.take("!"):
                look = True, True
            elif self.take("<="):
                look = False, False
            elif self.take("<!"):
                look = False, True
            elif self.take("P<") or self.take("<"):
                self._group_name()
            elif not self.take(":"):
                self._scoped_flags(begin)
        node = self._alternation()
        if not self.take(")"):
            raise self.error("missing ), unterminated group", begin)
        self.flags = outer
        self.depth -= 1
        if look is not None:
            ahead, negative = look
            return ast.Look(node, ahead, negative)
        return node

    def _group_name(self) -> None:
        match = _GROUP_NAME.match(self.pattern, self.position)
        if match is None:
            raise self.error("bad group name", self.position)
        self.position = match.end()
        if not self.take(">"):
            raise self.error("missing > after the group name", self.position)

    def _scoped_flags(self, begin: int) -> None:
        match = _SCOPED_FLAGS.match(self.pattern, self.position)
        if match is None:
            raise self.error(f"unknown group {self.pattern[begin : begin + 3]}", begin)
        on, off, close = match.groups()
        if close == ")":
            raise self.error("flags for the whole expression stand at its start only", begin)
        self.flags = self._switched(on, off or "", self.position)
        self.position = match.end()

    def _switched(self, on: str, off: str, place: int) -> Flags:
        changes: dict[str, bool] = {}
        allowed = "imsxau" if self.dialect == "python" else "ims"
        for letters, value in ((on, True), (off, False)):
            for letter in letters:
                if letter not in allowed or (letter in "au" and not value):
                    raise self.error(f"flag {letter!r} is not supported here", place)
                if letter == "u":
                    changes["ascii_only"] = False
                else:
                    changes[_FLAG_NAMES[letter]] = value
        return replace(self.flags, **changes)

    def _class(self, begin: int) -> CodePoints:
        """The set of a bracketed class; the position is behind the bracket."""
        negative = self.take("^")
        ranges: list[tuple[int, int]] = []
        shorthands: list[tuple[int, int]] = []
        first = True
        while True:
            if self.at_end:
                raise self.error("unterminated character class", begin)
            if self.peek() == "]" and not (first and self.dialect == "python"):
                self.position += 1
                break
            first = False
            place = self.position
            low = self._class_member()
            if self.peek_is("-") and not self.peek_is("-]") and self.position + 1 < self.length:
                self.position += 1
                high = self._class_member()
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        raise self.error("the character range is out of order", place)
                    ranges.append((low, high))
                    continue
                if self.dialect == "python":
                    raise self.error("a character range needs a character on either side", place)
                ranges.append((ord("-"), ord("-")))
                members: tuple[int | CodePoints, ...] = (low, high)
            else:
                members = (low,)
            for member in members:
                if isinstance(member, int):
                    ranges.append((member, member))
                else:
                    shorthands.extend(member)
        if self.flags.ignore_case and self.dialect == "ecma":
            points = self._folded(normalise([*ranges, *shorthands]))
        elif self.flags.ignore_case:
            points = normalise([*self._folded(normalise(ranges)), *shorthands])
        else:
            points = normalise([*ranges, *shorthands])
        return invert(points) if negative else points

    def _class_member(self) -> int | CodePoints:
        begin = self.position
        character = self.next()
        if character != "\\":
            return ord(character)
        points = self._class_shorthand()
        return self.character_escape(begin, in_class=True) if points is None else points
