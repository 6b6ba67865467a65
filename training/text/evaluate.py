"""Measure the text denoiser on the held-out sets, without any constraint.

    python -m training.text.evaluate --run runs/text --examples 200

Two measurements: *free running*, where the whole canvas is the model's, and *structure given*,
where the tokens of keys and punctuation are fixed to the true ones, as a constraint would nearly
do, and only the tokens of values are the model's.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from constrained_diffusion.models.bundled import TextDenoiser
from training.text.batches import CANVAS, Encoded, collate, held_out
from training.text.export import WEIGHTS_FOLDER, from_run
from training.text.records import HELD_OUT_SETS, Example
from training.text.tokenizer import END_ID


@dataclass(frozen=True)
class Quality:
    """Shares between 0 and 1.

    Attributes:
        valid: free running, records that are JSON objects.
        fields: free running, top-level fields with the right value.
        exact: free running, records that are right as a whole.
        given_tokens: structure given, value tokens that are right.
        given_exact: structure given, records that are right as a whole.
    """

    valid: float
    fields: float
    exact: float
    given_tokens: float
    given_exact: float


@torch.no_grad()
def sample(
    denoiser: TextDenoiser, prompt: Tensor, fixed: Tensor, tokens: Tensor, steps: int, seed: int = 0
) -> Tensor:
    """Denoise greedily in ``steps`` steps, accepting the most certain positions first.

    Args:
        denoiser: the model.
        prompt: int64 [B, P].
        fixed: True at positions that are given, [B, L].
        tokens: the given tokens [B, L].
        steps: number of network passes.
        seed: of the noise.

    Returns:
        The final canvas, int64 [B, L].
    """
    network, size = denoiser.network, denoiser.network.config.vocabulary_size
    generator = torch.Generator().manual_seed(seed)

    def noise() -> Tensor:
        return torch.randint(size, tokens.shape, generator=generator)

    memory = network.encode(prompt)
    canvas = torch.where(fixed, tokens, noise())
    expected = None
    free = (~fixed).sum(1, keepdim=True)
    for step in range(steps):
        p = network.decode(memory, canvas, expected).probabilities()
        known = torch.nn.functional.one_hot(tokens, size).to(p.dtype)
        p = torch.where(fixed[..., None], known, p)
        expected = network.expect(p)
        entropy = -(p * p.clamp_min(1e-9).log()).sum(-1).masked_fill(fixed, -1.0)
        rank = entropy.argsort(1).argsort(1) - fixed.sum(1, keepdim=True)
        accepted = rank < free * (step + 1) / steps
        best = torch.where(fixed, tokens, p.argmax(-1))
        canvas = torch.where(accepted, best, noise())
    return canvas


def evaluate(
    denoiser: TextDenoiser, name: str, size: int, steps: int, hint: bool = True
) -> Quality:
    """Measure the model on ``size`` examples of a held-out set."""
    pairs: list[tuple[Example, Encoded]] = held_out(denoiser.tokenizer, name, size, hint)
    valid = fields = wanted = exact = right = values = given_exact = 0
    for start in range(0, len(pairs), 50):
        part = pairs[start : start + 50]
        batch = collate([encoded for _, encoded in part], full=True)
        nothing = torch.zeros_like(batch.values)
        written = sample(denoiser, batch.prompt, nothing, batch.canvas, steps)
        for (example, _), row in zip(part, written.tolist(), strict=True):
            record = _read(denoiser, row)
            valid += isinstance(record, dict)
            wanted += len(example.record)
            if isinstance(record, dict):
                fields += sum(record.get(key) == value for key, value in example.record.items())
            exact += record == example.record
        given = sample(denoiser, batch.prompt, ~batch.values, batch.canvas, steps)
        same = given == batch.canvas
        right += int((same & batch.values).sum())
        values += int(batch.values.sum())
        given_exact += int(same.all(1).sum())
    n = len(pairs)
    return Quality(valid / n, fields / wanted, exact / n, right / max(values, 1), given_exact / n)


def _read(denoiser: TextDenoiser, row: list[int]) -> Any:
    """Return the JSON value of a canvas, or None."""
    ids = row[: row.index(END_ID)] if END_ID in row else row
    try:
        return json.loads(denoiser.tokenizer.decode(ids, skip_special_tokens=False))
    except ValueError:
        return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, help="a training run; default: the package's weights")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, nargs="+", default=[8])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-hint", action="store_true")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    denoiser = from_run(args.run) if args.run else TextDenoiser.load(WEIGHTS_FOLDER)
    table = Table(title=f"{CANVAS}-token canvas, {args.examples} examples a set")
    for column in ("set", "steps", *Quality.__dataclass_fields__):
        table.add_column(column)
    figures = []
    for name in HELD_OUT_SETS:
        for steps in args.steps:
            quality = evaluate(denoiser, name, args.examples, steps, hint=not args.no_hint)
            numbers = asdict(quality)
            figures.append({"set": name, "steps": steps, "hint": not args.no_hint, **numbers})
            table.add_row(name, str(steps), *(f"{value:.3f}" for value in numbers.values()))
    Console().print(table)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
