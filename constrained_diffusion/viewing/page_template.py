"""Pages that load nothing: a template, data and the step player in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

_SHARED = {"PLAYER": "player.js", "CANVAS": "canvas.js", "STYLE": "canvas.css"}


def fill_page(package: str | None, template: str, parts: Mapping[str, str], data: Any) -> str:
    """The file `template` of a package with its `{{NAME}}` markers filled in.

    parts: HTML by marker. data: JSON-ready, in place of `{{DATA}}`; `{{PLAYER}}` becomes the
    script that all pages share, `{{CANVAS}}` and `{{STYLE}}` the script and the style of those that
    show a canvas.
    """
    text = _read(package, template)
    filled = {**parts, "DATA": _embedded(data)}
    for marker, file in _SHARED.items():
        filled[marker] = _read(__package__, file)
    # The parts go in at once: what one of them holds is never searched for another's marker.
    head, *rest = text.split("{{")
    return head + "".join(
        filled[name] + text for name, text in (piece.split("}}", 1) for piece in rest)
    )


def _read(package: str | None, file: str) -> str:
    return resources.files(package or "").joinpath(file).read_text(encoding="utf-8")


def _embedded(data: Any) -> str:
    """`data` as JSON that can stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
