"""Write the corpus of the code denoiser to one file.

    python -m training.code.dataset --out runs/code/corpus.npz --evaluation path/to/HumanEval

Prints what was read, and how many files were left out because they share a run of words and signs
with the evaluation sets.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.code.corpus import evaluation_programs, packages, runs_of, sources
from training.code.spans import spans_of

SETS = ("training", "files", "packages")
"""What is trained on; held-out files of the same packages; packages that are held out."""


@dataclass(frozen=True)
class Corpus:
    """Files of Python one after the other.

    Attributes:
        text: all characters, ASCII.
        starts: where each file begins, and the end of the last, int64 [files + 1].
        spans: pieces for holes, int32 [N, 3]: start and end within the file, kind.
        span_starts: where each file's pieces begin, int64 [files + 1].
        split: index into `SETS`, int8 [files].
    """

    text: str
    starts: NDArray[np.int64]
    spans: NDArray[np.int32]
    span_starts: NDArray[np.int64]
    split: NDArray[np.int8]

    def files(self, name: str) -> NDArray[np.int64]:
        """The indices of the files of a set."""
        return np.flatnonzero(self.split == SETS.index(name))

    def file(self, index: int) -> str:
        """The text of a file."""
        return self.text[self.starts[index] : self.starts[index + 1]]

    def pieces(self, index: int) -> NDArray[np.int32]:
        """The pieces of a file, [N, 3], ordered by start."""
        return self.spans[self.span_starts[index] : self.span_starts[index + 1]]


def read(path: Path) -> Corpus:
    """The corpus in a file that `main` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return Corpus(
            stored["text"].tobytes().decode("ascii"),
            stored["starts"],
            stored["spans"],
            stored["span_starts"],
            stored["split"],
        )


def main() -> None:
    """Build the corpus."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="corpus.npz")
    parser.add_argument("--evaluation", type=Path, help="folder of HumanEval*.jsonl.gz")
    args = parser.parse_args()

    programs = evaluation_programs(args.evaluation) if args.evaluation else []
    forbidden = set().union(*map(runs_of, programs))
    texts, spans, split = [], [], []
    used: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    shared: Counter[tuple[str, ...]] = Counter()
    for source in sources():
        common = runs_of(source.text) & forbidden
        if common:
            refused[source.package] += 1
            shared.update(common)
            continue
        texts.append(source.text)
        spans.append(spans_of(source.text))
        split.append(SETS.index(source.held_out or "training"))
        used[source.package] += len(source.text)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        args.out,
        text=np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8),
        starts=np.cumsum([0, *map(len, texts)]),
        spans=np.concatenate(spans),
        span_starts=np.cumsum([0, *map(len, spans)]),
        split=np.array(split, dtype=np.int8),
    )
    report = {
        "packages": [{**asdict(p), "characters": used[p.name]} for p in packages()],
        "files": {name: split.count(index) for index, name in enumerate(SETS)},
        "characters": sum(used.values()),
        "spans": sum(map(len, spans)),
        "evaluation_runs": len(forbidden),
        "files_left_out_for_overlap": dict(refused),
        "most_shared_runs": [[" ".join(run), n] for run, n in shared.most_common(12)],
    }
    text = json.dumps(report, indent=2)
    args.out.with_suffix(".json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
