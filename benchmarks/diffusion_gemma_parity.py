"""DiffusionGemma: tokens equal to transformers' `generate`, and validity under constraints.

The weights are random, the classes are transformers' own: each checkpoint is written with
save_pretrained and read again.

parity: random cases of (checkpoint, prompts, seed, options), without a constraint. A case is equal
where all tokens of all rows and the number of denoising steps of each row are. Checkpoints differ
in size, experts, attention windows, tied weights, type, canvas length, how sharp the predictions
are and how many tokens end a text; cases in the number of prompts (of different length, padded from
the left), canvases, steps, temperatures, entropy bound and stopping rule. The target is 100 %.

validity: schemas of jsonschemabench on a checkpoint with 262,144 tokens and canvases of 256,
validated with `jsonschema`. The target is 100 %.
"""

from __future__ import annotations

import base64
import gzip
import random
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from _report import ROOT, Report, data_file, parser
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging
from validity import Case as ValidityCase
from validity import measure

import constrained_diffusion as cd
from constrained_diffusion.models.diffusion_gemma import DiffusionGemmaDenoiser

sys.path.insert(0, str(ROOT / "tests" / "models"))

import tiny_diffusion_gemma as tiny

CASES_PER_CHECKPOINT = 2


def parity_rows(count: int) -> list[dict[str, Any]]:
    """A row for each case: what it exercised, and whether it was equal."""
    rng = random.Random(0)
    rows: list[dict[str, Any]] = []
    console = Console(stderr=True)
    for number in track(range(count), "parity", console=console, transient=True):
        if number % CASES_PER_CHECKPOINT == 0:
            with tempfile.TemporaryDirectory() as folder:
                model = tiny.checkpoint(Path(folder), **tiny.draw_options(rng))
            tokenizer = tiny.tokenizer(chat=rng.random() < 0.7)
            denoiser = DiffusionGemmaDenoiser(model, tokenizer)
        case = tiny.Case.draw(rng)
        tokens, steps = tiny.stock_generate(model, tiny.encode(denoiser, case.prompts), case)
        results = cd.generate(
            denoiser,
            list(case.prompts),
            sampler=case.sampler,
            canvases=case.canvases,
            seed=case.seed,
        )
        length = denoiser.canvas_length
        rows.append(
            {
                "several prompts": len(results) > 1,
                "several canvases": len(tokens[0]) > length,
                "bfloat16": model.dtype == torch.bfloat16,
                "some row stopped early": any(
                    result.steps < case.sampler.steps * (len(result.tokens) // length)
                    for result in results
                ),
                "some row ended": any(result.finish_reason == "end" for result in results),
                "tokens": equal_tokens(results, tokens),
                "steps": [result.steps for result in results] == steps,
            }
        )
    return rows


def equal_tokens(results: list[cd.Result], tokens: list[list[int]]) -> bool:
    """Whether the results are those rows; `generate` pads rows that ended in an earlier canvas."""
    return [
        result.tokens + [tiny.PAD] * (len(row) - len(result.tokens))
        for result, row in zip(results, tokens, strict=True)
    ] == tokens


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many of the cases that exercised something are equal."""
    features = [name for name in rows[0] if name not in ("tokens", "steps")]
    groups = {"all": rows} | {name: [row for row in rows if row[name]] for name in features}
    return [
        {
            "cases": name,
            "number": len(group),
            "tokens equal": sum(row["tokens"] for row in group),
            "steps equal": sum(row["steps"] for row in group),
            "both": sum(row["tokens"] and row["steps"] for row in group),
        }
        for name, group in groups.items()
    ]


def large_tokenizer() -> PreTrainedTokenizerFast:
    """The shared 262,080 byte strings as a byte-level tokenizer, special tokens behind them."""
    spelled = byte_level_alphabet()
    with gzip.open(data_file("vocabularies", "union262k.b64.gz")) as file:
        tokens = ["".join(spelled[byte] for byte in base64.b64decode(line)) for line in file]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    # Without merges it encodes byte by byte, which is enough for prompts of a random model.
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(tiny.SPECIAL)
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    made.chat_template = tiny.CHAT_TEMPLATE
    return made


def byte_level_alphabet() -> list[str]:
    """The character that stands for each byte in byte-level vocabularies (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def large_denoiser() -> DiffusionGemmaDenoiser:
    """A random checkpoint with DiffusionGemma's vocabulary and canvas."""
    tokenizer = large_tokenizer()
    ends = tuple(tokenizer.convert_tokens_to_ids(["<eos>", "<turn|>"]))
    with tempfile.TemporaryDirectory() as folder:
        model = tiny.checkpoint(
            Path(folder), size=262_144, canvas_length=256, hidden=16, end_ids=ends
        )
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return DiffusionGemmaDenoiser(model, tokenizer)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--part", choices=("parity", "validity"), help="only this one")
    options.add_argument("--cases", type=int, default=200, help="cases of parity (200)")
    options.add_argument("--limit", type=int, default=200, help="schemas that compile (200)")
    options.add_argument("--steps", type=int, default=2, help="denoising steps of validity (2)")
    options.add_argument("--seconds", type=float, default=3600, help="budget of validity (3600)")
    arguments = options.parse_args()
    logging.disable_progress_bar()
    report = Report("DiffusionGemma in transformers")
    report.settings(transformers=metadata.version("transformers"), device="cpu")

    if arguments.part != "validity":
        started = time.perf_counter()
        rows = parity_rows(arguments.cases)
        report.table("parity with generate", summary(rows), ratios={"share": ("both", "number")})
        report.note(f"{time.perf_counter() - started:.0f} seconds")
    if arguments.part != "parity":
        case = ValidityCase(
            "DiffusionGemma, random", large_denoiser(), cd.UniformSampler(steps=arguments.steps)
        )
        compilation = measure([case], arguments.limit, arguments.seconds)
        report.table(
            "validity under constraints",
            [case.row()],
            ratios={"share": ("valid", "outputs")},
        )
        for remark in [*compilation.remarks, *case.failures]:
            report.note(remark)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
