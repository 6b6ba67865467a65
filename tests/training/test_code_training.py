"""Training of the code denoiser: its corpus, its holes, its batches, and one run."""

from __future__ import annotations

import argparse
import ast
import gzip
import itertools
import json
import random

import numpy as np
import pytest
import torch

from constrained_diffusion.models.transformer import DenoiserConfig
from training.code.batches import ROWS, Shape, collate, draw_context
from training.code.corpus import Source, evaluation_programs, packages, runs_of
from training.code.dataset import Corpus
from training.code.holes import SHARES, draw_hole, draw_holes
from training.code.spans import BLOCK, EXPRESSION, spans_of
from training.code.tokenizer import END_ID, HOLE_ID, PAD_ID, train_tokenizer
from training.code.train import CodeTrainer, mask_canvases
from training.trainer import CHECKPOINT, LOG, averaged_state, train

SOURCE = '''\
"""Areas."""


def area(width, height, unit="m"):
    total = width * height
    if total > 100 and unit:
        print("large", total, sep=": ")
        return total - 12
    for index in range(total):
        total += index
    return total


class Shape:
    def double(self):
        self.size = area(self.width, height=2 * self.height)
        return self.size
'''
SHAPE = Shape(before=40, after=24, canvas=24, contexts=4, share=1.0)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    texts = [SOURCE, SOURCE.replace("area", "size_of"), SOURCE.replace("total", "sum_")]
    spans = [spans_of(text) for text in texts]
    return Corpus(
        "".join(texts),
        np.cumsum([0, *map(len, texts)]),
        np.concatenate(spans),
        np.cumsum([0, *map(len, spans)]),
        np.array([0, 0, 1], dtype=np.int8),
    )


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return train_tokenizer([corpus.file(0), corpus.file(1)], size=360)


# --- corpus ----------------------------------------------------------------------------------


def test_the_standard_library_comes_first_and_all_licences_are_known():
    found = packages()
    assert found[0].licence == "PSF-2.0"
    for package in found[1:]:
        permissive = ("MIT", "BSD", "Apache")
        assert any(name.lower() in package.licence.lower() for name in permissive), package
        assert "GPL" not in package.licence and "MPL" not in package.licence


def test_held_out_files_are_chosen_by_name_alone():
    sets = [Source("rich", f"rich/{i}.py", "").held_out for i in range(2000)]
    assert 20 < sets.count("files") < 90 and set(sets) == {None, "files"}
    assert Source("click", "click/core.py", "x").held_out == "packages"


def test_runs_of_evaluation_programs(tmp_path):
    task = {"prompt": "def f(a, b):\n    ", "canonical_solution": "return a + b", "suffix": "\n"}
    with gzip.open(tmp_path / "HumanEvalX.jsonl.gz", "wt") as file:
        file.write(json.dumps(task) + "\n")
    (program,) = evaluation_programs(tmp_path)
    assert program == "def f(a, b):\n    return a + b\n"
    assert ("def", "f", "(", "a", ",") in runs_of(program, 5)
    assert runs_of("a b c", 10) == set()
    # White space plays no part.
    assert runs_of("x=[ 1,2 ]", 4) == runs_of("x = [1,\n  2]", 4)


# --- holes -----------------------------------------------------------------------------------


def test_spans_are_statements_and_expressions():
    found = spans_of(SOURCE)
    assert (np.diff(found[:, 0]) >= 0).all()
    texts = {(SOURCE[a:b], kind) for a, b, kind in found.tolist()}
    assert ("    total = width * height\n", BLOCK) in texts
    assert ("total > 100 and unit", EXPRESSION) in texts
    assert ("self.width, height=2 * self.height", EXPRESSION) in texts
    body = SOURCE[SOURCE.index("    total = ") : SOURCE.index("\n\nclass")]
    assert (body, BLOCK) in texts
    for start, end, kind in found.tolist():
        if kind == BLOCK:
            assert start == 0 or SOURCE[start - 1] == "\n"
            assert SOURCE[end - 1] == "\n"
            # A block of statements is replaced by another one.
            indent = SOURCE[start:end][: len(SOURCE[start:end]) - len(SOURCE[start:end].lstrip())]
            ast.parse(f"{SOURCE[:start]}{indent}pass\n{SOURCE[end:]}")
    assert len(spans_of("def (")) == 0


@pytest.mark.parametrize("kind", list(SHARES))
def test_holes_lie_in_the_file(kind):
    rng, pieces = random.Random(0), spans_of(SOURCE)
    seen = set()
    for _ in range(300):
        hole = draw_hole(SOURCE, pieces, rng.randrange(len(SOURCE)), kind, rng)
        if hole is not None:
            assert 0 <= hole.start <= hole.end <= len(SOURCE)
            seen.add(SOURCE[hole.start : hole.end])
    if kind == "line":
        lines = {line for line in SOURCE.splitlines(keepends=True) if line.strip()}
        assert lines < seen and {line.strip() for line in lines} < seen
        assert len(seen) <= 2 * len(lines)
    elif kind == "empty":
        assert seen == {""}
    else:
        assert len(seen) > 8


