"""Finding what references point to: in the document, in the caller's registry, among metaschemas.

Nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urldefrag

from ...errors import SchemaError, UnsupportedSchemaError
from .drafts import SUBSCHEMAS, Dialect, Holding, draft_of
from .references import (
    RECURSIVE,
    Context,
    Document,
    Place,
    RawSchema,
    Resource,
    Spot,
    as_schema,
    enter,
    join,
    pointer_of,
    pointer_tokens,
    same_text,
)

_INDEX = re.compile("0|[1-9][0-9]{0,9}")
"""An index of an array as a reference token (RFC 6901)."""

Registry = Mapping[str, Any]
"""Schemas by URI, or a `referencing.Registry`, which is a mapping from URIs to resources."""


class Library:
    """The documents that references can lead to.

    Args:
        root: the document that is read.
        registry: more documents by URI. One that states no draft is read in the draft of the
            schema that refers to it.

    Attributes:
        root: the place of the root's schema.

    Raises SchemaError if `root` is no schema, UnsupportedSchemaError if its draft is not known.
    """

    def __init__(self, root: Any, registry: Registry | None = None) -> None:
        # Iterating over a registry and asking it by URI reads what it holds; it does not retrieve.
        given = registry or {}
        self._given = {uri.rstrip("#"): _contents(given[uri]) for uri in given}
        self._documents: dict[tuple[str, Dialect], Document] = {}
        self._embedded: dict[Dialect, dict[str, list[Resource]]] = {}
        self._compared: dict[tuple[int, int], bool] = {}
        raw = as_schema(root, "")
        stated = isinstance(raw, dict) and "$schema" in raw
        self._root = Document(raw, "", Dialect(draft_of(raw, "", self._known), stated))
        resource = self._root.root
        context = Context(exact=not self._root.narrows).inside(resource)
        self.root = Place(raw, resource.root.location, resource, resource.root.dialect, context)

    def resolve(self, reference: str, place: Place) -> Place:
        """The schema that `$ref: reference` in `place` points to.

        Raises SchemaError if there is none, UnsupportedSchemaError if the document is not there.
        """
        resource, fragment = self._split(reference, place, "$ref")
        return self._target(resource, fragment, reference, place, "$ref")

    def resolve_dynamic(self, reference: str, place: Place) -> Place:
        """The schema that `$dynamicRef: reference` in `place` points to (2020-12, 8.2.3.2)."""
        resource, fragment = self._split(reference, place, "$dynamicRef")
        if fragment and fragment in resource.dynamic:
            resource = dict(place.context.scope).get(fragment, resource)
        return self._target(resource, fragment, reference, place, "$dynamicRef")

    def resolve_recursive(self, place: Place) -> Place:
        """The schema that `$recursiveRef: "#"` in `place` points to (2019-09, 8.2.4.2)."""
        resource = place.resource
        if RECURSIVE in resource.dynamic:
            resource = dict(place.context.scope).get(RECURSIVE, resource)
        return _placed(resource.root, resource, place)

    def _split(self, reference: str, place: Place, keyword: str) -> tuple[Resource, str]:
        """The resource that a reference leads to, and the fragment that leads on in it."""
        try:
            uri, fragment = urldefrag(join(place.resource.uri, reference))
        except ValueError as error:
            raise SchemaError(f"{reference!r} is no URI: {error}", place.below(keyword)) from None
        found = self._find(uri, place)
        if not found:
            raise UnsupportedSchemaError(
                f"the reference {reference!r} leads to {uri!r}, which is not read: pass that "
                "document in the registry",
                place.below(keyword),
                keyword,
            )
        self._check_unique(found, reference, place, keyword)
        return found[0], unquote(fragment)

    def _target(
        self, resource: Resource, fragment: str, reference: str, place: Place, keyword: str
    ) -> Place:
        if fragment == "" or fragment.startswith("/"):
            spot, resource, known = self._follow(resource, fragment)
        else:
            spots = resource.anchors.get(fragment, [])
            self._check_unique(spots, reference, place, keyword)
            spot, known = spots[0] if spots else None, True
        if spot is None:
            raise SchemaError(f"the reference {reference!r} leads nowhere", place.below(keyword))
        as_schema(spot.raw, spot.location)
        return _placed(spot, resource, place, exact=not known)

    def _check_unique(
        self, found: Sequence[Resource | Spot], reference: str, place: Place, keyword: str
    ) -> None:
        """Refuses references to one of several schemas that are not the same."""
        if len(found) < 2:
            return
        # What is found never goes away, so that this identity is its own.
        key = (id(found[0]), len(found))
        if key not in self._compared:
            self._compared[key] = same_text([_spot(each) for each in found])
        if not self._compared[key]:
            places = [pointer_of(_spot(each).location) or "the root" for each in found[:2]]
            raise SchemaError(
                f"the reference {reference!r} is ambiguous: {' and '.join(places)} have the same "
                "name",
                place.below(keyword),
            )

    def _follow(self, resource: Resource, fragment: str) -> tuple[Spot | None, Resource, bool]:
        """What a JSON pointer leads to, the resource there, and whether it surely is a schema.

        Below keywords that hold no schemas, `$id` and `$schema` mean nothing.
        """
        spot = resource.root
        holding: Holding | None = Holding.ONE
        for token in pointer_tokens(fragment):
            raw: Any = spot.raw
            if isinstance(raw, dict) and token in raw:
                below = raw[token]
            elif isinstance(raw, list) and _INDEX.fullmatch(token) and int(token) < len(raw):
                below = raw[int(token)]
            else:
                return None, resource, False
            is_list = isinstance(below, list)
            if holding is Holding.ONE:
                holding = SUBSCHEMAS[spot.dialect].get(token)
                if holding is Holding.ONE_OR_LIST:
                    holding = Holding.LIST if is_list else Holding.ONE
            elif holding is not None:
                holding = Holding.ONE
            spot = Spot(below, (spot.location, token), spot.dialect)
            if holding is Holding.ONE:
                spot, resource = enter(spot, resource)
        return spot, resource, holding is Holding.ONE

    def _find(self, uri: str, place: Place) -> list[Resource]:
        """The resources with a URI: in the same document, in the root's, in all others."""
        for document in (place.resource.document, self._root):
            if uri in document.resources:
                return document.resources[uri]
        if uri == place.resource.uri:
            return [place.resource]
        other = self._document(uri, place.dialect)
        if other is not None:
            return [other.root]
        if place.dialect not in self._embedded:
            self._embedded[place.dialect] = self._all_embedded(place.dialect)
        return self._embedded[place.dialect].get(uri, [])

    def _all_embedded(self, dialect: Dialect) -> dict[str, list[Resource]]:
        """The resources of the registry's documents under the URIs that they give themselves."""
        result: dict[str, list[Resource]] = {}
        for uri in self._given:
            try:
                document = self._document(uri, dialect)
            except SchemaError:
                # It is reported if a reference leads to that document.
                continue
            assert document is not None
            for own, resources in document.resources.items():
                result.setdefault(own, []).extend(resources)
        return result

    def _document(self, uri: str, dialect: Dialect) -> Document | None:
        """The document under a URI of the registry, or the metaschema, or None."""
        raw = self._known(uri)
        if raw is None and uri not in self._given:
            return None
        front = f"{uri}#"
        if isinstance(raw, dict) and "$schema" in raw:
            dialect = Dialect(draft_of(raw, front, self._known))
        key = (uri, dialect)
        if key not in self._documents:
            self._documents[key] = Document(as_schema(raw, front), uri, dialect, front)
        return self._documents[key]

    def _known(self, uri: str) -> Any:
        uri = uri.rstrip("#")
        return self._given[uri] if uri in self._given else _metaschema(uri)


def _placed(spot: Spot, resource: Resource, origin: Place, exact: bool = False) -> Place:
    """The place of a schema that a reference in `origin` leads to."""
    dialect = spot.dialect
    if resource is origin.resource and not (isinstance(spot.raw, dict) and "$schema" in spot.raw):
        # Inside a resource `$schema` has no place; like jsonschema, go on in the same draft.
        dialect = origin.dialect
    exact = exact or resource.document is not origin.resource.document
    context = origin.context.inside(resource, exact)
    return Place(spot.raw, spot.location, resource, dialect, context)


def _spot(found: Resource | Spot) -> Spot:
    return found.root if isinstance(found, Resource) else found


def _contents(entry: Any) -> Any:
    """The schema of an entry of a registry, which may be a `referencing.Resource`."""
    return getattr(entry, "contents", entry)


def _metaschema(uri: str) -> RawSchema | None:
    """The official metaschema or vocabulary with a URI."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    resource = REGISTRY.get(uri)
    contents: RawSchema | None = None if resource is None else resource.contents
    return contents
