"""JSON Schema coverage on JSONSchemaBench: what compiles, what it accepts, and how fast.

    python benchmarks/json_schema_coverage.py [FOLDER] [--set NAME] [--limit N] [--list]

Per set: schemas compiled, refused by keyword, valid instances accepted (as given, and with keys
in schema order), invalid instances accepted (each is listed; 0 is right, apart from wrong labels),
and compile times in milliseconds on one core, without lifting to tokens.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import importlib.metadata
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from constrained_diffusion.constraints.json_schema import canonical_text, compile_schema
from constrained_diffusion.errors import (
    LimitError,
    SchemaError,
    UnsatisfiableError,
    UnsupportedSchemaError,
)

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "jsonschemabench"


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
    """What happened in one set."""

    def __init__(self) -> None:
        self.count = collections.Counter[str]()
        self.refused = collections.Counter[str]()
        self.milliseconds: list[float] = []
        self.states: list[int] = []
        self.wrong: list[str] = []
        self.missed: list[str] = []

    def add(self, record: dict[str, Any]) -> None:
        self.count["schemas"] += 1
        began = time.perf_counter()
        try:
            compiled = compile_schema(record["schema"])
        except UnsupportedSchemaError as error:
            self.refused[error.keyword] += 1
            return
        except (SchemaError, LimitError, UnsatisfiableError) as error:
            self.refused[type(error).__name__] += 1
            self.missed.append(f"{record['name']}: {type(error).__name__}: {str(error)[:200]}")
            return
        finally:
            elapsed = 1e3 * (time.perf_counter() - began)
        self.count["compiled"] += 1
        self.milliseconds.append(elapsed)
        self.states.append(compiled.automaton.num_states)
        for value in record["valid"]:
            self.count["valid"] += 1
            given = compiled.automaton.accepts(compact(value).encode(errors="surrogatepass"))
            ordered = in_schema_order(value, [record["schema"]], record["schema"])
            accepted = compiled.automaton.accepts(compact(ordered).encode(errors="surrogatepass"))
            self.count["accepted as given"] += given
            self.count["accepted"] += given or accepted
            if not given and not accepted:
                self.missed.append(f"{record['name']}: valid refused: {compact(ordered)[:300]}")
        for value, reason in zip(record["invalid"], record["invalid_reason"], strict=False):
            self.count["invalid"] += 1
            ordered = in_schema_order(value, [record["schema"]], record["schema"])
            texts = {compact(value), compact(ordered)}
            if any(compiled.automaton.accepts(t.encode(errors="surrogatepass")) for t in texts):
                self.count["invalid accepted"] += 1
                self.wrong.append(f"{record['name']}: {reason}: {compact(value)[:300]}")

    def row(self, name: str) -> str:
        count, times = self.count, sorted(self.milliseconds) or [0.0]
        p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
        refused = ", ".join(f"{k} {n}" for k, n in self.refused.most_common(6))
        return (
            f"| {name} | {count['schemas']} | {count['compiled']} | "
            f"{count['accepted']}/{count['valid']} | {count['accepted as given']} | "
            f"{count['invalid accepted']}/{count['invalid']} | "
            f"{p50:.1f} | {p95:.0f} | {times[-1]:.0f} | {max(self.states, default=0):,} | "
            f"{refused} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--set", dest="name", help="only this set")
    parser.add_argument("--limit", type=int, help="at most this many schemas of each set")
    parser.add_argument("--list", action="store_true", help="list valid instances refused")
    arguments = parser.parse_args()
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "numba")
    )
    print(f"{platform.platform()}, {_processor()}, Python {platform.python_version()}, {versions}")
    compile_schema({"type": "object", "minProperties": 0, "properties": {"a": {"minimum": 1}}})
    print(
        "| set | schemas | compiled | valid accepted | as given | invalid accepted | "
        "ms p50 | p95 | max | states max | refused |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    total = Tally()
    for path in sorted(arguments.folder.glob("*.jsonl.gz")):
        name = path.name.removesuffix(".jsonl.gz")
        if arguments.name not in (None, name):
            continue
        tally = Tally()
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if arguments.limit is not None and number >= arguments.limit:
                    break
                tally.add(json.loads(line))
        print(tally.row(name), flush=True)
        total.count += tally.count
        total.refused += tally.refused
        total.milliseconds += tally.milliseconds
        total.states += tally.states
        total.wrong += tally.wrong
        total.missed += tally.missed
    print(total.row("all"))
    for line in total.wrong:
        print("invalid accepted:", line)
    if arguments.list:
        for line in total.missed:
            print("missed:", line)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]} x {len(models)}" if models else platform.processor()


if __name__ == "__main__":
    main()
