"""Canvases whose fixed tokens stand at the start and at the end, with one gap between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import LimitError
from .. import kernels
from ..machine import Machine
from .canvas_search import CanvasTask
from .holes import Holes
from .spelling import Speller

_FILLERS = (" ", "\n", "\t", "a", "0", "A", "1", "-", "#", ".")


def canvas_with_gap(
    machine: Machine,
    holes: Holes,
    speller: Speller,
    task: CanvasTask,
    words: Sequence[bytes | None],
) -> list[int] | None:
    """The tokens of a canvas of `task`, found by filling the gap with a text of as many tokens as
    it has positions; None where the fixed positions are others, or no such text was found."""
    shape = _shape(task)
    if shape is None:
        return None
    before, gap, after, ending = shape
    current = task.config
    for token in before:
        current = machine.step(current, token) if current else 0
    if current <= 1:
        return None
    suffix = b"".join(words[token] or b"" for token in after)
    try:
        text = holes.fill(current, suffix)
    except LimitError:
        return None
    if text is None:
        return None
    for longer in _lengthened(text, gap):
        if not _finishes(machine, current, longer + suffix):
            continue
        tokens = speller.spell_in(longer, gap)
        if tokens is not None:
            return [*before, *tokens, *after, *ending]
    return None


def _shape(task: CanvasTask) -> tuple[list[int], int, list[int], list[int]] | None:
    """The text tokens before the gap, its positions, the text tokens after it, and the end and
    padding tokens."""
    fixed = task.allowed
    free = [place for place, tokens in enumerate(fixed) if tokens is None]
    if not free or free[-1] - free[0] + 1 != len(free) or free[-1] + 1 == len(fixed):
        return None
    known = [tokens[0] if tokens and len(tokens) == 1 else -1 for tokens in fixed]
    before, after = known[: free[0]], known[free[-1] + 1 :]
    special = {*task.end_ids, *task.padding_ids}
    size = next((place for place, token in enumerate(after) if token in task.end_ids), len(after))
    text, ending = after[:size], after[size:]
    if -1 in (*before, *after) or special & {*before, *text}:
        return None
    if any(token not in task.padding_ids for token in ending[1:]):
        return None
    return before, len(free), text, ending


def _lengthened(text: bytes, tokens: int) -> Iterator[bytes]:
    """The text, and texts that are longer by repeating a character somewhere."""
    yield text
    if len(text) > 4 * tokens:
        return
    for filler in _FILLERS:
        for place in range(len(text), -1, -1):
            for count in (tokens - len(text), tokens, 2 * tokens):
                if count > 0:
                    yield text[:place] + filler.encode() * count + text[place:]


def _finishes(machine: Machine, config: int, text: bytes) -> bool:
    data = np.frombuffer(text, np.uint8)
    target = int(kernels.run(machine.kernel_tables, machine.kernel_memory, config, data))
    return target != 0 and machine.finishes(target)
