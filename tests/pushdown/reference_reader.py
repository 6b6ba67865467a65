"""A slow acceptor that follows a `GrammarReading` to the letter, with `re` as the lexer."""

from __future__ import annotations

import re
from functools import lru_cache

from constrained_diffusion.pushdown.reading import GrammarReading
from constrained_diffusion.pushdown.tables import (
    CLOSING,
    IGNORED,
    INDENTER,
    NEWLINE,
    OPENING,
    REFUSED,
    TRANSDUCER,
)


class ReferenceReader:
    """Reads texts by sets of (place, LR stack, state of the post-lexer)."""

    def __init__(self, reading: GrammarReading) -> None:
        self.reading = reading
        self.num_terminals = len(reading.terminals)
        compiled = lru_cache(maxsize=None)(re.compile)
        self.lexers = [
            (
                [(one.number, compiled(one.pattern)) for one in lexer.terminals],
                [(one.terminal, one.keyword, compiled(one.pattern)) for one in lexer.keywords],
            )
            for lexer in reading.lexers
        ]

    def feed(self, stack: tuple[int, ...], terminal: int) -> set[tuple[int, ...]]:
        """All stacks after a terminal; for `$END` those that accept."""
        arrays = self.reading.parser
        waiting, seen, result = [stack], {stack}, set()
        while waiting:
            current = waiting.pop()
            state = current[-1]
            if arrays.shift[state, terminal] >= 0:
                result.add((*current, int(arrays.shift[state, terminal])))
            row = state * self.num_terminals + terminal
            for place in range(arrays.reduce_offsets[row], arrays.reduce_offsets[row + 1]):
                rule = arrays.rules[arrays.reduce_rules[place]]
                below = current[: len(current) - len(rule.body)]
                if not below or arrays.goto[below[-1], rule.head] < 0:
                    continue
                reduced = (*below, int(arrays.goto[below[-1], rule.head]))
                if terminal == self.reading.end and reduced[-1] == arrays.end_state:
                    return {reduced}
                if reduced not in seen:
                    seen.add(reduced)
                    waiting.append(reduced)
        return result

    def feed_all(self, stacks: set[tuple[int, ...]], terminals: list[int]) -> set[tuple[int, ...]]:
        for terminal in terminals:
            stacks = {after for stack in stacks for after in self.feed(stack, terminal)}
        return stacks

    def take(self, stack, extra, terminal: int, text: str):
        """The stacks and the state after a terminal went through the post-lexer."""
        table = self.reading.filter
        if table.kind == TRANSDUCER:
            row = extra * self.num_terminals + terminal
            output = table.terminals[table.offsets[row] : table.offsets[row + 1]].tolist()
            return self.feed_all({stack}, output), int(table.next[extra, terminal])
        if table.kind != INDENTER:
            return self.feed(stack, terminal), extra
        levels, brackets = extra
        sign = table.sign[terminal]
        if sign == NEWLINE:
            if brackets:
                return {stack}, extra
            if "\n" not in text:
                return set(), extra
            line = text.rsplit("\n", 1)[1]
            column = line.count(" ") + table.tab_length * line.count("\t")
            output = [terminal]
            if column > levels[-1]:
                levels = (*levels, column)
                output.append(table.indent)
            while column < levels[-1]:
                levels = levels[:-1]
                output.append(table.dedent)
            return (self.feed_all({stack}, output) if column == levels[-1] else set()), (levels, 0)
        brackets += int(sign == OPENING) - int(sign == CLOSING)
        return (self.feed(stack, terminal) if brackets >= 0 else set()), (levels, brackets)

    def finishes(self, stack, extra) -> bool:
        reading = self.reading
        table = reading.filter
        output = []
        if table.kind == TRANSDUCER:
            row = extra * self.num_terminals + reading.end
            output = table.terminals[table.offsets[row] : table.offsets[row + 1]].tolist()
        elif table.kind == INDENTER:
            output = [table.dedent] * (len(extra[0]) - 1)
        if reading.parser.accepts_empty and len(stack) == 1 and not output:
            return True
        return bool(self.feed_all({stack}, [*output, reading.end]))

    def tokens_at(self, lexer: int, text: str, place: int):
        """The match of a lexer: (terminal, end), or None."""
        alternatives, keywords = self.lexers[lexer]
        for number, pattern in alternatives:
            if match := pattern.match(text, place):
                for terminal, keyword, whole in keywords:
                    if terminal == number and whole.fullmatch(match[0]):
                        return keyword, match.end()
                return number, match.end()
        return None

    def accepts(self, text: str) -> bool:
        reading = self.reading
        kind = reading.filter.kind
        extra = reading.filter.start if kind == TRANSDUCER else ((0,), 0)
        first = (0, (reading.parser.start,), extra)
        waiting, seen = [first], {first}
        while waiting:
            place, stack, extra = waiting.pop()
            if place == len(text):
                if self.finishes(stack, extra):
                    return True
                continue
            for lexer in reading.state_lexers[stack[-1]]:
                found = self.tokens_at(lexer, text, place)
                if found is None or reading.fates[found[0]] == REFUSED:
                    continue
                terminal, end = found
                if reading.fates[terminal] == IGNORED:
                    stacks, after = {stack}, extra
                else:
                    stacks, after = self.take(stack, extra, terminal, text[place:end])
                for reached in stacks:
                    item = (end, reached, after)
                    if item not in seen:
                        seen.add(item)
                        waiting.append(item)
        return False
