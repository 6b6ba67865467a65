"""A hole in a file while it is filled, as one self-contained page with a step slider."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from .frames import Recorder, visible
from .html import recorded_steps
from .page_template import fill_page

if TYPE_CHECKING:
    from ..sampling import Result


def render_file_page(
    recorder: Recorder, result: Result, *, prefix: str, suffix: str, title: str = ""
) -> str:
    """The page, as HTML: the canvas stands between prefix and suffix. It loads nothing, and all
    text from outside is escaped.

    recorder: has seen every step of the infilling. result: its outcome. title: of the file, say.
    """
    figures = (
        f"{result.steps} steps · {len(result.tokens)} positions · "
        f"log evidence {result.log_evidence:.2f}"
    )
    parts = {
        "TITLE": html.escape(visible(title) or "Infilling, step by step"),
        "FIGURES": html.escape(figures),
        "PREFIX": html.escape(_lines(prefix)),
        "SUFFIX": html.escape(_lines(suffix)),
    }
    return fill_page(__package__, "file.html", parts, recorded_steps(recorder))


def _lines(text: str) -> str:
    """`text` to be seen, with line breaks as they are."""
    return visible(text).replace("⏎\n", "\n")
