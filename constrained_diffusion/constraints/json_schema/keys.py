"""The keys of objects: which patterns a key matches, and classes of keys that act alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...automata import ByteAutomaton
from ...errors import LimitError
from .facts import StringFacts
from .normalise import Normaliser
from .reading import NOTHING
from .strings import other_keys, string_language
from .text import is_writable, quote
from .time_limit import check_time

MAX_CLASSES = 256
MAX_LOOKED_AT = 4

Pattern = tuple[str, str]
"""A regular expression and the JSON pointer of its keyword."""


@dataclass(frozen=True)
class KeyClass:
    """Keys without a name in the schema that act alike.

    language: their spellings, with quotation marks.
    patterns: those that they match; they match no other.
    refused: of the schemas for names that were asked about, those that they do not satisfy.
    """

    language: ByteAutomaton
    patterns: frozenset[Pattern]
    refused: frozenset[int]


class Keys:
    """Answers questions about keys, for one compilation."""

    def __init__(self, normaliser: Normaliser, *, capacity: int | None, max_states: int) -> None:
        self._normaliser = normaliser
        self._capacity = capacity
        self._max_states = max_states
        self._classes: dict[tuple[object, ...], tuple[KeyClass, ...]] = {}

    def matches(self, name: str, pattern: Pattern) -> bool | None:
        """Whether `pattern` is found in a key; None where regular expression dialects differ."""
        if self._holds(name, _matching(pattern)):
            return True
        return False if self._holds(name, _denying(_matching(pattern))) else None

    def satisfies(self, name: str, schema: int) -> bool:
        """Whether a key surely satisfies a schema for names."""
        return is_writable(name) and any(
            self._holds(name, facts) for facts in self._normaliser.facts((schema,)).strings
        )

    def can_be(self, schemas: Sequence[int]) -> bool:
        """False where it is easy to see that no value satisfies schemas; strings are looked at."""
        value = self._normaliser.conjunction(schemas)
        if value == (NOTHING,):
            return False
        try:
            facts = self._normaliser.facts(value)
            if not facts.is_possible:
                return False
            if facts.literals or facts.numbers or facts.arrays or facts.objects:
                return True
            if len(facts.strings) > MAX_LOOKED_AT:
                return True
            return any(not self._language(strings).is_empty for strings in facts.strings)
        except LimitError:
            return True

    def listed(self, schemas: Sequence[int]) -> list[str] | None:
        """The names that the schemas for names allow, where they are a list."""
        names: dict[str, None] = {}
        if not schemas:
            return None
        for facts in self._normaliser.facts(tuple(schemas)).strings:
            if facts.values is None:
                return None
            names.update(dict.fromkeys(name for name in facts.values if self._holds(name, facts)))
        return list(names)

    def classes(
        self,
        named: Iterable[str],
        patterns: Sequence[Pattern],
        satisfied: Sequence[int],
        asked: Sequence[int],
    ) -> tuple[KeyClass, ...]:
        """The classes of all keys but `named` that satisfy the schemas `satisfied`.

        Keys on whose match regular expression dialects differ are in none.

        Raises LimitError if there are too many classes.
        """
        key = (frozenset(named), tuple(patterns), tuple(satisfied), tuple(asked))
        if key not in self._classes:
            self._classes[key] = self._split(key[0], patterns, satisfied, asked)
        return self._classes[key]

    def _split(
        self,
        named: frozenset[str],
        patterns: Sequence[Pattern],
        satisfied: Sequence[int],
        asked: Sequence[int],
    ) -> tuple[KeyClass, ...]:
        if not patterns and not satisfied and not asked:
            language = other_keys(named, self._max_states)
            return (KeyClass(language, frozenset(), frozenset()),)
        others = _denying(StringFacts(values=tuple(sorted(named)))) if named else StringFacts()
        bases = self._normaliser.facts(tuple(satisfied)).strings
        parts = [(base & others, frozenset[Pattern](), frozenset[int]()) for base in bases]
        for pattern in dict.fromkeys(patterns):
            matching = _matching(pattern)
            parts = [
                part
                for facts, found, refused in parts
                for part in (
                    (facts & matching, found | {pattern}, refused),
                    (facts & _denying(matching), found, refused),
                )
            ]
            parts = self._existing(parts)
        for schema in dict.fromkeys(asked):
            kept = self._normaliser.facts((schema,)).strings
            excluded = self._normaliser.facts((~schema,)).strings
            parts = [
                part
                for facts, found, refused in parts
                for part in (
                    *((facts & each, found, refused) for each in kept),
                    *((facts & each, found, refused | {schema}) for each in excluded),
                )
            ]
            parts = self._existing(parts)
        return tuple(
            KeyClass(self._language(facts), found, refused)
            for facts, found, refused in self._existing(parts)
        )

    def _existing(
        self, parts: list[tuple[StringFacts, frozenset[Pattern], frozenset[int]]]
    ) -> list[tuple[StringFacts, frozenset[Pattern], frozenset[int]]]:
        parts = [part for part in parts if not self._language(part[0]).is_empty]
        if len(parts) > MAX_CLASSES:
            raise LimitError(
                f"patternProperties and propertyNames make more than {MAX_CLASSES} kinds of keys; "
                "use fewer patterns that overlap"
            )
        return parts

    def _language(self, facts: StringFacts) -> ByteAutomaton:
        check_time()
        language, notes = string_language(
            facts, capacity=self._capacity, max_states=self._max_states
        )
        self._normaliser.notes.update(dict.fromkeys(f"keys: {note}" for note in notes))
        return language

    def _holds(self, name: str, facts: StringFacts) -> bool:
        return self._language(facts).accepts(quote(name).encode(errors="surrogatepass"))


def _matching(pattern: Pattern) -> StringFacts:
    return StringFacts(patterns=(pattern,))


def _denying(facts: StringFacts) -> StringFacts:
    return StringFacts(denied=(facts,))
