"""Lookbehind in terms of the previous character."""

from __future__ import annotations

from ...automata.regex import ast
from ...automata.utf8 import CodePoints, normalise
from ...errors import GrammarError


def width(node: ast.Node) -> int | None:
    """How many characters a node matches, if that is always the same number."""
    match node:
        case ast.Chars():
            return 1
        case ast.Look() | ast.Anchor():
            return 0
        case ast.Concat(parts):
            widths = [width(part) for part in parts]
            return None if None in widths else sum(one for one in widths if one is not None)
        case ast.Alternation(branches):
            different = {width(branch) for branch in branches}
            return different.pop() if len(different) == 1 else None
        case ast.Repeat(body, low, high):
            inside = width(body)
            if inside == 0 or low == high == 0:
                return 0
            return inside * low if inside is not None and low == high else None


def nullable(node: ast.Node) -> bool:
    """Whether a node can match the empty text (assertions aside)."""
    match node:
        case ast.Chars():
            return False
        case ast.Concat(parts):
            return all(map(nullable, parts))
        case ast.Alternation(branches):
            return any(map(nullable, branches))
        case ast.Repeat(body, low, _):
            return low == 0 or nullable(body)
        case _:
            return True


def rewritten(look: ast.Look) -> ast.Node:
    """A lookbehind as tests of the one character before, and of what comes.

    Raises:
        GrammarError: it looks further back.
    """
    wide = width(look.body)
    if wide is None:
        raise GrammarError("a lookbehind must have a fixed width, as in Python's re")
    if wide == 0:
        return ast.Look(look.body, True, look.negative)
    if wide > 1:
        raise GrammarError(
            f"a lookbehind of {wide} characters may reach back before the terminal, where lexers "
            "know one character only; look at one character, or match the others in the terminal"
        )
    alternatives = _one_character(look.body)
    plain = [points for points, after in alternatives if not after]
    mixed: list[ast.Node] = [
        ast.concat([ast.Look(ast.Chars(points), False, False), *after])
        for points, after in alternatives
        if after
    ]
    joined = ast.Chars(normalise([one for points in plain for one in points]))
    if not mixed:
        return ast.Look(joined, False, look.negative)
    if plain:
        mixed.insert(0, ast.Look(joined, False, False))
    return ast.Look(ast.alternation(mixed), True, look.negative)


def _one_character(node: ast.Node) -> list[tuple[CodePoints, tuple[ast.Node, ...]]]:
    """A node of width 1 as pairs: a character, and assertions on what follows it."""
    match node:
        case ast.Chars(points):
            return [(points, ())]
        case ast.Alternation(branches):
            return [pair for branch in branches for pair in _one_character(branch)]
        case ast.Repeat(body, 1, 1):
            return _one_character(body)
        case ast.Concat(parts):
            place = next(i for i, part in enumerate(parts) if width(part) == 1)
            if place > 0:
                raise GrammarError(
                    "an assertion before the character of a lookbehind looks further back than "
                    "one character; leave it out, or match that character in the terminal"
                )
            return [(points, (*after, *parts[1:])) for points, after in _one_character(parts[0])]
        case _:
            raise AssertionError(node)
