"""A compiled schema decides values, not how they are spelled: white space, escapes, numbers."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from schema_strategies import schemas_with_value

import constrained_diffusion as cd

BYTES = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256], pad_id=257)
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
LAYOUTS = ["compact", "spaced", "flexible"]
blanks = st.sampled_from(["", " ", "\n", "\t \r\n"])


def accepts(schema: cd.JsonSchema, text: str) -> bool:
    return schema.language().automaton.accepts(schema.spelling(text).text.encode())


def number_spellings(value: float) -> list[str]:
    """Spellings of the same number, all read as a number equal to `value`."""
    digits = json.dumps(value)
    spellings = [digits]
    if "e" not in digits and Fraction(digits) == Fraction(float(value)):
        point = "" if "." in digits else "."
        spellings += [f"{digits}{point}0", f"{digits}E0", f"{digits}{point}000e+00"]
        if abs(value) < 1e10:
            spellings += [f"{Fraction(digits) * 10**6 // 1}e-6", f"{digits}{point}0e-0"]
    return spellings


@st.composite
def styled(draw: st.DrawFn, value: Any) -> str:
    """JSON text of `value` with any white space, escapes, and spellings of numbers."""

    def blank() -> str:
        return draw(blanks)

    if isinstance(value, dict):
        members = [
            f"{blank()}{draw(styled(name))}{blank()}:{blank()}{draw(styled(member))}{blank()}"
            for name, member in value.items()
        ]
        return "{" + (",".join(members) or blank()) + "}"
    if isinstance(value, list):
        items = [f"{blank()}{draw(styled(item))}{blank()}" for item in value]
        return "[" + (",".join(items) or blank()) + "]"
    if isinstance(value, str):
        return draw(st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)]))
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return draw(st.sampled_from(number_spellings(value)))


@st.composite
def schema_and_texts(draw: st.DrawFn) -> tuple[Any, str, str]:
    schema, value = draw(schemas_with_value())
    return schema, json.dumps(value), draw(styled(value))


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(schema_and_texts(), st.sampled_from(LAYOUTS))
def test_every_spelling_of_a_value_is_judged_alike(
    example: tuple[Any, str, str], whitespace: Any
) -> None:
    schema, plain, other = example
    assert json.loads(plain) == json.loads(other)
    reference = cd.JsonSchema(schema, max_depth=4)
    compiled = cd.JsonSchema(schema, whitespace=whitespace, max_depth=4)
    try:
        accepted, laid_out = accepts(reference, plain), accepts(compiled, plain)
    except (cd.UnsatisfiableError, cd.LimitError) as error:
        event(type(error).__name__)
        return
    event(f"accepted: {accepted}, other spelling: {plain != other}")
    assert laid_out == accepted
    assert accepts(compiled, other) == accepted
    assert accepts(reference, other) == accepted
    if accepted:
        assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(other))


@pytest.mark.parametrize("whitespace", LAYOUTS)
@pytest.mark.parametrize(
    ("schema", "accepted", "refused"),
    [
        ({"type": "integer"}, ["1.0", "1e2", "10E-1", "-0", "-0.0", "1E+22"], ["1.5", "15e-1"]),
        ({"type": "number"}, ["1e100", "-2.50E-3", "0e999"], ["1e", "1.", "01", "- 1", "1 0"]),
        ({"minimum": 1, "maximum": 20, "type": "number"}, ["0.1e1", "20.0", "2e1"], ["2e2", "0.9"]),
        ({"enum": [1, 0.5, 100]}, ["1.0", "0.50", "5e-1", "1e2"], ["1.01", "5e-2", "1e3"]),
        ({"const": 0}, ["-0", "0.0", "0e5"], ["1e-400", "false"]),
    ],
)
def test_numbers(schema: Any, accepted: list[str], refused: list[str], whitespace: Any) -> None:
    compiled = cd.compile(cd.JsonSchema(schema, whitespace=whitespace), BYTES, length=32)
    for text in accepted:
        assert compiled.accepts(text), text
        assert compiled.explain(f" {text}\n") is None, text
    for text in refused:
        assert not compiled.accepts(text), text
        assert compiled.explain(text) is not None, text


@pytest.mark.parametrize("whitespace", LAYOUTS)
def test_in_draft_4_a_number_with_a_fraction_is_no_integer(whitespace: Any) -> None:
    integers = cd.JsonSchema({"$schema": DRAFT_4, "type": "integer"}, whitespace=whitespace)
    for text in ("1.0", "1e2", "-0.0"):
        assert not jsonschema.Draft4Validator(integers.schema).is_valid(json.loads(text))
        assert not accepts(integers, text)
    bounded = {"$schema": DRAFT_4, "type": "number", "minimum": 1, "maximum": 200}
    numbers = cd.JsonSchema(bounded, whitespace=whitespace)
    for text in ("1.0", "1e2", "12.50", "7"):
        assert accepts(numbers, text)
    assert not accepts(numbers, "1e3")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"size":4}', 1, 9),
        ('{ "size": 3.0 , "list":[1,2.0,\n3.5 ] }', 2, 2),
        ('{"size":3,"list":[1,2', 1, 22),
        ('{"size" : 3, "list" : [1;2]}', 1, 25),
        ('{"size":3,"list":[10e-1,"x"]}', 1, 25),
        ('{"size":3,"list":[1],"more":1}', 1, 21),
        ('{"size":3.0,"list":[1.0.5]}', 1, 22),
    ],
)
@pytest.mark.parametrize("whitespace", LAYOUTS)
def test_failures_are_placed_in_the_text_as_written(
    text: str, line: int, column: int, whitespace: Any
) -> None:
    schema = {
        "type": "object",
        "properties": {"size": {"const": 3}, "list": {"items": {"type": "integer"}}},
        "required": ["size"],
        "additionalProperties": False,
    }
    message = cd.compile(cd.JsonSchema(schema, whitespace=whitespace), BYTES, length=64).explain(
        text
    )
    assert message is not None
    assert message.startswith(f"line {line}, column {column}:"), message
