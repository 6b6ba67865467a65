"""A diffusion model and a left-to-right model on the same schemas, with and without a constraint.

    python benchmarks/compare_models.py --diffusion PATH --causal PATH --tasks tasks.jsonl
    python benchmarks/compare_models.py --random --limit 200

Paths are folders (or hub ids) of a DiffusionGemma checkpoint and of any causal one, for example
Gemma 4. One compiled constraint serves both where their vocabularies are equal. Ways to generate:

- own loop: the diffusion model in `cd.generate`, with the checkpoint's settings, free and
  constrained;
- stock loop: the diffusion model in transformers' `generate`, with `DiffusionConstraint`;
- left to right: the causal model in greedy `generate`, free and with `AutoregressiveConstraint`.

Tasks are lines of JSON with `prompt`, `schema` and, where known, the `reference` instance; without
a file they are schemas of jsonschemabench in a fixed random order, those that compile, without a
reference. An output is valid if `jsonschema` accepts its value, formats checked. A field is a leaf
of the reference; it is right if the output has the same value at the same path. Seconds leave out
compiling; tokens are those up to the end token.

`--random` builds small random checkpoints of both real classes with 262,144 tokens and canvases of
256: valid outputs are the figure then, and times say what the constraint costs beside no model.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from _fields import leaves, same
from _judge import Judge, Undecided, read_json
from _report import ROOT, Report, parser, quantiles
from rich.console import Console
from rich.progress import Progress
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessorList,
)
from transformers.generation.streamers import BaseStreamer
from transformers.utils import logging
from validity import prompt_of, schemas

import constrained_diffusion as cd
from constrained_diffusion.integrations.autoregressive_constraint import AutoregressiveConstraint
from constrained_diffusion.integrations.diffusion_constraint import DiffusionConstraint

sys.path.insert(0, str(ROOT / "tests" / "integrations"))

import tiny_causal_models


@dataclass(frozen=True)
class Task:
    """What to write: `reference` is the expected instance, None where there is none."""

    name: str
    prompt: str
    schema: Any
    reference: Any = None


@dataclass(frozen=True)
class Output:
    """text: what was written; tokens: up to the end token; steps: forward passes of the model."""

    text: str
    tokens: int
    steps: int


Way = Callable[[Task, Any], Output]


class DiffusionModel:
    """A DiffusionGemma checkpoint in our loop and in transformers' own."""

    def __init__(self, denoiser: Any, canvases: int, steps: int | None) -> None:
        self.denoiser = denoiser
        self.vocabulary = denoiser.vocabulary
        self.canvas_length = denoiser.canvas_length
        self._canvases = canvases
        if steps is not None:
            denoiser.model.generation_config.max_denoising_steps = steps
        self._sampler = denoiser.default_sampler

    def own_loop(self, task: Task, compiled: Any) -> Output:
        """`cd.generate`; free where `compiled` is None."""
        result = cd.generate(
            self.denoiser, task.prompt, compiled, sampler=self._sampler, canvases=self._canvases
        )
        _, tokens = text_of(self.vocabulary, result.tokens)
        return Output(result.text, tokens, result.steps)

    def stock_loop(self, task: Task, compiled: Any) -> Output:
        """transformers' `generate`."""
        ids = self.denoiser.encode_prompt(self.denoiser.render_prompt(task.prompt))
        counter = StepCounter()
        constraint = DiffusionConstraint(
            compiled, self._canvases * self.canvas_length, sampler=self._sampler
        )
        output = self.denoiser.model.generate(
            torch.tensor([ids], device=self.denoiser.device),
            max_new_tokens=self._canvases * self.canvas_length,
            logits_processor=LogitsProcessorList([constraint]),
            streamer=counter,
        )
        new = output.sequences[0, len(ids) :].tolist()
        return Output(*text_of(self.vocabulary, new), counter.steps)


