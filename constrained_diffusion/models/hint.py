"""The hint: the wanted fields of a JSON schema, written compactly for a prompt.

A model that has to extract a record does better when its prompt names the fields.  The hint is
one line that follows the schema's order::

    name,age#,member?,address{street,city},items[{product,quantity#}],tags[],status=open|closed

``#`` marks a number, ``?`` a boolean, ``{...}`` an object, ``[]`` an array of strings, ``[#]`` an
array of numbers, ``[{...}]`` an array of objects and ``=a|b`` the values of an enum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 6
"""Nesting beyond this is left out, so that recursive schemas have a finite hint."""

MAX_ENUM = 8
"""Enums with more values than this are written without their values."""


def render_hint(schema: Mapping[str, Any]) -> str:
    """Return the hint of ``schema``; the empty string if it names no fields."""
    return _members(_resolve(schema, schema), schema, 0)


def _resolve(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow local references and the first branch of a union that says something."""
    for _ in range(16):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            schema = _lookup(reference, root)
            continue
        branches = next(
            (schema[key] for key in ("anyOf", "oneOf", "allOf") if schema.get(key)), None
        )
        if isinstance(branches, list) and "properties" not in schema and "type" not in schema:
            schema = next((b for b in branches if not _is_null(b)), {})
            continue
        return schema
    return {}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _lookup(reference: str, root: Mapping[str, Any]) -> Any:
    """Resolve a reference of the form ``#/a/b``; anything else counts as unknown."""
    if not reference.startswith("#"):
        return {}
    node: Any = root
    for part in reference[1:].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or part not in node:
            return {}
        node = node[part]
    return node


def _members(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or depth > MAX_DEPTH:
        return ""
    return ",".join(
        str(key) + _suffix(_resolve(value, root), root, depth + 1)
        for key, value in properties.items()
    )


def _suffix(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> str:
    """Return what follows a key: the mark of the value's type."""
    values = schema.get("enum")
    if isinstance(values, list) and values:
        return "=" + "|".join(map(str, values)) if len(values) <= MAX_ENUM else ""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else None
    if kind in ("integer", "number"):
        return "#"
    if kind == "boolean":
        return "?"
    if kind == "object":
        return "{" + _members(schema, root, depth) + "}"
    if kind == "array":
        return "[" + _suffix(_resolve(schema.get("items"), root), root, depth) + "]"
    return ""
