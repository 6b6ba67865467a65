"""What the training programs share: one step of learning, checkpoints, and the loop around them."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from torch import Tensor, nn

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


class Trainer:
    """A network, the moving average of its weights, its optimisers and counters.

    Attributes:
        steps: steps taken.
        seconds: how long the run has taken, earlier parts included.
        counts: further numbers that a checkpoint keeps.
    """

    def __init__(
        self,
        model: nn.Module,
        config: Mapping[str, Any],
        optimizers: Sequence[torch.optim.Optimizer],
        average: float,
    ) -> None:
        """
        model: on the device that it is trained on.
        config: its sizes, stored in checkpoints.
        average: the decay of the moving average; less in the first steps.
        """
        self.model = model
        self.config = dict(config)
        self.optimizers = list(optimizers)
        self.decay = average
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.steps = 0
        self.seconds = 0.0
        self.counts: dict[str, int] = {}

    def learn(self, loss: Tensor) -> None:
        """One step down the gradient of a loss, clipped to norm 1, and of the moving average."""
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        weights = self.model.state_dict()
        torch._foreach_lerp_(
            list(self.average.values()), [weights[k] for k in self.average], 1 - keep
        )

    def save(self, path: Path) -> None:
        """Writes a checkpoint; a reader never sees half of one."""
        state = {
            "config": self.config,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": torch.get_rng_state(),
            "steps": self.steps,
            "seconds": self.seconds,
            "counts": self.counts,
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint."""
        device = next(self.model.parameters()).device
        state = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["rng"].cpu())
        self.steps, self.seconds = state["steps"], state["seconds"]
        self.counts = state["counts"]

    def resume(self, args: argparse.Namespace) -> None:
        """Goes on from the checkpoint in `args.out` if `args.resume` and there is one."""
        if args.resume and (args.out / CHECKPOINT).exists():
            self.load(args.out / CHECKPOINT)


def adamw(
    model: nn.Module, rate: float, weight_decay: float, betas: tuple[float, float] = (0.9, 0.99)
) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=rate,
        betas=betas,
        fused=True,
    )


def averaged_state(run: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Sizes and averaged weights of a run's newest checkpoint."""
    state = torch.load(run / CHECKPOINT, map_location="cpu", weights_only=True)
    return state["config"], state["average"]


def add_arguments(parser: argparse.ArgumentParser, minutes: float, batch: int | None) -> None:
    """The command-line options of every training program.

    batch: the default of --batch; None: the program has no such option.
    """
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoints")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="time budget of the whole run"
    )
    parser.add_argument("--threads", type=int, default=1)
    if batch is not None:
        parser.add_argument("--batch", type=int, default=batch, help="examples a step")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    parser.add_argument("--eager", action="store_true", help="do not compile the network")
    parser.add_argument("--save-every", type=float, default=180, help="seconds")


def train(
    trainer: Trainer,
    step: Callable[[float], Mapping[str, float]],
    args: argparse.Namespace,
    watch: Callable[[], Mapping[str, float]] | None = None,
) -> None:
    """Takes steps until the time budget is used up; writes checkpoints and a log to `args.out`.

    step: one step, given the share of the budget that is used; returns numbers, which are logged
        as moving averages.
    watch: further numbers, asked for at every checkpoint.
    """
    budget = args.minutes * 60
    before, start, saved = trainer.seconds, time.time(), trainer.seconds
    recent: dict[str, float] = {}
    columns = (
        *Progress.get_default_columns(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=budget, note="")
        while trainer.seconds < budget:
            for name, value in step(trainer.seconds / budget).items():
                recent[name] = 0.98 * recent.get(name, value) + 0.02 * value
            trainer.seconds = before + time.time() - start
            note = " ".join(f"{name} {value:.3f}" for name, value in recent.items())
            bar.update(task, completed=trainer.seconds, note=f"{note} step {trainer.steps}")
            if trainer.seconds - saved > args.save_every:
                saved = trainer.seconds
                trainer.save(args.out / CHECKPOINT)
                line = {
                    "seconds": round(trainer.seconds),
                    "step": trainer.steps,
                    **trainer.counts,
                    **{name: round(value, 4) for name, value in recent.items()},
                    **({} if watch is None else watch()),
                }
                with (args.out / LOG).open("a") as log:
                    log.write(json.dumps(line) + "\n")
    trainer.save(args.out / CHECKPOINT)
