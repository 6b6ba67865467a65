"""Normalising: from keywords to facts, type by type.

The keywords of a schema hold together, also those beside `$ref` and `anyOf`. Boolean keywords are
unions, conjunctions and complements of the facts of their schemas. Keywords take effect in the
order in which they are written, which decides the order of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...errors import LimitError, SchemaError
from .assertions import (
    array_facts,
    number_facts,
    object_facts,
    string_facts,
    type_facts,
    value_facts,
    with_tests,
)
from .facts import ObjectFacts, ObjectGroup
from .normal_form import ALL_FACTS, NO_FACTS, Facts, exactly_one, union
from .reading import ANYTHING, NOTHING, Reader, ReadSchema

MAX_NESTED_UNIONS = 100

OBJECT_KEYWORDS = frozenset(
    [
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
    ]
)
ARRAY_KEYWORDS = frozenset(
    [
        "prefixItems",
        "items",
        "additionalItems",
        "minItems",
        "maxItems",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
    ]
)
_ASSERTIONS = (
    (OBJECT_KEYWORDS, object_facts),
    (ARRAY_KEYWORDS, array_facts),
    (
        frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        number_facts,
    ),
    (frozenset(["minLength", "maxLength", "pattern", "format"]), string_facts),
)
_SHALLOW = frozenset().union(*(group for group, _ in _ASSERTIONS[2:]), ("type", "enum", "const"))
UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")

Conjunction = tuple[int, ...]
"""The schemas that one value must satisfy at the same time; empty for any value.

