"""The drafts of JSON Schema: which one a schema is written in, and what differs between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

from ...errors import SchemaError, UnsupportedSchemaError


class Draft(IntEnum):
    """A draft that schemas can be read as, oldest first."""

    DRAFT4 = 4
    DRAFT6 = 6
    DRAFT7 = 7
    DRAFT2019_09 = 2019
    DRAFT2020_12 = 2020

    @property
    def id_keyword(self) -> str:
        """The keyword that gives a schema its own URI."""
        return "id" if self is Draft.DRAFT4 else "$id"

    @property
    def reference_stands_alone(self) -> bool:
        """Whether `$ref` switches off all keywords beside it (up to draft 7)."""
        return self <= Draft.DRAFT7


@dataclass(frozen=True)
class Dialect:
    """What a schema is read as.

    stated: whether a `$schema` says so. Where none does, 2020-12 is read, and lists under `items`
        with `additionalItems` besides, since such schemas are often older.
    """

    draft: Draft
    stated: bool = True


DEFAULT_DIALECT = Dialect(Draft.DRAFT2020_12, stated=False)


class Holding(Enum):
    """What holds schemas, as the value of a keyword."""

    ONE = "a schema"
    LIST = "a list of schemas"
    ONE_OR_LIST = "a schema or a list of schemas"
    MAP = "an object of schemas"


_Kind = Holding | None
_KEYWORDS: Mapping[Draft, Mapping[_Kind, str]] = {
    Draft.DRAFT4: {
        None: "$ref type enum required minProperties maxProperties minItems maxItems uniqueItems "
        "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern "
        "format",
        Holding.ONE: "additionalProperties additionalItems not",
        Holding.LIST: "allOf anyOf oneOf",
        Holding.ONE_OR_LIST: "items",
        Holding.MAP: "properties patternProperties dependencies definitions",
    },
    Draft.DRAFT6: {None: "const", Holding.ONE: "contains propertyNames"},
    Draft.DRAFT7: {Holding.ONE: "if then else"},
    Draft.DRAFT2019_09: {
        None: "dependentRequired minContains maxContains $recursiveRef",
        Holding.ONE: "unevaluatedProperties unevaluatedItems contentSchema",
        Holding.MAP: "dependentSchemas $defs",
    },
    Draft.DRAFT2020_12: {None: "$dynamicRef", Holding.LIST: "prefixItems"},
}
"""The keywords by the draft that brought them, and by what their values hold."""

_WITHOUT_EFFECT = frozenset(("definitions", "$defs", "contentSchema"))


def _keywords_of(dialect: Dialect) -> dict[str, _Kind]:
    keywords = {
        keyword: kind
        for since, kinds in _KEYWORDS.items()
        if since <= dialect.draft
        for kind, names in kinds.items()
        for keyword in names.split()
    }
    if dialect.draft == Draft.DRAFT2020_12:
        del keywords["$recursiveRef"]
        if dialect.stated:
            del keywords["additionalItems"]
            keywords["items"] = Holding.ONE
        else:
            keywords["nullable"] = None
    return keywords


_BY_DIALECT = {
    dialect: _keywords_of(dialect) for dialect in (*map(Dialect, Draft), DEFAULT_DIALECT)
}

SUBSCHEMAS: Mapping[Dialect, Mapping[str, Holding]] = {
    dialect: {keyword: kind for keyword, kind in keywords.items() if kind is not None}
    for dialect, keywords in _BY_DIALECT.items()
}
"""The keywords whose values hold schemas. Elsewhere nothing is a schema unless a `$ref` says so."""

HONOURED: Mapping[Dialect, frozenset[str]] = {
    dialect: frozenset(keywords.keys() - _WITHOUT_EFFECT)
    for dialect, keywords in _BY_DIALECT.items()
}
"""The keywords that constrain. `dependencies` is dropped from 2019-09 on, but see `Reader`."""


_DRAFTS = {
    "json-schema.org/draft-04/schema": Draft.DRAFT4,
    "json-schema.org/draft-06/schema": Draft.DRAFT6,
    "json-schema.org/draft-07/schema": Draft.DRAFT7,
    "json-schema.org/draft/2019-09/schema": Draft.DRAFT2019_09,
    "json-schema.org/draft/2020-12/schema": Draft.DRAFT2020_12,
    "json-schema.org/schema": Draft.DRAFT2020_12,
}

# What must be switched on for a schema to mean here what its metaschema says.
_VOCABULARIES = {
    Draft.DRAFT2019_09: (
        "https://json-schema.org/draft/2019-09/vocab/",
        "core applicator validation",
    ),
    Draft.DRAFT2020_12: (
        "https://json-schema.org/draft/2020-12/vocab/",
        "core applicator validation unevaluated",
    ),
}
_OPTIONAL_VOCABULARIES = "format format-annotation format-assertion meta-data content"


def known_draft(schema: Any) -> Draft | None:
    """The draft that `$schema` of a schema names; None if it names none, or another one."""
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(uri, str):
        return None
    name = uri.strip().removesuffix("#").removeprefix("https://").removeprefix("http://")
    return _DRAFTS.get(name)


def draft_of(
    schema: Any, pointer: str = "", metaschema: Callable[[str], Any] = lambda uri: None
) -> Draft:
    """The draft that `$schema` of the root of a document names; 2020-12 where it names none.

    Args:
        pointer: where the root stands, for messages.
        metaschema: gives what is known under a URI, or None. A metaschema that is found there
            counts as the draft that it is written in, if its `$vocabulary` switches nothing off.

    Raises SchemaError if `$schema` is no text, UnsupportedSchemaError for an unknown draft.
    """
    if not isinstance(schema, dict) or "$schema" not in schema:
        return DEFAULT_DIALECT.draft
    uri = schema["$schema"]
    pointer = f"{pointer}/$schema"
    if not isinstance(uri, str):
        raise SchemaError("$schema must be the URI of a draft of JSON Schema", pointer)
    draft = known_draft(schema)
    if draft is not None:
        return draft
    custom = metaschema(uri)
    draft = known_draft(custom)
    if draft is None:
        known = ", ".join(f"http://{known}" for known in _DRAFTS)
        raise UnsupportedSchemaError(
            f"the draft {uri!r} is not known; known are {known}, and metaschemas written in one "
            "of these that are in the registry",
            pointer,
            "$schema",
        )
    _check_vocabularies(uri, custom.get("$vocabulary"), draft, pointer)
    return draft


def _check_vocabularies(uri: str, vocabularies: Any, draft: Draft, pointer: str) -> None:
    """Refuses metaschemas that switch keywords off, or that demand ones of their own."""
    if draft not in _VOCABULARIES or not isinstance(vocabularies, dict):
        return
    prefix, names = _VOCABULARIES[draft]
    needed = [prefix + name for name in names.split()]
    known = {*needed, *(prefix + name for name in _OPTIONAL_VOCABULARIES.split())}
    off = [name for name in needed if name not in vocabularies]
    foreign = [name for name, demanded in vocabularies.items() if demanded and name not in known]
    if off or foreign:
        problem = f"switches off the vocabulary {off[0]}" if off else f"demands {foreign[0]}"
        raise UnsupportedSchemaError(
            f"the metaschema {uri!r} {problem}; only the vocabularies of JSON Schema itself can be "
            "honoured, and only together",
            pointer,
            "$schema",
        )
