"""What a schema can be given as: a schema, JSON text, a Pydantic model, any Python type."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from ...errors import LimitError, SchemaError
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
        return adapter.json_schema(), adapter
    except (PydanticUserError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise SchemaError(f"no JSON Schema for {source!r}: {reason}") from None


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
