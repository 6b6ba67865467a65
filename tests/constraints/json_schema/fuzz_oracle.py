"""What fuzz tests compare with: `jsonschema` with exact decimals, and all small values.

`jsonschema` divides floats, by which 0.07 is no multiple of 0.01, and takes 1.0 for an integer only
where it is a float; here both are decided exactly, in the schema's draft.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import jsonschema
from jsonschema_specifications import REGISTRY


class Undecided(Exception):
    """`jsonschema` has no verdict: it fails, or recurses without end."""


class Judge:
    """The verdicts on one schema, with format checks and nothing fetched."""

    def __init__(self, schema: Any) -> None:
        default = jsonschema.Draft202012Validator
        kind = _exact(jsonschema.validators.validator_for(schema, default=default))
        content = read(json.dumps(schema))
        if isinstance(content, dict):
            # A reference to a schema that names its draft would leave the exact kind.
            content.pop("$schema", None)
        checker = kind.FORMAT_CHECKER
        self._validator = kind(content, registry=REGISTRY, format_checker=checker)

    def problem(self, value: Any) -> str | None:
        try:
            return next((error.message for error in self._validator.iter_errors(value)), None)
        except Exception as error:  # bad patterns, references without end
            raise Undecided(f"{type(error).__name__}: {error}") from None


def read(text: str) -> Any:
    """The value of a JSON text, decimals exact; ValueError for NaN and infinities too."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_float=Decimal, parse_constant=refuse)


@lru_cache
def _exact(kind: Any) -> Any:
    def multiple_of(validator: Any, divisor: Any, value: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(value, "number") and Fraction(value) % Fraction(divisor) != 0:
            yield jsonschema.ValidationError(f"{value!r} is not a multiple of {divisor}")

    def is_integer(checker: Any, value: Any) -> bool:
        if isinstance(value, Decimal):
            return kind is not jsonschema.Draft4Validator and value == value.to_integral_value()
        return isinstance(value, int) and not isinstance(value, bool)

    types = kind.TYPE_CHECKER.redefine("integer", is_integer)
    return jsonschema.validators.extend(kind, {"multipleOf": multiple_of}, type_checker=types)


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raises TimeoutError where the block runs for longer: a hang is a failure."""

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"still running after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
