"""What a value must satisfy, type by type: the normal form of a schema.

A JSON value has exactly one type. So a schema without negation is, for each type, a union of
conjunctions of tests on values of that type, and both union and conjunction of schemas work on
each type by itself. `Facts` holds these unions; `StringFacts`, `NumberFacts`, `ArrayFacts` and
`ObjectFacts` are one conjunction each. All are values: equal facts are equal and hashable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol, TypeVar

from ...errors import LimitError

MAX_CONJUNCTIONS = 4_000

LITERALS = ("null", "true", "false")


@dataclass(frozen=True)
class StringFacts:
    """Tests on a string. `values` are the only ones allowed, in order; None for no such list."""

    values: tuple[str, ...] | None = None
    patterns: tuple[tuple[str, str], ...] = ()
    """Pairs of a regular expression, searched for, and the JSON pointer of its keyword."""
    formats: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    denied: tuple[StringFacts, ...] = ()
    """Conjunctions, without denied ones of their own, none of which may hold."""

    def __and__(self, other: StringFacts) -> StringFacts:
        return StringFacts(
            _common(self.values, other.values),
            _joined(self.patterns, other.patterns),
            _joined(self.formats, other.formats),
            max(self.min_length, other.min_length),
            _least(self.max_length, other.max_length),
            _joined(self.denied, other.denied),
        )


@dataclass(frozen=True)
class Bound:
    """One end of a range of numbers. `value` is exact: the decimal spelling of the keyword."""

    value: Fraction
    exclusive: bool = False


@dataclass(frozen=True)
class NumberValue:
    """A number that an enumeration allows. `pointed`: it was written with a decimal point."""

    value: Fraction
    pointed: bool = False


@dataclass(frozen=True)
class NumberFacts:
    """Tests on a number. `values` are the only ones allowed, in order; None for no such list."""

    integer: bool = False
    lower: Bound | None = None
    upper: Bound | None = None
    values: tuple[NumberValue, ...] | None = None
    multiples: tuple[Fraction, ...] = ()
    """The number is a whole multiple of each; all are positive."""
    denied: tuple[NumberFacts, ...] = ()
    """Conjunctions, without denied ones of their own, none of which may hold."""

    def __and__(self, other: NumberFacts) -> NumberFacts:
        lowers = [bound for bound in (self.lower, other.lower) if bound is not None]
        uppers = [bound for bound in (self.upper, other.upper) if bound is not None]
        return NumberFacts(
            self.integer or other.integer,
            max(lowers, key=lambda bound: (bound.value, bound.exclusive), default=None),
            min(uppers, key=lambda bound: (bound.value, not bound.exclusive), default=None),
            _common_numbers(self.values, other.values),
            _joined(self.multiples, other.multiples),
            _joined(self.denied, other.denied),
        )


@dataclass(frozen=True)
class ArrayGroup:
    """What one schema says of items: the first ones, in order, and all further ones."""

    prefix: tuple[int, ...]
    rest: int


@dataclass(frozen=True)
class ArrayFacts:
    """Tests on an array. Every group says something of each item."""

    groups: tuple[ArrayGroup, ...] = ()
    min_items: int = 0
    max_items: int | None = None

    def __and__(self, other: ArrayFacts) -> ArrayFacts:
        return ArrayFacts(
            _joined(self.groups, other.groups),
            max(self.min_items, other.min_items),
            _least(self.max_items, other.max_items),
        )


@dataclass(frozen=True)
class ObjectGroup:
    """What one schema says of keys. `additional` is None where it says nothing of further keys."""

    properties: tuple[tuple[str, int], ...] = ()
    additional: int | None = None


@dataclass(frozen=True)
class ObjectFacts:
    """Tests on an object. Every group says something of each key."""

    groups: tuple[ObjectGroup, ...] = ()
    required: tuple[str, ...] = ()

    def __and__(self, other: ObjectFacts) -> ObjectFacts:
        return ObjectFacts(
            _joined(self.groups, other.groups), _joined(self.required, other.required)
        )


@dataclass(frozen=True)
class Facts:
    """A schema in normal form: the literals it allows, and per type a union of conjunctions."""

    literals: tuple[str, ...] = ()
    numbers: tuple[NumberFacts, ...] = ()
    strings: tuple[StringFacts, ...] = ()
    arrays: tuple[ArrayFacts, ...] = ()
    objects: tuple[ObjectFacts, ...] = ()

    def __and__(self, other: Facts) -> Facts:
        """The values that satisfy both. Raises LimitError if there are too many conjunctions."""
        return Facts(
            tuple(name for name in self.literals if name in other.literals),
            _conjunction(self.numbers, other.numbers),
            _conjunction(self.strings, other.strings),
            _conjunction(self.arrays, other.arrays),
            _conjunction(self.objects, other.objects),
        )

    def __or__(self, other: Facts) -> Facts:
        """The values that satisfy either."""
        return union((self, other))


NO_FACTS = Facts()
ALL_FACTS = Facts(LITERALS, (NumberFacts(),), (StringFacts(),), (ArrayFacts(),), (ObjectFacts(),))


def union(parts: Iterable[Facts]) -> Facts:
    """The values that satisfy any of the parts."""
    parts = list(parts)
    literals = {name for part in parts for name in part.literals}
    return Facts(
        tuple(name for name in LITERALS if name in literals),
        _absorbed((facts for part in parts for facts in part.numbers), NumberFacts()),
        _string_union(facts for part in parts for facts in part.strings),
        _absorbed((facts for part in parts for facts in part.arrays), ArrayFacts()),
        _absorbed((facts for part in parts for facts in part.objects), ObjectFacts()),
    )


class _Conjunction(Protocol):
    def __and__(self: _T, other: _T, /) -> _T: ...


_T = TypeVar("_T", bound=_Conjunction)
_Item = TypeVar("_Item")


def _conjunction(ours: Sequence[_T], theirs: Sequence[_T]) -> tuple[_T, ...]:
    if len(ours) * len(theirs) > MAX_CONJUNCTIONS:
        raise LimitError(
            f"schemas that hold together multiply to over {MAX_CONJUNCTIONS} alternatives; "
            "use fewer branches in anyOf"
        )
    return tuple(dict.fromkeys(mine & its for mine in ours for its in theirs))


def _absorbed(parts: Iterable[_Item], everything: _Item) -> tuple[_Item, ...]:
    """The distinct parts of a union; only `everything` if it is among them."""
    distinct = tuple(dict.fromkeys(parts))
    return (everything,) if everything in distinct else distinct


def _string_union(parts: Iterable[StringFacts]) -> tuple[StringFacts, ...]:
    """As `_absorbed`; lists of values without other tests become one list (unions of `const`)."""
    distinct = _absorbed(parts, StringFacts())
    lists = [facts for facts in distinct if facts == StringFacts(facts.values)]
    if len(lists) < 2:
        return distinct
    values = tuple(dict.fromkeys(value for facts in lists for value in facts.values or ()))
    others = tuple(facts for facts in distinct if facts not in lists)
    return (replace(lists[0], values=values), *others)


def _common(
    ours: tuple[_Item, ...] | None, theirs: tuple[_Item, ...] | None
) -> tuple[_Item, ...] | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    allowed = frozenset(theirs)
    return tuple(value for value in ours if value in allowed)


def _common_numbers(
    ours: tuple[NumberValue, ...] | None, theirs: tuple[NumberValue, ...] | None
) -> tuple[NumberValue, ...] | None:
    """As `_common`, where 1 is the same number as 1.0."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    allowed = frozenset(number.value for number in theirs)
    return tuple(number for number in ours if number.value in allowed)


def _joined(ours: tuple[_Item, ...], theirs: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(ours + theirs))


def _least(ours: int | None, theirs: int | None) -> int | None:
    limits = [limit for limit in (ours, theirs) if limit is not None]
    return min(limits, default=None)
