"""Character classes: what `\\d`, `\\w`, `\\s`, `.`, `\\p{..}` and case-insensitivity stand for.

Dialect "python" has exactly the classes of the running interpreter: they are read off its own `re`
and `unicodedata`. Dialect "ecma" is ECMAScript 2025 with the u flag (sections 22.2.2.9 and 12.2).
"""

from __future__ import annotations

import re
import string
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Literal, TypeAlias

import numpy as np

from ..utf8 import (
    ALL_CODE_POINTS,
    MAX_CODE_POINT,
    CodePoints,
    invert,
    normalise,
)

Dialect: TypeAlias = Literal["python", "ecma"]

NEWLINE: CodePoints = ((10, 10),)
ECMA_LINE_TERMINATORS: CodePoints = ((10, 10), (13, 13), (0x2028, 0x2029))
ASCII_DIGITS: CodePoints = ((48, 57),)
ASCII_WORD: CodePoints = ((48, 57), (65, 90), (95, 95), (97, 122))
ASCII_SPACE: CodePoints = ((9, 13), (32, 32))
ECMA_SPACE: CodePoints = (
    (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip

EMPTY_IS_NOT_BOUNDARY = re.search(r"\B", "") is not None
"""Whether the running `re` finds `\\B` in the empty string (from Python 3.14 on)."""


def shorthand(letter: str, dialect: Dialect, ascii_only: bool) -> CodePoints:
    """The class of `\\d`, `\\w`, `\\s` or, in capitals, its complement."""
    kind = letter.lower()
    if dialect == "ecma":
        points = {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": ECMA_SPACE}[kind]
    elif ascii_only:
        points = {"d": ASCII_DIGITS, "w": ASCII_WORD, "s": ASCII_SPACE}[kind]
    else:
        points = _python_class(kind)
    return points if letter == kind else invert(points)


def line_terminators(dialect: Dialect) -> CodePoints:
    """What `.` does not match, and what `^` and `$` look for in multi-line mode."""
    return NEWLINE if dialect == "python" else ECMA_LINE_TERMINATORS


@lru_cache(maxsize=1)
def _all_characters() -> str:
    """Every code point in order, surrogates included so that index and code point agree."""
    return np.arange(MAX_CODE_POINT + 1, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _python_class(kind: str) -> CodePoints:
    matches = re.finditer(rf"\{kind}+", _all_characters())
    return tuple((match.start(), match.end() - 1) for match in matches)


@lru_cache(maxsize=1)
def _categories() -> dict[str, CodePoints]:
    """Code points of every general category (`Lu`) and group of categories (`L`)."""
    names = np.array(list(map(unicodedata.category, _all_characters())))
    changes = np.flatnonzero(names[1:] != names[:-1]) + 1
    begins = [0, *changes.tolist()]
    ends = [*(changes - 1).tolist(), MAX_CODE_POINT]
    ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for begin, end in zip(begins, ends, strict=True):
        category = str(names[begin])
        ranges[category].append((begin, end))
        ranges[category[0]].append((begin, end))
    ranges["LC"] = ranges["Lu"] + ranges["Ll"] + ranges["Lt"]
    return {category: normalise(members) for category, members in ranges.items()}


_LONG_NAMES = {
    "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt", "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M",
    "Combining_Mark": "M", "Nonspacing_Mark": "Mn", "Spacing_Mark": "Mc", "Enclosing_Mark": "Me",
    "Number": "N", "Decimal_Number": "Nd", "digit": "Nd", "Letter_Number": "Nl",
    "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd", "Open_Punctuation": "Ps", "Close_Punctuation": "Pe",
    "Initial_Punctuation": "Pi", "Final_Punctuation": "Pf", "Other_Punctuation": "Po",
    "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc", "Modifier_Symbol": "Sk",
    "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf",
    "Surrogate": "Cs", "Private_Use": "Co", "Unassigned": "Cn",
}  # fmt: skip


def unicode_property(name: str) -> CodePoints | None:
    """The class of `\\p{name}`: a general category, Any, ASCII or Assigned; None if unknown."""
    if name == "Any":
        return ALL_CODE_POINTS
    if name == "ASCII":
        return ((0, 0x7F),)
    if name == "Assigned":
        return invert(_categories()["Cn"])
    for prefix in ("General_Category=", "gc="):
        name = name.removeprefix(prefix)
    return _categories().get(_LONG_NAMES.get(name, name))


def contains(points: CodePoints, code_point: int) -> bool:
    """Whether a set holds a code point."""
    place = bisect_right(points, (code_point, MAX_CODE_POINT)) - 1
    return place >= 0 and points[place][1] >= code_point


def ignoring_case(points: CodePoints, dialect: Dialect, ascii_only: bool) -> CodePoints:
    """The set together with every character that is equal to one of it but for case."""
    if dialect == "ecma":
        classes = _ecma_case_classes()
    elif ascii_only:
        classes = _ascii_case_classes()
    else:
        classes = _python_case_classes()
    added: list[tuple[int, int]] = []
    for members in classes:
        if any(contains(points, member) for member in members):
            added.extend((member, member) for member in members)
    return normalise([*points, *added])


@lru_cache(maxsize=1)
def _cased() -> str:
    """Every character that a change of case changes, or that results from one."""
    characters = _all_characters()
    found: set[str] = set()
    for begin in range(0, len(characters), 256):
        block = characters[begin : begin + 256]
        if block == block.lower() == block.upper() == block.casefold():
            continue
        for character in block:
            others = {character.lower(), character.upper(), character.casefold()}
            if others != {character}:
                found.add(character)
                found.update(other for other in others if len(other) == 1)
    return "".join(sorted(found))


def _classes_by(key: Callable[[str], str], characters: str) -> tuple[tuple[int, ...], ...]:
    """The code points of `characters` grouped by a key, groups of one left out."""
    groups: dict[str, list[int]] = defaultdict(list)
    for character in characters:
        groups[key(character)].append(ord(character))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


@lru_cache(maxsize=1)
def _ascii_case_classes() -> tuple[tuple[int, ...], ...]:
    return _classes_by(str.lower, string.ascii_letters)


@lru_cache(maxsize=1)
def _python_case_classes() -> tuple[tuple[int, ...], ...]:
    """As `re` has it: equal lower case, or lower cases whose upper case is equal."""

    def lower(character: str) -> str:
        # `re` maps single characters; only capital I with dot has a longer lower case, and it
        # becomes a plain i there
        return character.lower()[0]

    by_upper: dict[str, list[str]] = defaultdict(list)
    for character in _cased():
        by_upper[character.upper()].append(character)
    joined: dict[str, str] = {}
    for characters in by_upper.values():
        lowers = sorted({lower(character) for character in characters})
        joined.update(dict.fromkeys(lowers, lowers[0]))

    def key(character: str) -> str:
        low = lower(character)
        return joined.get(low, low)

    return _classes_by(key, _cased())


@lru_cache(maxsize=1)
def _ecma_case_classes() -> tuple[tuple[int, ...], ...]:
    """Simple case folding (Canonicalize, section 22.2.2.7.3)."""

    def fold(character: str) -> str:
        folded = character.casefold()
        if len(folded) == 1:
            return folded
        lower = character.lower()
        return lower if len(lower) == 1 else character

    return _classes_by(fold, _cased())
