"""What references point to, compared with the `referencing` library, and what it leaves open."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import referencing
import referencing.jsonschema
from jsonschema_specifications import REGISTRY
from schema_oracle import URIS
from test_reading_meaning import reachable

from constrained_diffusion.constraints.json_schema.drafts import SUBSCHEMAS, Draft, Holding
from constrained_diffusion.constraints.json_schema.reading import Reader, ReadSchema
from constrained_diffusion.constraints.json_schema.references import Place, escape
from constrained_diffusion.constraints.json_schema.registry import Library
from constrained_diffusion.errors import SchemaError, UnsupportedSchemaError

SUITE = Path(__file__).resolve().parents[4] / "shared" / "data" / "json-schema-test-suite"


def below(place: Place) -> Iterator[tuple[Place, Any]]:
    """The schemas directly below a schema, as a place and as written."""
    if isinstance(place.raw, bool):
        return
    for keyword, value in place.raw.items():
        holding = SUBSCHEMAS[place.dialect].get(keyword)
        if place.context.scope and keyword in ("$defs", "definitions"):
            continue  # Evaluation does not come this way, so there is no dynamic scope.
        if isinstance(value, list) and holding in (Holding.LIST, Holding.ONE_OR_LIST):
            yield from ((place.child(raw, keyword, i), raw) for i, raw in enumerate(value))
        elif isinstance(value, dict) and holding is Holding.MAP:
            for name, raw in value.items():
                if isinstance(raw, dict | bool):
                    yield place.child(raw, keyword, name), raw
        elif holding in (Holding.ONE, Holding.ONE_OR_LIST):
            yield place.child(value, keyword), value


def theirs(resolver: Any, reference: str) -> Any:
    """What `referencing` finds, or None."""
    if re.search(r"/(-1|01)(/|$)", reference):
        return None  # It takes for indices what RFC 6901 does not.
    try:
        return resolver.lookup(reference)
    except (referencing.exceptions.Unresolvable, ValueError, TypeError, AttributeError):
        return None


def compare(schema: Any, registry: dict[str, Any], default: Draft) -> int:
    """Compares all references of a document; how many lead to a schema."""
    library = Library(schema, registry)
    specification = referencing.jsonschema.specification_with(URIS[default])
    known = REGISTRY.with_resources(
        (uri, referencing.Resource.from_contents(raw, default_specification=specification))
        for uri, raw in registry.items()
    )
    resource = referencing.Resource.from_contents(schema, default_specification=specification)
    waiting = [(library.root, known.resolver_with_root(resource))]
    seen = set()
    found = 0
    while waiting:
        place, resolver = waiting.pop()
        specification = referencing.jsonschema.specification_with(URIS[place.dialect.draft])
        key = (id(place.raw), place.resource, place.context)
        if key in seen or isinstance(place.raw, bool):
            continue
        seen.add(key)
        for keyword, resolve in (
            ("$ref", library.resolve),
            ("$dynamicRef", library.resolve_dynamic),
        ):
            reference = place.raw.get(keyword)
            if not isinstance(reference, str):
                continue
            expected = theirs(resolver, reference)
            where = (schema, place.pointer, reference)
            if place.resource not in place.resource.document.resources.get(place.resource.uri, ()):
                continue  # Below a keyword that holds no schemas, `referencing` is lost.
            if expected is None or not isinstance(expected.contents, dict | bool):
                with pytest.raises(SchemaError):
                    resolve(reference, place)
                continue
            target = resolve(reference, place)
            assert target.raw is expected.contents, where
            found += 1
            if target.context.scope:
                continue  # `referencing` keeps the base URI of where a dynamic anchor was sought.
            root = theirs(expected.resolver, "#")
            assert root is not None
            assert library.resolve("#", target).raw is root.contents, where
            waiting.append((target, expected.resolver))
        if "$ref" in place.raw and place.dialect.draft.reference_stands_alone:
            continue
        for child, raw in below(place):
            inner = resolver.in_subresource(specification.create_resource(raw))
            waiting.append((child, inner))
    return found


def random_document(rng: random.Random, draft: Draft, uri: str, others: list[str]) -> Any:
    """A document full of names and of references, of which some lead nowhere."""
    names = ["a", "b/c", "d~e", "f%g", "h i", "", "é", "0", "$ref", "$id", "not"]
    bases = [uri, "", "", *others]
    fragments = ["#", "#/", "#/definitions/-1", "#/allOf/01"]
    referring: list[dict[str, Any]] = []

    def schema(depth: int, pointer: str) -> Any:
        if draft > Draft.DRAFT4 and rng.random() < 0.1:
            return rng.random() < 0.5
        if pointer:
            fragments.append("#" + quote(pointer))
        result: dict[str, Any] = {}
        kind = rng.random()
        if pointer and kind < 0.25:
            prefix = rng.choice(["", "dir/", "/", "http://h/", "urn:x:"])
            bases.append(f"{prefix}id{len(fragments)}{uri[-1:]}")
            result[draft.id_keyword] = bases[-1]
            pointer = "" if rng.random() < 0.5 else pointer
        elif kind < 0.4:
            fragments.append(f"#anchor{len(fragments)}")
            if draft.reference_stands_alone:
                result[draft.id_keyword] = fragments[-1]
            else:
                result["$anchor"] = fragments[-1][1:]
        if depth < 2 or rng.random() < 0.1:
            referring.append(result)
        if rng.random() < 0.2:
            result["enum"] = [{draft.id_keyword: "id0", "not": {}}, 5]
        if depth > 0:
            for keyword in rng.sample(["definitions", "properties", "x-unknown"], rng.randrange(3)):
                result[keyword] = {
                    name: schema(depth - 1, f"{pointer}/{keyword}/{escape(name)}")
                    for name in rng.sample(names, rng.randrange(1, 4))
                }
            if rng.random() < 0.5:
                result["allOf"] = [
                    schema(depth - 1, f"{pointer}/allOf/{index}")
                    for index in range(rng.randrange(1, 3))
                ]
            if rng.random() < 0.3:
                result["not"] = schema(depth - 1, f"{pointer}/not")
        return result

    properties = {name: schema(3, f"/properties/{escape(name)}") for name in ("a", "b", "c")}
    for each in referring:
        base = rng.choice(bases).partition("#")[0]
        each["$ref"] = rng.choice([base, "", "", ""]) + rng.choice([*fragments, ""])
    stated = {"$schema": URIS[draft], **({draft.id_keyword: uri} if uri else {})}
    return {**stated, "properties": properties, "definitions": {"a": schema(2, "/definitions/a")}}


@pytest.mark.parametrize("draft", Draft)
def test_random_documents(draft: Draft) -> None:
    found = 0
    for seed in range(60):
        rng = random.Random(seed)
        other = random_document(rng, draft, "http://h/other", ["http://h/root"])
        uri = rng.choice(["http://h/root", "", "urn:example:root"])
        root = random_document(rng, draft, uri, ["http://h/other", "other", "nowhere"])
        found += compare(root, {"http://h/other": other}, draft)
    assert found > 300


def suite_groups() -> Iterator[tuple[str, Draft, Any]]:
    for folder, draft in (("draft7", Draft.DRAFT7), ("draft2020-12", Draft.DRAFT2020_12)):
        for path in sorted((SUITE / "tests" / folder).rglob("*.json")):
            for group in json.loads(path.read_text(encoding="utf-8")):
                yield f"{path.stem}: {group['description']}", draft, group["schema"]


def remotes() -> dict[str, Any]:
    folder = SUITE / "remotes"
    return {
        f"http://localhost:1234/{path.relative_to(folder).as_posix()}": json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in folder.rglob("*.json")
        if "v1" not in path.parts and not path.name.startswith(("metaschema", "format-assertion"))
    }


@pytest.mark.skipif(not SUITE.is_dir(), reason="the shared data are not there")
def test_official_suite() -> None:
    registry = remotes()
    found = 0
    for _, draft, schema in suite_groups():
        if isinstance(schema, dict) and "$schema" in schema and "localhost" in schema["$schema"]:
            continue
        if isinstance(schema, dict):
            schema = {"$schema": URIS[draft], **schema}
        found += compare(schema, registry, draft)
    assert found > 200


def target(schema: Any, registry: Any = None) -> ReadSchema:
    """What the reference at the root of a schema leads to."""
    reader = Reader(schema, registry)
    return reader.read(reader.read(reader.root).keywords["$ref"])


@pytest.mark.parametrize(
    ("schema", "uri"),
    [
        ({"$ref": "https://example.org/a"}, "https://example.org/a"),
        ({"$ref": "other.json#/x"}, "other.json"),
        ({"$ref": "urn:x:y#z"}, "urn:x:y"),
        ({"$id": "http://h/dir/root", "$ref": "../a?b#c"}, "http://h/a?b"),
    ],
)
def test_documents_that_are_not_there(schema: Any, uri: str) -> None:
    for registry in (None, {}, {"http://h/b": {}}, referencing.Registry(retrieve=retrieve)):
        with pytest.raises(UnsupportedSchemaError, match="registry") as caught:
            target(schema, registry)
        assert (caught.value.keyword, caught.value.pointer) == ("$ref", "/$ref")
        assert repr(uri) in str(caught.value)


def retrieve(uri: str) -> Any:
    raise AssertionError("a registry must not be asked to retrieve anything")


def test_kinds_of_registries() -> None:
    other = {"$schema": URIS[Draft.DRAFT7], "definitions": {"a": {"const": 1}}}
    resource = referencing.Resource.from_contents(other)
    empty = referencing.Registry(retrieve=retrieve)
    for registry in (
        {"http://h/o": other},
        {"http://h/o#": other},
        {"http://h/o": resource},
        empty.with_resource("http://h/o", resource),
    ):
        read = target({"$ref": "http://h/o#/definitions/a"}, registry)
        assert read.keywords == {"const": 1}
        assert read.pointer == "http://h/o#/definitions/a"
        assert read.draft is Draft.DRAFT7
    # Relative to a document without a URI of its own.
    assert target({"$ref": "o.json#/definitions/a"}, {"o.json": other}).keywords == {"const": 1}


@pytest.mark.parametrize("uri", URIS.values())
def test_official_metaschemas_are_known(uri: str) -> None:
    for reference in (uri, uri.rstrip("#"), uri.rstrip("#") + "#/properties/definitions"):
        assert target({"$ref": reference}).keywords["type"]
    # What the caller passes comes first.
    assert target({"$ref": uri}, {uri: {"const": 1}}).keywords == {"const": 1}


def test_other_names_of_documents() -> None:
    other = {
        "$id": "http://h/own",
        "$defs": {"e": {"$id": "embedded", "const": 1}, "f": {"$ref": "own#/$defs/e"}},
    }
    registry = {"http://wrong/": {"$schema": "http://unknown/"}, "http://h/key": other}
    for reference in (
        "http://h/key#/$defs/e",
        "http://h/own#/$defs/e",
        "http://h/embedded",
    ):
        assert target({"$ref": reference}, registry).keywords == {"const": 1}
    reader = Reader({"$ref": "http://h/key#/$defs/f"}, registry)
    inner = reader.read(reader.read(reader.root).keywords["$ref"])
    assert reader.read(inner.keywords["$ref"]).keywords == {"const": 1}
    with pytest.raises(UnsupportedSchemaError, match="not known"):
        target({"$ref": "http://wrong/"}, registry)
    # The document itself comes before the registry's.
    root = {"$id": "http://h/own", "$ref": "http://h/own#/$defs/e", "$defs": {"e": {"const": 2}}}
    assert target(root, registry).keywords == {"const": 2}


def test_documents_that_refer_to_each_other() -> None:
    registry = {
        f"http://h/{number}": {"properties": {"next": {"$ref": f"{(number + 1) % 50}"}}}
        for number in range(50)
    }
    registry["http://h/0"]["properties"]["self"] = {"$ref": "#"}
    assert len(reachable(Reader({"$ref": "http://h/7"}, registry))) == 1 + 50 + 50 + 1


@pytest.mark.parametrize("entry", [None, 5, "x", []])
def test_registries_of_what_is_no_schema(entry: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        target({"$ref": "http://h/o"}, {"http://h/o": entry})
    assert caught.value.pointer == "http://h/o#"


def test_names_that_are_not_unique() -> None:
    one, two = {"$id": "x", "const": 1}, {"$id": "x", "const": 2}
    for reference in ("http://h/x", "x#/const"):
        schema = {"$id": "http://h/root", "$ref": reference, "$defs": {"1": one, "2": two}}
        with pytest.raises(SchemaError, match="ambiguous") as caught:
            target(schema)
        assert caught.value.pointer == "/$ref"
        assert "/$defs/1" in str(caught.value)
    same = {"$id": "http://h/root", "$ref": "x", "$defs": {"1": one, "2": dict(one)}}
    assert target(same).keywords == {"const": 1}
    # 1 and true are equal in Python.
    unlike = {"$id": "http://h/root", "$ref": "x", "$defs": {"1": one, "2": {**one, "const": True}}}
    with pytest.raises(SchemaError, match="ambiguous"):
        target(unlike)
    anchors = {"1": {"$anchor": "a", "const": 1}, "2": {"$dynamicAnchor": "a", "const": 2}}
    with pytest.raises(SchemaError, match="ambiguous"):
        target({"$ref": "#a", "$defs": anchors})
    assert target({"$ref": "#a", "$defs": {"1": anchors["1"]}}).keywords == {"const": 1}


def test_spelled_out_anchors_of_older_drafts() -> None:
    inner = {"id": "http://h/root#name", "properties": {"b": {"$ref": "#/definitions/b"}}}
    schema = {"$schema": URIS[Draft.DRAFT4], "id": "http://h/root#"}
    schema["definitions"] = {"a": inner, "b": {"enum": [1]}}
    for reference in ("#name", "http://h/root#name", "#/definitions/a"):
        reader = Reader({**schema, "not": {"$ref": reference}})
        read = reader.read(reader.read(reader.root).keywords["not"])
        read = reader.read(reader.read(read.keywords["$ref"]).keywords["properties"]["b"])
        assert reader.read(read.keywords["$ref"]).keywords == {"enum": (1,)}
    with pytest.raises(SchemaError, match="fragment") as caught:
        reachable(Reader({**schema, "not": {"id": "http://h/elsewhere#name"}}))
    assert caught.value.pointer == "/not/id"
