"""Share of valid texts over real schemas when the denoiser knows nothing: random logits.

Schemas of jsonschemabench, in a fixed random order, until `--limit` of them compile for 262,080
tokens and fit into a canvas of 256. Each text is read with `json.loads` and validated by
`jsonschema` in the schema's draft with format checks and without remote references. The target is
that all are valid. What `jsonschema` has no verdict on is counted apart.
"""

from __future__ import annotations

import collections
import inspect
import time
from typing import Any

from _engines import reason_of
from _judge import Judge, Undecided, checked_formats, read_json
from _records import shuffled
from _report import Report, parser, quantiles
from rich.console import Console
from rich.progress import Progress
from validity import CANVAS, prompt_of, union_vocabulary

import constrained_diffusion as cd
from constrained_diffusion.models.random import RandomDenoiser


class Texts:
    """What became of the texts of one sampler."""

    def __init__(self, name: str, denoiser: Any, sampler: Any) -> None:
        self.name, self.denoiser, self.sampler = name, denoiser, sampler
        self.count = collections.Counter[str]()
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def take(self, record: dict[str, Any], compiled: Any, seed: int) -> None:
        """Generate one text and judge it."""
        started = time.perf_counter()
        self.count["texts"] += 1
        try:
            result = cd.generate(
                self.denoiser, prompt_of(record), compiled, sampler=self.sampler, seed=seed
            )
            text = result.text
        except Exception as error:  # a finding to be counted
            self._fail(record, "failed", f"{type(error).__name__}: {error}")
            return
        self.seconds.append(time.perf_counter() - started)
        try:
            value, _ = read_json(text)
            problem = Judge(record["schema"]).problem(value)
        except ValueError as error:
            self._fail(record, "invalid", f"not JSON: {error}: {text!r}")
        except Undecided as error:
            self._fail(record, "no verdict", f"{error}: {text!r}")
        else:
            if problem is not None:
                self._fail(record, "invalid", f"{problem}: {text!r}")
                return
            self.count["valid"] += 1

    def row(self) -> dict[str, Any]:
        """The line of the table."""
        columns = ("texts", "valid", "invalid", "no verdict", "failed")
        return {
            "sampler": self.name,
            **{column: self.count[column] for column in columns},
            **{f"seconds {name}": value for name, value in quantiles(self.seconds).items()},
        }

    def _fail(self, record: dict[str, Any], kind: str, message: str) -> None:
        self.count[kind] += 1
        self.failures.append(f"{self.name}: {record['name']}: {kind}: {message[:600]}")


def main() -> None:
    """Generate and print."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, default=1000, help="schemas that compile (1000)")
    options.add_argument("--steps", type=int, default=2, help="denoising steps (2)")
    options.add_argument("--seed", type=int, default=0, help="of the order (0)")
    options.add_argument("--sampler", choices=("uniform", "masked", "both"), default="uniform")
    arguments = options.parse_args()
    report = Report("Validity of texts from random logits")
    report.settings(
        limit=arguments.limit,
        steps=arguments.steps,
        seed=arguments.seed,
        **{"formats that jsonschema checks here": checked_formats()},
    )
    vocabulary = union_vocabulary()
    samplers: dict[str, Any] = {
        "uniform": cd.UniformSampler(steps=arguments.steps),
        "masked": cd.MaskedSampler(steps=arguments.steps),
    }
    texts = [
        Texts(name, RandomDenoiser(vocabulary, CANVAS, noise=name), sampler)  # type: ignore[arg-type]
        for name, sampler in samplers.items()
        if arguments.sampler in (name, "both")
    ]
    cacheable = "cache" in inspect.signature(cd.compile).parameters
    settings = {"cache": False} if cacheable else {}
    refused = collections.Counter[str]()
    seconds: list[float] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("schemas", total=arguments.limit)
        for number, record in enumerate(shuffled(arguments.seed)):
            if len(seconds) >= arguments.limit:
                break
            started = time.perf_counter()
            try:
                constraint = cd.JsonSchema(record["schema"])
                compiled = cd.compile(constraint, vocabulary, length=CANVAS, **settings)
            except Exception as error:
                refused[reason_of(error)] += 1
                if not isinstance(error, cd.ConstrainedDiffusionError):
                    report.note(f"{record['name']}: {type(error).__name__}: {error}")
                continue
            seconds.append(time.perf_counter() - started)
            for each in texts:
                each.take(record, compiled, seed=number)
            progress.advance(task)
    tried = len(seconds) + refused.total()
    report.table("texts", [e.row() for e in texts], ratios={"share valid": ("valid", "texts")})
    report.table(
        "compile seconds", [{"tried": tried, "compiled": len(seconds), **quantiles(seconds)}]
    )
    report.table("refused", [{"because": r, "schemas": n} for r, n in refused.most_common()])
    for each in texts:
        for line in each.failures:
            report.note(line)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
