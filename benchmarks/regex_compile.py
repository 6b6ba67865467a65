"""Compile time of the regular expressions in real JSON Schemas: pattern text to minimal automaton.

Every distinct `pattern` and key of `patternProperties` in jsonschemabench is compiled as JSON
Schema means it (ECMAScript dialect, search), on one core, without the cache of finished automata
and after numba has compiled its functions. Times are in milliseconds; the target is 2 at p50.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from _report import Report, data_file, parser, quantiles

from constrained_diffusion.automata import from_regex
from constrained_diffusion.errors import ConstrainedDiffusionError, GrammarError, LimitError


def patterns(folder: Path) -> list[str]:
    """The distinct patterns of all schemas in the folder, sorted."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("pattern"), str):
                found.add(value["pattern"])
            if isinstance(value.get("patternProperties"), dict):
                found.update(value["patternProperties"])
            for child in value.values():
                collect(child)
        elif isinstance(value, list):
            for child in value:
                collect(child)

    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                collect(json.loads(line)["schema"])
    return sorted(found)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--slowest", type=int, default=5, help="how many to list (5)")
    arguments = options.parse_args()
    report = Report("Regular expressions of real schemas")
    compile_fresh = from_regex.__wrapped__
    compile_fresh("warm(?=up)|x", match="search")

    outcomes: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for pattern in patterns(data_file("jsonschemabench")):
        compiled: Any = None
        started = time.perf_counter()
        try:
            compiled = compile_fresh(pattern, dialect="ecma", match="search")
            outcome = "compiled"
        except GrammarError:
            outcome = "refused: syntax"
        except LimitError:
            outcome = "refused: too large"
        except ConstrainedDiffusionError:
            outcome = "refused: other"
        milliseconds = 1000 * (time.perf_counter() - started)
        outcomes[outcome] += 1
        rows.append(
            {
                "pattern": pattern if len(pattern) < 60 else pattern[:57] + "...",
                "outcome": outcome,
                "ms": milliseconds,
                "states": compiled.num_states if compiled is not None else None,
            }
        )
    times = [row["ms"] for row in rows]
    times.sort()
    report.table(
        "milliseconds per pattern",
        [
            {
                "patterns": len(rows),
                **outcomes,
                **quantiles(times),
                "p95": times[int(0.95 * len(times))],
                "mean": sum(times) / len(times),
            }
        ],
    )
    rows.sort(key=lambda row: row["ms"], reverse=True)
    report.table("slowest", rows[: arguments.slowest])
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
