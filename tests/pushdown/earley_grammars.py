"""Random grammars for Earley's dynamic lexer, and texts derived from any grammar."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import lark
from hypothesis import strategies as st

TERMINALS = [
    '"a"', '"b"', '"ab"', "/a+/", "/a+?b?/", "/[ab]+/", "/b(?=a)/", "/(?<=a)b/", "/ba?/", "/a|ab/",
    "/ab|a/", "/[abc]/", "/(?<!b)a/", "/a(?!b)/", "/\\bab?/", "/c/", "/ca?/", "/b+?(?=c|$)/",
    "/c$/", "/^b/",
]  # fmt: skip
"""Patterns that overlap, look around, and match short or long."""


def lark_accepts(parser: lark.Lark, text: str) -> bool | None:
    """None where Lark fails by an error of its own ("Please report this bug")."""
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    except RuntimeError:
        return None
    return True


@st.composite
def random_grammars(draw: st.DrawFn) -> str:
    """Up to three rules over up to four terminals, with and without ignored ones."""
    num_rules = draw(st.integers(1, 3))
    terminals = draw(st.lists(st.sampled_from(TERMINALS), min_size=2, max_size=4, unique=True))
    names = ["start", "second", "third"][:num_rules]
    symbol = st.one_of(
        st.sampled_from([f"T{i}" for i in range(len(terminals))]), st.sampled_from(names)
    )
    item = st.builds("".join, st.tuples(symbol, st.sampled_from(["", "", "", "", "?", "*", "+"])))
    alternative = st.lists(item, max_size=3).map(" ".join)
    lines = [
        f"{name}: " + " | ".join(draw(st.lists(alternative, min_size=1, max_size=3, unique=True)))
        for name in names
    ]
    lines += [f"T{i}: {pattern}" for i, pattern in enumerate(terminals)]
    ignored = st.sampled_from([*TERMINALS, *(f"T{i}" for i in range(len(terminals)))])
    lines += [f"%ignore {one}" for one in draw(st.lists(ignored, max_size=2, unique=True))]
    return "\n".join(lines) + "\n"


NEVER = 1 << 20
"""The depth of what no text can be derived from."""


class Derivations:
    """Random texts of a grammar, about half of them with a character changed.

    Lark may refuse an unchanged one too, where a terminal matches more of the text than was meant.
    """

    def __init__(self, parser: lark.Lark, random: Random) -> None:
        self.start = parser.options.start[0]
        self.random = random
        self.bodies: dict[str, list[list[tuple[bool, str]]]] = {}
        for rule in parser.rules:
            body = [(symbol.is_term, symbol.name) for symbol in rule.expansion]
            self.bodies.setdefault(rule.origin.name, []).append(body)
        self.matches = {
            terminal.name: short_matches(terminal.pattern) for terminal in parser.terminals
        }
        self.depth = dict.fromkeys(self.bodies, NEVER)
        while True:
            depth = {head: min(map(self._needed, row)) for head, row in self.bodies.items()}
            if depth == self.depth:
                break
            self.depth = depth

    def _needed(self, body: list[tuple[bool, str]]) -> int:
        depth = max((self.depth[name] for is_term, name in body if not is_term), default=0)
        return min(depth + 1, NEVER)

    def text(self, max_depth: int, max_terminals: int) -> str:
        """A text of at most `max_terminals` terminals or little more, perhaps changed."""
        waiting = [((False, self.start), max_depth)]
        pieces: list[str] = []
        while waiting:
            (is_terminal, name), depth = waiting.pop()
            if is_terminal:
                pieces.append(self.random.choice(self.matches[name]))
                continue
            if len(pieces) + len(waiting) > max_terminals:
                depth = 0
            depth = max(depth, self.depth[name])
            choices = [body for body in self.bodies[name] if self._needed(body) <= depth]
            waiting += [(symbol, depth - 1) for symbol in reversed(self.random.choice(choices))]
        text = "".join(pieces)
        return text if self.random.random() < 0.5 else self._changed(text)

    def _changed(self, text: str) -> str:
        place = self.random.randrange(len(text) + 1)
        other = self.random.choice(["", " ", *text])
        return text[:place] + other + text[place + self.random.randrange(2) :]


def short_matches(pattern: lark.lexer.Pattern) -> list[str]:
    """Texts that a terminal matches: its own, or all that a few characters can make."""
    if isinstance(pattern, lark.lexer.PatternStr):
        return [pattern.value]
    regex = re.compile(pattern.to_regexp())
    short = ("".join(text) for length in (1, 2, 3) for text in product('a1. "_-<=:', repeat=length))
    return [text for text in short if regex.fullmatch(text)]
