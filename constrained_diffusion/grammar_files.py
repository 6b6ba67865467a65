"""Where the bundled Lark grammars lie, and with which settings each is read."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple


class GrammarSettings(NamedTuple):
    """How a bundled grammar is to be read: the options of `LarkGrammar` of these names."""

    start: str = "start"
    parser: str = "lalr"
    lexer: str = "auto"
    postlex: str | None = None


SETTINGS = MappingProxyType(
    {
        "graphql": GrammarSettings(lexer="basic"),
        "python": GrammarSettings("file_input", lexer="basic", postlex="python"),
        "sql": GrammarSettings(lexer="basic"),
    }
)
"""Of the bundled grammars for which the defaults will not do."""


def grammar_folder() -> Path:
    """The folder of the bundled `*.lark` files, for Lark's `import_paths`."""
    installed = Path(__file__).parent / "grammars"
    # A source checkout keeps them at the top level; a wheel carries them inside the package.
    return installed if installed.is_dir() else Path(__file__).parent.parent / "grammars"


def bundled_grammars() -> list[str]:
    """The names of the bundled grammars, in alphabetical order."""
    return sorted(path.stem for path in grammar_folder().glob("*.lark"))


def settings_of(name: str) -> GrammarSettings:
    """How the bundled grammar of this name is to be read."""
    return SETTINGS.get(name, GrammarSettings())
