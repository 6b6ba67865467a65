"""Machines: the arrays and objects of one component, around the values that they hold.

A machine is a nondeterministic automaton whose edges read brackets, commas, keys and whole values.
The values are components themselves, so a machine says how a component is made of others without
saying what those are. Everything that is asked of arrays and objects is asked of machines: whether
any exist, how short they can be, how large their automaton is, and the automaton itself.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...automata import ByteAutomaton
from ...errors import LimitError
from .normalise import Conjunction
from .text import quote
from .time_limit import check_time

MAX_MACHINE_EDGES = 100_000


class Mark(NamedTuple):
    """A bracket or a comma. `tight`: a closing bracket right after the opening one."""

    text: bytes
    tight: bool = False


class Member(NamedTuple):
    """A key, its colon and its value. `key` is one name, or the language of several."""

    key: str | ByteAutomaton
    value: Conjunction

    def has_key(self, name: str) -> bool:
        """Whether the member can have this key."""
        if isinstance(self.key, str):
            return self.key == name
        return self.key.accepts(quote(name).encode(errors="surrogatepass"))


class Item(NamedTuple):
    """An item of an array. `part`: only the texts that this automaton also holds."""

    value: Conjunction
    part: ByteAutomaton | None = None


Label = Mark | Member | Item | None
"""What an edge reads; None for nothing."""

START, END = 0, 1


class Machine:
    """Edges (source, label, target) between the states START, END and those added."""

    def __init__(self) -> None:
        self.num_states = 2
        self.edges: list[tuple[int, Label, int]] = []
        self._incoming: list[list[int]] | None = None

    def add_state(self) -> int:
        self.num_states += 1
        return self.num_states - 1

    def add(self, source: int, label: Label, target: int) -> None:
        """Raises LimitError over `MAX_MACHINE_EDGES`."""
        if len(self.edges) >= MAX_MACHINE_EDGES:
            raise LimitError(
                "the arrays and objects of one subschema take more than "
                f"{MAX_MACHINE_EDGES:,} steps; lower minItems, maxItems, minProperties or "
                "maxProperties, or use fewer branches in oneOf"
            )
        self.edges.append((source, label, target))
        if len(self.edges) % 1024 == 0:
            check_time()

    def values(self) -> Iterator[Conjunction]:
        """The components that the machine reads, with repeats."""
        for _, label, _ in self.edges:
            if isinstance(label, Member | Item):
                yield label.value

    def shortest(self, length: Callable[[Conjunction], float]) -> float:
        """The fewest bytes from START to END; infinite where there is no way.

        length: the fewest bytes of a value of a component.
        """
        return self._search(length)[0]

    def shortest_path(self, length: Callable[[Conjunction], float]) -> frozenset[int]:
        """The numbers of the edges of one shortest way from START to END."""
        _, chosen = self._search(length)
        path, state = set(), START
        while state != END and state in chosen:
            path.add(chosen[state])
            state = self.edges[chosen[state]][2]
        return frozenset(path)

    def _search(self, length: Callable[[Conjunction], float]) -> tuple[float, dict[int, int]]:
        """Dijkstra from END back to START: the distance, and the best edge of each state."""
        if not self.edges:
            return math.inf, {}
        if self._incoming is None:
            self._incoming = [[] for _ in range(self.num_states)]
            for number, (_, _, target) in enumerate(self.edges):
                self._incoming[target].append(number)
        distance = [math.inf] * self.num_states
        distance[END] = 0
        chosen: dict[int, int] = {}
        waiting = [(0.0, END)]
        while waiting:
            so_far, state = heapq.heappop(waiting)
            if state == START:
                return so_far, chosen
            if so_far > distance[state]:
                continue
            for number in self._incoming[state]:
                source, label, _ = self.edges[number]
                longer = so_far + label_length(label, length)
                if longer < distance[source]:
                    distance[source] = longer
                    chosen[source] = number
                    heapq.heappush(waiting, (longer, source))
        return math.inf, {}

    def exists(self, exists: Callable[[Conjunction], bool]) -> bool:
        """Whether END can be reached over components that exist."""
        return self.shortest(lambda value: 0.0 if exists(value) else math.inf) < math.inf


def label_length(label: Label, length: Callable[[Conjunction], float]) -> float:
    """The fewest bytes that an edge reads."""
    if label is None:
        return 0
    if isinstance(label, Mark):
        return len(label.text)
    if isinstance(label, Item):
        return length(label.value)
    return key_length(label.key) + 1 + length(label.value)


def key_length(key: str | ByteAutomaton) -> int:
    """The fewest bytes of a key with its quotation marks."""
    if isinstance(key, str):
        return len(quote(key).encode(errors="replace"))
    return int(key.distance[0])
