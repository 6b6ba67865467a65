"""Lift of byte automata to 262,080 tokens: typical schemas, and the trie of the vocabulary.

Milliseconds are the best of three lifts after numba has compiled its functions. The targets are
what walking the trie from every state took a prototype for schemas of these kinds; at most twice
that is wanted. The trie is built from nothing, then loaded by a fresh process from the disk cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _report import Report, parser, quantiles
from _schemas import schema_lists
from _vocabulary import large_vocabulary

import constrained_diffusion as cd
from constrained_diffusion.automata.lift import lift
from constrained_diffusion.automata.trie import build_trie, trie_of

TEXT = {"type": "string"}
FLAT = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "email": TEXT,
        "member": {"type": "boolean"},
        "score": {"type": "number"},
    },
    "required": ["name", "age", "email", "member", "score"],
    "additionalProperties": False,
}
ADDRESS = {
    "type": "object",
    "properties": {"street": TEXT, "city": TEXT, "zip": {"type": "string", "pattern": "^\\d{5}$"}},
    "required": ["street", "city", "zip"],
    "additionalProperties": False,
}
TYPICAL: dict[str, tuple[Any, float]] = {
    "5 flat fields": (FLAT, 16),
    "nested, arrays": (
        {
            "type": "object",
            "properties": {
                "customer": ADDRESS,
                "items": {"type": "array", "items": FLAT, "minItems": 1},
                "tags": {"type": "array", "items": TEXT},
            },
            "required": ["customer", "items", "tags"],
            "additionalProperties": False,
        },
        24,
    ),
    "enums": (
        {
            "type": "object",
            "properties": {
                key: {"enum": [f"{key} value {n * n} of {key[::-1]}" for n in range(12)]}
                for key in ("country", "status", "color")
            },
            "required": ["country", "status", "color"],
            "additionalProperties": False,
        },
        1,
    ),
    "patterns, maxLength 80 and 200": (
        {
            "type": "object",
            "properties": {
                "title": {"type": "string", "maxLength": 80},
                "text": {"type": "string", "maxLength": 200},
                "code": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,6}$"},
            },
            "required": ["title", "text", "code"],
            "additionalProperties": False,
        },
        1700,
    ),
    "any JSON, nesting 2": (True, 116),
}


def measure(name: str, automaton: Any, vocabulary: cd.Vocabulary) -> dict[str, Any]:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        lifted = lift(automaton, vocabulary)
        seconds.append(time.perf_counter() - start)
    return {
        "schema": name,
        "byte states": automaton.num_states,
        "classes": lifted.num_classes,
        "edges": lifted.num_edges,
        "sets": lifted.num_sets,
        "ms": 1000 * min(seconds),
    }


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--real", type=int, default=30, help="how many real schemas (30)")
    arguments = options.parse_args()
    report = Report("Lift to 262,080 tokens")
    vocabulary = large_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONSTRAINED_DIFFUSION_CACHE"] = folder
        report.table("trie, seconds", [trie_times(vocabulary, Path(__file__).parent)])
        lift(cd.JsonSchema(FLAT).language().automaton, vocabulary)

        rows = []
        for name, (schema, target) in TYPICAL.items():
            automaton = cd.JsonSchema(schema).language().automaton
            rows.append({**measure(name, automaton, vocabulary), "prototype ms": target})
        report.table("typical schemas", rows, ratios={"ratio": ("ms", "prototype ms")})

        real = []
        for name, count, schemas in schema_lists():
            found = 0
            for schema in schemas:
                if found == -(-count * arguments.real // 60):
                    break
                try:
                    automaton = cd.JsonSchema(schema).language().automaton
                    real.append(measure(name, automaton, vocabulary))
                except cd.ConstrainedDiffusionError:
                    continue
                found += 1
        figures = {name: [row[name] for row in real] for name in ("byte states", "edges", "ms")}
        report.table(
            f"{len(real)} real schemas",
            [{"of": name, **quantiles(values)} for name, values in figures.items()],
        )
    report.finish(arguments.json)


def trie_times(vocabulary: cd.Vocabulary, folder: Path) -> dict[str, float]:
    """Building the trie, and the first use of it in another process."""
    build_trie(cd.Vocabulary([b"a"], end_ids=[]))
    start = time.perf_counter()
    build_trie(vocabulary)
    built = time.perf_counter() - start
    trie_of(vocabulary)
    program = (
        f"import sys, time; sys.path.insert(0, {str(folder)!r});"
        "from _vocabulary import large_vocabulary; vocabulary = large_vocabulary();"
        "from constrained_diffusion.automata.trie import trie_of; vocabulary.fingerprint;"
        "start = time.perf_counter(); trie_of(vocabulary); print(time.perf_counter() - start)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    return {"built": built, "loaded by a second process": float(output)}


if __name__ == "__main__":
    main()
