"""What the nesting tests compare with: Lark itself, brackets counted in the text, random walks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from lark.exceptions import LarkError

import constrained_diffusion as cd
from constrained_diffusion.automata import ByteAutomaton


def texts(alphabet: str, length: int) -> Iterator[str]:
    """All texts over an alphabet up to a length."""
    for size in range(length + 1):
        yield from map("".join, itertools.product(alphabet, repeat=size))


def lark_accepts(grammar: cd.LarkGrammar, text: str) -> bool:
    try:
        grammar.lark.parse(text)
    except LarkError:
        return False
    return True


def bracket_depth(text: str, opening: str = "([{", closing: str = ")]}") -> int:
    """The most brackets that are open at a time; in a text in which they match."""
    deepest = depth = 0
    for character in text:
        depth += (character in opening) - (character in closing)
        deepest = max(deepest, depth)
    return deepest


def random_text(automaton: ByteAutomaton, rng: random.Random, most: int = 60) -> str:
    """An accepted text: a random walk that turns to the nearest end after `most` bytes."""
    dense, distance = automaton.dense(), automaton.distance
    state, data = 0, bytearray()
    while True:
        if automaton.accepting[state] and (len(data) >= most or rng.random() < 0.1):
            return data.decode()
        targets = sorted({int(target) for target in dense[state] if target >= 0})
        if not targets:
            return data.decode()
        if len(data) >= most:
            targets = [min(targets, key=lambda target: int(distance[target]))]
        target = rng.choice(targets)
        data.append(rng.choice([b for b in range(256) if dense[state, b] == target]))
        state = target
