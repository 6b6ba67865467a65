"""Unrolling: how deep the cycles of a component graph are followed, and what that costs.

A *node* is a component with the number of back edges that may still be followed below it (None
off all cycles). Nodes form no cycles, so each is one finite automaton. The value that the schema
leaves open is the component without schemas; it is on a cycle with itself.

A schema can be finite and yet too large as a flat automaton. Then nodes also carry the number of
*levels* of arrays and objects below them that may be there without being required.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...automata import ByteAutomaton
from .components import ComponentGraph
from .machines import Item, Machine, Mark, Member, key_length
from .normalise import Conjunction

OPEN: Conjunction = ()
"""The component of a value that the schema leaves open."""


@dataclass(frozen=True)
class Node:
    """A component and how many back edges may still be followed below it.

    levels: how many levels below it are complete; None for all. At 0, an array or object holds
        only items and members that need no further array or object, or that are required; at -1,
        also the node itself is an array or object only if it must be.
    """

    component: Conjunction
    depth: int | None
    levels: int | None = None


class Shortest:
    """The fewest bytes of a value of each component: infinite where there is none.

    A least fixed point: a recursive schema has values only if its recursion can end.
    """

    def __init__(
        self, graph: ComponentGraph, scalars: dict[Conjunction, tuple[ByteAutomaton, ...]]
    ) -> None:
        self._bytes: dict[Conjunction, float] = {}
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
                shortest = graph.components[name].machine.shortest(self._bytes.__getitem__)
                if shortest < self._bytes[name]:
                    self._bytes[name] = shortest
                    changed = True

    def __getitem__(self, component: Conjunction) -> float:
        return self._bytes[component]

    def exists(self, component: Conjunction) -> bool:
        """Whether any value satisfies the component."""
        return self._bytes[component] < math.inf


class Unrolling:
    """The nodes of a component graph whose cycles are followed at most `max_depth` times.

    levels: the levels of arrays and objects that are complete; None for all.

    Attributes:
        cut: the components at which a back edge was not followed.
        is_pruned: whether `levels` leaves anything out.
        nodes: all nodes that `root` is built of, each after the nodes that it is built of.
    """

    def __init__(
        self,
        graph: ComponentGraph,
        machines: dict[Conjunction, Machine],
        scalars: dict[Conjunction, tuple[ByteAutomaton, ...]],
        shortest: Shortest,
        max_depth: int,
        levels: int | None = None,
    ) -> None:
        self._graph = graph
        self._machines = machines
        self._scalars = scalars
        self._shortest = shortest
        self.max_depth = max_depth
        self.levels = levels
        self.is_pruned = False
        self.cut: set[Conjunction] = set()
        self._pruned: dict[tuple[Conjunction, int], Machine] = {}
        self.root = Node(graph.root, max_depth if graph.root in graph.cycle else None, levels)
        self.nodes = tuple(self._bottom_up())
        self._existing: set[Node] = set()
        for node in self.nodes:
            if self._has_value(node):
                self._existing.add(node)

    def child(self, node: Node, component: Conjunction) -> Node | None:
        """The node of an item or a member; None where no value is possible or recursion ends."""
        if not self._shortest.exists(component):
            return None
        levels = node.levels if node.levels is None else max(node.levels - 1, -1)
        cycle = self._graph.cycle.get(component)
        if cycle is None:
            return Node(component, None, levels)
        if cycle != self._graph.cycle.get(node.component) or node.depth is None:
            return Node(component, self.max_depth, levels)
        follows_back_edge = (node.component, component) in self._graph.back_edges
        depth = node.depth - 1 if follows_back_edge else node.depth
        if depth < 0:
            self.cut.add(component)
            return None
        return Node(component, depth, levels)

    def machine(self, node: Node) -> Machine:
        """The arrays and objects that a node can be; none for an open value at the last level."""
        if node.component == OPEN and node.depth == 0:
            self.cut.add(OPEN)
            return _NO_MACHINE
        if node.levels is None or node.levels > 0:
            return self._machines[node.component]
        key = (node.component, node.levels)
        if key not in self._pruned:
            self._pruned[key] = self._prune(*key)
        return self._pruned[key]

    def _prune(self, component: Conjunction, levels: int) -> Machine:
        """The machine of a component at its last levels (see Node)."""
        machine = self._machines[component]
        if not machine.edges:
            return machine
        if levels < 0 and self._can_be_scalar(component):
            self.is_pruned = True
            return _NO_MACHINE
        needed = machine.shortest_path(self._shortest.__getitem__)
        pruned = Machine()
        pruned.num_states = machine.num_states
        for number, (source, label, target) in enumerate(machine.edges):
            value = label.value if isinstance(label, Member | Item) else None
            complete = levels == 0 and (value is None or self._can_be_scalar(value))
            if complete or number in needed:
                pruned.add(source, label, target)
            elif value is not None and self._shortest.exists(value):
                self.is_pruned = True
        return pruned

    def _can_be_scalar(self, component: Conjunction) -> bool:
        if self._graph.components[component].facts.literals:
            return True
        return any(not scalar.is_empty for scalar in self._scalars[component])

    def children(self, node: Node) -> list[Node]:
        """The nodes that a node is built of, each once."""
        found = (
            self.child(node, component) for component in dict.fromkeys(self.machine(node).values())
        )
        return list(dict.fromkeys(child for child in found if child is not None))

    def exists(self, node: Node) -> bool:
        """Whether any value fits a node, now that recursion ends where it was cut."""
        return node in self._existing

    def part(self, node: Node, component: Conjunction) -> Node | None:
        """As `child`, but None also where cutting the recursion left no value."""
        child = self.child(node, component)
        return child if child in self._existing else None

    def _has_value(self, node: Node) -> bool:
        if self._can_be_scalar(node.component):
            return True
        return self.machine(node).exists(lambda value: self.part(node, value) is not None)

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
            machine = self.machine(node)
            for _, label, _ in machine.edges:
                if isinstance(label, Mark):
                    total += 1
                elif label is not None:
                    child = self.child(node, label.value)
                    if child is not None:
                        total += _label_size(label, sizes[child])
            sizes[node] = total
        return sizes[self.root]


def _label_size(label: Item | Member, value: int) -> int:
    if isinstance(label, Item):
        return value
    if isinstance(label.key, ByteAutomaton):
        return label.key.num_states + value
    return key_length(label.key) + value


_NO_MACHINE = Machine()
