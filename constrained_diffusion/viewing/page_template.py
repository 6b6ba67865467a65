"""Pages that load nothing: a template, data and the step player in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any


def fill_page(package: str | None, template: str, parts: Mapping[str, str], data: Any) -> str:
    """The file `template` of a package with its `{{NAME}}` markers filled in.

    parts: HTML by marker. data: JSON-ready, in place of `{{DATA}}`; `{{PLAYER}}` becomes the
    script that all pages share.
    """
    text = resources.files(package or "").joinpath(template).read_text(encoding="utf-8")
    player = resources.files(__package__).joinpath("player.js").read_text(encoding="utf-8")
    filled = {**parts, "DATA": _embedded(data), "PLAYER": player}
    # The parts go in at once: what one of them holds is never searched for another's marker.
    head, *rest = text.split("{{")
    return head + "".join(
        filled[name] + text for name, text in (piece.split("}}", 1) for piece in rest)
    )


def _embedded(data: Any) -> str:
    """`data` as JSON that can stand inside a script element."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
