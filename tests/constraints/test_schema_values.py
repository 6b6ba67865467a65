"""values(): the probability of each value of a field, against the enumeration of all canvases."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from typing import Any, Literal

import jsonschema
import pytest
import torch
from pydantic import BaseModel, Field

import constrained_diffusion as cd

LENGTH = 5
ABSENT = object()


def vocabulary(pieces: list[str]) -> cd.Vocabulary:
    tokens = [piece.encode() for piece in pieces]
    return cd.Vocabulary([*tokens, None], end_ids=[len(tokens)])


def texts(pieces: list[str]) -> dict[tuple[int, ...], str]:
    """The text of each canvas: pieces, then nothing but end tokens."""
    end = len(pieces)
    found = {}
    for count in range(LENGTH + 1):
        for tokens in itertools.product(range(end), repeat=count):
            canvas = tokens + (end,) * (LENGTH - count)
            found[canvas] = "".join(pieces[token] for token in tokens)
    return found


def field(value: Any, pointer: str) -> Any:
    """What stands at a JSON pointer, or ABSENT."""
    for token in pointer.split("/")[1:]:
        if isinstance(value, list) and token.isdigit() and int(token) < len(value):
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            return ABSENT
    return value


def expected(
    schema: Any, pieces: list[str], pointer: str, log_probs: torch.Tensor
) -> dict[str, float]:
    judge = jsonschema.Draft202012Validator(schema)
    weights: Counter[str] = Counter()
    total = 0.0
    for canvas, text in texts(pieces).items():
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if json.dumps(value, separators=(",", ":")) != text or not judge.is_valid(value):
            continue
        weight = math.exp(sum(float(log_probs[i, token]) for i, token in enumerate(canvas)))
        total += weight
        found = field(value, pointer)
        if found is not ABSENT:
            weights[found if isinstance(found, str) else json.dumps(found)] += weight
    return {value: weight / total for value, weight in weights.items()}


CLOSED = {"type": "object", "additionalProperties": False}
CASES: list[tuple[str, Any, list[str], str]] = [
    (
        "enum of an optional field",
        {**CLOSED, "properties": {"k": {"enum": ["a", "b", 1, 1.5, None]}}},
        ['{"k":', '"a', '"b', '"', "1", ".5", "null", "}"],
        "/k",
    ),
    (
        "boolean or null, beside another field",
        {
            **CLOSED,
            "properties": {"n": {"enum": [1, 11]}, "k": {"type": ["boolean", "null"]}},
            "required": ["k"],
        },
        ['{"n":', "1", ',"k":', '{"k":', "true", "fals", "e", "null", "}"],
        "/k",
    ),
    (
        "consts in anyOf",
        {"anyOf": [{"const": "a"}, {"const": ["a"]}, {"type": "null"}]},
        ['"a', '"', "[", "]", "null", '["', 'a"]'],
        "",
    ),
    (
        "an item of nested arrays",
        {
            **CLOSED,
            "properties": {
                "l": {"type": "array", "items": {"type": "array", "items": {"enum": [1, 2]}}}
            },
            "required": ["l"],
        },
        ['{"l":[', "[1,", "1", "2", ",2", "]", "]]}", "[2"],
        "/l/0/1",
    ),
    (
        "the discriminator of branches of objects",
        {
            "anyOf": [
                {
                    **CLOSED,
                    "properties": {"kind": {"const": "a"}, "x": {"type": "boolean"}},
                    "required": ["kind"],
                },
                {
                    **CLOSED,
                    "properties": {"kind": {"enum": ["b", "c"]}},
                    "required": ["kind"],
                },
            ]
        },
        ['{"kind":"', "a", "b", "c", '"', ',"x":', "true", "false", "}"],
        "/kind",
    ),
]


@pytest.mark.parametrize(("schema", "pieces", "pointer"), [case[1:] for case in CASES], ids=[
    case[0] for case in CASES
])  # fmt: skip
def test_values_by_enumeration(schema: Any, pieces: list[str], pointer: str) -> None:
    compiled = cd.compile(cd.JsonSchema(schema), vocabulary(pieces), length=LENGTH)
    noise = torch.Generator().manual_seed(len(pieces))
    log_probs = torch.randn(LENGTH, len(pieces) + 1, dtype=torch.float64, generator=noise)
    log_probs = log_probs.log_softmax(-1)
    values = compiled.posterior(log_probs).values(pointer)
    shares = expected(schema, pieces, pointer, log_probs)
    assert len(shares) > 1
    assert values.keys() >= shares.keys()
    for value, probability in values.items():
        assert probability == pytest.approx(shares.get(value, 0.0), abs=1e-6), value


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        (["1", 2, "é", [True], "null"], {"1", "2", "é", "[true]", "null"}),
        (["1", 1, "é", None, '"1"'], {'"1"', "1", '"é"', "null", '"\\"1\\""'}),
    ],
)
def test_each_value_has_a_name_of_its_own(listed: list[Any], names: set[str]) -> None:
    pieces = ['"', "1", "2", "é", "null", "[true]", '\\"']
    compiled = cd.compile(cd.JsonSchema({"enum": listed}), vocabulary(pieces), length=5)
    values = compiled.posterior(torch.zeros(5, len(pieces) + 1)).values("")
    assert set(values) == names
    # Each value is one canvas, and all canvases are equally probable.
    assert sum(values.values()) == pytest.approx(1)
    assert len(set(values.values())) == 1


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=0, le=9)


class Dog(BaseModel):
    kind: Literal["dog", "wolf"]


class Owner(BaseModel):
    pets: list[Cat | Dog] = Field(min_length=1, max_length=2)


def test_values_of_a_union_of_models_in_a_list() -> None:
    tokens = [bytes([code]) for code in range(256)]
    large = cd.Vocabulary([*tokens, None], end_ids=[256])
    compiled = cd.compile(cd.JsonSchema(Owner), large, length=80)
    posterior = compiled.posterior(torch.zeros(80, 257))
    first, second = posterior.values("/pets/0/kind"), posterior.values("/pets/1/kind")
    assert set(first) == set(second) == {"cat", "dog", "wolf"}
    assert sum(first.values()) == pytest.approx(1)
    # The second pet may be missing.
    assert 0 < sum(second.values()) < 1
