"""The normal form of a schema: what a value must satisfy, type by type.

A JSON value has exactly one type. So a schema is, for each type, a union of conjunctions of tests
on values of that type, and union, conjunction and complement of schemas work on each type by
itself. The complement of a union is one conjunction that denies each of its parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from ...errors import LimitError
from .facts import ArrayFacts, Contains, NumberFacts, ObjectFacts, ObjectGroup, StringFacts
from .reading import ANYTHING, NOTHING
from .time_limit import check_time

MAX_CONJUNCTIONS = 4_000

LITERALS = ("null", "true", "false")


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

    def __invert__(self) -> Facts:
        """The values that do not satisfy it."""
        return Facts(
            tuple(name for name in LITERALS if name not in self.literals),
            _complement(self.numbers, NumberFacts(), _without_numbers),
            _complement(self.strings, StringFacts(), _without_strings),
            _complement(self.arrays, ArrayFacts(), _without_arrays),
            _complement(self.objects, ObjectFacts(), _without_objects),
        )

    @property
    def is_possible(self) -> bool:
        """False if it is easy to see that no value satisfies them."""
        alternatives: tuple[_Conjunction, ...] = (*self.numbers, *self.strings)
        alternatives += (*self.arrays, *self.objects)
        return bool(self.literals) or any(part.is_possible for part in alternatives)


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


def exactly_one(
    branches: Sequence[Facts], are_apart: Callable[[ObjectFacts, ObjectFacts], bool]
) -> Facts:
    """The values that satisfy one of the branches and no other.

    are_apart: whether it is plain that no object satisfies two conjunctions.
    """
    counts = Counter(name for branch in branches for name in branch.literals)
    return Facts(
        tuple(name for name in LITERALS if counts[name] == 1),
        _exactly_one([facts.numbers for facts in branches], NumberFacts(), _without_numbers),
        _exactly_one([facts.strings for facts in branches], StringFacts(), _without_strings),
        _exactly_one([facts.arrays for facts in branches], ArrayFacts(), _without_arrays),
        _exactly_one_object([facts.objects for facts in branches], are_apart),
    )


def _exactly_one_object(
    branches: Sequence[Sequence[ObjectFacts]],
    are_apart: Callable[[ObjectFacts, ObjectFacts], bool],
) -> tuple[ObjectFacts, ...]:
    """As `_exactly_one`, but only what may overlap is denied: complements can be large."""
    alone: list[ObjectFacts] = []
    for number, branch in enumerate(branches):
        others = [part for k, each in enumerate(branches) if k != number for part in each]
        for part in branch:
            overlapping = [other for other in others if not are_apart(part, other)]
            complement = _complement(overlapping, ObjectFacts(), _without_objects)
            alone += _conjunction((part,), complement)
    return _absorbed(alone, ObjectFacts())


def _exactly_one(
    branches: Sequence[Sequence[_T]], everything: _T, without: Callable[[_T], Sequence[_T]]
) -> tuple[_T, ...]:
    branches = [branch for branch in branches if branch]
    if len(branches) == 1:
        return tuple(branches[0])
    complements = [_complement(branch, everything, without) for branch in branches]
    # The complements of all branches before and after each one.
    before: list[Sequence[_T]] = [(everything,)]
    after: list[Sequence[_T]] = [(everything,)]
    for k in range(len(branches) - 1):
        before.append(_conjunction(before[-1], complements[k]))
        after.append(_conjunction(after[-1], complements[-1 - k]))
    alone: list[_T] = []
    for k, branch in enumerate(branches):
        alone += _conjunction(branch, _conjunction(before[k], after[-1 - k]))
    return _absorbed(alone, everything)


class _Conjunction(Protocol):
    @property
    def is_possible(self) -> bool: ...

    def __and__(self: _T, other: _T, /) -> _T: ...


_T = TypeVar("_T", bound=_Conjunction)
_Item = TypeVar("_Item")


def _conjunction(ours: Sequence[_T], theirs: Sequence[_T]) -> tuple[_T, ...]:
    if len(ours) * len(theirs) > MAX_CONJUNCTIONS:
        raise LimitError(
            f"schemas that hold together multiply to over {MAX_CONJUNCTIONS} alternatives; "
            "use fewer branches in anyOf and oneOf"
        )
    products: dict[_T, None] = {}
    for mine in ours:
        check_time()
        products.update((mine & its, None) for its in theirs)
    possible = tuple(part for part in products if part.is_possible)
    # One impossible part is kept, to explain why nothing is left.
    return possible or tuple(products)[:1]


def _complement(
    parts: Sequence[_T], everything: _T, without: Callable[[_T], Sequence[_T]]
) -> tuple[_T, ...]:
    """The values of one type that are in no part; `without` gives those that are not in one."""
    result: tuple[_T, ...] = (everything,)
    for part in parts:
        result = _conjunction(result, without(part))
    return result


def _without_strings(part: StringFacts) -> list[StringFacts]:
    positive = replace(part, denied=())
    others = [] if positive == StringFacts() else [StringFacts(denied=(positive,))]
    return [*others, *part.denied]


def _without_numbers(part: NumberFacts) -> list[NumberFacts]:
    positive = replace(part, denied=())
    others = [] if positive == NumberFacts() else [NumberFacts(denied=(positive,))]
    return [*others, *part.denied]


def _without_arrays(part: ArrayFacts) -> list[ArrayFacts]:
    groups = tuple(group for group in part.groups if set((*group.prefix, group.rest)) != {ANYTHING})
    others = []
    if groups:
        others.append(ArrayFacts(denied=(ArrayFacts(groups, part.min_items, part.max_items),)))
    else:
        if part.min_items > 0:
            others.append(ArrayFacts(max_items=part.min_items - 1))
        if part.max_items is not None:
            others.append(ArrayFacts(min_items=part.max_items + 1))
    for each in part.contains:
        if each.low > 0:
            others.append(ArrayFacts(contains=(Contains(each.schema, 0, each.low - 1),)))
        if each.high is not None:
            others.append(ArrayFacts(contains=(Contains(each.schema, each.high + 1),)))
    if part.unique:
        others.append(ArrayFacts(repeats=True))
    if part.repeats:
        others.append(ArrayFacts(unique=True))
    return [*others, *part.denied]


def _without_objects(part: ObjectFacts) -> list[ObjectFacts]:
    groups = tuple(group for group in part.groups if group != ObjectGroup())
    positive = replace(part, groups=groups, denied=())
    if positive == ObjectFacts():
        others = []
    elif len(part.required) == 1 and positive == ObjectFacts(required=part.required):
        others = [ObjectFacts((ObjectGroup(((part.required[0], NOTHING),)),))]
    else:
        others = [ObjectFacts(denied=(positive,))]
    return [*others, *part.denied]


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
