"""A child process that answers requests, each within limits of time and memory.

    worker = Worker(make_handler, ("argument",), seconds=20, gibibytes=4)
    answer = worker.ask(request)         # Answer(value=…) or Answer(failure="timeout")

`make_handler(*arguments)` runs in the child and returns the function that answers. Whatever happens
in there, an endless loop or an abort in native code, costs one request: the next one starts a new
child. Requests, answers and arguments are pickled.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 300.0
"""How long a child may take until it is ready: kernels may have to be compiled first."""


@dataclass(frozen=True)
class Answer:
    """What a request led to.

    value: what the handler returned.
    failure: None, "timeout", "memory", "crash", or the exception of the handler as text.
    """

    value: Any = None
    failure: str | None = None


class Worker:
    """One child process; started at the first request and again after each that failed hard."""

    def __init__(
        self,
        make_handler: Callable[..., Callable[[Any], Any]],
        arguments: tuple[Any, ...] = (),
        *,
        seconds: float,
        gibibytes: float,
    ) -> None:
        """Limits are per request; memory counts from what the child needs when it is ready."""
        self._make_handler = make_handler
        self._arguments = arguments
        self._seconds = seconds
        self._bytes = int(gibibytes * 2**30)
        self._process: Any = None
        self._connection: Any = None

    def ask(self, request: Any) -> Answer:
        """Have the child answer `request`."""
        if self._process is None:
            self._start()
        try:
            self._connection.send(request)
            if not self._connection.poll(self._seconds):
                self.close()
                return Answer(failure="timeout")
            answer: Answer = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.close()
            return Answer(failure="crash")
        if answer.failure == "memory":
            self.close()
        return answer

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(other, self._make_handler, self._arguments, self._bytes),
            daemon=True,
        )
        self._process.start()
        other.close()
        try:
            ready = self._connection.poll(START_SECONDS) and self._connection.recv()
        except EOFError:
            ready = False
        if not ready:
            self.close()
            raise RuntimeError(f"the worker of {self._make_handler.__name__} does not start")


def peak_memory() -> int:
    """The most bytes of physical memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _serve(
    connection: Any, make_handler: Callable[..., Any], arguments: tuple[Any, ...], limit: int
) -> None:
    handler = make_handler(*arguments)
    most = _address_space() + limit
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    connection.send(True)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            answer = Answer(handler(request))
        except MemoryError:
            answer = Answer(failure="memory")
        except Exception as error:  # the parent counts and shows it
            answer = Answer(failure=f"{type(error).__name__}: {error}")
        connection.send(answer)


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
