"""Compiling: from the component graph of a schema to one minimal byte automaton."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn

from ...automata import ByteAutomaton
from ...errors import (
    ConstrainedDiffusionError,
    LimitError,
    UnsatisfiableError,
    UnsupportedSchemaError,
)
from .acceptor import Acceptor
from .assembly import Assembly
from .components import ComponentGraph, ComponentMachines
from .facts import Bound, NumberFacts, StringFacts
from .keys import Keys
from .layout import FLEXIBLE, Whitespace, layout_of
from .machines import Item, Machine, Member
from .multiples import NARROWED_NUMBERS
from .normalise import Conjunction, Normaliser
from .numbers import number_language
from .reading import Reader
from .registry import Registry
from .source import schema_of
from .strings import length_language, other_keys, string_language
from .time_limit import check_time, time_limit
from .unrolling import OPEN, Shortest, Unrolling
from .unsatisfiable import why_empty

DEFAULT_MAX_DEPTH = 3
PREFERRED_STATES = 20_000
DEFAULT_MAX_STATES = 200_000
LARGEST_ESTIMATE = 40_000
MAX_LEVELS = 12
LEVELS_AFTER_FAILURE = (2, 1, 0)
LONGEST = (1_000, 100, 30)
"""The most characters that are counted in a string; less where the automaton is too large."""
MAX_COMPONENTS = 100_000

KEY_ORDER = "the keys of objects stand in the order of the schema, keys without a name there last"


@dataclass(frozen=True)
class CompiledSchema:
    """The JSON texts of a schema.

    automaton: every text in it is valid against the schema.
    bounds: in words, all by which it holds fewer texts than are valid; spellings of JSON that
        `canonical_text` maps to the one spelling are not mentioned.
    complete: False if it is narrowed since a test is not regular (`uniqueItems` and the like).
        `acceptor_of` tells more.
    """

    automaton: ByteAutomaton
    bounds: tuple[str, ...]
    complete: bool = True


def compile_schema(
    schema: Any,
    *,
    whitespace: Whitespace = "compact",
    open_objects: bool | None = None,
    max_depth: int | None = None,
    max_states: int = DEFAULT_MAX_STATES,
    capacity: int | None = None,
    registry: Registry | None = None,
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
        registry: schemas by URI, for references out of the document. Nothing else is ever read.

    Raises:
        SchemaError: `schema` is no JSON Schema.
        UnsupportedSchemaError: a keyword that cannot be honoured.
        UnsatisfiableError: no value satisfies the schema.
        LimitError: over `max_states`, or over 12 seconds.
    """
    if max_depth is not None and max_depth < 1:
        raise ConstrainedDiffusionError(f"max_depth is a whole number from 1 on, got {max_depth}")
    _load_kernels()
    normaliser = _normaliser_of(schema, open_objects, registry)
    with time_limit():
        compiler = _Compiler(normaliser, whitespace, max_states, capacity)
        return compiler.compile(max_depth)


def acceptor_of(
    schema: Any,
    *,
    open_objects: bool | None = None,
    max_states: int = DEFAULT_MAX_STATES,
    capacity: int = 4096,
    registry: Registry | None = None,
) -> Acceptor:
    """What judges texts of at most `capacity` bytes, however deep they nest.

    Arguments and errors are those of `compile_schema`.
    """
    normaliser = _normaliser_of(schema, open_objects, registry)
    return Acceptor(normaliser, capacity=capacity, max_states=max_states)


def _normaliser_of(schema: Any, open_objects: bool | None, registry: Registry | None) -> Normaliser:
    raw, adapter = schema_of(schema)
    if open_objects is None:
        open_objects = adapter is None
    return Normaliser(Reader(raw, registry), open_objects=open_objects)


@lru_cache(maxsize=1)
def _load_kernels() -> None:
    """Runs every kernel once: on first use they are compiled, which is not the schema's time."""
    other_keys(frozenset(("a",)), DEFAULT_MAX_STATES)
    number_language(NumberFacts(lower=Bound(Fraction(0)), upper=Bound(Fraction(1))))
    length_language(1, 2, DEFAULT_MAX_STATES)


