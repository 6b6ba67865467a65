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
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from constrained_diffusion.models.sudoku_network import SudokuConfig, SudokuNetwork
from training.sudoku.batches import Puzzles, draw, read
from training.trainer import Trainer, add_arguments, train

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


class SudokuTrainer(Trainer):
    """The network of the Sudoku denoiser, the rows of the batch, and one step of training."""

    def __init__(self, config: SudokuConfig, source: Puzzles, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.source = source
        self.device = torch.device(args.device)
        self.iterations = args.iterations
        self.network = SudokuNetwork(config).to(self.device)
        matrices, vectors = [], []
        for parameter in self.network.parameters():
            (matrices if min(parameter.shape) > 2 and parameter.ndim == 2 else vectors).append(
                parameter
            )
        muon = torch.optim.Muon(
            matrices, lr=MATRIX_RATE, weight_decay=1e-3, adjust_lr_fn="match_rms_adamw"
        )
        adamw = torch.optim.AdamW(vectors, lr=VECTOR_RATE, betas=(0.9, 0.98), weight_decay=0.0)
        super().__init__(self.network, config.to_dict(), [muon, adamw], AVERAGE)
        iterate = self.network.iterate
        self.iterate = iterate if args.eager else torch.compile(iterate, dynamic=False)
        self.rows = args.batch
        self.grid = torch.zeros(self.rows, 81, dtype=torch.int64)
        self.solution = torch.ones(self.rows, 81, dtype=torch.int64)
        self.state: Tensor | None = None
        self.left = torch.zeros(self.rows, dtype=torch.int64)

    def step(self, rate: float, progress: float) -> dict[str, float]:
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
            clues = self.network.clues(grid)
            told, state = self.network.known(clues), self.network.begin(clues)
            if self.state is not None:
                begins = fresh.to(self.device).view(-1, *[1] * (state.ndim - 1))
                state = torch.where(begins, state, self.state)
            losses = []
            for _ in range(self.iterations):
                state = self.iterate(state, told)
                logits = self.network.read(state)
                losses.append(exact_cover_loss(logits, solution))
        loss = torch.stack(losses).mean()
        self.learn(loss)
        self.state = state.detach()
        solved = (logits.argmax(-1) + 1 == solution).all(1).cpu()
        self.left -= 1
        self.left[solved & (torch.rand(self.rows) > KEEP_SOLVED)] = 0
        return {"loss": float(loss.detach()), "solved_rows": float(solved.float().mean())}

    def _refill(self, fresh: Tensor, progress: float) -> None:
        """New puzzles for the fresh rows."""
        count = int(fresh.sum())
        if count:
            self.grid[fresh], self.solution[fresh] = draw(self.source, count)
            longest = round(3 + (LONGEST - 3) * min(1.0, 2 * progress))
            self.left[fresh] = torch.randint(1, longest + 1, (count,))


@torch.no_grad()
def solved_at_once(trainer: SudokuTrainer, puzzles: Puzzles, iterations: int) -> float:
    """Share of puzzles that the averaged weights solve in one pass, without refinement."""
    model = SudokuNetwork(trainer.network.config).to(trainer.device)
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
    add_arguments(parser, minutes=75, batch=16)
    parser.add_argument("--iterations", type=int, default=8, help="iterations a step")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=128)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    source, held_out = read(args.data)
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:48]
    watched = Puzzles(held_out.puzzles[chosen], held_out.solutions[chosen])
    trainer = SudokuTrainer(SudokuConfig(args.width, args.hidden), source, args)
    trainer.resume(args)

    def watch() -> dict[str, float]:
        return {"held_out": round(solved_at_once(trainer, watched, 48), 3)}

    def step(progress: float) -> dict[str, float]:
        return trainer.step(learning_rate(trainer.steps, progress), progress)

    train(trainer, step, args, watch)


if __name__ == "__main__":
    main()
