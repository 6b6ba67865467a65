"""What every benchmark prints: the machine, the versions, tables with ratios; and JSON on request.

    arguments = parser(__doc__).parse_args()
    report = Report("Lift of typical schemas")
    report.table("at 262k tokens", rows, ratios={"times target": ("seconds", "target")})
    report.finish(arguments.json)

A row is a mapping from column name to a number, string, bool or None; columns come in the order of
first appearance, and a ratio column divides one column by another.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"

PACKAGES = ("torch", "numpy", "numba", "lark", "jsonschema", "pydantic", "tokenizers")

Row = Mapping[str, Any]


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options that all benchmarks share."""
    summary = (description or "").strip().split("\n\n")[0]
    result = argparse.ArgumentParser(description=summary)
    result.add_argument("--json", type=Path, metavar="F", help="also write the figures as JSON")
    return result


def data_file(*parts: str) -> Path:
    """A file or folder of the shared data; ends the script with a message if it is not there."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        sys.exit(f"this benchmark needs {path}, which is not there")
    return path


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90 and max (nearest rank); empty for no values."""
    if not values:
        return {}
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return {"p50": at(0.5), "p90": at(0.9), "max": ordered[-1]}


def machine() -> dict[str, Any]:
    """Processor, cores, memory (GiB) and operating system; None for what cannot be found out."""
    return {
        "processor": _processor(),
        "logical cores": os.cpu_count(),
        "usable cores": _usable_cores(),
        "memory GiB": _memory_gib(),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Python, this package and the packages that do the work."""
    found = {"python": platform.python_version(), "constrained-diffusion": _own_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class Report:
    """Prints as it goes along and keeps everything for the JSON file."""

    def __init__(self, title: str) -> None:
        """Print title, machine and versions."""
        width = None if sys.stdout.isatty() else 140
        self._console = Console(highlight=False, soft_wrap=True, width=width)
        self._content: dict[str, Any] = {
            "title": title,
            "machine": machine(),
            "versions": versions(),
            "settings": {},
            "tables": {},
            "notes": [],
        }
        self._console.print(f"[bold]{title}[/bold]")
        for part in ("machine", "versions"):
            self._print_pairs(self._content[part])

    def settings(self, **values: Any) -> None:
        """Print and keep what the run was asked to do."""
        self._content["settings"].update(values)
        self._print_pairs(values)

    def table(
        self,
        title: str,
        rows: Sequence[Row],
        *,
        ratios: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """Print and keep a table, if it has rows.

        `ratios` maps new columns to (numerator, denominator).
        """
        if not rows:
            return
        complete = [_with_ratios(row, ratios or {}) for row in rows]
        columns = list(dict.fromkeys(name for row in complete for name in row))
        table = Table(title=title, title_justify="left")
        for name in columns:
            textual = any(isinstance(row.get(name), str) for row in complete)
            table.add_column(name, justify="left" if textual else "right")
        for row in complete:
            table.add_row(*(_cell(row.get(name)) for name in columns))
        self._console.print(table)
        self._content["tables"][title] = complete

    def note(self, text: str) -> None:
        """Print and keep a sentence."""
        self._console.print(text, markup=False)
        self._content["notes"].append(text)

    def finish(self, path: Path | None) -> None:
        """Write everything as JSON if a path is given."""
        if path is not None:
            path.write_text(json.dumps(self._content, indent=2) + "\n", encoding="utf-8")

    def _print_pairs(self, pairs: Mapping[str, Any]) -> None:
        text = ", ".join(f"{name} {_cell(value)}" for name, value in pairs.items())
        self._console.print(text, markup=False)


def _with_ratios(row: Row, ratios: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    complete = dict(row)
    for name, (numerator, denominator) in ratios.items():
        above, below = row.get(numerator), row.get(denominator)
        complete[name] = above / below if above is not None and below else None
    return complete


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def _own_version() -> str:
    import constrained_diffusion

    return constrained_diffusion.__version__


def _processor() -> str | None:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or None


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_gib() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(size / 2**30, 1)
