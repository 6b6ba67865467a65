"""Finding names and literals in the text of a grammar."""

from __future__ import annotations

import re
from typing import NamedTuple

_LITERAL = re.compile(
    r'(?P<comment>//[^\n]*|\#[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"i?)'
    r"|(?P<regexp>/(?!/)(?:\\.|[^/\\])*/[imslux]*)"
)
_GENERATED = re.compile(r"__(?P<rule>\w+?)_(?:star|plus|repeat_a\d+_b\d+(?:_opt)?)_\d+")

_STATEMENT = re.compile(
    r"^[ \t]*(?:%(?:override|extend)[ \t]+)?[?!]*(\w+)[ \t]*(?:\{[^}]*\})?[ \t]*"
    r"(?:\.[ \t]*[+-]?\d+)?[ \t]*:|^[ \t]*%[a-z]+",
    re.M,
)


class Place(NamedTuple):
    """Line and column, from 1."""

    line: int
    column: int


class Literal(NamedTuple):
    """A string or regular expression as it is written, with quotes or slashes and flags."""

    text: str
    offset: int


class Places:
    """The text of a grammar, with the places of what stands in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literals: list[Literal] = []
        kept = []
        end = 0
        for match in _LITERAL.finditer(text):
            kept += [text[end : match.start()], re.sub(r"[^\n]", " ", match[0])]
            end = match.end()
            if match["comment"] is None:
                self.literals.append(Literal(match[0], match.start()))
        # Literals and comments are blanked, so that names in them are not found.
        self._names = "".join((*kept, text[end:]))

    def terminals(self) -> dict[str, str]:
        """The definitions of the terminals, literals and comments as blanks."""
        found: dict[str, str] = {}
        parts = _STATEMENT.split(self._names)
        # What the pattern captures stands between the parts: a name or None, and then its body.
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name is not None and name.isupper():
                found[name] = found.get(name, "") + body
        return found

    def at(self, offset: int) -> Place:
        line = self.text.count("\n", 0, offset) + 1
        return Place(line, offset - self.text.rfind("\n", 0, offset))

    def definition(self, name: str, number: int = 0) -> Place | None:
        """Where a rule or terminal is defined, for the `number`-th time."""
        name = source_name(name)
        pattern = (
            r"^[ \t]*(?:%(?:override|extend)[ \t]+)?[?!]*(?P<name>" + re.escape(name) + ")"
            r"[ \t]*(?:\{[^}]*\})?[ \t]*(?:\.[ \t]*[+-]?\d+)?[ \t]*:"
        )
        found = list(re.finditer(pattern, self._names, re.M))
        return self.at(found[number].start("name")) if number < len(found) else None

    def use(self, name: str, inside: str | None = None) -> Place | None:
        """Where a name is used; in the definition of `inside` where it is used there."""
        starts = [0]
        if inside is not None:
            place = self.definition(inside)
            if place is not None:
                starts.insert(0, self._offset(place))
        pattern = re.compile(rf"(?<!\w){re.escape(source_name(name))}(?!\w)(?![^\n:]*(?<!:):)")
        for start in starts:
            match = pattern.search(self._names, start)
            if match is not None:
                return self.at(match.start())
        return None

    def name(self, name: str) -> Place | None:
        """Where a name is defined, imported or used."""
        place = self.definition(name) or self.use(name)
        if place is None:
            match = re.search(rf"(?<!\w){re.escape(source_name(name))}(?!\w)", self._names)
            place = None if match is None else self.at(match.start())
        return place

    def literal(self, written: str) -> Place | None:
        """Where a literal that is written like this first stands."""
        for literal in self.literals:
            if literal.text == written:
                return self.at(literal.offset)
        return None

    def statement(self, pattern: str) -> Place | None:
        """Where a regular expression first matches outside of literals and comments: the place of
        its last group, or of all of it where it has none."""
        match = re.search(pattern, self._names)
        return None if match is None else self.at(match.start(match.re.groups))

    def _offset(self, place: Place) -> int:
        lines = self.text.split("\n")[: place.line - 1]
        return sum(len(line) + 1 for line in lines) + place.column - 1


def source_name(name: str) -> str:
    """The name of the rule that a name made by Lark stands for: `__list_star_0` for `list`."""
    match = _GENERATED.fullmatch(name)
    return (match["rule"] if match else name).partition("{")[0]
