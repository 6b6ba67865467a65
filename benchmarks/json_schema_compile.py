"""Compile time of JSON Schemas at 262,080 tokens, side by side with other engines.

The same schemas of jsonschemabench (a fixed random sample), each engine in a process of its own
that holds the vocabulary ready: this package's trie is built and its kernels are loaded, its disk
cache is off. "compile" is from the schema to what the engine calls compiled: `cd.compile` for a
canvas of 256 positions; llguidance's matcher, which is lazy; XGrammar's compiled grammar
(`strict_mode=False`, one thread, no cache); outlines-core's `Index`. "first mask" adds what the
engine needs to say which tokens may come first; for this package that is the whole posterior of one
canvas of 256 positions given random logits, and its mask of all of them (`--first-mask`).

Memory is the most that the engine's process held, with the vocabulary, over all schemas.
"""

from __future__ import annotations

import collections
import importlib
import inspect
import itertools
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from _engines import OWN, PEERS, reason_of, version_of
from _records import shuffled
from _report import Report, parser, quantiles
from _vocabulary import large_vocabulary
from _workers import Worker, peak_memory
from rich.console import Console
from rich.progress import Progress

import constrained_diffusion as cd

LENGTH = 256
LIMITS = ("timeout", "memory", "crash", "LimitError")
WARM_UP = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True}

Timed = Callable[[Any], tuple[float, float | None]]
"""Compiles a schema; seconds to compile, and to the first mask after that."""


def timing(engine: str, first_mask: bool) -> Callable[[Any], dict[str, Any]]:
    """A handler for a worker: takes a schema and times it."""
    timed = {
        OWN: lambda: _own(first_mask),
        "llguidance": _llguidance,
        "xgrammar": _xgrammar,
        "outlines-core": _outlines,
    }[engine]()
    timed(WARM_UP)

    def handle(schema: Any) -> dict[str, Any]:
        try:
            seconds, mask_seconds = timed(schema)
        except MemoryError:
            raise
        except BaseException as error:  # a panic of native code is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            message = f"{type(error).__name__}: {error}"
            return {"refused": reason_of(error), "message": message, "peak": peak_memory()}
        return {"seconds": seconds, "mask": mask_seconds, "peak": peak_memory()}

    return handle


def _own(first_mask: bool) -> Timed:
    vocabulary = large_vocabulary()
    options: dict[str, Any] = {"length": LENGTH}
    if "cache" in inspect.signature(cd.compile).parameters:
        options["cache"] = False
    logits: Any = None
    if first_mask:
        import torch

        generator = torch.Generator().manual_seed(0)
        logits = torch.randn(LENGTH, len(vocabulary), generator=generator)

    def timed(schema: Any) -> tuple[float, float | None]:
        started = time.perf_counter()
        compiled = cd.compile(cd.JsonSchema(schema), vocabulary, **options)
        seconds = time.perf_counter() - started
        if logits is None:
            return seconds, None
        compiled.posterior(logits).mask()
        return seconds, time.perf_counter() - started

    return timed


class _GreedyTokenizer:
    """The vocabulary as llguidance wants it; it never has to cut a text here."""

    bos_token_id = None

    def __init__(self, tokens: list[bytes]) -> None:
        self.tokens = [*tokens, b"<end>"]
        self.eos_token_id = len(tokens)
        self.special_token_ids = [len(tokens)]
        self._ids = {token: number for number, token in enumerate(tokens)}

    def __call__(self, text: bytes | str) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        return [self._ids[bytes([byte])] for byte in data]


def _tokens() -> list[bytes]:
    return [token for token in large_vocabulary().tokens if token is not None]


