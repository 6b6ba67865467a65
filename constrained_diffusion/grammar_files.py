"""Where the bundled Lark grammars lie."""

from __future__ import annotations

from pathlib import Path


def grammar_folder() -> Path:
    """The folder of the bundled `*.lark` files, for Lark's `import_paths`."""
    installed = Path(__file__).parent / "grammars"
    # A source checkout keeps them at the top level; a wheel carries them inside the package.
    return installed if installed.is_dir() else Path(__file__).parent.parent / "grammars"
