"""Arrays: machines that read items one by one.

A machine keeps track of what is still open about an array: how many items there were, as far as
that matters; which *denied* conjunctions are not violated yet, by an item or by the number of
items; how many items satisfied each `contains`; and, for `uniqueItems`, what must not come again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from ...errors import LimitError
from .distinct import Distinct
from .facts import ArrayFacts
from .machines import Item, Machine, Mark
from .normalise import Conjunction, Normaliser
from .reading import NOTHING
from .violations import violations

LEFT_OUT = "uniqueItems is left out"
NO_REPETITIONS = "where uniqueItems is negated, arrays with equal items are left out"

MAX_CHOICES = 4_096
MAX_STATES = 100_000


@dataclass(frozen=True)
class _State:
    """What is still open before an item.

    items: how many there were, up to the number from which on nothing depends on it.
    found: for each `contains`, how many satisfied it, up to where nothing depends on it.
    used: the kinds of items that must not come again.
    """

    items: int
    pending: frozenset[int]
    found: tuple[int, ...]
    used: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Choice:
    """One way of reading an item: its component, what it violates, which `contains` it meets."""

    value: Conjunction
    violates: frozenset[int]
    meets: tuple[bool, ...]


@dataclass
class ArrayMachines:
    """Adds arrays to a machine between a source and one target.

    most_items: the most items that a text can hold, or None; a larger `maxItems` is not counted.
    relaxed: equal items are not excluded, which only a check afterwards can do.

    Attributes:
        narrowed: in words, by what the arrays were narrowed since distinctness is not regular, or
            that this was left out.
    """

    machine: Machine
    target: int
    normaliser: Normaliser
    relaxed: bool
    most_items: int | None = None
    narrowed: dict[str, None] = field(default_factory=dict)

    def add(self, source: int, facts: ArrayFacts) -> None:
        """Adds the arrays of `facts`. Raises LimitError if they take too many states."""
        if not facts.is_possible:
            return
        if facts.repeats:
            self.narrowed[LEFT_OUT if self.relaxed else NO_REPETITIONS] = None
            if not self.relaxed:
                return
        _ArrayReader(self, self._counted(facts)).read(source)

    def _counted(self, facts: ArrayFacts) -> ArrayFacts:
        """`facts` without largest numbers of items that no text can exceed."""
        denied = tuple(self._counted(each) for each in facts.denied)
        idle = (
            self.most_items is not None
            and facts.max_items is not None
            and facts.max_items >= self.most_items
        )
        return replace(facts, max_items=None if idle else facts.max_items, denied=denied)


class _ArrayReader:
    """The states of the arrays of one conjunction."""

    def __init__(self, machines: ArrayMachines, facts: ArrayFacts) -> None:
        self._machines = machines
        self._machine = machines.machine
        self._normaliser = machines.normaliser
        self._facts = facts
        self._counted = max(
            _counted_items(facts), *(_counted_items(each) for each in facts.denied), 0
        )
        self._choices: dict[tuple[int, frozenset[int]], tuple[_Choice, ...]] = {}
        self._distinct: Distinct | None = None
        if not facts.unique or facts.max_items in (0, 1):
            return
        if machines.relaxed:
            machines.narrowed[LEFT_OUT] = None
        else:
            items = (self._at(facts, position) for position in range(self._counted + 1))
            self._distinct = Distinct(self._normaliser, items, machines.narrowed)

    def read(self, source: int) -> None:
        """Adds the arrays from `source` on."""
        machine, target = self._machine, self._machines.target
        first = _State(
            0, frozenset(range(len(self._facts.denied))), (0,) * len(self._facts.contains)
        )
        # Only the opening bracket may be followed by the closing one, a comma may not.
        opened = machine.add_state()
        machine.add(source, Mark(b"["), opened)
        if self._closes(first):
            machine.add(opened, Mark(b"]", tight=True), target)
        before = {first: machine.add_state()}
        machine.add(opened, None, before[first])
        after: dict[_State, int] = {}
        waiting = [first]
        while waiting:
            state = waiting.pop()
            for item, following in self._items(state):
                if following not in after:
                    after[following] = machine.add_state()
                    if self._closes(following):
                        machine.add(after[following], Mark(b"]"), target)
                    if following not in before:
                        before[following] = machine.add_state()
                        waiting.append(following)
                    machine.add(after[following], Mark(b","), before[following])
                machine.add(before[state], item, after[following])
            if len(before) > MAX_STATES:
                raise LimitError(
                    f"what is still open about an array takes more than {MAX_STATES:,} states; "
                    "lower minItems, maxItems, minContains or maxContains"
                )

    def _items(self, state: _State) -> Iterator[tuple[Item, _State]]:
        """The items that can come next, and what is open after each."""
        if self._facts.max_items is not None and state.items >= self._facts.max_items:
            return
        for choice in self._choose(state.items, state.pending):
            found = self._found(state, choice)
            if found is None:
                continue
            following = _State(
                min(state.items + 1, self._counted),
                state.pending - choice.violates,
                found,
                state.used,
            )
            if self._distinct is None:
                yield Item(choice.value), following
                continue
            for kind in self._distinct.kinds(choice.value):
                if kind.number in state.used:
                    continue
                used = self._distinct.after(state.used, kind)
                yield Item(kind.value, kind.part), replace(following, used=used)

    def _found(self, state: _State, choice: _Choice) -> tuple[int, ...] | None:
        """How many items satisfied each `contains`; None if too many."""
        found = []
        for count, meets, each in zip(state.found, choice.meets, self._facts.contains, strict=True):
            count += meets
            if each.high is not None and count > each.high:
                return None
            found.append(count if each.high is not None else min(count, each.low))
        return tuple(found)

    def _closes(self, state: _State) -> bool:
        """Whether the array may end."""
        if state.items < self._facts.min_items:
            return False
        if any(
            count < each.low for count, each in zip(state.found, self._facts.contains, strict=True)
        ):
            return False
        return all(self._violates_count(n, state.items) for n in state.pending)

    def _violates_count(self, number: int, items: int) -> bool:
        denied = self._facts.denied[number]
        return items < denied.min_items or (
            denied.max_items is not None and items > denied.max_items
        )

    def _choose(self, position: int, pending: frozenset[int]) -> tuple[_Choice, ...]:
        """The ways of reading the item at a position, each violating some of `pending`."""
        memo = (position, pending)
        if memo not in self._choices:
            self._choices[memo] = tuple(self._new_choices(position, pending))
        return self._choices[memo]

    def _new_choices(self, position: int, pending: frozenset[int]) -> Iterator[_Choice]:
        values = self._at(self._facts, position)
        violated: set[int] = set()
        schemas: dict[int, set[int]] = {}
        for number in pending:
            denied = self._at(self._facts.denied[number], position)
            if denied == (NOTHING,):
                violated.add(number)
                continue
            for schema in denied:
                schemas.setdefault(schema, set()).add(number)
        contains = self._facts.contains
        if 2 ** len(contains) > MAX_CHOICES:
            raise LimitError(
                f"an item is told apart by more than {MAX_CHOICES:,} combinations of contains; "
                "use fewer"
            )
        ways = list(violations(self._normaliser, values, list(schemas), self._can_be))
        for value, chosen in ways:
            numbers = violated.union(*(schemas[schema] for schema in chosen))
            for meets in product((False, True), repeat=len(contains)):
                tests = []
                for each, met in zip(contains, meets, strict=True):
                    if met:
                        tests.append(each.schema)
                    elif each.high is not None:
                        tests.append(~each.schema)
                item = self._normaliser.conjunction((*value, *tests))
                if item != (NOTHING,):
                    yield _Choice(item, frozenset(numbers), meets)

    def _can_be(self, schemas: Sequence[int]) -> bool:
        value = self._normaliser.conjunction(schemas)
        return value != (NOTHING,) and self._normaliser.facts(value).is_possible

    def _at(self, facts: ArrayFacts, position: int) -> Conjunction:
        return self._normaliser.conjunction(
            group.prefix[position] if position < len(group.prefix) else group.rest
            for group in facts.groups
        )


def _counted_items(facts: ArrayFacts) -> int:
    """The number of items from which on tests depend on it no more."""
    lengths = [len(group.prefix) for group in facts.groups]
    if facts.max_items is not None:
        lengths.append(facts.max_items + 1)
    return max([0, facts.min_items, *lengths])
