"""Train the bundled text denoiser.

    python -m training.text.train --minutes 90 --out runs/text

Writes to the output folder, every few minutes and at the end: ``checkpoint.pt`` (weights, their
moving average, optimiser and counters; to resume from) and ``tokenizer.json``.  The package's
weights are made from it by ``python -m training.text.export``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable

import torch
from tokenizers import Tokenizer
from torch import Tensor

from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.text.batches import Batch, stream
from training.text.tokenizer import PAD_ID, train_tokenizer
from training.trainer import Trainer, adamw, add_arguments, train

PEAK_RATE = 2.5e-3
WARMUP_STEPS = 300
AVERAGE = 0.999
WEIGHT_DECAY = 0.02
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


class TextTrainer(Trainer):
    """The network of the text denoiser and its loss."""

    def __init__(
        self, tokenizer: Tokenizer, device: torch.device, compiled: bool, seed: int
    ) -> None:
        torch.manual_seed(seed)
        sizes = DenoiserConfig(tokenizer.get_vocab_size(), pad_id=PAD_ID)
        model = DenoiserTransformer(sizes).to(device)
        super().__init__(model, sizes.to_dict(), [adamw(model, PEAK_RATE, WEIGHT_DECAY)], AVERAGE)
        self.device = device
        self.vocabulary_size = sizes.vocabulary_size
        self.counts = {"sequences": 0}
        loss = make_loss(model, device)
        self.loss = torch.compile(loss, dynamic=False) if compiled else loss

    def step(self, batch: Batch, progress: float) -> dict[str, float]:
        """One step; returns the loss."""
        for group in self.optimizers[0].param_groups:
            group["lr"] = learning_rate(self.steps, progress)
        z, given = corrupt(batch, self.vocabulary_size)
        weight = torch.where(batch.values, 1.0, STRUCTURE_WEIGHT)
        weight = torch.where(batch.canvas == PAD_ID, PAD_WEIGHT, weight)
        conditioned = (torch.rand(len(z), 1, 1) < 0.65).float()
        inputs = (batch.prompt, batch.canvas, z, given, weight, conditioned)
        loss = self.loss(*(x.to(self.device) for x in inputs))
        self.learn(loss)
        self.counts["sequences"] += len(batch.canvas)
        return {"loss": float(loss.detach())}


def learning_rate(step: int, fraction: float) -> float:
    """Warm up over steps, then decay to zero over the time budget."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return float(PEAK_RATE * warm * max(0.01, 1 - fraction) ** 0.8)


def main() -> None:
    """Run the training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_arguments(parser, minutes=90, batch=32)
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
    trainer = TextTrainer(tokenizer, torch.device(args.device), not args.eager, args.seed)
    trainer.resume(args)
    # A resumed run must not see the examples of the first part again.
    data = stream(tokenizer, args.batch, seed=args.seed + 1_000_003 * trainer.steps)
    train(trainer, lambda progress: trainer.step(next(data), progress), args)


if __name__ == "__main__":
    main()
