"""Train the bundled Sudoku denoiser.

    python -m training.sudoku.dataset --out runs/sudoku/puzzles.npz
    python -m training.sudoku.train --data runs/sudoku/puzzles.npz --out runs/sudoku --minutes 75

Writes ``checkpoint.pt`` (weights, their moving average, optimiser and counters; to resume from)
and ``log.jsonl`` to the output folder.  The package's weights are made from the checkpoint by
``python -m training.sudoku.export``.

Every row of the batch holds a puzzle and the network's state on it.  A step runs a segment of a
few iterations, with the loss at each of them, and hands the state on without its gradient; the row
gets a new puzzle when it is solved, or after a random number of segments.  So the network learns to
go on from wherever it is, and hard puzzles get the most training.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from torch import Tensor

from constrained_diffusion.models.sudoku_network import SudokuConfig, SudokuNetwork
from training.sudoku.batches import Puzzles, draw, read

MATRIX_RATE, VECTOR_RATE = 6e-3, 2e-3
"""Peak learning rates: of Muon for the matrices, of AdamW for all else."""
WARMUP_STEPS = 100
DECAY_SHARE = 0.5
"""Share of the run, at its end, over which the learning rate falls to zero."""
AVERAGE = 0.998
LONGEST = 12
"""Most segments that a puzzle stays, at the end of the run; at its beginning 3."""
KEEP_SOLVED = 0.3
"""How often a solved puzzle stays for another segment: a solution must be a fixed point."""


def exact_cover_loss(logits: Tensor, solution: Tensor) -> Tensor:
    """Mean cross-entropy of the true candidates within the sets that hold exactly one of them.

    Every candidate stands in four such sets: its cell, and its digit's row, column and box.

    logits: [B, 81, 9]. solution: int64 [B, 81], digits 1 to 9.
    """
    nodes = logits.view(-1, 3, 3, 3, 3, 9)
    true = F.one_hot(solution - 1, 9).view_as(nodes)
    loss = logits.new_zeros(())
    for members in ((5,), (3, 4), (1, 2), (2, 4)):
        loss = loss + (nodes.logsumexp(members) - (nodes * true).sum(members)).mean()
    return loss / 4


class Trainer:
    """Everything a checkpoint holds, the rows of the batch, and one step of training."""

    def __init__(self, config: SudokuConfig, source: Puzzles, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.source = source
        self.device = torch.device(args.device)
        self.iterations = args.iterations
        self.model = SudokuNetwork(config).to(self.device)
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        matrices, vectors = [], []
        for parameter in self.model.parameters():
            (matrices if min(parameter.shape) > 2 and parameter.ndim == 2 else vectors).append(
                parameter
            )
        self.optimizers = (
            torch.optim.Muon(
                matrices, lr=MATRIX_RATE, weight_decay=1e-3, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(vectors, lr=VECTOR_RATE, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.iterate = (
            self.model.iterate if args.eager else torch.compile(self.model.iterate, dynamic=False)
        )
        self.steps = 0
        self.seconds = 0.0
        self.rows = args.batch
        self.grid = torch.zeros(self.rows, 81, dtype=torch.int64)
        self.solution = torch.ones(self.rows, 81, dtype=torch.int64)
        self.state: Tensor | None = None
        self.left = torch.zeros(self.rows, dtype=torch.int64)

    def step(self, rate: float, progress: float) -> tuple[float, float]:
        """One step; returns the loss and the share of solved rows.

        rate: share of the peak learning rates.
        progress: from 0 at the beginning of the run to 1 at its end.
        """
        for optimizer, peak in zip(self.optimizers, (MATRIX_RATE, VECTOR_RATE), strict=True):
            optimizer.param_groups[0]["lr"] = peak * rate
        fresh = self.left <= 0
        self._refill(fresh, progress)
        grid, solution = self.grid.to(self.device), self.solution.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            clues = self.model.clues(grid)
            told, state = self.model.known(clues), self.model.begin(clues)
            if self.state is not None:
                begins = fresh.to(self.device).view(-1, *[1] * (state.ndim - 1))
                state = torch.where(begins, state, self.state)
            losses = []
            for _ in range(self.iterations):
                state = self.iterate(state, told)
                logits = self.model.read(state)
                losses.append(exact_cover_loss(logits, solution))
        loss = torch.stack(losses).mean()
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.state = state.detach()
        solved = (logits.argmax(-1) + 1 == solution).all(1).cpu()
        self.left -= 1
        self.left[solved & (torch.rand(self.rows) > KEEP_SOLVED)] = 0
        self.steps += 1
        keep = min(AVERAGE, (1 + self.steps) / (10 + self.steps))
        weights = self.model.state_dict()
        torch._foreach_lerp_(
            list(self.average.values()), [weights[k] for k in self.average], 1 - keep
        )
        return float(loss.detach()), float(solved.float().mean())

    def _refill(self, fresh: Tensor, progress: float) -> None:
        """New puzzles for the fresh rows."""
        count = int(fresh.sum())
        if count:
            self.grid[fresh], self.solution[fresh] = draw(self.source, count)
            longest = round(3 + (LONGEST - 3) * min(1.0, 2 * progress))
            self.left[fresh] = torch.randint(1, longest + 1, (count,))

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a reader never sees half of one."""
        state: dict[str, Any] = {
            "config": self.model.config.to_dict(),
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": torch.get_rng_state(),
            "steps": self.steps,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint; the rows begin with new puzzles."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["rng"].cpu())
        self.steps, self.seconds = state["steps"], state["seconds"]


@torch.no_grad()
def solved_at_once(trainer: Trainer, puzzles: Puzzles, iterations: int) -> float:
    """Share of puzzles that the averaged weights solve in one pass, without refinement."""
    model = SudokuNetwork(trainer.model.config).to(trainer.device)
    model.load_state_dict(trainer.average)
    right = 0
    for start in range(0, len(puzzles), 32):
        grid = puzzles.puzzles[start : start + 32].to(trainer.device)
        digits = model(grid, iterations).argmax(-1).cpu() + 1
        right += int((digits == puzzles.solutions[start : start + 32]).all(1).sum())
    return right / len(puzzles)


def learning_rate(step: int, progress: float) -> float:
    """Share of the peak: warms up, is constant, falls to zero over the last part of the run."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return float(warm * min(1.0, max(0.01, (1 - progress) / DECAY_SHARE)))


def main() -> None:
    """Run the training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="puzzles.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--minutes", type=float, default=75, help="time budget of the whole run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16, help="puzzles a step")
    parser.add_argument("--iterations", type=int, default=8, help="iterations a step")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    parser.add_argument("--eager", action="store_true", help="do not compile the network")
    parser.add_argument("--save-every", type=float, default=240, help="seconds")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    source, held_out = read(args.data)
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:48]
    watched = Puzzles(held_out.puzzles[chosen], held_out.solutions[chosen])
    trainer = Trainer(SudokuConfig(args.width, args.hidden), source, args)
    checkpoint = args.out / "checkpoint.pt"
    if args.resume and checkpoint.exists():
        trainer.load(checkpoint)
    budget = args.minutes * 60
    before, start, saved = trainer.seconds, time.time(), trainer.seconds
    loss = solved = 0.0
    columns = (*Progress.get_default_columns(), TimeElapsedColumn(), TextColumn("{task.fields[n]}"))
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=budget, n="")
        while trainer.seconds < budget:
            progress = trainer.seconds / budget
            rate = learning_rate(trainer.steps, progress)
            now = trainer.step(rate, progress)
            loss, solved = 0.98 * loss + 0.02 * now[0], 0.98 * solved + 0.02 * now[1]
            trainer.seconds = before + time.time() - start
            bar.update(task, completed=trainer.seconds, n=f"loss {loss:.3f} step {trainer.steps}")
            if trainer.seconds - saved > args.save_every:
                saved = trainer.seconds
                trainer.save(checkpoint)
                line = {
                    "seconds": round(trainer.seconds),
                    "step": trainer.steps,
                    "loss": round(loss, 4),
                    "solved_rows": round(solved, 3),
                    "held_out": round(solved_at_once(trainer, watched, 48), 3),
                    "rate": round(rate, 6),
                }
                with (args.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
    trainer.save(checkpoint)


if __name__ == "__main__":
    main()
