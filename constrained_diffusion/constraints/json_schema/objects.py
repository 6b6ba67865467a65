"""Objects: machines that read named keys in their order, then the other keys.

A machine keeps track of what is still open about an object:

- which *denied* conjunctions are not violated yet. An object must violate each of them somewhere:
  by a value, by a key that is there, by one that is missing, by the number of its keys;
- how many keys there are, as far as that matters.

Keys without a name may repeat in a text, and readers keep the last value. So they count only as
far as they surely differ, and a value under them violates something only at the object's end.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ...automata import ByteAutomaton, NfaBuilder, algebra, bytes_of
from ...errors import LimitError
from .facts import ObjectFacts
from .keys import Keys
from .machines import Label, Machine, Mark, Member
from .normalise import Normaliser
from .object_plan import Choice, Key, ObjectPlan
from .time_limit import check_time

MAX_STATES = 100_000
FEW_KEYS = 3
FEW_PARTS, MANY_PARTS = 4, 8

DISTINCT_KEYS = (
    "where an object needs several keys without a name in the schema, those that count differ in "
    f"their first byte modulo {FEW_PARTS} (modulo {MANY_PARTS} where it needs more than {FEW_KEYS})"
)
LAST_KEY = (
    "where the value of a key without a name is what not, oneOf, if or an absent branch hangs on, "
    "it is the value of the object's last key"
)
_SELF = -1


@dataclass(frozen=True)
class _State:
    """What is still open before a key. `seen`: parts of other keys' language that were read."""

    pending: frozenset[int]
    low: int = 0
    high: int = 0
    seen: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Rest:
    """The machine's state before a key and after a value; whether the object may end here."""

    number: int
    before: int
    after: int
    closes: bool


@dataclass
class ObjectMachines:
    """Adds objects to a machine between a source and one target.

    Rests of objects that are equal share their states, also between objects: unions over which of
    n keys must be there stay small.

    relaxed: keys without a name are taken to be distinct, which only a check afterwards can tell.

    Attributes:
        narrowed: in words, by what the objects were narrowed since distinctness is not regular.
    """

    machine: Machine
    target: int
    normaliser: Normaliser
    keys: Keys
    relaxed: bool
    narrowed: dict[str, None] = field(default_factory=dict)
    _rests: dict[Hashable, _Rest] = field(default_factory=dict)

    def add(self, source: int, facts: ObjectFacts) -> None:
        """Adds the objects of `facts`. Raises LimitError if they take too many states."""
        plan = ObjectPlan(facts, self.normaliser, self.keys)
        if not plan.is_possible:
            return
        first = self._read(plan)
        opened = self.machine.add_state()
        self.machine.add(source, Mark(b"{"), opened)
        self.machine.add(opened, None, first.before)
        if first.closes:
            self.machine.add(opened, Mark(b"}", tight=True), self.target)

    def _read(self, plan: ObjectPlan) -> _Rest:
        """The rest that is a whole object."""
        counts = _Counting(plan)
        start = counts.settled(_State(frozenset(range(len(plan.denied)))))
        levels: list[dict[_State, None]] = [{start: None}]
        for level, key in enumerate(plan.named):
            levels.append({})
            check_time()
            for state in levels[level]:
                if not key.required:
                    levels[-1][_without(state, plan.missing(level))] = None
                for choice in plan.choices(key, state.pending):
                    levels[-1][counts.after_named(state, choice)] = None
            if sum(map(len, levels)) > MAX_STATES:
                raise LimitError(
                    "what is still open about an object takes more than "
                    f"{MAX_STATES:,} states; use fewer branches in oneOf, or fewer keys"
                )
        rests = self._other_keys(plan, counts, levels[-1])
        for level in range(len(plan.named) - 1, -1, -1):
            key, after = plan.named[level], rests
            rests = {}
            for state in levels[level]:
                options: list[tuple[Label, int]] = [
                    (
                        Member(key.key, choice.value),
                        after[counts.after_named(state, choice)].number,
                    )
                    for choice in plan.choices(key, state.pending)
                ]
                skip = None if key.required else after[_without(state, plan.missing(level))]
                rests[state] = self._rest(options, skip, counts.closes(level, state))
        return rests[start]

    def _other_keys(
        self, plan: ObjectPlan, counts: _Counting, states: Iterable[_State]
    ) -> dict[_State, _Rest]:
        """The rests of which only keys without a name are left, by state."""
        level = len(plan.named)
        others = list(self._parts(plan, counts))
        last: dict[_State, _Rest] = {}
        reached = dict.fromkeys(states)
        moves: dict[_State, list[tuple[Label, _State, bool]]] = {}
        waiting = list(reached)
        while waiting:
            state = waiting.pop()
            moves[state] = []
            for number, key in others:
                for choice in plan.choices(key, state.pending):
                    after = counts.after_other(state, number, choice, relaxed=self.relaxed)
                    is_last = not self.relaxed and not choice.violates <= key.violates
                    moves[state].append((Member(key.key, choice.value), after, is_last))
                    if is_last:
                        self.narrowed[LAST_KEY] = None
                        if after not in last:
                            last[after] = self._rest([], None, counts.closes(level, after))
                    elif after not in reached:
                        reached[after] = None
                        waiting.append(after)
        rests: dict[_State, _Rest] = {}
        # Every move leads to less that is open, or to a higher count, or to the same state.
        for state in sorted(reached, key=lambda s: (len(s.pending), -s.low - s.high - len(s.seen))):
            options: list[tuple[Label, int]] = []
            for label, after, is_last in moves[state]:
                if after == state and not is_last:
                    options.append((label, _SELF))
                else:
                    options.append((label, (last if is_last else rests)[after].number))
            rests[state] = self._rest(options, None, counts.closes(level, state))
        return rests

    def _parts(self, plan: ObjectPlan, counts: _Counting) -> Iterator[tuple[int, Key]]:
        """The classes of other keys; split into parts where keys must surely differ."""
        if self.relaxed or counts.most_low < 2:
            for key in plan.others:
                yield 0, key
            return
        self.narrowed[DISTINCT_KEYS] = None
        parts = FEW_PARTS if counts.most_low <= FEW_KEYS else MANY_PARTS
        for number, key in enumerate(plan.others):
            assert isinstance(key.key, ByteAutomaton)
            for part in range(parts):
                language = algebra.intersect(key.key, _first_bytes(part, parts))
                if not language.is_empty:
                    yield (
                        number * parts + part,
                        Key(language, key.values, key.violates, key.denied),
                    )

    def _rest(self, options: list[tuple[Label, int]], skip: _Rest | None, closes: bool) -> _Rest:
        signature = (tuple(options), None if skip is None else skip.number, closes)
        if signature in self._rests:
            return self._rests[signature]
        machine = self.machine
        before, after = machine.add_state(), machine.add_state()
        rest = _Rest(after, before, after, closes)
        self._rests[signature] = rest
        machine.add(after, Mark(b","), before)
        if closes:
            machine.add(after, Mark(b"}"), self.target)
        for label, target in options:
            machine.add(before, label, after if target == _SELF else target)
        if skip is not None:
            machine.add(before, None, skip.before)
        return rest


