"""The canvas as it converges, live in a terminal; plain lines where there is none."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from .frames import PADDING, Frame, Recorder, State, pieces, visible
from .live import StepView, legend

if TYPE_CHECKING:
    from ..sampling import Step
    from ..vocabulary import Vocabulary

STYLES = {
    State.FIXED: "bold green",
    State.ACCEPTED: "underline cyan",
    State.CHANGING: "reverse yellow",
    State.UNCERTAIN: "italic magenta",
}
"""Each state differs by colour and by style, so that it reads without colour too."""

_BARS = "▁▂▃▄▅▆▇█"
_DRAFT_WIDTH = 100


class LiveView(StepView):
    """Shows each step it is called with; use as a context manager and as `on_step`.

    console: where to draw, by default standard error.
    """

    def __init__(self, console: Console | None = None, *, canvases: int = 1) -> None:
        super().__init__(console)
        self.canvases = canvases
        self._recorder = Recorder()

    def __call__(self, step: Step) -> None:
        frame = self._recorder(step)
        self.show(
            lambda: plain_line(frame),
            lambda: render(step.vocabulary, self._recorder.frames, canvases=self.canvases),
        )


def plain_line(frame: Frame) -> str:
    """A step in one line: its figures and the beginning of the draft."""
    draft = visible(frame.text).replace("\n", "")
    if len(draft) > _DRAFT_WIDTH:
        draft = draft[: _DRAFT_WIDTH - 1] + "…"
    return f"{figures(frame)}  {draft}"


def figures(frame: Frame) -> str:
    """Step number, mean entropy, log evidence and decided positions."""
    return (
        f"step {frame.index + 1:>3}  mean entropy {frame.mean_entropy:7.4f} nats  "
        f"log evidence {frame.log_evidence:9.2f}  "
        f"decided {frame.decided:>3}/{len(frame.states)}"
    )


def render(vocabulary: Vocabulary, frames: list[Frame], *, canvases: int = 1) -> Group:
    """The view of the last of `frames`: canvas, figures, course of the mean entropy, legend."""
    frame = frames[-1]
    title = "canvas" if canvases == 1 else f"canvas {frame.canvas_index + 1} of {canvases}"
    course = Text("  ") + Text(_sparkline([f.mean_entropy for f in frames]), style="blue")
    return Group(
        Panel(canvas_text(vocabulary, frame), title=title, title_align="left", border_style="dim"),
        Text(figures(frame)) + course,
        legend(STYLES),
    )


def canvas_text(vocabulary: Vocabulary, frame: Frame) -> Text:
    """The draft, token by token, each in the style of its state; padding at the end in short."""
    text = Text(visible(frame.before))
    shown = pieces(vocabulary, frame.draft)
    padding = len(list(itertools.takewhile(lambda piece: piece == PADDING, reversed(shown))))
    if padding > 3:
        shown = shown[:-padding]
    for piece, state in zip(shown, frame.states, strict=False):
        text.append(visible(piece), style=STYLES[state])
    if padding > 3:
        text.append(f" {PADDING} {padding} more positions of padding", style="dim")
    return text


def _sparkline(values: list[float], width: int = 24) -> str:
    """The last `width` values as bars, in proportion to the largest of all."""
    top = max(values) or 1.0
    return "".join(_BARS[min(7, int(8 * value / top))] for value in values[-width:])
