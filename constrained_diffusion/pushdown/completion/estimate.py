"""A lower bound on the characters that a configuration still needs, and steps to search with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ...automata import ByteAutomaton
from ...automata.distance import steps_to_acceptance
from ..feeding import LEVEL_BITS, feed, transduce
from ..machine import Machine
from ..memory import (
    EXTRA,
    LEX,
    MATCH,
    PART,
    POINT,
    SINCE,
    STACK,
)
from ..reading import UNREACHABLE
from ..tables import FED, GRAMMAR, IGNORED, INDENTER, NEWLINE, TRANSDUCER, Int64Array
from .lexer_paths import match_distances, representatives
from .parser_costs import ParserCosts, Piece


class Estimate:
    """What a search for texts knows about a machine before it begins.

    Attributes:
        machine: whose configurations are judged.
        costs: of its grammars.
        distances: int32 [S, T], see `match_distances`.
        characters: [C] a character of each class, "" where it has none with an encoding.
    """

    def __init__(
        self, machine: Machine, pieces: Sequence[Piece], spelled: Collection[str] = ()
    ) -> None:
        """spelled: characters to prefer, since they are tokens of a vocabulary."""
        self.machine = machine
        tables = machine.tables
        self.costs = ParserCosts(machine, pieces)
        self.distances = match_distances(tables.lexer, tables.parser.shift.shape[1])
        num_classes = tables.lexer.next.shape[1]
        self.characters = representatives(tables.lexer.point_class, num_classes, spelled)
        self._regular = _regular_distances(machine, pieces)
        self._later = self._costs_of_later_parts(pieces)
        self._unread: dict[tuple[int, int, int], Int64Array] = {}
        self._threads: dict[int, int] = {}
        self._members = _members(machine)

    def forget(self) -> None:
        """For when the machine was reset."""
        self.costs.forget_stacks()
        self._unread.clear()
        self._threads.clear()

    def _costs_of_later_parts(self, pieces: Sequence[Piece]) -> list[int]:
        parts = self.machine.tables.parts
        later = [0]
        for number in range(len(pieces) - 1, 0, -1):
            piece = pieces[number]
            if isinstance(piece, ByteAutomaton):
                least = int(self._regular[parts.start[number]])
            elif piece.parser.accepts_empty:
                least = 0
            else:
                least = int(piece.costs.nonterminal_characters[piece.parser.start_symbol])
            later.append(later[-1] + least)
        return later[::-1]

    def remaining(self, config: int) -> int:
        """A lower bound on the characters (bytes in byte automata) to the end of the text;
        UNREACHABLE where none is known."""
        memory = self.machine.memory
        best = UNREACHABLE
        while config > 1:
            number = int(memory.lists_value[config])
            config = int(memory.lists_parent[config])
            known = self._threads.get(number)
            if known is None:
                known = self._threads[number] = self._thread(number)
            best = min(best, known)
        return best

    def _thread(self, number: int) -> int:
        fields: list[int] = self.machine.memory.threads[number].tolist()
        part = fields[PART]
        later = self._later[part]
        lex = fields[LEX]
        if self.machine.tables.parts.kind[part] != GRAMMAR:
            return later + int(self._regular[lex])
        started = int(fields[POINT] != 0)
        lexer = self.machine.tables.lexer
        if lexer.is_start[lex]:
            return later + started + self.costs.stack(fields[STACK])
        unread = self._after(part, fields[STACK], fields[EXTRA])
        terminals = self._members[lex]
        best = UNREACHABLE
        if len(terminals):
            # A started character is the next one on every way.
            best = int((self.distances[lex, terminals] + unread[terminals]).min())
        if fields[MATCH] >= 0:
            best = min(best, max(started, int(unread[fields[MATCH]]) - fields[SINCE]))
        return later + max(best, started)

    def _after(self, part: int, stack: int, extra: int) -> Int64Array:
        """int64 [T], the least cost of a stack after each terminal."""
        kind, state = self.machine.tables.parts.filter[part], 0
        if kind == TRANSDUCER:
            state = extra
        elif kind == INDENTER:
            state = int(self.machine.memory.lists_value[extra]) & ((1 << LEVEL_BITS) - 1) > 0
        key = (part, stack, state)
        known = self._unread.get(key)
        if known is None:
            known = self._unread[key] = self._costs_after(part, stack, int(state))
        return known

    def _costs_after(self, part: int, stack: int, extra: int) -> Int64Array:
        tables, memory = self.machine.tables, self.machine.kernel_memory
        kernel_tables = self.machine.kernel_tables
        parser = tables.parser
        kind = int(tables.parts.filter[part])
        result = np.full(parser.shift.shape[1], UNREACHABLE, np.int64)
        here = self.costs.stack(stack)
        expected = parser.expected[int(self.machine.memory.stacks_state[stack])]
        bits = np.unpackbits(expected.view(np.uint8), bitorder="little")
        for terminal in np.flatnonzero(bits).tolist():
            if terminal >= len(result):
                break
            fate = parser.fate[terminal]
            if fate == IGNORED:
                result[terminal] = here
            if fate != FED:
                continue
            if kind == TRANSDUCER:
                stacks, state = transduce(kernel_tables, memory, stack, extra, terminal)
                if state < 0:
                    continue
            else:
                stacks = feed(kernel_tables, memory, stack, terminal)
            least = min(
                (self.costs.stack(one) for one in self.values(int(stacks))), default=UNREACHABLE
            )
            if kind == INDENTER and extra and parser.sign[terminal] == NEWLINE:
                # Within brackets it is dropped.
                least = here
            result[terminal] = least
        return result

    def values(self, number: int) -> Iterator[int]:
        """The values of a list of the machine's memory, last to first."""
        memory = self.machine.memory
        while number != 0:
            yield int(memory.lists_value[number])
            number = int(memory.lists_parent[number])


def _members(machine: Machine) -> list[Int64Array]:
    """[S] the terminals that can be matched from each lexer state."""
    reachable = machine.tables.lexer.reachable
    octets = np.ascontiguousarray(reachable).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    return [np.flatnonzero(row).astype(np.int64) for row in bits]


def _regular_distances(machine: Machine, pieces: Sequence[Piece]) -> Int64Array:
    """int64 [G], bytes from each state of the byte automata to acceptance."""
    parts = machine.tables.parts
    table = parts.regular_next
    rows, columns = np.nonzero(table >= 0)
    targets = table[rows, columns]
    order = np.argsort(targets, kind="stable")
    first = np.searchsorted(targets[order], np.arange(len(table) + 1)).astype(np.int64)
    distance = steps_to_acceptance(
        first, rows[order].astype(np.int32), parts.regular_accepting
    ).astype(np.int64)
    distance[distance < 0] = UNREACHABLE
    return distance
