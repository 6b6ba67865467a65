"""Unrolling: how deep the cycles of a component graph are followed, and what that costs.

A *node* is a component with the number of back edges that may still be followed below it (None
off all cycles). Nodes form no cycles, so each is one finite automaton. The value that the schema
leaves open is the component without schemas; it is on a cycle with itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...automata import ByteAutomaton
from .components import ArrayComponent, Component, ComponentGraph, Member, ObjectComponent
from .normalise import Conjunction
from .text import quote

OPEN: Conjunction = ()
"""The component of a value that the schema leaves open."""


@dataclass(frozen=True)
class Node:
    """A component and how many back edges may still be followed below it."""

    component: Conjunction
    depth: int | None


class Shortest:
    """The fewest bytes of a value of each component: infinite where there is none.

    A least fixed point: a recursive schema has values only if its recursion can end.
    """

    def __init__(
        self, graph: ComponentGraph, scalars: dict[Conjunction, tuple[ByteAutomaton, ...]]
    ) -> None:
        self._graph = graph
        self._bytes: dict[Conjunction, float] = dict.fromkeys(graph.components, math.inf)
        literal = {"null": 4, "true": 4, "false": 5}
        for name, component in graph.components.items():
            lengths = [literal[text] for text in component.facts.literals]
            lengths += [int(each.distance[0]) for each in scalars[name] if not each.is_empty]
            self._bytes[name] = min(lengths, default=math.inf)
        changed = True
        while changed:
            changed = False
            # Children are found after their parents, so most values settle in one round.
            for name in reversed(graph.components):
                shortest = self._container(graph.components[name])
                if shortest < self._bytes[name]:
                    self._bytes[name] = shortest
                    changed = True

    def __getitem__(self, component: Conjunction) -> float:
        return self._bytes[component]

    def exists(self, component: Conjunction) -> bool:
        """Whether any value satisfies the component."""
        return self._bytes[component] < math.inf

    def items(self, array: ArrayComponent, count: int) -> float:
        """The fewest bytes of an array of `count` items."""
        first = min(count, len(array.prefix))
        items = sum(self._bytes[item] for item in array.prefix[:first])
        if count > first:
            items += (count - first) * self._bytes[array.rest]
        return items + max(count - 1, 0) + 2

    def member(self, member: Member) -> float:
        """The fewest bytes of a key, its colon and its value."""
        return len(quote(member.name).encode(errors="replace")) + 1 + self._bytes[member.value]

    def _container(self, component: Component) -> float:
        lengths = [math.inf]
        for array in component.arrays:
            if array.max_items is None or array.min_items <= array.max_items:
                lengths.append(self.items(array, array.min_items))
        for each in component.objects:
            required = [self.member(member) for member in each.members if member.required]
            lengths.append(sum(required) + max(len(required) - 1, 0) + 2)
        return min(lengths)


class Unrolling:
    """The nodes of a component graph whose cycles are followed at most `max_depth` times.

    Largest numbers of items that no text of `capacity` bytes can exceed are left out.

    Attributes:
        cut: the components at which a back edge was not followed.
        nodes: all nodes that `root` is built of, each after the nodes that it is built of.
    """

    def __init__(
        self,
        graph: ComponentGraph,
        scalars: dict[Conjunction, tuple[ByteAutomaton, ...]],
        shortest: Shortest,
        max_depth: int,
        capacity: int | None,
    ) -> None:
        self._graph = graph
        self._scalars = scalars
        self._shortest = shortest
        self._capacity = capacity
        self.max_depth = max_depth
        self.cut: set[Conjunction] = set()
        self.root = Node(graph.root, max_depth if graph.root in graph.cycle else None)
        self.nodes = tuple(self._bottom_up())
        self._existing: set[Node] = set()
        for node in self.nodes:
            if self._has_value(node):
                self._existing.add(node)

    def child(self, node: Node, component: Conjunction) -> Node | None:
        """The node of an item or a member; None where no value is possible or recursion ends."""
        if not self._shortest.exists(component):
            return None
        cycle = self._graph.cycle.get(component)
        if cycle is None:
            return Node(component, None)
        if cycle != self._graph.cycle.get(node.component) or node.depth is None:
            return Node(component, self.max_depth)
        follows_back_edge = (node.component, component) in self._graph.back_edges
        depth = node.depth - 1 if follows_back_edge else node.depth
        if depth < 0:
            self.cut.add(component)
            return None
        return Node(component, depth)

    def containers(
        self, node: Node
    ) -> tuple[tuple[ArrayComponent, ...], tuple[ObjectComponent, ...]]:
        """The arrays and objects that a node can be; none for an open value at the last level."""
        if node == Node(OPEN, 0):
            self.cut.add(OPEN)
            return (), ()
        component = self._graph.components[node.component]
        if self._capacity is None:
            return component.arrays, component.objects
        return tuple(map(self._without_idle_counter, component.arrays)), component.objects

    def _without_idle_counter(self, array: ArrayComponent) -> ArrayComponent:
        """`array` without its largest number of items if no text is long enough to exceed it."""
        if self._capacity is None or array.max_items is None:
            return array
        exceeding = self._shortest.items(array, array.max_items + 1)
        return replace(array, max_items=None) if exceeding > self._capacity else array

    def children(self, node: Node) -> list[Node]:
        """The nodes that a node is built of, each once."""
        arrays, objects = self.containers(node)
        components = [item for array in arrays for item in (*array.prefix, array.rest)]
        for each in objects:
            components += [member.value for member in each.members]
            components.append(each.additional)
        found = (self.child(node, component) for component in components)
        return list(dict.fromkeys(child for child in found if child is not None))

    def exists(self, node: Node) -> bool:
        """Whether any value fits a node, now that recursion ends where it was cut."""
        return node in self._existing

    def part(self, node: Node, component: Conjunction) -> Node | None:
        """As `child`, but None also where cutting the recursion left no value."""
        child = self.child(node, component)
        return child if child in self._existing else None

    def _has_value(self, node: Node) -> bool:
        facts = self._graph.components[node.component].facts
        if facts.literals or not all(each.is_empty for each in self._scalars[node.component]):
            return True
        arrays, objects = self.containers(node)
        for array in arrays:
            needed = array.prefix[: array.min_items]
            if array.min_items > len(array.prefix):
                needed = (*needed, array.rest)
            fits = array.max_items is None or array.min_items <= array.max_items
            if fits and all(self.part(node, item) is not None for item in needed):
                return True
        return any(
            all(self.part(node, member.value) for member in each.members if member.required)
            for each in objects
        )

    def _bottom_up(self) -> Iterator[Node]:
        done: set[Node] = set()
        path = [(self.root, iter(self.children(self.root)))]
        while path:
            node, children = path[-1]
            child = next(children, None)
            if child is None:
                path.pop()
                done.add(node)
                yield node
            elif child not in done:
                path.append((child, iter(self.children(child))))

    def size(self) -> int:
        """About how many states the automaton has before it is minimised, without building it."""
        sizes: dict[Node, int] = {}
        for node in self.nodes:
            total = 2 + sum(each.num_states for each in self._scalars[node.component])
            arrays, objects = self.containers(node)
            for array in arrays:
                total += self._array_size(node, array, sizes)
            for each in objects:
                total += self._object_size(node, each, sizes)
            sizes[node] = total
        return sizes[self.root]

    def _array_size(self, node: Node, array: ArrayComponent, sizes: dict[Node, int]) -> int:
        def size(component: Conjunction) -> int:
            child = self.child(node, component)
            return 0 if child is None else sizes[child]

        counted = array.min_items if array.max_items is None else array.max_items
        prefix = sum(size(item) for item in array.prefix)
        repeats = max(counted - len(array.prefix), 1 if array.max_items is None else 0)
        return 2 + prefix + repeats * (size(array.rest) + 2)

    def _object_size(self, node: Node, each: ObjectComponent, sizes: dict[Node, int]) -> int:
        total = 2
        for member in each.members:
            child = self.child(node, member.value)
            if child is not None:
                total += len(member.name) + 5 + sizes[child]
        other = self.child(node, each.additional)
        if other is not None:
            total += 20 + sum(len(member.name) for member in each.members) + sizes[other]
        return total
