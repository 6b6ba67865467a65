"""What a value of one type must satisfy: conjunctions of tests.

`StringFacts`, `NumberFacts`, `ArrayFacts` and `ObjectFacts` are one conjunction each. A conjunction
can *deny* others. Facts are values: equal ones are equal and hashable.

Schemas of items and members stand in facts by their numbers; `~number` is the complement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar


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

    @property
    def is_possible(self) -> bool:
        """False if it is easy to see that no string satisfies them."""
        return (
            self.values != ()
            and (self.max_length is None or self.min_length <= self.max_length)
            and replace(self, denied=()) not in self.denied
        )

    def __and__(self, other: StringFacts) -> StringFacts:
        values = _common(self.values, other.values)
        denied = _joined(self.denied, other.denied)
        if values is not None and denied:
            listed = [each for each in denied if each == StringFacts(each.values)]
            excluded = {value for each in listed for value in each.values or ()}
            values = tuple(value for value in values if value not in excluded)
            denied = tuple(each for each in denied if each not in listed)
        return StringFacts(
            values,
            _joined(self.patterns, other.patterns),
            _joined(self.formats, other.formats),
            max(self.min_length, other.min_length),
            _least(self.max_length, other.max_length),
            denied,
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

    @property
    def is_possible(self) -> bool:
        """False if it is easy to see that no number satisfies them."""
        if self.values == () or replace(self, denied=()) in self.denied:
            return False
        return self.lower is None or self.upper is None or self.lower.value <= self.upper.value

    def __and__(self, other: NumberFacts) -> NumberFacts:
        lowers = [bound for bound in (self.lower, other.lower) if bound is not None]
        uppers = [bound for bound in (self.upper, other.upper) if bound is not None]
        values = _common_numbers(self.values, other.values)
        denied = _joined(self.denied, other.denied)
        if values is not None and denied:
            listed = [each for each in denied if each == NumberFacts(values=each.values)]
            excluded = {number.value for each in listed for number in each.values or ()}
            values = tuple(number for number in values if number.value not in excluded)
            denied = tuple(each for each in denied if each not in listed)
        return NumberFacts(
            self.integer or other.integer,
            max(lowers, key=lambda bound: (bound.value, bound.exclusive), default=None),
            min(uppers, key=lambda bound: (bound.value, not bound.exclusive), default=None),
            values,
            _joined(self.multiples, other.multiples),
            denied,
        )


@dataclass(frozen=True)
class ArrayGroup:
    """What one schema says of items: the first ones, in order, and all further ones."""

    prefix: tuple[int, ...]
    rest: int


@dataclass(frozen=True)
class Contains:
    """At least `low`, and at most `high` items satisfy a schema."""

    schema: int
    low: int
    high: int | None = None


@dataclass(frozen=True)
class ArrayFacts:
    """Tests on an array. Every group says something of each item."""

    groups: tuple[ArrayGroup, ...] = ()
    min_items: int = 0
    max_items: int | None = None
    contains: tuple[Contains, ...] = ()
    unique: bool = False
    repeats: bool = False
    """Whether some two items must be equal: the complement of `unique`."""
    denied: tuple[ArrayFacts, ...] = ()
    """Conjunctions of groups and numbers of items, none of which may hold."""

    @property
    def is_possible(self) -> bool:
        """False if it is easy to see that no array satisfies them."""
        if self.unique and self.repeats:
            return False
        return self.max_items is None or self.min_items <= self.max_items

    def __and__(self, other: ArrayFacts) -> ArrayFacts:
        return ArrayFacts(
            _joined(self.groups, other.groups),
            max(self.min_items, other.min_items),
            _least(self.max_items, other.max_items),
            _joined(self.contains, other.contains),
            self.unique or other.unique,
            self.repeats or other.repeats,
            _joined(self.denied, other.denied),
        )


@dataclass(frozen=True)
class ObjectGroup:
    """What one schema says of keys.

    properties: pairs of a key and the schema of its value.
    patterns: regular expressions, searched for in keys, with the JSON pointers of their keywords
        and the schemas of the values.
    additional: the schema under all other keys; None where nothing is said of them.
    """

    properties: tuple[tuple[str, int], ...] = ()
    patterns: tuple[tuple[str, str, int], ...] = ()
    additional: int | None = None


@dataclass(frozen=True)
class ObjectFacts:
    """Tests on an object. Every group says something of each key."""

    groups: tuple[ObjectGroup, ...] = ()
    required: tuple[str, ...] = ()
    min_properties: int = 0
    max_properties: int | None = None
    names: tuple[int, ...] = ()
    """Schemas that every key satisfies, as a string."""
    denied: tuple[ObjectFacts, ...] = ()
    """Conjunctions, without denied ones of their own, none of which may hold."""

    @property
    def is_possible(self) -> bool:
        """False if it is easy to see that no object satisfies them."""
        if self.max_properties is not None:
            return max(self.min_properties, len(self.required)) <= self.max_properties
        return True

    def __and__(self, other: ObjectFacts) -> ObjectFacts:
        return ObjectFacts(
            _joined(self.groups, other.groups),
            _joined(self.required, other.required),
            max(self.min_properties, other.min_properties),
            _least(self.max_properties, other.max_properties),
            _joined(self.names, other.names),
            _joined(self.denied, other.denied),
        )


_Item = TypeVar("_Item")


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
