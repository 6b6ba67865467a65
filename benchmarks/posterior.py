"""The exact posterior at L = 256 and 262,082 tokens, in units of one torch.softmax of the logits.

For each of a fixed sample of 60 real schemas: mask, marginals, mode and one sample from standard
normal float32 logits times 3, on the CPU. The softmax is measured beside every schema, in the same
process and with as many threads. Targets: 3 at p50, 4 at p90. Memory is the highest resident set
beyond that before (with psutil), in units of the logits.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from _report import Report, parser, quantiles
from _schemas import schema_lists
from _vocabulary import large_vocabulary
from rich.console import Console
from rich.progress import Progress

import constrained_diffusion as cd

LENGTH = 256
REPEATS = 3


def milliseconds(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return 1000 * (time.perf_counter() - start), result


def measure(compiled: cd.CompiledConstraint, logits: torch.Tensor) -> dict[str, float]:
    """Milliseconds of each part, the median of some repeats, and of the softmax beside them."""
    runs = []
    for _ in range(REPEATS):
        before, _ = milliseconds(lambda: torch.softmax(logits, -1))
        infer, posterior = milliseconds(lambda: compiled.posterior(logits))
        row = {"infer": infer}
        # mask() computes the class marginals that marginals() uses as well
        row["mask"], mask = milliseconds(posterior.mask)
        row["marginals"], marginals = milliseconds(posterior.marginals)
        row["mode"], mode = milliseconds(posterior.mode)
        row["sample"], sample = milliseconds(lambda p=posterior: p.sample())
        del mask, marginals, mode, sample, posterior
        after, _ = milliseconds(lambda: torch.softmax(logits, -1))
        row["all"] = sum(row.values())
        row["softmax"] = (before + after) / 2
        row["ratio"] = row["all"] / row["softmax"]
        runs.append(row)
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def peak_memory(function: Callable[[], Any]) -> float | None:
    """Bytes of the highest resident set while `function` runs, beyond that before."""
    try:
        import psutil
    except ImportError:
        return None
    process, done, peak = psutil.Process(), threading.Event(), 0
    before = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        function()
    finally:
        done.set()
        watcher.join()
    return float(peak - before)


def everything(compiled: cd.CompiledConstraint, logits: torch.Tensor) -> None:
    posterior = compiled.posterior(logits)
    posterior.mask()
    posterior.marginals()
    posterior.mode()
    posterior.sample()


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, default=60, help="how many schemas at most (60)")
    arguments = options.parse_args()
    report = Report("Exact posterior")
    report.settings(positions=LENGTH, threads=torch.get_num_threads())
    vocabulary = large_vocabulary()
    logits = 3 * torch.randn(LENGTH, len(vocabulary), generator=torch.Generator().manual_seed(0))
    everything(cd.compile(cd.Regex("(warm up)*"), vocabulary, length=LENGTH), logits)

    rows: list[dict[str, Any]] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("schemas", total=arguments.limit)
        for name, count, schemas in schema_lists():
            found = 0
            for schema in schemas:
                if found == count or len(rows) == arguments.limit:
                    break
                try:
                    compiled = cd.compile(cd.JsonSchema(schema), vocabulary, length=LENGTH)
                except cd.ConstrainedDiffusionError:
                    continue
                found += 1
                memory = peak_memory(lambda c=compiled: everything(c, logits))
                shape = {
                    "set": name,
                    "states": compiled.tokens.num_states,
                    "edges": compiled.tokens.num_edges,
                    "sets": compiled.tokens.num_sets,
                    "classes in sets": len(compiled.tokens.set_classes),
                }
                times = measure(compiled, logits)
                copies = None if memory is None else memory / logits.nbytes
                rows.append({**shape, **times, "memory": copies})
                progress.advance(task)
    report.table("milliseconds by schema", rows)
    names = [name for name in rows[0] if name != "set" and rows[0][name] is not None]
    report.table(
        f"{len(rows)} schemas",
        [{"of": name, **quantiles([row[name] for row in rows])} for name in names],
    )
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
