"""Views of a generation: live in the terminal, and as a page."""

from .frames import Frame, Recorder, State
from .html import render_page
from .terminal import LiveView

__all__ = ["Frame", "LiveView", "Recorder", "State", "render_page"]
