"""The official test suite: most of it compiles, and nothing invalid is accepted."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY
from schema_oracle import orderings

import constrained_diffusion as cd
from constrained_diffusion.errors import ConstrainedDiffusionError, UnsatisfiableError

SUITE = Path(__file__).resolve().parents[4] / "shared" / "data" / "json-schema-test-suite"
DRAFTS = {"draft7": "http://json-schema.org/draft-07/schema#", "draft2020-12": None}

# Whether contents are decoded and checked is a choice that the specification leaves open.
ANNOTATIONS = "content.json"

pytestmark = pytest.mark.skipif(not SUITE.is_dir(), reason="the shared data are not there")


def remote_schemas() -> dict[str, Any]:
    found = {uri: REGISTRY.contents(uri) for uri in REGISTRY}
    for path in (SUITE / "remotes").rglob("*.json"):
        uri = "http://localhost:1234/" + path.relative_to(SUITE / "remotes").as_posix()
        found[uri] = json.loads(path.read_text(encoding="utf-8"))
    return found


def groups(draft: str, pattern: str) -> Iterator[tuple[str, Any, list[dict[str, Any]]]]:
    for path in sorted((SUITE / "tests" / draft).glob(pattern)):
        if path.name == ANNOTATIONS:
            continue
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict) and DRAFTS[draft] is not None:
                schema = {"$schema": DRAFTS[draft], **schema}
            yield f"{path.name}: {group['description']}", schema, group["tests"]


class Suite:
    """What became of the groups of some files."""

    def __init__(self, draft: str, pattern: str) -> None:
        self.groups = 0
        self.compiled = 0
        self.wrong: list[str] = []
        self.refused: list[str] = []
        self._remotes = remote_schemas()
        for name, schema, tests in groups(draft, pattern):
            self.groups += 1
            self._take(name, schema, tests)

    def _take(self, name: str, schema: Any, tests: list[dict[str, Any]]) -> None:
        options: dict[str, Any] = {}
        if "registry" in inspect.signature(cd.JsonSchema).parameters:
            options["registry"] = self._remotes
        try:
            constraint = cd.JsonSchema(schema, **options)
            automaton = constraint.language(20_000).automaton
        except UnsatisfiableError as error:
            if any(test["valid"] for test in tests):
                self.wrong.append(f"{name}: {error}")
            self.compiled += 1
            return
        except ConstrainedDiffusionError as error:
            self.refused.append(f"{name}: {type(error).__name__}: {error}")
            return
        self.compiled += 1
        beyond = getattr(constraint, "accepts_beyond", lambda text: False)
        for test in tests:
            if test["valid"]:
                continue
            for ordered in itertools.islice(orderings(test["data"]), 200):
                text = json.dumps(ordered)
                spelled = constraint.spelling(text).text
                if automaton.accepts(spelled.encode()) or beyond(text):
                    self.wrong.append(f"{name}: {test['description']}: {text}")
                    break


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_part(draft: str) -> None:
    suite = Suite(draft, "*.json")
    assert not suite.wrong, "\n".join(suite.wrong)
    assert suite.groups > 200
    assert suite.compiled >= 0.9 * suite.groups, "\n".join(suite.refused)


@pytest.mark.parametrize("draft", DRAFTS)
def test_optional_part_accepts_nothing_invalid(draft: str) -> None:
    suite = Suite(draft, "optional/**/*.json")
    assert not suite.wrong, "\n".join(suite.wrong)
    assert suite.compiled > 0.5 * suite.groups, "\n".join(suite.refused)
