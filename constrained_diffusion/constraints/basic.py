"""Constraints that need no compiler of their own: a regular expression, a choice, free text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..automata import algebra
from ..automata.regex import from_regex
from ..errors import ConstrainedDiffusionError
from .base import Constraint, Language


@dataclass(frozen=True)
class Regex(Constraint):
    """Texts that match `pattern` as a whole (`re.fullmatch`), in Python's syntax on `str`.

    Raises GrammarError with the column where the pattern is malformed or uses what no finite
    automaton can honour (a backreference), when it is compiled.
    """

    pattern: str

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            raise ConstrainedDiffusionError(
                f"Regex takes a pattern as text, got {type(self.pattern).__name__}"
            )

    def language(self, capacity: int | None = None) -> Language:
        return Language(from_regex(self.pattern, dialect="python", match="full"))


@dataclass(frozen=True, init=False)
class Choice(Constraint):
    """One of the given texts."""

    values: tuple[str, ...]

    def __init__(self, values: Iterable[str]) -> None:
        if isinstance(values, str):
            raise ConstrainedDiffusionError(
                "Choice takes a collection of texts, got a single text; write Choice([text])"
            )
        listed = tuple(dict.fromkeys(values))
        if not listed:
            raise ConstrainedDiffusionError("Choice needs at least one value")
        for value in listed:
            if not isinstance(value, str):
                raise ConstrainedDiffusionError(
                    f"Choice takes texts, got {value!r}; for other JSON values use "
                    "JsonSchema({'enum': [...]})"
                )
        object.__setattr__(self, "values", listed)

    def language(self, capacity: int | None = None) -> Language:
        return Language(algebra.choice([value.encode() for value in self.values]))

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        if name != "":
            return super().alternatives(name)
        return [(value, Choice([value])) for value in self.values]


@dataclass(frozen=True)
class Text(Constraint):
    """Free text of `min_chars` to `max_chars` code points (None: no upper bound)."""

    min_chars: int = 0
    max_chars: int | None = None

    def __post_init__(self) -> None:
        if self.min_chars < 0 or (self.max_chars is not None and self.max_chars < self.min_chars):
            raise ConstrainedDiffusionError(
                f"Text needs 0 <= min_chars <= max_chars, got {self.min_chars} and {self.max_chars}"
            )

    def language(self, capacity: int | None = None) -> Language:
        high = self.max_chars
        if high is not None and capacity is not None and high >= capacity:
            high = None
        return Language(algebra.repeat(from_regex("(?s:.)"), self.min_chars, high))
