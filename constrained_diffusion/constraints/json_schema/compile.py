"""Compiling: from the component graph of a schema to one minimal byte automaton."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ...automata import ByteAutomaton
from ...errors import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from .assembly import Assembly
from .components import ComponentGraph
from .facts import Bound, NumberFacts
from .layout import FLEXIBLE, Whitespace, layout_of
from .normalise import Conjunction, Normaliser
from .numbers import number_language
from .reading import Reader
from .source import schema_of
from .strings import length_language, other_keys, string_language
from .unrolling import OPEN, Shortest, Unrolling
from .unsatisfiable import why_empty

DEFAULT_MAX_DEPTH = 3
PREFERRED_STATES = 20_000
DEFAULT_MAX_STATES = 200_000
MAX_COMPONENTS = 100_000
MAX_SECONDS = 15.0

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
    schema: Any,
    *,
    whitespace: Whitespace = "compact",
    open_objects: bool | None = None,
    max_depth: int | None = None,
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
            have, and how often recursion may repeat. None: 3, or the 2 or 1 that keep the
            automaton to some 20,000 states. A number is lowered only where the automaton would
            otherwise exceed `max_states`. `bounds` says what was taken.
        max_states: bound on the states of every automaton.
        capacity: the most bytes that a text can have, or None. Counters (`maxLength`, `maxItems`)
            that no text of that size can exceed are dropped: longer texts may be accepted.

    Raises:
        SchemaError: `schema` is no JSON Schema.
        UnsupportedSchemaError: a keyword that cannot be honoured.
        UnsatisfiableError: no value satisfies the schema.
        LimitError: over `max_states`, or over 15 seconds.
    """
    if max_depth is not None and max_depth < 1:
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

    def compile(self, max_depth: int | None) -> CompiledSchema:
        if not self._shortest.exists(self._graph.root):
            raise UnsatisfiableError(why_empty(self._graph, self._shortest, self._reader))
        unrolling = self._unroll(max_depth)
        if not unrolling.exists(unrolling.root):
            raise LimitError(
                "no value of the schema ends its recursion within "
                f"max_depth={unrolling.max_depth} repetitions; raise max_depth"
            )
        assembly = Assembly(
            self._graph,
            unrolling,
            self._scalars,
            layout=self._layout,
            max_states=self._max_states,
            check_limits=self._check_limits,
        )
        return CompiledSchema(assembly.automaton(), self._bounds(unrolling))

    def _check_limits(self, components: int = 0) -> None:
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

    def _unroll(self, max_depth: int | None) -> Unrolling:
        """The deepest unrolling whose automaton is not too large."""
        most = self._max_states
        if max_depth is None:
            max_depth, most = DEFAULT_MAX_DEPTH, min(most, PREFERRED_STATES)
        for depth in range(max_depth, 0, -1):
            unrolling = Unrolling(self._graph, self._scalars, self._shortest, depth, self._capacity)
            size = unrolling.size()
            if size <= most or not unrolling.cut:
                break
        if size > 2 * self._max_states:
            raise LimitError(
                f"the automaton of the schema has about {size:,} states, more than "
                f"{self._max_states:,}; raise max_states, or lower maxLength and maxItems"
            )
        return unrolling

    def _scalar_automata(self, name: Conjunction) -> tuple[ByteAutomaton, ...]:
        """The automata of the strings and numbers of a component."""
        self._check_limits()
        facts = self._graph.components[name].facts
        languages = [number_language(each) for each in facts.numbers]
        for strings in facts.strings:
            languages.append(
                string_language(strings, capacity=self._capacity, max_states=self._max_states)
            )
        self._notes.update(dict.fromkeys(note for _, notes in languages for note in notes))
        return tuple(automaton for automaton, _ in languages)

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
