"""Pieces of a Python file that a hole may stand for: blocks of statements and expressions."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK, EXPRESSION = 0, 1
LONGEST = 400
"""Characters of a piece at most: what a canvas can nearly always hold."""
SHORTEST_EXPRESSION = 3


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a file."""

    start: int
    end: int
    kind: int


def spans_of(text: str) -> NDArray[np.int32]:
    """The pieces of an ASCII file, int32 [N, 3] of start, end, kind, ordered by start.

    Blocks are one to all statements of a body, with their indentation and the line break behind.
    Expressions are whole ones, and what stands between the parentheses of a call or a definition.
    A file that does not parse has none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return np.zeros((0, 3), dtype=np.int32)
    lines = np.cumsum([0, *(len(line) for line in text.splitlines(keepends=True))])
    found: set[tuple[int, int, int]] = set()

    def add(start: int, end: int, kind: int) -> None:
        if 0 < end - start <= LONGEST:
            found.add((start, end, kind))

    for node in ast.walk(tree):
        for body in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list) and not isinstance(node, ast.Module):
                for first, statement in enumerate(body):
                    for last in {first, first + 1, first + 2, len(body) - 1}:
                        if first <= last < len(body):
                            end = int(body[last].end_lineno)
                            add(int(lines[statement.lineno - 1]), int(lines[end]), BLOCK)
        if isinstance(node, ast.expr):
            start, end = _place(node, lines)
            if end - start >= SHORTEST_EXPRESSION:
                add(start, end, EXPRESSION)
            if isinstance(node, ast.Call) and (node.args or node.keywords):
                add(_place(node.func, lines)[1] + 1, end - 1, EXPRESSION)
    return np.array(sorted(found), dtype=np.int32).reshape(-1, 3)


def _place(node: ast.expr, lines: NDArray[np.int64]) -> tuple[int, int]:
    end_line, end_column = node.end_lineno or 1, node.end_col_offset or 0
    return int(lines[node.lineno - 1]) + node.col_offset, int(lines[end_line - 1]) + end_column
