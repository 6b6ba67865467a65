"""The grammars of shared/data/lark-grammars and the bundled ones, with their texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lark
from _report import DATA, ROOT
from lark.indenter import PythonIndenter

from constrained_diffusion.constraints.lark_grammar import LarkGrammar
from constrained_diffusion.grammar_files import bundled_grammars, grammar_folder, settings_of
from constrained_diffusion.pushdown.reading import (
    GrammarReading,
    TokenTransducer,
    Transition,
    read,
)

FOLDER = DATA / "lark-grammars"

_NEWLINE = "NL_OR_COMMENT"
_OPERATORS = (
    "DOUBLE_EQ", "NEQ", "LT", "GT", "LEQ", "GEQ", "ASTERISK", "SLASH", "PERCENT", "DOUBLE_AMP",
    "DOUBLE_PIPE", "PLUS", "QMARK",
)  # fmt: skip

HCL_NEWLINES = TokenTransducer(
    "none",
    (
        Transition("none", _NEWLINE, (), "one"),
        Transition("one", _NEWLINE, (_NEWLINE,), "one"),
        Transition("one", None, (_NEWLINE, None), "none"),
        *(Transition("one", name, (name,), "none") for name in _OPERATORS),
    ),
    (("one", (_NEWLINE,)),),
)
"""hcl2/postlexer.py as a transducer: a line end before a binary operator belongs to it."""

_DECLARED_FOR_OTHERS = ("UNQUOTED_STRING_VALUE",)


@dataclass(frozen=True)
class LarkFile:
    """A grammar and how Lark is to read it.

    Attributes:
        name: of its folder; bundled ones begin with "our ".
        suffix: what was put behind each text before it was judged, unless it ends so.
    """

    name: str
    path: Path
    start: str
    parser: str
    lexer: str
    postlex: str | None
    suffix: str
    options: dict[str, Any]

    @property
    def bundled(self) -> bool:
        return self.name.startswith("our ")

    def postlexer(self) -> Any:
        """What Lark and `LarkGrammar` take as post-lexer."""
        return {
            None: None,
            "python": PythonIndenter(),
            "python_indenter": PythonIndenter(),
            "hcl2": HCL_NEWLINES,
        }[self.postlex]

    def load(self) -> lark.Lark:
        return lark.Lark.open(
            str(self.path),
            start=self.start,
            parser=self.parser,
            lexer=self.lexer,
            postlex=self.postlexer(),
            **self.options,
        )

    def constraint(self) -> LarkGrammar:
        """The grammar as a constraint, without what it declares for users of other kinds."""
        text = self.path.read_text(encoding="utf-8")
        for name in _DECLARED_FOR_OTHERS:
            text = text.replace(f"%declare {name}", "").replace(f" | {name}", "")
        return LarkGrammar(
            text,
            start=self.start,
            parser=self.parser,
            lexer=self.lexer,
            postlex=self.postlexer(),
            source_path=str(self.path),
        )

    def read(self, loaded: lark.Lark) -> GrammarReading:
        return read(loaded, never=_DECLARED_FOR_OTHERS)

    def judged(self) -> list[tuple[str, bool, str]]:
        """Texts, whether Lark accepts them, and their kind: "sample" or "mutant"."""
        return list(self._corpus() if self.bundled else self._samples())

    def _samples(self) -> Iterator[tuple[str, bool, str]]:
        for kind in ("sample", "mutant"):
            path = self.path.parent / f"{kind}s.jsonl.gz"
            if path.exists():
                with gzip.open(path, "rt", encoding="utf-8") as lines:
                    for line in lines:
                        row = json.loads(line)
                        yield self.ended(row["text"]), row["lark"] in (True, "accept"), kind

    def _corpus(self) -> Iterator[tuple[str, bool, str]]:
        folder = ROOT / "tests" / "data" / "grammars" / self.path.stem
        for kind in ("accepted", "refused", "left_out"):
            path = folder / f"{kind}.jsonl"
            if path.exists():
                for line in path.read_text(encoding="utf-8").splitlines():
                    yield json.loads(line), kind == "accepted", "sample"

    def ended(self, text: str) -> str:
        return text if text.endswith(self.suffix) else text + self.suffix


def lark_files(*, bundled: bool = True, data: bool = True) -> list[LarkFile]:
    """All grammars: those of the data, then the bundled ones."""
    found = []
    if data:
        for path in sorted(FOLDER.glob("*/meta.json")):
            about = json.loads(path.read_text(encoding="utf-8"))
            found.append(
                LarkFile(
                    path.parent.name,
                    path.parent / about["main"],
                    about["start"],
                    about["parser"],
                    about["lexer"],
                    about["postlex"],
                    about["suffix"],
                    about["opts"],
                )
            )
    if bundled:
        for name in bundled_grammars():
            path = grammar_folder() / f"{name}.lark"
            found.append(LarkFile(f"our {name}", path, *settings_of(name), "", {}))
    return found


def lark_accepts(loaded: lark.Lark, text: str) -> bool:
    """Whether Lark parses the text; its Indenter fails with errors of other kinds as well."""
    try:
        loaded.parse(text)
    except (lark.exceptions.LarkError, AssertionError, IndexError):
        return False
    return True
