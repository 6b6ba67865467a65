"""From the plan of a hole to a text for it.

The terminals of a plan are spelled one after the other, each as shortly as the lexer that stands
there reads it, with an ignored terminal between where it needs one; the machine shows whether they
are read as planned. Line ends of an indenter are spelled with the indentation that the levels
after them need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from .. import kernels
from ..feeding import LEVEL_BITS, feed_all, transduce
from ..memory import COLUMN, EXTRA, LEX, STACK, cons
from ..tables import FED, IGNORED, INDENTER, NEWLINE, TRANSDUCER, Int64Array
from .estimate import Estimate
from .hole_ends import HoleEnds
from .hole_plans import Plan
from .lexer_paths import FAR
from .suffix_text import UNKNOWN_COLUMN
from .yields import Yields

MAX_INDENTATIONS = 40
"""How many choices of new indentations are tried for a plan."""

MAX_TERMINALS = 2000
"""The longest plan that is spelled."""


@dataclass(frozen=True)
class _Group:
    """A terminal that is read, and what an indenter makes after it."""

    terminal: int
    made: tuple[int, ...]


class HoleTexts:
    """Spells plans for one text after the hole.

    columns: indentations of its lines that levels of the hole may need. order: classes, those that
    are used first where several act alike.
    """

    def __init__(
        self,
        estimate: Estimate,
        yields: Yields,
        ends: HoleEnds,
        part: int,
        columns: Sequence[int],
        order: Int64Array,
    ) -> None:
        self._estimate = estimate
        self._machine = estimate.machine
        self._yields = yields
        self._ends = ends
        self._columns = columns
        tables = self._machine.tables
        parts = tables.parts
        self._kind = int(parts.filter[part])
        self._made = {int(parts.indent[part]), int(parts.dedent[part])} - {-1}
        self._indent = int(parts.indent[part])
        self._order = order
        feeds = tables.lexer.column[order] < 0
        self._line_order = np.concatenate([order[feeds], order[~feeds]])
        self._between: dict[tuple[int, int], list[bytes]] = {}
        self._matches: dict[tuple[int, int], bytes | None] = {}

    def texts(self, plan: Plan, config: int) -> Iterator[bytes]:
        """Texts that are read as planned, as far as that can be told without the text after the
        hole."""
        groups = self._groups(plan)
        if groups is None:
            return
        for opened in self._indentations(plan, groups):
            text = self._spelled(plan, groups, config, opened)
            if text is not None:
                yield text

    def _groups(self, plan: Plan) -> list[_Group] | None:
        """The terminals of a plan; the first is that of its source, the last that of its end."""
        terminals = self._yields.terminals(plan.symbols)
        if len(terminals) > MAX_TERMINALS:
            return None
        groups: list[list[int]] = [[plan.source.terminal]]
        for terminal in terminals:
            if terminal in self._made:
                groups[-1].append(terminal)
            else:
                groups.append([terminal])
        groups.append([plan.end.terminal, *(one for one in plan.queue if one in self._made)])
        return [_Group(first, tuple(made)) for first, *made in groups]

    def _indentations(self, plan: Plan, groups: Sequence[_Group]) -> Iterator[list[int]]:
        """Columns for the levels that the hole opens and leaves open, in order."""
        if self._kind != INDENTER:
            yield []
            return
        kept = len(self._levels(plan))
        least = kept
        depth = kept
        for group in groups:
            for made in group.made:
                depth += 1 if made == self._indent else -1
                least = min(least, depth)
        count = depth - least
        if least < 1:
            return
        floor = self._levels(plan)[least - 1]
        known = sorted({column for column in self._columns if column > floor})
        top = known[-1] if known else floor
        choices = combinations([*known, *range(top + 1, top + 1 + count)], count)
        # Those with as many as possible of the known columns.
        ranked = sorted(
            islice(choices, 10 * MAX_INDENTATIONS),
            key=lambda chosen: (sum(column > top for column in chosen), [-c for c in chosen]),
        )
        for chosen in ranked[:MAX_INDENTATIONS]:
            yield list(chosen)

    def _levels(self, plan: Plan) -> list[int]:
        """The indenter's levels at the start of the hole, outermost first."""
        fields = self._machine.memory.threads[plan.source.thread]
        return [value >> LEVEL_BITS for value in self._estimate.values(int(fields[EXTRA]))][::-1]

    def _in_brackets(self, extra: int) -> bool:
        if self._kind != INDENTER:
            return False
        return bool(self._machine.memory.lists_value[extra] & ((1 << LEVEL_BITS) - 1))

    def _spelled(
        self, plan: Plan, groups: Sequence[_Group], config: int, opened: list[int]
    ) -> bytes | None:
        machine = self._machine
        fields = machine.memory.threads[plan.source.thread]
        state = _Spelling(
            config=config,
            text=b"",
            stacks=int(cons(machine.kernel_memory, 0, int(fields[STACK]))),
            extra=int(fields[EXTRA]),
            levels=self._levels(plan) if self._kind == INDENTER else [],
            brackets=self._in_brackets(int(fields[EXTRA])),
        )
        unclosed = self._unclosed(groups, len(state.levels))
        column = {place: opened[rank] for rank, place in enumerate(sorted(unclosed))}
        number = 0
        for place, group in enumerate(groups[:-1]):
            wanted, number = self._column_after(state, group, column, number)
            if place == 0:
                if group.terminal < 0:
                    continue
                if not self._complete(state, int(fields[LEX]), int(fields[COLUMN]), group, wanted):
                    return None
            elif not self._append(state, group, wanted):
                return None
            if not self._feed(state, group):
                return None
        wanted, _ = self._column_after(state, groups[-1], column, number)
        return self._finish(state, plan, wanted)

    def _unclosed(self, groups: Sequence[_Group], depth: int) -> list[int]:
        """Which of the levels that are opened, by number, stay open."""
        stack = [-1] * depth
        number = 0
        for group in groups:
            for made in group.made:
                if made == self._indent:
                    stack.append(number)
                    number += 1
                elif stack:
                    stack.pop()
        return [one for one in stack if one >= 0]

    def _column_after(
        self, state: _Spelling, group: _Group, column: dict[int, int], number: int
    ) -> tuple[int, int]:
        """The indentation that a newline terminal ends with, and the number of levels opened so
        far; updates the levels."""
        for made in group.made:
            if made == self._indent:
                top = state.levels[-1] if state.levels else 0
                state.levels.append(column.get(number, top + 1))
                number += 1
            elif state.levels:
                state.levels.pop()
        return (state.levels[-1] if state.levels else 0), number

    def _complete(
        self, state: _Spelling, lex: int, column: int, group: _Group, wanted: int
    ) -> bool:
        """Goes on with the terminal that the hole begins in."""
        text = self._shortest_match(lex, group.terminal)
        if text is None:
            return False
        if self._is_newline(group.terminal) and not state.brackets:
            if b"\n" not in text and 0 <= column <= wanted:
                text += b" " * (wanted - column)
            else:
                text = (text if b"\n" in text else text + b"\n") + b" " * wanted
        return self._read(state, text, group.terminal)

    def _append(self, state: _Spelling, group: _Group, wanted: int) -> bool:
        """Spells a terminal after what is there."""
        top = self._top(state)
        for lex in self._starts(top):
            text = self._shortest_match(lex, group.terminal)
            if text is None:
                continue
            if self._is_newline(group.terminal):
                text = (text if b"\n" in text else b"\n") + b" " * wanted
            for between in self._separators(top, state.extra):
                if self._read(state, between + text, group.terminal):
                    return True
        return False

    def _finish(self, state: _Spelling, plan: Plan, wanted: int) -> bytes | None:
        """Spells the part of the last terminal that is in the hole."""
        if self._is_newline(plan.end.terminal) and plan.end.column == UNKNOWN_COLUMN:
            missing = wanted - self._ends.indentation(plan.end.offset)
            if missing < 0:
                return None
            last = b"\n" + b" " * missing
        else:
            last = self._ends.path(plan.lexer, plan.end, started=False)
        for between in self._separators(self._top(state), state.extra):
            target = self._run(state.config, between + last)
            if target and self._stands(target, state.stacks, plan.end.terminal, FAR - 1):
                return state.text + between + last
        return None

    def _top(self, state: _Spelling) -> int:
        memory = self._machine.memory
        return int(memory.stacks_state[memory.lists_value[state.stacks]])

    def _read(self, state: _Spelling, text: bytes, terminal: int) -> bool:
        """Reads a text, if it ends with the terminal."""
        target = self._run(state.config, text)
        if not target or not self._stands(target, state.stacks, terminal, 0):
            return False
        state.config = target
        state.text += text
        return True

    def _run(self, config: int, text: bytes) -> int:
        machine = self._machine
        data = np.frombuffer(text, np.uint8)
        return int(kernels.run(machine.kernel_tables, machine.kernel_memory, config, data))

    def _stands(self, config: int, stacks: int, terminal: int, missing: int) -> bool:
        """Whether a configuration is in a terminal, with at most some characters of it missing, on
        one of some stacks."""
        wanted = set(self._estimate.values(stacks))
        memory = self._machine.memory
        for thread in self._machine.threads(config):
            fields = memory.threads[thread]
            near = self._estimate.distances[fields[LEX], terminal] <= missing
            if near and int(fields[STACK]) in wanted:
                return True
        return False

    def _feed(self, state: _Spelling, group: _Group) -> bool:
        """The parser gets a terminal and what is made after it."""
        machine = self._machine
        tables, memory = machine.kernel_tables, machine.kernel_memory
        parser, parts = machine.tables.parser, machine.tables.parts
        if parser.fate[group.terminal] == IGNORED:
            return True
        if self._kind == TRANSDUCER:
            if parts.filter_next[state.extra, group.terminal] < 0:
                return False
            stack = int(machine.memory.lists_value[state.stacks])
            stacks, extra = transduce(tables, memory, stack, state.extra, group.terminal)
            state.stacks, state.extra = int(stacks), int(extra)
            return state.stacks != 0
        dropped = self._is_newline(group.terminal) and state.brackets
        for terminal in (*(() if dropped else (group.terminal,)), *group.made):
            state.stacks = int(feed_all(tables, memory, state.stacks, terminal))
        state.brackets = False
        return state.stacks != 0

    def _is_newline(self, terminal: int) -> bool:
        if self._kind != INDENTER:
            return False
        return bool(self._machine.tables.parser.sign[terminal] == NEWLINE)

    def _starts(self, state: int) -> list[int]:
        """The states that the lexers of an LR state start from."""
        parser, start = self._machine.tables.parser, self._machine.tables.lexer.start
        first, last = parser.lexer_offsets[state], parser.lexer_offsets[state + 1]
        found = np.unique(start[parser.lexers[first:last]]).tolist()
        return [lex for lex in found if lex != 0]

    def _separators(self, state: int, extra: int) -> list[bytes]:
        """Short texts that can stand between terminals in an LR state, none first."""
        key = (state, extra if self._kind == TRANSDUCER else 0)
        known = self._between.get(key)
        if known is not None:
            return known
        parser, parts = self._machine.tables.parser, self._machine.tables.parts
        skipped = set(np.flatnonzero(parser.fate == IGNORED).tolist())
        if self._kind == TRANSDUCER:
            width = parts.filter_next.shape[1]
            row = parts.filter_offsets[extra * width : (extra + 1) * width + 1]
            silent = (np.diff(row) == 0) & (parts.filter_next[extra] >= 0)
            skipped |= set(np.flatnonzero(silent & (parser.fate == FED)).tolist())
        texts = {b""}
        for lex in self._starts(state):
            for terminal in skipped:
                text = self._shortest_match(lex, terminal)
                if text:
                    texts.add(text)
        found = sorted(texts, key=lambda text: (len(text), text != b" ", text))
        self._between[key] = found
        return found

    def _shortest_match(self, lex: int, terminal: int) -> bytes | None:
        """A shortest way from a lexer state to the match of a terminal."""
        key = lex, terminal
        if key not in self._matches:
            self._matches[key] = self._match(lex, terminal)
        return self._matches[key]

    def _match(self, lex: int, terminal: int) -> bytes | None:
        if terminal < 0:
            return None
        distances = self._estimate.distances[:, terminal]
        following = self._machine.tables.lexer.next
        order = self._line_order if self._is_newline(terminal) else self._order
        text = []
        remaining = int(distances[lex])
        while remaining > 0:
            if remaining >= FAR:
                return None
            targets = following[lex][order]
            nearer = np.flatnonzero((targets != 0) & (distances[targets] < remaining))
            if not len(nearer):
                return None
            number = int(order[nearer[0]])
            text.append(self._estimate.characters[number].encode())
            lex = int(following[lex, number])
            remaining = int(distances[lex])
        return b"".join(text)


@dataclass
class _Spelling:
    """What has been spelled.

    Attributes:
        config, text: the configuration, and the text since the hole's start.
        stacks: a list of the parser's stacks after the last terminal.
        extra: the state of a transducer.
        levels: those of an indenter, outermost first.
        brackets: whether an indenter drops line ends; only known for the first terminal.
    """

    config: int
    text: bytes
    stacks: int
    extra: int
    levels: list[int]
    brackets: bool
