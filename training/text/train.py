"""Train the bundled text denoiser.

    python -m training.text.train --minutes 90 --out runs/text

Writes to the output folder, every few minutes and at the end: ``checkpoint.pt`` (weights, their
moving average, optimiser and counters; to resume from) and ``tokenizer.json``.  The package's
weights are made from it by ``python -m training.text.export``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from tokenizers import Tokenizer
from torch import Tensor

from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.text.batches import Batch, stream
from training.text.tokenizer import PAD_ID, train_tokenizer

PEAK_RATE = 2.5e-3
WARMUP_STEPS = 300
AVERAGE = 0.999
PAD_WEIGHT, STRUCTURE_WEIGHT = 0.05, 0.4


def corrupt(batch: Batch, vocabulary_size: int) -> tuple[Tensor, Tensor]:
    """Noise a batch's canvases as the samplers will.

    Tokens are replaced by uniform draws from the whole vocabulary, in one of two patterns. Half of
    the rows lose each token with the row's probability t; a third of these have t near 1, because
    few-step sampling lives there. The other half keep everything before a random cut and lose
    (nearly) everything behind it: where a value ends is decided from the left, and until then
    nothing to its right has a place. In part of the rows the structure (all that a constraint can
    force) may also be given: in the canvas, in the self-conditioning, or in both.

    Returns:
        The noisy canvas [B, L] and a Boolean mask [B, L] of positions whose self-conditioning
        is to be the true token.
    """
    y = batch.canvas
    rows = (len(y), 1)
    kind = torch.rand(rows)
    t = torch.where(kind < 0.35, 0.85 + 0.15 * torch.rand(rows), torch.rand(rows))
    t = torch.where(kind < 0.10, torch.ones(rows), t)
    scattered = torch.rand(y.shape) < t
    written = (y != PAD_ID).sum(1, keepdim=True)
    behind = torch.arange(y.shape[1]) >= (torch.rand(rows) * (written + 1)).long()
    t = torch.where(torch.rand(rows) < 0.7, torch.ones(rows), 0.8 + 0.2 * torch.rand(rows))
    from_left = torch.rand(rows) < 0.5
    noisy = torch.where(from_left, behind & (torch.rand(y.shape) < t), scattered)
    structure = ~batch.values
    mode = torch.rand(rows)
    # Part of the structure only: a constraint knows some positions long before others.
    known = structure & (
        torch.rand(y.shape) < torch.where(torch.rand(rows) < 0.6, 1.0, torch.rand(rows))
    )
    given = known & (mode < torch.where(from_left, 0.15, 0.4))
    noisy &= ~(given & (mode < torch.where(from_left, 0.1, 0.28)))
    z = torch.where(noisy, torch.randint_like(y, vocabulary_size), y)
    return z, given & (mode > torch.where(from_left, 0.05, 0.12))


def make_loss(model: DenoiserTransformer, device: torch.device) -> Callable[..., Tensor]:
    """Return the loss as a function of tensors only, so that it compiles as a whole."""

    def loss(
        prompt: Tensor, y: Tensor, z: Tensor, given: Tensor, weight: Tensor, conditioned: Tensor
    ) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            memory = model.encode(prompt)
            # Always two passes: one compiled graph; rows without conditioning get zeros.
            with torch.no_grad():
                guess = model.expect_prediction(model.decode(memory, z, None))
                expected = torch.where(given[..., None], model.embedding(y), guess)
            expected = expected * conditioned
            nll = model.decode(memory, z, expected).target_nll(y)
        return (nll * weight).sum() / weight.sum()

    return loss


class Trainer:
    """Everything a checkpoint holds, and one step of training."""

    def __init__(
        self, tokenizer: Tokenizer, device: torch.device, compiled: bool, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.tokenizer = tokenizer
        self.device = device
        self.config = DenoiserConfig(tokenizer.get_vocab_size(), pad_id=PAD_ID)
        self.model = DenoiserTransformer(self.config).to(device)
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        vectors = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.02}, {"params": vectors, "weight_decay": 0.0}],
            lr=PEAK_RATE,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.steps = 0
        self.sequences = 0
        self.seconds = 0.0
        loss = make_loss(self.model, device)
        self.loss = torch.compile(loss, dynamic=False) if compiled else loss

    def step(self, batch: Batch, rate: float) -> float:
        """Take one step; return the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        z, given = corrupt(batch, self.config.vocabulary_size)
        weight = torch.where(batch.values, 1.0, STRUCTURE_WEIGHT)
        weight = torch.where(batch.canvas == PAD_ID, PAD_WEIGHT, weight)
        conditioned = (torch.rand(len(z), 1, 1) < 0.65).float()
        inputs = (batch.prompt, batch.canvas, z, given, weight, conditioned)
        loss = self.loss(*(x.to(self.device) for x in inputs))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self.sequences += len(batch.canvas)
        keep = min(AVERAGE, (1 + self.steps) / (10 + self.steps))
        state = self.model.state_dict()
        torch._foreach_lerp_(
            list(self.average.values()), [state[k] for k in self.average], 1 - keep
        )
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint; a reader never sees half of one."""
        state: dict[str, Any] = {
            "config": self.config.to_dict(),
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "steps": self.steps,
            "sequences": self.sequences,
            "seconds": self.seconds,
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Resume from a checkpoint."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"].cpu())
        self.steps, self.sequences = state["steps"], state["sequences"]
        self.seconds = state["seconds"]


def learning_rate(step: int, fraction: float) -> float:
    """Warm up over steps, then decay to zero over the time budget."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return float(PEAK_RATE * warm * max(0.01, 1 - fraction) ** 0.8)


def main() -> None:
    """Run the training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=90, help="time budget of the whole run")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32, help="sequences a step")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    parser.add_argument("--eager", action="store_true", help="do not compile the network")
    parser.add_argument("--save-every", type=float, default=180, help="seconds")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    random.seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer_file = args.out / "tokenizer.json"
    if args.resume and tokenizer_file.exists():
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    else:
        tokenizer = train_tokenizer()
        tokenizer.save(str(tokenizer_file))
    trainer = Trainer(tokenizer, torch.device(args.device), not args.eager, args.seed)
    checkpoint = args.out / "checkpoint.pt"
    if args.resume and checkpoint.exists():
        trainer.load(checkpoint)
    # A resumed run must not see the examples of the first part again.
    data = stream(tokenizer, args.batch, seed=args.seed + 1_000_003 * trainer.steps)
    budget = args.minutes * 60
    before, start, saved, shown, recent = trainer.seconds, time.time(), trainer.seconds, 0.0, 0.0
    columns = (
        *Progress.get_default_columns(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=budget, note="")
        while trainer.seconds < budget:
            rate = learning_rate(trainer.steps, trainer.seconds / budget)
            loss = trainer.step(next(data), rate)
            recent = loss if not recent else 0.98 * recent + 0.02 * loss
            trainer.seconds = before + time.time() - start
            speed = trainer.sequences / trainer.seconds
            progress.update(
                bar, completed=trainer.seconds, note=f"loss {recent:.3f} {speed:.0f} seqs/s"
            )
            if trainer.seconds - shown > 30:
                shown = trainer.seconds
                line = {"seconds": round(shown), "step": trainer.steps, "loss": round(recent, 4),
                        "sequences": trainer.sequences, "rate": round(rate, 6)}  # fmt: skip
                with (args.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
            if trainer.seconds - saved > args.save_every:
                saved = trainer.seconds
                trainer.save(checkpoint)
    trainer.save(checkpoint)


if __name__ == "__main__":
    main()
