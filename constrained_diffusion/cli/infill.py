"""`constrained-diffusion infill`: a text for the hole in a file, on standard output or in place."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConstrainedDiffusionError
from .constraint import (
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
)
from .files import emit
from .model import (
    DeviceOption,
    DownloadOption,
    DtypeOption,
    ModelOption,
    ModelOptions,
    QuantizationOption,
    RemoteCodeOption,
)
from .source import Source, standard_inputs

if TYPE_CHECKING:
    from ..constraints import Constraint
    from ..sampling import Result, Step
    from ..viewing import Recorder

_ANY_TEXT = "none"
_LANGUAGES = {".py": "python", ".pyi": "python", ".json": "json", ".sql": "sql"}
"""By the ending of --file."""


def infill(
    prefix_file: Annotated[
        str | None,
        typer.Argument(
            metavar="PREFIX_FILE", help='The text before the hole; "-": standard input.'
        ),
    ] = None,
    suffix_file: Annotated[
        str | None, typer.Argument(metavar="SUFFIX_FILE", help="The text after the hole.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help='The file with the hole; "-": standard input.'),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="LINE:COL[-LINE:COL]",
            help="Where the hole is in --file, from 1; what lies in a range is replaced.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="NAME",
            help="The bundled grammar of the whole text, or none. Default: by the ending of "
            "--file, else python.",
        ),
    ] = None,
    schema: SchemaOption = None,
    lark: LarkOption = None,
    regex: RegexOption = None,
    start: StartOption = None,
    parser: ParserOption = None,
    lexer: LexerOption = None,
    indenter: IndenterOption = None,
    max_depth: DepthOption = None,
    model: ModelOption = "code",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    quantization: QuantizationOption = None,
    trust_remote_code: RemoteCodeOption = False,
    download: DownloadOption = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Same seed, same output.")] = None,
    candidates: Annotated[
        int, typer.Option("-n", "--candidates", help="How many candidates to draw.")
    ] = 1,
    steps: Annotated[
        int | None, typer.Option("--steps", help="The most denoising steps per candidate.")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the best candidate into --file.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the hole converge, on standard error.")
    ] = False,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with all steps to FILE."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all candidates as a JSON record.")
    ] = False,
) -> int:
    """Fill the hole between two texts, such that the whole is in the language.

    Prints the text of the hole alone, the best candidate by log evidence: as it is, with a line
    break after it only on a terminal. With --in-place nothing is printed but the record of --json.
    """
    grammar = GrammarOptions(start, parser, lexer, indenter, max_depth)
    options = ConstraintOptions(schema, lark, regex, (), None, grammar)
    if standard_inputs(prefix_file, suffix_file, file, schema, lark) > 1:
        raise ConstrainedDiffusionError('"-" (standard input) can be read only once')
    if in_place and (file is None or standard_inputs(file)):
        raise ConstrainedDiffusionError("--in-place edits a file: name it by --file")
    if html is not None and not Path(html).absolute().parent.is_dir():
        raise ConstrainedDiffusionError(f"--html {html}: there is no such folder")
    source = _source(prefix_file, suffix_file, file, at)
    whole = _whole(language, options, file)
    seed = random.randrange(2**31) if seed is None else seed

    from ..sampling.infill import candidate_sampler
    from ..sampling.infill import infill as run

    denoiser = ModelOptions(model, device, dtype, quantization, trust_remote_code, download).load()
    views = _Views(watch)
    started = time.perf_counter()
    with views:
        ranked = run(
            denoiser,
            source.prefix,
            source.suffix,
            language=whole,
            n=candidates,
            sampler=candidate_sampler(denoiser, candidates, steps=steps),
            seed=seed,
            on_step=views if watch or html is not None else None,
        )
    seconds = time.perf_counter() - started
    if html is not None:
        page = views.page(ranked[0], source)
        Path(html).write_text(page, encoding="utf-8")
    if in_place:
        source.write(ranked[0].text)
    if as_json:
        emit(_record(ranked, seed, seconds))
    elif not in_place:
        _print(ranked[0].text)
    return 0


def _source(prefix: str | None, suffix: str | None, file: str | None, at: str | None) -> Source:
    if file is not None:
        if prefix is not None:
            raise ConstrainedDiffusionError(
                "give PREFIX_FILE and SUFFIX_FILE, or --file and --at, not both"
            )
        if at is None:
            raise ConstrainedDiffusionError("--file needs --at LINE:COL, where the hole is")
        return Source.of_file(file, at)
    if at is not None:
        raise ConstrainedDiffusionError("--at is a place in --file")
    if prefix is None or suffix is None:
        raise ConstrainedDiffusionError(
            "give PREFIX_FILE and SUFFIX_FILE (the text before and after the hole), or --file "
            "and --at"
        )
    return Source.of_two_files(prefix, suffix)


def _whole(
    language: str | None, options: ConstraintOptions, file: str | None
) -> str | Constraint | None:
    """The language of the whole text, as `infill` takes it."""
    stated = any((options.schema, options.lark, options.regex is not None))
    if language is not None and (stated or options.grammar.given()):
        raise ConstrainedDiffusionError(
            "--language names a bundled grammar with its settings: it goes with none of --lark, "
            "--schema, --regex and the options of --lark"
        )
    if stated or options.grammar.given():
        return options.build()
    if language is None and file is not None and not standard_inputs(file):
        ending = Path(file).suffix
        if ending not in _LANGUAGES:
            raise ConstrainedDiffusionError(
                f"{file}: name the language of this file by --language (none: any text), --lark, "
                "--schema or --regex"
            )
        return _LANGUAGES[ending]
    return None if language == _ANY_TEXT else language or "python"


class _Views:
    """Shows and records the steps of the candidates, one after the other."""

    def __init__(self, watch: bool) -> None:
        self._live = contextlib.ExitStack()
        self._watch = watch
        self._recorders: list[Recorder] = []

    def __enter__(self) -> _Views:
        if self._watch:
            from ..viewing import LiveView

            self._view = self._live.enter_context(LiveView())
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.close()

    def __call__(self, step: Step) -> None:
        from ..viewing import Recorder

        if step.index == 0:
            self._recorders.append(Recorder())
        self._recorders[-1](step)
        if self._watch:
            self._view(step)

    def page(self, result: Result, source: Source) -> str:
        from ..viewing.file_page import render_file_page

        recorder = next(
            one
            for one in self._recorders
            if (one.frames[-1].text, one.frames[-1].log_evidence)
            == (result.text, result.log_evidence)
        )
        return render_file_page(
            recorder, result, prefix=source.prefix, suffix=source.suffix, title=source.name or ""
        )


def _print(text: str) -> None:
    """The text as it is; on a terminal with a line break, so that the prompt stands by itself."""
    sys.stdout.flush()
    end = b"\n" if sys.stdout.isatty() else b""
    sys.stdout.buffer.write(text.encode() + end)
    sys.stdout.buffer.flush()


def _record(ranked: list[Result], seed: int, seconds: float) -> str:
    return json.dumps(
        {
            "candidates": [
                {
                    "text": result.text,
                    "log_evidence": result.log_evidence,
                    "steps": result.steps,
                    "finish_reason": result.finish_reason,
                }
                for result in ranked
            ],
            "seed": seed,
            "seconds": round(seconds, 3),
        },
        ensure_ascii=False,
    )
