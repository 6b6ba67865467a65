"""Bad input: one clear error or success, within 20 seconds and 2 GiB; never a hang or a crash.

All cases run one after the other in a child process with a limit of memory and an alarm per case.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 20
GIBIBYTES = 2
START_SECONDS = 120


def nested(levels: int, wrap: Callable[[Any], Any], inner: Any) -> Any:
    for _ in range(levels):
        inner = wrap(inner)
    return inner


def pair(below: Any) -> dict[str, Any]:
    """An object of two fields alike."""
    return {
        "type": "object",
        "properties": {"a": below, "b": below},
        "required": ["a", "b"],
        "additionalProperties": False,
    }


def doubling(levels: int, twice: Callable[[Any], Any] = pair) -> dict[str, Any]:
    """References that double at each level: 2 ** levels of them."""
    definitions: dict[str, Any] = {"l0": {"type": "integer"}}
    for level in range(1, levels + 1):
        definitions[f"l{level}"] = twice({"$ref": f"#/$defs/l{level - 1}"})
    return {"$ref": f"#/$defs/l{levels}", "$defs": definitions}


def exponential() -> dict[str, Any]:
    """What asks for more states, branches or levels than anything can hold."""
    branching = {"type": "string", "pattern": "(a|b)*a(a|b){40}"}
    choices = [{"anyOf": [{"required": [f"k{n}"]}, {"required": [f"m{n}"]}]} for n in range(30)]
    many = {f"k{n}": {"type": "string"} for n in range(10_000)}
    overlapping = {f"a.*{chr(97 + n)}": {"minimum": n} for n in range(24)}
    return {
        "pattern": branching,
        "pattern beside its complement": {"allOf": [branching, {"not": branching}]},
        "pattern with lookahead": {"pattern": "^(?=.*a.{30}$)(?=.*b.{30}$)"},
        "counts in counts": {"type": "string", "pattern": "^((a{100}){100}){100}$"},
        "enum of 100,000 texts": {"enum": [f"value {n * 7919:x}" for n in range(100_000)]},
        "enum of 100,000 numbers": {"enum": list(range(0, 300_000, 3))},
        "enum of 20,000 objects": {"enum": [{"a": n, "b": [n, str(n)]} for n in range(20_000)]},
        "not an enum of 100,000": {
            "type": "string",
            "not": {"enum": [f"{n}" for n in range(10**5)]},
        },
        "references that double, 12 levels": doubling(12),
        "references that double, 60 levels": doubling(60),
        "conjunctions that double": doubling(30, lambda below: {"allOf": [below, below]}),
        "alternatives that double": doubling(30, lambda below: {"anyOf": [below, below]}),
        "exactly one of two alike, again and again": doubling(
            30, lambda below: {"oneOf": [below, {"allOf": [below, {"minimum": 3}]}]}
        ),
        "2 ** 30 combinations": {"type": "object", "allOf": choices},
        "exactly one of 60": {"oneOf": [{"required": [f"k{n}"]} for n in range(60)]},
        "exactly one of 40 nested in 40": {
            "oneOf": [{"oneOf": [{"const": [n, m]} for m in range(40)]} for n in range(40)]
        },
        "any of 2,000": {"anyOf": [{"type": "string", "minLength": n} for n in range(2_000)]},
        "10,000 keys": {"type": "object", "properties": many},
        "10,000 keys, all required": {"properties": many, "required": list(many)},
        "30 optional keys that need each other": {
            "dependentRequired": {f"k{n}": [f"k{(n * 7 + 1) % 30}"] for n in range(30)}
        },
        "overlapping patterns of keys": {"patternProperties": overlapping},
        "names that an exponential pattern tests": {"propertyNames": branching},
        "long texts": {"type": "string", "maxLength": 10**9},
        "longer texts": {"type": "string", "minLength": 10**9},
        "many items": {"type": "array", "items": {"type": "integer"}, "maxItems": 10**12},
        "more items": {"type": "array", "minItems": 10**12},
        "many keys counted": {"type": "object", "minProperties": 10**6},
        "contains many": {"contains": {"const": 1}, "minContains": 10**6},
        "contains three kinds": {
            "allOf": [{"contains": {"const": n}, "maxContains": 50} for n in range(12)]
        },
        "all items differ, of 60": {"items": {"enum": list(range(60))}, "uniqueItems": True},
        "all items differ, open": {"uniqueItems": True, "minItems": 3},
        "multiples of a small number": {"multipleOf": 1e-30},
        "multiples of a prime": {"type": "integer", "multipleOf": 1_000_000_007},
        "a wide range": {"type": "number", "minimum": -(10**300), "maximum": 10**300},
        "a narrow range": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e-300},
        "recursion of many shapes": {
            "$ref": "#/$defs/n",
            "$defs": {
                "n": {
                    "properties": {f"p{n}": {"$ref": "#/$defs/n"} for n in range(40)},
                    "additionalProperties": {"$ref": "#/$defs/n"},
                }
            },
        },
        "conditions in conditions": nested(
            40, lambda s: {"if": {"required": ["a"]}, "then": s, "else": {"not": s}}, {"minimum": 1}
        ),
        "unevaluated beside many branches": {
            "anyOf": [{"properties": {f"k{n}": True}, "required": [f"k{n}"]} for n in range(24)],
            "unevaluatedProperties": False,
        },
        "10,000 levels of properties": nested(10_000, lambda s: {"properties": {"a": s}}, {}),
        "10,000 levels of items": nested(10_000, lambda s: {"items": s}, {}),
        "10,000 levels of not": nested(10_000, lambda s: {"not": s}, {}),
        "10,000 levels of allOf": nested(10_000, lambda s: {"allOf": [s]}, {}),
        "10,000 levels in a const": {"const": nested(10_000, lambda s: [s], 1)},
        "300 levels of properties": nested(300, lambda s: {"properties": {"a": s}}, {}),
        "10,000 levels of text": '{"items":' * 10_000 + "{}" + "}" * 10_000,
        "10,000 levels of brackets": "[" * 10_000,
        "a text of 10 MB": {"const": "x" * 10_000_000},
    }


def contradictory() -> dict[str, tuple[Any, tuple[str, ...]]]:
    """Schemas that no value satisfies, and keywords of which the error names one at least."""
    return {
        "false": (False, ("false",)),
        "not anything": ({"not": {}}, ("not",)),
        "type and enum": ({"type": "string", "enum": [1]}, ("enum", "type")),
        "type and type": ({"allOf": [{"type": "string"}, {"type": "null"}]}, ("type", "allOf")),
        "range": ({"type": "integer", "minimum": 3, "maximum": 2}, ("minimum", "maximum")),
        "no integer between": (
            {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
            ("exclusiveMinimum", "exclusiveMaximum"),
        ),
        "lengths": ({"type": "string", "minLength": 3, "maxLength": 2}, ("minLength", "maxLength")),
        "items": ({"type": "array", "minItems": 3, "maxItems": 2}, ("minItems", "maxItems")),
        "required and forbidden": (
            {"type": "object", "required": ["a"], "properties": {"a": False}},
            ("required", "properties"),
        ),
        "const and const": ({"allOf": [{"const": 1}, {"const": 2}]}, ("const", "allOf")),
        "itself denied": ({"type": "null", "not": {"type": "null"}}, ("not", "type")),
        "exactly one of two alike": ({"oneOf": [{}, {}]}, ("oneOf",)),
        "multiples": ({"const": 5, "multipleOf": 2}, ("multipleOf", "const")),
        "pattern and length": (
            {"type": "string", "pattern": "^aaaa$", "maxLength": 3},
            ("pattern", "maxLength"),
        ),
        "keys": (
            {"type": "object", "required": ["a", "b"], "maxProperties": 1},
            ("required", "maxProperties"),
        ),
        "names": (
            {"type": "object", "required": ["a"], "propertyNames": {"minLength": 2}},
            ("required", "propertyNames"),
        ),
        "nothing is contained": (
            {"type": "array", "contains": {"type": "null"}, "items": {"type": "string"}},
            ("contains", "items"),
        ),
        "recursion without an end": (
            {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
            ("required", "$ref"),
        ),
        "deep inside": (
            {
                "type": "object",
                "required": ["a"],
                "properties": {"a": {"type": "integer", "minimum": 3, "maximum": 2}},
            },
            ("minimum", "maximum"),
        ),
    }


def no_schemas() -> dict[str, Any]:
    """What is no JSON or no schema, or refers to nothing."""
    return {
        "empty text": "",
        "half a text": '{"type": ',
        "two texts": "{} {}",
        "NaN": '{"minimum": NaN}',
        "a list": "[1]",
        "a number": "5",
        "type that does not exist": {"type": "strnig"},
        "type as a number": {"type": 5},
        "type as an empty list": {"type": []},
        "properties as a list": {"properties": []},
        "a property as a number": {"properties": {"a": 5}},
        "required as a text": {"required": "a"},
        "required of numbers": {"required": [1]},
        "negative length": {"minLength": -1},
        "length of one and a half": {"maxLength": 1.5},
        "length as a text": {"minLength": "1"},
        "minimum as a text": {"minimum": "1"},
        "multiple of zero": {"multipleOf": 0},
        "multiple of less than zero": {"multipleOf": -2},
        "enum as a text": {"enum": "a"},
        "all of a schema": {"allOf": {}},
        "any of nothing": {"anyOf": []},
        "not a number": {"not": 3},
        "items as a text": {"items": "string"},
        "unique as a text": {"uniqueItems": "yes"},
        "pattern as a number": {"pattern": 5},
        "reference as a number": {"$ref": 5},
        "format as a number": {"format": 5},
        "unknown draft": {"$schema": "http://example.com/draft-99"},
        "draft as a number": {"$schema": 7},
        "reference to nothing": {"$ref": "#/$defs/none"},
        "reference to an anchor that is not there": {"$ref": "#none"},
        "reference out of the document": {"$ref": "http://example.com/other.json"},
        "reference to a text": {"$ref": "#/title", "title": "no schema"},
        "reference to itself": {"$ref": "#"},
        "references in a circle": {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
        },
        "itself denied": {"not": {"$ref": "#"}},
        "pattern that opens": {"pattern": "(a"},
        "pattern that closes": {"pattern": "a)"},
        "pattern that repeats nothing": {"pattern": "*a"},
        "pattern with a range backwards": {"pattern": "[z-a]"},
        "pattern with a count backwards": {"pattern": "a{3,2}"},
        "pattern that refers back": {"pattern": "(a)\\1"},
        "key pattern that opens": {"patternProperties": {"(a": {}}},
        "a bad schema deep inside": {"properties": {"a": {"items": {"type": "nothing"}}}},
    }


CHILD = """
import json, resource, signal, sys
folder, group, first, seconds, gibibytes = sys.argv[1:]
sys.path.insert(0, folder)
import constrained_diffusion as cd
from constrained_diffusion.errors import ConstrainedDiffusionError
import test_fuzz_bad_input as cases

