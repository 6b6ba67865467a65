"""`constrained-diffusion generate`: a text that satisfies the constraint, on standard output."""

from __future__ import annotations

import contextlib
import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConstrainedDiffusionError
from .constraint import (
    ChoiceOption,
    ConstraintOptions,
    DepthOption,
    GrammarOptions,
    IndenterOption,
    LarkOption,
    LexerOption,
    ParserOption,
    RegexOption,
    SchemaOption,
    StartOption,
    TemplateOption,
)
from .files import STANDARD, emit, read_text
from .model import (
    DeviceOption,
    DownloadOption,
    DtypeOption,
    ModelOption,
    ModelOptions,
    QuantizationOption,
    RemoteCodeOption,
)

if TYPE_CHECKING:
    from ..models import Denoiser
    from ..sampling import Result, Step
    from ..sampling.problem import Sampler


def generate(
    values: Annotated[
        list[str] | None, typer.Argument(metavar="VALUE", help="More values of --choice.")
    ] = None,
    schema: SchemaOption = None,
    lark: LarkOption = None,
    regex: RegexOption = None,
    choice: ChoiceOption = None,
    template: TemplateOption = None,
    start: StartOption = None,
    parser: ParserOption = None,
    lexer: LexerOption = None,
    indenter: IndenterOption = None,
    max_depth: DepthOption = None,
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="The prompt; @FILE reads it from FILE.")
    ] = "",
    model: ModelOption = "text",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    quantization: QuantizationOption = None,
    trust_remote_code: RemoteCodeOption = False,
    download: DownloadOption = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Same seed, same output.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="The most denoising steps per canvas.")
    ] = None,
    canvases: Annotated[
        int, typer.Option("--canvases", help="How many canvases the text may take.")
    ] = 1,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the canvas converge, on standard error.")
    ] = False,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with all steps to FILE."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON record instead of the text alone.")
    ] = False,
) -> int:
    """Generate a text that satisfies the constraint."""
    if values and not choice:
        raise ConstrainedDiffusionError(f"unexpected argument {values[0]!r}")
    grammar = GrammarOptions(start, parser, lexer, indenter, max_depth)
    options = ConstraintOptions(
        schema, lark, regex, (*(choice or ()), *(values or ())), template, grammar
    )
    if prompt == f"@{STANDARD}" and options.uses_standard_input():
        raise ConstrainedDiffusionError("standard input cannot be both prompt and constraint")
    constraint = options.build()
    prompt = read_text(prompt[1:]) if prompt.startswith("@") else prompt
    if html is not None and not Path(html).absolute().parent.is_dir():
        raise ConstrainedDiffusionError(f"--html {html}: there is no such folder")
    seed = random.randrange(2**31) if seed is None else seed

    from ..constraints import compile
    from ..sampling import preferred_sampler

    denoiser = ModelOptions(model, device, dtype, quantization, trust_remote_code, download).load()
    sampler = preferred_sampler(denoiser, steps)
    started = time.perf_counter()
    compiled = compile(
        constraint, denoiser.vocabulary, length=denoiser.canvas_length, canvases=canvases
    )
    result = _run(denoiser, prompt, compiled, sampler, seed, watch, html)
    seconds = time.perf_counter() - started
    engine = str(compiled.stats["engine"])
    emit(_record(result, engine, seed, seconds) if as_json else result.text)
    return 0


def _run(
    denoiser: Denoiser,
    prompt: str,
    compiled: Any,
    sampler: Sampler,
    seed: int,
    watch: bool,
    html: str | None,
) -> Result:
    """Generates, with the views that were asked for."""
    from ..sampling import generate as run
    from ..viewing import LiveView, Recorder, render_page

    recorder = Recorder()
    view = LiveView(canvases=compiled.canvases) if watch else None

    def on_step(step: Step) -> None:
        if view is not None:
            view(step)
        if html is not None:
            recorder(step)

    with view or contextlib.nullcontext():
        result = run(denoiser, prompt, compiled, sampler=sampler, seed=seed, on_step=on_step)
    if html is not None:
        Path(html).write_text(render_page(recorder, result, prompt=prompt), encoding="utf-8")
    return result


def _record(result: Result, engine: str, seed: int, seconds: float) -> str:
    return json.dumps(
        {
            "text": result.text,
            "value": result.value,
            "holes": result.holes,
            "tokens": len(result.tokens),
            "steps": result.steps,
            "log_evidence": result.log_evidence,
            "finish_reason": result.finish_reason,
            "engine": engine,
            "seed": seed,
            "seconds": round(seconds, 3),
        },
        ensure_ascii=False,
        default=_tree,
    )


def _tree(value: Any) -> Any:
    """A node of Lark's tree as JSON; its leaves are texts."""
    if hasattr(value, "children"):
        return {"rule": str(value.data), "children": value.children}
    return str(value)
