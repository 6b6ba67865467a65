"""Checking the values of keywords that hold no schemas.

Each check takes the value as written, the schema around it and the keyword, and gives the value as
it is read. All raise SchemaError with the JSON pointer of the keyword.
"""

from __future__ import annotations

import math
from reprlib import repr as shown
from typing import Any

from ...errors import SchemaError
from .drafts import Draft
from .references import Place

TYPE_NAMES = ("null", "boolean", "integer", "number", "string", "array", "object")


def problem(message: str, place: Place, *tokens: str | int) -> SchemaError:
    """The error that something is wrong below a schema."""
    return SchemaError(message, place.below(*tokens))


def types(value: Any, place: Place, keyword: str) -> tuple[str, ...]:
    """`type`, as a tuple of names."""
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in TYPE_NAMES:
            raise problem(
                f"a type is one of {', '.join(TYPE_NAMES)}, got {shown(name)}", place, keyword
            )
    if not names:
        raise problem("type must name at least one type", place, keyword)
    return tuple(names)


def names(value: Any, place: Place, keyword: str) -> tuple[str, ...]:
    """An array of strings; repeats are left out."""
    checked = (text(name, place, keyword) for name in array(value, place, keyword))
    return tuple(dict.fromkeys(checked))


def names_by_name(value: Any, place: Place, keyword: str) -> dict[str, tuple[str, ...]]:
    """An object of arrays of strings."""
    return {
        name: names(each, place, keyword) for name, each in mapping(value, place, keyword).items()
    }


def array(value: Any, place: Place, keyword: str) -> list[Any]:
    if not isinstance(value, list):
        raise problem(f"{keyword} must be an array", place, keyword)
    return value


def mapping(value: Any, place: Place, keyword: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise problem(f"{keyword} must be an object", place, keyword)
    for name in value:
        text(name, place, keyword)
    return value


def text(value: Any, place: Place, keyword: str) -> str:
    if not isinstance(value, str):
        raise problem(f"expected a string in {keyword}, got {shown(value)}", place, keyword)
    return value


def flag(value: Any, place: Place, keyword: str) -> bool:
    if not isinstance(value, bool):
        raise problem(f"{keyword} must be true or false, got {shown(value)}", place, keyword)
    return value


def values(value: Any, place: Place, keyword: str) -> tuple[Any, ...]:
    """An array of JSON values."""
    listed = array(value, place, keyword)
    json_value(listed, place, keyword)
    return tuple(listed)


def json_value(value: Any, place: Place, keyword: str) -> Any:
    """Any JSON value."""
    waiting = [value]
    seen = set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            # Values made in Python can hold the same object more than once, even in itself.
            if id(part) in seen:
                continue
            seen.add(id(part))
        if isinstance(part, dict) and all(isinstance(key, str) for key in part):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
        elif not (part is None or isinstance(part, str | int) or is_number(part)):
            raise problem(f"{shown(part)} is no JSON value", place, keyword)
    return value


def count(value: Any, place: Place, keyword: str) -> int:
    """A number of items, keys or characters."""
    if not is_number(value) or value < 0 or value != int(value):
        raise problem(
            f"{keyword} must be a whole number from 0 on, got {shown(value)}", place, keyword
        )
    return int(value)


def number(value: Any, place: Place, keyword: str) -> int | float:
    if not is_number(value):
        raise problem(f"{keyword} must be a number, got {shown(value)}", place, keyword)
    checked: int | float = value
    return checked


def divisor(value: Any, place: Place, keyword: str) -> int | float:
    """`multipleOf`."""
    checked = number(value, place, keyword)
    if checked <= 0:
        raise problem(f"{keyword} must be more than 0, got {shown(value)}", place, keyword)
    return checked


def exclusive(value: Any, place: Place, keyword: str) -> int | float | bool:
    """`exclusiveMinimum` and `exclusiveMaximum`: a boolean in draft 4, since then a number."""
    if place.dialect.draft > Draft.DRAFT4:
        return number(value, place, keyword)
    if not isinstance(value, bool):
        raise problem(f"{keyword} is a boolean in draft 4, got {shown(value)}", place, keyword)
    return value


def without_flags(keywords: dict[str, Any], place: Place) -> None:
    """Rewrites draft 4's `minimum` with `exclusiveMinimum: true` as later drafts write it."""
    for inclusive, keyword in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        is_exclusive = keywords.get(keyword)
        if not isinstance(is_exclusive, bool):
            continue
        del keywords[keyword]
        if is_exclusive:
            if inclusive not in keywords:
                raise SchemaError(f"{keyword} needs {inclusive} in draft 4", place.pointer)
            keywords[keyword] = keywords.pop(inclusive)


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