def _llguidance() -> Timed:
    llguidance = importlib.import_module("llguidance")
    matcher_kind = llguidance.LLMatcher
    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_GreedyTokenizer(_tokens())))

    def timed(schema: Any) -> tuple[float, float | None]:
        started = time.perf_counter()
        grammar = matcher_kind.grammar_from_json_schema(json.dumps(schema))
        matcher = matcher_kind(tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        seconds = time.perf_counter() - started
        matcher.compute_bitmask()
        return seconds, time.perf_counter() - started

    return timed


def _xgrammar() -> Timed:
    xgrammar = importlib.import_module("xgrammar")
    tokens = _tokens()
    information = xgrammar.TokenizerInfo(
        [*tokens, b"<end>"], xgrammar.VocabType.RAW, stop_token_ids=[len(tokens)]
    )
    compiler = xgrammar.GrammarCompiler(information, max_threads=1, cache_enabled=False)
    mask = xgrammar.allocate_token_bitmask(1, information.vocab_size)

    def timed(schema: Any) -> tuple[float, float | None]:
        started = time.perf_counter()
        compiled = compiler.compile_json_schema(json.dumps(schema), strict_mode=False)
        seconds = time.perf_counter() - started
        xgrammar.GrammarMatcher(compiled).fill_next_token_bitmask(mask)
        return seconds, time.perf_counter() - started

    return timed


def _outlines() -> Timed:
    outlines = importlib.import_module("outlines_core")
    tokens = _tokens()
    vocabulary = outlines.Vocabulary(len(tokens), {token: [n] for n, token in enumerate(tokens)})

    def timed(schema: Any) -> tuple[float, float | None]:
        started = time.perf_counter()
        expression = outlines.json_schema.build_regex_from_schema(json.dumps(schema))
        index = outlines.Index(expression, vocabulary)
        seconds = time.perf_counter() - started
        index.get_allowed_tokens(index.get_initial_state())
        return seconds, time.perf_counter() - started

    return timed


def _rows(outcomes: dict[str, list[dict[str, Any]]], time_name: str) -> list[dict[str, Any]]:
    """The table's lines of `seconds` (compile) or `mask` (first mask), in milliseconds."""
    rows = []
    for engine, each in outcomes.items():
        times = sorted(1e3 * o[time_name] for o in each if o.get(time_name) is not None)
        if not times:
            continue
        found = quantiles(times)
        rows.append(
            {
                "engine": engine,
                "schemas": len(each),
                "compiled": len(times),
                "p50": found["p50"],
                "p95": times[max(0, math.ceil(0.95 * len(times)) - 1)],
                "max": found["max"],
                "stopped at a limit": sum(o.get("refused") in LIMITS for o in each),
                "peak GiB": max((o["peak"] for o in each if "peak" in o), default=0) / 2**30,
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    peers = [peer for peer in PEERS if peer != "xgrammar-strict"]
    options = parser(__doc__)
    options.add_argument("--sample", type=int, default=200, help="how many schemas (200); 0: all")
    options.add_argument("--seed", type=int, default=0, help="of the sample (0)")
    options.add_argument("--peer", dest="peers", action="append", choices=(*peers, "all"))
    options.add_argument("--seconds", type=float, default=30, help="limit per schema (30)")
    options.add_argument("--memory", type=float, default=8, help="limit per schema, GiB (8)")
    options.add_argument("--first-mask", action="store_true", help="also this package's first mask")
    options.add_argument("--slowest", type=int, default=10, help="how many to list (10)")
    arguments = options.parse_args()
    asked = arguments.peers or []
    engines = [OWN, *(peers if "all" in asked else dict.fromkeys(asked))]
    missing = [engine for engine in engines if version_of(engine) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    report = Report("Compile time of JSON Schemas at 262,080 tokens")
    report.settings(
        **{engine: version_of(engine) for engine in engines},
        sample=arguments.sample,
        seed=arguments.seed,
        seconds=arguments.seconds,
    )
    workers = {
        engine: Worker(
            timing,
            (engine, arguments.first_mask),
            seconds=arguments.seconds,
            gibibytes=arguments.memory,
        )
        for engine in engines
    }
    outcomes: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    sample = itertools.islice(shuffled(arguments.seed), arguments.sample or None)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("schemas", total=arguments.sample or None)
        for record in sample:
            for engine in engines:
                answer = workers[engine].ask(record["schema"])
                outcome = answer.value or {"refused": answer.failure, "message": answer.failure}
                outcomes[engine].append({"name": record["name"], **outcome})
            progress.advance(task)
    for worker in workers.values():
        worker.close()
    positions = range(len(outcomes[OWN]))
    common = [n for n in positions if all("seconds" in outcomes[e][n] for e in engines)]
    chosen = {"all that an engine compiles": outcomes}
    if len(engines) > 1:
        chosen["schemas that all compile"] = {e: [outcomes[e][n] for n in common] for e in engines}
    for title, some in chosen.items():
        report.table(f"milliseconds to compile, {title}", _rows(some, "seconds"))
        report.table(f"milliseconds to the first mask, {title}", _rows(some, "mask"))
    refused = collections.Counter(each["refused"] for each in outcomes[OWN] if "refused" in each)
    report.table("refused", [{"because": r, "schemas": n} for r, n in refused.most_common()])
    slow = sorted(
        (each for each in outcomes[OWN] if "seconds" in each), key=lambda each: -each["seconds"]
    )
    report.table(
        "slowest",
        [{"name": e["name"], "seconds": e["seconds"]} for e in slow[: arguments.slowest]],
    )
    for each in outcomes[OWN]:
        if "refused" in each and not each["refused"].startswith("keyword"):
            report.note(f"refused: {each['name']}: {str(each['message'])[:300]}")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
