"""`Machine`: the configurations of a text, stepped by bytes or by tokens of a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..errors import LimitError
from . import kernels
from .kernels import ENDED
from .memory import (
    EXTRA,
    FULL,
    LISTS,
    PART,
    PENDING,
    STACK,
    STACKS,
    STEPS,
    THREADS,
    Memory,
    VocabularyText,
    cons,
    new_memory,
    push_several,
    thread_number,
)
from .structs import memory_struct, tables_struct, text_struct
from .tables import INDENTER, NEWLINE, Tables, UInt64Array

NO_LIMIT = 1 << 30

CHUNK = 2048
"""Bytes that are read between two looks at the memory."""

FrozenStack: TypeAlias = tuple[tuple[int, tuple[int, ...]], ...]
"""States, and the places of the stacks below them in the same tuple; -1 for the empty one."""

FrozenThread: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], FrozenStack, tuple[int, ...]]


@dataclass(frozen=True)
class Frozen:
    """A configuration by itself, which outlives `Machine.reset`."""

    threads: tuple[FrozenThread, ...]

    @classmethod
    def of_ended(cls) -> Frozen:
        """`ENDED`"""
        return cls((((ENDED,), (), (), ()),))


class Machine:
    """Steps the configurations of a text through lexers and parsers.

    Configurations are numbers: 0 is dead, `ENDED` (1) is the one after the end token, all others
    come from the methods. `reset` forgets them all.

    Attributes:
        tables, memory: static tables, and what was remembered, as named tuples of arrays.
        kernel_tables, kernel_memory, kernel_text: the same for kernels (`structs`).
    """

    def __init__(
        self,
        tables: Tables,
        words: Sequence[bytes | None],
        *,
        pending_limit: int = NO_LIMIT,
        prefix: bytes = b"",
        suffix: bytes = b"",
    ) -> None:
        """
        words: the bytes of each token of the vocabulary; None for tokens that are no text.
        pending_limit: the most characters that a lexer goes back over to a shorter match; a limit
            leaves texts out.
        prefix, suffix: what stands before and after the texts: those that are accepted are the
            ones that make a text of the language with them. `start` is 0 where none begins so.
        """
        self.tables = tables
        offsets = np.zeros(len(words) + 1, np.int64)
        np.cumsum([len(word or b"") for word in words], out=offsets[1:])
        data = np.frombuffer(b"".join(word or b"" for word in words), np.uint8)
        self.kernel_tables = tables_struct(tables)
        self.kernel_text = text_struct(VocabularyText(offsets, data))
        self._pending_limit = pending_limit
        start = tables.lexer.start
        self._contextual = bool((start != start[:, :1]).any())
        self._several = _has_several_readings(tables)
        self._prefix, self.suffix = prefix, suffix
        self.memory: Memory
        self._start: int | None
        self._frozen_start: Frozen | None = None
        self.reset()

    def reset(self) -> None:
        """Forgets all configurations."""
        self._start = None
        self.memory = new_memory(
            _newlines(self.tables),
            contextual=self._contextual,
            pending_limit=self._pending_limit,
            several=self._several,
            suffix=self.suffix,
        )
        self.kernel_memory = memory_struct(self.memory)

    @property
    def start(self) -> int:
        """The configuration before the first character; 0 where nothing begins with the prefix."""
        if self._start is None:
            if self._frozen_start is None:
                first = int(kernels.start_configuration(self.kernel_tables, self.kernel_memory))
                start = self._read(self._prefix, first)
                if start == 0:
                    return 0
                self._frozen_start = self.freeze(start)
            self._start = self.thaw(self._frozen_start)
        return self._start

    @property
    def full(self) -> bool:
        """Whether a table overflowed: results since then are void. `reset`, and repeat."""
        return bool(self.memory.count[FULL])

    @property
    def crowded(self) -> bool:
        """Whether a table is more than half full."""
        memory = self.memory
        used = (
            (memory.count[LISTS], len(memory.lists_parent)),
            (memory.count[STACKS], len(memory.stacks_parent)),
            (memory.count[THREADS], len(memory.threads)),
            (memory.count[STEPS], len(memory.steps_key)),
        )
        return any(2 * count > capacity for count, capacity in used)

    def run(self, data: bytes, config: int | None = None) -> int:
        """The configuration after some bytes; 0 where no text continues with them.

        Resets the memory when it is crowded, so that configurations from before are void.
        """
        return self._read(data, self.start if config is None else config)

    def _read(self, data: bytes, config: int) -> int:
        for begin in range(0, len(data), CHUNK):
            if self.crowded:
                config = self.carried(config)
            chunk = np.frombuffer(data[begin : begin + CHUNK], np.uint8).copy()
            config = int(kernels.run(self.kernel_tables, self.kernel_memory, config, chunk))
            if self.full:
                raise LimitError(
                    f"{CHUNK} bytes of text lead to more configurations than the memory of "
                    f"{len(self.memory.threads)} threads holds: the grammar is too ambiguous"
                )
            if config == 0:
                return 0
        return config

    def carried(self, config: int) -> int:
        """The number of the configuration after a `reset`, which this makes."""
        frozen = self.freeze(config)
        self.reset()
        return self.thaw(frozen)

    def step(self, config: int, token: int) -> int:
        """The configuration after a text token; 0 is dead."""
        memory = self.kernel_memory
        return int(kernels.step_token(self.kernel_tables, memory, self.kernel_text, config, token))

    def finishes(self, config: int) -> bool:
        """Whether the text may end in a configuration, with the suffix after it."""
        return bool(kernels.finishes(self.kernel_tables, self.kernel_memory, config))

    def accepts(self, data: bytes) -> bool:
        """Whether the language holds a text. May reset the memory, as `run`."""
        config = self.run(data)
        return config != 0 and self.finishes(config)

    def threads(self, config: int) -> list[int]:
        """The numbers of the threads of a configuration, ascending."""
        numbers = []
        while config > ENDED:
            numbers.append(int(self.memory.lists_value[config]))
            config = int(self.memory.lists_parent[config])
        return numbers[::-1]

    def freeze(self, config: int) -> Frozen:
        """What `thaw` makes the configuration of again, after a `reset` too."""
        if config == ENDED:
            return Frozen.of_ended()
        return Frozen(tuple(self._frozen_thread(number) for number in self.threads(config)))

    def _frozen_thread(self, number: int) -> FrozenThread:
        fields = self.memory.threads[number].tolist()
        stack = self._frozen_stack(fields[STACK])
        extra: tuple[int, ...] = (fields[EXTRA],)
        if self._has_indenter(fields[PART]):
            extra = self._values(fields[EXTRA])
        pending = self._values(fields[PENDING])
        # Numbers that only this memory knows.
        fields[STACK] = fields[EXTRA] = fields[PENDING] = 0
        return tuple(fields), pending, stack, extra

    def _frozen_stack(self, stack: int) -> FrozenStack:
        index: dict[int, int] = {0: -1}
        nodes: list[tuple[int, tuple[int, ...]]] = []
        waiting = [stack]
        while waiting:
            number = waiting[-1]
            below = [int(self.memory.stacks_parent[number])]
            below += self._values(int(self.memory.stacks_others[number]))[::-1]
            missing = [parent for parent in below if parent not in index]
            waiting += missing
            if not missing:
                waiting.pop()
                if number not in index:
                    index[number] = len(nodes)
                    state = int(self.memory.stacks_state[number])
                    nodes.append((state, tuple(index[parent] for parent in below)))
        return tuple(nodes)

    def _thawed_stack(self, nodes: FrozenStack) -> int:
        numbers: list[int] = []
        for state, below in nodes:
            parent, *others = (numbers[place] if place >= 0 else 0 for place in below)
            rest = self._list(others[::-1])
            numbers.append(int(push_several(self.kernel_memory, parent, rest, state)))
        return numbers[-1] if numbers else 0

    def _has_indenter(self, part: int) -> bool:
        return bool(self.tables.parts.filter[part] == INDENTER)

    def _values(self, number: int) -> tuple[int, ...]:
        """The values of a list, first to last."""
        values = []
        while number != 0:
            values.append(int(self.memory.lists_value[number]))
            number = int(self.memory.lists_parent[number])
        return tuple(values[::-1])

    def thaw(self, frozen: Frozen) -> int:
        """The number of a frozen configuration."""
        memory = self.kernel_memory
        if frozen == Frozen.of_ended():
            return ENDED
        numbers = []
        for fields, pending, stack, extra in frozen.threads:
            thread = np.array(fields, np.int32)
            thread[PENDING] = self._list(pending)
            thread[STACK] = self._thawed_stack(stack)
            indents = self._has_indenter(fields[PART])
            thread[EXTRA] = self._list(extra) if indents else extra[0]
            numbers.append(int(thread_number(memory, thread)))
        return self._list(sorted(numbers))

    def _list(self, values: Sequence[int]) -> int:
        number = 0
        for value in values:
            number = int(cons(self.kernel_memory, number, value))
        return number


def _has_several_readings(tables: Tables) -> bool:
    """Whether some state has several lexers, or several actions for a terminal."""
    parser = tables.parser
    actions = np.diff(parser.reduce_offsets).reshape(parser.shift.shape) + (parser.shift >= 0)
    return bool((np.diff(parser.lexer_offsets) > 1).any() or (actions > 1).any())


def _newlines(tables: Tables) -> UInt64Array:
    """The newline terminals as a bit set [W]."""
    words = np.zeros(tables.lexer.reachable.shape[1], np.uint64)
    for terminal in np.flatnonzero(tables.parser.sign == NEWLINE).tolist():
        words[terminal >> 6] |= np.uint64(1) << np.uint64(terminal & 63)
    return words
