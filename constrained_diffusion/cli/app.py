"""The typer application: one module per command."""

from __future__ import annotations

import typer

from .check import check
from .compile import compile_command
from .generate import generate
from .infill import infill
from .sudoku import sudoku

app = typer.Typer(
    help="Text diffusion under exact constraints: JSON Schema, Lark grammars, regular "
    "expressions, choices, templates, puzzles.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("generate")(generate)
app.command("check")(check)
app.command("compile")(compile_command)
app.command("infill")(infill)
app.command("sudoku")(sudoku)
