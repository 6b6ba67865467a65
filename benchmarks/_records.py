"""The real schemas of jsonschemabench with their labelled instances."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import IO, Any

from _report import data_file

Record = dict[str, Any]
"""`name`, `schema`, `valid` and `invalid` (instances), `invalid_reason`."""


def set_names() -> list[str]:
    """The sets of jsonschemabench."""
    files = data_file("jsonschemabench").glob("*.jsonl.gz")
    return sorted(path.name.removesuffix(".jsonl.gz") for path in files)


def records(name: str, limit: int | None = None) -> Iterator[Record]:
    """The records of one set, the first `limit` of them."""
    with gzip.open(
        data_file("jsonschemabench", f"{name}.jsonl.gz"), "rt", encoding="utf-8"
    ) as file:
        for number, line in enumerate(file):
            if limit is not None and number >= limit:
                return
            yield json.loads(line)


def shuffled(seed: int = 0) -> Iterator[Record]:
    """All records in an order that depends on `seed` only, so that a prefix is a fair sample."""
    lines: list[str] = []
    for name in set_names():
        with _open(name) as file:
            lines.extend(file)
    random.Random(seed).shuffle(lines)
    return (json.loads(line) for line in lines)


def _open(name: str) -> IO[str]:
    path = data_file("jsonschemabench", f"{name}.jsonl.gz")
    return gzip.open(path, "rt", encoding="utf-8")
