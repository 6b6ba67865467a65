"""What is not regular, or too large, is narrowed: soundly, and not where texts are judged."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from schema_oracle import spell, validator, walk

from constrained_diffusion.constraints.json_schema import acceptor_of, compile_schema
from constrained_diffusion.errors import UnsatisfiableError, UnsupportedSchemaError


def arrays(items: list[Any], most: int) -> list[list[Any]]:
    return [list(each) for n in range(most + 1) for each in itertools.product(items, repeat=n)]


def test_distinct_items_of_a_short_list_are_exact() -> None:
    items = [1, 2, "a", None, True]
    schema = {"type": "array", "items": {"enum": items}, "uniqueItems": True}
    compiled = compile_schema(schema)
    judge = validator(schema)
    assert compiled.complete
    for value in arrays(items, 4):
        assert compiled.automaton.accepts(spell(value)) == judge.is_valid(value)


def test_distinct_items_of_a_long_list_stand_in_its_order() -> None:
    items = list(range(12))
    schema = {"type": "array", "items": {"enum": items}, "uniqueItems": True}
    compiled = compile_schema(schema)
    assert not compiled.complete
    assert any("order of the list" in bound for bound in compiled.bounds)
    for value in arrays(items, 3):
        rising = all(a < b for a, b in itertools.pairwise(value))
        assert compiled.automaton.accepts(spell(value)) == rising
    assert compiled.automaton.accepts(spell(items))


@pytest.mark.parametrize(
    "items",
    [
        {"type": "string"},
        {"type": "number"},
        {"type": ["string", "integer", "null", "boolean"]},
        {"type": "string", "pattern": "^[a-c]+$"},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
        {},
    ],
)
def test_open_items_are_distinct(items: Any) -> None:
    schema = {"type": "array", "items": items, "uniqueItems": True}
    compiled = compile_schema(schema, max_depth=1)
    judge = validator(schema)
    pool = [
        0,
        1,
        -1,
        1.5,
        "",
        "a",
        "b",
        "ab",
        "c",
        "é",
        None,
        True,
        False,
        {"a": 1},
        {"a": 2},
        [],
        [1],
    ]
    accepted = [v for v in arrays(pool, 3) if compiled.automaton.accepts(spell(v))]
    assert all(judge.is_valid(value) for value in accepted)
    assert not compiled.complete
    if "object" not in str(items):
        assert any(len(value) == 3 for value in accepted)
    rng = random.Random(2)
    for _ in range(200):
        judge.validate(json.loads(walk(compiled.automaton, rng)))


def test_a_prefix_of_listed_values_is_kept_apart_from_open_items() -> None:
    schema = {"prefixItems": [{"enum": ["a", "b"]}], "items": {"type": "string"}}
    schema = {"type": "array", **schema, "uniqueItems": True}
    compiled = compile_schema(schema)
    for value in arrays(["a", "b", "c", "ab"], 3):
        if compiled.automaton.accepts(spell(value)):
            assert validator(schema).is_valid(value)
    assert compiled.automaton.accepts(b'["a","b","c"]')


def test_more_distinct_items_than_can_be_told_apart() -> None:
    schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 50}
    with pytest.raises(UnsupportedSchemaError, match="first byte modulo") as caught:
        compile_schema(schema)
    assert caught.value.keyword == "uniqueItems"
    with pytest.raises(UnsatisfiableError):
        compile_schema(
            {"type": "array", "items": {"enum": [1]}, "uniqueItems": True, "minItems": 2}
        )


@pytest.mark.parametrize("least", [1, 2, 3, 5])
def test_enough_keys_without_a_name(least: int) -> None:
    schema = {"type": "object", "additionalProperties": {"const": 0}, "minProperties": least}
    compiled = compile_schema(schema)
    judge = validator(schema)
    rng = random.Random(3)
    for _ in range(100):
        judge.validate(json.loads(walk(compiled.automaton, rng)))
    assert compiled.complete == (least < 2)
    acceptor = acceptor_of(schema)
    names = ["a", "b", "ab", "aa", "e", "i"]
    for count in range(len(names) + 1):
        text = json.dumps(dict.fromkeys(names[:count], 0), separators=(",", ":"))
        assert acceptor.accepts(text) == (count >= least)


def test_a_value_that_decides_is_not_overwritten() -> None:
    """Some key has a value other than 1; a reader keeps the last value of a repeated key."""
    schema = {"type": "object", "not": {"additionalProperties": {"const": 1}}}
    automaton = compile_schema(schema, max_depth=1).automaton
    assert automaton.accepts(b'{"a":1,"b":2}')
    assert not automaton.accepts(b'{"a":2,"a":1}')
    acceptor = acceptor_of(schema)
    assert acceptor.accepts('{"a":2,"b":1}')
    assert not acceptor.accepts('{"a":1,"b":1}')


def test_texts_are_accepted_however_deep_they_nest() -> None:
    schema = {
        "type": "object",
        "properties": {"next": {"$ref": "#"}},
        "additionalProperties": False,
    }
    acceptor = acceptor_of(schema)
    for depth in (1, 5, 100):
        assert acceptor.accepts('{"next":' * depth + "{}" + "}" * depth)
        assert not acceptor.accepts('{"next":' * depth + "[]" + "}" * depth)
    assert not acceptor.accepts('{"next":' * 10_000 + "{}" + "}" * 10_000)


def test_what_is_too_large_is_pruned_below_a_level() -> None:
    leaf: Any = {"type": "object", "properties": {f"k{i}": {"type": "string"} for i in range(20)}}
    leaf["additionalProperties"] = False
    schema = leaf
    for _ in range(3):
        schema = {
            "type": "object",
            "properties": {f"n{i}": schema for i in range(20)} | {"id": {"type": "integer"}},
            "required": ["id"],
            "additionalProperties": False,
        }
    # 20 * 20 * 20 * 20 places that differ in what follows them.
    compiled = compile_schema(schema)
    assert any("levels of arrays and objects" in bound for bound in compiled.bounds)
    judge = validator(schema)
    rng = random.Random(4)
    for _ in range(50):
        judge.validate(json.loads(walk(compiled.automaton, rng)))
    deep = '{"n0":{"n0":{"n0":{"k0":"x"},"id":1},"id":1},"id":1}'
    assert judge.is_valid(json.loads(deep))
    assert not compiled.automaton.accepts(deep.encode())
    assert acceptor_of(schema).accepts(deep)
