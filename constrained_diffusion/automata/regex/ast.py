"""Syntax trees of regular expressions, free of dialect: flags and classes are resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..utf8 import ALL_CODE_POINTS, CodePoints, invert


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    points: CodePoints


@dataclass(frozen=True, slots=True)
class Concat:
    """Parts one after the other; no parts is the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """Any one of the branches."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` times the body; without bound for None.

    lazy: whether fewer are tried first; the same texts, but another one is found first.
    """

    body: Node
    low: int
    high: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Lookahead or lookbehind: whether the body matches from, or up to, this position."""

    body: Node
    ahead: bool
    negative: bool


AnchorKind: TypeAlias = Literal[
    "start", "end", "end_or_newline", "line_start", "line_end", "boundary", "not_boundary"
]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position. `points` are the line terminators or the word characters, where it needs them."""

    kind: AnchorKind
    points: CodePoints = ()
    boundary_in_empty: bool = True
    """Whether `not_boundary` holds in the empty text (ECMAScript, Python from 3.14 on)."""


Node: TypeAlias = Chars | Concat | Alternation | Repeat | Look | Anchor

EMPTY_TEXT = Concat(())
ANY = Chars(ALL_CODE_POINTS)
ANY_TEXT = Repeat(ANY, 0, None)
NEWLINE = Chars(((10, 10),))


def concat(parts: Sequence[Node]) -> Node:
    """The parts in sequence, nested sequences flattened."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Concat):
            flat.extend(part.parts)
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else Concat(tuple(flat))


def alternation(branches: Sequence[Node]) -> Node:
    """Any one of the branches."""
    return branches[0] if len(branches) == 1 else Alternation(tuple(branches))


def repeat(body: Node, low: int, high: int | None) -> Node:
    """A repeat, joined with one inside it where the counts leave no gap: (x+){2,5} is x{2,}."""
    if high == 0:
        return EMPTY_TEXT
    if low == high == 1:
        return body
    if isinstance(body, Repeat) and (body.low <= 1 or low == high):
        both = None if high is None or body.high is None else high * body.high
        return Repeat(body.body, low * body.low, both)
    return Repeat(body, low, high)


def lowered(anchor: Anchor) -> Node:
    """The anchor in terms of lookahead and lookbehind."""
    word = Chars(anchor.points)
    other = Chars(invert(anchor.points))
    before, not_before = Look(word, False, False), Look(word, False, True)
    after, not_after = Look(word, True, False), Look(word, True, True)
    at_start, at_end = Look(ANY, False, True), Look(ANY, True, True)
    match anchor.kind:
        case "start":
            return at_start
        case "end":
            return at_end
        case "end_or_newline":
            return Alternation((at_end, Look(Concat((NEWLINE, at_end)), True, False)))
        case "line_start":
            return Look(other, False, True)
        case "line_end":
            return Look(other, True, True)
        case "boundary":
            return Alternation((Concat((before, not_after)), Concat((not_before, after))))
        case "not_boundary":
            outside: tuple[Node, ...] = (Concat((not_before, not_after)),)
            if not anchor.boundary_in_empty:
                some_before, some_after = Look(ANY, False, False), Look(ANY, True, False)
                outside = (
                    Concat((not_before, not_after, some_before)),
                    Concat((not_before, not_after, some_after)),
                )
            return Alternation((Concat((before, after)), *outside))


def has_look(node: Node) -> bool:
    """Whether any anchor, lookahead or lookbehind stands in the tree."""
    if isinstance(node, Concat):
        return any(map(has_look, node.parts))
    if isinstance(node, Alternation):
        return any(map(has_look, node.branches))
    if isinstance(node, Repeat):
        return has_look(node.body)
    return isinstance(node, Look | Anchor)
