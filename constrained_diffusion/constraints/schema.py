"""The constraint that a JSON Schema, a Pydantic model or a Python type states."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import ConstrainedDiffusionError, SchemaError
from . import json_schema
from .base import Constraint, Intersection, Language
from .spelling import Spelling

Whitespace = Literal["compact", "spaced", "flexible"]


@dataclass(frozen=True, init=False)
class JsonSchema(Constraint):
    """JSON texts that are valid against `schema`.

    schema: a dict, a bool, JSON text, a Pydantic model, or any type that `pydantic.TypeAdapter`
        takes (`list[int]`, `Literal["a", "b"]`, a dataclass, …).
    whitespace: "compact" (none), "spaced" (as `json.dumps` by default), "flexible".
    open_objects: may an object that says nothing of `additionalProperties` hold more keys?
        None: as the schema says (yes) for schemas, no for Python types. False: never.
    max_depth: how deep values that the schema leaves open, and recursion, may nest. None: 3, or
        less where the automaton would grow beyond some 20,000 states; `bounds` names it.

    Keys come in schema order. `accepts` takes any white space and any escapes, since it looks at
    the compact spelling of the text.

    Raises SchemaError (not a schema), UnsupportedSchemaError (a keyword that cannot be honoured)
    with the JSON pointer; the second when it is compiled.
    """

    whitespace: Whitespace
    open_objects: bool | None
    max_depth: int | None
    _text: str
    schema: Any = field(compare=False, repr=False)
    _adapter: Any = field(compare=False, repr=False)

    def __init__(
        self,
        schema: Any,
        *,
        whitespace: Whitespace = "compact",
        open_objects: bool | None = None,
        max_depth: int | None = None,
    ) -> None:
        if whitespace not in ("compact", "spaced", "flexible"):
            raise ConstrainedDiffusionError(
                f"whitespace is 'compact', 'spaced' or 'flexible', got {whitespace!r}"
            )
        if max_depth is not None and (not isinstance(max_depth, int) or max_depth < 1):
            raise ConstrainedDiffusionError(
                f"max_depth is a whole number from 1 on, got {max_depth!r}"
            )
        read, adapter = json_schema.schema_of(schema)
        if open_objects is None and adapter is not None:
            open_objects = False
        try:
            text = json.dumps(read)
        except (TypeError, ValueError, RecursionError) as error:
            raise SchemaError(f"the schema is not JSON: {error}") from None
        for name, value in (
            ("whitespace", whitespace),
            ("open_objects", open_objects),
            ("max_depth", max_depth),
            ("_text", text),
            ("schema", read),
            ("_adapter", adapter),
        ):
            object.__setattr__(self, name, value)

    def language(self, capacity: int | None = None) -> Language:
        return _compiled(self._text, self.whitespace, self.open_objects, self.max_depth, capacity)

    def spelling(self, text: str) -> Spelling:
        if self.whitespace != "compact":
            return Spelling(text)
        return json_schema.canonical_spelling(text)

    def parse(self, text: str) -> Any:
        """The parsed JSON; the validated instance where the schema came from a Python type.

        Raises ConstrainedDiffusionError, with the text, where a validator of the Python type
        refuses what JSON Schema cannot express.
        """
        if self._adapter is None:
            return json.loads(text)
        try:
            return self._adapter.validate_json(text)
        except ValueError as error:
            raise ConstrainedDiffusionError(
                f"the text is valid for the schema but the Python type refuses it: {error}; "
                f"the text is {text}"
            ) from error

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        # The intersection, since a narrowed recursive schema may nest once more than this one.
        return [
            (_label(value), Intersection((self._restricted(name, value), self)))
            for value in json_schema.alternatives(self.schema, name)
        ]

    def _restricted(self, pointer: str, value: Any) -> JsonSchema:
        return JsonSchema(
            json_schema.restrict(self.schema, pointer, value),
            whitespace=self.whitespace,
            open_objects=self.open_objects,
            max_depth=self.max_depth,
        )


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@functools.lru_cache(maxsize=256)
def _compiled(
    text: str,
    whitespace: Whitespace,
    open_objects: bool | None,
    max_depth: int | None,
    capacity: int | None,
) -> Language:
    compiled = json_schema.compile_schema(
        json.loads(text),
        whitespace=whitespace,
        open_objects=open_objects,
        max_depth=max_depth,
        capacity=capacity,
    )
    return Language(compiled.automaton, compiled.bounds)
