"""Real schemas with instances: the sample that lies beside the tests, and the shared data."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data" / "jsonschemabench"
_SAMPLE = ROOT / "tests" / "data" / "jsonschemabench.jsonl"

RECORDS: list[dict[str, Any]] = [
    json.loads(line) for line in _SAMPLE.read_text(encoding="utf-8").splitlines()
]


def spread_out(seed: int) -> Iterator[dict[str, Any]]:
    """Records of all shared sets in turn, from every part of each set."""
    sets = []
    for path in sorted(SHARED.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            sets.append([json.loads(line) for line in lines])
    rng = random.Random(seed)
    for records in sets:
        rng.shuffle(records)
    for position in range(max(map(len, sets))):
        yield from (records[position] for records in sets if position < len(records))
