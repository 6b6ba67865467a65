"""`constrained-diffusion compile`: what a constraint is compiled to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CanvasTooSmallError, ConstrainedDiffusionError
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
from .files import emit

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint
    from ..vocabulary import Vocabulary

_LENGTH = 256


def compile_command(
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
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer",
            metavar="FILE",
            help="tokenizer.json or its folder; default: the bundled denoiser's.",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Compile anew, and leave nothing in the cache.")
    ] = False,
) -> int:
    """Show what the constraint is compiled to: states, classes, seconds, shortest text, bounds."""
    if values and not choice:
        raise ConstrainedDiffusionError(f"unexpected argument {values[0]!r}")
    grammar = GrammarOptions(start, parser, lexer, indenter, max_depth)
    options = ConstraintOptions(
        schema, lark, regex, (*(choice or ()), *(values or ())), template, grammar
    )
    constraint = options.build()
    vocabulary, length = _vocabulary(tokenizer)
    cache = False if no_cache else None
    emit(_report(_compile_to_fit(constraint, vocabulary, length, cache)))
    return 0


def _vocabulary(tokenizer: str | None) -> tuple[Vocabulary, int]:
    """The vocabulary, and the canvas length to compile for."""
    if tokenizer is None:
        from ..models import load

        denoiser = load("text", device="cpu")
        return denoiser.vocabulary, denoiser.canvas_length
    from ..vocabulary import Vocabulary

    return Vocabulary.from_tokenizer(tokenizer), _LENGTH


def _compile_to_fit(
    constraint: Any, vocabulary: Vocabulary, length: int, cache: bool | None
) -> CompiledConstraint:
    """Compiled for as many canvases as the shortest text needs: this command only reports."""
    from ..constraints import compile

    try:
        return compile(constraint, vocabulary, length=length, cache=cache)
    except CanvasTooSmallError as error:
        canvases = -(-error.needed // length)
        return compile(constraint, vocabulary, length=length, canvases=canvases, cache=cache)


def _report(compiled: CompiledConstraint) -> str:
    lines = [
        ("vocabulary", f"{len(compiled.vocabulary):,} tokens"),
        ("canvas", f"{compiled.canvases} of {compiled.length} positions"),
    ]
    for name, value in compiled.stats.items():
        if isinstance(value, float):
            shown = f"{value:.3f}"
        else:
            shown = f"{value:,}" if isinstance(value, int) else str(value)
        lines.append((name.replace("_", " "), shown))
    shortest = compiled.shortest().decode("utf-8", errors="replace")
    lines.append(("shortest", f"{compiled.min_tokens} tokens: {shortest}"))
    lines += [("narrowed", bound) for bound in compiled.bounds] or [("bounds", "none: exact")]
    return "\n".join(f"{name + ':':<13}{value}" for name, value in lines)
