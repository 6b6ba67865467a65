"""The values of a recursion at every position, within a bound on memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

BUDGET_BYTES = 96 * 2**20


class SumMessage(NamedTuple):
    """The sums of the weights of all ways to `states` int32 [A], as normal extended numbers."""

    states: NDArray[np.int32]
    mantissa: NDArray[np.float64]
    blocks: NDArray[np.int64]


class BestMessage(NamedTuple):
    """The best way to each of `states`: tokens of probability 0, log-probability, last edge."""

    states: NDArray[np.int32]
    order: NDArray[np.int64]
    nats: NDArray[np.float64]
    edge: NDArray[np.int64]


Message = TypeVar("Message", SumMessage, BestMessage)


class Messages(Generic[Message]):
    """message[0] = first, message[i + 1] = step(i, message[i]) up to i = length.

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
        self._step = step
        self._length = length
        self._stride = 1
        self._kept = {0: first}
        self._block: list[Message] = []
        self._block_start = -1
        message = first
        for position in range(1, length + 1):
            message = step(position - 1, message)
            if position % self._stride == 0:
                self._kept[position] = message
            while sum(map(_num_bytes, self._kept.values())) > budget and self._stride < length:
                self._stride *= 2
                self._kept = {p: m for p, m in self._kept.items() if p % self._stride == 0}
        self.last = message

    def __getitem__(self, position: int) -> Message:
        if position == self._length:
            return self.last
        if position in self._kept:
            return self._kept[position]
        start = position - position % self._stride
        if start != self._block_start:
            self._block = [self._kept[start]]
            for i in range(start, min(start + self._stride, self._length) - 1):
                self._block.append(self._step(i, self._block[-1]))
            self._block_start = start
        return self._block[position - start]


def _num_bytes(message: SumMessage | BestMessage) -> int:
    return sum(array.nbytes for array in message)
