"""Where schemas stand, in which resource, and what identifies them.

Terms as in JSON Schema 2020-12 core, sections 7.1, 8 and 9: a *resource* is a schema with a URI of
its own (a document, or a schema inside one with `$id`); references are resolved against the URI of
the resource that they stand in. The *dynamic scope* is the chain of the resources that evaluation
has entered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from reprlib import repr as shown
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from ...errors import LimitError, SchemaError, UnsupportedSchemaError
from .drafts import SUBSCHEMAS, Dialect, Draft, Holding, known_draft

RawSchema = bool | dict[str, Any]

Location = Any
"""A JSON pointer as a linked list, so that deep schemas do not cost their depth squared.

A tuple of the location above and the tokens from there; at the root, the text in front of the
pointer: nothing, or for other documents their URI and "#".
"""

RECURSIVE = ""
"""The name under which `$recursiveAnchor` is kept among the dynamic anchors, which have others."""

MAX_DYNAMIC_ANCHORS = 200
MAX_URIS = 100

_INDIRECT = frozenset(("not", "if", "oneOf", "contains"))
"""Keywords under which a narrower schema can make the schema around it wider."""


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


def pointer_of(location: Location) -> str:
    """A location as a JSON pointer."""
    tokens: list[str] = []
    while not isinstance(location, str):
        location, *below = location
        tokens.extend(escape(str(token)) for token in reversed(below))
    return "/".join((location, *reversed(tokens)))


def as_schema(raw: Any, location: Location) -> RawSchema:
    """`raw` if it can be a schema. Raises SchemaError otherwise."""
    if isinstance(raw, bool | dict):
        return raw
    raise SchemaError(f"a schema is an object or a boolean, got {_kind(raw)}", pointer_of(location))


def join(base: str, reference: str) -> str:
    """A URI reference resolved against the URI of a resource. Raises ValueError if it is none."""
    # urljoin knows hierarchical schemes only; the fragment of a URN must still be replaced.
    if reference.startswith("#"):
        return urldefrag(base).url + reference
    return urljoin(base, reference)


class Spot(NamedTuple):
    """A schema as it stands in a document."""

    raw: RawSchema
    location: Location
    dialect: Dialect


@dataclass(frozen=True, eq=False)
class Resource:
    """A schema with a URI of its own.

    anchors: the schemas with plain names, by name; more than one where a name is not unique.
    dynamic: the names that are dynamic anchors, and RECURSIVE where `$recursiveAnchor` is true.
    """

    uri: str
    root: Spot
    document: Document
    anchors: dict[str, list[Spot]] = field(default_factory=dict)
    dynamic: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Context:
    """What of the way to a schema decides on its meaning.

    scope: by name, the outermost resource of the dynamic scope with a dynamic anchor of that name.
    exact: whether narrowing is no longer safe, since it can widen something further out. If not,
        keywords that the draft does not know may be honoured.
    """

    scope: tuple[tuple[str, Resource], ...] = ()
    exact: bool = True

    def inside(self, resource: Resource, exact: bool = False) -> Context:
        """The context inside a resource that is entered."""
        scope = self.scope
        if resource.dynamic:
            known = dict(scope)
            if not resource.dynamic <= known.keys():
                outermost = {**dict.fromkeys(resource.dynamic, resource), **known}
                if len(outermost) > MAX_DYNAMIC_ANCHORS:
                    raise LimitError(
                        f"more than {MAX_DYNAMIC_ANCHORS} dynamic anchors are in one dynamic "
                        f"scope, down to {pointer_of(resource.root.location) or 'the root'}; use "
                        "$anchor and $ref"
                    )
                scope = tuple(sorted(outermost.items(), key=lambda item: item[0]))
        if scope is self.scope and (self.exact or not exact):
            return self
        return Context(scope, self.exact or exact)


@dataclass(frozen=True, eq=False)
class Place:
    """A schema where it stands, with all that decides on its meaning."""

    raw: RawSchema
    location: Location
    resource: Resource
    dialect: Dialect
    context: Context

    @property
    def pointer(self) -> str:
        """The JSON pointer in the document, after the URI of documents other than the root's."""
        return pointer_of(self.location)

    def below(self, *tokens: str | int) -> str:
        """The JSON pointer of what stands below this schema."""
        return pointer_of((self.location, *tokens))

    def child(self, raw: Any, *tokens: str | int) -> Place:
        """The schema `raw` that stands below this one. Raises SchemaError if it is no schema."""
        location = (self.location, *tokens)
        raw = as_schema(raw, location)
        spot, resource = enter(Spot(raw, location, self.dialect), self.resource)
        context = self.context.inside(resource, tokens[0] in _INDIRECT)
        return Place(raw, location, resource, spot.dialect, context)


def enter(spot: Spot, around: Resource) -> tuple[Spot, Resource]:
    """A schema with the draft that it states, and the resource that it is or stands in.

    The draft around it says which keyword would give it a URI. As jsonschema does, `$schema` is
    followed also where a schema has none.

    Raises SchemaError for URIs that are none, UnsupportedSchemaError for an unknown draft of a
    resource.
    """
    raw, location, dialect = spot
    if not isinstance(raw, dict):
        return spot, around
    draft = known_draft(raw)
    if draft is not None:
        spot = Spot(raw, location, Dialect(draft))
    uri = _own_uri(raw, location, dialect.draft, around.uri)
    if uri is None:
        return spot, around
    if draft is None and "$schema" in raw:
        raise UnsupportedSchemaError(
            f"the draft {shown(raw['$schema'])} of a schema inside another one is not known",
            f"{pointer_of(location)}/$schema",
            "$schema",
        )
    return spot, around.document.resource(uri, spot)


