"""A generation as one self-contained page with a step slider."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from .frames import Frame, Recorder, State, pieces, visible
from .page_template import fill_page

if TYPE_CHECKING:
    from ..sampling import Result
    from ..vocabulary import Vocabulary

_LETTER = {State.FIXED: "f", State.ACCEPTED: "a", State.CHANGING: "c", State.UNCERTAIN: "u"}


def render_page(recorder: Recorder, result: Result, *, prompt: str = "") -> str:
    """The page, as HTML. It loads nothing, and all text from outside is escaped.

    recorder: has seen every step of the generation. result: its outcome.
    """
    figures = (
        f"{result.steps} steps · {len(result.tokens)} positions · "
        f"log evidence {result.log_evidence:.2f} · finished by {result.finish_reason}"
    )
    parts = {
        "PROMPT": html.escape(prompt),
        "RESULT": html.escape(visible(_pretty(result)).replace("⏎\n", "\n")),
        "FIGURES": html.escape(figures),
    }
    return fill_page(__package__, "page.html", parts, recorded_steps(recorder))


def recorded_steps(recorder: Recorder) -> dict[str, Any]:
    """A recording as the pages' scripts take it: each distinct token and frame once."""
    table: dict[tuple[str, str], int] = {}
    frames = []
    before: list[str] = []
    for frame in recorder.frames:
        assert recorder.vocabulary is not None
        if frame.canvas_index == len(before):
            before.append(visible(frame.before))
        frames.append(_frame(recorder.vocabulary, frame, table))
    return {"tokens": list(table), "before": before, "frames": frames}


def _frame(
    vocabulary: Vocabulary, frame: Frame, table: dict[tuple[str, str], int]
) -> dict[str, Any]:
    """A frame with its tokens as indices into `table` (pieces of text, and the token in words)."""

    def indices(tokens: list[int]) -> list[int]:
        entries = zip(pieces(vocabulary, tokens), tokens, strict=True)
        return [
            table.setdefault((visible(piece), _label(vocabulary, token)), len(table))
            for piece, token in entries
        ]

    return {
        "canvas": frame.canvas_index,
        "draft": indices(frame.draft),
        "noisy": indices(frame.canvas),
        "states": "".join(_LETTER[state] for state in frame.states),
        "entropy": [round(value, 3) for value in frame.entropy],
        "mean": round(frame.mean_entropy, 5),
        "evidence": f"{frame.log_evidence:.2f}",
    }


def _label(vocabulary: Vocabulary, token: int) -> str:
    data = vocabulary.tokens[token]
    if data:
        return f"{repr(data)[1:]} (token {token})"
    kind = "end" if token in vocabulary.end_ids else "special"
    if token == vocabulary.pad_id:
        kind = "padding"
    elif token == vocabulary.mask_id:
        kind = "mask"
    return f"{kind} (token {token})"


def _pretty(result: Result) -> str:
    """The text, JSON objects and arrays indented."""
    try:
        value = json.loads(result.text)
    except (ValueError, RecursionError):
        return result.text
    if not isinstance(value, (dict, list)):
        return result.text
    return json.dumps(value, indent=2, ensure_ascii=False)
