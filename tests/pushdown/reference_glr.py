"""A tiny generalised LR recogniser over the tables, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from constrained_diffusion.pushdown.parsing import NondeterministicTables

Stack = tuple[int, ...]


@dataclass
class ReferenceParser:
    """Sets of whole stacks, bottom first; no memory, no sharing."""

    tables: NondeterministicTables
    end_terminal: int

    def reduced(self, stacks: set[Stack], terminal: int) -> set[Stack]:
        """All stacks that any number of reductions before `terminal` leads to."""
        tables = self.tables
        seen = set(stacks)
        waiting = list(stacks)
        while waiting:
            stack = waiting.pop()
            row = stack[-1] * tables.shift.shape[1] + terminal
            for rule in tables.reduce_rules[
                tables.reduce_offsets[row] : tables.reduce_offsets[row + 1]
            ]:
                length = tables.rule_length[rule]
                assert 0 < length < len(stack)
                rest = stack[:-length]
                target = int(tables.goto[rest[-1], tables.rule_head[rule]])
                assert target >= 0
                new = (*rest, target)
                if new not in seen:
                    seen.add(new)
                    waiting.append(new)
        return seen

    def shifted(self, stacks: set[Stack], terminal: int) -> set[Stack]:
        targets = (
            (stack, int(self.tables.shift[stack[-1], terminal]))
            for stack in self.reduced(stacks, terminal)
        )
        return {(*stack, target) for stack, target in targets if target >= 0}

    def finishes(self, stacks: set[Stack]) -> bool:
        return any(
            stack == (self.tables.start, self.tables.end_state)
            for stack in self.reduced(stacks, self.end_terminal)
        )

    def accepts(self, terminals: Sequence[int]) -> bool:
        if not terminals:
            return self.tables.accepts_empty
        stacks: set[Stack] = {(self.tables.start,)}
        for terminal in terminals:
            stacks = self.shifted(stacks, terminal)
        return self.finishes(stacks)
