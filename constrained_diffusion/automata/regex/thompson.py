"""Thompson's construction: a syntax tree as a nondeterministic automaton (CACM 11, 1968)."""

from __future__ import annotations

from typing import Protocol

from ..nfa import NfaBuilder
from ..utf8 import ALL_CODE_POINTS, CodePoints, add_code_points
from . import ast


class Target(Protocol):
    """What the construction writes to: states, and edges of three kinds."""

    def add_state(self) -> int: ...

    def add_epsilon(self, source: int, target: int) -> None: ...

    def add_chars(self, source: int, points: CodePoints, target: int) -> None: ...

    def add_look(self, source: int, look: ast.Look, target: int) -> None: ...

    def add_copies(self, body: ast.Node, count: int) -> list[tuple[int, int]]:
        """`count` separate copies of the body, each between new states: (start, end)."""
        ...


def emit(target: Target, node: ast.Node, source: int, goal: int) -> None:
    """Adds `node` between two states: edges out of `source` and into `goal` only, the rest new."""
    match node:
        case ast.Chars(points):
            target.add_chars(source, points, goal)
        case ast.Concat(parts):
            for part in parts[:-1]:
                after = target.add_state()
                emit(target, part, source, after)
                source = after
            if parts:
                emit(target, parts[-1], source, goal)
            else:
                target.add_epsilon(source, goal)
        case ast.Alternation(branches):
            for branch in branches:
                emit(target, branch, source, goal)
        case ast.Repeat():
            _emit_repeat(target, node, source, goal)
        case ast.Look():
            target.add_look(source, node, goal)
        case ast.Anchor():
            emit(target, ast.lowered(node), source, goal)


def emit_whole(target: Target, node: ast.Node, start: int, end: int, universal: int) -> None:
    """Adds a whole expression: whatever may be followed by any text leads to `universal`.

    A search would otherwise keep looking for further matches, and track which it has found.
    """
    target.add_chars(universal, ALL_CODE_POINTS, universal)
    for branch in node.branches if isinstance(node, ast.Alternation) else (node,):
        if branch == ast.ANY_TEXT:
            target.add_epsilon(start, universal)
        elif isinstance(branch, ast.Concat) and branch.parts and branch.parts[-1] == ast.ANY_TEXT:
            emit(target, ast.Concat(branch.parts[:-1]), start, universal)
        else:
            emit(target, branch, start, end)


def _emit_repeat(target: Target, node: ast.Repeat, source: int, goal: int) -> None:
    low, high = node.low, node.high
    if (low, high) == (0, 1):
        emit(target, node.body, source, goal)
        target.add_epsilon(source, goal)
        return
    if (low, high) == (0, None):
        loop = target.add_state()
        target.add_epsilon(source, loop)
        emit(target, node.body, loop, loop)
        target.add_epsilon(loop, goal)
        return
    copies = target.add_copies(node.body, max(low, 1) if high is None else high)
    target.add_epsilon(source, copies[0][0])
    for number, (start, end) in enumerate(copies):
        if number >= low:
            target.add_epsilon(start, goal)
        if number + 1 < len(copies):
            target.add_epsilon(end, copies[number + 1][0])
    last_start, last_end = copies[-1]
    target.add_epsilon(last_end, goal)
    if high is None:
        target.add_epsilon(last_end, last_start)


class ByteTarget:
    """Writes to a byte automaton, characters as UTF-8. The tree must hold no assertions."""

    def __init__(self) -> None:
        self.builder = NfaBuilder()

    def add_state(self) -> int:
        return self.builder.add_state()

    def add_epsilon(self, source: int, target: int) -> None:
        self.builder.add_epsilon(source, target)

    def add_chars(self, source: int, points: CodePoints, target: int) -> None:
        add_code_points(self.builder, source, points, target)

    def add_look(self, source: int, look: ast.Look, target: int) -> None:
        raise AssertionError("assertions need the construction of `lookaround`")

    def add_copies(self, body: ast.Node, count: int) -> list[tuple[int, int]]:
        mark = self.builder.mark()
        start, end = self.builder.add_state(), self.builder.add_state()
        emit(self, body, start, end)
        distance = self.builder.repeat_block(mark, count - 1)
        return [(start + i * distance, end + i * distance) for i in range(count)]
