"""Holes in Python, JSON and SQL, filled so that the whole text parses.

python examples/infill/run.py [--model M] [--html PAGE.html] [--only NAME] [-n N]
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import constrained_diffusion as cd
from constrained_diffusion.viewing import Recorder
from constrained_diffusion.viewing.file_page import render_file_page


class Example(NamedTuple):
    """A hole, and the language of the whole text."""

    name: str
    language: str
    prefix: str
    suffix: str


EXAMPLES = [
    Example(
        "function body",
        "python",
        'def mean(values):\n    """The arithmetic mean of a list of numbers."""\n    ',
        "\n\n\nprint(mean([1, 2, 3]))\n",
    ),
    Example(
        "condition",
        "python",
        "def first_even(numbers):\n    for number in numbers:\n        if ",
        ":\n            return number\n    return None\n",
    ),
    Example(
        "argument list",
        "python",
        "import os\n\npath = os.path.join(",
        ")\nprint(os.path.exists(path))\n",
    ),
    Example(
        "dictionary",
        "python",
        'COLOURS = {\n    "red": (255, 0, 0),\n    ',
        "\n}\n\n\ndef colour(name):\n    return COLOURS[name]\n",
    ),
    Example(
        "missing member",
        "json",
        '{\n  "name": "Ada Lovelace",\n  ',
        ',\n  "born": 1815,\n  "languages": ["English", "French"]\n}\n',
    ),
    Example(
        "WHERE clause",
        "sql",
        "SELECT name, born FROM people WHERE ",
        " ORDER BY born DESC LIMIT 10",
    ),
]


def load(name: str) -> cd.Denoiser:
    """The denoiser of that name; a random one where the bundled one is not there."""
    try:
        return cd.load(name)
    except cd.CheckpointError as error:
        if name != "code":
            raise SystemExit(f"error: {error}") from None
        print(
            'The denoiser "code" is not there: random predictions instead. What is filled in '
            "parses, and means nothing.",
            file=sys.stderr,
        )
    from constrained_diffusion.models import RandomDenoiser

    tokens = [*(bytes([byte]) for byte in range(0x20, 0x7F)), b"\n", None]
    return RandomDenoiser(cd.Vocabulary(tokens, end_ids=[len(tokens) - 1]), 24)


def check(example: Example, whole: str) -> None:
    """Reads the whole text by another parser. Raises what that raises."""
    if example.language == "python":
        ast.parse(whole)
    elif example.language == "json":
        json.loads(whole)
    else:
        cd.LarkGrammar.open(example.language).lark.parse(whole)


def fill(denoiser: cd.Denoiser, example: Example, n: int, page: Path | None) -> None:
    """Fills one hole, and prints the whole with the hole between « and »."""
    recorders: list[Recorder] = []

    def on_step(step: cd.Step) -> None:
        if step.index == 0:
            recorders.append(Recorder())
        recorders[-1](step)

    started = time.perf_counter()
    found = cd.infill(
        denoiser,
        example.prefix,
        example.suffix,
        language=example.language,
        n=n,
        seed=0,
        on_step=on_step,
    )
    seconds = time.perf_counter() - started
    best = found[0]
    check(example, f"{example.prefix}{best.text}{example.suffix}")
    print(f"--- {example.name} ({example.language}), {best.steps} steps, {seconds:.1f} s")
    print(f"{example.prefix}«{best.text}»{example.suffix}".rstrip())
    for other in found:
        print(f"    log evidence {other.log_evidence:8.2f}  {other.text!r}")
    print()
    if page is not None:
        recorder = next(one for one in recorders if one.frames[-1].text == best.text)
        content = render_file_page(
            recorder, best, prefix=example.prefix, suffix=example.suffix, title=example.name
        )
        page.write_text(content, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    names = [example.name for example in EXAMPLES]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="code", help="a denoiser, as cd.load takes it")
    parser.add_argument("--html", type=Path, help="write a page with all steps (of the last hole)")
    parser.add_argument("--only", choices=names, help="this hole alone")
    parser.add_argument("-n", type=int, default=3, help="candidates")
    options = parser.parse_args(arguments)
    denoiser = load(options.model)
    chosen = [one for one in EXAMPLES if options.only in (None, one.name)]
    for example in chosen:
        fill(denoiser, example, options.n, options.html if example is chosen[-1] else None)


if __name__ == "__main__":
    main()
