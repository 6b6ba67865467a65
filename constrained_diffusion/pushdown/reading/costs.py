"""How short the texts of terminals and nonterminals can be: what search and completion rank by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...automata.regex import ast, from_regex
from ...automata.regex.parser import parse
from ...automata.utf8 import CodePoints
from ...errors import LimitError
from ..parsing import Rule
from ..tables import Int64Array

UNREACHABLE = 1 << 40
"""The cost of what has no text."""

_PREFERRED = (*map(ord, "a0 A\n"), *range(0x21, 0x7F))
_MAX_EXAMPLE = 1 << 16
_MAX_STATES = 20_000


@dataclass(frozen=True, eq=False)
class Costs:
    """The least that a symbol takes; UNREACHABLE where it has no text.

    A terminal counts by itself: what follows it, or a terminal that comes first in the lexer's
    order, may force a longer text. So these are good to rank by, not to forbid by.

    Attributes:
        terminal_characters: int64 [T], the length of a shortest match, in code points.
        examples: [T] a shortest match; None where there is none, "" for made terminals.
        rule_terminals, rule_characters: int64 [R], the least of a rule's right side.
        nonterminal_terminals, nonterminal_characters: int64 [N].
    """

    terminal_characters: Int64Array
    examples: tuple[str | None, ...]
    rule_terminals: Int64Array
    rule_characters: Int64Array
    nonterminal_terminals: Int64Array
    nonterminal_characters: Int64Array


def costs_of(examples: Sequence[str | None], rules: Sequence[Rule], nonterminals: int) -> Costs:
    """Costs from a shortest text of each terminal."""
    characters = [UNREACHABLE if text is None else len(text) for text in examples]
    ones = [UNREACHABLE if text is None else 1 for text in examples]
    of_rules, of_heads = _least(characters, rules, nonterminals)
    count_rules, count_heads = _least(ones, rules, nonterminals)
    return Costs(
        terminal_characters=np.array(characters, np.int64),
        examples=tuple(examples),
        rule_terminals=np.array(count_rules, np.int64),
        rule_characters=np.array(of_rules, np.int64),
        nonterminal_terminals=np.array(count_heads, np.int64),
        nonterminal_characters=np.array(of_heads, np.int64),
    )


def _least(
    terminals: Sequence[int], rules: Sequence[Rule], nonterminals: int
) -> tuple[list[int], list[int]]:
    """The least sum of terminal costs under each rule and nonterminal (Knuth, "A generalization of
    Dijkstra's algorithm", 1977; here as rounds of relaxation)."""
    heads = [UNREACHABLE] * nonterminals
    sums = [UNREACHABLE] * len(rules)
    changed = True
    while changed:
        changed = False
        for place, rule in enumerate(rules):
            total = sum(terminals[n] if term else heads[n] for term, n in rule.body)
            sums[place] = min(total, UNREACHABLE)
            if sums[place] < heads[rule.head]:
                heads[rule.head] = sums[place]
                changed = True
    return sums, heads


@lru_cache(maxsize=4096)
def shortest_match(pattern: str) -> str | None:
    """A shortest text that a regular expression matches as a whole, None if there is none.

    Lookahead at its end is taken to hold: what follows is not known here.

    Raises:
        GrammarError: malformed, or not a regular language.
    """
    node = parse(pattern, "python")
    text = _shortest(node)
    if text is None or re.fullmatch(pattern, text):
        return text
    try:
        # An assertion in the middle: the automaton has it exact.
        exact = from_regex(pattern, match="full", max_states=_MAX_STATES)
    except LimitError:
        return text
    return text if exact.is_empty else exact.shortest().decode()


def _shortest(node: ast.Node) -> str | None:
    """As if no assertion were there."""
    match node:
        case ast.Chars(points):
            return _character(points)
        case ast.Concat(parts):
            texts = [_shortest(part) for part in parts]
            known = [text for text in texts if text is not None]
            return "".join(known) if len(known) == len(texts) else None
        case ast.Alternation(branches):
            options = [text for text in map(_shortest, branches) if text is not None]
            return min(options, key=len) if options else None
        case ast.Repeat(body, low, _):
            if low == 0:
                return ""
            text = _shortest(body)
            if text is not None and low * len(text) > _MAX_EXAMPLE:
                raise LimitError(
                    f"its shortest text is longer than {_MAX_EXAMPLE} characters; lower the "
                    "counts of its repeats"
                )
            return None if text is None else text * low
        case _:
            return ""


def _character(points: CodePoints) -> str | None:
    """A character of the set, a plain one if possible."""
    for point in _PREFERRED:
        if any(low <= point <= high for low, high in points):
            return chr(point)
    return chr(points[0][0]) if points else None
