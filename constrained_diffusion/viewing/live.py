"""What live views share: redrawn in place on a terminal, a plain line per step elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


State = TypeVar("State", bound=Enum)


class StepView:
    """Base of the views; a context manager.

    console: where to draw, by default standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, line: Callable[[], str], view: Callable[[], RenderableType]) -> None:
        """Draws a step: its `view` on a terminal, else its `line`."""
        if self._live is None:
            self.console.print(Text(line()), soft_wrap=True, highlight=False, no_wrap=True)
        else:
            self._live.update(view(), refresh=True)


def legend(styles: Mapping[State, str]) -> Text:
    """The states, each in its own style."""
    words = Text()
    for state, style in styles.items():
        words.append(state.value, style=style)
        words.append("  ")
    return words
