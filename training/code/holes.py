"""Where the holes of a training example lie."""

from __future__ import annotations

import math
import random
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.code.spans import BLOCK, EXPRESSION, LONGEST, Span

Kind = Literal["line", "text", "block", "expression", "empty"]
SHARES: dict[Kind, float] = {
    "line": 0.38, "text": 0.20, "block": 0.18, "expression": 0.20, "empty": 0.04,
}  # fmt: skip
WHOLE_LINE = 0.65
"""How often a line goes with its indentation and line break; else without both."""
_NEAR = 40
_SHORT, _LONG = 3, 300


def draw_kind(rng: random.Random) -> Kind:
    """A kind of hole by `SHARES`."""
    return rng.choices(list(SHARES), list(SHARES.values()))[0]


def draw_hole(
    text: str, pieces: NDArray[np.int32], near: int, kind: Kind, rng: random.Random
) -> Span | None:
    """A hole of some kind near a character of a file; None where there is none.

    pieces: the blocks and expressions of the file, as `spans_of` gives them.
    """
    if kind in ("block", "expression"):
        wanted = BLOCK if kind == "block" else EXPRESSION
        first = int(np.searchsorted(pieces[:, 0], near))
        close = [p for p in pieces[first : first + _NEAR].tolist() if p[2] == wanted]
        return Span(*rng.choice(close)) if close else None
    if kind == "line":
        start = text.rfind("\n", 0, near) + 1
        end = text.find("\n", near) + 1 or len(text)
        content = text[start:end].strip()
        if not content or end - start > LONGEST:
            return None
        if rng.random() < WHOLE_LINE:
            return Span(start, end, BLOCK)
        begin = text.index(content[0], start)
        return Span(begin, begin + len(content), EXPRESSION)
    length = 0
    if kind == "text":
        length = round(math.exp(rng.uniform(math.log(_SHORT), math.log(_LONG))))
    return Span(near, min(near + length, len(text)), EXPRESSION)


def draw_holes(
    text: str, pieces: NDArray[np.int32], count: int, reach: int, rng: random.Random
) -> list[Span]:
    """At most `count` holes that do not touch, within `reach` characters of the first drawn; in
    their order of drawing. None where the first place has no hole of the drawn kind."""
    holes: list[Span] = []
    near = rng.randrange(len(text))
    for _ in range(count):
        hole = draw_hole(text, pieces, near, draw_kind(rng), rng)
        if hole is not None and all(
            hole.end < other.start or other.end < hole.start for other in holes
        ):
            holes.append(hole)
        if not holes:
            break
        near = holes[0].start + rng.randint(-reach, reach)
        near = min(max(near, 0), len(text) - 1)
    return holes
