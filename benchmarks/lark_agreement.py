"""What the pushdown machine accepts against what Lark accepts, text by text.

For the grammars of shared/data/lark-grammars: every sample and mutant against its label, whatever
its length. For those without samples, and the bundled ones: random texts of the grammar, random
changes of them and of the corpus in tests/data/grammars, each judged by Lark here. `machine` is
what `accepts` of a compiled grammar asks; a grammar that would be compiled to an automaton goes
through it as well. Times are processor times.
"""

from __future__ import annotations

import random
import time
from typing import Any

from _lark_grammars import LarkFile, lark_accepts, lark_files
from _lark_texts import RandomTexts, changed
from _report import Report, data_file, parser

from constrained_diffusion.errors import LimitError
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import assemble

SLOW_CHARACTERS = 100


def random_texts(file: LarkFile, loaded: Any, count: int) -> list[tuple[str, bool, str]]:
    """Random texts and changed ones, judged by Lark."""
    source = random.Random(file.name)
    texts = [text for text, verdict, _ in file.judged() if verdict]
    result: list[tuple[str, bool, str]] = []
    if file.postlex is None:
        slow = file.parser == "earley"
        maker = RandomTexts(loaded, file.start, seed=1, free_words=8 if slow else 60)
        made = [file.ended(maker.text(source.randint(3, 16))) for _ in range(count)]
        if slow:
            # Lark's Earley parser takes seconds for more.
            made = [text for text in made if len(text) <= SLOW_CHARACTERS]
        result += [(text, lark_accepts(loaded, text), "random") for text in made]
        texts += made
    for _ in range(count):
        text = file.ended(changed(source.choice(texts), source))
        result.append((text, lark_accepts(loaded, text), "changed"))
    return result


def measure(file: LarkFile, count: int) -> tuple[dict[str, Any], list[str]]:
    """A row of the table, and the texts that the two disagree on."""
    loaded = file.load()
    texts = file.judged()
    if file.bundled or not texts:
        texts += random_texts(file, loaded, count)
    started = time.process_time()
    reading = file.read(loaded)
    machine = Machine(assemble([reading]), [])
    build = time.process_time() - started
    machine.accepts(texts[0][0].encode("utf-8", "surrogatepass"))

    agreed = {True: 0, False: 0}
    limits, seconds, size, slowest = 0, 0.0, 0, 0.0
    wrong = []
    for text, verdict, _ in texts:
        data = text.encode("utf-8", "surrogatepass")
        started = time.process_time()
        try:
            accepted: bool | None = machine.accepts(data)
        except LimitError:
            accepted = None
            limits += 1
        taken = time.process_time() - started
        seconds, size, slowest = seconds + taken, size + len(data), max(slowest, taken)
        if accepted == verdict:
            agreed[verdict] += 1
        else:
            wrong.append(text)
    accepted_texts = sum(verdict for _, verdict, _ in texts)
    row = {
        "grammar": file.name,
        "parser": file.parser,
        "texts": len(texts),
        "accepted": accepted_texts,
        "agree": sum(agreed.values()),
        "wrongly refused": accepted_texts - agreed[True],
        "wrongly accepted": len(texts) - accepted_texts - agreed[False] - limits,
        "limits": limits,
        "build s": build,
        "bytes": size,
        "us/byte": 1e6 * seconds / max(1, size),
        "slowest ms": 1000 * slowest,
        "longest": max(len(text) for text, _, _ in texts),
        "bounds": len(reading.bounds),
    }
    return row, wrong


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--grammars", nargs="*", metavar="NAME", help="only these")
    options.add_argument("--random", type=int, default=300, help="random texts of a kind (300)")
    options.add_argument("--show", type=int, default=3, help="disagreements to print (3)")
    arguments = options.parse_args()
    data_file("lark-grammars")
    report = Report("Agreement with Lark")
    rows, total, agree = [], 0, 0
    for file in lark_files():
        if arguments.grammars and file.name not in arguments.grammars:
            continue
        row, wrong = measure(file, arguments.random)
        rows.append(row)
        total, agree = total + row["texts"], agree + row["agree"]
        for text in wrong[: arguments.show]:
            report.note(f"{file.name} disagrees on {text[:200]!r}")
    report.table("accepts against Lark", rows)
    report.note(f"{agree} of {total} texts agree")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
