"""Validity by the `jsonschema` library, for the tests of a schema that no automaton decides."""

from __future__ import annotations

import functools
import json
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from ...automata import ByteAutomaton
from ...automata.regex import from_regex
from ...errors import GrammarError
from .drafts import Draft, draft_of
from .references import RawSchema


def is_valid(schema: RawSchema, text: str, registry: Mapping[str, RawSchema] | None = None) -> bool:
    """Whether JSON text is valid against `schema`, without the formats.

    Args:
        schema: a schema that compiles.
        text: JSON. Of a key that is repeated the last value counts, as for most readers.
        registry: the schemas by URI that references out of the document lead to; the network is
            never asked.

    What `jsonschema` cannot decide (numbers of thousands of digits, patterns for keys that Python's
    `re` does not read, nesting beyond Python's stack) counts as invalid.
    """
    import jsonschema_specifications  # type: ignore[import-untyped]
    from referencing import Resource
    from referencing.jsonschema import specification_with

    schemas = registry or {}
    draft = draft_of(schema, metaschema=schemas.get)
    if isinstance(schema, dict):
        # By its name, jsonschema would take its own class instead of the one made here.
        schema = {name: value for name, value in schema.items() if name != "$schema"}
    default = specification_with(_METASCHEMAS[draft])
    known = jsonschema_specifications.REGISTRY.with_resources(
        (uri, Resource.from_contents(contents, default_specification=default))
        for uri, contents in schemas.items()
    )
    try:
        return bool(_validator(draft)(schema, registry=known).is_valid(json.loads(text)))
    # It raises errors of many kinds; whatever it is, the text is not known to be valid.
    except Exception:
        return False


_METASCHEMAS = {
    Draft.DRAFT4: "http://json-schema.org/draft-04/schema",
    Draft.DRAFT6: "http://json-schema.org/draft-06/schema",
    Draft.DRAFT7: "http://json-schema.org/draft-07/schema",
    Draft.DRAFT2019_09: "https://json-schema.org/draft/2019-09/schema",
    Draft.DRAFT2020_12: "https://json-schema.org/draft/2020-12/schema",
}


@functools.lru_cache(maxsize=len(Draft))
def _validator(draft: Draft) -> Any:
    """The validator class of a draft, in which patterns and uniqueItems take linear time."""
    from jsonschema import validators

    base = validators.validator_for({"$schema": _METASCHEMAS[draft]})
    checks = {"pattern": _check_pattern, "uniqueItems": _check_unique}
    return validators.extend(base, checks)  # type: ignore[no-untyped-call]


def _check_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _search(pattern).accepts(
        instance.encode(errors="surrogatepass")
    ):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _check_unique(validator: Any, unique: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    is_tested = unique is True and isinstance(instance, list)
    if is_tested and len(set(map(_key, instance))) < len(instance):
        yield ValidationError("items are repeated")


def _key(value: Any) -> Hashable:
    """Equal for JSON values that are equal: 1 and 1.0, but not 1 and true."""
    if isinstance(value, list):
        return "array", tuple(map(_key, value))
    if isinstance(value, dict):
        return "object", frozenset((name, _key(member)) for name, member in value.items())
    return ("boolean", value) if isinstance(value, bool) else value


@functools.lru_cache(maxsize=256)
def _search(pattern: str) -> ByteAutomaton:
    """The texts in which a pattern is found: what `re` finds where it reads the pattern at all."""
    try:
        return from_regex(pattern, dialect="python", match="search")
    except GrammarError:
        return from_regex(pattern, dialect="ecma", match="search")
