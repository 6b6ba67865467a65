"""Fields of a record: its leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The fields of a record: pairs of path and value."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def same(found: Any, expected: Any) -> bool:
    """Equal, and not a number for a boolean."""
    return bool(found == expected) and isinstance(found, bool) == isinstance(expected, bool)
