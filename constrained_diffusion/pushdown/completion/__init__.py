"""Completing texts: shortest endings, holes before fixed text, canvases around fixed tokens."""

from __future__ import annotations

from .completer import Completer

__all__ = ["Completer"]
