"""Where the whole text may end, with a suffix that follows it."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..memory import FULL, SUFFIXES, Memory, find, store
from ..tables import Int, Tables
from .emission import ENDED
from .ending import may_end
from .stepping import run

SUFFIX_BLOCK = 32
"""Bytes of a suffix between two configurations that are remembered."""


@njit(cache=True)
def finishes(tables: Tables, memory: Memory, config: Int) -> bool:
    """Whether the text may end in a configuration (after the suffix, where the memory has one)."""
    if config <= ENDED:
        return config == ENDED
    if len(memory.suffix) > 0:
        return _suffix_fits(tables, memory, np.int64(config))
    return may_end(tables, memory, np.int64(config))


@njit(cache=True)
def _suffix_fits(tables: Tables, memory: Memory, config: Int) -> bool:
    """Whether the text may end after the suffix.

    Memoised by block: what stood before a suffix is soon reduced to the same stack, so that
    configurations meet again within it.
    """
    blocks = (len(memory.suffix) + SUFFIX_BLOCK - 1) // SUFFIX_BLOCK
    passed = np.empty(blocks, np.int64)
    result = False
    count = 0
    for block in range(blocks):
        key = (np.int64(config) << 20 | block) + 1
        slot = find(memory.suffixes_key, key)
        if memory.suffixes_key[slot] == key:
            result = memory.suffixes_value[slot] == 2
            break
        passed[count] = key
        count += 1
        part = memory.suffix[block * SUFFIX_BLOCK : (block + 1) * SUFFIX_BLOCK]
        config = np.int64(run(tables, memory, np.int64(config), part))
        if config == 0:
            break
        if block == blocks - 1:
            result = may_end(tables, memory, config)
    if not memory.count[FULL]:
        for i in range(count):
            store(
                memory, memory.suffixes_key, memory.suffixes_value, SUFFIXES,
                passed[i], np.int64(2 if result else 1),
            )  # fmt: skip
    return result