Schemas are known by their numbers; `~number` is the complement of a schema.
"""

_FIRST_MADE = 1 << 40
"""Numbers from here on are schemas that the document does not hold as such."""


class Normaliser:
    """Gives the facts of schemas of one document.

    open_objects: False closes every object none of whose schemas states `additionalProperties`.

    Attributes:
        notes: in words, what was narrowed.
    """

    def __init__(self, reader: Reader, *, open_objects: bool) -> None:
        self.reader = reader
        self.notes: dict[str, None] = {}
        self._open_objects = open_objects
        self._facts: dict[int, Facts] = {ANYTHING: ALL_FACTS, NOTHING: NO_FACTS}
        self._conjunctions: dict[Conjunction, Facts] = {}
        self._unions: dict[frozenset[int], int] = {}
        self._constants: dict[tuple[type, Any], int] = {}
        self._made = 0
        self._in_progress: list[int] = []

    def conjunction(self, schemas: Iterable[int]) -> Conjunction:
        """The schemas without repeats, references that stand alone followed, open ones left out."""
        result: dict[int, None] = {}
        for schema in schemas:
            denied = schema < 0
            target = self._target(~schema if denied else schema)
            if target == (ANYTHING if denied else NOTHING):
                return (NOTHING,)
            if target == (NOTHING if denied else ANYTHING):
                continue
            if target < _FIRST_MADE and not self.reader.constrains(target):
                if denied:
                    return (NOTHING,)
                continue
            signed = ~target if denied else target
            if ~signed in result:
                return (NOTHING,)
            result[signed] = None
        return tuple(result)

    def facts(self, schemas: Conjunction) -> Facts:
        """What a value that satisfies all of `schemas` must satisfy, type by type."""
        if schemas not in self._conjunctions:
            facts = ALL_FACTS
            for schema in schemas:
                facts = facts & self.schema_facts(schema)
            self._conjunctions[schemas] = facts
        return self._conjunctions[schemas]

    def schema_facts(self, schema: int) -> Facts:
        """The facts of one schema or, where the number is negative, of its complement."""
        if schema < 0:
            if schema not in self._facts:
                self._facts[schema] = ~self.schema_facts(~schema)
            return self._facts[schema]
        schema = self._target(schema)
        if schema not in self._facts:
            with self.entered(schema):
                read = self.reader.read(schema)
                if any(keyword in read.keywords for keyword in UNEVALUATED):
                    from .evaluation import Evaluator  # it is built on this module

                    self._facts[schema] = union(
                        facts for facts, _ in Evaluator(self).alternatives_of(read)
                    )
                else:
                    facts = ALL_FACTS
                    for part in self._parts(read):
                        facts = facts & part
                    self._facts[schema] = facts
        return self._facts[schema]

    def constant(self, value: Any) -> int:
        """The number of a schema that only `value` satisfies."""
        key = (type(value), value)
        if key not in self._constants:
            self._constants[key] = self._new(value_facts((value,), self.constant))
        return self._constants[key]

    def union_of(self, schemas: Iterable[int]) -> int:
        """The number of a schema that is satisfied where any of `schemas` is."""
        key = frozenset(schemas)
        if key not in self._unions:
            facts = union(self.schema_facts(schema) for schema in sorted(key))
            self._unions[key] = self._new(facts)
        return self._unions[key]

    def is_made(self, schema: int) -> bool:
        """Whether a schema does not stand in the document."""
        return schema >= _FIRST_MADE

    def _new(self, facts: Facts) -> int:
        self._made += 1
        number = _FIRST_MADE + self._made
        self._facts[number] = facts
        return number

    def is_closed(self, facts: ObjectFacts) -> bool:
        """Whether an object holds named keys only although no schema of it says so."""
        said_nothing = all(group.additional is None for group in facts.groups)
        return not self._open_objects and bool(facts.groups) and said_nothing

    @contextmanager
    def entered(self, schema: int) -> Iterator[None]:
        """Guards against schemas whose facts depend on themselves."""
        if schema in self._in_progress:
            raise SchemaError(
                "the schema refers to itself without reading anything",
                self.reader.pointer(schema),
            )
        if len(self._in_progress) >= MAX_NESTED_UNIONS:
            raise LimitError(
                f"schemas that hold for the same value are nested deeper than {MAX_NESTED_UNIONS} "
                f"levels of allOf, anyOf, oneOf, not, if and $ref at "
                f"{self.reader.pointer(schema)}; flatten them"
            )
        self._in_progress.append(schema)
        try:
            yield
        finally:
            self._in_progress.pop()

    def keyword_facts(self, schema: ReadSchema, keyword: str) -> Facts:
        """The facts of one keyword; for tests of keys, items, numbers or strings, of all such."""
        value = schema.keywords[keyword]
        if keyword in ("$ref", "$dynamicRef"):
            return self.schema_facts(value)
        if keyword == "allOf":
            facts = ALL_FACTS
            for branch in value:
                facts = facts & self.schema_facts(branch)
            return facts
        if keyword == "anyOf":
            return union(self.schema_facts(branch) for branch in value)
        if keyword == "oneOf":
            branches = [self.schema_facts(branch) for branch in value]
            return exactly_one(branches, self._are_apart)
        if keyword == "not":
            return ~self.schema_facts(value)
        if keyword == "if":
            condition = self.schema_facts(value)
            then = self.schema_facts(schema.keywords.get("then", ANYTHING))
            otherwise = self.schema_facts(schema.keywords.get("else", ANYTHING))
            return (condition & then) | (~condition & otherwise)
        if keyword == "dependentRequired":
            facts = ALL_FACTS
            for name, names in value.items():
                facts = facts & (without_key(name) | with_key(name, names))
            return facts
        if keyword == "dependentSchemas":
            facts = ALL_FACTS
            for name, dependent in value.items():
                present = with_key(name) & self.schema_facts(dependent)
                facts = facts & (without_key(name) | present)
            return facts
        if keyword == "type":
            return type_facts(value, open_objects=self._open_objects)
        if keyword in ("enum", "const"):
            pointer = f"{schema.pointer}/{keyword}"
            values = value if keyword == "enum" else (value,)
            return value_facts(values, lambda item: self.reader.constant(item, pointer))
        return next(build(schema) for group, build in _ASSERTIONS if keyword in group)

    def _are_apart(self, left: ObjectFacts, right: ObjectFacts) -> bool:
        """Whether one required key is enough to see that no object satisfies both."""
        for name in dict.fromkeys((*left.required, *right.required)):
            schemas = [
                schema
                for group in (*left.groups, *right.groups)
                for schema in (dict(group.properties).get(name, _elsewhere(group)),)
                if self._is_shallow(~schema if schema < 0 else schema)
            ]
            value = self.conjunction(schemas)
            if value == (NOTHING,) or not self.facts(value).is_possible:
                return True
        return False

    def _is_shallow(self, schema: int) -> bool:
        """Whether the facts of a schema of the document depend on its own keywords only."""
        target = self._target(schema)
        if target in (ANYTHING, NOTHING) or self.is_made(target):
            return target in self._facts
        return self.reader.read(target).keywords.keys() <= _SHALLOW

    def _parts(self, schema: ReadSchema) -> Iterator[Facts]:
        """Facts that hold together, in the order of the keywords that state them."""
        for keyword in stating_keywords(schema):
            yield self.keyword_facts(schema, keyword)

    def _target(self, schema: int) -> int:
        """Where a chain of schemas that hold nothing but a reference ends."""
        seen = {schema}
        while schema not in (ANYTHING, NOTHING) and schema < _FIRST_MADE:
            keywords = self.reader.read(schema).keywords
            if keywords.keys() not in ({"$ref"}, {"$dynamicRef"}):
                break
            (schema,) = keywords.values()
            if schema in seen:
                raise SchemaError(
                    "the reference leads back to itself without reading anything",
                    f"{self.reader.pointer(schema)}/$ref",
                )
            seen.add(schema)
        return schema


def stating_keywords(schema: ReadSchema) -> Iterator[str]:
    """The keywords that state facts, in their order; of those stated together, the first one."""
    stated = set()
    for keyword in schema.keywords:
        if keyword in ("then", "else", *UNEVALUATED):
            continue
        group = next((group for group, _ in _ASSERTIONS if keyword in group), None)
        if group is None:
            yield keyword
        elif group not in stated:
            stated.add(group)
            yield keyword


def _elsewhere(group: ObjectGroup) -> int:
    """The schema under keys that a group does not name, where that is one schema."""
    return ANYTHING if group.patterns or group.additional is None else group.additional


def with_key(name: str, required: Sequence[str] = ()) -> Facts:
    """Objects with the keys `required`, in which `name` comes first if it is there."""
    group = ObjectGroup(((name, ANYTHING),))
    return with_tests(objects=(ObjectFacts((group,), tuple(required)),))


def without_key(name: str) -> Facts:
    """The values that are no objects with the key `name`."""
    return with_tests(objects=(ObjectFacts((ObjectGroup(((name, NOTHING),)),)),))
