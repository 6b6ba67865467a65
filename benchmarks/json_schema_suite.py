"""The official JSON Schema test suite, drafts 7 and 2020-12: what compiles, what is answered right.

Per file: groups, groups that compile, tests of those, instances accepted though invalid (right is
0), and refused though valid (narrowing). A group whose schema is unsatisfiable counts as compiled
if none of its instances is valid. An instance counts as accepted if it is in any order of its keys.
The files under optional/ stand apart: in some of them `valid` depends on choices that the
specification leaves open. Remote references are served from the suite's remotes/ and from the
official metaschemas; nothing is fetched.
"""

from __future__ import annotations

import collections
import inspect
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _engines import acceptor, reason_of
from _report import Report, data_file, parser
from _workers import Worker
from jsonschema_specifications import REGISTRY

import constrained_diffusion as cd
from constrained_diffusion.errors import UnsatisfiableError

DRAFTS = {"draft7": "http://json-schema.org/draft-07/schema#", "draft2020-12": None}
REMOTE = "http://localhost:1234/"
SECONDS, GIBIBYTES = 20.0, 2.0
MOST_ORDERS = 720


def remote_schemas() -> dict[str, Any]:
    """URL to schema: the suite's remotes and the official metaschemas."""
    folder = data_file("json-schema-test-suite", "remotes")
    found = {uri: REGISTRY.contents(uri) for uri in REGISTRY}
    for path in sorted(folder.rglob("*.json")):
        uri = REMOTE + path.relative_to(folder).as_posix()
        found[uri] = json.loads(path.read_text(encoding="utf-8"))
    return found


def orderings(value: Any) -> Iterator[Any]:
    """`value` with the keys of its objects in every order."""
    if isinstance(value, list):
        for items in itertools.product(*(list(orderings(item)) for item in value)):
            yield list(items)
    elif isinstance(value, dict):
        for names in itertools.permutations(value):
            for values in itertools.product(*(list(orderings(value[name])) for name in names)):
                yield dict(zip(names, values, strict=True))
    else:
        yield value


def judging() -> Callable[[Any], dict[str, Any]]:
    """A handler for a worker: takes (schema, instances), says which are accepted, or why it does
    not compile."""
    remotes = remote_schemas()
    takes_registry = "registry" in inspect.signature(cd.JsonSchema).parameters

    def handle(request: tuple[Any, list[Any]]) -> dict[str, Any]:
        schema, instances = request
        try:
            options = {"registry": remotes} if takes_registry else {}
            accepts = acceptor(cd.JsonSchema(schema, **options))
        except UnsatisfiableError as error:
            message = f"UnsatisfiableError: {error}"
            return {"accepted": [False] * len(instances), "unsatisfiable": message}
        except Exception as error:
            return {"refused": reason_of(error), "message": f"{type(error).__name__}: {error}"}
        return {"accepted": [_accepted(accepts, value) for value in instances]}

    return handle


def _accepted(accepts: Callable[[str], bool], value: Any) -> bool:
    for ordered in itertools.islice(orderings(value), MOST_ORDERS):
        if accepts(json.dumps(ordered)):
            return True
    return False


def groups(draft: str) -> Iterator[tuple[Path, Any, dict[str, Any]]]:
    """File (relative to the draft's folder), schema and the group itself."""
    folder = data_file("json-schema-test-suite", "tests", draft)
    for path in sorted(folder.rglob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            if isinstance(schema, dict) and DRAFTS[draft] is not None:
                schema = {"$schema": DRAFTS[draft], **schema}
            yield path.relative_to(folder), schema, group


def main() -> None:
    """Run the suite and print."""
    options = parser(__doc__)
    options.add_argument("--draft", choices=list(DRAFTS), help="only this one")
    options.add_argument("--list", action="store_true", help="also list what was narrowed")
    arguments = options.parse_args()
    report = Report("Official JSON Schema test suite")
    worker = Worker(judging, seconds=SECONDS, gibibytes=GIBIBYTES)
    totals: list[dict[str, Any]] = []
    notes: list[str] = []
    for draft in [arguments.draft] if arguments.draft else list(DRAFTS):
        counts: dict[str, collections.Counter[str]] = {}
        for path, schema, group in groups(draft):
            answer = worker.ask((schema, [test["data"] for test in group["tests"]]))
            outcome = answer.value or {"refused": answer.failure, "message": answer.failure}
            where = f"{draft}/{path}: {group['description']}"
            count = counts.setdefault(str(path), collections.Counter())
            _count(count, where, outcome, group["tests"], notes)
        for title, optional in ((draft, False), (f"{draft}, optional", True)):
            chosen = {
                name: count
                for name, count in counts.items()
                if name.startswith("optional") == optional
            }
            report.table(title, [_row(name, count) for name, count in chosen.items()])
            whole = sum(chosen.values(), collections.Counter[str]())
            totals.append(_row(title, whole))
    worker.close()
    report.table("all files", totals, ratios={"share": ("compiled", "groups")})
    for note in notes:
        if arguments.list or not note.startswith("narrowed"):
            report.note(note)
    report.finish(arguments.json)


def _count(
    count: collections.Counter[str],
    where: str,
    outcome: dict[str, Any],
    tests: list[dict[str, Any]],
    notes: list[str],
) -> None:
    count["groups"] += 1
    if "refused" in outcome:
        notes.append(f"does not compile: {where}: {outcome['message']}")
        return
    if "unsatisfiable" in outcome and any(test["valid"] for test in tests):
        notes.append(f"refused as unsatisfiable: {where}: {outcome['unsatisfiable']}")
    count["compiled"] += 1
    for test, accepted in zip(tests, outcome["accepted"], strict=True):
        count["tests"] += 1
        text = json.dumps(test["data"])[:200]
        if accepted and not test["valid"]:
            count["wrongly accepted"] += 1
            notes.append(f"wrongly accepted: {where}: {test['description']}: {text}")
        elif test["valid"] and not accepted:
            count["refused though valid"] += 1
            notes.append(f"narrowed: {where}: {test['description']}: {text}")


def _row(name: str, count: collections.Counter[str]) -> dict[str, Any]:
    columns = ("groups", "compiled", "tests", "wrongly accepted", "refused though valid")
    return {"file": name, **{column: count[column] for column in columns}}


if __name__ == "__main__":
    main()
