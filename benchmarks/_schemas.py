"""A fixed sample of real schemas for the benchmarks that take some seconds per schema."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

from _report import data_file

# How many schemas of each set of jsonschemabench, from small to very large ones.
SAMPLE = {
    "JME": 3,
    "BFCL": 3,
    "Glaiveai2K": 4,
    "Github_easy": 10,
    "Github_medium": 11,
    "Github_hard": 7,
    "Snowplow": 6,
    "Kubernetes": 7,
    "WashingtonPost": 4,
    "JsonSchemaStore": 5,
}


def schema_lists(seed: int = 0) -> Iterator[tuple[str, int, list[Any]]]:
    """For each set its name, how many of its schemas to take, and all of them in random order."""
    for name, count in SAMPLE.items():
        with gzip.open(data_file("jsonschemabench", f"{name}.jsonl.gz"), "rt") as lines:
            schemas = [json.loads(line)["schema"] for line in lines]
        random.Random(seed).shuffle(schemas)
        yield name, count, schemas
