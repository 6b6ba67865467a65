"""Arrays and objects between two states of a nondeterministic automaton, around their parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from ...automata import NfaBuilder
from .components import ArrayComponent, Member, ObjectComponent
from .layout import Layout
from .normalise import Conjunction
from .strings import other_keys
from .text import quote


@dataclass(frozen=True)
class Part:
    """An item or a member that can have a value.

    key: equal for parts of the same language.
    add: adds it between two states of the builder.
    """

    key: bytes
    add: Callable[[int, int], None]


Parts = Callable[[Conjunction], Part | None]
"""The part of a component; None where it can have no value."""


def add_array(
    builder: NfaBuilder,
    source: int,
    array: ArrayComponent,
    target: int,
    parts: Parts,
    layout: Layout,
) -> None:
    """Adds the arrays of `array` between two states.

    The items are a chain: the state after `k` items closes the array if `k` items are enough. With
    no largest number, the last state of the chain leads back to the item before it.
    """
    opened, before = builder.add_state(), builder.add_state()
    layout.add(builder, source, b"[", opened)
    # Only the opening bracket may be followed by the closing one, a comma may not.
    builder.add_epsilon(opened, before)
    if array.min_items == 0:
        builder.add_literal(opened, b"]", target)
    counted = array.max_items
    if counted is None:
        counted = max(len(array.prefix) + 1, array.min_items)
    for number in range(1, counted + 1):
        item = parts(array.item(number - 1))
        if item is None:
            return
        after = builder.add_state()
        item.add(before, after)
        if number >= array.min_items:
            layout.add_close(builder, after, b"]", target)
        if number < counted:
            before = builder.add_state()
            layout.add_comma(builder, after, before)
        elif array.max_items is None:
            layout.add_comma(builder, after, before)


class ObjectStates:
    """Adds objects between two states of a builder.

    A *rest* is what may still come of an object: named keys in order, then the other keys. It has
    one state before a key and one after a value. Optional keys are skipped by epsilon edges, so
    that the subset construction shares the beginnings of keys. Equal rests, also of different
    objects, share their states: `anyOf` over which of n keys must be there stays small.
    """

    def __init__(
        self, builder: NfaBuilder, target: int, parts: Parts, layout: Layout, max_states: int
    ) -> None:
        self._builder = builder
        self._target = target
        self._parts = parts
        self._layout = layout
        self._max_states = max_states
        self._rests: dict[Hashable, _Rest] = {}

    def add(self, source: int, each: ObjectComponent) -> None:
        """Adds the objects of `each` from `source` on."""
        rest = self._other_keys(each)
        for member in reversed(each.members):
            rest = self._member(member, rest)
        opened = self._builder.add_state()
        self._layout.add(self._builder, source, b"{", opened)
        self._builder.add_epsilon(opened, rest.before)
        if rest.optional:
            self._builder.add_literal(opened, b"}", self._target)

    def _other_keys(self, each: ObjectComponent) -> _Rest:
        names = frozenset(member.name for member in each.members)
        value = self._parts(each.additional)
        key = None if value is None else (names, value.key)
        if key in self._rests:
            return self._rests[key]
        rest = self._rests[key] = self._rest(optional=True)
        if value is not None:
            colon = self._builder.add_state()
            self._builder.embed(other_keys(names, self._max_states), rest.before, colon)
            self._add_value(colon, value, rest.after)
        return rest

    def _member(self, member: Member, rest: _Rest) -> _Rest:
        """The rest that begins with `member` and goes on with `rest`."""
        value = self._parts(member.value)
        key = (member.name, member.required, None if value is None else value.key, rest.before)
        if key in self._rests:
            return self._rests[key]
        longer = self._rests[key] = self._rest(optional=rest.optional and not member.required)
        if not member.required:
            self._builder.add_epsilon(longer.before, rest.before)
        if value is not None:
            colon = self._builder.add_state()
            self._builder.add_literal(longer.before, quote(member.name).encode(), colon)
            self._add_value(colon, value, rest.after)
        return longer

    def _rest(self, *, optional: bool) -> _Rest:
        before, after = self._builder.add_state(), self._builder.add_state()
        self._layout.add_comma(self._builder, after, before)
        if optional:
            self._layout.add_close(self._builder, after, b"}", self._target)
        return _Rest(before, after, optional)

    def _add_value(self, colon: int, value: Part, after: int) -> None:
        begin = self._builder.add_state()
        self._layout.add_colon(self._builder, colon, begin)
        value.add(begin, after)


@dataclass(frozen=True)
class _Rest:
    """The state before a key, the state after a value, and whether no key needs to follow."""

    before: int
    after: int
    optional: bool
