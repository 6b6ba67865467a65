"""Texts that stand between a prefix and a suffix."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..automata import ByteAutomaton, algebra
from ..errors import (
    CanvasTooSmallError,
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
)
from .base import Constraint, Language, PushdownParts, text_capacity
from .explain import describe, failure, in_words
from .lark_grammar import LarkGrammar

if TYPE_CHECKING:
    from ..vocabulary import Vocabulary

HOLE = "hole"
"""The name of what is filled in, among `holes`."""

_PLACE = re.compile(r"line (\d+), column (\d+): (.*)")

_NOTHING_FITS = "no text fits between the prefix and the suffix"


@dataclass(frozen=True)
class Infill(Constraint):
    """Texts that make, after `prefix` and before `suffix`, a text of the constraint `whole`.

    Unlike a template, whose holes each have a language of their own, only the whole has one: a
    hole may begin in the middle of a word and close the brackets that the prefix opened.

    Where no text fits, the error names the place at which the whole breaks, by line and column of
    prefix and suffix put together: the first character of the prefix that no text of `whole` has
    there, or else the place up to which the suffix can be read after some text in the hole. That
    is exact where `whole` is regular. For grammars, short texts are tried, and the place is the
    furthest that one of them leads to.
    """

    whole: Constraint
    prefix: str = ""
    suffix: str = ""

    def around(self, text: str) -> str:
        """The whole text."""
        return f"{self.prefix}{text}{self.suffix}"

    def __post_init__(self) -> None:
        if not isinstance(self.whole, Constraint):
            raise ConstrainedDiffusionError(
                f"Infill takes a constraint on the whole text, got {type(self.whole).__name__}"
            )
        for name, text in (("prefix", self.prefix), ("suffix", self.suffix)):
            if not isinstance(text, str):
                raise ConstrainedDiffusionError(f"{name} is a text, got {type(text).__name__}")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ConstrainedDiffusionError(
                    f"{name} has no UTF-8 encoding: character {error.start} is half of a "
                    f"surrogate pair, {text[error.start]!r}"
                ) from None

    def language(self, capacity: int | None = None) -> Language:
        """Raises UnsatisfiableError where no text fits between prefix and suffix."""
        before, after = self.prefix.encode(), self.suffix.encode()
        room = None if capacity is None else capacity + len(before) + len(after)
        language = self.whole.language(room)
        automaton = algebra.quotient(language.automaton, before, after)
        if automaton.is_empty:
            raise UnsatisfiableError(self._break_in(language.automaton))
        return Language(automaton, language.bounds)

    def compile_for(self, vocabulary: Vocabulary, *, length: int, canvases: int) -> Any:
        try:
            return super().compile_for(vocabulary, length=length, canvases=canvases)
        except CanvasTooSmallError as error:
            error.args = (
                f"the text found for the hole needs {error.needed} tokens but only "
                f"{error.available} positions are available; use a longer canvas or more canvases "
                "(a shorter text may exist, which was not found)",
            )
            raise
        except (UnsatisfiableError, LimitError):
            message = self._break_of_grammar(text_capacity(vocabulary, length * canvases))
            if message is None:
                raise
            raise UnsatisfiableError(message) from None

    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts | None:
        whole = self.whole
        # A grammar is never taken as an automaton of bounded nesting here: what the prefix has
        # opened already counts as well.
        parts = (
            PushdownParts((whole.reading,), whole.reading.bounds)
            if isinstance(whole, LarkGrammar)
            else whole.pushdown_parts(capacity)
        )
        if parts is None:
            return None
        return dataclasses.replace(
            parts, prefix=parts.prefix + self.prefix, suffix=self.suffix + parts.suffix
        )

    def accepts_beyond(self, text: str) -> bool:
        return self.whole.accepts_beyond(self.around(text))

    def refusal(self, text: str) -> str | None:
        return self.whole.refusal(self.around(text))

    def parse(self, text: str) -> Any:
        """The value of the whole text."""
        return self.whole.parse(self.around(text))

    def holes(self, text: str) -> dict[str, str]:
        return {HOLE: text}

    def _break_of_grammar(self, capacity: int) -> str | None:
        """The message that no text fits; None where that is not certain."""
        from ..pushdown.completion.unfillable import breaking_place
        from ..pushdown.reading import assemble

        parts = self.pushdown_parts(capacity)
        if parts is None:
            return None
        found = breaking_place(assemble(parts.pieces), parts.pieces, parts.prefix, parts.suffix)
        if found is None:
            position, words = self._refused_at("", "")
            if not 0 <= position < len(self.prefix):
                return None
            return f"no text begins with the prefix: {_placed(self.prefix, position, words)}"
        if not found.certain:
            return None
        whole = parts.prefix + parts.suffix
        position, hole = len(parts.prefix) + found.position, found.holes[0]
        place = describe(whole, position, found.expected)
        if isinstance(self.whole, LarkGrammar):
            # The beginning of the terminal that may not stand there, and in Lark's words.
            refused = [(*self._refused_at(one, self.suffix), one) for one in found.holes]
            position, words, hole = max(refused, key=lambda one: one[0])
            place = _placed(whole, position, words)
        tried = f" (with {hole!r} in the hole)" if hole else ""
        return f"{_NOTHING_FITS}, whose text breaks at {place}{tried}"

    def _refused_at(self, hole: str, suffix: str) -> tuple[int, str]:
        """The offset, without the hole, at which Lark refuses the whole with some text in the hole,
        and why. Where it reads all of it, and for other constraints: -1."""
        whole = f"{self.prefix}{hole}{suffix}"
        reason = self.whole.refusal(whole) if isinstance(self.whole, LarkGrammar) else None
        match = _PLACE.match(reason or "")
        if match is None:
            return -1, ""
        before = whole.split("\n")[: int(match[1]) - 1]
        position = sum(len(line) + 1 for line in before) + int(match[2]) - 1
        if position > len(self.prefix):
            position = max(position - len(hole), len(self.prefix))
        return position, match[3]

    def _break_in(self, automaton: ByteAutomaton) -> str:
        """The message that no text of an automaton has this prefix and suffix."""
        start = automaton.run(self.prefix.encode())
        if start < 0:
            broken = failure(automaton, self.prefix)
            assert broken is not None
            return f"no text begins with the prefix: {describe(self.prefix, *broken)}"
        states = _reachable(automaton, start)
        position = 0
        for character in self.suffix:
            after = np.unique([automaton.run(character.encode(), state) for state in states])
            after = after[after >= 0]
            if not len(after):
                break
            states = after
            position += 1
        columns = np.flatnonzero((automaton.transitions[states] >= 0).any(axis=0))
        allowed = np.flatnonzero(np.isin(automaton.byte_class, columns)).tolist()
        expected = in_words(allowed, bool(automaton.accepting[states].any()))
        place = describe(self.prefix + self.suffix, len(self.prefix) + position, expected)
        return f"{_NOTHING_FITS}, whose text breaks at {place}"


def _placed(text: str, position: int, words: str) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}: {words}"


def _reachable(automaton: ByteAutomaton, start: int) -> NDArray[np.int64]:
    """The states after all texts that follow a state, ascending."""
    seen = np.zeros(automaton.num_states, np.bool_)
    new = np.array([start])
    while len(new):
        seen[new] = True
        targets = np.unique(automaton.transitions[new])
        targets = targets[targets >= 0]
        new = targets[~seen[targets]]
    return np.flatnonzero(seen)
