"""The main job: a record out of a passage, watched live, then real schemas, each output checked.

Run by `make demo`. Prints the converging canvas, the validated JSON and the times.
"""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
from rich.console import Console
from rich.progress import track

import constrained_diffusion as cd
from constrained_diffusion.viewing import LiveView

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REAL_SCHEMAS = ROOT.parent / "shared" / "data" / "jsonschemabench"
SHIPPED_SCHEMAS = ROOT / "tests" / "data" / "jsonschemabench.jsonl"
WANTED = 60

console = Console()


def one_record(denoiser: cd.Denoiser) -> None:
    passage = (HERE / "passage.txt").read_text().strip()
    schema = json.loads((HERE / "schema.json").read_text())
    console.print(f"[bold]Passage[/bold]  {passage}\n")
    started = time.perf_counter()
    compiled = cd.compile(cd.JsonSchema(schema), denoiser.vocabulary, length=denoiser.canvas_length)
    compile_seconds = time.perf_counter() - started
    started = time.perf_counter()
    with LiveView(console) as view:
        result = cd.generate(
            denoiser, passage, compiled, sampler=cd.UniformSampler(), seed=0, on_step=view
        )
    seconds = time.perf_counter() - started
    jsonschema.validate(result.value, schema)
    console.print("\n[bold]Valid JSON[/bold]")
    console.print_json(result.text)
    console.print(
        f"schema compiled in {compile_seconds:.2f} s, {result.steps} denoising steps in "
        f"{seconds:.2f} s (both include the first use of their kernels)\n"
    )


def real_schemas() -> list[dict[str, Any]]:
    """Schemas of JSONSchemaBench, evenly from its sets; the shipped sample where it is absent."""
    if not REAL_SCHEMAS.is_dir():
        return [json.loads(line) for line in SHIPPED_SCHEMAS.read_text().splitlines()]
    sets = []
    for path in sorted(REAL_SCHEMAS.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            sets.append([json.loads(line) for line, _ in zip(lines, range(40), strict=False)])
    return [rows[i] for i in range(40) for rows in sets if i < len(rows)]


def many_schemas(denoiser: cd.Denoiser) -> None:
    valid = done = left_out = 0
    started = time.perf_counter()
    progress = track(range(WANTED), "real schemas", console=console, transient=True)
    rows = iter(real_schemas())
    for _ in progress:
        for row in rows:
            try:
                compiled = cd.compile(
                    cd.JsonSchema(row["schema"]),
                    denoiser.vocabulary,
                    length=denoiser.canvas_length,
                )
            except cd.ConstrainedDiffusionError:
                left_out += 1
                continue
            result = cd.generate(denoiser, "", compiled, sampler=cd.UniformSampler(4), seed=done)
            validator = jsonschema.validators.validator_for(
                row["schema"], default=jsonschema.Draft202012Validator
            )
            done += 1
            valid += validator(row["schema"]).is_valid(json.loads(result.text))
            break
    seconds = time.perf_counter() - started
    console.print(
        f"[bold]{valid} of {done}[/bold] outputs for real schemas are valid by jsonschema "
        f"({100 * valid / max(done, 1):.0f} %), {seconds:.0f} s; {left_out} were passed over "
        "(a keyword that is not supported yet, or no text that fits the canvas)"
    )
    if valid != done:
        raise SystemExit(1)


if __name__ == "__main__":
    model = cd.load("text")
    one_record(model)
    many_schemas(model)
