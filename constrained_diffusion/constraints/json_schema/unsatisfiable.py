"""Why no value satisfies a schema, in words, for the error message."""

from __future__ import annotations

from .components import NEVER, ArrayComponent, ComponentGraph, ObjectComponent
from .facts import StringFacts
from .normalise import Conjunction
from .numbers import describe
from .reading import Reader
from .unrolling import Shortest


def why_empty(graph: ComponentGraph, shortest: Shortest, reader: Reader) -> str:
    """Where the schema contradicts itself: the innermost place that has no value."""
    return "no value satisfies the schema: " + _Explanation(graph, shortest, reader).of(graph.root)


class _Explanation:
    def __init__(self, graph: ComponentGraph, shortest: Shortest, reader: Reader) -> None:
        self._graph = graph
        self._shortest = shortest
        self._reader = reader
        self._seen: set[Conjunction] = set()

    def of(self, name: Conjunction) -> str:
        """Why the component `name` has no value."""
        if name == NEVER:
            return "the schema false allows no value"
        if name in self._seen:
            return f"recursion at {self._place(name)} never ends"
        self._seen.add(name)
        component = self._graph.components[name]
        reasons = []
        for numbers in component.facts.numbers:
            reasons.append(f"no number is {describe(numbers)}")
        for strings in component.facts.strings:
            reasons.append(f"no string has {_string_tests(strings)}")
        for array in component.arrays:
            reasons.append(self._array(array))
        for each in component.objects:
            reasons.append(self._object(each))
        if not reasons:
            reasons.append(f"{self._keywords(name)} contradict each other: no type is left")
        innermost = next((reason for reason in reasons if "(at " in reason), None)
        if innermost is not None and len(reasons) == 1:
            return innermost
        return f"{'; '.join(reasons)} (at {self._place(name)})"

    def _array(self, array: ArrayComponent) -> str:
        if array.max_items is not None and array.min_items > array.max_items:
            return f"minItems {array.min_items} is more than maxItems {array.max_items}"
        position = next(
            position
            for position in range(array.min_items)
            if not self._shortest.exists(array.item(position))
        )
        return f"item {position}, which minItems demands, has no value: " + self.of(
            array.item(position)
        )

    def _object(self, each: ObjectComponent) -> str:
        member = next(
            member
            for member in each.members
            if member.required and not self._shortest.exists(member.value)
        )
        return f"the required key {member.name!r} has no value: {self.of(member.value)}"

    def _place(self, name: Conjunction) -> str:
        pointers = [self._reader.pointer(schema) or "the root" for schema in name]
        return " and ".join(pointers) or "the root"

    def _keywords(self, name: Conjunction) -> str:
        words = [
            f"{keyword} of {self._reader.pointer(schema) or 'the root'}"
            for schema in name
            for keyword in self._reader.read(schema).keywords
        ]
        return ", ".join(words)


def _string_tests(facts: StringFacts) -> str:
    words = []
    if facts.values is not None:
        words.append(f"a value out of {list(facts.values)[:5]}")
    words += [f"the pattern {pattern!r}" for pattern, _ in facts.patterns]
    words += [f"the format {name!r}" for name in facts.formats]
    if facts.min_length:
        words.append(f"minLength {facts.min_length}")
    if facts.max_length is not None:
        words.append(f"maxLength {facts.max_length}")
    return " and ".join(words)
