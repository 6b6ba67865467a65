"""Whether the probability of a field's value tells right from wrong values (docs/fields.md).

    python -m benchmarks.field_confidence --examples 60

For the enum and boolean fields of held-out examples: the probability that `values` gives to the
value that was written, at the first step and at the last, and how many of the fields above a
threshold are right.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import constrained_diffusion as cd
from benchmarks._report import Report, parser
from benchmarks.text_quality import held_out
from training.text.records import HELD_OUT_SETS

THRESHOLDS = (0.5, 0.8, 0.95)


def fields(schema: dict[str, Any], pointer: str = "") -> Iterator[str]:
    """The pointers of the enum and boolean fields that are in no array."""
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, f"{pointer}/{name}")
    if "enum" in schema or schema.get("type") == "boolean":
        yield pointer


def at(value: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def judged(
    denoiser: Any, tasks: list[Any], sampler: Any, *, last: bool
) -> Iterator[tuple[float, bool]]:
    """Of each field that was written: its probability, and whether it is right."""
    for seed, task in enumerate(tasks):
        seen: list[cd.Step] = []
        constraint = cd.compile(
            cd.JsonSchema(task.schema), denoiser.vocabulary, length=denoiser.canvas_length
        )
        result = cd.generate(
            denoiser, task.passage, constraint, sampler=sampler, seed=seed, on_step=seen.append
        )
        for pointer in fields(task.schema):
            written = at(result.value, pointer)
            if written is not None:
                values: Any = seen[-1 if last else 0].posterior
                shares = values.values(pointer)
                name = written if isinstance(written, str) else json.dumps(written)
                yield shares[name] / sum(shares.values()), written == at(task.record, pointer)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--examples", type=int, default=60, help="of each set, with such fields")
    options.add_argument("--model", default="text", help="bundled name or checkpoint folder")
    arguments = options.parse_args()
    denoiser: Any = cd.load(arguments.model)
    report = Report("Confidence in fields")
    report.settings(examples=arguments.examples, model=str(arguments.model))
    rows = []
    for name in HELD_OUT_SETS:
        candidates = held_out(denoiser, name, 5 * arguments.examples)
        with_fields = (task for task in candidates if any(fields(task.schema)))
        tasks = list(itertools.islice(with_fields, arguments.examples))
        for label, sampler, last in (
            ("masked, first step", cd.MaskedSampler(), False),
            ("uniform, first step", cd.UniformSampler(), False),
            ("uniform, last step", cd.UniformSampler(), True),
        ):
            found = list(judged(denoiser, tasks, sampler, last=last))
            for threshold in THRESHOLDS:
                kept = [right for probability, right in found if probability >= threshold]
                rows.append(
                    {
                        "held out": name,
                        "posterior": label,
                        "fields": len(found),
                        "right %": 100 * sum(right for _, right in found) / max(1, len(found)),
                        "at least": threshold,
                        "kept %": 100 * len(kept) / max(1, len(found)),
                        "right of kept %": 100 * sum(kept) / max(1, len(kept)),
                    }
                )
    report.table("fields by the probability of what was written", rows)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
