"""The command line as a process of its own: few runs, since each one imports everything."""

from __future__ import annotations

import os
import subprocess
import sys

COMMAND = [sys.executable, "-m", "constrained_diffusion"]


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, timeout=120, check=False, **options
    )


def test_check_and_exit_status():
    done = run("check", "--choice", "é", "-", input="é\n".encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"-: accepted\n", b"")
    refused = run("check", "--choice", "é", "-", input=b"e")
    assert refused.returncode == 1
    assert refused.stdout.startswith(b"-:1:1: ") and refused.stderr == b""


def test_error_is_one_line_without_traceback():
    failed = run("generate", "--schema", "no-such-file.json")
    assert failed.returncode == 2
    assert failed.stdout == b""
    assert failed.stderr == b"error: no-such-file.json: No such file or directory\n"


def test_closed_pipe_is_quiet():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        process = subprocess.Popen(
            [*COMMAND, "check", "--choice", "a", "-"],
            stdin=subprocess.PIPE,
            stdout=closed,
            stderr=subprocess.PIPE,
        )
        _, errors = process.communicate(b"a", timeout=120)
    assert process.returncode == 1
    assert errors == b""


def test_help_is_quick_and_loads_no_model():
    script = (
        "import sys; from constrained_diffusion.cli import main; main(['generate', '--help']);"
        "assert not {'torch', 'numba'} & set(sys.modules), 'help must not load them'"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"--schema" in done.stdout
