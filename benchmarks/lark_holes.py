"""First texts for holes: accepted samples with a piece cut out at random bytes.

A hole runs from a random byte to another one, at most `--longest` bytes on, across characters and
terminals as it comes. A text is looked for that, in the place of the hole, makes the whole text
accepted; the machine and Lark read the result again. Seconds are of processor time.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Any

from _lark_grammars import LarkFile, lark_accepts, lark_files
from _lark_texts import RandomTexts
from _report import Report, data_file, parser, quantiles

import constrained_diffusion as cd
from constrained_diffusion.pushdown.completion import Completer
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble


def holes(
    texts: list[bytes], source: random.Random, count: int, longest: int
) -> list[tuple[bytes, bytes]]:
    """What stands before and after each hole."""
    found = []
    for _ in range(count):
        text = source.choice(texts)
        begin = source.randint(0, len(text))
        end = min(len(text), begin + source.randint(0, longest))
        found.append((text[:begin], text[end:]))
    return found


def measure(file: LarkFile, arguments: Any) -> tuple[dict[str, Any], list[str]]:
    """A row of the table, and what went wrong."""
    source = random.Random(file.name)
    loaded = file.load()
    texts = [text for text, verdict, _ in file.judged() if verdict and text]
    if not texts:
        maker = RandomTexts(loaded, file.start, seed=3, free_words=8)
        texts = [file.ended(maker.text(10)) for _ in range(60)]
        texts = [text for text in texts if text and lark_accepts(loaded, text)]
    reading = file.read(loaded)
    vocabulary = cd.Vocabulary([bytes((i,)) for i in range(256)] + [None], end_ids=[256])
    machine = Machine(assemble([reading]), vocabulary.tokens)
    completer = Completer(machine, [reading], vocabulary)
    encoded = [data for text in texts if len(data := text.encode()) <= arguments.bytes]
    row: dict[str, Any] = {"grammar": file.name, "holes": 0, "found": 0, "within 1 s": 0}
    seconds, lengths, errors = [], [], []
    for before, after in holes(encoded, source, arguments.holes, arguments.longest):
        started = time.process_time()
        row["holes"] += 1
        try:
            hole = completer.fill(machine.run(before), after)
        except cd.ConstrainedDiffusionError as error:
            errors.append(f"{type(error).__name__} for {before[-30:]!r} … {after[:30]!r}: {error}")
            continue
        seconds.append(time.process_time() - started)
        whole = before + hole + after
        if not machine.accepts(whole) or not lark_accepts(loaded, whole.decode()):
            errors.append(f"wrong: {before[-30:]!r} {hole!r} {after[:30]!r}")
            continue
        row["found"] += 1
        row["within 1 s"] += seconds[-1] <= 1
        lengths.append(len(hole))
    row |= {f"ms {name}": 1000 * value for name, value in quantiles(seconds).items()}
    row["mean bytes"] = sum(lengths) / len(lengths) if lengths else None
    return row, errors


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--grammars", nargs="*", metavar="NAME", help="only these")
    options.add_argument("--holes", type=int, default=40, help="for each grammar (40)")
    options.add_argument("--longest", type=int, default=60, help="bytes of a hole (60)")
    options.add_argument("--bytes", type=int, default=2000, help="longest text (2000)")
    options.add_argument("--show", type=int, default=3, help="failures to print (3)")
    arguments = options.parse_args()
    data_file("lark-grammars")
    report = Report("Holes before fixed text")
    report.settings(longest=arguments.longest, bytes=arguments.bytes)
    rows = []
    # Machine code that is not cached yet is compiled in an untimed run.
    warm_up = argparse.Namespace(**{**vars(arguments), "holes": 3})
    measure(next(file for file in lark_files() if file.name == "our json"), warm_up)
    for file in lark_files():
        if arguments.grammars and file.name not in arguments.grammars:
            continue
        row, errors = measure(file, arguments)
        rows.append(row)
        report.table(f"{file.name}", [row])
        for text in errors[: arguments.show]:
            report.note(f"{file.name}: {text}")
    report.table("a text for each hole", rows)
    holes_found = (sum(row[name] for row in rows) for name in ("found", "within 1 s", "holes"))
    report.note("found {}, within 1 s {}, of {} holes".format(*holes_found))
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
