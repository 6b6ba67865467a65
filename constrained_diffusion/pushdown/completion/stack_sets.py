"""What lies below the top of a stack, or of the several stacks that one number may stand for."""

from __future__ import annotations

import numpy as np

from ..machine import Machine
from ..stacks import after_reducing


def stacks_below(machine: Machine, stack: int, count: int) -> list[int]:
    """The stacks with `count` states taken off; none where they have no more than those."""
    memory = machine.memory
    below = stack
    for _ in range(count):
        if memory.stacks_others[below] != 0:
            return _several(machine, stack, count)
        below = int(memory.stacks_parent[below])
    return [below] if below != 0 else []


def _several(machine: Machine, stack: int, count: int) -> list[int]:
    memory = machine.memory
    stacks = int(after_reducing(machine.kernel_memory, np.int64(stack), np.int64(count)))
    found = []
    while stacks != 0:
        found.append(int(memory.lists_value[stacks]))
        stacks = int(memory.lists_parent[stacks])
    return found
