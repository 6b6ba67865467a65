"""Masked diffusion models: tokens equal to the published samplers', and validity under constraints.

The weights are random; the models are called like the remote code of LLaDA and Dream.

parity: random cases of (model, prompt, seed, options) for each published sampler, without a
constraint. A case is equal where all tokens of the canvas are. The oracles are written from what
the published code does (tests/models/published_masked_samplers.py). Some published code draws
random numbers for the prompt's positions as well, or by another method than torch's; in cases
counted as "fed" the oracle therefore draws at the undecided positions only, as our sampler does.
The target is 100 %.

validity: schemas of jsonschemabench on models with 262,144 logits and canvases of 256, validated
with `jsonschema`. The target is 100 %.
"""

from __future__ import annotations

import base64
import gzip
import random
import sys
import time
from importlib import metadata
from typing import Any

import torch
from _report import ROOT, Report, data_file, parser
from diffusion_gemma_parity import byte_level_alphabet
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from validity import Case as ValidityCase
from validity import measure

import constrained_diffusion as cd
from constrained_diffusion.models.masked_facts import MaskedModelFacts
from constrained_diffusion.models.masked_model import MaskedModelDenoiser

sys.path.insert(0, str(ROOT / "tests" / "models"))

import tiny_masked_models as tiny

SIZE = 262_144
CANVAS = 256


def parity_row(name: str, count: int) -> dict[str, Any]:
    """How many random cases of one published sampler are equal, and how many of them drew."""
    rng = random.Random(0)
    console = Console(stderr=True)
    cases = [tiny.Case.draw(name, rng) for _ in range(count)]
    equal = [
        case.ours() == case.theirs() for case in track(cases, name, console=console, transient=True)
    ]
    fed = [case.draws_differ for case in cases]
    return {
        "published sampler": name,
        "cases": count,
        "with temperature": sum(case.options["temperature"] > 0 for case in cases),
        "fed": sum(fed),
        "equal": sum(equal),
        "equal, not fed": sum(same and not other for same, other in zip(equal, fed, strict=True)),
    }


def large_tokenizer() -> PreTrainedTokenizerFast:
    """The shared 262,080 byte strings as a byte-level tokenizer, special tokens behind them."""
    spelled = byte_level_alphabet()
    with gzip.open(data_file("vocabularies", "union262k.b64.gz")) as file:
        tokens = ["".join(spelled[byte] for byte in base64.b64decode(line)) for line in file]
    # Without merges it encodes byte by byte, which is enough for prompts of a random model.
    backend = Tokenizer(models.BPE(vocab={text: n for n, text in enumerate(tokens)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(tiny.SPECIAL)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|startoftext|>", eos_token="<|endoftext|>"
    )


def validity_cases(steps: int) -> list[ValidityCase]:
    """A model of each kind with the sampler of its family, over the same vocabulary."""
    tokenizer = large_tokenizer()
    end, mask = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|mdm_mask|>"])
    cases = []
    for name, kind, sampler in (
        ("LLaDA, random", tiny.TinyLlada, cd.MaskedSampler(steps=steps)),
        (
            "Dream, random",
            tiny.TinyDream,
            cd.MaskedSampler(steps=steps, order="entropy", schedule="linear", temperature=0.2),
        ),
    ):
        facts = MaskedModelFacts(
            mask_id=mask,
            shift_logits=kind is tiny.TinyDream,
            end_ids=(end,),
            vocabulary_size=SIZE,
        )
        model = kind(size=SIZE, mask_id=mask)
        denoiser = MaskedModelDenoiser(model, tokenizer, facts, canvas_length=CANVAS)
        cases.append(ValidityCase(name, denoiser, sampler))
    return cases


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--part", choices=("parity", "validity"), help="only this one")
    options.add_argument("--cases", type=int, default=50, help="cases of each sampler (50)")
    options.add_argument("--limit", type=int, default=200, help="schemas that compile (200)")
    options.add_argument("--steps", type=int, default=2, help="denoising steps of validity (2)")
    options.add_argument("--seconds", type=float, default=3600, help="budget of validity (3600)")
    arguments = options.parse_args()
    report = Report("Masked diffusion models")
    report.settings(
        torch=torch.__version__, transformers=metadata.version("transformers"), device="cpu"
    )

    if arguments.part != "validity":
        started = time.perf_counter()
        rows = [parity_row(name, arguments.cases) for name in tiny.PUBLISHED]
        report.table(
            "parity with the published samplers", rows, ratios={"share": ("equal", "cases")}
        )
        report.note(f"{time.perf_counter() - started:.0f} seconds")
    if arguments.part != "parity":
        cases = validity_cases(arguments.steps)
        compilation = measure(cases, arguments.limit, arguments.seconds)
        report.table(
            "validity under constraints",
            [case.row() for case in cases],
            ratios={"share": ("valid", "outputs")},
        )
        for remark in [*compilation.remarks, *(text for case in cases for text in case.failures)]:
            report.note(remark)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