def _own_uri(raw: dict[str, Any], location: Location, draft: Draft, base: str) -> str | None:
    """The URI that a schema gives itself, or None."""
    uri = raw.get(draft.id_keyword)
    if not isinstance(uri, str):
        return None
    if draft.reference_stands_alone and (uri.startswith("#") or "$ref" in raw):
        return None
    try:
        absolute, fragment = urldefrag(join(base, uri))
    except ValueError as error:
        problem = f"{uri!r} is no URI: {error}"
    else:
        if not fragment:
            return absolute
        if draft.reference_stands_alone and absolute == base:
            return None  # An anchor with the URI around it spelled out.
        problem = f"the URI of a schema must not have a fragment, got {uri!r}"
    raise SchemaError(problem, f"{pointer_of(location)}/{draft.id_keyword}")


class Document:
    """A schema document, with the resources and anchors in it.

    Attributes:
        root: the resource that the document is.
        resources: all resources by URI; more than one where a URI is not unique.
        narrows: whether it holds `dependencies` in a draft that has dropped it, and nothing
            (`unevaluatedProperties`, `unevaluatedItems`) that looks at what it evaluates.
    """

    def __init__(self, raw: RawSchema, uri: str, dialect: Dialect, front: str = "") -> None:
        """uri: where the document is known to be. front: see `Location`."""
        spot = Spot(raw, front, dialect)
        own = _own_uri(raw, front, dialect.draft, uri) if isinstance(raw, dict) else None
        self.resources: dict[str, list[Resource]] = {}
        self._made: dict[int, dict[str, Resource]] = {}
        self.root = self.resource(uri if own is None else own, spot)
        self.narrows = False
        self._find_resources()

    def resource(self, uri: str, spot: Spot) -> Resource:
        """The resource of the schema at `spot`, which gives itself the URI `uri`.

        Below keywords that hold no schemas it is none that references could find.
        """
        made = self._made.setdefault(id(spot.raw), {})
        if uri not in made:
            if len(made) >= MAX_URIS:
                raise LimitError(
                    f"the same object is a schema with more than {MAX_URIS} URIs, the last of them "
                    f"{shown(uri)} at {pointer_of(spot.location)}; use copies, or absolute URIs"
                )
            made[uri] = Resource(uri, spot, self)
        return made[uri]

    def _find_resources(self) -> None:
        seen = set()
        dropped = evaluates = False
        waiting = [(self.root.root, self.root)]
        while waiting:
            spot, resource = waiting.pop()
            raw = spot.raw
            # Documents made in Python can hold the same object more than once, even in itself.
            if (id(raw), id(resource)) in seen:
                continue
            seen.add((id(raw), id(resource)))
            if raw is resource.root.raw:
                self.resources.setdefault(resource.uri, []).append(resource)
            if not isinstance(raw, dict):
                continue
            _collect_anchors(raw, spot, resource)
            if spot.dialect.draft >= Draft.DRAFT2019_09:
                dropped = dropped or "dependencies" in raw
                evaluates = evaluates or "unevaluatedProperties" in raw or "unevaluatedItems" in raw
            for child in _subschemas(raw, spot):
                try:
                    waiting.append(enter(child, resource))
                except SchemaError:
                    # It is reported if something reads that schema.
                    waiting.append((child, resource))
        self.narrows = dropped and not evaluates


def _collect_anchors(raw: dict[str, Any], spot: Spot, resource: Resource) -> None:
    draft = spot.dialect.draft
    if draft >= Draft.DRAFT2019_09:
        names = [raw.get("$anchor")]
        if draft >= Draft.DRAFT2020_12:
            dynamic = raw.get("$dynamicAnchor")
            names.append(dynamic)
            if isinstance(dynamic, str) and dynamic:
                resource.dynamic.add(dynamic)
        elif raw.get("$recursiveAnchor") is True and resource.root.raw is raw:
            resource.dynamic.add(RECURSIVE)
    else:
        uri = raw.get(draft.id_keyword)
        base, _, fragment = uri.partition("#") if isinstance(uri, str) else ("", "", "")
        names = [unquote(fragment) if base in ("", resource.uri) else None]
    for name in {name for name in names if isinstance(name, str) and name}:
        resource.anchors.setdefault(name, []).append(spot)


def _subschemas(raw: dict[str, Any], spot: Spot) -> Iterator[Spot]:
    """The objects directly below a schema that are schemas. What is malformed is left out."""
    _, location, dialect = spot
    holdings = SUBSCHEMAS[dialect]
    for keyword, value in raw.items():
        holding = holdings.get(keyword)
        if holding is None:
            continue
        children: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, list) and holding in (Holding.LIST, Holding.ONE_OR_LIST):
            children = enumerate(value)
        elif isinstance(value, dict) and holding is Holding.MAP:
            children = value.items()
        elif isinstance(value, dict) and holding in (Holding.ONE, Holding.ONE_OR_LIST):
            yield Spot(value, (location, keyword), dialect)
        for token, child in children:
            if isinstance(child, dict):
                yield Spot(child, (location, keyword, token), dialect)


def same_text(spots: list[Spot]) -> bool:
    """Whether schemas are the same, as far as that can be told cheaply."""
    first = spots[0]
    try:
        return all(
            spot.dialect == first.dialect
            and (spot.raw is first.raw or json.dumps(spot.raw) == json.dumps(first.raw))
            for spot in spots[1:]
        )
    except (RecursionError, TypeError, ValueError):
        return False


def _kind(value: Any) -> str:
    names = {str: "a string", int: "a number", float: "a number", list: "an array"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
