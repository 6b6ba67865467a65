"""What `jsonschema` says of a value: the draft that `$schema` names, with format checks.

Decimal numbers are exact, in schemas as in values: `jsonschema` divides floats, by which 0.07 is
no multiple of 0.01. Remote references are resolved among the official metaschemas only; nothing is
fetched.
"""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import jsonschema
from jsonschema_specifications import REGISTRY

SECONDS = 10.0
"""How long one value may take: Python's `re` backtracks, for some patterns without end."""

# Patterns of real schemas hold what a later Python may read differently.
warnings.filterwarnings("ignore", category=FutureWarning, module="jsonschema")


class Undecided(Exception):
    """jsonschema has no verdict: it failed, or took too long."""


class Judge:
    """The verdicts of one schema."""

    def __init__(self, schema: Any) -> None:
        """`schema`: a dict or a bool."""
        default = jsonschema.Draft202012Validator
        kind = _exact(jsonschema.validators.validator_for(schema, default=default))
        content = exact(schema)
        if isinstance(content, dict):
            # A reference to a schema that names its draft would leave the exact kind.
            content.pop("$schema", None)
        checker = kind.FORMAT_CHECKER
        self._validator = kind(content, registry=REGISTRY, format_checker=checker)

    def problem(self, value: Any) -> str | None:
        """The first complaint about a value; None if it is valid. Raises Undecided."""
        try:
            with _time_limit(SECONDS):
                errors = self._validator.iter_errors(value)
                return next((f"{error.json_path}: {error.message}" for error in errors), None)
        except TimeoutError:
            raise Undecided(f"no verdict within {SECONDS:g} seconds") from None
        except Exception as error:  # bad patterns, references that lead nowhere, recursion
            raise Undecided(f"{type(error).__name__}: {error}") from None


def checked_formats() -> str:
    """The formats that jsonschema can check here: it depends on what else is installed."""
    return " ".join(sorted(jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers))


def exact(value: Any) -> Any:
    """A JSON value with its decimal numbers as Decimal."""
    return json.loads(json.dumps(value), parse_float=Decimal)


def read_json(text: str) -> tuple[Any, Any]:
    """The exact value of a JSON text where the last of repeated keys counts, and where the first
    does.

    ValueError for what is not JSON, NaN and infinities included.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    last = json.loads(text, parse_float=Decimal, parse_constant=refuse)
    first = json.loads(
        text, parse_float=Decimal, object_pairs_hook=lambda pairs: dict(reversed(pairs))
    )
    return last, first


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
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
