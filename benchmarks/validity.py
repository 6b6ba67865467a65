"""Share of valid outputs over real schemas: random logits and the bundled denoiser, both samplers.

Schemas of jsonschemabench are tried in a fixed random order until `--limit` of them compile with a
shortest text that fits into the canvas. Each output is parsed again with `json.loads` (NaN and
infinities refused) and validated with `jsonschema`, without and with format checks. The target is
100 %. Outputs in which an object repeats a key, where the last value counts, are counted apart. The
random denoiser has a vocabulary of 262,083 tokens (262,080 byte strings, an end, a padding and a
mask token) and canvases of 256.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from _report import Report, data_file, parser, quantiles
from rich.console import Console
from rich.progress import Progress

import constrained_diffusion as cd
from constrained_diffusion.models.random import RandomDenoiser

CANVAS = 256


@dataclass
class Case:
    """One denoiser with one sampler, and what became of its outputs."""

    denoiser_name: str
    denoiser: Any
    sampler: Any
    seconds: list[float] = field(default_factory=list)
    parsed: int = 0
    repeating: int = 0
    valid: int = 0
    valid_with_formats: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, entry: dict[str, Any], compiled: Any, seed: int) -> None:
        """Generate one text and count whether it is valid."""
        start = time.perf_counter()
        try:
            result = cd.generate(
                self.denoiser, prompt_of(entry), compiled, sampler=self.sampler, seed=seed
            )
        except Exception as error:  # any exception here is a finding to be counted, not a crash
            self.seconds.append(time.perf_counter() - start)
            self._fail(entry, f"{type(error).__name__}: {error}")
            return
        self.seconds.append(time.perf_counter() - start)
        try:
            value, repeats = read_json(result.text)
        except ValueError as error:
            self._fail(entry, f"not JSON ({error}): {result.text!r}")
            return
        self.parsed += 1
        self.repeating += repeats
        for checks_formats in (False, True):
            problem = first_problem(entry["schema"], value, checks_formats=checks_formats)
            if problem is not None:
                label = "with formats" if checks_formats else "without formats"
                self._fail(entry, f"invalid {label}: {problem}: {result.text!r}")
                break
            if checks_formats:
                self.valid_with_formats += 1
            else:
                self.valid += 1

    def row(self) -> dict[str, Any]:
        """The case's line of the result table."""
        return {
            "denoiser": self.denoiser_name,
            "sampler": type(self.sampler).__name__,
            "outputs": len(self.seconds),
            "reparsed": self.parsed,
            "repeat a key": self.repeating,
            "valid": self.valid,
            "valid, formats on": self.valid_with_formats,
            **{f"seconds {name}": value for name, value in quantiles(self.seconds).items()},
        }

    def _fail(self, entry: dict[str, Any], reason: str) -> None:
        sampler = type(self.sampler).__name__
        reason = " ".join(reason.split())
        self.failures.append(f"{self.denoiser_name}, {sampler}, {entry['name']}: {reason[:400]}")


@dataclass
class Compilation:
    """What compiling the schemas for one vocabulary gave."""

    seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    def compile(self, entry: dict[str, Any], denoiser: Any) -> Any | None:
        """The compiled schema; None if it is refused (counted by kind of error)."""
        start = time.perf_counter()
        try:
            compiled = cd.compile(
                cd.JsonSchema(entry["schema"]), denoiser.vocabulary, length=denoiser.canvas_length
            )
        except cd.UnsupportedSchemaError as error:
            self.refused[f"UnsupportedSchemaError: {error.keyword}"] += 1
            return None
        except cd.ConstrainedDiffusionError as error:
            self.refused[type(error).__name__] += 1
            self.remarks.append(f"compile, {entry['name']}: {type(error).__name__}: {error}")
            return None
        except Exception as error:  # counted and shown: only the package's errors are allowed
            self.refused[f"unexpected {type(error).__name__}"] += 1
            self.remarks.append(f"compile, {entry['name']}: {type(error).__name__}: {error}")
            return None
        self.seconds.append(time.perf_counter() - start)
        return compiled


