"""Measure the code denoiser on held-out files, without any constraint.

    python -m training.code.evaluate --data runs/code/corpus.npz --run runs/code --examples 60

"files" are held-out files of packages that it was trained on, "packages" those of packages that it
never saw. For each kind of hole: the share of right tokens when the rest of the canvas is given
half and not at all, and free running with the bundled sampler: the share of exact texts, and of
files that parse with the text in the hole.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from constrained_diffusion import MaskedSampler, generate
from constrained_diffusion.models.code import CodeDenoiser, InfillPrompt
from training.code.dataset import SETS, Corpus, read
from training.code.export import WEIGHTS_FOLDER, from_run
from training.code.holes import Kind, draw_hole
from training.code.tokenizer import END_ID, MASK_ID

KINDS: tuple[Kind, ...] = ("line", "expression", "block", "text")


@dataclass(frozen=True)
class Task:
    """A hole in a file that parses, and what stood in it."""

    prompt: InfillPrompt
    hole: str


@dataclass(frozen=True)
class Quality:
    """Shares between 0 and 1.

    Attributes:
        half_masked: right tokens where each token of the canvas is masked with probability 1/2.
        all_masked: right tokens, the end token among them, in one pass over a canvas of masks.
        exact: free running, holes that hold the text that stood there.
        parses: free running, files that `ast.parse` reads with the text in the hole.
    """

    half_masked: float
    all_masked: float
    exact: float
    parses: float


def parses(text: str) -> bool:
    """Whether a text is a Python file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def fill(denoiser: CodeDenoiser, prompt: InfillPrompt, sampler: MaskedSampler, seed: int) -> str:
    """The text that a sampler writes into the hole, without a constraint."""
    return generate(denoiser, prompt, sampler=sampler, seed=seed).text


def tasks(corpus: Corpus, name: str, kind: Kind, denoiser: CodeDenoiser) -> Iterator[Task]:
    """Holes of a kind in the files of a set, drawn uniformly over their text, for ever."""
    rng = random.Random(f"evaluate/{name}/{kind}")
    files = [int(index) for index in corpus.files(name) if parses(corpus.file(int(index)))]
    sizes = [len(corpus.file(index)) for index in files]
    while True:
        index = rng.choices(files, sizes)[0]
        text = corpus.file(index)
        hole = draw_hole(text, corpus.pieces(index), rng.randrange(len(text)), kind, rng)
        if hole is not None:
            inside = text[hole.start : hole.end]
            if len(denoiser.tokenizer.encode(inside).ids) < denoiser.canvas_length:
                yield Task(InfillPrompt(text[: hole.start], text[hole.end :]), inside)


def right_tokens(denoiser: CodeDenoiser, task: Task, masked: torch.Tensor) -> tuple[int, int]:
    """How many of the masked tokens up to the end token are right, and their number.

    masked: bool [L].
    """
    ids = [*denoiser.tokenizer.encode(task.hole).ids, END_ID]
    true = torch.full((denoiser.canvas_length,), int(denoiser.network.config.pad_id))
    true[: len(ids)] = torch.tensor(ids)
    canvas = torch.where(masked, MASK_ID, true)
    best = denoiser.denoise(task.prompt, canvas[None])[0].argmax(-1)
    counted = masked & (torch.arange(len(true)) < len(ids))
    return int(((best == true) & counted).sum()), int(counted.sum())


def evaluate(
    denoiser: CodeDenoiser, corpus: Corpus, name: str, kind: Kind, size: int, steps: int
) -> Quality:
    """Measures `size` holes of a kind in the files of a set."""
    generator = torch.Generator().manual_seed(0)
    length = denoiser.canvas_length
    half, whole, exact, parsed = [0, 0], [0, 0], 0, 0
    sampler = MaskedSampler(steps)
    drawn = tasks(corpus, name, kind, denoiser)
    for seed in range(size):
        task = next(drawn)
        some = torch.rand(length, generator=generator) < 0.5
        for sums, masked in ((half, some), (whole, torch.ones(length, dtype=torch.bool))):
            right, count = right_tokens(denoiser, task, masked)
            sums[0] += right
            sums[1] += count
        written = fill(denoiser, task.prompt, sampler, seed)
        exact += written == task.hole
        parsed += parses(task.prompt.prefix + written + task.prompt.suffix)
    return Quality(half[0] / half[1], whole[0] / whole[1], exact / size, parsed / size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="corpus.npz")
    parser.add_argument("--run", type=Path, help="a training run; default: the package's weights")
    parser.add_argument("--examples", type=int, default=60, help="holes of each kind and set")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    denoiser = from_run(args.run) if args.run else CodeDenoiser.load(WEIGHTS_FOLDER)
    corpus = read(args.data)
    table = Table(title=f"{args.examples} holes each, {args.steps} steps")
    for column in ("set", "hole", *Quality.__dataclass_fields__):
        table.add_column(column)
    figures = []
    for name in SETS[1:]:
        for kind in KINDS:
            quality = asdict(evaluate(denoiser, corpus, name, kind, args.examples, args.steps))
            figures.append({"set": name, "hole": kind, **quality})
            table.add_row(name, kind, *(f"{value:.3f}" for value in quality.values()))
    Console().print(table)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
