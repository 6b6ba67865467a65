"""Quality of the bundled text denoiser on its three held-out sets, with and without a constraint.

    python -m benchmarks.text_quality --examples 100 --steps 1 2 4 8 16 48

"values": new values in known templates; "templates": whole templates never seen; "keys": key names
never seen. A field is a leaf of the record; it is right if the output has the same value at the
same path. The free-running model sees the same prompt, with the wanted fields named.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import jsonschema

import constrained_diffusion as cd
from benchmarks._fields import leaves, same
from benchmarks._report import Report, parser
from training.text.batches import encode
from training.text.records import HELD_OUT_SETS, Example, examples

SEED = 20_000


def held_out(denoiser: Any, name: str, count: int) -> list[Example]:
    """The first `count` examples of a set that fit prompt and canvas."""
    fitting = (
        example
        for example in examples(SEED, name)
        if encode(example, denoiser.tokenizer, hint=True) is not None
    )
    return list(itertools.islice(fitting, count))


def measure(denoiser: Any, tasks: list[Example], sampler: Any, constrained: bool) -> dict[str, Any]:
    valid = right = wanted = exact = steps = 0
    started = time.perf_counter()
    for seed, task in enumerate(tasks):
        prompt, constraint = task.passage, None
        if constrained:
            constraint = cd.JsonSchema(task.schema)
        else:
            prompt = denoiser.render_prompt(task.passage, task.schema)
        result = cd.generate(denoiser, prompt, constraint, sampler=sampler, seed=seed)
        steps += result.steps
        try:
            value = json.loads(result.text)
        except ValueError:
            value = None
        valid += jsonschema.Draft202012Validator(task.schema).is_valid(value)
        found = dict(leaves(value)) if isinstance(value, dict) else {}
        for path, expected in leaves(task.record):
            wanted += 1
            got = found.get(path)
            right += same(got, expected)
        exact += value == task.record
    count = len(tasks)
    return {
        "valid %": 100 * valid / count,
        "right fields %": 100 * right / wanted,
        "right records %": 100 * exact / count,
        "steps taken": steps / count,
        "seconds each": (time.perf_counter() - started) / count,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--examples", type=int, default=100, help="examples of each set")
    options.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 16, 48])
    options.add_argument("--model", default="text", help="bundled name or checkpoint folder")
    options.add_argument("--sets", nargs="+", default=list(HELD_OUT_SETS))
    options.add_argument("--sampler", choices=("uniform", "masked"), default="uniform")
    options.add_argument("--constrained-only", action="store_true")
    arguments = options.parse_args()

    kinds = {"uniform": cd.UniformSampler, "masked": cd.MaskedSampler}
    ways = (True,) if arguments.constrained_only else (False, True)
    denoiser: Any = cd.load(arguments.model)
    report = Report("Quality of the bundled text denoiser")
    report.settings(
        examples=arguments.examples, model=str(arguments.model), sampler=arguments.sampler
    )
    for name in arguments.sets:
        tasks = held_out(denoiser, name, arguments.examples)
        rows = []
        for steps in arguments.steps:
            sampler = kinds[arguments.sampler](steps)
            for constrained in ways:
                row = measure(denoiser, tasks, sampler, constrained)
                way = "constrained" if constrained else "free"
                rows.append({"steps": steps, "output": way, **row})
        report.table(f"held-out {name}", rows)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