def schemas() -> Iterator[dict[str, Any]]:
    """All schemas of jsonschemabench in a fixed random order."""
    lines: list[str] = []
    for path in sorted(data_file("jsonschemabench").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines.extend(file)
    random.Random(0).shuffle(lines)
    return (json.loads(line) for line in lines)


def union_vocabulary() -> cd.Vocabulary:
    """The shared 262,080 byte strings with an end, a padding and a mask token behind them."""
    with gzip.open(data_file("vocabularies", "union262k.b64.gz")) as file:
        tokens: list[bytes | None] = [base64.b64decode(line) for line in file]
    size = len(tokens)
    return cd.Vocabulary(
        [*tokens, None, None, None], end_ids=[size], pad_id=size + 1, mask_id=size + 2
    )


def prompt_of(entry: dict[str, Any]) -> str:
    """A prompt that depends on the schema, so that random logits do too."""
    schema = entry["schema"]
    described = schema.get("description") or schema.get("title") if isinstance(schema, dict) else ""
    return str(described or entry["name"])


def read_json(text: str) -> tuple[Any, bool]:
    """The value of a JSON text, and whether an object in it repeats a key.

    ValueError for what is not JSON, NaN and infinities included.
    """
    repeats = False

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeats
        found = dict(pairs)
        repeats |= len(found) != len(pairs)
        return found

    value = json.loads(text, parse_constant=refuse, object_pairs_hook=collect)
    return value, repeats


def first_problem(schema: Any, value: Any, *, checks_formats: bool) -> str | None:
    """jsonschema's first complaint about a value; None if it is valid."""
    validator_class = jsonschema.validators.validator_for(
        schema, default=jsonschema.Draft202012Validator
    )
    checker = validator_class.FORMAT_CHECKER if checks_formats else None
    try:
        errors = validator_class(schema, format_checker=checker).iter_errors(value)
        return next((f"{error.json_path} {error.message}" for error in errors), None)
    except Exception as error:  # the validator's own failures are shown, not hidden
        return f"the validator failed: {type(error).__name__}: {error}"


def cases_of(name: str, denoisers: list[Any], steps: int) -> list[Case]:
    """A case per sampler; the last denoiser of the list is the masked sampler's."""
    return [
        Case(name, denoisers[0], cd.UniformSampler(steps=steps)),
        Case(name, denoisers[-1], cd.MaskedSampler(steps=steps)),
    ]


def measure(cases: list[Case], limit: int, seconds: float) -> Compilation:
    """Run all cases, which share one vocabulary and canvas, over up to `limit` schemas."""
    compilation = Compilation()
    deadline = time.monotonic() + seconds
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(cases[0].denoiser_name, total=limit)
        for entry in schemas():
            if len(compilation.seconds) >= limit or time.monotonic() > deadline:
                break
            compiled = compilation.compile(entry, cases[0].denoiser)
            if compiled is not None:
                for case in cases:
                    case.run(entry, compiled, seed=len(compilation.seconds))
                progress.advance(task)
    return compilation


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, default=200, help="schemas that compile (200)")
    options.add_argument("--steps", type=int, default=2, help="denoising steps (2)")
    options.add_argument("--seconds", type=float, default=3600, help="budget per denoiser (3600)")
    options.add_argument("--denoiser", choices=("random", "text"), help="only this one")
    arguments = options.parse_args()
    report = Report("Validity of outputs")
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers
    report.settings(
        **{
            "limit": arguments.limit,
            "steps": arguments.steps,
            "seconds": arguments.seconds,
            "formats that jsonschema checks here": " ".join(sorted(formats)),
        }
    )

    groups: list[list[Case]] = []
    if arguments.denoiser != "text":
        vocabulary = union_vocabulary()
        noises = ("uniform", "masked")
        randoms = [RandomDenoiser(vocabulary, CANVAS, noise=noise) for noise in noises]
        groups.append(cases_of("random", randoms, arguments.steps))
    if arguments.denoiser != "random":
        groups.append(cases_of("text", [cd.load("text")], arguments.steps))

    compiled_rows: list[dict[str, Any]] = []
    refused_rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for cases in groups:
        name = cases[0].denoiser_name
        compilation = measure(cases, arguments.limit, arguments.seconds)
        compiled_rows.append(
            {
                "denoiser": name,
                "tried": len(compilation.seconds) + compilation.refused.total(),
                "compiled": len(compilation.seconds),
                **{f"compile s {n}": value for n, value in quantiles(compilation.seconds).items()},
            }
        )
        refused_rows += [
            {"denoiser": name, "refused because": reason, "schemas": count}
            for reason, count in compilation.refused.most_common()
        ]
        failures += compilation.remarks
        failures += [failure for case in cases for failure in case.failures]
    report.table("compiled", compiled_rows, ratios={"share": ("compiled", "tried")})
    report.table("refused", refused_rows)
    report.table(
        "outputs",
        [case.row() for cases in groups for case in cases],
        ratios={
            "share valid": ("valid", "outputs"),
            "share, formats on": ("valid, formats on", "outputs"),
        },
    )
    for failure in failures:
        report.note(failure)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
