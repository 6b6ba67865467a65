"""A machine whose parser is a finite automaton over terminals, in place of an LR parser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..machine import Machine
from ..reading import GrammarReading
from ..reading.assembly import bit_sets
from ..tables import IGNORED, NO_FILTER, BoolArray, Int32Array, ParserTables, Tables
from .exploration import COMPLETE, explore, teach
from .procedures import ACCEPT, Procedure

MAX_ENTRIES = 700_000
"""States times terminals that the memory of a machine holds."""

PENDING_LIMIT = 64
"""The most characters that a lexer goes back over to a shorter match."""


@dataclass(frozen=True, eq=False)
class Explored:
    """What `explore` found: transitions int32 [S, C] over classes of characters, accepting [S]."""

    transitions: Int32Array
    accepting: BoolArray
    shortened: bool


class FiniteMachine:
    """Lexers and post-lexer of a grammar, with a procedure of whole texts as its parser.

    The first state is a copy that nothing comes back to, where the empty text may be accepted.
    """

    def __init__(self, tables: Tables, reading: GrammarReading, root: Procedure) -> None:
        self._end = reading.end
        num_terminals = len(reading.terminals)
        moves = (root.moves[0], *root.moves)
        lexers = [sorted(row) for row in (root.lexers[0], *root.lexers)]
        self.following = np.full((len(moves), num_terminals), -1, np.int32)
        self.accepting = np.zeros(len(moves), np.bool_)
        for state, row in enumerate(moves):
            for terminal, (target, exits) in row.items():
                if target >= 0:
                    self.following[state, terminal] = target + 1
                if terminal == self._end and ACCEPT in exits:
                    self.accepting[state] = True
        self.accepting[0] |= reading.parser.accepts_empty
        parser = ParserTables(
            shift=self.following,
            reduce_offsets=np.zeros(self.following.size + 1, np.int64),
            reduce_rules=np.zeros(0, np.int32),
            rule_length=np.zeros(0, np.int32),
            rule_head=np.zeros(0, np.int32),
            goto=np.full((len(moves), 1), -1, np.int32),
            lexer_offsets=np.cumsum([0, *map(len, lexers)]).astype(np.int32),
            lexers=np.array([number for row in lexers for number in row], np.int32),
            expected=bit_sets(self._expected(reading)),
            fate=tables.parser.fate,
            sign=tables.parser.sign,
        )
        parts = tables.parts._replace(
            start=np.zeros(1, np.int32),
            end_state=np.full(1, -1, np.int32),
            accepts_empty=np.zeros(1, np.bool_),
        )
        self._tables = Tables(tables.lexer, parser, parts)

    def _expected(self, reading: GrammarReading) -> BoolArray:
        if reading.filter.kind != NO_FILTER:
            return np.ones(self.following.shape, np.bool_)
        expected: BoolArray = (self.following >= 0) | (reading.fates == IGNORED)
        return expected

    def explored(self, max_states: int, max_steps: int) -> Explored | None:
        """All configurations; None where there are too many."""
        if self.following.size > MAX_ENTRIES:
            return None
        machine = Machine(self._tables, [], pending_limit=PENDING_LIMIT)
        memory = machine.kernel_memory
        teach(memory, self.following, self.accepting, self._end)
        transitions, accepting, shortened, outcome = explore(
            machine.kernel_tables, memory, machine.start, max_states, max_steps
        )
        if outcome != COMPLETE:
            return None
        return Explored(transitions, accepting, shortened)