class _Compiler:
    def __init__(
        self,
        normaliser: Normaliser,
        whitespace: Whitespace,
        max_states: int,
        capacity: int | None,
    ) -> None:
        self._normaliser = normaliser
        self._layout = layout_of(whitespace)
        self._max_states = max_states
        self._capacity = capacity
        keys = Keys(normaliser, capacity=capacity, max_states=max_states)
        root = normaliser.conjunction([normaliser.reader.root])
        self._made = ComponentMachines(normaliser, keys)
        self._graph = ComponentGraph(self._made, root, self._check_limits)
        self._longest = LONGEST[0]
        self._scalars = self._all_scalars()
        self._shortest = Shortest(self._graph, self._scalars)

    def compile(self, max_depth: int | None) -> CompiledSchema:
        if not self._shortest.exists(self._graph.root):
            self._explain_empty()
        self._machines = {name: self._machine(name) for name in self._graph.components}
        unrolling = self._unroll(max_depth)
        if not unrolling.exists(unrolling.root):
            raise LimitError(
                "no value of the schema ends its recursion within "
                f"max_depth={unrolling.max_depth} repetitions; raise max_depth"
            )
        automaton, unrolling = self._assembled(unrolling)
        if automaton.is_empty:
            self._explain_empty()
        return CompiledSchema(automaton, self._bounds(unrolling), not self._made.narrowed)

    def _assembled(self, unrolling: Unrolling) -> tuple[ByteAutomaton, Unrolling]:
        """The automaton, and the unrolling that it is of: a smaller one where it grew too large."""
        smaller = iter(LEVELS_AFTER_FAILURE)
        while True:
            assembly = Assembly(
                self._graph,
                unrolling,
                self._scalars,
                layout=self._layout,
                max_states=self._max_states,
                check_limits=self._check_limits,
            )
            try:
                return assembly.automaton(), unrolling
            except LimitError:
                levels = next(smaller, None)
                if levels is None:
                    raise
                check_time()
                unrolling = self._unrolling(1, levels)

    def _machine(self, name: Conjunction) -> Machine:
        """The final machine of a component, which counts as many items as a text can hold."""
        component = self._graph.components[name]
        if not component.counts:
            return component.machine
        self._check_limits()
        most = None
        if self._capacity is not None:
            items = [
                label.value for _, label, _ in component.machine.edges if isinstance(label, Item)
            ]
            least = min((self._shortest[item] for item in items), default=math.inf)
            # The brackets, and a comma after each item but the last.
            most = max(int((self._capacity - 1) / (least + 1)), 0) if least < math.inf else 0
        return self._made.machine(component.facts, most)

    def _explain_empty(self) -> NoReturn:
        narrowed = [note for note in self._normaliser.notes if note in NARROWED_NUMBERS]
        narrowed += self._made.narrowed
        if narrowed:
            keyword = "uniqueItems" if self._made.narrowed else "multipleOf"
            raise UnsupportedSchemaError(
                f"no value is left after narrowing: {'; '.join(narrowed)}", "", keyword
            )
        if not self._shortest.exists(self._graph.root):
            raise UnsatisfiableError(why_empty(self._graph, self._shortest, self._normaliser))
        raise UnsatisfiableError(
            "no value satisfies the schema: the numbers of items or keys that its keywords demand "
            "contradict each other"
        )

    def _check_limits(self, components: int = 0) -> None:
        if components > MAX_COMPONENTS:
            raise LimitError(
                f"the schema has more than {MAX_COMPONENTS:,} combinations of subschemas that hold "
                "together; use fewer branches in anyOf and oneOf"
            )
        check_time()

    def _unroll(self, max_depth: int | None) -> Unrolling:
        """The deepest unrolling whose automaton is not too large."""
        most = self._max_states
        if max_depth is None:
            max_depth, most = DEFAULT_MAX_DEPTH, min(most, PREFERRED_STATES)
        for depth in range(max_depth, 0, -1):
            unrolling = self._unrolling(depth)
            size = unrolling.size()
            if size <= most or not unrolling.cut:
                break
        # The estimate counts states that turn out to be equal.
        largest = min(2 * self._max_states, LARGEST_ESTIMATE)
        for self._longest in LONGEST[1:]:
            if size <= largest:
                return unrolling
            self._scalars = self._all_scalars()
            unrolling = self._unrolling(unrolling.max_depth)
            size = unrolling.size()
        return unrolling if size <= largest else self._prune()

    def _prune(self) -> Unrolling:
        """The unrolling with the most levels whose automaton is not too large."""
        fitting = None
        for levels in range(MAX_LEVELS):
            self._check_limits()
            unrolling = self._unrolling(1, levels)
            size = unrolling.size()
            if size > (PREFERRED_STATES if fitting else 2 * self._max_states):
                break
            fitting = unrolling
        if fitting is None:
            raise LimitError(
                f"the automaton of the schema has about {size:,} states even without what it does "
                "not require; lower maxLength and maxItems, or use fewer keys and enum values"
            )
        return fitting

    def _unrolling(self, depth: int, levels: int | None = None) -> Unrolling:
        return Unrolling(self._graph, self._machines, self._scalars, self._shortest, depth, levels)

    def _all_scalars(self) -> dict[Conjunction, tuple[ByteAutomaton, ...]]:
        return {name: self._scalar_automata(name) for name in self._graph.components}

    def _scalar_automata(self, name: Conjunction) -> tuple[ByteAutomaton, ...]:
        """The automata of the strings and numbers of a component."""
        self._check_limits()
        facts = self._graph.components[name].facts
        languages = [number_language(each) for each in facts.numbers]
        for strings in facts.strings:
            self._check_limits()
            languages.append(
                string_language(
                    self._shorter(strings), capacity=self._capacity, max_states=self._max_states
                )
            )
        self._normaliser.notes.update(
            dict.fromkeys(note for _, notes in languages for note in notes)
        )
        return tuple(automaton for automaton, _ in languages)

    def _shorter(self, facts: StringFacts) -> StringFacts:
        """`facts` with no larger `maxLength` than is counted."""
        most = max(self._longest, facts.min_length)
        longest = facts.max_length
        if longest is None or longest <= most:
            return facts
        if self._capacity is not None and longest + 3 > self._capacity:
            return facts  # it is not counted anyway
        self._normaliser.notes[
            f"strings whose maxLength is more than {self._longest:,} have at most so many "
            "characters"
        ] = None
        return replace(facts, max_length=most)

    def _bounds(self, unrolling: Unrolling) -> tuple[str, ...]:
        notes = dict(self._normaliser.notes) | self._made.narrowed
        if any(
            len({label.key for _, label, _ in machine.edges if isinstance(label, Member)}) > 1
            for machine in self._machines.values()
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
        if unrolling.is_pruned:
            notes[
                f"below {unrolling.levels} levels of arrays and objects, only those stand that "
                "the schema requires: with all others the automaton would be too large"
            ] = None
        if self._layout.name == "flexible":
            notes[FLEXIBLE] = None
        return tuple(notes)
