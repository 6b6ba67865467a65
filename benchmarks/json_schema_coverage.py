"""JSON Schema coverage on jsonschemabench: what compiles, what it accepts, and how fast.

Per set: schemas compiled, refused by keyword, valid instances accepted (with keys in schema order;
and as given), invalid instances accepted (each is listed; right is 0, apart from wrong labels), and
milliseconds to a byte automaton on one core, without lifting it to tokens.
"""

from __future__ import annotations

import collections
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

from _report import Report, data_file, parser

from constrained_diffusion.constraints.json_schema import canonical_text, compile_schema
from constrained_diffusion.errors import (
    LimitError,
    SchemaError,
    UnsatisfiableError,
    UnsupportedSchemaError,
)


def in_schema_order(value: Any, schemas: list[Any], root: Any, depth: int = 0) -> Any:
    """`value` with the keys of objects in the order in which `schemas` declare them."""
    schemas = list(_spread(schemas, root))
    if depth > 50:
        return value
    if isinstance(value, list):
        items = []
        for position, item in enumerate(value):
            below: list[Any] = []
            for schema in schemas:
                prefix = schema.get("prefixItems") or []
                if isinstance(schema.get("items"), list):
                    prefix = schema["items"]
                if position < len(prefix):
                    below.append(prefix[position])
                else:
                    below += [schema.get("items"), schema.get("additionalItems")]
            items.append(in_schema_order(item, below, root, depth + 1))
        return items
    if not isinstance(value, dict):
        return value
    names: dict[str, None] = {}
    for keyword in ("properties", "required"):
        for schema in schemas:
            stated = schema.get(keyword)
            if isinstance(stated, dict | list):
                names.update(dict.fromkeys(name for name in stated if isinstance(name, str)))
    ordered = [name for name in names if name in value]
    ordered += [name for name in value if name not in names]
    return {
        name: in_schema_order(
            value[name],
            [
                (schema.get("properties") or {}).get(name, schema.get("additionalProperties"))
                for schema in schemas
            ],
            root,
            depth + 1,
        )
        for name in ordered
    }


def _spread(schemas: list[Any], root: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The schemas with those that their `$ref` and `anyOf` lead to."""
    for schema in schemas:
        if not isinstance(schema, dict) or depth > 20:
            continue
        yield schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            target = root
            for token in reference[1:].split("/")[1:]:
                token = token.replace("~1", "/").replace("~0", "~")
                target = target.get(token) if isinstance(target, dict) else None
            yield from _spread([target], root, depth + 1)
        if isinstance(schema.get("anyOf"), list):
            yield from _spread(schema["anyOf"], root, depth + 1)


def compact(value: Any) -> str:
    text = canonical_text(json.dumps(value, ensure_ascii=False))
    assert text is not None
    return text


class Tally:
    """What happened in one set, or in all of them."""

    def __init__(self) -> None:
        self.count = collections.Counter[str]()
        self.refused = collections.Counter[str]()
        self.milliseconds: list[float] = []
        self.states: list[int] = []
        self.wrong: list[str] = []
        self.missed: list[str] = []

    def add(self, record: dict[str, Any], capacity: int | None) -> None:
        """Compiles the schema of a record and judges its instances."""
        self.count["schemas"] += 1
        began = time.perf_counter()
        try:
            compiled = compile_schema(record["schema"], capacity=capacity)
        except UnsupportedSchemaError as error:
            self.refused[error.keyword] += 1
            return
        except (SchemaError, LimitError, UnsatisfiableError) as error:
            self.refused[type(error).__name__] += 1
            self.missed.append(f"{record['name']}: {type(error).__name__}: {str(error)[:200]}")
            return
        self.milliseconds.append(1e3 * (time.perf_counter() - began))
        self.states.append(compiled.automaton.num_states)

        def accepts(value: Any) -> bool:
            return compiled.automaton.accepts(compact(value).encode(errors="surrogatepass"))

        for value in record["valid"]:
            ordered = in_schema_order(value, [record["schema"]], record["schema"])
            given, accepted = accepts(value), accepts(ordered)
            self.count["valid"] += 1
            self.count["as given"] += given
            self.count["accepted"] += given or accepted
            if not given and not accepted:
                self.missed.append(f"{record['name']}: valid, refused: {compact(ordered)[:300]}")
        for value, reason in zip(record["invalid"], record["invalid_reason"], strict=False):
            ordered = in_schema_order(value, [record["schema"]], record["schema"])
            self.count["invalid"] += 1
            if accepts(value) or accepts(ordered):
                self.count["invalid accepted"] += 1
                self.wrong.append(f"{record['name']}: {reason}: {compact(value)[:300]}")

    def merge(self, other: Tally) -> None:
        self.count += other.count
        self.refused += other.refused
        self.milliseconds += other.milliseconds
        self.states += other.states
        self.wrong += other.wrong
        self.missed += other.missed

    def reasons(self) -> str:
        """How many schemas were refused by which keyword or error."""
        return ", ".join(f"{name} {n}" for name, n in self.refused.most_common()) or "none"

    def row(self, name: str) -> dict[str, Any]:
        count, times = self.count, sorted(self.milliseconds)
        states = sorted(self.states)

        def at(values: list[Any], share: float) -> Any:
            return values[min(int(len(values) * share), len(values) - 1)] if values else None

        return {
            "set": name,
            "schemas": count["schemas"],
            "compiled": len(times),
            "valid": count["valid"],
            "accepted": count["accepted"],
            "as given": count["as given"],
            "invalid": count["invalid"],
            "invalid accepted": count["invalid accepted"],
            "ms p50": at(times, 0.5),
            "ms p95": at(times, 0.95),
            "ms max": at(times, 1.0),
            "states p50": at(states, 0.5),
            "states p95": at(states, 0.95),
        }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--set", dest="name", help="only this set")
    options.add_argument("--limit", type=int, help="at most this many schemas of each set")
    options.add_argument("--capacity", type=int, help="the most bytes that a text can have")
    options.add_argument("--list", action="store_true", help="list what was missed, and why")
    arguments = options.parse_args()
    report = Report("JSON Schema coverage")
    # On first use the kernels are compiled or loaded from their cache.
    compile_schema({"type": "object", "properties": {"a": {"minimum": 1}}})
    total, tallies = Tally(), dict[str, Tally]()
    for path in sorted(data_file("jsonschemabench").glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        if arguments.name not in (None, name):
            continue
        tally = tallies[name] = Tally()
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if arguments.limit is not None and number >= arguments.limit:
                    break
                tally.add(json.loads(line), arguments.capacity)
        total.merge(tally)
    rows = [tally.row(name) for name, tally in [*tallies.items(), ("all", total)]]
    report.table("jsonschemabench", [{k: v for k, v in r.items() if "ms" not in k} for r in rows])
    timed = ("set", "compiled", "ms p50", "ms p95", "ms max", "states p50", "states p95")
    report.table("compile", [{k: row[k] for k in timed} for row in rows])
    for name, tally in [*tallies.items(), ("all", total)]:
        report.note(f"{name} refused: {tally.reasons()}")
    for line in total.wrong:
        report.note(f"invalid accepted: {line}")
    for line in total.missed if arguments.list else ():
        report.note(f"missed: {line}")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
