"""The component graph: which values a schema is made of, before any automaton is built.

A *component* is one JSON value under the schemas that it must satisfy together (a `Conjunction`).
Its children are the components of its items and members. The graph is finite even where the
schema is recursive: then it has cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .facts import ArrayFacts, Facts, ObjectFacts
from .normalise import Conjunction, Normaliser
from .reading import ANYTHING, NOTHING
from .text import is_writable


@dataclass(frozen=True)
class ArrayComponent:
    """Arrays: `prefix` are the first items in order, `rest` is every further one."""

    prefix: tuple[Conjunction, ...]
    rest: Conjunction
    min_items: int
    max_items: int | None

    def item(self, position: int) -> Conjunction:
        return self.prefix[position] if position < len(self.prefix) else self.rest

    def map(self, image: Callable[[Conjunction], object]) -> tuple[object, ...]:
        """All that it says, with the image of each child in place of the child."""
        prefix = tuple(image(item) for item in self.prefix)
        return prefix, image(self.rest), self.min_items, self.max_items


@dataclass(frozen=True)
class Member:
    """A key with a name, in the order of keys."""

    name: str
    required: bool
    value: Conjunction


@dataclass(frozen=True)
class ObjectComponent:
    """Objects: the named keys in their order, then any number of other keys under `additional`."""

    members: tuple[Member, ...]
    additional: Conjunction

    def map(self, image: Callable[[Conjunction], object]) -> tuple[object, ...]:
        """All that it says, with the image of each child in place of the child."""
        members = tuple(
            (member.name, member.required, image(member.value)) for member in self.members
        )
        return members, image(self.additional)


@dataclass(frozen=True)
class Component:
    """One JSON value: its scalar facts, and the arrays and objects that it can be."""

    facts: Facts
    arrays: tuple[ArrayComponent, ...]
    objects: tuple[ObjectComponent, ...]

    def children(self) -> Iterator[Conjunction]:
        for array in self.arrays:
            yield from array.prefix
            yield array.rest
        for each in self.objects:
            for member in each.members:
                yield member.value
            yield each.additional


NEVER: Conjunction = (NOTHING,)
"""The component that no value satisfies."""


class ComponentGraph:
    """The components that are reachable from `root`, with their cycles.

    Attributes:
        components: by conjunction, in the order in which they are found.
        back_edges: pairs (from, to) that every cycle has at least one of.
        cycle: for each component that is on a cycle, a number shared by the components that
            reach each other.
    """

    def __init__(
        self, normaliser: Normaliser, root: Conjunction, check_limits: Callable[[int], None]
    ) -> None:
        self._normaliser = normaliser
        self.root = root
        self.components: dict[Conjunction, Component] = {}
        self.back_edges: set[tuple[Conjunction, Conjunction]] = set()
        self.cycle: dict[Conjunction, int] = {}
        self._explore(check_limits)

    def _explore(self, check_limits: Callable[[int], None]) -> None:
        """Depth-first search with Tarjan's strongly connected components, without recursion."""
        index: dict[Conjunction, int] = {}
        low: dict[Conjunction, int] = {}
        on_path: set[Conjunction] = set()
        unassigned: list[Conjunction] = []
        path: list[tuple[Conjunction, Iterator[Conjunction]]] = []

        def enter(node: Conjunction) -> None:
            check_limits(len(index))
            index[node] = low[node] = len(index)
            self.components[node] = self._component(node)
            on_path.add(node)
            unassigned.append(node)
            children = dict.fromkeys(self.components[node].children())
            path.append((node, iter(children)))

        waiting: set[Conjunction] = set()
        enter(self.root)
        waiting.add(self.root)
        while path:
            node, children = path[-1]
            child = next(children, None)
            if child is not None:
                if child in on_path:
                    self.back_edges.add((node, child))
                if child not in index:
                    waiting.add(child)
                    enter(child)
                elif child in waiting:
                    low[node] = min(low[node], index[child])
                continue
            path.pop()
            on_path.discard(node)
            if path:
                parent = path[-1][0]
                low[parent] = min(low[parent], low[node])
            if low[node] == index[node]:
                self._close(node, unassigned, waiting)

    def _close(
        self, node: Conjunction, unassigned: list[Conjunction], waiting: set[Conjunction]
    ) -> None:
        members: list[Conjunction] = []
        while not members or members[-1] != node:
            members.append(unassigned.pop())
            waiting.discard(members[-1])
        if len(members) > 1 or (node, node) in self.back_edges:
            number = len(self.cycle)
            self.cycle.update((member, number) for member in members)

    def _component(self, node: Conjunction) -> Component:
        facts = self._normaliser.facts(node)
        return Component(
            facts,
            tuple(dict.fromkeys(self._array(array) for array in facts.arrays)),
            tuple(dict.fromkeys(self._object(each) for each in facts.objects)),
        )

    def _array(self, facts: ArrayFacts) -> ArrayComponent:
        length = max((len(group.prefix) for group in facts.groups), default=0)
        prefix = [
            self._normaliser.conjunction(
                group.prefix[position] if position < len(group.prefix) else group.rest
                for group in facts.groups
            )
            for position in range(length)
        ]
        rest = self._normaliser.conjunction(group.rest for group in facts.groups)
        if facts.max_items is not None:
            del prefix[facts.max_items :]
        return ArrayComponent(tuple(prefix), rest, facts.min_items, facts.max_items)

    def _object(self, facts: ObjectFacts) -> ObjectComponent:
        """Named keys stand in the order of their first appearance, declared ones first.

        A key that a group does not declare falls under the group's `additionalProperties`.
        """
        named = dict.fromkeys(name for group in facts.groups for name, _ in group.properties)
        named.update(dict.fromkeys(facts.required))
        properties = [dict(group.properties) for group in facts.groups]
        further = [
            ANYTHING if group.additional is None else group.additional for group in facts.groups
        ]
        required = frozenset(facts.required)
        members = tuple(
            Member(
                name,
                name in required,
                self._normaliser.conjunction(
                    declared.get(name, other)
                    for declared, other in zip(properties, further, strict=True)
                )
                if is_writable(name)
                else NEVER,
            )
            for name in named
        )
        if self._normaliser.is_closed(facts):
            return ObjectComponent(members, NEVER)
        return ObjectComponent(members, self._normaliser.conjunction(further))
