"""Compiling: from the component graph of a schema to one minimal byte automaton."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from ...automata import ByteAutomaton, NfaBuilder
from ...errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from .assemble import Parts, add_array, add_object
from .assembled import AUTOMATA
from .components import ArrayComponent, ComponentGraph, ObjectComponent
from .facts import Bound, NumberFacts
from .layout import FLEXIBLE, Whitespace, layout_of
from .normalise import Conjunction, Normaliser
from .numbers import number_language
from .reading import Reader
from .source import schema_of
from .strings import length_language, other_keys, string_language
from .unrolling import OPEN, Node, Shortest, Unrolling
from .unsatisfiable import why_empty

DEFAULT_MAX_DEPTH = 3
DEFAULT_MAX_STATES = 200_000
MAX_COMPONENTS = 100_000
MAX_SECONDS = 20.0

KEY_ORDER = "the keys of objects stand in the order of the schema, keys without a name there last"


@dataclass(frozen=True)
class CompiledSchema:
    """The JSON texts of a schema.

    automaton: every text in it is valid against the schema.
    bounds: in words, all by which it holds fewer texts than are valid; spellings of JSON that
        `canonical_text` maps to the one spelling are not mentioned.
    """

    automaton: ByteAutomaton
    bounds: tuple[str, ...]


def compile_schema(
    schema: object,
    *,
    whitespace: Whitespace = "compact",
    open_objects: bool | None = None,
    max_depth: int = DEFAULT_MAX_DEPTH,
    max_states: int = DEFAULT_MAX_STATES,
    capacity: int | None = None,
) -> CompiledSchema:
    """The byte automaton of the JSON texts that are valid against `schema`.

    Args:
        schema: a dict or a bool; also anything else that `schema_of` takes.
        whitespace: "compact" (none), "spaced" (as `json.dumps` by default), or "flexible".
        open_objects: may an object that says nothing of `additionalProperties` hold more keys?
            None: yes for schemas, no for Python types.
        max_depth: how many levels of arrays and objects a value that the schema leaves open may
            have, and how often recursion may repeat. Lowered, and said so in `bounds`, where the
            automaton would otherwise exceed `max_states`.
        max_states: bound on the states of every automaton.
        capacity: the most bytes that a text can have, or None. Counters (`maxLength`, `maxItems`)
            that no text of that size can exceed are dropped: longer texts may be accepted.

    Raises:
        SchemaError: `schema` is no JSON Schema.
        UnsupportedSchemaError: a keyword that cannot be honoured.
        UnsatisfiableError: no value satisfies the schema.
        LimitError: over `max_states`, or over 20 seconds.
    """
    if max_depth < 1:
        raise ConstrainedDiffusionError(f"max_depth is a whole number from 1 on, got {max_depth}")
    raw, adapter = schema_of(schema)
    if open_objects is None:
        open_objects = adapter is None
    _load_kernels()
    reader = Reader(raw)
    normaliser = Normaliser(reader, open_objects=open_objects)
    return _Compiler(reader, normaliser, whitespace, max_states, capacity).compile(max_depth)


@lru_cache(maxsize=1)
def _load_kernels() -> None:
    """Runs every kernel once: on first use they are compiled, which is not the schema's time."""
    other_keys(frozenset(("a",)), DEFAULT_MAX_STATES)
    number_language(NumberFacts(lower=Bound(Fraction(0)), upper=Bound(Fraction(1))))
    length_language(1, 2, DEFAULT_MAX_STATES)


