"""Reading: checks the keywords of one schema at a time and finds the schemas that they name.

Schemas are read when something asks for them, so that a definition which nothing uses is never
looked at. A schema is known by its number; number 0 is the schema that everything satisfies,
number 1 the one that nothing satisfies. The same text can have several numbers where it does not
mean the same: under another base URI, in another draft, in another dynamic scope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import drafts
from . import keywords as checks
from .drafts import Dialect, Draft
from .keywords import problem
from .references import Context, Location, Place, Resource, pointer_of
from .registry import Library, Registry

ANYTHING = 0
NOTHING = 1


@dataclass(frozen=True, eq=False)
class ReadSchema:
    """One schema whose constraining keywords are checked.

    keywords: in the order in which they are written; schemas in them are replaced by their
        numbers. Which there are, and what their values are:

        - `$ref`, `$dynamicRef` (also for `$recursiveRef`): the number of the target;
        - `not`, `if`, `then`, `else`, `contains`, `propertyNames`, `additionalProperties`,
          `additionalItems`, `unevaluatedProperties`, `unevaluatedItems`: a number;
        - `allOf`, `anyOf`, `oneOf`, `prefixItems`: a tuple of numbers;
        - `items`: a number, or the tuple of numbers of the older drafts, and only beside that
          `additionalItems`;
        - `properties`, `patternProperties`, `dependentSchemas`: a dict of numbers;
        - `required`: a tuple of names, `dependentRequired`: a dict of such (`dependencies` is split
          into these two);
        - `type`: a tuple of names, with "null" where `nullable` adds it;
        - `enum`: a tuple of values, `const`: a value;
        - `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`: numbers, also where draft 4
          writes booleans; `multipleOf`: a number more than 0, as written;
        - `minLength`, `maxLength`, `minItems`, `maxItems`, `minProperties`, `maxProperties`, and
          beside `contains` `minContains`, `maxContains`: counts;
        - `uniqueItems`: a bool; `pattern`, `format`: a string.

        `if` stands alone only from 2019-09 on, where it says what is evaluated; `then` and `else`
        never do.
    draft: what the schema is read as.
    """

    location: Location
    keywords: dict[str, Any]
    draft: Draft

    @property
    def pointer(self) -> str:
        """The JSON pointer of the schema, after the URI of documents other than the root's."""
        return pointer_of(self.location)


HONOURED: frozenset[str] = frozenset().union(*drafts.HONOURED.values())
"""All keywords that constrain in some draft. Others are annotations or unknown, and ignored."""

Check = Callable[[Any, Place, str], Any]


