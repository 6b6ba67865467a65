"""Train the bundled code denoiser.

    python -m training.code.dataset --out runs/code/corpus.npz
    python -m training.code.train --data runs/code/corpus.npz --out runs/code --minutes 55

Writes ``checkpoint.pt`` (weights, their moving average, optimiser and counters; to resume from),
``tokenizer.json`` and ``log.jsonl`` to the output folder.  The package's weights are made from
them by ``python -m training.code.export``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from constrained_diffusion.models.transformer import DenoiserConfig, DenoiserTransformer
from training.code.batches import Batch, stream
from training.code.dataset import Corpus, read
from training.code.tokenizer import MASK_ID, PAD_ID, train_tokenizer
from training.trainer import Trainer, add_arguments, train

PEAK_RATE = 4e-3
WARMUP_STEPS = 100
AVERAGE = 0.998
WEIGHT_DECAY = 0.01
PAD_WEIGHT = 0.1
FROM_LEFT = 0.4
"""Share of the canvases that keep what stands before a random cut and lose all behind it."""
ALL_MASKED = 0.1
READING_WEIGHT = 0.7
READING_SHARE, HIDDEN_SHARE = 0.7, 0.15
"""The share of the batches in which the encoder has to say what stands at some positions of the
context, and the share of the positions that are masked there."""


def mask_canvases(canvas: Tensor) -> Tensor:
    """The positions that a mask is to stand at, bool [R, L].

    Most canvases lose each token with a probability t of their own, uniform from 0 to 1; the rest
    lose everything behind a random cut, as where a sampler works from left to right.
    """
    rows = (len(canvas), 1)
    t = torch.rand(rows)
    t = torch.where(torch.rand(rows) < ALL_MASKED, torch.ones(rows), t)
    scattered = torch.rand(canvas.shape) < t
    written = (canvas != PAD_ID).sum(1, keepdim=True)
    behind = torch.arange(canvas.shape[1]) >= (torch.rand(rows) * written).long()
    return torch.where(torch.rand(rows) < FROM_LEFT, behind, scattered)


def make_loss(model: DenoiserTransformer, device: torch.device) -> Callable[..., Tensor]:
    """The loss as a function of tensors only, so that it compiles as a whole."""

    def loss(
        prompt: Tensor, read: Tensor, owner: Tensor, origin: Tensor, canvas: Tensor,
        noisy: Tensor, weight: Tensor, hidden: Tensor, reading: Tensor,
    ) -> Tensor:  # fmt: skip
        with torch.autocast(device.type, torch.bfloat16):
            memory = model.encode(read)
            wanted = prompt.flatten()[hidden]
            states = memory.hidden.flatten(0, 1)[hidden]
            guesses = (states @ model.embedding.weight.T).float() * 4
            rows = memory.rows(owner).at(origin)
            nll = model.decode(rows, noisy, None).target_nll(canvas)
        written = (nll * weight).sum() / weight.sum()
        return written + reading * torch.nn.functional.cross_entropy(guesses, wanted)

    return loss


def optimizers_of(model: DenoiserTransformer) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings and vectors."""
    layers = [p for part in (model.encoder, model.decoder) for p in part.parameters()]
    # `neighbours` is two vectors.
    matrices = [p for p in layers if p.ndim == 2 and len(p) > 2]
    matrices += [model.copy_query.weight, model.copy_key.weight]
    chosen = {id(p) for p in matrices} | {id(model.conditioning.weight)}
    vectors = [p for p in model.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(
        matrices, lr=PEAK_RATE, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(
        vectors, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    return [muon, adamw]


class CodeTrainer(Trainer):
    """The network of the code denoiser and its loss."""

    def __init__(self, config: DenoiserConfig, device: torch.device, compiled: bool) -> None:
        model = DenoiserTransformer(config).to(device)
        # The only parameter that masked diffusion does not use.
        model.conditioning.weight.requires_grad_(False)
        super().__init__(model, config.to_dict(), optimizers_of(model), AVERAGE)
        self.device = device
        self.counts = {"contexts": 0, "canvases": 0, "tokens": 0}
        loss = make_loss(model, device)
        self.loss = torch.compile(loss, dynamic=False) if compiled else loss

    def step(self, batch: Batch, progress: float) -> dict[str, float]:
        """One step; returns the loss."""
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = learning_rate(self.steps, progress)
        masked = mask_canvases(batch.canvas)
        noisy = torch.where(masked, MASK_ID, batch.canvas)
        weight = torch.where(batch.canvas == PAD_ID, PAD_WEIGHT, 1.0) * masked
        count = round(HIDDEN_SHARE * batch.prompt.numel())
        hidden = torch.multinomial((batch.prompt != PAD_ID).flatten().float() + 1e-6, count)
        reading = torch.rand(()) < READING_SHARE
        read = batch.prompt.clone()
        if reading:
            read = read.flatten().index_fill(0, hidden, MASK_ID).view_as(read)
        inputs = (
            batch.prompt, read, batch.owner, batch.origin, batch.canvas, noisy, weight, hidden,
            reading * torch.tensor(READING_WEIGHT),
        )  # fmt: skip
        loss = self.loss(*(x.to(self.device) for x in inputs))
        self.learn(loss)
        self.counts["contexts"] += len(batch.prompt)
        self.counts["canvases"] += len(batch.canvas)
        self.counts["tokens"] += int((masked & (batch.canvas != PAD_ID)).sum())
        return {"loss" if not reading else "loss_reading": float(loss.detach())}


def learning_rate(step: int, progress: float) -> float:
    """Warms up over steps, then decays to zero over the time budget."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return float(PEAK_RATE * warm * max(0.01, 1 - progress) ** 0.8)


def open_tokenizer(folder: Path, corpus: Corpus, resume: bool) -> Tokenizer:
    """The tokenizer of a run: read where the run goes on, else trained on its files."""
    file = folder / "tokenizer.json"
    if resume and file.exists():
        return Tokenizer.from_file(str(file))
    texts: Iterator[str] = (corpus.file(int(i)) for i in corpus.files("training"))
    tokenizer = train_tokenizer(texts)
    tokenizer.save(str(file))
    return tokenizer


def main() -> None:
    """Run the training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="corpus.npz")
    add_arguments(parser, minutes=55, batch=None)
    parser.add_argument("--width", type=int, default=128)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    corpus = read(args.data)
    tokenizer = open_tokenizer(args.out, corpus, args.resume)
    config = DenoiserConfig(tokenizer.get_vocab_size(), width=args.width, pad_id=PAD_ID)
    trainer = CodeTrainer(config, torch.device(args.device), not args.eager)
    trainer.resume(args)
    # A resumed run must not see the examples of the first part again.
    data = stream(corpus, tokenizer, seed=args.seed + 1_000_003 * trainer.steps)
    train(trainer, lambda progress: trainer.step(next(data), progress), args)


if __name__ == "__main__":
    main()
