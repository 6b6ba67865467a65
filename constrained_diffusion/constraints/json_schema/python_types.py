"""The JSON Schema of a Python type, by Pydantic, but no wider than what the type takes.

Pydantic's own schemas of some types are wider than their validators: a `Decimal` is any string, an
`HttpUrl` any URI, a `dict[int, …]` has any keys. The type would refuse much of what such a schema
allows. So these types are narrowed here, to plain spellings that are always valid; the `$comment`
of a narrowed schema says to what.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from . import python_strings as strings
from .references import RawSchema

_NARROWED = "narrowed from the Python type: "
_MAX_URL_LENGTH = 250
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
# What a text of these bounds (and no others) begins with.
_SIGNS: dict[tuple[tuple[str, int], ...], str] = {
    (): "-?",
    (("minimum", 0),): "",
    (("exclusiveMinimum", 0),): "(?=.*[1-9])",
}
_KEYS = {
    "int": strings.INTEGER,
    "float": strings.NUMBER,
    "decimal": strings.NUMBER,
    "bool": "true|false",
}


def schema_of_type(adapter: TypeAdapter[Any]) -> RawSchema:
    """The JSON Schema of what the adapter's type takes as JSON.

    Raises PydanticUserError for a type that JSON Schema cannot express.
    """
    return adapter.json_schema(schema_generator=_Narrowing, mode="validation")


def narrowings(schema: Any) -> Iterator[str]:
    """In words, by what the parts of a schema of `schema_of_type` are narrower than their types."""
    if isinstance(schema, dict):
        comment = schema.get("$comment")
        if isinstance(comment, str) and comment.startswith(_NARROWED):
            yield comment.removeprefix(_NARROWED)
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from narrowings(part)


class _Narrowing(GenerateJsonSchema):
    """Pydantic's generator with narrower schemas; a method per kind of its core schema."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def generate_inner(self, schema: Any) -> dict[str, Any]:
        json_schema = super().generate_inner(schema)
        name = json_schema.get("format")
        if json_schema.get("type") != "string" or name not in strings.FORMATS:
            return json_schema
        return _matching(json_schema, *strings.FORMATS[name])

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> dict[str, Any]:
        places, digits = schema.get("decimal_places"), schema.get("max_digits")
        number = _number(schema)
        if places is not None:
            number["allOf"] = [{"multipleOf": float(f"1e-{places}")}]
        if digits is not None:
            if places is None:
                number["type"] = "integer"
            limit = 10 ** max(digits - (places or 0), 0)
            size: dict[str, Any] = {"exclusiveMinimum": -limit, "exclusiveMaximum": limit}
            if limit == 1:
                # As a number, 0 counts as a digit before the point.
                size["not"] = {"const": 0}
            number.setdefault("allOf", []).append(size)
        sign = _SIGNS.get(tuple((key, number[key]) for key in _BOUNDS.values() if key in number))
        if sign is None:
            return number
        pattern = sign + strings.decimal(digits, places)
        return _number_or_text(number, pattern, "plain decimal numbers")

    def fraction_schema(self, schema: Any) -> dict[str, Any]:
        number = _number(schema)
        if number.keys() & set(_BOUNDS.values()):
            return number
        return _number_or_text(number, strings.FRACTION, "fractions as in 1/3")

    def complex_schema(self, schema: Any) -> dict[str, Any]:
        return _matching({"type": "string"}, strings.COMPLEX, "complex numbers as in 1.5+2j")

    def str_schema(self, schema: core_schema.StringSchema) -> dict[str, Any]:
        json_schema = super().str_schema(schema)
        # Pydantic before 2.14 leaves out what is said of all texts of a model.
        if self._config.str_min_length:
            json_schema.setdefault("minLength", self._config.str_min_length)
        if self._config.str_max_length is not None:
            json_schema.setdefault("maxLength", self._config.str_max_length)
        strips = schema.get("strip_whitespace", self._config.str_strip_whitespace)
        if strips and json_schema.keys() & {"minLength", "pattern"}:
            json_schema = _matching(
                json_schema, strings.STRIPPED, "no white space at the ends of a text"
            )
        if schema.get("ascii_only"):
            json_schema = _matching(json_schema, strings.ASCII)
        return json_schema

    def bytes_schema(self, schema: core_schema.BytesSchema) -> dict[str, Any]:
        # Pydantic before 2.9 has no such setting.
        encoding = getattr(self._config, "val_json_bytes", "utf8")
        if encoding != "utf8":
            low, high = schema.get("min_length") or 0, schema.get("max_length")
            pattern = strings.encoded_bytes(encoding, low, high)
            return _matching({"type": "string"}, pattern, f"bytes as {encoding}, without padding")
        json_schema = super().bytes_schema(schema)
        if "maxLength" in json_schema:
            return _matching(json_schema, strings.ASCII, "ASCII for bytes of limited length")
        return json_schema

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> dict[str, Any]:
        return _matching(
            super().timedelta_schema(schema),
            strings.SHORT_NUMBERS,
            "durations of six digits a part",
        )

    def date_schema(self, schema: core_schema.DateSchema) -> dict[str, Any]:
        pattern = _days(schema, margin=0)
        json_schema = super().date_schema(schema)
        return json_schema if pattern is None else _matching(json_schema, pattern)

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> dict[str, Any]:
        json_schema = super().datetime_schema(schema)
        if schema.get("tz_constraint") == "naive":
            json_schema = _matching({"type": "string"}, strings.NAIVE_DATETIME)
        # Two days are more than what two time zones differ by.
        pattern = _days(schema, margin=2)
        if pattern is not None:
            json_schema = _matching(json_schema, pattern, "times two days within their bounds")
        return json_schema

    def url_schema(self, schema: core_schema.UrlSchema) -> dict[str, Any]:
        return self._url(super().url_schema(schema), schema.get("allowed_schemes"))

    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> dict[str, Any]:
        return self._url(super().multi_host_url_schema(schema), schema.get("allowed_schemes"))

    def _url(self, json_schema: dict[str, Any], schemes: list[str] | None) -> dict[str, Any]:
        # Without the format, which the pattern implies and which would only cost states.
        del json_schema["format"]
        if "maxLength" not in json_schema:
            return _matching(json_schema, strings.url(schemes, user=True), "URLs with a host")
        # Each character that is counted costs some 16 states.
        json_schema["maxLength"] = min(json_schema["maxLength"], _MAX_URL_LENGTH)
        return _matching(
            json_schema,
            strings.url(schemes, user=False),
            f"URLs with a host and no user, of at most {_MAX_URL_LENGTH} characters",
        )

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        json_schema = super().dict_schema(schema)
        keys = schema.get("keys_schema", {}).get("type")
        if keys in _KEYS:
            json_schema["propertyNames"] = _matching({}, _KEYS[keys], f"keys as plain {keys}s")
        return json_schema

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> dict[str, Any]:
        return self.handle_invalid_for_json_schema(schema, "a class")

    def json_schema(self, schema: core_schema.JsonSchema) -> dict[str, Any]:
        return self.handle_invalid_for_json_schema(schema, "a text that holds JSON (pydantic.Json)")


