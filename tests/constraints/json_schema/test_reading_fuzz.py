"""Schemas with something wrong in them end in a clear error, or are read; nothing else happens."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from test_drafts import SCHEMAS, URIS
from test_reading_meaning import reachable

from constrained_diffusion.constraints.json_schema.drafts import SUBSCHEMAS
from constrained_diffusion.constraints.json_schema.reading import HONOURED, Reader
from constrained_diffusion.errors import ConstrainedDiffusionError, LimitError

KEYWORDS = sorted(
    HONOURED.union(*SUBSCHEMAS.values())
    | {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"}
)
WRONG: list[Any] = [
    None, True, 0, -1, 1.5, float("nan"), 10**400, "", "#", "x", "#/x", "#/not", "#/allOf/0",
    "http://[", "http://[#a", "urn:", "//", "http://h/o", "\ud800", "#\ud800", "\0", "#%", "#%ff",
    *URIS.values(), [], {}, [[]], [{}], {"a": {}}, {"a": []}, {"": None}, {1: 2}, object(), (1,),
    b"x", {1, 2},
]  # fmt: skip


def containers(schema: Any) -> list[Any]:
    """All objects and arrays in a schema, each once, even where it holds itself."""
    found: dict[int, Any] = {}
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list) and id(part) not in found:
            found[id(part)] = part
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return list(found.values())


def mutate(schema: Any, rng: random.Random) -> None:
    places = containers(schema)
    place = rng.choice(places)
    # Sometimes a part of the schema itself, so that it holds itself.
    value = copy.copy(rng.choice(WRONG)) if rng.random() < 0.7 else rng.choice(places)
    if isinstance(place, dict):
        known = list(place)
        place[rng.choice(KEYWORDS if rng.random() < 0.6 or not known else known)] = value
    elif place:
        place[rng.randrange(len(place))] = value


@pytest.mark.parametrize("seed", range(8))
def test_mutated_schemas(seed: int) -> None:
    rng = random.Random(seed)
    outcomes = set()
    for _ in range(250):
        parts = [copy.deepcopy(rng.choice(SCHEMAS)) for _ in range(3)]
        schema = {"allOf": parts, "definitions": {"i": {}}, "$defs": {"i": {}}}
        if rng.random() < 0.5:
            schema["$schema"] = rng.choice(list(URIS.values()))
        for _ in range(rng.randrange(1, 4)):
            mutate(schema, rng)
        try:
            reachable(Reader(schema, {"http://h/o": rng.choice(SCHEMAS), "x": rng.choice(WRONG)}))
            outcomes.add("read")
        except ConstrainedDiffusionError as error:
            outcomes.add("refused")
            assert "\n" not in str(error)
    assert outcomes == {"read", "refused"}


def test_objects_under_ever_new_uris() -> None:
    loop: dict[str, Any] = {"$id": "further/"}
    loop["not"] = loop
    with pytest.raises(LimitError, match="URIs"):
        reachable(Reader(loop))
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(60):
        schema = {"allOf": [{"$id": "a/", "not": schema}, {"$id": "b/", "not": schema}]}
    with pytest.raises(LimitError, match="URIs"):
        reachable(Reader(schema))
