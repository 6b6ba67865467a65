"""Random walks over the compiled automata of real schemas; every text must be valid.

Schemas of jsonschemabench, in a fixed random order, until `--limit` of them compile. Each text is
read with `json.loads` and validated by `jsonschema` in the schema's draft with format checks,
without remote references; where an object repeats a key, with the last value and with the first.
It must also be accepted by what stands behind `CompiledConstraint.accepts`. The target is none
invalid. Texts of which `jsonschema` has no verdict are counted apart.
"""

from __future__ import annotations

import collections
import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from _engines import CAPACITY, acceptor, reason_of
from _judge import Judge, Undecided, checked_formats, read_json
from _records import shuffled
from _report import Report, parser, quantiles
from _walks import Walker
from _workers import Worker
from rich.console import Console
from rich.progress import Progress

import constrained_diffusion as cd

PLAN = (
    ("edges", 60),
    ("cover", 0),
    ("new", 150),
    ("cover", 100),
    ("targets", 150),
    ("edges", 300),
    ("cover", 0),
    ("new", 600),
)
"""Ways of walking and bytes before the shortest way out, in turn."""

SECONDS, GIBIBYTES = 240.0, 4.0


def walking() -> Callable[[Any], dict[str, Any]]:
    """A handler for a worker: takes (schema, walks, seed), walks and judges."""

    def handle(request: tuple[Any, int, int]) -> dict[str, Any]:
        schema, walks, seed = request
        started = time.perf_counter()
        try:
            constraint = cd.JsonSchema(schema)
            automaton = constraint.language(CAPACITY).automaton
        except MemoryError:
            raise
        except Exception as error:
            return {"refused": reason_of(error), "message": f"{type(error).__name__}: {error}"}
        seconds = time.perf_counter() - started
        walker = Walker(automaton, random.Random(seed))
        texts = {text for text in _texts(walker, walks) if len(text) <= CAPACITY}
        accepts, judge = acceptor(constraint), Judge(schema)
        result: dict[str, Any] = {
            "compile": seconds,
            "states": automaton.num_states,
            "edges": len(automaton.edges[0]),
            "taken": len(walker.taken),
            "bytes": sum(map(len, texts)),
            "distinct": len(texts),
            "problems": [],
            "undecided": [],
            "repeating": 0,
        }
        for text in sorted(texts):
            _judge(text, accepts, judge, result)
        return result

    return handle


def _texts(walker: Walker, walks: int) -> Iterator[bytes]:
    for way, steps in itertools.islice(itertools.cycle(PLAN), walks):
        yield walker.walk(way, steps)


def _judge(
    text: bytes, accepts: Callable[[str], bool], judge: Judge, result: dict[str, Any]
) -> None:
    try:
        decoded = text.decode()
        last, first = read_json(decoded)
    except ValueError as error:
        result["problems"].append((repr(text), f"not JSON: {error}"))
        return
    if not accepts(decoded):
        result["problems"].append((decoded, "accepts() refuses it"))
    result["repeating"] += last != first
    try:
        problem = judge.problem(last)
        if problem is None and last != first:
            problem = judge.problem(first)
    except Undecided as error:
        result["undecided"].append((decoded, str(error)))
        return
    if problem is not None:
        result["problems"].append((decoded, problem))


def main() -> None:
    """Walk and print."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, default=1000, help="schemas that compile (1000)")
    options.add_argument("--walks", type=int, default=50, help="walks per schema (50)")
    options.add_argument("--seed", type=int, default=0, help="of the order and the walks (0)")
    options.add_argument("--show", type=int, default=3, help="failing texts per schema (3)")
    arguments = options.parse_args()
    report = Report("Random walks")
    report.settings(
        limit=arguments.limit,
        walks=arguments.walks,
        seed=arguments.seed,
        **{"formats that jsonschema checks here": checked_formats()},
    )
    worker = Worker(walking, seconds=SECONDS, gibibytes=GIBIBYTES)
    total = collections.Counter[str]()
    refused = collections.Counter[str]()
    compiled: list[dict[str, Any]] = []
    failing: list[str] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("schemas that compile", total=arguments.limit)
        for number, record in enumerate(shuffled(arguments.seed)):
            if len(compiled) >= arguments.limit:
                break
            total["tried"] += 1
            answer = worker.ask((record["schema"], arguments.walks, number))
            outcome = answer.value or {"refused": answer.failure, "message": answer.failure}
            if "refused" in outcome:
                refused[outcome["refused"]] += 1
                if not outcome["refused"].startswith("keyword"):
                    report.note(f"refused: {record['name']}: {outcome['message'][:300]}")
                continue
            compiled.append(outcome)
            progress.advance(task)
            problems = outcome["problems"]
            total["invalid"] += len(problems)
            total["schemas with invalid"] += bool(problems)
            total["no verdict"] += len(outcome["undecided"])
            for name in ("distinct", "repeating", "bytes"):
                total[name] += outcome[name]
            for text, problem in problems[: arguments.show]:
                failing.append(f"{record['name']}: {problem[:300]}: {text[:600]}")
            for _, problem in outcome["undecided"][:1]:
                failing.append(f"{record['name']}: no verdict: {problem[:200]}")
    worker.close()
    walks = arguments.walks * len(compiled)
    row = {
        "schemas tried": total["tried"],
        "compiled": len(compiled),
        "walks": walks,
        "distinct texts": total["distinct"],
        "invalid": total["invalid"],
        "schemas with invalid": total["schemas with invalid"],
        "no verdict": total["no verdict"],
        "repeat a key": total["repeating"],
        "mean bytes": total["bytes"] / total["distinct"] if total["distinct"] else None,
        "edges taken": sum(each["taken"] for each in compiled)
        / max(1, sum(each["edges"] for each in compiled)),
    }
    report.table("walks", [row])
    report.table("compile seconds", [quantiles([each["compile"] for each in compiled])])
    report.table("byte states", [quantiles([each["states"] for each in compiled])])
    report.table("refused", [{"because": r, "schemas": n} for r, n in refused.most_common()])
    for line in failing:
        report.note(line)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
