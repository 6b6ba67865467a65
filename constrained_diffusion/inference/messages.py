"""The messages of a recursion at every position, within a bound on memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .tables import BestMessage, SumMessage

BUDGET_BYTES = 96 * 2**20

Message = TypeVar("Message", SumMessage, BestMessage)


class Messages(Generic[Message]):
    """self[0] = first, self[i + 1] = step(i, self[i]), up to self[length].

    Where they all would take more than `budget` bytes, only every 2nd, 4th, … is kept, and the
    block between two kept ones is computed again when it is asked for: reading all positions in
    descending order then costs the recursion once more (Chen et al., arXiv 1604.06174).
    """

    def __init__(
        self,
        first: Message,
        step: Callable[[int, Message], Message],
        length: int,
        budget: int = BUDGET_BYTES,
    ) -> None:
        self._step: Callable[[int, Message], Message] = step
        self._length = length
        self._stride = 1
        self._kept: dict[int, Message] = {0: first}
        self._block: list[Message] = []
        self._block_start = -1
        message = first
        kept_bytes = _num_bytes(first)
        for position in range(1, length + 1):
            message = step(position - 1, message)
            if position % self._stride == 0:
                self._kept[position] = message
                kept_bytes += _num_bytes(message)
            while kept_bytes > budget and self._stride < length:
                self._stride *= 2
                self._kept = {p: m for p, m in self._kept.items() if p % self._stride == 0}
                kept_bytes = sum(map(_num_bytes, self._kept.values()))
        self.last: Message = message

    def __getitem__(self, position: int) -> Message:
        if position == self._length:
            return self.last
        if position in self._kept:
            return self._kept[position]
        start = position - position % self._stride
        if start != self._block_start:
            block = [self._kept[start]]
            for i in range(start, min(start + self._stride, self._length) - 1):
                block.append(self._step(i, block[-1]))
            self._block, self._block_start = block, start
        message: Message = self._block[position - start]
        return message


def _num_bytes(message: SumMessage | BestMessage) -> int:
    return sum(array.nbytes for array in message)