class Reader:
    """Reads the schemas of one document on demand, and of others that it refers to.

    What a schema says is what its draft says, with three liberties:

    - Where no `$schema` is stated, the draft is 2020-12, but a list of schemas under `items` is
      read as older drafts do, and `nullable: true` beside `type` adds null, as OpenAPI 3.0 says.
      JSON Schema does not know `nullable`; where a `$schema` is stated it is ignored.
    - `dependencies` is honoured in 2019-09 and 2020-12, which dropped it, unless that can accept
      more than the draft does: not below `not`, `if`, `oneOf` and `contains`, and not in documents
      with `unevaluatedProperties` or `unevaluatedItems`.
    - A `$schema` inside a resource, where the specification allows none, is followed.

    Args:
        schema: the document.
        registry: more documents by URI. The official metaschemas are always known.

    Attributes:
        root: the number of the document's schema.
        draft: the draft of the document's schema.

    Raises SchemaError (not a schema) and UnsupportedSchemaError (a reference to a document that is
    not there, a draft that is not known), each with the JSON pointer of the place.
    """

    def __init__(self, schema: Any, registry: Registry | None = None) -> None:
        self._library = Library(schema, registry)
        root = self._library.root
        self.draft = root.dialect.draft
        # Keeping the places keeps the raw schemas alive, so that `id` stays unique.
        self._places = [self._made(True, ""), self._made(False, "")]
        self._numbers: dict[tuple[int, Resource, Dialect, Context], int] = {}
        self._read: dict[int, ReadSchema] = {}
        self._constants: dict[tuple[type, Any], int] = {}
        self._checks: dict[str, Check] = {
            "$ref": self._reference,
            "$recursiveRef": self._recursive_reference,
            "$dynamicRef": self._dynamic_reference,
            "type": checks.types,
            "enum": checks.values,
            "const": checks.json_value,
            "properties": self._map_of_schemas,
            "patternProperties": self._map_of_schemas,
            "dependentSchemas": self._map_of_schemas,
            "dependentRequired": checks.names_by_name,
            "required": checks.names,
            "prefixItems": self._list_of_schemas,
            "items": self._items,
            "uniqueItems": checks.flag,
            "multipleOf": checks.divisor,
            "exclusiveMinimum": checks.exclusive,
            "exclusiveMaximum": checks.exclusive,
            "pattern": checks.text,
            "format": checks.text,
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), self._branches),
            **dict.fromkeys(("minimum", "maximum"), checks.number),
            **dict.fromkeys(
                (
                    f"{bound}{what}"
                    for what in ("Length", "Items", "Properties", "Contains")
                    for bound in ("min", "max")
                ),
                checks.count,
            ),
        }
        self.root = self._number_of(root)

    def pointer(self, number: int) -> str:
        """The JSON pointer of a schema, for messages."""
        return self._places[number].pointer

    def constant(self, value: Any, pointer: str) -> int:
        """The number of a schema that only `value` satisfies."""
        # The document keeps its containers alive, so that their identity stays theirs.
        key = (type(value), id(value) if isinstance(value, list | dict) else value)
        if key not in self._constants:
            self._constants[key] = self._new(pointer, {"const": value})
        return self._constants[key]

    def read(self, number: int) -> ReadSchema:
        """The checked keywords of a schema (an object; 0 and 1 have none)."""
        if number not in self._read:
            self._read[number] = self._read_place(self._places[number])
        return self._read[number]

    def constrains(self, number: int) -> bool:
        """Whether a schema says anything at all."""
        return number != ANYTHING and (number == NOTHING or bool(self.read(number).keywords))

    def _made(self, raw: Any, location: Location) -> Place:
        root = self._library.root
        return Place(raw, location, root.resource, root.dialect, root.context)

    def _new(self, location: Location, keywords: dict[str, Any]) -> int:
        """The number of a schema that does not stand in a document as such."""
        number = len(self._places)
        self._places.append(self._made(keywords, location))
        self._read[number] = ReadSchema(location, keywords, self.draft)
        return number

    def _number_of(self, place: Place) -> int:
        if isinstance(place.raw, bool):
            return ANYTHING if place.raw else NOTHING
        key = (id(place.raw), place.resource, place.dialect, place.context)
        if key not in self._numbers:
            self._numbers[key] = len(self._places)
            self._places.append(place)
        return self._numbers[key]

    def _read_place(self, place: Place) -> ReadSchema:
        raw, draft = place.raw, place.dialect.draft
        keywords: dict[str, Any] = {}
        if isinstance(raw, bool):
            return ReadSchema(place.location, keywords, draft)
        honoured = drafts.HONOURED[place.dialect]
        if "$ref" in raw and draft.reference_stands_alone:
            honoured = frozenset(("$ref",))
        for keyword, value in raw.items():
            if keyword not in honoured or keyword == "nullable":
                continue
            if keyword == "dependencies":
                if draft <= Draft.DRAFT7 or not place.context.exact:
                    self._split_dependencies(value, place, keywords)
                continue
            check: Check = self._checks.get(keyword, self._schema)
            read = check(value, place, keyword)
            if keyword == "$recursiveRef":
                keyword = "$dynamicRef"
            elif keyword in ("dependentRequired", "dependentSchemas"):
                read = self._merged(keywords.get(keyword, {}), read, place)
            keywords[keyword] = read
        _drop_idle(keywords, draft)
        checks.without_flags(keywords, place)
        if "nullable" in honoured and raw.get("nullable") is True and "type" in keywords:
            keywords["type"] = tuple(dict.fromkeys((*keywords["type"], "null")))
        return ReadSchema(place.location, keywords, draft)

    # Checks of keyword values: (value as written, the schema around it, keyword) -> as read.

    def _reference(self, value: Any, place: Place, keyword: str) -> int:
        text = checks.text(value, place, keyword)
        return self._number_of(self._library.resolve(text, place))

    def _dynamic_reference(self, value: Any, place: Place, keyword: str) -> int:
        text = checks.text(value, place, keyword)
        return self._number_of(self._library.resolve_dynamic(text, place))

    def _recursive_reference(self, value: Any, place: Place, keyword: str) -> int:
        if value != "#":
            raise problem('$recursiveRef must be "#"', place, keyword)
        return self._number_of(self._library.resolve_recursive(place))

    def _schema(self, value: Any, place: Place, keyword: str) -> int:
        return self._number_of(place.child(value, keyword))

    def _list_of_schemas(self, value: Any, place: Place, keyword: str) -> tuple[int, ...]:
        children = checks.array(value, place, keyword)
        return tuple(
            self._number_of(place.child(child, keyword, index))
            for index, child in enumerate(children)
        )

    def _branches(self, value: Any, place: Place, keyword: str) -> tuple[int, ...]:
        branches = self._list_of_schemas(value, place, keyword)
        if not branches:
            raise problem(f"{keyword} must hold at least one schema", place, keyword)
        return branches

    def _map_of_schemas(self, value: Any, place: Place, keyword: str) -> dict[str, int]:
        return {
            name: self._number_of(place.child(child, keyword, name))
            for name, child in checks.mapping(value, place, keyword).items()
        }

    def _items(self, value: Any, place: Place, keyword: str) -> int | tuple[int, ...]:
        if not isinstance(value, list):
            return self._schema(value, place, keyword)
        if place.dialect == Dialect(Draft.DRAFT2020_12):
            raise problem(
                "items must be a schema in draft 2020-12 (a list of schemas is prefixItems)",
                place,
                keyword,
            )
        return self._list_of_schemas(value, place, keyword)

    def _split_dependencies(self, value: Any, place: Place, keywords: dict[str, Any]) -> None:
        """Reads `dependencies` as the two keywords that have replaced it in 2019-09."""
        keyword = "dependencies"
        required: dict[str, tuple[str, ...]] = {}
        schemas: dict[str, int] = {}
        for name, each in checks.mapping(value, place, keyword).items():
            if isinstance(each, list):
                required[name] = checks.names(each, place, keyword)
            else:
                schemas[name] = self._number_of(place.child(each, keyword, name))
        for part, read in (("dependentRequired", required), ("dependentSchemas", schemas)):
            if read:
                keywords[part] = self._merged(keywords.get(part, {}), read, place)

    def _merged(
        self, first: dict[str, Any], second: dict[str, Any], place: Place
    ) -> dict[str, Any]:
        """Two maps of names or of schemas, both of which hold."""
        merged = {**first, **second}
        for name in first.keys() & second.keys():
            both = (first[name], second[name])
            if isinstance(first[name], tuple):
                merged[name] = tuple(dict.fromkeys(both[0] + both[1]))
            else:
                merged[name] = self._new(place.location, {"allOf": both})
        return merged


def _drop_idle(keywords: dict[str, Any], draft: Draft) -> None:
    """Leaves out what does nothing without another keyword."""
    if not isinstance(keywords.get("items"), tuple):
        keywords.pop("additionalItems", None)
    if "contains" not in keywords:
        keywords.pop("minContains", None)
        keywords.pop("maxContains", None)
    if "if" not in keywords:
        keywords.pop("then", None)
        keywords.pop("else", None)
    elif draft < Draft.DRAFT2019_09 and "then" not in keywords and "else" not in keywords:
        del keywords["if"]
