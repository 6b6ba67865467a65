"""What a constraint is, and how constraints compose.

A constraint is a small frozen value. It states a set of texts; `language()` builds that set as a
byte automaton. Constraints compose with `+` (one after the other), `|` (either), `&` (both) and
`~` (any other text).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..automata import ByteAutomaton, algebra
from ..errors import ConstrainedDiffusionError
from .spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pushdown.reading import GrammarReading
    from ..vocabulary import Vocabulary


@dataclass(frozen=True)
class Language:
    """The texts of a constraint.

    automaton: every text in it satisfies the constraint.
    bounds: in words, everything by which the automaton is narrower than the constraint as stated.
        Empty when it is exact.
    """

    automaton: ByteAutomaton
    bounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class PushdownParts:
    """The pieces of a text for the pushdown engine.

    pieces: byte automata, and grammars as `pushdown.reading` has them; the text is one of each, in
        order, with nothing between.
    bounds: as for `Language`.
    prefix, suffix: what the pieces read before and after the text.
    """

    pieces: tuple[ByteAutomaton | GrammarReading, ...]
    bounds: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""


def text_capacity(vocabulary: Vocabulary, tokens: int) -> int:
    """The most bytes of text that so many tokens can hold."""
    longest = max(map(len, filter(None, vocabulary.tokens)), default=0)
    return tokens * longest


def parts_in_sequence(
    constraints: Sequence[Constraint], capacity: int | None
) -> PushdownParts | None:
    """`Constraint.pushdown_parts` of a sequence of constraints."""
    own = [constraint.pushdown_parts(capacity) for constraint in constraints]
    if all(parts is None for parts in own):
        return None
    joined = [
        parts or _regular_part(constraint.language(capacity))
        for constraint, parts in zip(constraints, own, strict=True)
    ]
    if any(parts.prefix or parts.suffix for parts in joined):
        raise ConstrainedDiffusionError(
            "an Infill of a grammar has its own prefix and suffix and cannot be a part of a longer "
            "text; put the rest of the text into them"
        )
    bounds = dict.fromkeys(bound for parts in joined for bound in parts.bounds)
    return PushdownParts(tuple(piece for parts in joined for piece in parts.pieces), tuple(bounds))


def _regular_part(language: Language) -> PushdownParts:
    return PushdownParts((language.automaton,), language.bounds)


class Constraint(ABC):
    """Base of all constraints on text. Subclasses are frozen dataclasses.

    Law: constraints that compare equal have the same language. What `language` looks at has to be
    in fields that compare; those with `compare=False` say how to read an accepted text, say.
    Compiled automata are cached by the fields that compare.
    """

    @abstractmethod
    def language(self, capacity: int | None = None) -> Language:
        """The texts that satisfy this constraint.

        capacity: the most bytes that a text can have (what a canvas can hold), or None. Where it
            is given, texts longer than that may be wrongly accepted, so that counters which no
            canvas can exhaust cost nothing; shorter texts are decided exactly.

        Raises UnsatisfiableError (no text at all), LimitError, and the error of the kind of
        constraint (SchemaError, GrammarError, …).
        """

    def compile_for(self, vocabulary: Vocabulary, *, length: int, canvases: int) -> Any:
        """The compiled form of a constraint that has an engine of its own in place of `language`,
        with the interface of `CompiledConstraint`; None for all others.

        By default: the pushdown engine, where `pushdown_parts` gives something to it.
        """
        parts = self.pushdown_parts(text_capacity(vocabulary, length * canvases))
        if parts is None:
            return None
        from ..pushdown.compiled import compiled_grammar

        return compiled_grammar(self, vocabulary, length=length, canvases=canvases, parts=parts)

    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts | None:
        """What the text is made of, one after the other, where a part is a grammar that no byte
        automaton of a reasonable size can hold; None, the default, where `language` does.

        capacity: as for `language`.
        """
        return None

    def spelling(self, text: str) -> Spelling:
        """`text` in the spelling that `language()` decides: `text` itself by default.

        Constraints for which several spellings mean the same (JSON with other white space)
        override this; `accepts` and `explain` look at this spelling.
        """
        return Spelling(text)

    def accepts_beyond(self, text: str) -> bool:
        """Whether `text`, which `language()` lacks, satisfies this constraint all the same.

        For constraints whose generation is narrowed to an automaton that cannot hold all of their
        texts, while one given text can be judged: arrays of distinct strings, say, since to be
        distinct is not regular. Must be False for every text that does not satisfy the constraint.

        text: as the caller wrote it, before `spelling`; it has a UTF-8 encoding.

        `CompiledConstraint.accepts` and `explain` ask the constraint that was compiled, and only
        where its automaton refuses: never a hole of a template, nor an operand of `+ | & ~`.
        """
        return False

    def refusal(self, text: str) -> str | None:
        """Why a text that is not accepted is refused, in this constraint's own words: place, what
        stands there, what was expected. None, the default, where the language tells it as well.
        """
        return None

    def parse(self, text: str) -> Any:
        """The value that an accepted text stands for; the text itself by default."""
        return text

    def holes(self, text: str) -> dict[str, str]:
        """The text of each named hole of an accepted text; empty for all but templates."""
        return {}

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        """The values that the field `name` can take: pairs of the value as text and this
        constraint narrowed to it. Raises ConstrainedDiffusionError where there is no such field.
        """
        raise ConstrainedDiffusionError(
            f"{type(self).__name__} has no fields with values; values() is for a choice in a "
            "template hole (by the hole's name) and for enum, const and boolean fields of a JSON "
            "schema (by JSON pointer)"
        )

    def __add__(self, other: Constraint | str) -> Constraint:
        return Concatenation((self, _constraint(other)))

    def __radd__(self, other: str) -> Constraint:
        return Concatenation((_constraint(other), self))

    def __or__(self, other: Constraint | str) -> Constraint:
        return Union((self, _constraint(other)))

    def __and__(self, other: Constraint) -> Constraint:
        return Intersection((self, _constraint(other)))

    def __invert__(self) -> Constraint:
        return Complement(self)


def _constraint(value: Constraint | str) -> Constraint:
    if isinstance(value, Constraint):
        return value
    if isinstance(value, str):
        return Literal(value)
    raise ConstrainedDiffusionError(
        f"expected a constraint or a text, got {type(value).__name__}; wrap values in Choice, "
        "schemas in JsonSchema"
    )


def merge_bounds(languages: list[Language]) -> tuple[str, ...]:
    """All bounds in order of appearance, each once."""
    return tuple(dict.fromkeys(bound for language in languages for bound in language.bounds))


@dataclass(frozen=True)
class Literal(Constraint):
    """Exactly this text."""

    text: str

    def language(self, capacity: int | None = None) -> Language:
        return Language(algebra.literal(self.text.encode()))


@dataclass(frozen=True)
class Concatenation(Constraint):
    """The parts one after the other, with nothing between."""

    parts: tuple[Constraint, ...]

    def language(self, capacity: int | None = None) -> Language:
        languages = [part.language(capacity) for part in self.parts]
        automaton = algebra.concatenate(*(language.automaton for language in languages))
        return Language(automaton, merge_bounds(languages))

    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts | None:
        return parts_in_sequence(self.parts, capacity)


@dataclass(frozen=True)
class Union(Constraint):
    """Any of the options."""

    options: tuple[Constraint, ...]

    def language(self, capacity: int | None = None) -> Language:
        languages = [option.language(capacity) for option in self.options]
        automaton = algebra.union(*(language.automaton for language in languages))
        return Language(automaton, merge_bounds(languages))

    def parse(self, text: str) -> Any:
        """The value by the first option that accepts the text."""
        for option in self.options:
            if option.language().automaton.accepts(option.spelling(text).text.encode()):
                return option.parse(text)
        return text


@dataclass(frozen=True)
class Intersection(Constraint):
    """All of the parts at once. Parts that are narrowed narrow the whole, soundly."""

    parts: tuple[Constraint, ...]

    def language(self, capacity: int | None = None) -> Language:
        languages = [part.language(capacity) for part in self.parts]
        automaton = algebra.intersect(*(language.automaton for language in languages))
        return Language(automaton, merge_bounds(languages))

    def parse(self, text: str) -> Any:
        """The value by the first part: `JsonSchema(…) & Text(…)` parses as JSON."""
        return self.parts[0].parse(text)

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        return [
            (value, Intersection((narrowed, *self.parts[1:])))
            for value, narrowed in self.parts[0].alternatives(name)
        ]


@dataclass(frozen=True)
class Complement(Constraint):
    """Every text (valid UTF-8) that does not satisfy the inner constraint."""

    inner: Constraint

    def language(self, capacity: int | None = None) -> Language:
        # A counter dropped for the canvas's sake would make the complement too small, and a
        # narrowed language would make it too large: only exact languages can be complemented.
        language = self.inner.language()
        if language.bounds:
            raise ConstrainedDiffusionError(
                f"~ needs a constraint that is exact, but {type(self.inner).__name__} is "
                f"narrowed: {'; '.join(language.bounds)}"
            )
        return Language(algebra.complement(language.automaton))
