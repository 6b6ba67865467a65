"""Why no value satisfies a schema, in words, for the error message."""

from __future__ import annotations

from .components import NEVER, ComponentGraph
from .facts import ArrayFacts, ObjectFacts, StringFacts
from .normalise import Conjunction, Normaliser
from .numbers import describe
from .reading import NOTHING
from .unrolling import Shortest

MAX_KEYWORDS = 12


def why_empty(graph: ComponentGraph, shortest: Shortest, normaliser: Normaliser) -> str:
    """Where the schema contradicts itself: the innermost place that has no value."""
    explanation = _Explanation(graph, shortest, normaliser)
    return "no value satisfies the schema: " + explanation.of(graph.root)


class _Explanation:
    def __init__(self, graph: ComponentGraph, shortest: Shortest, normaliser: Normaliser) -> None:
        self._graph = graph
        self._shortest = shortest
        self._normaliser = normaliser
        self._reader = normaliser.reader
        self._seen: set[Conjunction] = set()

    def of(self, name: Conjunction) -> str:
        """Why the component `name` has no value."""
        if name == NEVER:
            return "the schema false, or a contradiction, allows no value"
        if name in self._seen:
            return f"recursion at {self._place(name)} never ends"
        self._seen.add(name)
        component = self._graph.components.get(name)
        if component is None:
            return f"{self._keywords(name)} contradict each other (at {self._place(name)})"
        facts = component.facts
        reasons = []
        for numbers in facts.numbers:
            reasons.append(f"no number satisfies {describe(numbers)}")
        for strings in facts.strings:
            reasons.append(f"no string has {_string_tests(strings)}")
        for array in facts.arrays:
            reasons.append(self._array(array) or f"no array satisfies {self._keywords(name)}")
        for each in facts.objects:
            reasons.append(self._object(each) or f"no object satisfies {self._keywords(name)}")
        if not reasons:
            reasons.append(f"{self._keywords(name)} contradict each other: no type is left")
        innermost = next((reason for reason in reasons if "(at " in reason), None)
        if innermost is not None and len(reasons) == 1:
            return innermost
        return f"{'; '.join(dict.fromkeys(reasons))} (at {self._place(name)})"

    def _array(self, array: ArrayFacts) -> str:
        if array.max_items is not None and array.min_items > array.max_items:
            return f"minItems {array.min_items} is more than maxItems {array.max_items}"
        for position in range(array.min_items):
            item = self._normaliser.conjunction(
                group.prefix[position] if position < len(group.prefix) else group.rest
                for group in array.groups
            )
            if not self._exists(item):
                return f"item {position}, which minItems demands, has no value: {self.of(item)}"
            if position >= max((len(group.prefix) for group in array.groups), default=0):
                break
        return ""

    def _object(self, each: ObjectFacts) -> str:
        if each.max_properties is not None and not each.is_possible:
            return (
                f"maxProperties {each.max_properties} is less than minProperties or the number of "
                "required keys"
            )
        for name in each.required:
            schemas: list[int] = []
            for group in each.groups:
                declared = dict(group.properties).get(name)
                if declared is not None:
                    schemas.append(declared)
                elif group.additional is not None and not group.patterns:
                    schemas.append(group.additional)
            value = self._normaliser.conjunction(schemas)
            if value == NEVER:
                return f"the required key {name!r} is forbidden"
            if not self._exists(value):
                return f"the required key {name!r} has no value: {self.of(value)}"
        return ""

    def _exists(self, name: Conjunction) -> bool:
        if name in self._graph.components:
            return self._shortest.exists(name)
        return self._normaliser.facts(name).is_possible

    def _place(self, name: Conjunction) -> str:
        pointers = [
            self._reader.pointer(number) or "the root"
            for number in map(_positive, name)
            if not self._normaliser.is_made(number)
        ]
        return " and ".join(dict.fromkeys(pointers)) or "the root"

    def _keywords(self, name: Conjunction) -> str:
        words = []
        for number in map(_positive, name):
            if number == NOTHING or self._normaliser.is_made(number):
                continue
            place = self._reader.pointer(number) or "the root"
            words += [f"{keyword} of {place}" for keyword in self._reader.read(number).keywords]
        if len(words) > MAX_KEYWORDS:
            words[MAX_KEYWORDS:] = [f"{len(words) - MAX_KEYWORDS} more"]
        return ", ".join(words)


def _positive(number: int) -> int:
    return ~number if number < 0 else number


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
    words += [f"not {_string_tests(each)}" for each in facts.denied[:3]]
    return " and ".join(words)