class _Compiler:
    def __init__(
        self,
        reader: Reader,
        normaliser: Normaliser,
        whitespace: Whitespace,
        max_states: int,
        capacity: int | None,
    ) -> None:
        self._deadline = time.monotonic() + MAX_SECONDS
        self._reader = reader
        self._layout = layout_of(whitespace)
        self._max_states = max_states
        self._capacity = capacity
        self._notes: dict[str, None] = {}
        root = normaliser.conjunction([reader.root])
        self._graph = ComponentGraph(normaliser, root, self._check_limits)
        self._scalars = {name: self._scalar_automata(name) for name in self._graph.components}
        self._shortest = Shortest(self._graph, self._scalars)
        self._automata: dict[Node, ByteAutomaton] = {}

    def compile(self, max_depth: int) -> CompiledSchema:
        if not self._shortest.exists(self._graph.root):
            raise UnsatisfiableError(why_empty(self._graph, self._shortest, self._reader))
        unrolling = self._unroll(max_depth)
        for node in unrolling.bottom_up():
            self._check_limits(0)
            self._automata[node] = self._automaton(node, unrolling)
        automaton = self._automata[unrolling.root]
        if automaton.is_empty:
            raise LimitError(
                f"no value of the schema ends its recursion within max_depth={max_depth} "
                "repetitions; raise max_depth"
            )
        return CompiledSchema(automaton, self._bounds(unrolling))

    def _check_limits(self, components: int) -> None:
        if components > MAX_COMPONENTS:
            raise LimitError(
                f"the schema has more than {MAX_COMPONENTS:,} combinations of subschemas that hold "
                "together; use fewer branches in anyOf"
            )
        if time.monotonic() > self._deadline:
            raise LimitError(
                f"compiling the schema takes more than {MAX_SECONDS:g} seconds; lower max_depth, "
                "maxLength and maxItems, or close objects with additionalProperties"
            )

    def _unroll(self, max_depth: int) -> Unrolling:
        """The deepest unrolling whose automaton is not too large."""
        for depth in range(max_depth, 0, -1):
            unrolling = Unrolling(self._graph, self._scalars, self._shortest, depth)
            size = unrolling.size()
            if size <= self._max_states or not unrolling.cut:
                break
        if size > 2 * self._max_states:
            raise LimitError(
                f"the automaton of the schema has about {size:,} states, more than "
                f"{self._max_states:,}; raise max_states, or lower maxLength and maxItems"
            )
        return unrolling

    def _scalar_automata(self, name: Conjunction) -> tuple[ByteAutomaton, ...]:
        """The automata of the strings and numbers of a component."""
        self._check_limits(0)
        facts = self._graph.components[name].facts
        languages = [number_language(each) for each in facts.numbers]
        for strings in facts.strings:
            languages.append(
                string_language(strings, capacity=self._capacity, max_states=self._max_states)
            )
        self._notes.update(dict.fromkeys(note for _, notes in languages for note in notes))
        return tuple(automaton for automaton, _ in languages)

    def _automaton(self, node: Node, unrolling: Unrolling) -> ByteAutomaton:
        """The automaton of a node, whose children have theirs."""
        facts = self._graph.components[node.component].facts
        scalars = self._scalars[node.component]
        arrays, objects = unrolling.containers(node)
        if not facts.literals and not arrays and not objects and len(scalars) == 1:
            return scalars[0]
        arrays = tuple(self._without_idle_counter(array) for array in arrays)

        def part(component: Conjunction) -> ByteAutomaton | None:
            child = unrolling.child(node, component)
            automaton = None if child is None else self._automata[child]
            return None if automaton is None or automaton.is_empty else automaton

        def key(component: Conjunction) -> bytes | None:
            automaton = part(component)
            return None if automaton is None else automaton.key()

        # Schemas that differ in name only have the same shape, and so the same automaton.
        shape = (
            self._layout.name,
            self._max_states,
            facts.literals,
            tuple(scalar.key() for scalar in scalars),
            tuple(array.map(key) for array in arrays),
            tuple(each.map(key) for each in objects),
        )
        automaton = AUTOMATA.get(shape)
        if automaton is None:
            automaton = self._assemble(facts.literals, scalars, arrays, objects, part)
            AUTOMATA.put(shape, automaton)
        return automaton

    def _assemble(
        self,
        literals: tuple[str, ...],
        scalars: tuple[ByteAutomaton, ...],
        arrays: tuple[ArrayComponent, ...],
        objects: tuple[ObjectComponent, ...],
        part: Parts,
    ) -> ByteAutomaton:
        builder = NfaBuilder()
        start, end = builder.add_states(2), 1
        for literal in literals:
            builder.add_literal(start, literal.encode(), end)
        for scalar in scalars:
            builder.embed(scalar, start, end)
        for array in arrays:
            add_array(builder, start, array, end, part, self._layout)
        for each in objects:
            add_object(builder, start, each, end, part, self._layout, self._max_states)
        return builder.determinise(start, [end], max_states=self._max_states)

    def _without_idle_counter(self, array: ArrayComponent) -> ArrayComponent:
        """`array` without its largest number of items if no text is long enough to exceed it."""
        if self._capacity is None or array.max_items is None:
            return array
        exceeding = self._shortest.items(array, array.max_items + 1)
        return replace(array, max_items=None) if exceeding > self._capacity else array

    def _bounds(self, unrolling: Unrolling) -> tuple[str, ...]:
        notes = dict(self._notes)
        if any(
            len(each.members) > 1 or (each.members and self._shortest.exists(each.additional))
            for component in self._graph.components.values()
            for each in component.objects
        ):
            notes[KEY_ORDER] = None
        if OPEN in unrolling.cut:
            notes[
                "values that the schema leaves open have at most "
                f"{unrolling.max_depth} levels of arrays and objects"
            ] = None
        if unrolling.cut - {OPEN}:
            notes[
                f"recursive parts of the schema repeat at most {unrolling.max_depth} times "
                "inside themselves"
            ] = None
        if self._layout.name == "flexible":
            notes[FLEXIBLE] = None
        return tuple(notes)
