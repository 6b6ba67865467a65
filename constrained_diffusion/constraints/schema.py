"""The constraint that a JSON Schema, a Pydantic model or a Python type states."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConstrainedDiffusionError, LimitError, SchemaError
from . import json_schema
from .base import Constraint, Intersection, Language
from .json_schema.drafts import Draft
from .json_schema.layout import Whitespace
from .json_schema.python_types import narrowings
from .json_schema.source import registry_of, why_refused
from .json_schema.validation import is_valid
from .spelling import Spelling

_LEAST_CAPACITY = 1024
_DRAFT_4 = "json-schema.org/draft-04/schema"

MAX_PARTS = 2_000_000


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
    registry: the schemas (by URI) that references out of the document lead to; a dict, or a
        `referencing.Registry`. Nothing else is ever read, from disk or network.

    Keys come in schema order. `accepts` takes any white space, any escapes and any spelling of
    numbers, since it looks at the canonical spelling of the text.

    Raises SchemaError (not a schema), UnsupportedSchemaError (a keyword that cannot be honoured)
    with the JSON pointer; the second when it is compiled.
    """

    whitespace: Whitespace
    open_objects: bool | None
    max_depth: int | None
    _text: str
    _registry: str | None
    schema: Any = field(compare=False, repr=False)
    _adapter: Any = field(compare=False, repr=False)

    def __init__(
        self,
        schema: Any,
        *,
        whitespace: Whitespace = "compact",
        open_objects: bool | None = None,
        max_depth: int | None = None,
        registry: Mapping[str, Any] | None = None,
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
        text = _json(read, "the schema")
        if open_objects is None and adapter is not None:
            open_objects = False
        for name, value in (
            ("whitespace", whitespace),
            ("open_objects", open_objects),
            ("max_depth", max_depth),
            ("_text", text),
            ("_registry", None if registry is None else _json(registry_of(registry), "a registry")),
            ("schema", json.loads(text)),
            ("_adapter", adapter),
        ):
            object.__setattr__(self, name, value)

    def language(self, capacity: int | None = None) -> Language:
        compiled = _compiled(self, capacity)
        bounds = dict.fromkeys((*compiled.bounds, *narrowings(self.schema)))
        return Language(compiled.automaton, tuple(bounds))

    def spelling(self, text: str) -> Spelling:
        return json_schema.canonical_spelling(text, whitespace=self.whitespace, draft=self._draft)

    def accepts_beyond(self, text: str) -> bool:
        """Whether a text that `language()` lacks is valid nevertheless.

        Generation is narrowed to what a flat automaton can hold: nesting is bounded, and where a
        test is not regular (`uniqueItems` over an open set) only some texts are left. A text that
        is there can be judged without that. The order of keys counts as in `language()`.
        """
        compact = json_schema.canonical_text(text, draft=self._draft)
        if compact is None:
            return False
        acceptor = _acceptor(self, max(_LEAST_CAPACITY, 1 << len(compact.encode()).bit_length()))
        try:
            accepted = acceptor.accepts(compact)
        except LimitError:
            return False
        if not accepted or acceptor.is_complete:
            return accepted
        return is_valid(self.schema, compact, self._schemas)

    def parse(self, text: str) -> Any:
        """The parsed JSON; the validated instance where the schema came from a Python type.

        Raises ConstrainedDiffusionError, with the text, where a validator of the Python type
        refuses what JSON Schema cannot express.
        """
        try:
            if self._adapter is None:
                return json.loads(text)
            return self._adapter.validate_json(text)
        # A validator is the caller's code, which may raise anything.
        except Exception as error:
            reason = why_refused(error)
            refused = "the text is no JSON that can be read"
            if self._adapter is not None:
                refused = "the text is valid for the schema but the Python type refuses it"
            raise ConstrainedDiffusionError(f"{refused}: {reason}; the text is {text}") from error

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        """As `Constraint.alternatives`: a text is named by itself, another value by its JSON text.
        Where two values would have the same name ("1" beside 1), texts are quoted as well."""
        values = json_schema.alternatives(self.schema, name, self._schemas)
        names = [value if isinstance(value, str) else _written(value) for value in values]
        if len(set(names)) < len(names):
            names = list(map(_written, values))
        # The intersection, since a narrowed recursive schema may nest once more than this one.
        return [
            (name_of_value, Intersection((self._restricted(name, value), self)))
            for name_of_value, value in zip(names, values, strict=True)
        ]

    def _restricted(self, pointer: str, value: Any) -> JsonSchema:
        return JsonSchema(
            json_schema.restrict(self.schema, pointer, value),
            whitespace=self.whitespace,
            open_objects=self.open_objects,
            max_depth=self.max_depth,
            registry=self._schemas,
        )

    @functools.cached_property
    def _schemas(self) -> dict[str, Any] | None:
        """The schemas of the registry by URI."""
        return None if self._registry is None else json.loads(self._registry)

    @functools.cached_property
    def _draft(self) -> Draft:
        """As whose numbers those of a text are read: draft 4's if any part is written in it, since
        there 1.0 is no integer; what that leaves as it is, is the same number in all drafts."""
        texts = self._text + (self._registry or "")
        return Draft.DRAFT4 if _DRAFT_4 in texts else Draft.DRAFT2020_12


def _json(value: Any, what: str) -> str:
    _check_size(value, what)
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"{what} is not JSON: {error}") from None


def _check_size(value: Any, what: str) -> None:
    """Raises LimitError where the JSON text would be huge: parts can be shared, again and again."""
    parts = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        parts += 1
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        if parts + len(waiting) > MAX_PARTS:
            if _holds_itself(value):
                raise SchemaError(f"{what} is not JSON: it holds itself")
            raise LimitError(
                f"{what} has more than {MAX_PARTS:,} parts; name parts that are used again in "
                "$defs and refer to them"
            )


def _holds_itself(value: Any) -> bool:
    """Whether a dict or list is, at some depth, a part of itself."""
    done, around = set[int](), set[int]()
    path = [(id(value), iter([value]))]
    while path:
        number, parts = path[-1]
        part = next(parts, None)
        if part is None:
            path.pop()
            around.discard(number)
            done.add(number)
        elif isinstance(part, dict | list) and id(part) not in done:
            if id(part) in around:
                return True
            around.add(id(part))
            below = part.values() if isinstance(part, dict) else part
            path.append((id(part), (each for each in below if each is not None)))
    return False


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@functools.lru_cache(maxsize=8)
def _compiled(schema: JsonSchema, capacity: int | None) -> json_schema.CompiledSchema:
    return json_schema.compile_schema(
        schema.schema,
        whitespace=schema.whitespace,
        open_objects=schema.open_objects,
        max_depth=schema.max_depth,
        capacity=capacity,
        registry=schema._schemas,
    )


@functools.lru_cache(maxsize=64)
def _acceptor(schema: JsonSchema, capacity: int) -> json_schema.Acceptor:
    return json_schema.acceptor_of(
        schema.schema,
        open_objects=schema.open_objects,
        capacity=capacity,
        registry=schema._schemas,
    )
