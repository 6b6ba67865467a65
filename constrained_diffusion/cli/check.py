"""`constrained-diffusion check`: does the text of each file satisfy the constraint?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

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
from .files import STANDARD, emit, read_bytes, warn

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint
    from ..vocabulary import Vocabulary

_LENGTH = 1 << 20
"""Bytes of a canvas that nothing is generated on: only needs to hold the shortest text."""


def check(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help='Texts to check; "-": standard input.')
    ],
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
) -> int:
    """Tell of each file whether its text satisfies the constraint, or where it fails.

    The exit status is 1 if any is refused. One newline at the end of a file is no part of its
    text unless the constraint asks for it. Where a text is refused, everything by which the
    compiled constraint is narrower than stated is noted on standard error.
    """
    grammar = GrammarOptions(start, parser, lexer, indenter, max_depth)
    options = ConstraintOptions(schema, lark, regex, tuple(choice or ()), template, grammar)
    if files.count(STANDARD) + options.uses_standard_input() > 1:
        raise ConstrainedDiffusionError('"-" (standard input) can be read only once')
    from ..constraints import compile

    compiled = compile(options.build(), byte_vocabulary(), length=_LENGTH)
    status, refused = 0, False
    for name in files:
        try:
            data = read_bytes(name)
        except OSError as error:
            warn(f"error: {name}: {error.strerror}")
            status = 2
            continue
        verdict = _verdict(compiled, name, data)
        emit(verdict or f"{name}: accepted")
        if verdict is not None:
            status = max(status, 1)
            refused = True
    if refused:
        for bound in compiled.bounds:
            warn(f"note: narrower than stated: {bound}")
    return status


def byte_vocabulary() -> Vocabulary:
    """A token per byte, and an end token."""
    from ..vocabulary import Vocabulary

    return Vocabulary([*(bytes([byte]) for byte in range(256)), None], end_ids=[256])


def _verdict(compiled: CompiledConstraint, name: str, data: bytes) -> str | None:
    """None where the text is accepted, else `FILE:LINE:COLUMN: …`, and lines that show the place
    where the constraint gives them."""
    if compiled.accepts(data):
        return None
    reason = compiled.explain(re.sub(rb"\r?\n\Z", b"", data))
    if reason is None:
        return None
    first, *shown = reason.split("\n")
    place = re.match(r"line (\d+), column (\d+): ", first)
    if place is None:
        return f"{name}: {' '.join(reason.split())}"
    return "\n".join([f"{name}:{place[1]}:{place[2]}: {first[place.end() :]}", *shown])
