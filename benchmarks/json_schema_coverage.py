"""JSON Schema coverage on jsonschemabench, side by side with other engines.

A schema passes if it compiles, all its valid instances are accepted and all its invalid ones are
refused. An instance counts as accepted if it is accepted with its keys as given or in the schema's
order (`_key_order`), spelled compactly or as `json.dumps` does by default. Instances whose label is
wrong (json_schema_labels.json, made by json_schema_labels.py) are left out, and are a column of
their own. How each engine is set stands in `_engines`; each gets the same texts, in a process of
its own with a limit of time and of memory per schema. Times are those from a schema to what decides
texts byte by byte.

Other engines (`--peer`) come with `pip install ".[bench]"`. With `--outcomes F`
every outcome is written as it comes, and those of other engines that F already holds, of the same
version, are taken from there: a run that takes hours can be cut off, and goes on.
"""

from __future__ import annotations

import collections
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _engines import OWN, PEERS, judging, version_of
from _key_order import KeyOrder
from _records import Record, records, set_names
from _report import Report, parser
from _workers import Worker
from json_schema_labels import wrong_labels
from rich.console import Console
from rich.progress import Progress

LABELS = ("valid", "invalid")


@dataclass
class Tally:
    """What became of the schemas of one set, or of all, with one engine."""

    count: collections.Counter[str] = field(default_factory=collections.Counter)
    refused: collections.Counter[str] = field(default_factory=collections.Counter)
    milliseconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, record: Record, outcome: dict[str, Any], left_out: set[Any]) -> None:
        """Count a record's outcome."""
        name = record["name"]
        self.count["schemas"] += 1
        instances = [(label, n) for label in LABELS for n in range(len(record[label]))]
        judged = [each for each in instances if (name, *each) not in left_out]
        self.count["wrong labels"] += len(instances) - len(judged)
        self.count["valid"] += sum(label == "valid" for label, _ in judged)
        self.count["invalid"] += sum(label == "invalid" for label, _ in judged)
        if "refused" in outcome:
            self.refused[outcome["refused"]] += 1
            self.missed.append(f"{name}: {outcome['refused']}: {outcome.get('message', '')}")
            return
        self.count["compiled"] += 1
        self.milliseconds.append(1e3 * outcome["seconds"])
        passes = True
        for (label, index), accepted in zip(instances, outcome["accepted"], strict=True):
            if (label, index) not in judged:
                continue
            if accepted:
                self.count[f"{label} accepted"] += 1
            if accepted == (label == "valid"):
                continue
            passes = False
            text = json.dumps(record[label][index], ensure_ascii=False)[:300]
            if label == "valid":
                self.missed.append(f"{name}: valid {index} refused: {text}")
            else:
                stated = record["invalid_reason"]
                reason = stated[index] if index < len(stated) else "no reason is given"
                self.wrong.append(f"{name}: invalid {index} accepted ({reason}): {text}")
        self.count["passes"] += passes

    def merge(self, other: Tally) -> None:
        """Add what `other` counted."""
        self.count += other.count
        self.refused += other.refused
        self.milliseconds += other.milliseconds
        self.wrong += other.wrong
        self.missed += other.missed

    def row(self, name: str) -> dict[str, Any]:
        """The line of the engine's table."""
        columns = ("schemas", "compiled", "passes", "share", "valid", "valid accepted")
        columns += ("invalid", "invalid accepted", "wrong labels")
        share = self.count["passes"] / self.count["schemas"] if self.count["schemas"] else None
        return {"set": name, **{c: share if c == "share" else self.count[c] for c in columns}}

    def times(self, name: str) -> dict[str, Any]:
        """The line of the table of compile times."""
        ordered = sorted(self.milliseconds)

        def at(share: float) -> float | None:
            return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None

        return {
            "set": name,
            "compiled": len(ordered),
            "ms p50": at(0.5),
            "ms p95": at(0.95),
            "ms max": at(1.0),
        }


def spellings(record: Record) -> list[list[str]]:
    """Per instance, valid ones first, the texts that stand for it."""
    order = KeyOrder(record["schema"])
    result = []
    for label in LABELS:
        for value in record[label]:
            texts = []
            for each in (value, order.apply(value)):
                texts += [_spell(each, (",", ":")), _spell(each, (", ", ": "))]
            result.append(list(dict.fromkeys(texts)))
    return result


def _spell(value: Any, separators: tuple[str, str]) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=separators)
    try:
        text.encode()
    except UnicodeError:  # a lone surrogate can only be written as an escape
        return json.dumps(value, separators=separators)
    return text


