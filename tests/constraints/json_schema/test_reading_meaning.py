"""What schemas mean once they are read: a plain interpreter of the reader's keywords, by number,
against the verdicts of the official test suite, of `jsonschema` and of the real schemas' labels.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema_specifications import REGISTRY

from constrained_diffusion.constraints.json_schema.drafts import SUBSCHEMAS, Draft
from constrained_diffusion.constraints.json_schema.reading import (
    ANYTHING,
    HONOURED,
    NOTHING,
    Reader,
)
from constrained_diffusion.errors import ConstrainedDiffusionError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
SUITE = SHARED / "json-schema-test-suite"
REAL = SHARED / "jsonschemabench"
DRAFTS = {"draft7": "http://json-schema.org/draft-07/schema#", "draft2020-12": None}

Evaluated = frozenset[Any]
"""The keys or the indices that are evaluated."""


class Interpreter:
    """Says whether values are valid, by the keywords as the reader gives them."""

    def __init__(self, schema: Any, registry: Mapping[str, Any] | None = None) -> None:
        self.reader = Reader(schema, registry)

    def is_valid(self, value: Any) -> bool:
        return self.evaluate(self.reader.root, value) is not None

    def evaluate(self, number: int, value: Any) -> Evaluated | None:
        """What the schema evaluates of the value, None if it is not valid."""
        if number in (ANYTHING, NOTHING):
            return frozenset() if number == ANYTHING else None
        schema = self.reader.read(number)
        keywords = schema.keywords
        applied = (*self._in_place(keywords, value),)
        if not all(holds for holds, _ in applied):
            return None
        evaluated = frozenset().union(*(seen for _, seen in applied))
        if not _simple_tests(keywords, value, schema.draft):
            return None
        if isinstance(value, dict):
            return self._object(keywords, value, evaluated)
        if isinstance(value, list):
            return self._array(keywords, value, evaluated, schema.draft)
        return frozenset()

    def _in_place(self, keywords: dict[str, Any], value: Any) -> Iterator[tuple[bool, Evaluated]]:
        """For each keyword that applies schemas to the value itself: does it hold?"""

        def one(number: int) -> tuple[bool, Evaluated]:
            seen = self.evaluate(number, value)
            return seen is not None, seen or frozenset()

        for keyword in ("$ref", "$dynamicRef"):
            if keyword in keywords:
                yield one(keywords[keyword])
        for number in keywords.get("allOf", ()):
            yield one(number)
        for keyword in ("anyOf", "oneOf"):
            if keyword in keywords:
                held = [seen for holds, seen in map(one, keywords[keyword]) if holds]
                enough = len(held) == 1 if keyword == "oneOf" else len(held) > 0
                yield enough, frozenset().union(*held)
        if "not" in keywords:
            yield not one(keywords["not"])[0], frozenset()
        if "if" in keywords:
            holds, seen = one(keywords["if"])
            then_holds, then_seen = one(keywords.get("then" if holds else "else", ANYTHING))
            yield then_holds, seen | then_seen
        if isinstance(value, dict):
            for name, number in keywords.get("dependentSchemas", {}).items():
                if name in value:
                    yield one(number)

    def _object(
        self, keywords: dict[str, Any], value: dict[str, Any], evaluated: Evaluated
    ) -> Evaluated | None:
        names, patterns = keywords.get("properties", {}), keywords.get("patternProperties", {})
        here = set()
        for key, item in value.items():
            schemas = [names[key]] if key in names else []
            schemas += [number for pattern, number in patterns.items() if re.search(pattern, key)]
            if not schemas and "additionalProperties" in keywords:
                schemas.append(keywords["additionalProperties"])
            if schemas:
                here.add(key)
            if any(self.evaluate(number, item) is None for number in schemas):
                return None
            if self.evaluate(keywords.get("propertyNames", ANYTHING), key) is None:
                return None
        evaluated |= here
        if "unevaluatedProperties" in keywords:
            rest = [item for key, item in value.items() if key not in evaluated]
            if any(self.evaluate(keywords["unevaluatedProperties"], item) is None for item in rest):
                return None
            evaluated |= value.keys()
        return evaluated

    def _array(
        self, keywords: dict[str, Any], value: list[Any], evaluated: Evaluated, draft: Draft
    ) -> Evaluated | None:
        prefix, rest = keywords.get("prefixItems", ()), keywords.get("items")
        if isinstance(rest, tuple):
            prefix, rest = rest, keywords.get("additionalItems")
        schemas = [*prefix, *[rest] * len(value)] if rest is not None else prefix
        if any(
            self.evaluate(number, item) is None
            for number, item in zip(schemas, value, strict=False)
        ):
            return None
        evaluated |= set(range(min(len(schemas), len(value))))
        if "contains" in keywords:
            found = [
                index
                for index, item in enumerate(value)
                if self.evaluate(keywords["contains"], item) is not None
            ]
            least, most = keywords.get("minContains", 1), keywords.get("maxContains", len(value))
            if not least <= len(found) <= most:
                return None
            if draft >= Draft.DRAFT2020_12:
                evaluated |= set(found)
        if "unevaluatedItems" in keywords:
            items = [item for index, item in enumerate(value) if index not in evaluated]
            if any(self.evaluate(keywords["unevaluatedItems"], item) is None for item in items):
                return None
            evaluated |= set(range(len(value)))
        return evaluated


def _simple_tests(keywords: dict[str, Any], value: Any, draft: Draft) -> bool:
    """The keywords that apply no schemas."""
    if "type" in keywords and not any(_is(name, value, draft) for name in keywords["type"]):
        return False
    if "enum" in keywords and not any(_same(value, each) for each in keywords["enum"]):
        return False
    if "const" in keywords and not _same(value, keywords["const"]):
        return False
    if _is("number", value, draft):
        exact = Fraction(value)
        return not (
            ("minimum" in keywords and exact < keywords["minimum"])
            or ("maximum" in keywords and exact > keywords["maximum"])
            or ("exclusiveMinimum" in keywords and exact <= keywords["exclusiveMinimum"])
            or ("exclusiveMaximum" in keywords and exact >= keywords["exclusiveMaximum"])
            or (
                "multipleOf" in keywords
                and Fraction(str(value)) % Fraction(str(keywords["multipleOf"]))
            )
        )
    for kind, what in ((str, "Length"), (list, "Items"), (dict, "Properties")):
        if isinstance(value, kind) and not (
            keywords.get(f"min{what}", 0) <= len(value) <= keywords.get(f"max{what}", len(value))
        ):
            return False
    if isinstance(value, str):
        return "pattern" not in keywords or bool(re.search(keywords["pattern"], value))
    if isinstance(value, list) and keywords.get("uniqueItems"):
        return not any(_same(a, b) for i, a in enumerate(value) for b in value[:i])
    if isinstance(value, dict):
        return all(name in value for name in keywords.get("required", ())) and all(
            needed in value
            for name, names in keywords.get("dependentRequired", {}).items()
            if name in value
            for needed in names
        )
    return True


def _is(name: str, value: Any, draft: Draft) -> bool:
    if isinstance(value, bool) or value is None:
        return name == ("null" if value is None else "boolean")
    if isinstance(value, float):
        return name == "number" or (
            name == "integer" and value.is_integer() and draft > Draft.DRAFT4
        )
    kinds = {int: ("integer", "number"), str: "string", list: "array", dict: "object"}
    return name in (kinds[type(value)], *kinds[type(value)])


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def remotes() -> dict[str, Any]:
    folder = SUITE / "remotes"
    return {
        f"http://localhost:1234/{path.relative_to(folder).as_posix()}": json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in folder.rglob("*.json")
    }


@pytest.mark.skipif(not SUITE.is_dir(), reason="the shared data are not there")
@pytest.mark.parametrize("draft", DRAFTS)
def test_official_suite(draft: str) -> None:
    registry = remotes()
    tests = 0
    refused = []
    for path in sorted((SUITE / "tests" / draft).rglob("*.json")):
        if path.parent.name == "format" or path.stem in ("format", "content", "ecmascript-regex"):
            continue  # Formats, content and ECMAScript's syntax are not the reader's.
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict) and DRAFTS[draft] is not None:
                schema = {"$schema": DRAFTS[draft], **schema}
            try:
                interpreter = Interpreter(schema, registry)
                for test in group["tests"]:
                    where = (path.name, group["description"], test["description"])
                    assert interpreter.is_valid(test["data"]) == test["valid"], where
                    tests += 1
            except re.error:
                continue
            except ConstrainedDiffusionError:
                refused.append((path.name, group["description"]))
    assert tests > 800
    assert {name for name, _ in refused} <= {"vocabulary.json", "format-assertion.json"}


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data are not there")
def test_real_schemas() -> None:
    """What jsonschema says of the instances of every eighth real schema."""
    compared = 0
    for path in sorted(REAL.glob("*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines()
        for number, line in list(enumerate(lines))[::8]:
            record = json.loads(line)
            schema = record["schema"]
            kind = jsonschema.validators.validator_for(
                schema, default=jsonschema.Draft202012Validator
            )
            judge = kind(schema, registry=REGISTRY)
            interpreter = Interpreter(schema)
            for value in record["valid"] + record["invalid"]:
                assert interpreter.is_valid(value) == judge.is_valid(value), (path.name, number)
                compared += 1
    assert compared > 2000


@pytest.mark.parametrize(
    "uri",
    [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
def test_metaschemas(uri: str) -> None:
    """They refer to each other, dynamically from 2019-09 on."""
    kind = jsonschema.validators.validator_for({"$schema": uri})
    judge = kind(kind.META_SCHEMA)
    interpreter = Interpreter({"$schema": uri, "$ref": uri})
    wrong = [
        None, {}, True, 5, [], "x", ["a", "a"], [{}, True, 1], -1, 0.5, "object", ["object", "x"],
        {"a": 1}, {"a": {}}, {"a": []}, {"a": ["b"]}, {"a": ["b", "b"]}, {"a": {"type": 1}},
    ]  # fmt: skip
    keywords = sorted(HONOURED | {"$defs", "definitions", "$id", "$anchor", "title", "default"})
    verdicts = set()
    for keyword in keywords:
        for value in wrong:
            for schema in ({keyword: value}, {"allOf": [{"properties": {"p": {keyword: value}}}]}):
                expected = judge.is_valid(schema)
                assert interpreter.is_valid(schema) == expected, schema
                verdicts.add(expected)
    assert verdicts == {True, False}


RECURSIVE = "https://json-schema.org/draft/2019-09/schema"
TREE = {
    "$schema": RECURSIVE,
    "$id": "http://h/tree",
    "$recursiveAnchor": True,
    "type": "object",
    "properties": {"data": True, "child": {"$recursiveRef": "#"}},
}


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_recursive_references(outer: bool, inner: bool) -> None:
    """The tree that 2019-09 gives as its example, with and without anchors."""
    schema = {
        "$schema": RECURSIVE,
        "$id": "http://h/strict",
        "$recursiveAnchor": outer,
        "$ref": "tree",
        "unevaluatedProperties": False,
        "$defs": {"tree": {**TREE, "$recursiveAnchor": inner}},
    }
    judge = jsonschema.Draft201909Validator(schema)
    interpreter = Interpreter(schema)
    for value in ({}, {"child": {}}, {"child": {"dat": 1}}, {"dat": 1}, {"child": {"child": 1}}):
        assert interpreter.is_valid(value) == judge.is_valid(value), value
    assert interpreter.is_valid({"child": {"dat": 1}}) == (not outer or not inner)


def test_dynamic_scope_is_bounded() -> None:
    """Resources that enter each other in any order have finitely many numbers."""
    names = [f"r{number}" for number in range(4)]
    definitions = {
        name: {
            "$id": name,
            "$dynamicAnchor": "here",
            "properties": {other: {"$ref": other} for other in names},
            "items": {"$dynamicRef": "#here"},
        }
        for name in names
    }
    reader = Reader({"anyOf": [{"$ref": name} for name in names], "$defs": definitions})
    numbers = reachable(reader)
    # For each resource at most one number below each resource that was entered first.
    assert len(numbers) <= 1 + 4 + 4 * 4 * (1 + 4 + 1)
    for number in numbers:
        keywords = reader.read(number).keywords
        if "$dynamicRef" in keywords:
            assert "items" in reader.read(keywords["$dynamicRef"]).keywords


def reachable(reader: Reader) -> set[int]:
    """The numbers of all schemas that a document uses."""
    seen = {reader.root}
    waiting = [reader.root]
    while waiting:
        number = waiting.pop()
        if number in (ANYTHING, NOTHING):
            continue
        for keyword, value in reader.read(number).keywords.items():
            if keyword in SCHEMAS:
                numbers = value.values() if isinstance(value, dict) else value
                numbers = [value] if isinstance(value, int) else numbers
                waiting.extend(set(numbers) - seen)
                seen.update(numbers)
    return seen


SCHEMAS = frozenset(
    keyword for keywords in SUBSCHEMAS.values() for keyword in (*keywords, "$ref", "$dynamicRef")
)
