"""Distinct items: `uniqueItems`, as far as automata can tell items apart.

That all items of an array differ is not regular. Where the items are a short list of values, the
values that were used are remembered, which is exact. A longer list is read in its order. Other
items are told apart by their beginning: each *kind* of beginning comes at most once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...automata import ByteAutomaton, NfaBuilder, bytes_of
from .facts import StringFacts
from .normal_form import Facts
from .normalise import Conjunction, Normaliser

MAX_VALUES = 8
"""Up to so many values are remembered one by one: 2 to that power sets of them."""
MAX_LISTED = 100
MANY = 6
FEW = 3

IN_ORDER = (
    f"arrays with uniqueItems of more than {MAX_VALUES} listed values hold them in the order of "
    "the list"
)
BY_BEGINNING = (
    "items that uniqueItems keeps apart differ in type or in their beginning: strings in their "
    f"first byte modulo {MANY} (beside numbers or with tests {FEW}, beside arrays and objects 2), "
    f"numbers, written without exponent, in sign and first digit modulo as many (beside arrays and "
    "objects 1); at most one item is null, true or false, at most one an array or an object"
)


@dataclass(frozen=True)
class Kind:
    """Items of which one array holds at most one."""

    number: int
    value: Conjunction
    part: ByteAutomaton | None = None


class Distinct:
    """The kinds of items of one array.

    items: the components of all items.
    narrowed: takes in, in words, by what arrays are narrowed.
    """

    def __init__(
        self, normaliser: Normaliser, items: Iterable[Conjunction], narrowed: dict[str, None]
    ) -> None:
        self._normaliser = normaliser
        self._narrowed = narrowed
        self._numbers: dict[object, int] = {}
        self._kinds: dict[Conjunction, tuple[Kind, ...]] = {}
        self._by_values = True
        # The same for all items: an item must be of one kind, wherever it stands.
        self._strings = self._numeric = MANY
        for item in items:
            facts = normaliser.facts(item)
            strings, numeric = _parts(facts)
            self._strings = min(self._strings, strings)
            self._numeric = min(self._numeric, numeric)
            listed = _listed(facts)
            if listed is None or len(listed) > MAX_LISTED:
                # A listed value and a beginning could be the same item, so all go by beginnings.
                self._by_values = False
            elif self._by_values:
                for value in listed:
                    self._number(_identity(value))
        if not self._by_values:
            self._numbers.clear()
        self._in_order = self._by_values and len(self._numbers) > MAX_VALUES
        if self._in_order:
            narrowed[IN_ORDER] = None

    def kinds(self, value: Conjunction) -> tuple[Kind, ...]:
        """The kinds of the items of a component, which is one of those given or narrower."""
        if value not in self._kinds:
            found = self._by_value(value) if self._by_values else self._by_beginning(value)
            self._kinds[value] = tuple(found)
        return self._kinds[value]

    def after(self, used: frozenset[int], kind: Kind) -> frozenset[int]:
        """What must not come again after `kind`, and `used` before it."""
        if self._in_order:
            return frozenset(range(kind.number + 1))
        return used | {kind.number}

    def _by_value(self, value: Conjunction) -> Iterable[Kind]:
        for each in _listed(self._normaliser.facts(value)) or ():
            constant = self._normaliser.constant(each)
            yield Kind(self._number(_identity(each)), (*value, constant))

    def _by_beginning(self, value: Conjunction) -> Iterable[Kind]:
        facts = self._normaliser.facts(value)
        self._narrowed[BY_BEGINNING] = None
        strings, numbers = self._strings, self._numeric
        beginnings: list[tuple[str, int, int]] = []
        if facts.literals:
            beginnings.append(("literal", 0, 1))
        if facts.strings:
            beginnings += [("string", part, strings) for part in range(strings)]
        if facts.numbers:
            beginnings += [("number", part, numbers) for part in range(numbers)]
        if facts.arrays or facts.objects:
            beginnings.append(("container", 0, 1))
        for beginning in beginnings:
            yield Kind(self._number(beginning), value, _beginning(*beginning))

    def _number(self, identity: object) -> int:
        return self._numbers.setdefault(identity, len(self._numbers))


def _listed(facts: Facts) -> list[Any] | None:
    """The values of a component, where they are a list of literals, numbers and strings."""
    if facts.arrays or facts.objects:
        return None
    constants = {"null": None, "true": True, "false": False}
    values: list[Any] = [constants[name] for name in facts.literals]
    for numbers in facts.numbers:
        if numbers.values is None:
            return None
        for number in numbers.values:
            whole = number.value.denominator == 1 and not number.pointed
            values.append(int(number.value) if whole else float(number.value))
    for strings in facts.strings:
        if strings.values is None:
            return None
        values += strings.values
    return values


def _identity(value: Any) -> object:
    """Equal for JSON values that are equal: 1 and 1.0 are, 1 and true are not."""
    return (value is None or isinstance(value, bool), value)


def _parts(facts: Facts) -> tuple[int, int]:
    """In how many kinds strings and numbers are told apart.

    Every set of kinds that were used has a copy of all kinds that were not, so large items get few.
    """
    if facts.arrays or facts.objects:
        return 2, 1
    plain = all(each == StringFacts() for each in facts.strings)
    return (MANY, MANY) if plain and not (facts.strings and facts.numbers) else (FEW, FEW)


@lru_cache(maxsize=64)
def _beginning(kind: str, part: int, parts: int) -> ByteAutomaton:
    """The texts of values of one kind that begin in one of `parts` ways."""
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    anything = bytes_of((0, 255))
    rest = anything
    if kind == "string":
        opened = builder.add_state()
        builder.add_edge(start, bytes_of(b'"'), opened)
        members = bytes(byte for byte in range(256) if byte % parts == part)
        builder.add_edge(opened, bytes_of(members), end)
    elif kind == "number":
        # Zero below zero equals zero, and exponents move the first digit.
        rest = anything & ~bytes_of(b"eE")
        signed = builder.add_state()
        builder.add_edge(start, bytes_of(b"-"), signed)
        for digit in range(10):
            if digit % parts == part:
                builder.add_edge(start, bytes_of(0x30 + digit), end)
            if digit and (digit + 1) % parts == part:
                builder.add_edge(signed, bytes_of(0x30 + digit), end)
    else:
        builder.add_edge(start, bytes_of(b"ntf" if kind == "literal" else b"[{"), end)
    builder.add_edge(end, rest, end)
    return builder.determinise(start, [end])
