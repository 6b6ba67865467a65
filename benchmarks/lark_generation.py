"""Generation under Lark grammars: random logits, and a denoiser that is wrong here and there.

262,083 tokens, canvases of 256 positions, both samplers. The denoiser knows the tokens of a sample
and takes 10 or 30 per cent of them for others, either afresh for each canvas it sees, or the same
ones in the same way at every step. Each output is parsed by Lark.

Times are processor times of the posterior of a step, in milliseconds: the candidates out of logits
[L, V] (`candidates`), then the search; of the first step of each canvas (`first`, with no canvas
known before) and of all others (`warm`). For grammars that became an automaton the posterior and
its mode are timed, as `search`.
Accuracy is the share of a sample's tokens (with its end) that are right in the first step: of the
most probable tokens by themselves (`argmax`) and of the posterior's mode (`witness`), and of the
output. AUC says how well right tokens of the witness are told from wrong ones by the model's
probability (`raw`) and by the posterior's marginal (`marginal`).
"""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from _lark_grammars import LarkFile, lark_accepts, lark_files
from _lark_noise import ConfusionSource, NoisyDenoiser
from _lark_texts import RandomTexts
from _report import Report, data_file, parser
from _vocabulary import large_vocabulary

import constrained_diffusion as cd
from constrained_diffusion.models.random import RandomDenoiser

LENGTH = 256
LEVELS = (0.1, 0.3)
WINDOWS = (30, 22, 16, 10, 6)


@dataclass
class Times:
    """Milliseconds of one posterior (processor time, for the machine may be shared)."""

    is_first: bool
    candidates: float = 0.0
    rest: float = 0.0

    @property
    def whole(self) -> float:
        return self.candidates + self.rest


@dataclass
class Outcome:
    """What a grammar's generations came to."""

    outputs: int = 0
    accepted: int = 0
    errors: list[str] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)


@dataclass
class Quality:
    """Of one kind of denoiser: counts of right tokens, and (raw, marginal, right) of each."""

    tokens: int = 0
    argmax: int = 0
    witness: int = 0
    output: int = 0
    confidence: list[tuple[float, float, bool]] = field(default_factory=list)


def vocabulary_with_mask() -> cd.Vocabulary:
    """262,080 byte strings, an end, a padding and a mask token."""
    tokens = [*large_vocabulary().tokens, None]
    count = len(tokens)
    return cd.Vocabulary(tokens, end_ids=[count - 3], pad_id=count - 2, mask_id=count - 1)


def sample_canvases(
    file: LarkFile, loaded: Any, vocabulary: cd.Vocabulary, count: int
) -> list[list[int]]:
    """Canvases of accepted texts, the longest that fit first; windows of texts that are longer."""
    texts = [text for text, verdict, _ in file.judged() if verdict]
    if not texts:
        maker = RandomTexts(loaded, file.start, seed=2)
        made = [file.ended(maker.text(12)) for _ in range(40)]
        texts = [text for text in made if len(text) < 600 and lark_accepts(loaded, text)]
    found: list[list[int]] = []
    for text in sorted(texts, key=len):
        if len(text) > 12 * LENGTH:
            text = window(text, loaded)
        if text and text.isprintable() | ("\n" in text):
            tokens = vocabulary.encode(text)
            if 4 <= len(tokens) < LENGTH:
                found.append(tokens)
    found.sort(key=len, reverse=True)
    # Not the longest alone: every third of the longer half.
    chosen = found[: 3 * count : 3] if len(found) >= 3 * count else found[:count]
    end, padding = vocabulary.end_ids[0], vocabulary.padding_ids[0]
    return [[*tokens, end, *[padding] * (LENGTH - len(tokens) - 1)] for tokens in chosen]


def window(text: str, loaded: Any) -> str:
    """Some lines of a text that are accepted by themselves, or with its first line; else ""."""
    lines = text.split("\n")
    for begin in range(0, min(len(lines), 80), 8):
        for size in WINDOWS:
            body = "\n".join(lines[begin : begin + size]) + "\n"
            for candidate in (body, lines[0] + "\n" + body):
                if 40 < len(candidate) < 3 * LENGTH and lark_accepts(loaded, candidate):
                    return candidate
    return ""


class Timer:
    """Notes the time of each posterior of one generation."""

    def __init__(self, outcome: Outcome) -> None:
        self._times = outcome.times
        self._before = 0.0
        self._is_first = True

    def begin(self, taken: float) -> None:
        self._times.append(Times(self._is_first, taken, self._before))
        self._before, self._is_first = 0.0, False

    def begin_with_rest(self, taken: float) -> None:
        self.begin(0.0)
        self.add(taken)

    def add(self, taken: float) -> None:
        self._times[-1].rest += taken

    def add_before(self, taken: float) -> None:
        """What comes before the candidates: a canvas to begin with."""
        self._before += taken


