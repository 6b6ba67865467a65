"""Texts that stand between a prefix and a suffix."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..automata import algebra
from ..errors import UnsatisfiableError
from .base import Constraint, Language, PushdownParts
from .lark_grammar import LarkGrammar

HOLE = "hole"
"""The name of what is filled in, among `holes`."""


@dataclass(frozen=True)
class Infill(Constraint):
    """Texts that make, after `prefix` and before `suffix`, a text of the constraint `whole`.

    Unlike a template, whose holes each have a language of their own, only the whole has one: a
    hole may begin in the middle of a word and close the brackets that the prefix opened.
    """

    whole: Constraint
    prefix: str = ""
    suffix: str = ""

    def around(self, text: str) -> str:
        """The whole text."""
        return f"{self.prefix}{text}{self.suffix}"

    def language(self, capacity: int | None = None) -> Language:
        """Raises UnsatisfiableError where no text fits between prefix and suffix."""
        before, after = self.prefix.encode(), self.suffix.encode()
        room = None if capacity is None else capacity + len(before) + len(after)
        language = self.whole.language(room)
        automaton = algebra.quotient(language.automaton, before, after)
        if automaton.is_empty:
            raise UnsatisfiableError(self._reason())
        return Language(automaton, language.bounds)

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

    def _reason(self) -> str:
        reason = self.refusal("")
        return "no text fits between the prefix and the suffix" + (f": {reason}" if reason else "")
