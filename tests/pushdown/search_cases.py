"""Small languages over small vocabularies, with all their canvases as Lark judges them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import lark
import numpy as np
import torch

from constrained_diffusion.automata import ByteAutomaton, algebra
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import GrammarReading, assemble, read
from constrained_diffusion.pushdown.search import Searcher
from constrained_diffusion.vocabulary import Vocabulary

LENGTH = 5

BRACKETS = r"""
start: "(" start ")" | "[" start "]" | start "+" start_ | start_
start_: WORD
WORD: /[ab]+/
%ignore " "
"""

# Not LR(k) for any k: the middle is only known at the end.
PALINDROMES = r"""
start: "a" start "a" | "b" start "b" | "a" | "b" | "c" "c" | "ab"
"""


@dataclass(frozen=True, eq=False)
class Case:
    """A text made of pieces, over a vocabulary whose last two tokens are end and padding."""

    pieces: tuple[ByteAutomaton | GrammarReading, ...]
    words: tuple[bytes, ...]
    accepts: Callable[[str], bool]

    @property
    def end(self) -> int:
        return len(self.words)

    @property
    def size(self) -> int:
        return len(self.words) + 2

    def vocabulary(self) -> Vocabulary:
        return Vocabulary([*self.words, None, None], end_ids=[self.end], pad_id=self.end + 1)

    def machine(self) -> Machine:
        return Machine(assemble(self.pieces), [*self.words, None, None])

    def searcher(self, machine: Machine, **limits: float) -> Searcher:
        return Searcher(machine, self.pieces, self.vocabulary(), **limits)  # type: ignore[arg-type]

    def text_of(self, canvas: tuple[int, ...]) -> str | None:
        """The text of a canvas: text tokens, one end token, padding; None for other canvases."""
        end = canvas.index(self.end) if self.end in canvas else len(canvas)
        tail = canvas[end + 1 :]
        if any(token > self.end for token in canvas[:end]):
            return None
        if any(token != self.end + 1 for token in tail):
            return None
        return b"".join(self.words[token] for token in canvas[:end]).decode()

    def contains(self, canvas: tuple[int, ...]) -> bool:
        text = self.text_of(canvas)
        return text is not None and self.accepts(text)


def parses(parser: lark.Lark) -> Callable[[str], bool]:
    @cache
    def accepts(text: str) -> bool:
        try:
            parser.parse(text)
        except lark.exceptions.LarkError:
            return False
        return True

    return accepts


@cache
def case(name: str) -> Case:
    if name == "brackets":
        parser = lark.Lark(BRACKETS, parser="lalr")
        words = (b"(", b")", b"[", b"a", b"b+", b"a]", b"))", b" ")
        return Case((read(parser),), words, parses(parser))
    if name == "palindromes":
        parser = lark.Lark(PALINDROMES, parser="earley")
        return Case((read(parser),), (b"a", b"b", b"ab", b"ba", b"cc", b"c"), parses(parser))
    parser = lark.Lark('start: "(" start ")" | "x"', parser="lalr")
    inner = parses(parser)
    fixed = algebra.choice([b"<", b"<<"]), algebra.choice([b">x", b">"])

    def accepts(text: str) -> bool:
        return any(
            text.startswith(before) and text.endswith(after) and inner(text[len(before) : stop])
            for before in ("<", "<<")
            for after in (">x", ">")
            if (stop := len(text) - len(after)) >= len(before)
        )

    words = (b"<", b"<(", b"x", b")", b"(", b"x)", b">", b")>x")
    return Case((fixed[0], read(parser), fixed[1]), words, accepts)


NAMES = ("brackets", "palindromes", "template")


@cache
def canvases(name: str) -> tuple[tuple[int, ...], ...]:
    """All canvases of the language of LENGTH tokens."""
    chosen = case(name)
    every = itertools.product(range(chosen.size), repeat=LENGTH)
    return tuple(canvas for canvas in every if chosen.contains(canvas))


@cache
def machine(name: str) -> Machine:
    return case(name).machine()


def logits_of(seed: int, name: str, scale: float) -> torch.Tensor:
    """[LENGTH, V], some of them -inf."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(LENGTH, case(name).size, generator=generator) * scale
    if seed % 3 == 0:
        hidden = torch.rand(LENGTH, case(name).size, generator=generator) < 0.3
        logits = logits.masked_fill(hidden, -torch.inf)
    return logits


def distribution(logits: torch.Tensor, some: list[tuple[int, ...]]) -> np.ndarray:
    """The log probabilities of canvases, float64. A row of only -inf counts as uniform."""
    nothing = logits.isneginf().all(-1, keepdim=True)
    logs = logits.masked_fill(nothing, 0.0).double().log_softmax(-1).numpy()
    positions = np.arange(len(logs))
    return np.array([logs[positions, list(canvas)].sum() for canvas in some])
