"""Where schemas stand in a document, and what `$ref` points to.

Terms as in JSON Schema 2020-12 core, sections 8 and 9: a *resource* is a schema with its own URI
(the document, or a schema inside it with `$id`); a reference is resolved against the URI of the
resource that it stands in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from ...errors import SchemaError, UnsupportedSchemaError
from .drafts import Draft

RawSchema = bool | dict[str, Any]

# Their values hold data, in which "$id" means nothing.
_DATA_KEYWORDS = frozenset(("enum", "const", "default", "example", "examples"))
_MAPS_OF_SCHEMAS = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
)


@dataclass(frozen=True, eq=False)
class Resource:
    """A schema with its own URI. `pointer` is where it stands in the document."""

    uri: str
    raw: RawSchema
    pointer: str


@dataclass(frozen=True, eq=False)
class Place:
    """A schema as written, where it stands in the document, and the resource around it."""

    raw: RawSchema
    pointer: str
    resource: Resource

    def child(self, raw: Any, *tokens: str | int) -> Place:
        """The schema `raw` that stands below this one. Raises SchemaError if it is no schema."""
        pointer = self.pointer + "".join(f"/{escape(str(token))}" for token in tokens)
        return Place(as_schema(raw, pointer), pointer, self.resource)


def escape(token: str) -> str:
    """A reference token as it stands in a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def pointer_tokens(pointer: str) -> list[str]:
    """The reference tokens of a JSON pointer, unescaped. Raises ValueError if it is none."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"a JSON pointer is empty or starts with '/', got {pointer!r}")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def as_schema(raw: Any, pointer: str) -> RawSchema:
    """`raw` if it can be a schema. Raises SchemaError otherwise."""
    if isinstance(raw, bool | dict):
        return raw
    raise SchemaError(f"a schema is an object or a boolean, got {_kind(raw)}", pointer)


def _kind(value: Any) -> str:
    names = {str: "a string", int: "a number", float: "a number", list: "an array"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


class Document:
    """A schema document: finds what references in it point to."""

    def __init__(self, raw: RawSchema, draft: Draft) -> None:
        self._draft = draft
        self.root = self.enter(Place(raw, "", Resource("", raw, "")))
        self._resources: dict[str, Resource] | None = None
        self._anchors: dict[tuple[str, str], Place] = {}

    def enter(self, place: Place) -> Place:
        """`place` in the resource that it opens, if it has a URI of its own."""
        uri = self._own_uri(place.raw)
        if uri is None:
            return place
        absolute = urldefrag(_join(place.resource.uri, uri)).url
        resource = Resource(absolute, place.raw, place.pointer)
        return Place(place.raw, place.pointer, resource)

    def resolve(self, reference: str, place: Place) -> Place:
        """The schema that `$ref: reference` in `place` points to.

        Raises SchemaError if there is none, UnsupportedSchemaError if it is another document.
        """
        pointer = f"{place.pointer}/$ref"
        uri, fragment = urldefrag(_join(place.resource.uri, reference))
        fragment = unquote(fragment)
        resource = place.resource
        if uri != resource.uri:
            known = self._all_resources().get(uri)
            if known is None:
                raise UnsupportedSchemaError(
                    f"the reference {reference!r} leads to another document, which is not read",
                    pointer,
                    "$ref",
                )
            resource = known
        if fragment == "" or fragment.startswith("/"):
            return self._follow(resource, fragment, reference, pointer)
        self._all_resources()
        if (resource.uri, fragment) not in self._anchors:
            raise SchemaError(f"the reference {reference!r} leads nowhere", pointer)
        return self._anchors[resource.uri, fragment]

    def _follow(self, resource: Resource, fragment: str, reference: str, origin: str) -> Place:
        place = Place(resource.raw, resource.pointer, resource)
        raw: Any = resource.raw
        pointer = resource.pointer
        for token in pointer_tokens(fragment):
            if isinstance(raw, dict) and token in raw:
                raw = raw[token]
            elif isinstance(raw, list) and token.isdecimal() and int(token) < len(raw):
                raw = raw[int(token)]
            else:
                raise SchemaError(f"the reference {reference!r} leads nowhere", origin)
            pointer += f"/{escape(token)}"
            if isinstance(raw, dict):
                place = self.enter(Place(raw, pointer, place.resource))
        return Place(as_schema(raw, pointer), pointer, place.resource)

    def _own_uri(self, raw: Any) -> str | None:
        """The URI that a schema gives itself, or None."""
        if not isinstance(raw, dict):
            return None
        uri = raw.get(self._draft.id_keyword)
        if not isinstance(uri, str) or uri.startswith("#"):
            return None
        if self._draft.reference_stands_alone and "$ref" in raw:
            return None
        return uri

    def _anchor(self, raw: dict[str, Any]) -> str | None:
        if self._draft >= Draft.DRAFT2019_09:
            anchor = raw.get("$anchor", raw.get("$dynamicAnchor"))
            return anchor if isinstance(anchor, str) else None
        uri = raw.get(self._draft.id_keyword)
        return uri[1:] if isinstance(uri, str) and uri.startswith("#") else None

    def _all_resources(self) -> dict[str, Resource]:
        """Every resource of the document by URI; collects the anchors as well."""
        if self._resources is None:
            self._resources = {self.root.resource.uri: self.root.resource}
            waiting = [self.root]
            while waiting:
                place = self.enter(waiting.pop())
                self._resources.setdefault(place.resource.uri, place.resource)
                if isinstance(place.raw, dict):
                    anchor = self._anchor(place.raw)
                    if anchor is not None:
                        self._anchors.setdefault((place.resource.uri, anchor), place)
                    waiting.extend(_subschemas(place))
        return self._resources


def _subschemas(place: Place) -> Iterator[Place]:
    """Everything below a schema that may be a schema: unknown keywords can hold some too."""
    assert isinstance(place.raw, dict)
    for keyword, value in place.raw.items():
        if keyword in _DATA_KEYWORDS:
            continue
        if keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
            children = [(f"/{escape(name)}", child) for name, child in value.items()]
        elif isinstance(value, list):
            children = [(f"/{index}", child) for index, child in enumerate(value)]
        else:
            children = [("", value)]
        for below, child in children:
            if isinstance(child, dict):
                pointer = f"{place.pointer}/{escape(keyword)}{below}"
                yield Place(child, pointer, place.resource)


def _join(base: str, reference: str) -> str:
    try:
        # urljoin knows hierarchical schemes only; the fragment of a URN must still be replaced.
        if reference.startswith("#"):
            return urldefrag(base).url + reference
        return urljoin(base, reference)
    except ValueError as error:
        raise SchemaError(f"{reference!r} is no URI: {error}") from None