class _Counting:
    """How many keys there are, as far as a plan needs it.

    `low` counts keys that surely differ, for least numbers of keys; `high` counts all that a text
    holds, for largest numbers. Both stop where nothing depends on them any more.
    """

    def __init__(self, plan: ObjectPlan) -> None:
        self._plan = plan
        facts, denied = plan.facts, plan.denied
        least = facts.min_properties if facts.min_properties > len(facts.required) else 0
        tops = [each.max_properties for each in denied if each.max_properties is not None]
        self.most_low = max([least, *(top + 1 for top in tops)])
        self._max = facts.max_properties
        if self._max is not None and not plan.others and self._max >= len(plan.named):
            self._max = None
        self._least = least
        self._most_high = max([0, *(each.min_properties for each in denied)])
        if self._max is not None:
            self._most_high = max(self._most_high, self._max + 1)

    def settled(self, state: _State) -> _State:
        low = state.low + len(state.seen)
        if low >= self.most_low:
            return _State(state.pending, self.most_low, min(state.high, self._most_high))
        return _State(state.pending, state.low, min(state.high, self._most_high), state.seen)

    def after_named(self, state: _State, choice: Choice) -> _State:
        return self.settled(
            _State(state.pending - choice.violates, state.low + 1, state.high + 1, state.seen)
        )

    def after_other(self, state: _State, part: int, choice: Choice, *, relaxed: bool) -> _State:
        pending = state.pending - choice.violates
        if relaxed:
            return self.settled(_State(pending, state.low + 1, state.high + 1))
        return self.settled(_State(pending, state.low, state.high + 1, state.seen | {part}))

    def closes(self, level: int, state: _State) -> bool:
        """Whether the object may end, so that no named key from `level` on is there."""
        plan = self._plan
        if plan.needs_key_from(level):
            return False
        low = state.low + len(state.seen)
        if low < self._least or (self._max is not None and state.high > self._max):
            return False
        pending = state.pending - plan.missing_from(level)
        return all(self._violates_count(plan.denied[number], low, state.high) for number in pending)

    def _violates_count(self, denied: ObjectFacts, low: int, high: int) -> bool:
        most = denied.max_properties
        return high < denied.min_properties or (most is not None and low > most)


def _without(state: _State, violated: frozenset[int]) -> _State:
    return replace(state, pending=state.pending - violated)


@lru_cache(maxsize=FEW_PARTS + MANY_PARTS)
def _first_bytes(part: int, parts: int) -> ByteAutomaton:
    """Spelled keys whose first byte after the quotation mark is `part` modulo `parts`."""
    builder = NfaBuilder()
    start, opened, end = (builder.add_state() for _ in range(3))
    builder.add_edge(start, bytes_of(b'"'), opened)
    members = bytes(byte for byte in range(256) if byte % parts == part)
    builder.add_edge(opened, bytes_of(members), end)
    builder.add_edge(end, bytes_of((0, 255)), end)
    return builder.determinise(start, [end])