class CausalModel:
    """A causal checkpoint in transformers' `generate`."""

    def __init__(self, model: Any, tokenizer: Any, max_new_tokens: int) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._max_new_tokens = max_new_tokens
        ends = model.generation_config.eos_token_id
        self.vocabulary = cd.Vocabulary.from_tokenizer(
            tokenizer,
            size=model.config.get_text_config().vocab_size,
            end_ids=[ends] if isinstance(ends, int) else ends,
        )

    def greedy(self, task: Task, compiled: Any) -> Output:
        """Free where `compiled` is None."""
        ids = torch.tensor([self._encode(task.prompt)], device=self._model.device)
        processors = []
        if compiled is not None:
            processors = [AutoregressiveConstraint(compiled, self._max_new_tokens)]
        output = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=self._max_new_tokens,
            do_sample=False,
            logits_processor=LogitsProcessorList(processors),
        )
        new = output[0, ids.shape[1] :].tolist()
        text, tokens = text_of(self.vocabulary, new)
        return Output(text, tokens, tokens)

    def _encode(self, prompt: str) -> list[int]:
        if self._tokenizer.chat_template is None:
            found: list[int] = self._tokenizer(prompt)["input_ids"]
            return found
        messages = [{"role": "user", "content": prompt}]
        encoded = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True
        )
        return list(encoded["input_ids"])


class StepCounter(BaseStreamer):
    """Counts the drafts of the stock loop, one for each denoising step."""

    def __init__(self) -> None:
        self.steps = 0

    def put(self, value: Any) -> None:
        """Finished canvases do not matter here."""

    def put_draft(self, value: Any) -> None:
        self.steps += 1

    def end(self) -> None:
        """Nothing to close."""


@dataclass
class Case:
    """One way to generate, and what became of its outputs."""

    name: str
    way: Way
    constrained: bool
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    steps: int = 0
    valid: int = 0
    undecided: int = 0
    right: int = 0
    wanted: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, task: Task, compiled: Any, judge: Judge) -> None:
        """Generate one text and judge it."""
        started = time.perf_counter()
        try:
            output = self.way(task, compiled if self.constrained else None)
        except Exception as error:  # any exception here is a finding to be counted, not a crash
            self.seconds.append(time.perf_counter() - started)
            self._fail(task, f"{type(error).__name__}: {error}")
            return
        self.seconds.append(time.perf_counter() - started)
        self.tokens += output.tokens
        self.steps += output.steps
        value = None
        try:
            value, _ = read_json(output.text)
            problem = judge.problem(value)
        except Undecided as error:
            self.undecided += 1
            problem = str(error)
        except ValueError as error:
            problem = f"not JSON ({error})"
        self.valid += problem is None
        if problem is not None and self.constrained:
            self._fail(task, f"{problem}: {output.text!r}")
        found = dict(leaves(value))
        for path, expected in leaves(task.reference) if task.reference is not None else ():
            self.wanted += 1
            self.right += path in found and same(found[path], expected)

    def row(self) -> dict[str, Any]:
        """The case's line of the result table."""
        count, seconds = len(self.seconds), sum(self.seconds)
        return {
            "way": f"{self.name}, {'constrained' if self.constrained else 'free'}",
            "outputs": count,
            "valid": self.valid,
            "undecided": self.undecided,
            "right %": 100 * self.right / self.wanted if self.wanted else None,
            "tokens": self.tokens / count if count else None,
            "steps": self.steps / count if count else None,
            "tokens/s": self.tokens / seconds if seconds else None,
            **{f"s {name}": value for name, value in quantiles(self.seconds).items()},
        }

    def _fail(self, task: Task, reason: str) -> None:
        self.failures.append(f"{self.name}, {task.name}: {' '.join(reason.split())[:400]}")


def text_of(vocabulary: cd.Vocabulary, tokens: Sequence[int]) -> tuple[str, int]:
    """The text before the first end token, and the number of tokens up to it."""
    ends = [place for place, token in enumerate(tokens) if token in vocabulary.end_ids]
    stop = ends[0] if ends else len(tokens)
    text = vocabulary.decode(tokens[:stop]).decode(errors="replace")
    return text, min(stop + 1, len(tokens))


def tasks_of(path: Path | None) -> Iterator[Task]:
    """The tasks of a file, else the schemas of jsonschemabench."""
    if path is None:
        for entry in schemas():
            yield Task(entry["name"], prompt_of(entry), entry["schema"])
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            entry = json.loads(line)
            name = str(entry.get("name", f"line {number}"))
            yield Task(name, entry["prompt"], entry["schema"], entry.get("reference"))


def random_causal(tokenizer: Any, ends: Sequence[int]) -> Any:
    """A small random Gemma 4."""
    return tiny_causal_models.gemma(
        262_144,
        seed=0,
        hidden_size_per_layer_input=0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=list(ends),
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )


def models_of(arguments: argparse.Namespace) -> tuple[DiffusionModel | None, CausalModel | None]:
    """The models that were asked for."""
    denoiser = causal = None
    if arguments.random:
        from diffusion_gemma_parity import large_denoiser

        denoiser = large_denoiser()
        tokenizer = denoiser.tokenizer
        causal = random_causal(tokenizer, denoiser.vocabulary.end_ids)
    else:
        if arguments.diffusion:
            denoiser = cd.load(arguments.diffusion, device=arguments.device)
        if arguments.causal:
            tokenizer = AutoTokenizer.from_pretrained(arguments.causal)
            causal = AutoModelForCausalLM.from_pretrained(arguments.causal, dtype="auto")
            causal.to(arguments.device)
    diffusion = None
    if denoiser is not None:
        diffusion = DiffusionModel(denoiser, arguments.canvases, arguments.steps)
    left_to_right = None
    if causal is not None:
        room = arguments.canvases * (diffusion.canvas_length if diffusion else arguments.length)
        left_to_right = CausalModel(causal, tokenizer, room)
    return diffusion, left_to_right


def cases_of(
    diffusion: DiffusionModel | None, causal: CausalModel | None, ways: Sequence[str]
) -> list[tuple[Case, Any]]:
    """Each way with the vocabulary that its constraints are compiled for."""
    found: list[tuple[str, Case, Any]] = []
    if diffusion is not None:
        vocabulary = diffusion.vocabulary
        for constrained in (False, True):
            case = Case("own loop", diffusion.own_loop, constrained)
            found.append(("own", case, vocabulary))
        case = Case("stock loop", diffusion.stock_loop, True)
        found.append(("stock", case, vocabulary))
    if causal is not None:
        for constrained in (False, True):
            case = Case("left to right", causal.greedy, constrained)
            found.append(("causal", case, causal.vocabulary))
    return [(case, vocabulary) for kind, case, vocabulary in found if kind in ways]


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--diffusion", metavar="PATH", help="a DiffusionGemma checkpoint")
    options.add_argument("--causal", metavar="PATH", help="a causal checkpoint")
    options.add_argument("--random", action="store_true", help="small random ones of both")
    options.add_argument("--device", default="cpu", help="where the models are (cpu)")
    options.add_argument("--tasks", type=Path, metavar="F", help="lines of JSON")
    options.add_argument("--limit", type=int, default=200, help="tasks that compile (200)")
    options.add_argument("--seconds", type=float, default=3600, help="budget of time (3600)")
    options.add_argument("--steps", type=int, help="denoising steps (the checkpoint's)")
    options.add_argument("--canvases", type=int, default=1, help="canvases of a text (1)")
    options.add_argument(
        "--length", type=int, default=256, help="of one, without a diffusion model"
    )
    options.add_argument("--ways", nargs="+", default=["own", "stock", "causal"])
    options.add_argument("--constrained-only", action="store_true", help="leave out the free ways")
    arguments = options.parse_args()
    if not (arguments.random or arguments.diffusion or arguments.causal):
        options.error("give --diffusion, --causal or --random")
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    report = Report("Diffusion and left-to-right models under one constraint")
    report.settings(**{name: str(value) for name, value in vars(arguments).items()})

    diffusion, causal = models_of(arguments)
    length = diffusion.canvas_length if diffusion else arguments.length
    cases = cases_of(diffusion, causal, arguments.ways)
    if arguments.constrained_only:
        cases = [pair for pair in cases if pair[0].constrained]
    if not cases:
        sys.exit("no way to generate is left")
    vocabularies = {vocabulary.fingerprint: vocabulary for _, vocabulary in cases}
    refused: Counter[str] = Counter()
    deadline = time.monotonic() + arguments.seconds
    done = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("tasks", total=arguments.limit)
        for task in tasks_of(arguments.tasks):
            if done >= arguments.limit or time.monotonic() > deadline:
                break
            try:
                compiled = {
                    key: cd.compile(
                        cd.JsonSchema(task.schema),
                        vocabulary,
                        length=length,
                        canvases=arguments.canvases,
                    )
                    for key, vocabulary in vocabularies.items()
                }
            except cd.ConstrainedDiffusionError as error:
                refused[type(error).__name__] += 1
                continue
            judge = Judge(task.schema)
            for case, vocabulary in cases:
                case.run(task, compiled[vocabulary.fingerprint], judge)
            done += 1
            progress.advance(bar)
    report.table(
        "outputs", [case.row() for case, _ in cases], ratios={"share": ("valid", "outputs")}
    )
    report.table(
        "tasks that do not compile",
        [{"because": reason, "tasks": count} for reason, count in refused.most_common()],
    )
    for failure in (line for case, _ in cases for line in case.failures):
        report.note(failure)
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
