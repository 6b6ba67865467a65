"""Random texts of a Lark grammar, and random changes of texts.

Rules are expanded at random down to a depth, from there on by the expansion of least height.
Terminals are random words of their regular expressions, found by walking the parse tree of Python's
`re` and thrown away where the whole expression does not match them (lookaround). The words stand
next to each other or with an ignored one between.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from typing import Any

import lark
from lark.grammar import NonTerminal

if sys.version_info >= (3, 11):
    from re import _constants as sre
    from re import _parser as sre_parse
else:
    import sre_constants as sre
    import sre_parse

_LETTERS = "".join(map(chr, range(32, 127))) + "\n\té漢"
_TRIES = 30


class RandomTexts:
    """A source of random texts of a grammar; most of them are accepted by it, not all."""

    def __init__(
        self, loaded: lark.Lark, start: str, *, seed: int = 0, free_words: int = 60
    ) -> None:
        """free_words: terminals of a text after which it is brought to an end."""
        self._random = random.Random(seed)
        self._expansions: dict[str, list[list[Any]]] = {}
        for rule in loaded.rules:
            self._expansions.setdefault(rule.origin.name, []).append(rule.expansion)
        self._words = {terminal.name: terminal.pattern.to_regexp() for terminal in loaded.terminals}
        self._ignored = [name for name in loaded.ignore_tokens if name in self._words]
        self._blank = any(re.fullmatch(self._words[name], " ") for name in self._ignored)
        self._start = start
        self._free_words = free_words
        self._heights = self._least_heights()
        for name, choices in self._expansions.items():
            # Grammars may hold rules that derive no text.
            self._expansions[name] = [choice for choice in choices if self._productive(choice)]

    def text(self, depth: int = 12) -> str:
        """A random text; `depth` is how far rules are expanded freely."""
        words: list[str] = []
        self._expand(self._start, depth, words)
        glue = self._random.choice(("", "ignored", "ignored", "mixed"))
        pieces = []
        for word in words:
            pieces.append(word)
            if self._ignored and (glue == "ignored" or (glue and self._random.random() < 0.5)):
                pieces.append(self._separator())
        return "".join(pieces)

    def _separator(self) -> str:
        """A blank where blanks are ignored, at times another ignored word, such as a comment."""
        if self._blank and self._random.random() < 0.9:
            return " "
        return self._word(self._random.choice(self._ignored))

    def _expand(self, name: str, depth: int, words: list[str]) -> None:
        choices = self._expansions[name]
        if depth <= 0 or len(words) > self._free_words:
            least = min(self._height(choice) for choice in choices)
            choices = [choice for choice in choices if self._height(choice) == least]
        for symbol in self._random.choice(choices):
            if isinstance(symbol, NonTerminal):
                self._expand(symbol.name, depth - 1, words)
            elif symbol.name in self._words:
                words.append(self._word(symbol.name))

    def _word(self, name: str) -> str:
        pattern = self._words[name]
        tree, whole = sre_parse.parse(pattern), re.compile(pattern)
        word = ""
        for _ in range(_TRIES):
            word = "".join(self._letters(tree))
            if whole.fullmatch(word):
                break
        return word

    def _letters(self, tree: Any) -> Iterator[str]:
        for kind, value in tree:
            if kind is sre.LITERAL:
                yield chr(value)
            elif kind is sre.NOT_LITERAL:
                yield self._random.choice(_LETTERS.replace(chr(value), ""))
            elif kind is sre.ANY:
                yield self._random.choice(_LETTERS.replace("\n", ""))
            elif kind is sre.IN:
                yield self._letter_of(value)
            elif kind is sre.BRANCH:
                yield from self._letters(self._random.choice(value[1]))
            elif kind is sre.SUBPATTERN:
                yield from self._letters(value[3])
            elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
                least, most, repeated = value
                for _ in range(self._random.randint(least, min(most, least + 3))):
                    yield from self._letters(repeated)

    def _letter_of(self, members: Any) -> str:
        inside = re.compile(_class_text(members), re.DOTALL)
        found = [letter for letter in _LETTERS if inside.fullmatch(letter)]
        if found:
            return self._random.choice(found)
        low = next(value if kind is sre.LITERAL else value[0] for kind, value in members)
        return chr(low)

    def _least_heights(self) -> dict[str, int]:
        heights: dict[str, int] = {}
        changed = True
        while changed:
            changed = False
            for name, choices in self._expansions.items():
                for choice in choices:
                    names = _nonterminals(choice)
                    if all(other in heights for other in names):
                        height = 1 + max((heights[other] for other in names), default=0)
                        if height < heights.get(name, 1 << 30):
                            heights[name] = height
                            changed = True
        return heights

    def _height(self, choice: list[Any]) -> int:
        return max((self._heights[name] for name in _nonterminals(choice)), default=0)

    def _productive(self, choice: list[Any]) -> bool:
        return all(name in self._heights for name in _nonterminals(choice))


def _nonterminals(choice: list[Any]) -> list[str]:
    return [symbol.name for symbol in choice if isinstance(symbol, NonTerminal)]


def _class_text(members: Any) -> str:
    """A class of `re`'s parse tree as a regular expression."""
    categories = {
        sre.CATEGORY_DIGIT: r"\d",
        sre.CATEGORY_NOT_DIGIT: r"\D",
        sre.CATEGORY_SPACE: r"\s",
        sre.CATEGORY_NOT_SPACE: r"\S",
        sre.CATEGORY_WORD: r"\w",
        sre.CATEGORY_NOT_WORD: r"\W",
    }
    parts = []
    for kind, value in members:
        if kind is sre.NEGATE:
            parts.append("^")
        elif kind is sre.LITERAL:
            parts.append(re.escape(chr(value)))
        elif kind is sre.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        else:
            parts.append(categories[value])
    return f"[{''.join(parts)}]"


def changed(text: str, source: random.Random) -> str:
    """The text with one to three random edits: a piece left out, doubled, moved or put in."""
    for _ in range(source.randint(1, 3)):
        a = source.randint(0, len(text))
        b = min(len(text), a + source.choice((1, 1, 2, 5)))
        c = source.randint(0, len(text))
        piece = text[a:b]
        kind = source.randrange(4)
        if kind == 0:
            text = text[:a] + text[b:]
        elif kind == 1:
            text = text[:c] + piece + text[c:]
        elif kind == 2:
            text = text[:a] + source.choice(_LETTERS) + text[b:]
        else:
            text = text[:a] + source.choice(_LETTERS) + text[a:]
    return text
