"""Normalising: from keywords to facts, type by type.

The keywords of a schema hold together, also those beside `$ref` and `anyOf`; `anyOf` is a union.
Keywords take effect in the order in which they are written, which decides the order of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from ...errors import LimitError, SchemaError, UnsupportedSchemaError
from .facts import (
    ALL_FACTS,
    NO_FACTS,
    ArrayFacts,
    ArrayGroup,
    Bound,
    Facts,
    NumberFacts,
    NumberValue,
    ObjectFacts,
    ObjectGroup,
    StringFacts,
    union,
)
from .formats import FORMATS
from .reading import ANYTHING, NOTHING, Reader, ReadSchema

MAX_NESTED_UNIONS = 100

_EXACT_INTEGERS = 2**53
_OBJECT_KEYWORDS = frozenset(("properties", "required", "additionalProperties"))
_ARRAY_KEYWORDS = frozenset(("prefixItems", "items", "additionalItems", "minItems", "maxItems"))
_NUMBER_KEYWORDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
_STRING_KEYWORDS = frozenset(("minLength", "maxLength", "pattern", "format"))

Conjunction = tuple[int, ...]
"""The numbers of schemas that one value must satisfy at the same time; empty for any value."""


class Normaliser:
    """Gives the facts of schemas of one document.

    open_objects: False closes every object none of whose schemas states `additionalProperties`.
    """

    def __init__(self, reader: Reader, *, open_objects: bool) -> None:
        self._reader = reader
        self._open_objects = open_objects
        self._facts: dict[int, Facts] = {ANYTHING: ALL_FACTS, NOTHING: NO_FACTS}
        self._conjunctions: dict[Conjunction, Facts] = {}
        self._in_progress: list[int] = []

    def conjunction(self, schemas: Iterable[int]) -> Conjunction:
        """The schemas without repeats, references that stand alone followed, open ones left out."""
        result: dict[int, None] = {}
        for schema in schemas:
            target = self._target(schema)
            if target == NOTHING:
                return (NOTHING,)
            if self._reader.constrains(target):
                result[target] = None
        return tuple(result)

    def facts(self, schemas: Conjunction) -> Facts:
        """What a value that satisfies all of `schemas` must satisfy, type by type."""
        if schemas not in self._conjunctions:
            facts = ALL_FACTS
            for schema in schemas:
                facts = facts & self._schema_facts(schema)
            self._conjunctions[schemas] = facts
        return self._conjunctions[schemas]

    def is_closed(self, facts: ObjectFacts) -> bool:
        """Whether an object holds named keys only although no schema of it says so."""
        said_nothing = all(group.additional is None for group in facts.groups)
        return not self._open_objects and bool(facts.groups) and said_nothing

    def _target(self, schema: int) -> int:
        """Where a chain of schemas that hold nothing but `$ref` ends."""
        seen = {schema}
        while schema not in (ANYTHING, NOTHING):
            keywords = self._reader.read(schema).keywords
            if keywords.keys() != {"$ref"}:
                break
            schema = keywords["$ref"]
            if schema in seen:
                raise SchemaError(
                    "the reference leads back to itself without reading anything",
                    f"{self._reader.pointer(schema)}/$ref",
                )
            seen.add(schema)
        return schema

    def _schema_facts(self, schema: int) -> Facts:
        schema = self._target(schema)
        if schema in self._facts:
            return self._facts[schema]
        if schema in self._in_progress:
            raise SchemaError(
                "the schema refers to itself without reading anything",
                self._reader.pointer(schema),
            )
        if len(self._in_progress) >= MAX_NESTED_UNIONS:
            raise LimitError(
                f"anyOf and $ref are nested deeper than {MAX_NESTED_UNIONS} levels at "
                f"{self._reader.pointer(schema)}; flatten them"
            )
        self._in_progress.append(schema)
        try:
            facts = ALL_FACTS
            for part in self._parts(self._reader.read(schema)):
                facts = facts & part
        finally:
            self._in_progress.pop()
        self._facts[schema] = facts
        return facts

    def _parts(self, schema: ReadSchema) -> Iterator[Facts]:
        """Facts that hold together, in the order of the keywords that state them."""
        keywords = schema.keywords
        stated = set()
        for keyword, value in keywords.items():
            if keyword == "$ref":
                yield self._schema_facts(value)
            elif keyword == "anyOf":
                yield union(self._schema_facts(branch) for branch in value)
            elif keyword == "oneOf":
                yield self._discriminated_union(schema, value)
            elif keyword == "type":
                yield self._type_facts(value)
            elif keyword in ("enum", "const"):
                values = value if keyword == "enum" else (value,)
                yield self._value_facts(values, f"{schema.pointer}/{keyword}")
            for group, build in (
                (_OBJECT_KEYWORDS, _object_facts),
                (_ARRAY_KEYWORDS, _array_facts),
                (_NUMBER_KEYWORDS, _number_facts),
                (_STRING_KEYWORDS, _string_facts),
            ):
                if keyword in group and group not in stated:
                    stated.add(group)
                    yield build(schema)

    def _type_facts(self, names: tuple[str, ...]) -> Facts:
        parts = []
        for name in names:
            if name == "boolean":
                parts.append(Facts(literals=("true", "false")))
            elif name == "null":
                parts.append(Facts(literals=("null",)))
            elif name == "integer":
                parts.append(Facts(numbers=(NumberFacts(integer=True),)))
            elif name == "number":
                parts.append(Facts(numbers=(NumberFacts(),)))
            elif name == "string":
                parts.append(Facts(strings=(StringFacts(),)))
            elif name == "array":
                parts.append(Facts(arrays=(ArrayFacts(),)))
            elif name == "object":
                # The group says nothing, but makes it an object that can be closed.
                groups = () if self._open_objects else (ObjectGroup(),)
                parts.append(Facts(objects=(ObjectFacts(groups),)))
        return union(parts)

    def _value_facts(self, values: Iterable[Any], pointer: str) -> Facts:
        """The facts of exactly these values."""
        literals, strings, numbers, arrays, objects = [], [], [], [], []
        for value in values:
            if value is None:
                literals.append("null")
            elif isinstance(value, bool):
                literals.append("true" if value else "false")
            elif isinstance(value, str):
                strings.append(value)
            elif isinstance(value, int | float):
                numbers.append(NumberValue(exact(value), isinstance(value, float)))
            elif isinstance(value, list):
                prefix = tuple(self._reader.constant(item, pointer) for item in value)
                arrays.append(ArrayFacts((ArrayGroup(prefix, NOTHING),), len(value), len(value)))
            else:
                properties = tuple(
                    (name, self._reader.constant(item, pointer)) for name, item in value.items()
                )
                objects.append(ObjectFacts((ObjectGroup(properties, NOTHING),), tuple(value)))
        return Facts(
            tuple(dict.fromkeys(literals)),
            (NumberFacts(values=_distinct(numbers)),) if numbers else (),
            (StringFacts(values=tuple(dict.fromkeys(strings))),) if strings else (),
            tuple(dict.fromkeys(arrays)),
            tuple(dict.fromkeys(objects)),
        )

    def _discriminated_union(self, schema: ReadSchema, branches: tuple[int, ...]) -> Facts:
        """`oneOf` whose branches exclude each other by the values of one required key."""
        name = schema.keywords["discriminator"]
        facts = [self._schema_facts(branch) for branch in branches]
        seen: set[str] = set()
        for branch in facts:
            values = self._discriminator_values(branch, name)
            if values is None or not seen.isdisjoint(values):
                raise UnsupportedSchemaError(
                    f"oneOf is supported only where each branch is an object that requires "
                    f"{name!r} to be a string of its own",
                    f"{schema.pointer}/oneOf",
                    "oneOf",
                )
            seen.update(values)
        return union(facts)

    def _discriminator_values(self, branch: Facts, name: str) -> set[str] | None:
        """The strings that an object of this branch can have under `name`; None if others can."""
        if branch.literals or branch.numbers or branch.strings or branch.arrays:
            return None
        result: set[str] = set()
        for facts in branch.objects:
            if name not in facts.required:
                return None
            schemas = [dict(group.properties).get(name, ANYTHING) for group in facts.groups]
            value = self.facts(self.conjunction(schemas))
            if value.literals or value.numbers or value.arrays or value.objects:
                return None
            for strings in value.strings:
                if strings.values is None:
                    return None
                result.update(strings.values)
        return result


def _object_facts(schema: ReadSchema) -> Facts:
    keywords = schema.keywords
    properties = tuple(keywords.get("properties", {}).items())
    group = ObjectGroup(properties, keywords.get("additionalProperties"))
    return _with(objects=(ObjectFacts((group,), keywords.get("required", ())),))


def _array_facts(schema: ReadSchema) -> Facts:
    keywords = schema.keywords
    items = keywords.get("items", ANYTHING)
    if isinstance(items, tuple):
        group = ArrayGroup(items, keywords.get("additionalItems", ANYTHING))
    else:
        group = ArrayGroup(keywords.get("prefixItems", ()), items)
    groups = () if group == ArrayGroup((), ANYTHING) else (group,)
    return _with(
        arrays=(ArrayFacts(groups, keywords.get("minItems", 0), keywords.get("maxItems")),)
    )


def _string_facts(schema: ReadSchema) -> Facts:
    keywords = schema.keywords
    pattern, name = keywords.get("pattern"), keywords.get("format")
    return _with(
        strings=(
            StringFacts(
                patterns=() if pattern is None else ((pattern, f"{schema.pointer}/pattern"),),
                formats=(name,) if name in FORMATS else (),
                min_length=keywords.get("minLength", 0),
                max_length=keywords.get("maxLength"),
            ),
        )
    )


def _number_facts(schema: ReadSchema) -> Facts:
    facts = NumberFacts()
    for keyword in _NUMBER_KEYWORDS & schema.keywords.keys():
        bound = Bound(exact(schema.keywords[keyword]), keyword.startswith("exclusive"))
        if keyword.endswith(("minimum", "Minimum")):
            facts = facts & NumberFacts(lower=bound)
        else:
            facts = facts & NumberFacts(upper=bound)
    return _with(numbers=(facts,))


def _distinct(numbers: list[NumberValue]) -> tuple[NumberValue, ...]:
    """Each number once; 1 and 1.0 are the same."""
    pointed: dict[Fraction, bool] = {}
    for number in numbers:
        pointed[number.value] = pointed.get(number.value, False) or number.pointed
    return tuple(NumberValue(*item) for item in pointed.items())


def exact(number: int | float) -> Fraction:
    """The number that a spelling in a schema stands for.

    A float stands for its shortest decimal spelling. From 2 to the power of 53 on, where floats
    are whole numbers and validators compare integers with them exactly, it stands for its value.
    """
    if isinstance(number, float) and abs(number) < _EXACT_INTEGERS:
        return Fraction(repr(number))
    return Fraction(number)


def _with(
    *,
    numbers: tuple[NumberFacts, ...] = ALL_FACTS.numbers,
    strings: tuple[StringFacts, ...] = ALL_FACTS.strings,
    arrays: tuple[ArrayFacts, ...] = ALL_FACTS.arrays,
    objects: tuple[ObjectFacts, ...] = ALL_FACTS.objects,
) -> Facts:
    """Tests on values of one type; values of other types satisfy them."""
    return Facts(ALL_FACTS.literals, numbers, strings, arrays, objects)
