"""What a schema can be given as: a schema, JSON text, a Pydantic model, any Python type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...errors import LimitError, SchemaError
from .python_types import schema_of_type
from .references import RawSchema


def schema_of(source: Any) -> tuple[RawSchema, TypeAdapter[Any] | None]:
    """The JSON Schema that `source` states, and what validates its values.

    Args:
        source: a dict or a bool (a schema), a str (JSON text of one), a `pydantic.TypeAdapter`,
            or anything that `TypeAdapter` takes: a Pydantic model, `list[int]`, a dataclass, …

    Returns:
        The schema, and the adapter where the source is a Python type, else None.

    Raises:
        SchemaError: not JSON, not a schema, or a type that JSON Schema cannot express.
    """
    if isinstance(source, bool | dict):
        return source, None
    if isinstance(source, str | bytes):
        return _parsed(source), None
    adapter: TypeAdapter[Any]
    try:
        adapter = source if isinstance(source, TypeAdapter) else TypeAdapter(source)
        return schema_of_type(adapter), adapter
    # A type has hooks, which are the caller's code and may raise anything.
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SchemaError(f"no JSON Schema for {source!r}: {reason}") from error


def registry_of(source: Mapping[str, Any]) -> dict[str, RawSchema]:
    """The schemas of a registry by URI, without an empty fragment, in the order of the URIs.

    Args:
        source: schemas by URI, or a `referencing.Registry`, of which what it holds is taken: what
            it could retrieve is not asked for.

    Raises:
        SchemaError: something else, or something in it that is no schema.
    """
    if not isinstance(source, Mapping):
        raise SchemaError(f"a registry maps URIs to schemas, got {type(source).__name__}")
    schemas: dict[str, RawSchema] = {}
    for uri in sorted(source, key=str):
        # A referencing.Resource holds its schema as `contents`.
        schema = getattr(source[uri], "contents", source[uri])
        if not isinstance(uri, str) or not isinstance(schema, bool | dict):
            raise SchemaError(
                f"a registry maps URIs to schemas (objects or booleans), got {uri!r}: "
                f"{type(schema).__name__}"
            )
        schemas[uri.rstrip("#")] = schema
    return schemas


def why_refused(error: Exception) -> str:
    """One line: why a text was refused, with the places where Pydantic says them."""
    if not isinstance(error, ValidationError):
        return _line(f"{type(error).__name__}: {error}")
    reasons = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(map(str, each["loc"]))
        reasons.append(f"{place}: {each['msg']}" if place else each["msg"])
    return _line("; ".join(reasons))


def _line(text: str) -> str:
    return " ".join(text.split())


def _parsed(text: str | bytes) -> RawSchema:
    try:
        schema = json.loads(text)
    except RecursionError:
        raise LimitError("the schema's JSON text is nested too deeply to be parsed") from None
    except ValueError as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    if not isinstance(schema, bool | dict):
        raise SchemaError(f"a schema is an object or a boolean, got {text[:40]!r}")
    return schema
