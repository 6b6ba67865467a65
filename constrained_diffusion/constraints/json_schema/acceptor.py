"""Accepting: whether a text is in the language of a schema, however deep it nests.

The automaton that generation uses is flat, so nesting is bounded in it, and what is not regular is
narrowed. Neither is needed to judge a text that is there: here its value is read by the machines
of the components themselves, each set of states at a time. The order of keys and the spelling of
scalars count as they do in the automaton.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .components import ComponentMachines
from .facts import StringFacts
from .keys import Keys
from .machines import END, START, Item, Label, Machine, Mark, Member
from .normal_form import Facts
from .normalise import Conjunction, Normaliser
from .number_tests import satisfies
from .strings import string_language
from .text import quote
from .time_limit import check_time, time_limit

MAX_NESTING = 200

_Verdicts = dict[tuple[Conjunction, int], bool]


@dataclass(frozen=True, eq=False)
class _Number:
    """A number as it is spelled."""

    spelling: str


@dataclass(frozen=True, eq=False)
class _Object:
    """The members of an object in their order."""

    members: tuple[tuple[str, Any], ...]


class Acceptor:
    """Judges texts of at most `capacity` bytes.

    Tests that are not regular are left out: where `is_complete` is False, what is accepted must
    still be validated.
    """

    def __init__(self, normaliser: Normaliser, *, capacity: int, max_states: int) -> None:
        self._normaliser = normaliser
        self._capacity = capacity
        self._max_states = max_states
        keys = Keys(normaliser, capacity=capacity, max_states=max_states)
        self._machines = ComponentMachines(normaliser, keys, relaxed=True)
        self._components: dict[Conjunction, _Component] = {}

    @property
    def is_complete(self) -> bool:
        """Whether no test was left out of the parts of the schema that were needed so far."""
        return not self._machines.narrowed

    def accepts(self, text: str) -> bool:
        """Whether `text`, in the compact spelling, is in the language.

        False also where it nests deeper than 200 levels, or repeats a key.

        Raises LimitError where a part of the schema that the text needs is too large.
        """
        try:
            value = json.loads(
                text,
                object_pairs_hook=lambda members: _Object(tuple(members)),
                parse_int=_Number,
                parse_float=_Number,
            )
        except (ValueError, RecursionError):
            return False
        root = self._normaliser.conjunction([self._normaliser.reader.root])
        with time_limit():
            return self._holds(root, value, 0, {})

    def _holds(self, name: Conjunction, value: Any, depth: int, known: _Verdicts) -> bool:
        """Whether a value is in a component; `known` are verdicts on parts of the same text."""
        key = (name, id(value))
        if key not in known:
            known[key] = depth <= MAX_NESTING and self._judge(name, value, depth, known)
        return known[key]

    def _judge(self, name: Conjunction, value: Any, depth: int, known: _Verdicts) -> bool:
        check_time()
        component = self._component(name)
        if value is None or isinstance(value, bool):
            return json.dumps(value) in component.facts.literals
        if isinstance(value, _Number):
            return any(satisfies(value.spelling, each) for each in component.facts.numbers)
        if isinstance(value, str):
            return any(self._is_string(value, each) for each in component.facts.strings)

        if isinstance(value, list):

            def reads_item(item: Any, label: Label) -> bool:
                return isinstance(label, Item) and self._holds(label.value, item, depth + 1, known)

            return component.reads(b"[", value, b"]", reads_item)

        def reads_member(member: tuple[str, Any], label: Label) -> bool:
            if not isinstance(label, Member) or not label.has_key(member[0]):
                return False
            return self._holds(label.value, member[1], depth + 1, known)

        members = value.members
        if len({name for name, _ in members}) < len(members):
            return False
        return component.reads(b"{", members, b"}", reads_member)

    def _is_string(self, value: str, facts: StringFacts) -> bool:
        """Whether a string satisfies tests; its length is counted without an automaton."""
        if not _has_length(value, facts):
            return False
        uncounted = replace(facts, min_length=0, max_length=None, denied=())
        tests = [uncounted]
        for each in facts.denied:
            if _has_length(value, each):
                shorn = replace(each, min_length=0, max_length=None)
                tests.append(StringFacts(denied=(shorn,)))
        spelled = quote(value).encode(errors="surrogatepass")
        return all(
            string_language(test, capacity=None, max_states=self._max_states)[0].accepts(spelled)
            for test in tests
        )

    def _component(self, name: Conjunction) -> _Component:
        if name not in self._components:
            facts = self._normaliser.facts(name)
            machine = self._machines.machine(facts, self._capacity // 2)
            self._components[name] = _Component(facts, machine)
        return self._components[name]


class _Component:
    """A component, with the edges of its machine by source."""

    def __init__(self, facts: Facts, machine: Machine) -> None:
        self.facts = facts
        self._edges: dict[int, list[tuple[Label, int]]] = {}
        for source, label, target in machine.edges:
            self._edges.setdefault(source, []).append((label, target))

    def reads(
        self,
        opening: bytes,
        parts: Sequence[Any],
        closing: bytes,
        reads_part: Callable[[Any, Label], bool],
    ) -> bool:
        """Whether the machine reads an array of items, or an object of members."""
        states = self._after({START}, lambda label: label == Mark(opening))
        if not parts:
            return END in self._after(states, lambda label: label == Mark(closing, tight=True))
        for number, part in enumerate(parts):
            if number:
                states = self._after(states, lambda label: label == Mark(b","))
            states = self._after(states, partial(reads_part, part))
            if not states:
                return False
        return END in self._after(states, lambda label: label == Mark(closing))

    def _after(self, states: set[int], reads: Callable[[Label], bool]) -> set[int]:
        """The states after an edge that `reads` takes, and before it any that read nothing."""
        reached, waiting = set(states), list(states)
        after = set()
        while waiting:
            for label, target in self._edges.get(waiting.pop(), ()):
                if label is None:
                    if target not in reached:
                        reached.add(target)
                        waiting.append(target)
                elif reads(label):
                    after.add(target)
        return after


def _has_length(value: str, facts: StringFacts) -> bool:
    return facts.min_length <= len(value) and (
        facts.max_length is None or len(value) <= facts.max_length
    )
