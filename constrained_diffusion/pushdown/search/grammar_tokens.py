"""The tokens that a grammar itself asks for: a text may lack one wherever the model is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...automata.automaton import ByteAutomaton
from ...automata.trie import text_token_ids
from ..reading import GrammarReading
from ..tables import Int64Array

if TYPE_CHECKING:
    from ...vocabulary import Vocabulary

MOST_BLANKS = 16
"""Runs of blanks, tabs and line feeds up to so many bytes are grammar tokens."""

_FLAGS = re.compile(r"\(\?[a-z]+:(.*)\)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def grammar_tokens(
    pieces: Sequence[ByteAutomaton | GrammarReading], vocabulary: Vocabulary
) -> Int64Array:
    """Ids of the text tokens that spell a literal terminal, alone or after a blank, of the single
    printable ASCII characters, and of short runs of blanks; int64, ascending."""
    wanted = {bytes([byte]) for byte in range(32, 127)}
    for piece in pieces:
        if isinstance(piece, GrammarReading):
            for literal in _literals(piece):
                for text in {literal, literal.upper(), literal.lower()}:
                    wanted |= {text.encode(), b" " + text.encode()}
    tokens = vocabulary.tokens
    found = [
        token
        for token in text_token_ids(vocabulary)
        if (word := tokens[token]) in wanted
        or (word and len(word) <= MOST_BLANKS and not word.strip(b" \t\r\n"))
    ]
    return np.array(sorted(found), np.int64)


def _literals(reading: GrammarReading) -> Iterator[str]:
    for pattern in reading.patterns:
        if pattern is None:
            continue
        inner = _FLAGS.fullmatch(pattern)
        escaped = inner[1] if inner else pattern
        literal = _ESCAPED.sub(r"\1", escaped)
        if re.escape(literal) == escaped or (literal == escaped and literal.isalnum()):
            yield literal
