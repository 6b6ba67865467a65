"""`SuffixReader`: what a parser makes of a fixed text, from any state and on any stack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import LimitError
from ..machine import Machine
from ..memory import cons
from ..tables import INDENTER, TRANSDUCER, Int32Array
from .hole_ends import End
from .stack_sets import stacks_below
from .suffix_runs import ACCEPTED, FIRST_RESULT, OVERFLOW, new_runs, run_from
from .suffix_text import after_terminal

DEEPEST_DEDENT = 3
"""Levels that one line of the text closes at most, beyond those that it has shown."""


class Want(NamedTuple):
    """What a parser asks for before it can read on: at `position`, with `pops` states taken off, to
    go on with `head`. The head `ACCEPTED`: nothing, the text is accepted."""

    position: int
    head: int
    pops: int


class SuffixReader:
    """text: int32 [n], the classes of the characters. part: the grammar that reads them."""

    def __init__(self, machine: Machine, text: Int32Array, part: int) -> None:
        self._machine = machine
        self._text = text
        self._part = part
        self._runs = new_runs()
        self._goto: list[list[int]] = machine.tables.parser.goto.tolist()
        self._end_state = int(machine.tables.parts.end_state[part])
        self._end_terminal = int(machine.tables.parts.end_terminal[part])
        self._results: dict[tuple[int, int], list[Want]] = {}
        self._above: dict[tuple[int, int], list[Want]] = {}
        self._accepted: dict[tuple[int, Want], bool] = {}
        self._found = np.zeros(256, np.int64)

    def positions(self, end: End) -> list[tuple[int, int]]:
        """The positions after an end of the hole, each with the first terminal that the parser
        gets (-1: not known)."""
        machine = self._machine
        tables, memory = machine.kernel_tables, machine.kernel_memory
        parts = machine.tables.parts
        kind = parts.filter[self._part]
        extras = [0]
        if kind == INDENTER:
            extras = [int(cons(memory, 0, 0))]
        elif kind == TRANSDUCER:
            extras = list(range(len(parts.filter_next)))
        result = []
        for extra in extras:
            count = after_terminal(
                tables, memory, self._part, extra, end.terminal, end.column, DEEPEST_DEDENT,
                end.offset, self._found, 0,
            )  # fmt: skip
            for position in self._found[:count].tolist():
                queue = int(machine.memory.lists_value[position])
                terminal = -1 if queue == 0 else int(machine.memory.lists_value[queue])
                result.append((position, terminal))
        return result

    def run(self, state: int, position: int) -> list[Want]:
        """What is asked for when the text is read from a position with `state` on top; pops count
        from `state` on."""
        key = state, position
        known = self._results.get(key)
        if known is None:
            machine, runs = self._machine, self._runs
            node = run_from(
                machine.kernel_tables, machine.kernel_memory, runs, self._text,
                self._part, DEEPEST_DEDENT, state, position,
            )  # fmt: skip
            if runs.counts[OVERFLOW] or machine.full:
                raise LimitError(
                    "the text after the hole has more readings than memory for them; shorten it"
                )
            known = []
            entry = int(runs.nodes[node, FIRST_RESULT])
            while entry:
                entry, where, head, pops = runs.results[entry].tolist()
                known.append(Want(where, head, 0 if head == ACCEPTED else pops + 1))
            self._results[key] = known
        return known

    def go_on(self, state: int, position: int, head: int) -> list[Want]:
        """What is asked for when `head` is put on `state` at a position; pops count from `state`
        on."""
        target = self._goto[state][head]
        return self.with_top(target, position) if target >= 0 else []

    def target(self, state: int, head: int) -> int:
        """The state that `head` is put on `state` as; -1 where it cannot be."""
        return self._goto[state][head]

    def with_top(self, target: int, position: int) -> list[Want]:
        """What is asked for with a state on top that is not counted in pops."""
        key = target, position
        known = self._above.get(key)
        if known is None:
            known = self._above[key] = self._on(target, position)
        return known

    def _on(self, target: int, position: int) -> list[Want]:
        if target == self._end_state:
            memory = self._machine.memory
            if memory.lists_value[memory.lists_value[position]] == self._end_terminal:
                return [Want(0, ACCEPTED, 0)]
        return [
            Want(where, wanted, max(pops - 1, 0))
            for where, wanted, pops in self.run(target, position)
        ]

    def accepts(self, stack: int, want: Want) -> bool:
        """Whether the text is accepted from a whole stack; head -1: read from the position on."""
        first = (stack, want)
        known = self._accepted.get(first)
        if known is not None:
            return known
        memory = self._machine.memory
        seen = {first}
        waiting = [first]
        while waiting:
            top, (position, head, pops) = waiting.pop()
            for below in stacks_below(self._machine, top, pops):
                state = int(memory.stacks_state[below])
                wants = self.run(state, position) if head < 0 else self.go_on(state, position, head)
                for following in wants:
                    if following.head == ACCEPTED:
                        self._accepted[first] = True
                        return True
                    step = (below, following)
                    if step not in seen:
                        seen.add(step)
                        waiting.append(step)
        self._accepted.update(dict.fromkeys(seen, False))
        return False
