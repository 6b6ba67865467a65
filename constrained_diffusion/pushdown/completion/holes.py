"""Filling a hole before a fixed text."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...errors import LimitError
from .. import kernels
from ..memory import LEX, POINT
from ..tables import GRAMMAR, INDENTER, Int32Array
from .estimate import Estimate
from .hole_ends import HoleEnds
from .hole_plans import HolePlans
from .hole_texts import HoleTexts
from .shortest import shortest
from .state_graph import StateGraph
from .steps import Steps
from .yields import Yields

MAX_TEXTS = 300
"""How many texts from plans are tried for a hole."""

MAX_TRIED = 3000
"""How many short texts are tried without a plan."""

_LINES = 400
"""How many lines of the text after a hole are looked at for their indentation."""


class Holes:
    """Fills holes in the texts of one machine."""

    def __init__(self, estimate: Estimate, steps: Steps) -> None:
        self._estimate = estimate
        self._machine = estimate.machine
        self._steps = steps
        self._graph = StateGraph(self._machine, estimate.costs)
        self._yields = Yields(estimate.costs)
        self._distances: dict[int, Int32Array] = {}

    def fill(self, config: int, suffix: bytes) -> bytes | None:
        """A text such that `suffix`, and then the machine's own, may follow it and end the whole
        text; a short one. None where no text does, LimitError where none was found."""
        if self._ends_with(config, suffix):
            return b""
        if not suffix and not self._machine.suffix:
            with contextlib.suppress(LimitError):
                found = shortest(self._estimate, self._steps, config)
                return None if found is None else found.text
        single = len(self._machine.tables.parts.kind) == 1
        if single and self._machine.tables.parts.kind[0] == GRAMMAR:
            for tried, text in enumerate(self._candidates(config, suffix + self._machine.suffix)):
                if self._ends_with(config, text + suffix):
                    return text
                if tried == MAX_TEXTS:
                    break
        return self._by_trying(config, suffix)

    def _ends_with(self, config: int, text: bytes) -> bool:
        target = self._run(config, text)
        return target != 0 and self._machine.finishes(target)

    def _run(self, config: int, text: bytes) -> int:
        machine = self._machine
        data = np.frombuffer(text, np.uint8)
        return int(kernels.run(machine.kernel_tables, machine.kernel_memory, config, data))

    def _candidates(self, config: int, suffix: bytes) -> Iterator[bytes]:
        machine = self._machine
        point = int(machine.memory.threads[machine.memory.lists_value[config], POINT])
        if point:
            # A character has begun: each way to go on with it, one after the other.
            for rest in self._steps.endings(point):
                target = self._run(config, rest)
                if target:
                    for text in self._candidates(target, suffix):
                        yield rest + text
            return
        continued = 0
        while continued < min(3, len(suffix)) and suffix[continued] & 0xC0 == 0x80:
            continued += 1
        last = _beginnings(machine.tables.lexer.point_class, suffix[:continued])
        try:
            rest_text = suffix[continued:].decode()
        except UnicodeDecodeError:
            return
        points = np.frombuffer(rest_text.encode("utf-32-le"), np.uint32)
        classes = machine.tables.lexer.point_class[points].astype(np.int32)
        ends = HoleEnds(self._estimate, classes, last, self._distances)
        yield from self._within(config, ends)
        plans = HolePlans(self._estimate, self._graph, classes, 0, ends)
        columns = _indentations(rest_text) if self._indents else []
        texts = HoleTexts(self._estimate, self._yields, ends, 0, columns, self._steps.order)
        for plan in plans.plans(config):
            yield from texts.texts(plan, config)

    @property
    def _indents(self) -> bool:
        return bool(self._machine.tables.parts.filter[0] == INDENTER)

    def _within(self, config: int, ends: HoleEnds) -> Iterator[bytes]:
        """Holes that begin and end in the same terminal."""
        lexer, memory = self._machine.tables.lexer, self._machine.memory
        for thread in self._machine.threads(config):
            lex = int(memory.threads[thread, LEX])
            started = not lexer.is_start[lex]
            for end in ends.from_state(lex, started=started):
                yield ends.path(lex, end, started=started)

    def _by_trying(self, config: int, suffix: bytes) -> bytes | None:
        """Short texts in the order of their length."""
        queue = [(0, 0, config, b"")]
        known = {config}
        order = 0
        tried = 0
        while queue:
            _, _, current, text = heapq.heappop(queue)
            for data in self._steps.from_configuration(current):
                target = self._run(current, data)
                if target == 0 or target in known:
                    continue
                known.add(target)
                tried += 1
                if self._ends_with(target, suffix):
                    return text + data
                order += 1
                heapq.heappush(queue, (len(text) + 1, order, target, text + data))
            if tried > MAX_TRIED or self._machine.full:
                raise LimitError(
                    f"no text for the hole was found among {tried} short ones; the text after it "
                    "may not fit the grammar"
                )
        return None


def _beginnings(point_class: NDArray[np.uint16], rest: bytes) -> dict[int, bytes] | None:
    """For each class a beginning of a character that the bytes `rest` end; None for no bytes."""
    if not rest:
        return None
    shift = 6 * len(rest)
    low = 0
    for byte in rest:
        low = low << 6 | byte & 0x3F
    lowest = (0x80, 0x800, 0x10000)[len(rest) - 1]
    first = low + (max(lowest - low, 0) + (1 << shift) - 1 >> shift << shift)
    points = np.arange(first, 0x110000, 1 << shift)
    points = points[(points < 0xD800) | (points >= 0xE000)]
    classes, places = np.unique(point_class[points], return_index=True)
    return {
        number: chr(points[place]).encode()[: -len(rest)]
        for number, place in zip(classes.tolist(), places.tolist(), strict=True)
    }


def _indentations(text: str) -> list[int]:
    """The columns of lines that are less than those of all lines before them, and the first."""
    columns: list[int] = []
    for line in text.split("\n")[1 : _LINES + 1]:
        width = len(line) - len(line.lstrip(" \t"))
        if not line.strip():
            continue
        column = len(line[:width].expandtabs(8))
        if not columns or column < columns[-1]:
            columns.append(column)
    # The text may begin a line: a hole that ends in a line feed leaves its indentation to it.
    first = text.split("\n", 1)[0]
    own = len(first) - len(first.lstrip(" \t"))
    if own and first.strip():
        columns.append(len(first[:own].expandtabs(8)))
    return columns
