"""The component graph: which values a schema is made of, before any automaton is built.

A *component* is one JSON value under the schemas that it must satisfy together (a `Conjunction`).
Its children are the components of its items and members. The graph is finite even where the
schema is recursive: then it has cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .arrays import ArrayMachines
from .facts import ArrayFacts
from .keys import Keys
from .machines import END, START, Machine
from .normal_form import Facts
from .normalise import Conjunction, Normaliser
from .objects import ObjectMachines
from .reading import NOTHING

NEVER: Conjunction = (NOTHING,)
"""The component that no value satisfies."""

FEW_ITEMS = 16


@dataclass(frozen=True, eq=False)
class Component:
    """One JSON value: its facts, and the machine of the arrays and objects that it can be.

    counts: whether the machine leaves out largest numbers of items, which it must not in the end.
    """

    facts: Facts
    machine: Machine
    counts: bool


class ComponentMachines:
    """Makes the machines of components of one schema.

    relaxed: tests that are not regular are left out instead of narrowed.

    Attributes:
        narrowed: in words, the narrowing of tests that are not regular.
    """

    def __init__(self, normaliser: Normaliser, keys: Keys, *, relaxed: bool = False) -> None:
        self.normaliser = normaliser
        self.narrowed: dict[str, None] = {}
        self._keys = keys
        self._relaxed = relaxed

    def machine(self, facts: Facts, most_items: int | None) -> Machine:
        """The arrays and objects of a component.

        most_items: the most items that a text can hold, or None; larger `maxItems` do not count.
        """
        machine = Machine()
        arrays = ArrayMachines(
            machine, END, self.normaliser, self._relaxed, most_items, self.narrowed
        )
        for array in facts.arrays:
            arrays.add(START, array)
        objects = ObjectMachines(
            machine, END, self.normaliser, self._keys, self._relaxed, self.narrowed
        )
        for each in facts.objects:
            objects.add(START, each)
        return machine


class ComponentGraph:
    """The components that are reachable from `root`, with their cycles.

    Attributes:
        components: by conjunction, in the order in which they are found.
        back_edges: pairs (from, to) that every cycle has at least one of.
        cycle: for each component that is on a cycle, a number shared by the components that
            reach each other.
    """

    def __init__(
        self, machines: ComponentMachines, root: Conjunction, check_limits: Callable[[int], None]
    ) -> None:
        self._machines = machines
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
            children = dict.fromkeys(self.components[node].machine.values())
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
        facts = self._machines.normaliser.facts(node)
        counts = any(map(_counts, facts.arrays))
        return Component(facts, self._machines.machine(facts, FEW_ITEMS), counts)


def _counts(facts: ArrayFacts) -> bool:
    return any(
        each.max_items is not None and each.max_items >= FEW_ITEMS
        for each in (facts, *facts.denied)
    )
