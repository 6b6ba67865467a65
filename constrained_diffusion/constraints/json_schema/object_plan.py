"""What a conjunction of tests on objects says of each key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...automata import ByteAutomaton
from .facts import ObjectFacts, ObjectGroup
from .keys import KeyClass, Keys, Pattern
from .normalise import Conjunction, Normaliser
from .reading import ANYTHING, NOTHING
from .text import is_writable
from .time_limit import check_time
from .violations import violations


@dataclass(frozen=True)
class Choice:
    """One way of reading a value: its component, and the denied conjunctions it violates."""

    value: Conjunction
    violates: frozenset[int]


@dataclass(frozen=True)
class Key:
    """A named key, or a class of other keys, and what can be under it.

    violates: the denied conjunctions that it violates by being there.
    values: the schemas of its value; `denied`: by denied conjunction, the schemas of which its
        value must violate one to violate the conjunction.
    """

    key: str | ByteAutomaton
    values: tuple[int, ...]
    violates: frozenset[int]
    denied: dict[int, tuple[int, ...]]
    required: bool = False


class ObjectPlan:
    """What one conjunction of tests says of each key.

    Attributes:
        named: the keys with a name, in their order.
        others: the classes of keys without.
        denied: the conjunctions that an object must violate, one by one.
        is_possible: False where it is plain that no object satisfies the tests.
    """

    def __init__(self, facts: ObjectFacts, normaliser: Normaliser, keys: Keys) -> None:
        self.facts = facts
        self._normaliser = normaliser
        self._keys = keys
        self._patterns: tuple[Pattern, ...] = tuple(
            dict.fromkeys(
                (pattern, pointer)
                for part in (facts, *facts.denied)
                for group in part.groups
                for pattern, pointer, _ in group.patterns
            )
        )
        self._closed = normaliser.is_closed(facts)
        self._names = normaliser.conjunction(facts.names)
        self._listed = keys.listed(self._names)
        self._properties = {
            id(group): dict(group.properties)
            for part in (facts, *facts.denied)
            for group in part.groups
        }
        self._when_missing: list[frozenset[int]] = []
        self._missing_from: list[frozenset[int]] = []
        self._needed_from: list[bool] = []
        self._choices: dict[tuple[int, frozenset[int]], tuple[Choice, ...]] = {}
        names = self._ordered_names()
        self.denied: tuple[ObjectFacts, ...] = facts.denied
        self.named: list[Key] = []
        self.others: list[Key] = []
        self.is_possible = facts.is_possible
        required = frozenset(facts.required)
        described = {name: self._named(name, name in required) for name in names}
        if any(not self._keys.can_be(described[name].values) for name in facts.required):
            self.is_possible = False
            return
        self.denied = tuple(
            each
            for number, each in enumerate(facts.denied)
            if not self._surely_violated(number, each, described)
        )
        if len(self.denied) < len(facts.denied):
            described = {name: self._named(name, name in required) for name in names}
        self.named = [described[name] for name in names]
        self._when_missing = [
            frozenset(n for n, each in enumerate(self.denied) if name in each.required)
            for name in names
        ]
        self._missing_from, self._needed_from = [frozenset()], [False]
        for missing, name in zip(reversed(self._when_missing), reversed(names), strict=True):
            self._missing_from.append(self._missing_from[-1] | missing)
            self._needed_from.append(self._needed_from[-1] or name in required)
        self._missing_from.reverse()
        self._needed_from.reverse()
        self.others = list(self._other_classes(names))

    def missing(self, level: int) -> frozenset[int]:
        """The denied conjunctions that are violated if a named key is not there."""
        return self._when_missing[level]

    def missing_from(self, level: int) -> frozenset[int]:
        """The denied conjunctions that are violated if no named key from `level` on is there."""
        return self._missing_from[level]

    def needs_key_from(self, level: int) -> bool:
        """Whether a named key from `level` on is required."""
        return self._needed_from[level]

    def choices(self, key: Key, pending: frozenset[int]) -> tuple[Choice, ...]:
        """The ways of reading a value under `key`, each violating some of `pending`."""
        memo = (id(key), pending & (key.violates | key.denied.keys()))
        if memo not in self._choices:
            self._choices[memo] = tuple(self._choose(key, memo[1]))
        return self._choices[memo]

    def _choose(self, key: Key, pending: frozenset[int]) -> Iterator[Choice]:
        violated = pending & key.violates
        schemas: dict[int, set[int]] = {}
        for number in pending - violated:
            for schema in key.denied[number]:
                schemas.setdefault(schema, set()).add(number)
        ways = violations(self._normaliser, key.values, list(schemas), self._keys.can_be)
        for value, chosen in ways:
            yield Choice(value, violated.union(*(schemas[schema] for schema in chosen)))

    def _ordered_names(self) -> list[str]:
        """The keys with a name: those that may be there by first appearance, then the others."""
        facts = self.facts
        names: dict[str, None] = {}
        for group in facts.groups:
            names.update((name, None) for name, schema in group.properties if schema != NOTHING)
        names.update(dict.fromkeys(facts.required))
        for each in (facts, *facts.denied):
            for group in each.groups:
                names.update((name, None) for name, _ in group.properties)
            names.update(dict.fromkeys(each.required))
        names.update(dict.fromkeys(self._listed or ()))
        return list(names)

    def _named(self, name: str, required: bool) -> Key:
        check_time()
        values = self._values(name) if self._may_be_there(name, required) else (NOTHING,)
        violates: set[int] = set()
        denied: dict[int, tuple[int, ...]] = {}
        for number, each in enumerate(self.denied):
            schemas = self._under(each, name)
            refused = any(self._keys.satisfies(name, ~schema) for schema in each.names)
            if schemas is None or any(
                not refused and not self._keys.satisfies(name, schema) for schema in each.names
            ):
                # Whether the key violates it depends on who reads the pattern.
                values = (NOTHING,)
            self._note(number, schemas or (), refused, violates, denied)
        return Key(name, values, frozenset(violates), denied, required)

    def _may_be_there(self, name: str, required: bool) -> bool:
        facts = self.facts
        if not is_writable(name):
            return False
        if not all(self._keys.satisfies(name, schema) for schema in self._names):
            return False
        if not self._closed or required:
            return True
        return any(
            name in self._properties[id(group)]
            or any(self._keys.matches(name, (p, pointer)) for p, pointer, _ in group.patterns)
            for group in facts.groups
        )

    def _values(self, name: str) -> tuple[int, ...]:
        schemas = self._under(self.facts, name)
        return (NOTHING,) if schemas is None else self._normaliser.conjunction(schemas)

    def _under(self, facts: ObjectFacts, name: str) -> list[int] | None:
        """The schemas of the value under a key; None where that depends on who reads a pattern."""
        result: list[int] = []
        for group in facts.groups:
            declared = self._properties[id(group)].get(name)
            schemas = [] if declared is None else [declared]
            for pattern, pointer, schema in group.patterns:
                matches = self._keys.matches(name, (pattern, pointer))
                if matches is None:
                    return None
                if matches:
                    schemas.append(schema)
            if not schemas and group.additional is not None:
                schemas.append(group.additional)
            result += schemas
        return result

    def _note(
        self,
        number: int,
        schemas: Sequence[int],
        refused: bool,
        violates: set[int],
        denied: dict[int, tuple[int, ...]],
    ) -> None:
        """Notes how a key with values of `schemas` under a denied conjunction violates it."""
        value = self._normaliser.conjunction(schemas)
        if refused or value == (NOTHING,):
            violates.add(number)
        elif value:
            denied[number] = value

    def _surely_violated(self, number: int, each: ObjectFacts, described: dict[str, Key]) -> bool:
        """Whether every object of the plan violates a denied conjunction."""
        for name in each.required:
            if not self._keys.can_be(described[name].values):
                return True
        for name in self.facts.required:
            key = described[name]
            if number in key.violates:
                return True
            schemas = key.denied.get(number)
            if schemas and not self._keys.can_be((*key.values, *schemas)):
                return True
        most = self.facts.max_properties
        return most is not None and each.min_properties > most

    def _other_classes(self, names: Sequence[str]) -> Iterator[Key]:
        if self._listed is not None or self._names == (NOTHING,) or not self._can_have_others():
            return
        asked = tuple(dict.fromkeys(n for each in self.denied for n in each.names))
        for kind in self._keys.classes(names, self._patterns, self._names, asked):
            values: list[int] = []
            for group in self.facts.groups:
                values += self._in_class(group, kind)
            if self._closed and not kind.patterns:
                continue
            value = self._normaliser.conjunction(values)
            if value == (NOTHING,):
                continue
            violates: set[int] = set()
            denied: dict[int, tuple[int, ...]] = {}
            for number, each in enumerate(self.denied):
                schemas = [s for group in each.groups for s in self._in_class(group, kind)]
                refused = not kind.refused.isdisjoint(each.names)
                self._note(number, schemas, refused, violates, denied)
            yield Key(kind.language, value, frozenset(violates), denied)

    def _can_have_others(self) -> bool:
        """False where every further key is plainly forbidden, so that no classes are needed."""
        if self._closed:
            return any(group.patterns for group in self.facts.groups)
        return all(group.additional != NOTHING or group.patterns for group in self.facts.groups)

    def _in_class(self, group: ObjectGroup, kind: KeyClass) -> list[int]:
        schemas = [
            s for pattern, pointer, s in group.patterns if (pattern, pointer) in kind.patterns
        ]
        if schemas:
            return schemas
        return [ANYTHING if group.additional is None else group.additional]
