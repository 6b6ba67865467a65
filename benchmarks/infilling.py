"""Infilling of Python by the bundled code denoiser, on the infilling sets of HumanEval.

    python -m benchmarks.infilling --limit 50 --steps 64

For each task the text between prefix and suffix is written, free running and (`cd.infill`) with
the whole file constrained to be Python. "parses": `ast.parse` reads the whole file. "exact": the
hole is the reference's, to the letter. "pass@1": the task's tests pass in a process of its own,
with limits of time and memory and no network. "reference": the task's own solution, which checks
the harness.
"""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import constrained_diffusion as cd
from benchmarks._programs import run_program
from benchmarks._report import Report, data_file, parser, quantiles
from constrained_diffusion.models.code import InfillPrompt
from training.code.evaluate import fill, parses

SETS = {
    "single-line": "HumanEval-SingleLineInfilling.jsonl.gz",
    "random-span-light": "HumanEval-RandomSpanInfillingLight.jsonl.gz",
}


@dataclass(frozen=True)
class Task:
    """One hole, the solution of the reference, and the tests of the whole program."""

    name: str
    prefix: str
    suffix: str
    solution: str
    tests: str

    def file(self, hole: str) -> str:
        """The program without its tests."""
        return self.prefix + hole + self.suffix

    def passes(self, hole: str, seconds: float) -> bool:
        """Whether the program with this hole passes its tests."""
        return run_program(f"{self.file(hole)}\n{self.tests}", seconds=seconds) == "passed"


Filler = Callable[[Task, int], str | None]
"""The text for a task's hole, given a seed; None where there is none."""


def read_tasks(path: Path) -> Iterator[Task]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            tests = f"{row['test']}\ncheck({row['entry_point']})\n"
            yield Task(
                row["task_id"], row["prompt"], row["suffix"], row["canonical_solution"], tests
            )


def free_running(denoiser: Any, sampler: Any) -> Filler:
    return lambda task, seed: fill(denoiser, InfillPrompt(task.prefix, task.suffix), sampler, seed)


def constrained(denoiser: Any, failures: list[str], sampler: Any) -> Filler:
    def run(task: Task, seed: int) -> str | None:
        try:
            result = cd.infill(
                denoiser, task.prefix, task.suffix, language="python", sampler=sampler, seed=seed
            )
        except cd.ConstrainedDiffusionError as error:
            failures.append(f"{task.name}: {type(error).__name__}: {error}")
            return None
        return str(result.holes["hole"])

    return run


def measure(tasks: list[Task], filler: Filler, seconds: float) -> dict[str, Any]:
    """Shares over all tasks: one without a text counts as a failure of everything."""
    written = parsed = exact = passed = 0
    times = []
    for seed, task in enumerate(tasks):
        started = time.perf_counter()
        hole = filler(task, seed)
        times.append(time.perf_counter() - started)
        if hole is None:
            continue
        written += 1
        fits = parses(task.file(hole))
        parsed += fits
        exact += hole == task.solution
        passed += fits and task.passes(hole, seconds)
    count = len(tasks)
    return {
        "tasks": count,
        "written %": 100 * written / count,
        "parses %": 100 * parsed / count,
        "exact %": 100 * exact / count,
        "pass@1 %": 100 * passed / count,
        "seconds each, p50": quantiles(times)["p50"],
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="code", help="bundled name or checkpoint folder")
    options.add_argument("--limit", type=int, default=50, help="tasks of each set, drawn by seed")
    options.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    options.add_argument("--steps", type=int, default=64, help="the most denoising steps")
    options.add_argument("--ways", nargs="+", choices=("reference", "free", "constrained"),
                         default=["reference", "free", "constrained"])  # fmt: skip
    options.add_argument("--test-seconds", type=float, default=10.0)
    arguments = options.parse_args()

    files = {name: data_file("infilling", SETS[name]) for name in arguments.sets}
    denoiser: Any = cd.load(arguments.model)
    report = Report("Infilling of Python: HumanEval")
    report.settings(model=arguments.model, limit=arguments.limit, steps=arguments.steps)
    failures: list[str] = []
    fillers: dict[str, Filler] = {
        "reference": lambda task, seed: task.solution,
        "free": free_running(denoiser, cd.MaskedSampler(arguments.steps)),
        "constrained": constrained(denoiser, failures, cd.MaskedSampler(arguments.steps)),
    }
    for name, path in files.items():
        tasks = list(read_tasks(path))
        tasks = random.Random(0).sample(tasks, min(arguments.limit, len(tasks)))
        rows = [
            {"output": way, **measure(tasks, fillers[way], arguments.test_seconds)}
            for way in arguments.ways
        ]
        report.table(name, rows)
    for failure in failures[:20]:
        report.note(failure)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
