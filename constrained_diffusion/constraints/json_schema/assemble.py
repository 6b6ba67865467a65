"""Assembling: the automaton of one JSON value out of the automata of its parts."""

from __future__ import annotations

from collections.abc import Callable

from ...automata import ByteAutomaton, NfaBuilder
from .components import ArrayComponent, ObjectComponent
from .layout import Layout
from .normalise import Conjunction
from .strings import other_keys
from .text import quote

Parts = Callable[[Conjunction], ByteAutomaton | None]
"""The automaton of an item or a member; None where it can have no value."""


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
    opened = builder.add_state()
    layout.add(builder, source, b"[", opened)
    if array.min_items == 0:
        builder.add_literal(opened, b"]", target)
    unbounded = array.max_items is None
    counted = array.max_items
    if counted is None:
        counted = max(len(array.prefix) + 1, array.min_items, 1)
    before = opened
    for number in range(1, counted + 1):
        item = parts(array.item(number - 1))
        if item is None:
            return
        after = builder.add_state()
        builder.embed(item, before, after)
        if number >= array.min_items:
            layout.add_close(builder, after, b"]", target)
        if number == counted:
            if unbounded:
                # `opened` also closes the array, which a comma must not lead to.
                again = before if before != opened else builder.add_state()
                if again != before:
                    builder.embed(item, again, after)
                layout.add_comma(builder, after, again)
            return
        before = builder.add_state()
        layout.add_comma(builder, after, before)


def add_object(
    builder: NfaBuilder,
    source: int,
    each: ObjectComponent,
    target: int,
    parts: Parts,
    layout: Layout,
    max_states: int,
) -> None:
    """Adds the objects of `each` between two states.

    `before[i]` stands before a key, of which the members from `i` on are still to come; optional
    members are skipped by epsilon edges, so that the subset construction shares their beginnings.
    `after[i]` stands after a value. The other keys come last.
    """
    members = [(member, parts(member.value)) for member in each.members]
    last_required = max(
        (index for index, (member, _) in enumerate(members) if member.required), default=-1
    )
    count = len(members)
    before = builder.add_states(count + 1)
    after = builder.add_states(count + 1)
    opened = builder.add_state()
    layout.add(builder, source, b"{", opened)
    builder.add_epsilon(opened, before)
    if last_required < 0:
        builder.add_literal(opened, b"}", target)
    for index, (member, value) in enumerate(members):
        if not member.required:
            builder.add_epsilon(before + index, before + index + 1)
        if value is None:
            continue
        colon, begin = builder.add_states(2), builder.num_states - 1
        builder.add_literal(before + index, quote(member.name).encode(), colon)
        layout.add_colon(builder, colon, begin)
        builder.embed(value, begin, after + index + 1)
    for index in range(1, count + 1):
        layout.add_comma(builder, after + index, before + index)
        if index > last_required:
            layout.add_close(builder, after + index, b"}", target)
    value = parts(each.additional)
    if value is None:
        return
    colon, begin = builder.add_states(2), builder.num_states - 1
    names = frozenset(member.name for member in each.members)
    builder.embed(other_keys(names, max_states), before + count, colon)
    layout.add_colon(builder, colon, begin)
    end = after + count
    builder.embed(value, begin, end)
    if count == 0:
        layout.add_comma(builder, end, before)
        layout.add_close(builder, end, b"}", target)
