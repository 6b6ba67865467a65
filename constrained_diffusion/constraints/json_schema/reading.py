"""Reading: checks the keywords of one schema at a time and finds the schemas that they name.

Schemas are read when something asks for them, so that a definition which nothing uses is never
looked at. A schema is known by its number; number 0 is the schema that everything satisfies,
number 1 the one that nothing satisfies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import SchemaError, UnsupportedSchemaError
from .drafts import Draft, draft_of
from .references import Document, Place, as_schema

ANYTHING = 0
NOTHING = 1

TYPE_NAMES = ("null", "boolean", "integer", "number", "string", "array", "object")


@dataclass(frozen=True, eq=False)
class ReadSchema:
    """One schema whose constraining keywords are checked.

    keywords: in the order in which they are written; schemas in them are replaced by their
        numbers, `type` is a tuple of names, `$ref` the number of its target. Bounds of numbers
        are under `minimum` and `maximum`, or `exclusiveMinimum` and `exclusiveMaximum`, as
        numbers, also where draft 4 writes them with booleans.
    """

    pointer: str
    keywords: dict[str, Any]


@dataclass(frozen=True)
class _Refusal:
    """A keyword that constrains and cannot be honoured yet, from a draft on."""

    since: Draft
    until: Draft = Draft.DRAFT2020_12
    constrains: Callable[[Any], bool] = lambda value: True


_REFUSED = {
    "allOf": _Refusal(Draft.DRAFT4),
    "oneOf": _Refusal(Draft.DRAFT4),
    "not": _Refusal(Draft.DRAFT4),
    "patternProperties": _Refusal(Draft.DRAFT4, constrains=lambda value: value != {}),
    "minProperties": _Refusal(Draft.DRAFT4, constrains=lambda value: value != 0),
    "maxProperties": _Refusal(Draft.DRAFT4),
    "uniqueItems": _Refusal(Draft.DRAFT4, constrains=lambda value: value is not False),
    "multipleOf": _Refusal(Draft.DRAFT4),
    "dependencies": _Refusal(Draft.DRAFT4, constrains=lambda value: value != {}),
    "contains": _Refusal(Draft.DRAFT6),
    "propertyNames": _Refusal(Draft.DRAFT6, constrains=lambda value: value not in (True, {})),
    "if": _Refusal(Draft.DRAFT7),
    "dependentRequired": _Refusal(Draft.DRAFT2019_09, constrains=lambda value: value != {}),
    "dependentSchemas": _Refusal(Draft.DRAFT2019_09, constrains=lambda value: value != {}),
    "unevaluatedItems": _Refusal(Draft.DRAFT2019_09),
    "unevaluatedProperties": _Refusal(Draft.DRAFT2019_09),
    "$recursiveRef": _Refusal(Draft.DRAFT2019_09, until=Draft.DRAFT2019_09),
    "$dynamicRef": _Refusal(Draft.DRAFT2020_12),
}


# Names that would have to be asserted but cannot be, and why.
_REFUSED_FORMATS = {"regex": "regular expressions are not a regular language"}


class Reader:
    """Reads the schemas of one document on demand.

    Raises SchemaError (not a schema) and UnsupportedSchemaError (a keyword that cannot be
    honoured), each with the JSON pointer of the place.
    """

    def __init__(self, schema: Any) -> None:
        self.draft = draft_of(schema)
        self._states_draft = isinstance(schema, dict) and "$schema" in schema
        self._document = Document(as_schema(schema, ""), self.draft)
        root = self._document.root
        # Keeping the places keeps the raw schemas alive, so that `id` stays unique.
        self._places = [Place(True, "", root.resource), Place(False, "", root.resource)]
        self._numbers: dict[tuple[int, str], int] = {}
        self._read: dict[int, ReadSchema] = {}
        self._constants: dict[tuple[type, Any], int] = {}
        self._checks: dict[str, Callable[[Any, Place, str], Any]] = {
            "$ref": self._reference,
            "type": self._types,
            "properties": self._map_of_schemas,
            "required": self._names,
            "additionalProperties": self._schema,
            "prefixItems": self._list_of_schemas,
            "items": self._items,
            "additionalItems": self._schema,
            "minItems": self._count,
            "maxItems": self._count,
            "enum": self._values,
            "const": self._value,
            "minLength": self._count,
            "maxLength": self._count,
            "pattern": self._text,
            "format": self._format,
            "minimum": self._number,
            "maximum": self._number,
            "exclusiveMinimum": self._exclusive,
            "exclusiveMaximum": self._exclusive,
            "anyOf": self._branches,
        }
        if self.draft < Draft.DRAFT6:
            del self._checks["const"]
        if self.draft < Draft.DRAFT2020_12:
            del self._checks["prefixItems"]
        self.root = self._number_of(root)

    def pointer(self, number: int) -> str:
        """The JSON pointer of a schema, for messages."""
        return self._places[number].pointer

    def constant(self, value: Any, pointer: str) -> int:
        """The number of a schema that only `value` satisfies."""
        # The document keeps its containers alive, so that their identity stays theirs.
        key = (type(value), id(value) if isinstance(value, list | dict) else value)
        if key not in self._constants:
            number = len(self._places)
            self._places.append(Place({"const": value}, pointer, self._places[0].resource))
            self._read[number] = ReadSchema(pointer, {"const": value})
            self._constants[key] = number
        return self._constants[key]

    def read(self, number: int) -> ReadSchema:
        """The checked keywords of a schema (an object; 0 and 1 have none)."""
        if number not in self._read:
            self._read[number] = self._read_place(self._places[number])
        return self._read[number]

    def constrains(self, number: int) -> bool:
        """Whether a schema says anything at all."""
        return number != ANYTHING and (number == NOTHING or bool(self.read(number).keywords))

    def _number_of(self, place: Place) -> int:
        if isinstance(place.raw, bool):
            return ANYTHING if place.raw else NOTHING
        place = self._document.enter(place)
        key = (id(place.raw), place.resource.uri)
        if key not in self._numbers:
            self._numbers[key] = len(self._places)
            self._places.append(place)
        return self._numbers[key]

    def _read_place(self, place: Place) -> ReadSchema:
        raw = place.raw
        if isinstance(raw, bool):
            return ReadSchema(place.pointer, {})
        if "$ref" in raw and self.draft.reference_stands_alone:
            raw = {"$ref": raw["$ref"]}
        keywords: dict[str, Any] = {}
        for keyword, value in raw.items():
            if keyword in _REFUSED:
                self._refuse(keyword, value, raw, place)
            check = self._checks.get(keyword)
            if check is not None:
                keywords[keyword] = check(value, place, keyword)
        if "discriminator" in raw and "oneOf" in raw:
            keywords["oneOf"] = self._branches(raw["oneOf"], place, "oneOf")
            keywords["discriminator"] = self._discriminator(raw["discriminator"], place)
        if not isinstance(keywords.get("items"), tuple):
            keywords.pop("additionalItems", None)
        self._exclusive_booleans(keywords, place)
        return ReadSchema(place.pointer, keywords)

    def _refuse(self, keyword: str, value: Any, raw: dict[str, Any], place: Place) -> None:
        refusal = _REFUSED[keyword]
        if not refusal.since <= self.draft <= refusal.until or not refusal.constrains(value):
            return
        if keyword == "if" and "then" not in raw and "else" not in raw:
            return
        if keyword == "oneOf" and "discriminator" in raw:
            return
        raise UnsupportedSchemaError(
            f"the keyword {keyword!r} is not supported",
            f"{place.pointer}/{keyword}",
            keyword,
        )

    # Checks of keyword values: (value as written, the schema around it, keyword) -> as read.

    def _reference(self, value: Any, place: Place, keyword: str) -> int:
        text = self._text(value, place, keyword)
        return self._number_of(self._document.resolve(text, place))

    def _types(self, value: Any, place: Place, keyword: str) -> tuple[str, ...]:
        names = value if isinstance(value, list) else [value]
        for name in names:
            if name not in TYPE_NAMES:
                raise SchemaError(
                    f"a type is one of {', '.join(TYPE_NAMES)}, got {name!r}",
                    f"{place.pointer}/{keyword}",
                )
        return tuple(names)

    def _schema(self, value: Any, place: Place, keyword: str) -> int:
        return self._number_of(place.child(value, keyword))

    def _list_of_schemas(self, value: Any, place: Place, keyword: str) -> tuple[int, ...]:
        children = self._list(value, place, keyword)
        return tuple(
            self._number_of(place.child(child, keyword, index))
            for index, child in enumerate(children)
        )

    def _branches(self, value: Any, place: Place, keyword: str) -> tuple[int, ...]:
        branches = self._list_of_schemas(value, place, keyword)
        if not branches:
            raise SchemaError(
                f"{keyword} must hold at least one schema", f"{place.pointer}/{keyword}"
            )
        return branches

    def _map_of_schemas(self, value: Any, place: Place, keyword: str) -> dict[str, int]:
        if not isinstance(value, dict):
            raise SchemaError(f"{keyword} must be an object", f"{place.pointer}/{keyword}")
        return {
            self._text(name, place, keyword): self._number_of(place.child(child, keyword, name))
            for name, child in value.items()
        }

    def _items(self, value: Any, place: Place, keyword: str) -> int | tuple[int, ...]:
        if isinstance(value, list):
            # Schemas that name no draft are often older than 2020-12, where lists are gone.
            if self.draft < Draft.DRAFT2020_12 or not self._states_draft:
                return self._list_of_schemas(value, place, keyword)
            raise SchemaError(
                "items must be a schema in draft 2020-12 (a list of schemas is prefixItems)",
                f"{place.pointer}/{keyword}",
            )
        return self._schema(value, place, keyword)

    def _names(self, value: Any, place: Place, keyword: str) -> tuple[str, ...]:
        names = self._list(value, place, keyword)
        return tuple(dict.fromkeys(self._text(name, place, keyword) for name in names))

    def _values(self, value: Any, place: Place, keyword: str) -> tuple[Any, ...]:
        values = self._list(value, place, keyword)
        for each in values:
            self._value(each, place, keyword)
        return tuple(values)

    def _value(self, value: Any, place: Place, keyword: str) -> Any:
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict) and all(isinstance(key, str) for key in part):
                waiting.extend(part.values())
            elif isinstance(part, list):
                waiting.extend(part)
            elif not (part is None or isinstance(part, str | int) or _is_number(part)):
                raise SchemaError(f"{part!r} is no JSON value", f"{place.pointer}/{keyword}")
        return value

    def _list(self, value: Any, place: Place, keyword: str) -> list[Any]:
        if not isinstance(value, list):
            raise SchemaError(f"{keyword} must be an array", f"{place.pointer}/{keyword}")
        return value

    def _text(self, value: Any, place: Place, keyword: str) -> str:
        if not isinstance(value, str):
            raise SchemaError(
                f"expected a string in {keyword}, got {value!r}", f"{place.pointer}/{keyword}"
            )
        return value

    def _format(self, value: Any, place: Place, keyword: str) -> str:
        name = self._text(value, place, keyword)
        if name in _REFUSED_FORMATS:
            raise UnsupportedSchemaError(
                f"the format {name!r} is not supported: {_REFUSED_FORMATS[name]}",
                f"{place.pointer}/{keyword}",
                keyword,
            )
        return name

    def _count(self, value: Any, place: Place, keyword: str) -> int:
        if not _is_number(value) or value < 0 or value != int(value):
            raise SchemaError(
                f"{keyword} must be a whole number from 0 on, got {value!r}",
                f"{place.pointer}/{keyword}",
            )
        return int(value)

    def _number(self, value: Any, place: Place, keyword: str) -> int | float:
        if not _is_number(value):
            raise SchemaError(
                f"{keyword} must be a number, got {value!r}", f"{place.pointer}/{keyword}"
            )
        number: int | float = value
        return number

    def _exclusive(self, value: Any, place: Place, keyword: str) -> int | float | bool:
        if self.draft is Draft.DRAFT4:
            if not isinstance(value, bool):
                raise SchemaError(
                    f"{keyword} is a boolean in draft 4, got {value!r}",
                    f"{place.pointer}/{keyword}",
                )
            return value
        return self._number(value, place, keyword)

    def _exclusive_booleans(self, keywords: dict[str, Any], place: Place) -> None:
        """Rewrites draft 4's `minimum` with `exclusiveMinimum: true` as later drafts write it."""
        for inclusive, exclusive in (
            ("minimum", "exclusiveMinimum"),
            ("maximum", "exclusiveMaximum"),
        ):
            flag = keywords.get(exclusive)
            if not isinstance(flag, bool):
                continue
            del keywords[exclusive]
            if inclusive not in keywords:
                if flag:
                    raise SchemaError(f"{exclusive} needs {inclusive} in draft 4", place.pointer)
            elif flag:
                keywords[exclusive] = keywords.pop(inclusive)

    def _discriminator(self, value: Any, place: Place) -> str:
        if isinstance(value, dict) and isinstance(value.get("propertyName"), str):
            name: str = value["propertyName"]
            return name
        raise SchemaError(
            "discriminator must be an object with a propertyName",
            f"{place.pointer}/discriminator",
        )


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