vocabulary = cd.Vocabulary([*(bytes([b]) for b in range(256)), None], end_ids=[256])
cd.compile(cd.JsonSchema({"type": ["string", "number"]}), vocabulary, length=64)
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + int(gibibytes) * 2**30
resource.setrlimit(resource.RLIMIT_AS, (most, most))

class Overdue(BaseException):
    pass

def overdue(number, frame):
    raise Overdue

signal.signal(signal.SIGALRM, overdue)
for name, schema in list(getattr(cases, group)().items())[int(first):]:
    if group == "contradictory":
        schema = schema[0]
    signal.alarm(int(seconds))
    try:
        cd.compile(cd.JsonSchema(schema), vocabulary, length=64)
        outcome = "compiled", ""
    except ConstrainedDiffusionError as error:
        outcome = type(error).__name__, str(error)
    except Overdue:
        outcome = "overdue", ""
    except BaseException as error:
        outcome = "crash", f"{type(error).__name__}: {error}"
    signal.alarm(0)
    print(json.dumps([name, *outcome]), flush=True)
"""

Outcomes = dict[str, tuple[str, str]]


def run(group: str) -> Outcomes:
    """Per case of the group what it led to, and the message; a case that ends the child process,
    or does not heed its alarm, was "killed"."""
    names = list(globals()[group]())
    known: Outcomes = {}
    while len(known) < len(names):
        arguments = [
            str(Path(__file__).parent),
            group,
            str(len(known)),
            str(SECONDS),
            str(GIBIBYTES),
        ]
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True
        ) as child:
            lines = _lines(child)
        for line in lines:
            name, outcome, message = json.loads(line)
            known[name] = outcome, message
        if len(known) < len(names):
            known[names[len(known)]] = "killed", f"exit status {child.returncode}"
    return known


def _lines(child: subprocess.Popen[str]) -> list[str]:
    """What the child prints, until it ends or prints nothing for much longer than a case takes."""
    assert child.stdout is not None
    watch = threading.Timer(START_SECONDS, child.kill)
    lines = []
    watch.start()
    for line in child.stdout:
        watch.cancel()
        lines.append(line)
        watch = threading.Timer(2 * SECONDS, child.kill)
        watch.start()
    watch.cancel()
    return lines


@pytest.fixture(scope="module")
def outcomes() -> Callable[[str], Outcomes]:
    return functools.lru_cache(run)


ERRORS = {"SchemaError", "UnsupportedSchemaError", "GrammarError", "LimitError"}


@pytest.mark.parametrize("name", exponential())
def test_exponential(name: str, outcomes: Callable[[str], Outcomes]) -> None:
    outcome, message = outcomes("exponential")[name]
    possible = {"compiled", "UnsatisfiableError", "CanvasTooSmallError", *ERRORS}
    assert outcome in possible, (outcome, message[:500])
    assert outcome == "compiled" or message


@pytest.mark.parametrize("name", contradictory())
def test_contradictory(name: str, outcomes: Callable[[str], Outcomes]) -> None:
    outcome, message = outcomes("contradictory")[name]
    if outcome == "LimitError" and "recursion" in name:
        return  # told from recursion that ends later than max_depth allows
    assert outcome == "UnsatisfiableError", message[:500]
    assert any(keyword in message for keyword in contradictory()[name][1]), message


@pytest.mark.parametrize("name", no_schemas())
def test_no_schema(name: str, outcomes: Callable[[str], Outcomes]) -> None:
    outcome, message = outcomes("no_schemas")[name]
    assert outcome in {"SchemaError", "UnsupportedSchemaError", "GrammarError"}, message[:500]
    assert message
