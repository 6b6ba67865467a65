"""Values with the keys of their objects in the order of a schema.

First the names under `properties`, in the order in which the document mentions them: a nested
subschema that speaks of the same object (`allOf`, `anyOf`, `oneOf`, `not`, `if`, `then`, `else`,
`dependentSchemas`, the target of a `$ref`) counts where it is written. Then names that are only
required, then those that match a pattern under `patternProperties`, then all others, each of these
in the order in which the value has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jsonschema_specifications import REGISTRY
from referencing import Resource
from referencing.exceptions import CannotDetermineSpecification, Unresolvable
from referencing.jsonschema import DRAFT202012, UnknownDialect

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else")
_NAMED = ("dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Place = tuple[Any, Any]
"""A schema, and the `referencing` resolver of the place where it stands."""


@dataclass
class _Group:
    """The schemas that speak of one value, and the order of names that they give."""

    places: list[Place]
    names: dict[str, None] = field(default_factory=dict)
    patterns: list[str] = field(default_factory=list)


class KeyOrder:
    """The order of one schema."""

    def __init__(self, schema: Any) -> None:
        """`schema`: a dict or a bool."""
        try:
            resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        except (CannotDetermineSpecification, UnknownDialect):
            resource = Resource(contents=schema, specification=DRAFT202012)
        resolver = REGISTRY.with_resource("", resource).resolver_with_root(resource)
        dialect = schema.get("$schema") if isinstance(schema, dict) else None
        self._reference_alone = isinstance(dialect, str) and "/draft-0" in dialect
        self._root: list[Place] = [(schema, resolver)]
        self._groups: dict[tuple[int, ...], _Group] = {}

    def apply(self, value: Any) -> Any:
        """`value` with its objects' keys in order."""
        return self._apply(value, self._root)

    def _apply(self, value: Any, places: Sequence[Place]) -> Any:
        if isinstance(value, list):
            group = self._group(places)
            return [self._apply(item, _items(group, n)) for n, item in enumerate(value)]
        if isinstance(value, dict):
            group = self._group(places)
            return {
                name: self._apply(value[name], _members(group, name))
                for name in _ordered(list(value), group)
            }
        return value

    def _group(self, places: Sequence[Place]) -> _Group:
        key = tuple(id(schema) for schema, _ in places)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group([])
            declared: dict[str, None] = {}
            required: dict[str, None] = {}
            seen: set[int] = set()
            for place in places:
                for keyword, schema, _ in self._keywords(place, group, seen):
                    content = schema[keyword]
                    if keyword == "properties" and isinstance(content, dict):
                        declared.update(dict.fromkeys(content))
                    elif keyword == "required" and isinstance(content, list):
                        required.update(dict.fromkeys(n for n in content if isinstance(n, str)))
                    elif keyword in ("dependentRequired", "dependencies"):
                        for names in content.values() if isinstance(content, dict) else ():
                            if isinstance(names, list):
                                required.update(dict.fromkeys(names))
                    elif keyword == "patternProperties" and isinstance(content, dict):
                        group.patterns += content
            group.names = declared | required
        return group

    def _keywords(
        self, place: Place, group: _Group, seen: set[int]
    ) -> Iterator[tuple[str, dict[str, Any], Any]]:
        """The keywords that speak of one value in the order of the document; collects the schemas
        in which they stand."""
        schema, resolver = place
        if not isinstance(schema, dict) or id(schema) in seen:
            return
        seen.add(id(schema))
        group.places.append(place)
        names = list(schema)
        if self._reference_alone and "$ref" in schema:
            names = ["$ref"]
        for keyword in names:
            below: list[Any] = []
            content = schema[keyword]
            if keyword in _LISTS and isinstance(content, list):
                below = content
            elif keyword in _SINGLE:
                below = [content]
            elif keyword in _NAMED and isinstance(content, dict):
                below = list(content.values())
            elif keyword in _REFERENCES and isinstance(content, str):
                target = _resolve(resolver, content)
                if target is not None:
                    yield from self._keywords(target, group, seen)
            yield keyword, schema, resolver
            for subschema in below:
                yield from self._keywords(_within(subschema, resolver), group, seen)


def _within(subschema: Any, resolver: Any) -> Place:
    """A subschema with its own resolver if it has a URI of its own."""
    if isinstance(subschema, dict) and ("$id" in subschema or "id" in subschema):
        try:
            resource = Resource.from_contents(subschema, default_specification=DRAFT202012)
            return subschema, resolver.in_subresource(resource)
        except Exception:  # an `id` that is no URI: a property's name, say
            return subschema, resolver
    return subschema, resolver


def _resolve(resolver: Any, reference: str) -> Place | None:
    try:
        resolved = resolver.lookup(reference)
    except (Unresolvable, ValueError):
        return None
    return resolved.contents, resolved.resolver


def _items(group: _Group, position: int) -> list[Place]:
    below: list[Place] = []
    for schema, resolver in group.places:
        prefix = schema.get("prefixItems")
        if isinstance(schema.get("items"), list):
            prefix = schema["items"]
        found: list[Any] = []
        if isinstance(prefix, list) and position < len(prefix):
            found.append(prefix[position])
        elif isinstance(schema.get("items"), list):
            found.append(schema.get("additionalItems"))
        else:
            found.append(schema.get("items"))
        found += [schema.get("contains"), schema.get("unevaluatedItems")]
        below += [_within(each, resolver) for each in found if isinstance(each, dict)]
    return below


def _members(group: _Group, name: str) -> list[Place]:
    below: list[Place] = []
    for schema, resolver in group.places:
        declared = schema.get("properties")
        patterns = schema.get("patternProperties")
        found: list[Any] = []
        if isinstance(declared, dict) and name in declared:
            found.append(declared[name])
        if isinstance(patterns, dict):
            found += [each for pattern, each in patterns.items() if _matches(pattern, name)]
        if not found:
            found.append(schema.get("additionalProperties"))
        found.append(schema.get("unevaluatedProperties"))
        below += [_within(each, resolver) for each in found if isinstance(each, dict)]
    return below


def _ordered(names: list[str], group: _Group) -> list[str]:
    known = [name for name in group.names if name in names]
    others = [name for name in names if name not in group.names]
    matching = {name for name in others if any(_matches(p, name) for p in group.patterns)}
    return [
        *known,
        *(name for name in others if name in matching),
        *(name for name in others if name not in matching),
    ]


@lru_cache(maxsize=4096)
def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False
