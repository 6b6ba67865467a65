"""Patterns over a tiny vocabulary, whose texts can all be listed."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

import constrained_diffusion as cd

SPELLED = [b"a", b"b", b"ab", b"ba", b"c"]
END, PAD = len(SPELLED), len(SPELLED) + 1
VOCABULARY = cd.Vocabulary([*SPELLED, None, None], end_ids=[END], pad_id=PAD)
PATTERNS = ["a*b", "(ab|c)*", "(a|b){2,5}c?", "c|abab", "[ab]*c[ab]*", "(aab?|bc)+", "b{3}a?"]


def spelled(tokens: tuple[int, ...]) -> str:
    return b"".join(SPELLED[token] for token in tokens).decode()


@lru_cache
def texts(pattern: str, most: int) -> frozenset[tuple[int, ...]]:
    """All strings of at most `most` text tokens whose text matches."""
    tokens = range(len(SPELLED))
    strings = itertools.chain.from_iterable(
        itertools.product(tokens, repeat=length) for length in range(most + 1)
    )
    return frozenset(tokens for tokens in strings if re.fullmatch(pattern, spelled(tokens)))


def is_complete(pattern: str, tokens: list[int]) -> bool:
    """Whether tokens are a matching text, then nothing or an end token and padding only."""
    end = tokens.index(END) if END in tokens else len(tokens)
    text, rest = tokens[:end], tokens[end + 1 :]
    return (
        all(token < END for token in text)
        and all(token == PAD for token in rest)
        and re.fullmatch(pattern, spelled(tuple(text))) is not None
    )
