"""Where `%import` finds grammars, and how the same texts are found again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...errors import GrammarError
from ...grammar_files import grammar_folder
from .expansion import check_terminals

MAX_IMPORTS = 200

Imported = tuple[str, str]
"""A file as it was asked for ("common.lark") and its text."""


class Found(NamedTuple):
    """What an import was resolved to.

    base: what Lark says of where the importing grammar lies. asked: the file's name there.
    """

    base: Any
    asked: str
    text: str


class Importer:
    """A loader for Lark's `import_paths` that remembers what it loaded, in order.

    As Lark does, it looks in the import paths, then beside the importing file where the import is
    relative (`%import .names.NAME`), else in Lark's library; last in the bundled grammars.
    """

    def __init__(self, import_paths: Sequence[str]) -> None:
        self.import_paths = import_paths
        self.found: list[Found] = []

    def __call__(self, base: Any, asked: str) -> tuple[Any, str]:
        if len(self.found) >= MAX_IMPORTS:
            raise GrammarError(
                f"more than {MAX_IMPORTS} grammars are imported; do they import each other in a "
                "circle?"
            )
        place, text = self._find(base, asked)
        self.found.append(Found(base, asked, text))
        check_terminals(text)
        return place, text

    @property
    def loaded(self) -> list[Imported]:
        """What was loaded, in order."""
        return [(found.asked, found.text) for found in self.found]

    def finds(self, found: Sequence[Found]) -> bool:
        """Whether all of this would be found again; if so, it counts as loaded."""
        for base, asked, text in found:
            try:
                if self._find(base, asked)[1] != text:
                    return False
            except (OSError, GrammarError):
                return False
        self.found = list(found)
        return True

    def _find(self, base: Any, asked: str) -> tuple[Any, str]:
        from lark.load_grammar import stdlib_loader

        folders = list(self.import_paths)
        if isinstance(base, str):
            folders.append(base)
        for folder in folders:
            path = os.path.join(folder, asked)
            if os.path.isfile(path):
                return path, read_grammar(path)
        try:
            place, text = stdlib_loader(base, asked)
            return place, str(text)
        except OSError:
            pass
        bundled = os.path.join(grammar_folder(), asked)
        if base is None and os.path.isfile(bundled):
            return bundled, read_grammar(bundled)
        raise MissingImportError(asked, folders)


class Replay:
    """A loader that gives the texts of an `Importer` once more: Lark asks in the same order."""

    def __init__(self, loaded: Sequence[Imported]) -> None:
        self._texts = iter(enumerate(loaded))

    def __call__(self, base: Any, asked: str) -> tuple[str, str]:
        number, (_, text) = next(self._texts)
        return f"{number}/{asked}", text


class MissingImportError(GrammarError):
    """No file for an `%import`; `asked` is the file's name relative to the places searched."""

    def __init__(self, asked: str, folders: Sequence[str]) -> None:
        searched = [*folders, "Lark's library", "the bundled grammars"]
        super().__init__(f"no grammar {asked} to import in {', '.join(searched)}")
        self.asked = asked


def read_grammar(path: str) -> str:
    """The text of a grammar file. Raises OSError, GrammarError where it is not UTF-8."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise GrammarError(
            f"{path}: not a UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
