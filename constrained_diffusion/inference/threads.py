"""Running compiled kernels, which release the GIL, on torch's number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """[function(item) for item in items]; an exception in one of them is raised here.

    Plain threads and not numba's: its default layer must not be entered by two threads at once.
    """
    items = list(items)
    workers = min(torch.get_num_threads(), len(items))
    if workers <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


@contextmanager
def in_background(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[list[Future[Result]]]:
    """The results of function(item) to come, in order; all have come when the block is left."""
    pool = ThreadPoolExecutor(max(1, torch.get_num_threads()))
    try:
        yield [pool.submit(function, item) for item in items]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunks(length: int, size: int) -> list[slice]:
    """Slices of at most `size` that cover range(length)."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