class Run:
    """All engines over all records."""

    def __init__(
        self, engines: list[str], seconds: float, gibibytes: float, outcomes: Path | None
    ) -> None:
        self.engines = engines
        self.tallies: dict[str, dict[str, Tally]] = {engine: {} for engine in engines}
        self._left_out = wrong_labels()
        self._workers = {
            engine: Worker(judging, (engine,), seconds=seconds, gibibytes=gibibytes)
            for engine in engines
        }
        self._versions = {engine: version_of(engine) for engine in engines}
        self._known: dict[tuple[str, str | None, str], dict[str, Any]] = {}
        self._file: Any = None
        if outcomes is not None:
            if outcomes.exists():
                for line in outcomes.read_text(encoding="utf-8").splitlines():
                    known = json.loads(line)
                    if known["engine"] != OWN:
                        self._known[known["engine"], known["version"], known["name"]] = known
            self._file = outcomes.open("a", encoding="utf-8")

    def take(self, set_name: str, record: Record) -> None:
        """Have every engine judge one record."""
        texts: list[list[str]] | None = None
        for engine in self.engines:
            identity = {
                "engine": engine,
                "version": self._versions[engine],
                "set": set_name,
                "name": record["name"],
            }
            outcome = self._known.get((engine, self._versions[engine], record["name"]))
            if outcome is None:
                texts = texts or spellings(record)
                started = time.perf_counter()
                answer = self._workers[engine].ask((record["schema"], texts))
                outcome = answer.value or {"refused": answer.failure, "message": ""}
                outcome = {**identity, "wall": time.perf_counter() - started, **outcome}
                if self._file is not None:
                    self._file.write(json.dumps(outcome) + "\n")
                    self._file.flush()
            tally = self.tallies[engine].setdefault(set_name, Tally())
            tally.add(record, outcome, self._left_out)

    def close(self) -> None:
        """End the engines' processes."""
        for worker in self._workers.values():
            worker.close()
        if self._file is not None:
            self._file.close()

    def totals(self, engine: str) -> dict[str, Tally]:
        """The tallies of an engine's sets, and of all of them together."""
        total = Tally()
        for tally in self.tallies[engine].values():
            total.merge(tally)
        return {**self.tallies[engine], "all": total}


def report_on(run: Run, report: Report, *, lists: bool) -> None:
    """Print the tables."""
    for engine in run.engines:
        totals = run.totals(engine)
        report.table(engine, [tally.row(name) for name, tally in totals.items()])
        if engine == OWN:
            report.table(
                f"{engine}: milliseconds to a byte automaton",
                [tally.times(name) for name, tally in totals.items()],
            )
        refused = [
            {"refused because": reason, "schemas": count}
            for reason, count in totals["all"].refused.most_common()
        ]
        report.table(f"{engine}: refused", refused)
    if len(run.engines) > 1:
        names = list(run.totals(run.engines[0]))
        rows: list[dict[str, Any]] = []
        for name in names:
            tallies = {engine: run.totals(engine)[name] for engine in run.engines}
            counts = {engine: tally.count for engine, tally in tallies.items()}
            rows.append(
                {
                    "set": name,
                    "schemas": counts[run.engines[0]]["schemas"],
                    **{e: f"{c['passes'] / c['schemas']:.1%}" for e, c in counts.items()},
                }
            )
        report.table("share of schemas that pass", rows)
    own = run.totals(run.engines[0])["all"]
    for line in own.wrong:
        report.note(line)
    for line in own.missed if lists else ():
        report.note(f"missed: {line}")


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--set", dest="names", action="append", help="only this set (repeatable)")
    options.add_argument("--limit", type=int, help="at most this many schemas of each set")
    options.add_argument(
        "--peer", dest="peers", action="append", choices=(*PEERS, "all"), help="this engine too"
    )
    options.add_argument("--only-peers", action="store_true", help="leave this package out")
    options.add_argument("--seconds", type=float, default=20, help="limit per schema (20)")
    options.add_argument("--memory", type=float, default=4, help="limit per schema, GiB (4)")
    options.add_argument("--list", action="store_true", help="list what was missed, and why")
    options.add_argument(
        "--outcomes", type=Path, metavar="F", help="write every outcome as a JSON line, and resume"
    )
    arguments = options.parse_args()
    asked = arguments.peers or []
    peers = list(PEERS) if "all" in asked else list(dict.fromkeys(asked))
    engines = ([] if arguments.only_peers else [OWN]) + peers
    missing = [engine for engine in engines if version_of(engine) is None]
    if missing or not engines:
        sys.exit(f"not installed: {', '.join(missing)}" if missing else "no engine is left")
    report = Report("JSON Schema coverage")
    report.settings(
        **{engine: version_of(engine) for engine in engines},
        seconds=arguments.seconds,
        memory=arguments.memory,
        limit=arguments.limit,
    )
    run = Run(engines, arguments.seconds, arguments.memory, arguments.outcomes)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in arguments.names or set_names():
            task = progress.add_task(name, total=None)
            for record in records(name, arguments.limit):
                run.take(name, record)
                progress.advance(task)
    run.close()
    report_on(run, report, lists=arguments.list)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