def test_holes_do_not_touch():
    rng, pieces = random.Random(1), spans_of(SOURCE)
    counts = set()
    for _ in range(300):
        holes = sorted(draw_holes(SOURCE, pieces, 3, 300, rng), key=lambda hole: hole.start)
        counts.add(len(holes))
        assert all(a.end < b.start for a, b in itertools.pairwise(holes))
    assert {1, 2, 3} <= counts


# --- batches ---------------------------------------------------------------------------------


def test_a_context_with_its_holes_filled_is_a_stretch_of_the_file(corpus, tokenizer):
    rng = random.Random(2)
    drawn = 0
    for _ in range(200):
        context = draw_context(corpus, 0, SHAPE, tokenizer, 3, rng)
        if context is None:
            continue
        drawn += 1
        assert len(context.prompt) <= SHAPE.prompt
        filled: list[int] = []
        texts = dict(context.holes)
        assert all(context.prompt[place] == HOLE_ID for place in texts)
        for place, token in enumerate(context.prompt):
            if token != HOLE_ID:
                filled.append(token)
            elif place in texts:
                assert texts[place][-1] == END_ID and len(texts[place]) <= SHAPE.canvas
                filled += texts[place][:-1]
            else:  # a hole that its canvas does not hold: nothing to check behind it
                break
        assert tokenizer.decode(filled) in corpus.file(0)
    assert drawn > 100


def test_batches_are_padded_and_rows_know_their_hole(corpus, tokenizer):
    rng = random.Random(3)
    contexts = []
    while len(contexts) < SHAPE.contexts:
        context = draw_context(corpus, 1, SHAPE, tokenizer, 3, rng)
        if context is not None:
            contexts.append(context)
    batch = collate(contexts, SHAPE.prompt, SHAPE.canvas, ROWS)
    assert batch.prompt.shape == (4, SHAPE.prompt)
    assert batch.canvas.shape == (4 * ROWS, SHAPE.canvas)
    assert (batch.prompt[batch.owner, batch.origin] == HOLE_ID).all()
    assert ((batch.canvas == END_ID).sum(1) == 1).all()
    padding = batch.canvas == PAD_ID
    assert (padding[:, 1:] >= padding[:, :-1]).all()


def test_masks_are_scattered_or_lie_behind_a_cut():
    torch.manual_seed(0)
    canvas = torch.full((2000, 20), 9)
    canvas[:, 10:] = PAD_ID
    masked = mask_canvases(canvas)
    behind = (masked[:, 1:] >= masked[:, :-1]).all(1) & masked[:, 9]
    assert 0.4 < float(behind.float().mean()) < 0.65
    # Of scattered masks every number is equally frequent.
    shares = masked[~behind].float().mean(1)
    assert 0.4 < float(shares.mean()) < 0.6 and float(shares.std()) > 0.2
    assert masked.any(1).float().mean() > 0.9


# --- a run -----------------------------------------------------------------------------------


def make_trainer(tokenizer, seed: int) -> CodeTrainer:
    torch.manual_seed(seed)
    config = DenoiserConfig(
        tokenizer.get_vocab_size(), width=32, heads=2, encoder_layers=1, decoder_layers=1
    )
    return CodeTrainer(config, torch.device("cpu"), compiled=False)


def test_training_lowers_the_loss_and_resumes(corpus, tokenizer, tmp_path):
    rng = random.Random(4)

    def batch():
        contexts = []
        while len(contexts) < SHAPE.contexts:
            context = draw_context(corpus, 0, SHAPE, tokenizer, 2, rng)
            if context is not None:
                contexts.append(context)
        return collate(contexts, SHAPE.prompt, SHAPE.canvas, ROWS)

    trainer = make_trainer(tokenizer, 0)
    args = argparse.Namespace(out=tmp_path, resume=True)
    trainer.resume(args)  # nothing there yet
    # Steps in which the encoder reads with masks have a loss of their own.
    losses = [loss for _ in range(120) for loss in [trainer.step(batch(), 0.0).get("loss")] if loss]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])

    trainer.save(tmp_path / CHECKPOINT)
    again = make_trainer(tokenizer, 1)
    again.resume(args)
    assert again.steps == 120 and again.counts == trainer.counts
    config, average = averaged_state(tmp_path)
    assert DenoiserConfig(**config) == trainer.model.config
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor)
        assert torch.equal(average[name], trainer.average[name])


def test_the_loop_logs_saves_and_ends(tokenizer, tmp_path):
    trainer = make_trainer(tokenizer, 0)
    asked = []

    def step(progress: float) -> dict[str, float]:
        asked.append(progress)
        trainer.steps += 1
        return {"loss": 1.0}

    args = argparse.Namespace(out=tmp_path, minutes=0.002, save_every=0.02)
    train(trainer, step, args, watch=lambda: {"held_out": 0.5})
    assert asked[0] == 0 and sorted(asked) == asked and asked[-1] < 1
    assert trainer.seconds >= 0.12
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert lines and lines[-1]["loss"] == 1.0 and lines[-1]["held_out"] == 0.5
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["steps"] == trainer.steps
