"""Regular expressions as programs whose paths are ordered as Python's `re` tries them.

After the program of a backtracking matcher (Cox, "Regular Expression Matching: the Virtual Machine
Approach", 2009). Loops over bodies that can match the empty text follow CPython's `_sre`: an
iteration that has read nothing is followed by what comes after the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ...automata.regex import ast
from ...automata.regex.parser import parse
from ...automata.utf8 import CodePoints
from ...errors import GrammarError, LimitError
from .lookbehind import nullable, rewritten

MAX_INSTRUCTIONS = 200_000
WHOLE = -1
"""What `Found` names at the end of lookaheads and keywords."""


@dataclass(frozen=True, slots=True)
class Read:
    """A character of a set."""

    points: int
    following: int


@dataclass(frozen=True, slots=True)
class Split:
    """Any of some places, the first one preferred."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Iterate:
    """Before an optional iteration of a body that can match the empty text."""

    loop: int
    body: int
    following: int
    lazy: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """After the last iteration of a loop that has a bound."""

    loop: int
    following: int


@dataclass(frozen=True, slots=True)
class Behind:
    """A test of the character before: whether there is one of the set."""

    points: int
    negative: bool
    following: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A lookahead whose own program starts at `body`."""

    body: int
    negative: bool
    following: int


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a terminal, or of a lookahead (`WHOLE`)."""

    terminal: int


Instruction: TypeAlias = Read | Split | Iterate | Leave | Behind | Ahead | Found


class Program:
    """The instructions of all patterns.

    Attributes:
        instructions: places in programs are indices into it.
        points: the sets of characters that `Read` and `Behind` name.
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction | None] = []
        self.points: list[CodePoints] = []
        self._set_number: dict[CodePoints, int] = {}
        self._starts: dict[tuple[int, str], int] = {}
        self._bodies: dict[ast.Node, int] = {}
        self._loops = 0

    def terminal(self, number: int, pattern: str) -> int:
        """The start of a terminal's program.

        Raises:
            GrammarError: malformed, or not to be honoured.
            LimitError: too many instructions.
        """
        key = number, pattern
        if key not in self._starts:
            self._starts[key] = self._emit(_parsed(pattern), self._add(Found(number)), pattern)
        return self._starts[key]

    def keyword(self, pattern: str) -> int:
        """The start of a program that reads texts which the pattern matches as a whole."""
        key = WHOLE, pattern
        if key not in self._starts:
            node = ast.concat([_parsed(pattern), ast.Anchor("end")])
            self._starts[key] = self._emit(node, self._add(Found(WHOLE)), pattern)
        return self._starts[key]

    def set_number(self, points: CodePoints) -> int:
        if points not in self._set_number:
            self._set_number[points] = len(self.points)
            self.points.append(points)
        return self._set_number[points]

    def _add(self, instruction: Instruction | None) -> int:
        if len(self.instructions) >= MAX_INSTRUCTIONS:
            raise LimitError(
                f"the terminals of the grammar need more than {MAX_INSTRUCTIONS:,} instructions; "
                "use smaller repeat counts"
            )
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def _emit(self, node: ast.Node, following: int, pattern: str) -> int:
        try:
            return self._node(node, following)
        except GrammarError as error:
            raise GrammarError(f"terminal pattern /{pattern}/: {error}") from None
        except LimitError as error:
            raise LimitError(f"terminal pattern /{pattern}/: {error}") from None

    def _node(self, node: ast.Node, following: int) -> int:
        """The start of a program for `node` that goes on at `following`."""
        match node:
            case ast.Chars(points):
                return self._add(Read(self.set_number(points), following))
            case ast.Concat(parts):
                for part in reversed(parts):
                    following = self._node(part, following)
                return following
            case ast.Alternation(branches):
                targets = tuple(self._node(branch, following) for branch in branches)
                return self._add(Split(targets))
            case ast.Repeat():
                return self._repeat(node, following)
            case ast.Anchor():
                return self._node(ast.lowered(node), following)
            case ast.Look():
                return self._look(node, following)

    def _look(self, look: ast.Look, following: int) -> int:
        if look.ahead:
            if look.body not in self._bodies:
                end = self._add(Found(WHOLE))
                self._bodies[look.body] = self._node(look.body, end)
            return self._add(Ahead(self._bodies[look.body], look.negative, following))
        if isinstance(look.body, ast.Chars):
            return self._add(Behind(self.set_number(look.body.points), look.negative, following))
        return self._node(rewritten(look), following)

    def _repeat(self, node: ast.Repeat, following: int) -> int:
        guarded = nullable(node.body)
        loop = self._loops
        self._loops += 1
        if node.high is None:
            place = self._add(None)
            self.instructions[place] = self._iteration(
                node, loop, self._node(node.body, place), following, guarded
            )
        else:
            place = following
            if guarded and node.high > node.low:
                place = self._add(Leave(loop, following))
            for _ in range(node.high - node.low):
                body = self._node(node.body, place)
                place = self._add(self._iteration(node, loop, body, following, guarded))
        for _ in range(node.low):
            place = self._node(node.body, place)
        return place

    @staticmethod
    def _iteration(
        node: ast.Repeat, loop: int, body: int, following: int, guarded: bool
    ) -> Instruction:
        if guarded:
            return Iterate(loop, body, following, node.lazy)
        return Split((following, body) if node.lazy else (body, following))


def _parsed(pattern: str) -> ast.Node:
    try:
        return parse(pattern, "python", ordered=True)
    except GrammarError as error:
        raise GrammarError(f"terminal pattern /{pattern}/: {error}") from None
