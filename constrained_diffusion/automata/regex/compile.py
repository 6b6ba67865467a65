"""Regular expressions to byte automata."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeAlias

from ...errors import GrammarError
from .. import algebra
from ..automaton import ByteAutomaton
from ..nfa import MAX_STATES
from . import ast
from .classes import Dialect
from .lookaround import with_lookaround
from .parser import parse
from .thompson import ByteTarget, emit_whole

Match: TypeAlias = Literal["full", "search"]


@lru_cache(maxsize=512)
def from_regex(
    pattern: str,
    *,
    dialect: Dialect = "python",
    match: Match = "full",
    max_states: int = MAX_STATES,
) -> ByteAutomaton:
    """The texts that a regular expression matches.

    Args:
        pattern: in the syntax of `re` ("python") or of ECMAScript with the u flag ("ecma").
        dialect: also decides what the classes, `.` and `$` mean.
        match: "full" for the texts that match as a whole (`re.fullmatch`), "search" for those that
            hold a match somewhere (`re.search`, JSON Schema's `pattern`).
        max_states: bound on the deterministic automaton.

    Raises:
        GrammarError: malformed, or not a regular language (backreferences, recursion, conditionals,
            atomic groups, possessive quantifiers); line 1, column from 1.
        LimitError: the automaton becomes too large.
    """
    try:
        node = parse(pattern, dialect)
        filler = ast.ANY_TEXT if match == "search" else ast.EMPTY_TEXT
        return _language(_with_start(_with_end(node, filler), filler), max_states)
    except RecursionError:
        raise GrammarError("regular expression: nested too deeply", line=1, column=1) from None


def _with_end(node: ast.Node, filler: ast.Node) -> ast.Node:
    """`node` and then `filler` up to the end of the text; anchors at the end need no filler."""
    match node:
        case ast.Anchor("end"):
            return ast.EMPTY_TEXT
        case ast.Anchor("end_or_newline"):
            # with nothing to follow in a full match, only the very end is left
            return ast.EMPTY_TEXT if filler == ast.EMPTY_TEXT else ast.repeat(ast.NEWLINE, 0, 1)
        case ast.Concat(parts) if parts and _ends_in(parts[-1], _END_ANCHORS, -1):
            return ast.concat([*parts[:-1], _with_end(parts[-1], filler)])
        case ast.Alternation(branches) if _ends_in(node, _END_ANCHORS, -1):
            return _branchwise(branches, _END_ANCHORS, -1, lambda part: _with_end(part, filler))
        case _:
            return ast.concat([node, filler])


def _with_start(node: ast.Node, filler: ast.Node) -> ast.Node:
    """`filler` from the start of the text and then `node`; anchors at the start need no filler."""
    match node:
        case ast.Anchor("start"):
            return ast.EMPTY_TEXT
        case ast.Concat(parts) if parts and _ends_in(parts[0], _START_ANCHORS, 0):
            rest = ast.concat(parts[1:])
            if isinstance(parts[0], ast.Anchor):
                return _with_start(rest, ast.EMPTY_TEXT)
            return ast.concat([_with_start(parts[0], filler), rest])
        case ast.Alternation(branches) if _ends_in(node, _START_ANCHORS, 0):
            return _branchwise(branches, _START_ANCHORS, 0, lambda part: _with_start(part, filler))
        case _:
            return ast.concat([filler, node])


def _branchwise(
    branches: tuple[ast.Node, ...],
    kinds: tuple[str, ...],
    place: int,
    treat: Callable[[ast.Node], ast.Node],
) -> ast.Node:
    """Treats anchored branches one by one and the others together, so that they share a filler."""
    anchored = [branch for branch in branches if _ends_in(branch, kinds, place)]
    others = [branch for branch in branches if not _ends_in(branch, kinds, place)]
    treated = [treat(branch) for branch in anchored]
    if others:
        treated.append(treat(ast.alternation(others)))
    return ast.alternation(treated)


_START_ANCHORS = ("start",)
_END_ANCHORS = ("end", "end_or_newline")


def _ends_in(node: ast.Node, kinds: tuple[str, ...], place: int) -> bool:
    """Whether an anchor of these kinds stands first (place 0) or last (-1), in any branch."""
    match node:
        case ast.Anchor(kind):
            return kind in kinds
        case ast.Concat(parts):
            return bool(parts) and _ends_in(parts[place], kinds, place)
        case ast.Alternation(branches):
            return any(_ends_in(branch, kinds, place) for branch in branches)
        case _:
            return False


def _language(node: ast.Node, max_states: int) -> ByteAutomaton:
    """The texts that `node` matches as a whole; assertions at either end by product."""
    if not ast.has_look(node):
        target = ByteTarget()
        start, end, universal = (target.add_state() for _ in range(3))
        emit_whole(target, node, start, end, universal)
        return target.builder.determinise(
            start, [end, universal], max_states=max_states, absorbing=universal
        )

    parts = node.parts if isinstance(node, ast.Concat) else (node,)
    conditions: list[tuple[ast.Node, bool]] = []
    while parts and isinstance(look := parts[0], ast.Look) and look.ahead:
        inside = _with_start(_with_end(look.body, ast.ANY_TEXT), ast.EMPTY_TEXT)
        conditions.append((inside, look.negative))
        parts = parts[1:]
    while parts and isinstance(look := parts[-1], ast.Look) and not look.ahead:
        inside = _with_end(_with_start(look.body, ast.ANY_TEXT), ast.EMPTY_TEXT)
        conditions.append((inside, look.negative))
        parts = parts[:-1]
    if not conditions:
        return with_lookaround(node, max_states=max_states)
    result = _language(ast.concat(parts), max_states)
    for inside, negative in conditions:
        operation = algebra.difference if negative else algebra.intersect
        result = operation(result, _language(inside, max_states), max_states=max_states)
    return result
