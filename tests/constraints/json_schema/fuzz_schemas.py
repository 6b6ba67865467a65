"""Random schemas over all keywords of all drafts, small; and real schemas with something broken."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import strategies as st

URIS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
NAMES = ["a", "b", "c", "x1"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
NUMBERS = [-1, 0, 1, 2, 3, 10, 0.5, 1.5, -0.25, 100]
TEXTS = ["", "a", "b", "ab", "aab", "é", "2020-02-29", "a\n", '"\\', "😀"]
PATTERNS = ["^a", "b$", "^[ab]*$", "^x", "[0-9]", "^(a|b){1,2}$", "^$", ".", "^[^a]+$", "a|é"]
FORMATS = ["email", "ipv4", "ipv6", "hostname", "date-time", "unknown"]
LATER_FORMATS = {7: ["date", "time"], 2019: ["uuid", "duration"]}
DIVISORS = [1, 2, 3, 7, 0.5, 0.1, 0.01, 2.5, 1.5]

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "jsonschemabench.jsonl"

Schemas = st.SearchStrategy[Any]

scalars = st.sampled_from([None, True, False, *NUMBERS, *TEXTS])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    ),
    max_leaves=3,
)


def _some(**keywords: Schemas) -> Schemas:
    """One or two of the keywords."""
    return st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: keywords[name] for name in names})
    )


def _numbers(draft: int) -> Schemas:
    number = st.sampled_from(NUMBERS)
    exclusive = st.booleans() if draft == 4 else number
    bounds = _some(minimum=number, maximum=number, multipleOf=st.sampled_from(DIVISORS))
    if draft == 4:
        return st.builds(
            lambda low, high, strict: {"minimum": low, "maximum": high, "exclusiveMinimum": strict},
            number,
            number,
            exclusive,
        )
    return st.one_of(
        bounds,
        _some(exclusiveMinimum=number, exclusiveMaximum=number, minimum=number),
        _some(multipleOf=st.sampled_from(DIVISORS), maximum=number),
    )


def _strings(draft: int) -> Schemas:
    formats = [*FORMATS, *(f for since, fs in LATER_FORMATS.items() if draft >= since for f in fs)]
    return _some(
        minLength=st.integers(0, 3),
        maxLength=st.integers(0, 3),
        pattern=st.sampled_from(PATTERNS),
        format=st.sampled_from(formats),
    )


def _listed(draft: int) -> Schemas:
    keywords: dict[str, Schemas] = {
        "enum": st.lists(values, min_size=1, max_size=4, unique_by=json.dumps)
    }
    if draft >= 6:
        keywords["const"] = values
    return _some(**keywords)


def _arrays(draft: int, inner: Schemas) -> Schemas:
    counts = {"minItems": st.integers(0, 2), "maxItems": st.integers(0, 3)}
    several = st.lists(inner, min_size=1, max_size=2)
    items: list[Schemas] = [st.fixed_dictionaries({"items": inner})]
    if draft == 2020:
        items.append(st.fixed_dictionaries({"prefixItems": several}, optional={"items": inner}))
    else:
        tail = {"additionalItems": inner}
        items.append(st.fixed_dictionaries({"items": several}, optional=tail))
    tests: dict[str, Schemas] = {**counts, "uniqueItems": st.booleans()}
    if draft >= 6:
        tests["contains"] = inner
    choices = [*items, _some(**tests), st.builds(_merge, items[-1], _some(**tests))]
    if draft >= 2019:
        choices.append(
            st.fixed_dictionaries(
                {"contains": inner},
                optional={"minContains": st.integers(0, 2), "maxContains": st.integers(0, 2)},
            )
        )
        last = st.fixed_dictionaries({"unevaluatedItems": inner})
        choices.append(st.builds(_merge, items[-1], last))
    return st.one_of(choices)


def _objects(draft: int, inner: Schemas) -> Schemas:
    name = st.sampled_from(NAMES)
    names = st.lists(name, min_size=1, max_size=2, unique=True)
    properties = st.dictionaries(name, inner, min_size=1, max_size=3)
    keywords: dict[str, Schemas] = {
        "required": names,
        "additionalProperties": st.one_of(st.booleans(), inner),
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
        "minProperties": st.integers(0, 2),
        "maxProperties": st.integers(0, 3),
    }
    if draft >= 6:
        keywords["propertyNames"] = st.one_of(inner, _strings(draft))
    if draft >= 2019:
        keywords["dependentRequired"] = st.dictionaries(name, names, min_size=1, max_size=2)
        keywords["dependentSchemas"] = st.dictionaries(name, inner, min_size=1, max_size=2)
        keywords["unevaluatedProperties"] = st.one_of(st.booleans(), inner)
    else:
        either = st.one_of(names, inner)
        keywords["dependencies"] = st.dictionaries(name, either, min_size=1, max_size=2)
    declared = st.fixed_dictionaries({"properties": properties})
    return st.one_of(declared, _some(**keywords), st.builds(_merge, declared, _some(**keywords)))


def _combined(draft: int, inner: Schemas) -> Schemas:
    several = st.lists(inner, min_size=1, max_size=3)
    keywords = {"allOf": several, "anyOf": several, "oneOf": several, "not": inner}
    choices = [_some(**keywords)]
    if draft >= 7:
        branches = {"then": inner, "else": inner}
        choices.append(st.fixed_dictionaries({"if": inner}, optional=branches))
    return st.one_of(choices)


def _referring(draft: int) -> Schemas:
    place = "$defs" if draft >= 2019 else "definitions"
    targets = [f"#/{place}/x", f"#/{place}/y~1z", f"#/{place}/tree", "#"]
    return st.fixed_dictionaries({"$ref": st.sampled_from(targets)})


def _merge(*parts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _leaves(draft: int) -> Schemas:
    type_of = st.one_of(
        st.sampled_from(TYPES),
        st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True),
    )
    typed = st.fixed_dictionaries({"type": type_of})
    tests = st.one_of(_numbers(draft), _strings(draft))
    choices = [st.just({}), typed, _listed(draft), tests, st.builds(_merge, typed, tests)]
    if draft >= 6:
        choices.append(st.booleans())
    return st.one_of(choices)


def _schema(draft: int, depth: int) -> Schemas:
    if depth == 0:
        return _leaves(draft)
    inner = _schema(draft, depth - 1)
    groups = [
        _leaves(draft).filter(lambda leaf: isinstance(leaf, dict)),
        _arrays(draft, inner),
        _objects(draft, inner),
        _combined(draft, inner),
        _referring(draft),
    ]
    return st.one_of(
        _leaves(draft),
        *groups[1:],
        st.lists(st.one_of(groups), min_size=2, max_size=3).map(lambda parts: _merge(*parts)),
    )


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Any:
    """A schema of any draft, in which every reference has a target."""
    draft = draw(st.sampled_from(list(URIS)))
    schema = draw(_schema(draft, depth))
    if not isinstance(schema, dict):
        return schema
    place = "$defs" if draft >= 2019 else "definitions"
    tree = {
        "type": "object",
        "properties": {"a": {"$ref": f"#/{place}/tree"}, "b": draw(_leaves(draft))},
        "additionalProperties": False,
    }
    definitions = {"x": draw(_leaves(draft)), "y/z": draw(_schema(draft, 1)), "tree": tree}
    return {"$schema": URIS[draft], **schema, place: definitions}


REAL = [json.loads(line)["schema"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]

_POOL: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, "", "a", "^a", "(", [], {}, [{}], [1, 1], ["a"]),
    *({"type": "string"}, {"type": "nothing"}, {"$ref": "#"}, {"$ref": "#/nowhere"}, {"not": {}}),
    *({"enum": []}, {"pattern": "(a|b)*a(a|b){9}"}, "http://json-schema.org/draft-04/schema#"),
]
_KEYWORDS = sorted(
    {"$schema", "$id", "$anchor", "$defs", "definitions", "then", "else"}.union(
        *(
            kind.VALIDATORS
            for kind in (jsonschema.Draft4Validator, jsonschema.Draft201909Validator)
        ),
        jsonschema.Draft202012Validator.VALIDATORS,
    )
)


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """All (container, key or position) in a JSON value."""
    pairs = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, child in pairs:
        found.append((value, key))
        _places(child, found)
    return found


@st.composite
def mutated_schemas(draw: st.DrawFn) -> Any:
    """A real schema after one to four mutations: often no schema any more."""
    schema = copy.deepcopy(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(schema, [])
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(["replace", "remove", "move", "rename", "add"]))
        if kind == "replace":
            container[key] = copy.deepcopy(draw(st.sampled_from(_POOL)))
        elif kind == "remove":
            del container[key]
        elif kind == "move":
            other, place = draw(st.sampled_from(_places(draw(st.sampled_from(REAL)), [])))
            container[key] = copy.deepcopy(other[place])
        elif isinstance(container, dict):
            value = container.pop(key) if kind == "rename" else draw(st.sampled_from(_POOL))
            container[draw(st.sampled_from(_KEYWORDS))] = copy.deepcopy(value)
    return schema
