"""The drafts of JSON Schema: which one a schema is written in, and what differs between them."""

from __future__ import annotations

from enum import IntEnum
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


_DRAFTS = {
    "json-schema.org/draft-04/schema": Draft.DRAFT4,
    "json-schema.org/draft-06/schema": Draft.DRAFT6,
    "json-schema.org/draft-07/schema": Draft.DRAFT7,
    "json-schema.org/draft/2019-09/schema": Draft.DRAFT2019_09,
    "json-schema.org/draft/2020-12/schema": Draft.DRAFT2020_12,
    "json-schema.org/schema": Draft.DRAFT2020_12,
}


def draft_of(schema: Any) -> Draft:
    """The draft that `$schema` at the root names; 2020-12 where it names none.

    Raises SchemaError if `$schema` is no text, UnsupportedSchemaError for an unknown draft.
    """
    if not isinstance(schema, dict) or "$schema" not in schema:
        return Draft.DRAFT2020_12
    uri = schema["$schema"]
    if not isinstance(uri, str):
        raise SchemaError("$schema must be the URI of a draft of JSON Schema", "/$schema")
    name = uri.strip().removesuffix("#").removeprefix("https://").removeprefix("http://")
    if name not in _DRAFTS:
        known = ", ".join(f"http://{known}" for known in _DRAFTS)
        raise UnsupportedSchemaError(
            f"the draft {uri!r} is not known; known are {known}", "/$schema", "$schema"
        )
    return _DRAFTS[name]
