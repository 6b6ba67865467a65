"""Real grammars with texts that Lark has judged; the folder may be absent."""

from __future__ import annotations

import gzip
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import lark
from lark.indenter import PythonIndenter

from constrained_diffusion.pushdown.reading import (
    GrammarReading,
    TokenTransducer,
    Transition,
    read,
)

FOLDER = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "lark-grammars"

NEWLINE = "NL_OR_COMMENT"
MERGED = (
    "DOUBLE_EQ", "NEQ", "LT", "GT", "LEQ", "GEQ", "ASTERISK", "SLASH", "PERCENT", "DOUBLE_AMP",
    "DOUBLE_PIPE", "PLUS", "QMARK",
)  # fmt: skip

HCL = TokenTransducer(
    "plain",
    (
        Transition("plain", NEWLINE, (), "held"),
        Transition("held", NEWLINE, (NEWLINE,), "held"),
        Transition("held", None, (NEWLINE, None), "plain"),
        *(Transition("held", name, (name,), "plain") for name in MERGED),
    ),
    (("held", (NEWLINE,)),),
)
"""A newline is merged into an operator that follows it (python-hcl2's post-lexer)."""

NEVER_MADE = ("UNQUOTED_STRING_VALUE",)
"""Declared in mapfile.lark for an interactive parser."""


def names(*, judged: bool) -> list[str]:
    """The grammars, or those of them that have samples."""
    if not FOLDER.is_dir():
        return []
    return sorted(
        name
        for name in os.listdir(FOLDER)
        if not judged or (FOLDER / name / "samples.jsonl.gz").exists()
    )


def meta(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name / "meta.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=2)
def load(name: str) -> lark.Lark:
    about = meta(name)
    postlex = {None: None, "python_indenter": PythonIndenter(), "hcl2": HCL}[about["postlex"]]
    return lark.Lark.open(
        str(FOLDER / name / about["main"]),
        start=about["start"],
        parser=about["parser"],
        lexer=about["lexer"],
        postlex=postlex,
        **about["opts"],
    )


@lru_cache(maxsize=2)
def reading(name: str) -> GrammarReading:
    return read(load(name), never=NEVER_MADE)


def texts(name: str) -> list[tuple[str, bool]]:
    """Samples and mutants, and whether Lark accepts them (with the suffix, as they were judged)."""
    suffix = meta(name)["suffix"]
    result = []
    for file in ("samples.jsonl.gz", "mutants.jsonl.gz"):
        path = FOLDER / name / file
        if path.exists():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    text = row["text"] if row["text"].endswith(suffix) else row["text"] + suffix
                    result.append((text, row["lark"] in (True, "accept")))
    return result


def lark_accepts(grammar: lark.Lark, text: str) -> bool:
    """Whether Lark recognises the text. (An Indenter fails with errors of several kinds.)"""
    try:
        grammar.parse(text)
    except (lark.exceptions.LarkError, AssertionError, IndexError):
        return False
    except RuntimeError as error:
        # Lark's Earley parser recognises the text and then finds two roots of its forest: one that
        # ended earlier, with ignored text up to the end, and one that ends there.
        assert "multiple start symbol items" in str(error)
    return True