def noted(function: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    """The function, with its milliseconds given to `note`."""

    def run(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        result = function(*arguments, **options)
        note(1000 * (time.process_time() - started))
        return result

    return run


@contextmanager
def timed(compiled: Any, outcome: Outcome) -> Iterator[None]:
    """Replaces what makes a posterior by versions that note their times."""
    timer = Timer(outcome)
    if hasattr(compiled, "searcher"):
        # Generation copies the compiled grammar; these two objects it keeps.
        searcher, completer = compiled.searcher, compiled.completer
        wrapped = (
            (completer, "canvas", timer.add_before),
            (searcher, "lattice", timer.begin),
            (searcher, "search", timer.add),
        )
    else:

        def posterior_and_mode(*arguments: Any, **options: Any) -> Any:
            posterior = type(compiled).posterior(compiled, *arguments, **options)
            posterior.mode()
            return posterior

        compiled.posterior = posterior_and_mode
        wrapped = ((compiled, "posterior", timer.begin_with_rest),)
    for owner, name, note in wrapped:
        setattr(owner, name, noted(getattr(owner, name), note))
    try:
        yield
    finally:
        for owner, name, _ in wrapped:
            delattr(owner, name)


def generate(
    compiled: Any,
    loaded: Any,
    denoiser: Any,
    sampler: Any,
    outcome: Outcome,
    on_step: Callable[[cd.Step], None] | None = None,
) -> cd.Result | None:
    """One text, checked by Lark; None where something failed, which is noted."""
    outcome.outputs += 1
    try:
        with timed(compiled, outcome):
            result = cd.generate(
                denoiser, "", compiled, sampler=sampler, seed=outcome.outputs, on_step=on_step
            )
    except Exception as error:  # whatever it is, it is a finding to be counted
        place = traceback.extract_tb(error.__traceback__)[-1]
        outcome.errors.append(f"{type(error).__name__} in {place.name}: {str(error)[:200]}")
        return None
    if lark_accepts(loaded, result.text):
        outcome.accepted += 1
    else:
        outcome.errors.append(f"Lark refuses {result.text[:200]!r}")
    return result


def note_first_step(denoiser: NoisyDenoiser, tokens: list[int], quality: Quality) -> Any:
    """A callback that compares the first step with the truth."""
    real = tokens.index(denoiser.vocabulary.end_ids[0]) + 1
    true = torch.tensor(tokens[:real])

    def look(step: cd.Step) -> None:
        if step.index > 0:
            return
        logits = denoiser.last
        assert logits is not None
        mode = step.posterior.mode()[:real]
        places = torch.arange(real)
        raw = logits[places, mode] - logits[:real].logsumexp(-1)
        marginal = step.posterior.marginals()[places, mode]
        right = mode == true
        quality.tokens += real
        quality.argmax += int((logits[:real].argmax(-1) == true).sum())
        quality.witness += int(right.sum())
        quality.confidence += zip(
            raw.tolist(), marginal.double().tolist(), right.tolist(), strict=True
        )

    return look


def area_under_curve(pairs: list[tuple[float, bool]]) -> float | None:
    """The probability that a right one has the higher score, ties counting half."""
    right = sorted(score for score, is_right in pairs if is_right)
    wrong = sorted(score for score, is_right in pairs if not is_right)
    if not right or not wrong:
        return None
    scores, wrong_scores = torch.tensor(right).double(), torch.tensor(wrong).double()
    below = torch.searchsorted(wrong_scores, scores, side="left")
    up_to = torch.searchsorted(wrong_scores, scores, side="right")
    return float((below + up_to).sum()) / 2 / len(right) / len(wrong)


def spread(values: list[float]) -> tuple[float | None, float | None]:
    """Median and 95th percentile."""
    if not values:
        return None, None
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def samplers(steps: int) -> dict[str, Any]:
    return {"uniform": cd.UniformSampler(steps=steps), "masked": cd.MaskedSampler(steps=steps)}


def run_grammar(
    file: LarkFile,
    vocabulary: cd.Vocabulary,
    confusion: ConfusionSource,
    arguments: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Rows of the two tables, and what went wrong."""
    loaded = file.load()
    started = time.perf_counter()
    compiled = cd.compile(file.constraint(), vocabulary, length=LENGTH)
    build = time.perf_counter() - started
    kinds = samplers(arguments.steps)
    random_logits, noisy_text, rows = Outcome(), Outcome(), []
    # Machine code that is not cached yet is compiled in an untimed generation.
    warm_up = RandomDenoiser(vocabulary, LENGTH, noise="masked", seed=99)
    generate(compiled, loaded, warm_up, samplers(1)["masked"], Outcome())
    for name, sampler in kinds.items():
        for seed in range(arguments.canvases):
            noise = "uniform" if name == "uniform" else "masked"
            denoiser = RandomDenoiser(vocabulary, LENGTH, noise=noise, seed=seed)
            generate(compiled, loaded, denoiser, sampler, random_logits)
    canvases = sample_canvases(file, loaded, vocabulary, arguments.canvases)
    for wrong in LEVELS:
        for persistent in (False, True):
            quality = Quality()
            for name, sampler in kinds.items():
                for seed, tokens in enumerate(canvases):
                    noisy = NoisyDenoiser(
                        confusion,
                        tokens,
                        wrong=wrong,
                        persistent=persistent,
                        noise="uniform" if name == "uniform" else "masked",
                        seed=seed,
                    )
                    look = note_first_step(noisy, tokens, quality)
                    result = generate(compiled, loaded, noisy, sampler, noisy_text, look)
                    if result is not None:
                        real = tokens.index(vocabulary.end_ids[0]) + 1
                        made = result.tokens[:real]
                        quality.output += sum(
                            x == y for x, y in zip(made, tokens[:real], strict=True)
                        )
            if quality.tokens:
                rows.append(
                    {
                        "grammar": file.name,
                        "wrong": f"{wrong:.0%} {'persistent' if persistent else 'afresh'}",
                        "tokens": quality.tokens,
                        "argmax": quality.argmax / quality.tokens,
                        "witness": quality.witness / quality.tokens,
                        "output": quality.output / quality.tokens,
                        "AUC raw": area_under_curve([(r, ok) for r, _, ok in quality.confidence]),
                        "AUC marginal": area_under_curve(
                            [(m, ok) for _, m, ok in quality.confidence]
                        ),
                    }
                )
    about = {
        "grammar": file.name,
        "engine": str(compiled.stats["engine"]).split()[-1],
        "compile s": build,
    }
    both = [
        about | {"denoiser": "random"} | summary(random_logits),
        about | {"denoiser": "noisy"} | summary(noisy_text),
    ]
    return both, rows, random_logits.errors + noisy_text.errors


def summary(outcome: Outcome) -> dict[str, Any]:
    """Counts and milliseconds."""
    first = spread([t.whole for t in outcome.times if t.is_first])
    warm = spread([t.whole for t in outcome.times if not t.is_first])
    candidates = spread([t.candidates for t in outcome.times if not t.is_first])
    search = spread([t.rest for t in outcome.times if not t.is_first])
    return {
        "outputs": outcome.outputs,
        "accepted": outcome.accepted,
        "steps": len(outcome.times),
        "first": first[0],
        "first p95": first[1],
        "warm": warm[0],
        "warm p95": warm[1],
        "candidates": candidates[0],
        "search": search[0],
        "search p95": search[1],
        "slowest": max((t.whole for t in outcome.times), default=None),
    }


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--grammars", nargs="*", metavar="NAME", help="only these")
    options.add_argument("--canvases", type=int, default=2, help="for each case (2)")
    options.add_argument("--steps", type=int, default=8, help="of a sampler (8)")
    arguments = options.parse_args()
    data_file("lark-grammars")
    report = Report("Generation under Lark grammars")
    report.settings(positions=LENGTH, steps=arguments.steps, threads=torch.get_num_threads())
    vocabulary = vocabulary_with_mask()
    confusion = ConfusionSource(vocabulary)
    rows, quality_rows = [], []
    for file in lark_files():
        if arguments.grammars and file.name not in arguments.grammars:
            continue
        try:
            both, more, errors = run_grammar(file, vocabulary, confusion, arguments)
        except cd.ConstrainedDiffusionError as error:
            report.note(f"{file.name} does not compile: {error}")
            continue
        rows += both
        quality_rows += more
        report.table(f"{file.name}: milliseconds of a posterior", both)
        report.table(f"{file.name}: quality", more)
        for text in dict.fromkeys(errors):
            report.note(f"{file.name}: {text}")
    report.table("milliseconds of a posterior", rows)
    report.table("quality", quality_rows)
    outputs, accepted = (sum(row[name] for row in rows) for name in ("outputs", "accepted"))
    report.note(f"{accepted} of {outputs} outputs are accepted by Lark")
    report.finish(arguments.json)


if __name__ == "__main__":
    main()
