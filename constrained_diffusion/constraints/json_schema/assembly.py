"""Assembling all nodes of an unrolled schema into one automaton."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

from ...automata import ByteAutomaton, NfaBuilder
from .automaton_cache import AUTOMATA
from .components import ComponentGraph
from .containers import ObjectStates, Part, add_array
from .layout import Layout
from .normalise import Conjunction
from .unrolling import Node, Unrolling

_Place = tuple[Node, int, int]
"""A node, and the two states between which its values are still to be added."""


class Assembly:
    """Builds the automaton of an unrolling.

    Nodes that are used once are added to the nondeterministic automaton of the node around them,
    so that each state is determinised once. Nodes that are used more often are determinised by
    themselves, and copied.
    """

    def __init__(
        self,
        graph: ComponentGraph,
        unrolling: Unrolling,
        scalars: dict[Conjunction, tuple[ByteAutomaton, ...]],
        *,
        layout: Layout,
        max_states: int,
        check_limits: Callable[[], None],
    ) -> None:
        self._graph = graph
        self._unrolling = unrolling
        self._scalars = scalars
        self._layout = layout
        self._max_states = max_states
        self._check_limits = check_limits
        self._containers = {node: unrolling.containers(node) for node in unrolling.nodes}
        self._keys: dict[Node, bytes] = {}
        self._uses = Counter[bytes]()
        for node in unrolling.nodes:
            self._keys[node] = self._key(node)
        self._automata: dict[bytes, ByteAutomaton] = {}

    def automaton(self) -> ByteAutomaton:
        """The automaton of the root."""
        root = self._unrolling.root
        for node in self._unrolling.nodes:
            key = self._keys[node]
            if key in self._automata or not self._unrolling.exists(node):
                continue
            if node != root and (self._uses[key] < 2 or self._is_scalar(node)):
                continue
            automaton = AUTOMATA.get(key)
            if automaton is None:
                self._check_limits()
                automaton = self._determinised(node)
                AUTOMATA.put(key, automaton)
            self._automata[key] = automaton
        return self._automata[self._keys[root]]

    def _is_scalar(self, node: Node) -> bool:
        return self._containers[node] == ((), ())

    def _key(self, node: Node) -> bytes:
        """A hash of all that the automaton of a node depends on; counts the uses of its parts.

        Schemas that differ in name only have the same key, and so the same automaton.
        """
        used: list[bytes] = []

        def key(component: Conjunction) -> bytes | None:
            child = self._unrolling.part(node, component)
            if child is None:
                return None
            used.append(self._keys[child])
            return used[-1]

        arrays, objects = self._containers[node]
        for array in arrays:
            # The item after the prefix is copied for every number that is counted.
            if max(array.min_items, array.max_items or 0) > len(array.prefix) + 1:
                key(array.rest)
        shape = (
            self._layout.name,
            self._max_states,
            self._graph.components[node.component].facts.literals,
            tuple(scalar.key() for scalar in self._scalars[node.component]),
            tuple(array.map(key) for array in arrays),
            tuple(each.map(key) for each in objects),
        )
        digest = hashlib.blake2b(repr(shape).encode(errors="surrogatepass"), digest_size=32)
        if digest.digest() not in self._uses:
            self._uses.update(used)
            self._uses[digest.digest()] += 0
        return digest.digest()

    def _determinised(self, node: Node) -> ByteAutomaton:
        builder = NfaBuilder()
        start, end = builder.add_states(2), 1
        places: list[_Place] = [(node, start, end)]
        while places:
            self._add(builder, *places.pop(), places)
        return builder.determinise(start, [end], max_states=self._max_states)

    def _add(
        self, builder: NfaBuilder, node: Node, source: int, target: int, places: list[_Place]
    ) -> None:
        """Adds the values of a node between two states, or notes that parts are to be added."""

        def part(component: Conjunction) -> Part | None:
            child = self._unrolling.part(node, component)
            if child is None:
                return None
            automaton = self._automata.get(self._keys[child])
            if automaton is None:
                return Part(self._keys[child], lambda *between: places.append((child, *between)))
            return Part(self._keys[child], lambda *between: builder.embed(automaton, *between))

        for literal in self._graph.components[node.component].facts.literals:
            builder.add_literal(source, literal.encode(), target)
        for scalar in self._scalars[node.component]:
            builder.embed(scalar, source, target)
        arrays, objects = self._containers[node]
        for array in arrays:
            add_array(builder, source, array, target, part, self._layout)
        if objects:
            states = ObjectStates(builder, target, part, self._layout, self._max_states)
            for each in objects:
                states.add(source, each)
