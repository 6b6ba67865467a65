"""Random schemas of the supported keywords, and values that are often nearly valid."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "c", 'q"\\', "é"]
TEXTS = ["", "a", "ab", "aab", "b\n", 'q"\\', "é", "😀x", "12", "\x01", "a" * 5]
NUMBERS = [0, 1, -1, 2, 3, 10, 99, 0.5, -0.5, 1.25, -10.75, 2**60]
PATTERNS = ["^a", "b$", "[0-9]+", "^(ab|é)*$", "^.{2,3}$", "\\\\", '"', "^[^a]*$", "a|^$"]
KEY_PATTERNS = ["^a", "b|c", "^.$", "é"]
NAME_SCHEMAS: list[Any] = [
    {"maxLength": 1},
    {"pattern": "^[a-c]"},
    {"enum": ["a", "é", "x"]},
    {"not": {"const": "b"}},
    True,
]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]

scalars = st.one_of(st.none(), st.booleans(), st.sampled_from(TEXTS), st.sampled_from(NUMBERS))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    ),
    max_leaves=5,
)


def _counts(low: str, high: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={low: st.integers(0, 3), high: st.integers(0, 4)})


numeric_tests = st.fixed_dictionaries(
    {},
    optional={
        "minimum": st.sampled_from(NUMBERS),
        "maximum": st.sampled_from(NUMBERS),
        "exclusiveMinimum": st.sampled_from(NUMBERS),
        "exclusiveMaximum": st.sampled_from(NUMBERS),
    },
)
string_tests = st.builds(
    lambda counts, rest: {**counts, **rest},
    _counts("minLength", "maxLength"),
    st.fixed_dictionaries({}, optional={"pattern": st.sampled_from(PATTERNS)}),
)
listed = st.one_of(
    st.fixed_dictionaries({"const": values}),
    st.fixed_dictionaries({"enum": st.lists(values, min_size=1, max_size=4)}),
)
types = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=3)
        )
    }
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.fixed_dictionaries(
        {"properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(
                st.sampled_from(KEY_PATTERNS), inner, min_size=1, max_size=2
            ),
            "propertyNames": st.sampled_from(NAME_SCHEMAS),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(0, 3),
            "dependentRequired": st.dictionaries(
                st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=2), max_size=1
            ),
            "dependentSchemas": st.dictionaries(st.sampled_from(NAMES), inner, max_size=1),
            "unevaluatedProperties": inner,
        },
    )
    arrays = st.builds(
        lambda counts, rest: {**counts, **rest},
        _counts("minItems", "maxItems"),
        st.fixed_dictionaries(
            {},
            optional={
                "items": inner,
                "prefixItems": st.lists(inner, min_size=1, max_size=2),
                "contains": inner,
                "minContains": st.integers(0, 2),
                "maxContains": st.integers(0, 2),
                "uniqueItems": st.booleans(),
                "unevaluatedItems": inner,
            },
        ),
    )
    branches = st.lists(inner, min_size=1, max_size=3)
    unions = st.one_of(
        st.fixed_dictionaries({"anyOf": branches}),
        st.fixed_dictionaries({"oneOf": branches}),
        st.fixed_dictionaries({"allOf": branches}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
    )
    references = st.fixed_dictionaries({"$ref": st.sampled_from(["#/$defs/x", "#/$defs/y~1z"])})
    return st.one_of(
        objects,
        arrays,
        unions,
        references,
        # Keywords that hold together, in any order.
        st.builds(
            lambda parts: {k: v for part in parts for k, v in part.items()},
            st.lists(
                st.one_of(objects, arrays, unions, references, types, string_tests, numeric_tests),
                min_size=2,
                max_size=4,
            ),
        ),
    )


leaves = st.one_of(
    st.booleans(),
    st.just({}),
    types,
    numeric_tests,
    string_tests,
    listed,
    st.builds(lambda a, b: {**a, **b}, types, st.one_of(numeric_tests, string_tests)),
)
_schemas = st.recursive(leaves, _containers, max_leaves=6)


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    """Schemas of draft 2020-12 without recursion; definitions hold no references."""
    schema = draw(_schemas)
    if not isinstance(schema, dict):
        return schema
    definitions = {"x": draw(leaves), "y/z": draw(st.one_of(leaves, listed))}
    return {**schema, "$defs": definitions}


def repaired(schema: Any, value: Any, draw: st.DrawFn, depth: int = 0) -> Any:
    """`value`, changed towards what the top-level keywords of `schema` ask for."""
    if not isinstance(schema, dict) or depth > 4:
        return value
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    for keyword in ("allOf", "anyOf", "oneOf"):
        if keyword in schema and draw(st.booleans()):
            return repaired(draw(st.sampled_from(schema[keyword])), value, draw, depth + 1)
    if "then" in schema and draw(st.booleans()):
        return repaired(schema["then"], value, draw, depth + 1)
    wanted = schema.get("type")
    if isinstance(wanted, list):
        wanted = draw(st.sampled_from(wanted))
    if wanted is None:
        wanted = (
            "object"
            if "properties" in schema
            else "array"
            if {"items", "prefixItems", "minItems"} & schema.keys()
            else "string"
            if {"pattern", "minLength", "maxLength"} & schema.keys()
            else None
        )
    if wanted == "object":
        declared = schema.get("properties", {})
        names = [name for name in declared if draw(st.booleans())]
        names += [name for name in schema.get("required", ()) if name not in names]
        names += [name for name in (value if isinstance(value, dict) else ()) if name not in names]
        rest = schema.get("additionalProperties", True)
        return {
            name: repaired(declared.get(name, rest), draw(scalars), draw, depth + 1)
            for name in names[:3]
        }
    if wanted == "array":
        prefix = schema.get("prefixItems", [])
        low = schema.get("minItems", 0)
        length = draw(st.integers(low, max(low, schema.get("maxItems", 3) + 1)))
        return [
            repaired(
                prefix[i] if i < len(prefix) else schema.get("items", True),
                draw(scalars),
                draw,
                depth + 1,
            )
            for i in range(min(length, 4))
        ]
    if wanted == "string":
        return draw(st.sampled_from(TEXTS))
    if wanted in ("integer", "number"):
        return draw(st.sampled_from(NUMBERS))
    return value


@st.composite
def schemas_with_value(draw: st.DrawFn) -> tuple[Any, Any]:
    schema = draw(schemas())
    return schema, repaired(schema, draw(values), draw)