def _matching(schema: dict[str, Any], pattern: str, note: str = "") -> dict[str, Any]:
    """`schema`, of which moreover the whole text matches `pattern`."""
    test: dict[str, Any] = {"pattern": f"^(?:{pattern})$"}
    if schema.get("pattern") == test["pattern"] or test in schema.get("allOf", ()):
        return schema
    if "pattern" in schema:
        test = {"allOf": [*schema.get("allOf", ()), test]}
    return {**schema, **test} | ({"$comment": f"{_NARROWED}{note}"} if note else {})


def _number(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A number with the bounds of a core schema."""
    bounds = {_BOUNDS[name]: schema[name] for name in _BOUNDS if schema.get(name) is not None}
    plain = {
        key: int(value) if value == int(value) else float(value) for key, value in bounds.items()
    }
    return {"type": "number", **plain}


def _number_or_text(number: dict[str, Any], pattern: str, note: str) -> dict[str, Any]:
    """A number, or a text that stands for one."""
    return {"anyOf": [number, _matching({"type": "string"}, pattern, note)]}


def _days(schema: Mapping[str, Any], margin: int) -> str | None:
    """The dates that satisfy the bounds of a core schema by a margin of days; None for all."""
    low: list[int] = []
    high: list[int] = []
    for name, days, limits in (("ge", 0, low), ("gt", 1, low), ("le", 0, high), ("lt", -1, high)):
        if schema.get(name) is not None:
            limits.append(schema[name].toordinal() + days)
    today = datetime.date.today().toordinal()
    if schema.get("now_op") == "past":
        high.append(today - 1)
    elif schema.get("now_op") == "future":
        # Whoever validates may do so tomorrow.
        low.append(today + 2)
    if not low and not high:
        return None
    return strings.dates(max(low) + margin if low else None, min(high) - margin if high else None)
