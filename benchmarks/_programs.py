"""Runs untrusted programs: each in a process of its own, with limits and without a network.

    outcome = run_program(text, seconds=5)        # "passed", "failed", "timeout"

The process starts isolated (no other packages, an empty environment, an empty folder), with limits
of time, memory and file size. Before the program runs, an audit hook (which no Python code can take
away again) refuses sockets, other processes, writing files, and native code through ctypes. That
stops programs that a model wrote by accident; it is no wall against an attacker.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from typing import Literal

Outcome = Literal["passed", "failed", "timeout"]

_GIBIBYTE = 2**30
_GUARD = """
import os, sys
def _refuse(event, arguments,
            writing=os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND,
            refused=("socket.", "subprocess.", "ctypes.", "shutil.", "webbrowser.", "winreg."),
            calls=frozenset(("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
                             "os.forkpty", "os.kill", "os.killpg", "os.remove", "os.rename",
                             "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod",
                             "os.chown", "os.truncate", "os.putenv", "signal.pthread_kill"))):
    if event.startswith(refused) or event in calls:
        raise PermissionError(event)
    if event == "open" and arguments[2] & writing:
        raise PermissionError("open for writing")
sys.addaudithook(_refuse)
del _refuse, os
"""


def run_program(program: str, *, seconds: float = 5.0, gibibytes: float = 1.0) -> Outcome:
    """Runs a Python program; "passed" if it ends without an exception."""

    def limit() -> None:
        size = int(gibibytes * _GIBIBYTE)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-B", "-"],
                input=f"{_GUARD}\nexec(compile({program!r}, 'program', 'exec'), "
                "{'__name__': '__main__'})\n",
                text=True,
                cwd=folder,
                env={},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                preexec_fn=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "timeout"
    return "passed" if done.returncode == 0 else "failed"
