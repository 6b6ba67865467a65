"""Compiling five real schemas for 262,080 tokens against reading them from the caches.

The five are those at the quartiles of size (states) of a sample of real schemas. Milliseconds:
"compile" in a process that has compiled another schema before; "disk" and "memory" the best of
three; "new process" the first call of `compile` in a process. The trie of the vocabulary is on
disk in all cases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _report import Report, parser
from _schemas import schema_lists
from _vocabulary import large_vocabulary

import constrained_diffusion as cd
from constrained_diffusion.constraints.memory_cache import RECENT

LENGTH = 256
WARM_UP = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^[a-f]{2}-[0-9]+$"},
        "count": {"type": "integer", "minimum": 3},
        "list": {"type": "array", "items": {"enum": ["a", 1]}},
    },
    "additionalProperties": False,
}


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__).parse_args()
    report = Report("Compiling and reading from the cache at 262,080 tokens")
    vocabulary = large_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONSTRAINED_DIFFUSION_CACHE"] = folder
        rows = [measure(schema, vocabulary, Path(folder)) for schema in five(vocabulary)]
    report.table("milliseconds", rows, ratios={"disk/compile": ("disk", "compile")})
    report.finish(arguments.json)


def five(vocabulary: cd.Vocabulary) -> list[Any]:
    """The schemas at the quartiles of states."""
    sized = []
    for _, count, schemas in schema_lists():
        for schema in schemas[: -(-count // 2)]:
            try:
                compiled = compile_anew(schema, vocabulary)
            except cd.ConstrainedDiffusionError:
                continue
            sized.append((compiled.stats["states"], json.dumps(schema)))
    sized.sort()
    return [json.loads(sized[(len(sized) - 1) * part // 4][1]) for part in range(5)]


def compile_anew(schema: Any, vocabulary: cd.Vocabulary) -> cd.CompiledConstraint:
    return cd.compile(cd.JsonSchema(schema), vocabulary, length=LENGTH, cache=False)


def measure(schema: Any, vocabulary: cd.Vocabulary, folder: Path) -> dict[str, Any]:
    """All times of one schema, and what it takes on disk."""
    entries = folder / "entries"

    def read() -> None:
        cd.compile(cd.JsonSchema(schema), vocabulary, length=LENGTH, cache=entries)

    def read_from_disk() -> None:
        RECENT.clear()
        read()

    known = set(entries.glob("*"))
    compiled = compile_anew(schema, vocabulary)
    read()
    (entry,) = set(entries.glob("*")) - known
    return {
        "states": compiled.stats["states"],
        "edges": compiled.stats["transitions"],
        "entry kB": entry.stat().st_size / 1000,
        "compile": min(in_another_process(schema, None, warm=True) for _ in range(2)),
        "disk": best(read_from_disk),
        "memory": best(read),
        "new process, compile": in_another_process(schema, None, warm=False),
        "new process, disk": in_another_process(schema, entries, warm=False),
    }


def best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def in_another_process(schema: Any, entries: Path | None, *, warm: bool) -> float:
    """Milliseconds of one compile, or of reading it from `entries`, where nothing of this schema
    is in memory; warm: after another schema, so that compiled functions are loaded."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(entries or ""), "--warm" if warm else "--cold"],
        input=json.dumps(schema),
        check=True,
        capture_output=True,
        text=True,
    )
    return 1000 * float(done.stdout)


def one(entries: str, *, warm: bool) -> None:
    """What `in_another_process` runs: reads the schema, prints the seconds."""
    vocabulary = large_vocabulary()
    if warm:
        compile_anew(WARM_UP, vocabulary)
    constraint = cd.JsonSchema(json.load(sys.stdin))
    vocabulary.fingerprint  # noqa: B018 computed once per vocabulary, which is not the schema's
    started = time.perf_counter()
    cd.compile(constraint, vocabulary, length=LENGTH, cache=Path(entries) if entries else False)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], warm=sys.argv[3] == "--warm")
    else:
        main()
