"""Assembling all nodes of an unrolled schema into one automaton."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

from ...automata import ByteAutomaton, NfaBuilder, algebra
from .automaton_cache import AUTOMATA, size
from .components import ComponentGraph
from .layout import Layout
from .machines import Item, Label, Mark, Member
from .normalise import Conjunction
from .text import quote
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
        self._keys: dict[Node, bytes] = {}
        self._uses = Counter[bytes]()
        self._intersected: set[bytes] = set()
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
            used_in_place = self._uses[key] < 2 or not self._unrolling.machine(node).edges
            if node != root and used_in_place and key not in self._intersected:
                continue
            automaton = AUTOMATA.get(key)
            if not isinstance(automaton, ByteAutomaton):
                self._check_limits()
                automaton = self._determinised(node)
                AUTOMATA.put(key, automaton, size(automaton))
            self._automata[key] = automaton
        return self._automata[self._keys[root]]

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

        edges: list[tuple[object, ...]] = []
        for source, label, target in self._unrolling.machine(node).edges:
            if isinstance(label, Member):
                name = label.key if isinstance(label.key, str) else label.key.key()
                edges.append((source, name, key(label.value), target))
            elif isinstance(label, Item):
                value = key(label.value)
                if label.part is not None and value is not None:
                    self._intersected.add(value)
                part = None if label.part is None else label.part.key()
                edges.append((source, part, value, target))
            else:
                edges.append((source, label, target))
        shape = (
            self._layout.name,
            self._max_states,
            self._graph.components[node.component].facts.literals,
            tuple(scalar.key() for scalar in self._scalars[node.component]),
            edges,
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

        for literal in self._graph.components[node.component].facts.literals:
            builder.add_literal(source, literal.encode(), target)
        for scalar in self._scalars[node.component]:
            builder.embed(scalar, source, target)
        machine = self._unrolling.machine(node)
        if not machine.edges:
            return
        first = builder.add_states(machine.num_states - 2)
        state = [source, target, *range(first, first + machine.num_states - 2)]
        for begin, label, end in machine.edges:
            self._add_edge(builder, node, state[begin], label, state[end], places)

    def _add_edge(
        self,
        builder: NfaBuilder,
        node: Node,
        source: int,
        label: Label,
        target: int,
        places: list[_Place],
    ) -> None:
        if label is None:
            builder.add_epsilon(source, target)
            return
        if isinstance(label, Mark):
            self._add_mark(builder, source, label, target)
            return
        child = self._unrolling.part(node, label.value)
        if child is None:
            return
        if isinstance(label, Member):
            colon, begin = builder.add_state(), builder.add_state()
            if isinstance(label.key, str):
                builder.add_literal(source, quote(label.key).encode(), colon)
            else:
                builder.embed(label.key, source, colon)
            self._layout.add_colon(builder, colon, begin)
            source = begin
        automaton = self._automata.get(self._keys[child])
        if automaton is None:
            places.append((child, source, target))
        elif isinstance(label, Item) and label.part is not None:
            part = algebra.intersect(automaton, label.part, max_states=self._max_states)
            builder.embed(part, source, target)
        else:
            builder.embed(automaton, source, target)

    def _add_mark(self, builder: NfaBuilder, source: int, mark: Mark, target: int) -> None:
        if mark.tight:
            builder.add_literal(source, mark.text, target)
        elif mark.text == b",":
            self._layout.add_comma(builder, source, target)
        elif mark.text in (b"{", b"["):
            self._layout.add(builder, source, mark.text, target)
        else:
            self._layout.add_close(builder, source, mark.text, target)
