"""Assertions: the facts of the keywords that test a value, its keys or its items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from .facts import (
    ArrayFacts,
    ArrayGroup,
    Bound,
    Contains,
    NumberFacts,
    NumberValue,
    ObjectFacts,
    ObjectGroup,
    StringFacts,
)
from .formats import FORMATS
from .normal_form import ALL_FACTS, Facts, union
from .reading import ANYTHING, NOTHING, ReadSchema
from .references import escape

_EXACT_INTEGERS = 2**53


def type_facts(names: Iterable[str], *, open_objects: bool) -> Facts:
    """The facts of `type`."""
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
            groups = () if open_objects else (ObjectGroup(),)
            parts.append(Facts(objects=(ObjectFacts(groups),)))
    return union(parts)


def value_facts(values: Iterable[Any], constant: Callable[[Any], int]) -> Facts:
    """The facts of exactly these values; `constant` gives the schema of one value."""
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
            prefix = tuple(constant(item) for item in value)
            arrays.append(ArrayFacts((ArrayGroup(prefix, NOTHING),), len(value), len(value)))
        else:
            properties = tuple((name, constant(item)) for name, item in value.items())
            group = ObjectGroup(properties, additional=NOTHING)
            objects.append(ObjectFacts((group,), tuple(value)))
    return Facts(
        tuple(dict.fromkeys(literals)),
        (NumberFacts(values=_distinct(numbers)),) if numbers else (),
        (StringFacts(values=tuple(dict.fromkeys(strings))),) if strings else (),
        tuple(dict.fromkeys(arrays)),
        tuple(dict.fromkeys(objects)),
    )


def object_facts(schema: ReadSchema) -> Facts:
    """The facts of the keywords about keys, all of one schema together."""
    keywords = schema.keywords
    group = ObjectGroup(
        tuple(keywords.get("properties", {}).items()),
        tuple(
            (pattern, f"{schema.pointer}/patternProperties/{escape(pattern)}", value)
            for pattern, value in keywords.get("patternProperties", {}).items()
        ),
        keywords.get("additionalProperties"),
    )
    names = keywords.get("propertyNames", ANYTHING)
    facts = ObjectFacts(
        (group,),
        keywords.get("required", ()),
        keywords.get("minProperties", 0),
        keywords.get("maxProperties"),
        () if names == ANYTHING else (names,),
    )
    return with_tests(objects=(facts,))


def array_facts(schema: ReadSchema) -> Facts:
    """The facts of the keywords about items, all of one schema together."""
    keywords = schema.keywords
    items = keywords.get("items", ANYTHING)
    if isinstance(items, tuple):
        group = ArrayGroup(items, keywords.get("additionalItems", ANYTHING))
    else:
        group = ArrayGroup(keywords.get("prefixItems", ()), items)
    contains: tuple[Contains, ...] = ()
    if "contains" in keywords:
        low, high = keywords.get("minContains", 1), keywords.get("maxContains")
        if low > 0 or high is not None:
            contains = (Contains(keywords["contains"], low, high),)
    facts = ArrayFacts(
        () if group == ArrayGroup((), ANYTHING) else (group,),
        keywords.get("minItems", 0),
        keywords.get("maxItems"),
        contains,
        keywords.get("uniqueItems", False),
    )
    return with_tests(arrays=(facts,))


def string_facts(schema: ReadSchema) -> Facts:
    """The facts of the keywords about strings, all of one schema together."""
    keywords = schema.keywords
    pattern, name = keywords.get("pattern"), keywords.get("format")
    facts = StringFacts(
        patterns=() if pattern is None else ((pattern, f"{schema.pointer}/pattern"),),
        formats=(name,) if name in FORMATS else (),
        min_length=keywords.get("minLength", 0),
        max_length=keywords.get("maxLength"),
    )
    return with_tests(strings=(facts,))


def number_facts(schema: ReadSchema) -> Facts:
    """The facts of the keywords about numbers, all of one schema together."""
    facts = NumberFacts()
    for keyword, value in schema.keywords.items():
        if keyword == "multipleOf":
            facts = facts & NumberFacts(multiples=(exact(value),))
        elif keyword in ("minimum", "exclusiveMinimum"):
            bound = Bound(exact(value), keyword.startswith("exclusive"))
            facts = facts & NumberFacts(lower=bound)
        elif keyword in ("maximum", "exclusiveMaximum"):
            bound = Bound(exact(value), keyword.startswith("exclusive"))
            facts = facts & NumberFacts(upper=bound)
    return with_tests(numbers=(facts,))


def with_tests(
    *,
    numbers: tuple[NumberFacts, ...] = ALL_FACTS.numbers,
    strings: tuple[StringFacts, ...] = ALL_FACTS.strings,
    arrays: tuple[ArrayFacts, ...] = ALL_FACTS.arrays,
    objects: tuple[ObjectFacts, ...] = ALL_FACTS.objects,
) -> Facts:
    """Tests on values of one type; values of other types satisfy them."""
    return Facts(ALL_FACTS.literals, numbers, strings, arrays, objects)


def exact(number: int | float) -> Fraction:
    """The number that a spelling in a schema stands for.

    A float stands for its shortest decimal spelling. From 2 to the power of 53 on, where floats
    are whole numbers and validators compare integers with them exactly, it stands for its value.
    """
    if isinstance(number, float) and abs(number) < _EXACT_INTEGERS:
        return Fraction(repr(number))
    return Fraction(number)


def _distinct(numbers: list[NumberValue]) -> tuple[NumberValue, ...]:
    """Each number once; 1 and 1.0 are the same."""
    pointed: dict[Fraction, bool] = {}
    for number in numbers:
        pointed[number.value] = pointed.get(number.value, False) or number.pointed
    return tuple(NumberValue(*item) for item in pointed.items())
