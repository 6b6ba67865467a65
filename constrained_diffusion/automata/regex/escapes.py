"""A cursor over a pattern that reads escape sequences in either dialect."""

from __future__ import annotations

import re
import unicodedata

from ...errors import GrammarError
from ..utf8 import MAX_CODE_POINT, CodePoints, invert
from .classes import Dialect, unicode_property

_CONTROL = {"f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_PYTHON_HEX = {"x": 2, "u": 4, "U": 8}
_PROPERTY = re.compile(r"([pP])(?:\{(\^?)([^{}]*)\}|([A-Z]))")


class EscapeReader:
    """Holds the pattern and the position in it (`position` counts from 0, errors from 1)."""

    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self.pattern = pattern
        self.length = len(pattern)
        self.dialect = dialect
        self.position = 0

    @property
    def at_end(self) -> bool:
        return self.position >= self.length

    def peek(self) -> str:
        return self.pattern[self.position]

    def peek_is(self, text: str) -> bool:
        return self.pattern.startswith(text, self.position)

    def next(self) -> str:
        character = self.pattern[self.position]
        self.position += 1
        return character

    def take(self, text: str) -> bool:
        """Moves behind `text` if it stands here."""
        if self.peek_is(text):
            self.position += len(text)
            return True
        return False

    def error(self, message: str, position: int) -> GrammarError:
        return GrammarError(f"regular expression: {message}", line=1, column=position + 1)

    def property_escape(self) -> CodePoints | None:
        """The set of `p{..}` or `P{..}` at the position (behind the backslash), or None."""
        if self.at_end or self.peek() not in "pP":
            return None
        begin = self.position
        match = _PROPERTY.match(self.pattern, begin)
        if match is None or (match[4] and self.dialect == "ecma"):
            raise self.error("a property escape is written \\p{Name}", begin)
        points = unicode_property(match[3] if match[4] is None else match[4])
        if points is None:
            raise self.error(
                f"unknown Unicode property {match[3]!r}: general categories, Any, ASCII and "
                "Assigned are supported, scripts are not",
                begin,
            )
        self.position = match.end()
        return invert(points) if (match[1] == "P") != (match[2] == "^") else points

    def character_escape(self, begin: int, *, in_class: bool) -> int:
        """The code point of an escape whose backslash is at `begin`, just before the position."""
        if self.at_end:
            raise self.error("the pattern ends in a backslash", begin)
        letter = self.next()
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "b" and in_class:
            return 8
        if self.dialect == "python":
            return self._python_escape(letter, begin, in_class)
        return self._ecma_escape(letter, begin)

    def _python_escape(self, letter: str, begin: int, in_class: bool) -> int:
        if letter == "a":
            return 7
        if letter in _PYTHON_HEX:
            return self._hexadecimal(_PYTHON_HEX[letter], begin)
        if letter == "N":
            return self._named(begin)
        if letter in "0123456789":
            return self._octal(letter, begin, in_class)
        if letter.isascii() and letter.isalpha():
            raise self.error(f"bad escape \\{letter}", begin)
        return ord(letter)

    def _ecma_escape(self, letter: str, begin: int) -> int:
        if letter == "x":
            return self._hexadecimal(2, begin)
        if letter == "u":
            return self._ecma_unicode(begin)
        if letter == "c":
            if self.at_end or not (self.peek().isascii() and self.peek().isalpha()):
                raise self.error("\\c needs a letter", begin)
            return ord(self.next()) % 32
        if letter == "0" and (self.at_end or self.peek() not in "0123456789"):
            return 0
        if letter in "0123456789":
            raise self.error(
                f"\\{letter} is not supported: a backreference is not a regular language", begin
            )
        if letter == "k":
            raise self.error("\\k: a backreference is not a regular language", begin)
        if letter in "AZz":
            raise self.error(
                f"\\{letter} is no ECMAScript; write ^ for the start and $ for the end", begin
            )
        if letter.isascii() and letter.isalpha():
            raise self.error(f"bad escape \\{letter}", begin)
        return ord(letter)

    def _hexadecimal(self, digits: int, begin: int) -> int:
        match = re.compile(rf"[0-9a-fA-F]{{{digits}}}").match(self.pattern, self.position)
        if match is None:
            raise self.error(f"the escape needs {digits} hexadecimal digits", begin)
        self.position = match.end()
        return self._checked(int(match[0], 16), begin)

    def _checked(self, code_point: int, begin: int) -> int:
        if code_point > MAX_CODE_POINT:
            raise self.error("the escape exceeds the last code point, 10FFFF", begin)
        return code_point

    def _ecma_unicode(self, begin: int) -> int:
        braced = re.compile(r"\{([0-9a-fA-F]{1,16})\}").match(self.pattern, self.position)
        if braced is not None:
            self.position = braced.end()
            return self._checked(int(braced[1], 16), begin)
        unit = self._hexadecimal(4, begin)
        trail = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})").match(self.pattern, self.position)
        if 0xD800 <= unit <= 0xDBFF and trail is not None:
            self.position = trail.end()
            return 0x10000 + ((unit - 0xD800) << 10) + int(trail[1], 16) - 0xDC00
        return unit

    def _named(self, begin: int) -> int:
        match = re.compile(r"\{([^{}]+)\}").match(self.pattern, self.position)
        if match is None:
            raise self.error("a named character is written \\N{NAME}", begin)
        try:
            character = unicodedata.lookup(match[1])
        except KeyError:
            raise self.error(f"no character is named {match[1]!r}", begin) from None
        if len(character) > 1:
            raise self.error(f"{match[1]!r} names a sequence of characters", begin)
        self.position = match.end()
        return ord(character)

    def _octal(self, first: str, begin: int, in_class: bool) -> int:
        # \0, \0oo, and \ooo are characters; other numbers outside a class refer to groups
        wanted = r"[0-7]{1,3}" if in_class else r"0[0-7]{0,2}|[0-3][0-7]{2}"
        match = re.compile(wanted).match(self.pattern, self.position - 1)
        if match is None and in_class:
            raise self.error(f"bad escape \\{first}", begin)
        if match is None:
            raise self.error(
                f"\\{first} is not supported: a backreference is not a regular language", begin
            )
        value = int(match[0], 8)
        if value > 0o377:
            raise self.error("the octal escape exceeds 377", begin)
        self.position = match.end()
        return value
