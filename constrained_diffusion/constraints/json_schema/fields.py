"""Fields of a schema by the JSON pointer that they have in an instance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from ...automata import MAX_STATES
from ...errors import ConstrainedDiffusionError, LimitError
from .components import Component, ComponentGraph, ComponentMachines
from .drafts import HONOURED, Dialect, Draft, draft_of
from .keys import Keys
from .machines import END, START, Item, Machine, Mark, Member
from .normalise import Conjunction, Normaliser
from .numbers import number_language, spellings
from .reading import Reader
from .references import RawSchema, pointer_tokens
from .registry import Registry
from .strings import string_language
from .text import quote

MAX_VALUES = 10_000

_Value = TypeVar("_Value")

_LITERALS = {"null": None, "true": True, "false": False}


def alternatives(schema: RawSchema, pointer: str, registry: Registry | None = None) -> list[Any]:
    """The values that the field at `pointer` (of an instance) can have.

    Literals come first, then numbers, strings, arrays and objects, each in the schema's order.

    Raises ConstrainedDiffusionError if there is no such field, or if it can have values other
    than those of `enum`, `const`, booleans and null.
    """
    reader = Reader(schema, registry)
    normaliser = Normaliser(reader, open_objects=True)
    keys = Keys(normaliser, capacity=None, max_states=MAX_STATES)
    root = normaliser.conjunction([reader.root])
    graph = ComponentGraph(ComponentMachines(normaliser, keys), root, lambda count: None)
    places: list[Conjunction] = [graph.root]
    for token in _tokens(pointer):
        places = list(
            dict.fromkeys(
                child for place in places for child in _below(graph.components[place], token)
            )
        )
    if not places:
        raise ConstrainedDiffusionError(f"the schema has no field {pointer!r}")
    values: list[Any] = []
    for place in places:
        for value in _values(graph, place, pointer):
            if not any(_same(value, known) for known in values):
                values.append(value)
            if len(values) > MAX_VALUES:
                raise LimitError(f"the field {pointer!r} has more than {MAX_VALUES:,} values")
    return values


def restrict(schema: RawSchema, pointer: str, value: Any) -> RawSchema:
    """`schema`, where moreover the field at `pointer` (of an instance) exists and is `value`.

    Compiled, it holds texts of the compiled `schema` in the same spelling; only where the root is
    recursive it may hold some of one repetition more, which an intersection removes.
    """
    draft = draft_of(schema)
    narrowed: dict[str, Any] = {"enum": [value]}
    for token in reversed(_tokens(pointer)):
        narrowed = _containing(token, narrowed, draft)
    if not isinstance(schema, dict):
        return {"anyOf": [schema], **narrowed}
    stated = {"$schema": schema["$schema"]} if "$schema" in schema else {}
    # With a URI of its own the original stays the root of the references inside it.
    original = schema
    if draft.reference_stands_alone and "$ref" in schema:
        # Beside `$ref` a URI does not count, and neither do other keywords.
        ignored = HONOURED[Dialect(draft)] | {draft.id_keyword}
        beside = {key: value for key, value in schema.items() if key not in ignored}
        original = {**beside, "allOf": [{"$ref": schema["$ref"]}]}
    uri = original.get(draft.id_keyword, "urn:constrained-diffusion:schema")
    return {**stated, "anyOf": [{**original, draft.id_keyword: uri}], **narrowed}


def _tokens(pointer: str) -> list[str]:
    try:
        return pointer_tokens(pointer)
    except ValueError as error:
        raise ConstrainedDiffusionError(str(error)) from None


def _index(token: str) -> int | None:
    """The array index that a reference token can mean."""
    if token.isascii() and token.isdigit() and (token == "0" or token[0] != "0"):
        return int(token)
    return None


def _containing(token: str, child: dict[str, Any], draft: Draft) -> dict[str, Any]:
    """A schema of the objects and arrays that hold a `child` under `token`."""
    schema: dict[str, Any] = {
        "type": ["object"],
        "properties": {token: child},
        "required": [token],
    }
    index = _index(token)
    if index is not None:
        schema["type"].append("array")
        keyword = "prefixItems" if draft >= Draft.DRAFT2020_12 else "items"
        schema[keyword] = [{}] * index + [child]
        schema["minItems"] = index + 1
    return schema


def _below(component: Component, token: str) -> Iterator[Conjunction]:
    """The components of the item or the member `token`."""
    for _, label, _ in component.machine.edges:
        if isinstance(label, Member) and label.has_key(token):
            yield label.value
    index = _index(token)
    if index is not None:
        yield from _items_at(component.machine, index)


def _items_at(machine: Machine, index: int) -> Iterator[Conjunction]:
    """The components of the items that can stand at a position."""
    opened = {target for _, label, target in machine.edges if label == Mark(b"[")}
    reached = {t for s, label, t in machine.edges if s in opened and label is None}
    seen: list[set[int]] = []
    for _ in range(index):
        after = {t for s, label, t in machine.edges if s in reached and isinstance(label, Item)}
        reached = {t for s, label, t in machine.edges if s in after and label == Mark(b",")}
        if reached in seen[-1:]:
            break
        seen.append(reached)
    for source, label, _ in machine.edges:
        if source in reached and isinstance(label, Item):
            yield label.value


def _values(graph: ComponentGraph, name: Conjunction, pointer: str) -> Iterator[Any]:
    """All values of a component. Raises ConstrainedDiffusionError where they are not listed."""
    component = graph.components[name]
    facts = component.facts
    yield from (_LITERALS[literal] for literal in facts.literals)
    for numbers in facts.numbers:
        automaton, _ = number_language(numbers)
        for number in _listed(numbers.values, pointer):
            if any(automaton.accepts(spelling.encode()) for spelling in spellings(number)):
                integral = number.value.denominator == 1 and not number.pointed
                yield int(number.value) if integral else float(number.value)
    for strings in facts.strings:
        values = _listed(strings.values, pointer)
        automaton, _ = string_language(strings, capacity=None, max_states=MAX_STATES)
        yield from (value for value in values if automaton.accepts(quote(value).encode()))
    yield from map(json.loads, _texts(graph, component.machine, START, pointer, ()))


def _texts(
    graph: ComponentGraph, machine: Machine, state: int, pointer: str, path: tuple[int, ...]
) -> Iterator[str]:
    """The texts from a state of a machine to its end."""
    if state == END:
        yield ""
        return
    if state in path:
        _listed(None, pointer)
    for source, label, target in machine.edges:
        if source != state:
            continue
        beginnings = [""]
        if isinstance(label, Mark):
            beginnings = [label.text.decode()]
        elif label is not None:
            key = ""
            if isinstance(label, Member):
                if not isinstance(label.key, str):
                    _listed(None, pointer)
                key = f"{quote(str(label.key))}:"
            beginnings = [key + json.dumps(value) for value in _values(graph, label.value, pointer)]
        for beginning in beginnings:
            for rest in _texts(graph, machine, target, pointer, (*path, state)):
                yield beginning + rest


def _listed(values: tuple[_Value, ...] | None, pointer: str) -> tuple[_Value, ...]:
    if values is None:
        raise ConstrainedDiffusionError(
            f"the field {pointer!r} is no choice: it can have values other than those of enum, "
            "const, booleans and null"
        )
    return values


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values, in which true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)
