"""Objects, arrays, unions, white space: order of keys, bounds in words."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from schema_oracle import spell, validator, walk

from constrained_diffusion.constraints.json_schema import compile_schema
from constrained_diffusion.constraints.json_schema.compile import KEY_ORDER


def accepts(schema: Any, text: str | bytes, **options: Any) -> bool:
    data = text.encode() if isinstance(text, str) else text
    return compile_schema(schema, **options).automaton.accepts(data)


THREE = {
    "type": "object",
    "properties": {"b": {"type": "integer"}, "a": {"type": "null"}, "c": {"type": "boolean"}},
}


def test_keys_stand_in_schema_order() -> None:
    assert accepts(THREE, '{"b":1,"a":null,"c":true}')
    assert accepts(THREE, '{"b":1,"c":true,"x":[],"y":{}}')
    assert not accepts(THREE, '{"a":null,"b":1}')
    assert not accepts(THREE, '{"x":1,"c":true}')
    assert KEY_ORDER in compile_schema(THREE).bounds
    assert compile_schema({"properties": {"a": {}}, "additionalProperties": False}).bounds[0] != (
        KEY_ORDER
    )


def test_every_subset_of_optional_keys() -> None:
    names = ["k", "key", "ke", "other", "é"]
    schema = {
        "type": "object",
        "properties": {name: {"const": index} for index, name in enumerate(names)},
        "required": ["ke"],
        "additionalProperties": False,
    }
    automaton = compile_schema(schema).automaton
    for chosen in itertools.product([False, True], repeat=len(names)):
        value = {name: i for i, name in enumerate(names) if chosen[i]}
        assert automaton.accepts(spell(value)) == chosen[2]


def test_named_keys_are_not_additional() -> None:
    schema = {"properties": {"a\n": {"type": "null"}}, "additionalProperties": {"type": "integer"}}
    assert accepts({"type": "object", **schema}, '{"a\\n":null,"a":1}')
    assert not accepts({"type": "object", **schema}, '{"a\\n":1}')
    assert not accepts({"type": "object", **schema}, '{"a\\n":null,"a\\n":1}')
    assert accepts({"type": "object", **schema}, '{"":1,"a\\n2":1}')


def test_required_keys_without_declaration() -> None:
    schema = {"required": ["z", "a"], "additionalProperties": {"type": "integer"}}
    assert accepts({"type": "object", **schema}, '{"z":1,"a":2,"m":3}')
    assert not accepts({"type": "object", **schema}, '{"z":1,"a":true}')
    assert not accepts({"type": "object", **schema}, '{"z":1}')


def test_schemas_that_hold_together() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 0}},
        "additionalProperties": {"type": "string"},
        "$ref": "#/$defs/other",
        "$defs": {
            "other": {
                "properties": {"a": {"maximum": 9}, "b": {"maxLength": 1}, "c": {"type": "null"}},
                "required": ["b"],
            }
        },
    }
    automaton = compile_schema(schema).automaton
    judge = validator(schema)
    for a, b, c in itertools.product([None, 5, 10, -1], [None, "x", "xy", 3], [None, "c"]):
        value = {name: v for name, v in (("a", a), ("b", b), ("c", c)) if v is not None}
        assert automaton.accepts(spell(value)) == judge.is_valid(value), value


def test_each_branch_of_a_union_keeps_its_order() -> None:
    branch = {"type": "object", "additionalProperties": False}
    schema = {
        "anyOf": [
            {**branch, "properties": {"a": {}, "b": {}}},
            {**branch, "properties": {"b": {"type": "null"}, "a": {}}},
        ]
    }
    assert accepts(schema, '{"a":1,"b":2}')
    assert accepts(schema, '{"b":null,"a":2}')
    assert not accepts(schema, '{"b":1,"a":2}')


def test_open_objects() -> None:
    assert accepts(THREE, '{"x":1}')
    assert not accepts(THREE, '{"x":1}', open_objects=False)
    assert accepts(THREE, '{"b":1,"c":true}', open_objects=False)
    assert accepts({"type": "object"}, "{}", open_objects=False)
    assert not accepts({"type": "object"}, '{"x":1}', open_objects=False)
    assert accepts({"additionalProperties": True, "type": "object"}, '{"x":1}', open_objects=False)
    assert accepts({}, '{"x":{"y":1}}', open_objects=False)
    both = {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}, {"required": ["c"]}]}
    for text, accepted in (('{"a":1,"b":2}', True), ('{"a":1,"c":3}', True), ('{"d":1}', False)):
        assert accepts({"type": "object", **both}, text, open_objects=False) == accepted


@pytest.mark.parametrize(
    "schema",
    [
        {"minItems": 2, "maxItems": 3, "items": {"enum": [0, 1]}},
        {"prefixItems": [{"const": 1}, {"const": 0}], "items": {"enum": [0]}},
        {"prefixItems": [{"enum": [0, 1]}], "items": False},
        {"prefixItems": [{}, {"const": 1}], "maxItems": 1},
        {"prefixItems": [{}, False], "items": {"const": 1}},
        {"items": False, "minItems": 0},
        {"maxItems": 0},
        {"minItems": 3, "items": {"const": 0}},
    ],
)
def test_arrays(schema: dict[str, Any]) -> None:
    automaton = compile_schema({"type": "array", **schema}).automaton
    judge = validator(schema)
    for length in range(5):
        for items in itertools.product([0, 1], repeat=length):
            assert automaton.accepts(spell(list(items))) == judge.is_valid(list(items))
    for text in (b"[,]", b"[0,]", b"[,0]", b"[0 ,1]", b"[", b"]"):
        assert not automaton.accepts(text)


def test_idle_item_counters_are_dropped() -> None:
    schema = {"type": "array", "maxItems": 500, "items": {"type": "string", "minLength": 3}}
    # 501 items of at least 5 bytes, with commas and brackets, are 3,007 bytes.
    fits = compile_schema(schema, capacity=3_006).automaton
    counted = compile_schema(schema, capacity=3_007).automaton
    assert fits.num_states < 100 < counted.num_states
    assert not counted.accepts(spell(["abc"] * 501))
    assert counted.accepts(spell(["abc"] * 500))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_of_open_values(depth: int) -> None:
    compiled = compile_schema(True, max_depth=depth)
    assert any(f"at most {depth} levels" in bound for bound in compiled.bounds)
    for inner in ("1", "[]", '"x"'):
        levels = depth - (inner == "[]")
        assert compiled.automaton.accepts(f"{'[' * levels}{inner}{']' * levels}".encode())
        too_deep = f"{'[' * (levels + 1)}{inner}{']' * (levels + 1)}"
        assert not compiled.automaton.accepts(too_deep.encode())


def test_finite_schemas_have_no_bounds() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert compile_schema(schema, open_objects=False).bounds == ()


def test_depth_is_lowered_rather_than_failing() -> None:
    schema = {"type": "object", "properties": {f"k{i}": {} for i in range(30)}}
    deep = compile_schema(schema, max_depth=3)
    assert any("at most 3 levels" in bound for bound in deep.bounds)
    shallow = compile_schema(schema, max_depth=9, max_states=20_000)
    assert any("at most 3 levels" in bound for bound in shallow.bounds)
    assert shallow.automaton.num_states <= 20_000


def test_recursion() -> None:
    schema = {
        "type": "object",
        "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}},
        "required": ["v"],
        "additionalProperties": False,
    }
    compiled = compile_schema(schema, max_depth=2)
    assert any("repeat at most 2 times" in bound for bound in compiled.bounds)
    for levels in range(5):
        value: dict[str, Any] = {"v": levels}
        for _ in range(levels):
            value = {"v": 0, "next": value}
        assert compiled.automaton.accepts(spell(value)) == (levels <= 2)


LAYOUT_SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"type": "object"}},
}
LAYOUT_VALUES: list[Any] = [
    {},
    {"a": []},
    {"a": [1, 2], "b": {}},
    {"b": {"x": [], "y": [{"z": None}, "s, t: u"]}},
]


@pytest.mark.parametrize("value", LAYOUT_VALUES)
def test_spaced_is_how_json_dumps_writes(value: Any) -> None:
    automaton = compile_schema(LAYOUT_SCHEMA, whitespace="spaced").automaton
    assert automaton.accepts(json.dumps(value).encode())
    if len(spell(value)) > 8:
        assert not automaton.accepts(spell(value))


@pytest.mark.parametrize("value", LAYOUT_VALUES)
def test_flexible_takes_every_usual_layout(value: Any) -> None:
    compiled = compile_schema(LAYOUT_SCHEMA, whitespace="flexible")
    assert any("white space" in bound for bound in compiled.bounds)
    for text in (
        json.dumps(value),
        spell(value).decode(),
        json.dumps(value, indent=2),
        json.dumps(value, indent=4),
        json.dumps(value, indent=0),
    ):
        assert compiled.automaton.accepts(text.encode())
    assert not compiled.automaton.accepts(b" {}")
    assert not compiled.automaton.accepts(b'{"a":  []}')


@pytest.mark.parametrize("whitespace", ["spaced", "flexible"])
def test_random_texts_with_white_space_are_valid(whitespace: Any) -> None:
    automaton = compile_schema(LAYOUT_SCHEMA, whitespace=whitespace).automaton
    judge = validator(LAYOUT_SCHEMA)
    rng = random.Random(2)
    for _ in range(100):
        judge.validate(json.loads(walk(automaton, rng)))
