"""Reading what the command line names, and writing to standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import ConstrainedDiffusionError

STANDARD = "-"
"""The file name that means standard input."""


def read_bytes(name: str) -> bytes:
    """The content of a file; of standard input for "-". Raises OSError."""
    if name == STANDARD:
        return sys.stdin.buffer.read()
    return Path(name).read_bytes()


def read_text(name: str) -> str:
    """The content of a UTF-8 file. Raises OSError, ConstrainedDiffusionError for other bytes."""
    try:
        return read_bytes(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConstrainedDiffusionError(
            f"{_called(name)}: not a UTF-8 text (byte {error.start})"
        ) from None


def read_json(name: str) -> Any:
    """The JSON value in a file. Raises OSError, ConstrainedDiffusionError with line and column."""
    text = read_text(name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConstrainedDiffusionError(
            f"{_called(name)}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        ) from None
    except RecursionError:
        raise ConstrainedDiffusionError(f"{_called(name)}: nested too deeply") from None


def _called(name: str) -> str:
    return "standard input" if name == STANDARD else name


def emit(text: str) -> None:
    """Writes a line to standard output, in UTF-8 whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", errors="replace") + b"\n")
    sys.stdout.buffer.flush()


def warn(text: str) -> None:
    """Writes a line to standard error."""
    print(text, file=sys.stderr, flush=True)
