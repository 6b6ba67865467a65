"""The text around a hole: two files, or a place in one, which can be edited."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConstrainedDiffusionError
from .files import STANDARD, read_bytes

_BYTE_ORDER_MARK = "\ufeff".encode()
_PLACE = re.compile(r"(\d{1,9}):(\d{1,9})(?:-(\d{1,9}):(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Source:
    """What stands around a hole.

    Attributes:
        prefix, suffix: the text before and after it.
        name: the file; None where prefix and suffix are files of their own.
        data: what the file held when it was read.
    """

    prefix: str
    suffix: str
    name: str | None = None
    data: bytes = b""

    @classmethod
    def of_two_files(cls, prefix: str, suffix: str) -> Source:
        """Raises OSError, ConstrainedDiffusionError for what is not UTF-8."""
        return cls(_decoded(prefix, read_bytes(prefix)), _decoded(suffix, read_bytes(suffix)))

    @classmethod
    def of_file(cls, name: str, place: str) -> Source:
        """place: LINE:COL or LINE:COL-LINE:COL, from 1, columns in characters; what lies between
        the two is left out, with the character at the second not part of it.

        Raises OSError, ConstrainedDiffusionError for what is not UTF-8 and no place in the file.
        """
        match = _PLACE.fullmatch(place)
        if match is None:
            raise ConstrainedDiffusionError(
                f"--at {place}: a place is LINE:COL or LINE:COL-LINE:COL, counted from 1"
            )
        data = read_bytes(name)
        text = _decoded(name, data)
        line, column, last_line, last_column = (int(one or 0) for one in match.groups())
        start = _offset(text, line, column, place)
        end = start if match[3] is None else _offset(text, last_line, last_column, place)
        if end < start:
            raise ConstrainedDiffusionError(f"--at {place}: the range ends before it begins")
        return cls(text[:start], text[end:], name, data)

    def write(self, hole: str) -> None:
        """Puts a text into the hole of the file: the file is either as before or as a whole as
        after. Its permissions stay; a link stays and what it points to changes.

        Raises ConstrainedDiffusionError where the file was changed meanwhile, OSError.
        """
        assert self.name is not None
        path = Path(self.name).resolve()
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.name)
        mark = _BYTE_ORDER_MARK if self.data.startswith(_BYTE_ORDER_MARK) else b""
        whole = mark + f"{self.prefix}{hole}{self.suffix}".encode()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:50]}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            _keep_rights(path, temporary)
            if path.read_bytes() != self.data:
                raise ConstrainedDiffusionError(
                    f"{self.name} was changed while the hole was filled: nothing was written"
                )
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _keep_rights(path: Path, temporary: str) -> None:
    """Owner, group and mode of a file for another; owner and group where that is allowed."""
    status = path.stat()
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, status.st_mode & 0o7777)


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.removeprefix(_BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        called = "standard input" if name == STANDARD else name
        raise ConstrainedDiffusionError(
            f"{called}: not a UTF-8 text (byte {error.start})"
        ) from None


def _offset(text: str, line: int, column: int, place: str) -> int:
    """The offset of a line and column from 1; the column after the last character is one too."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        raise ConstrainedDiffusionError(
            f"--at {place}: there is no line {line}; the file has {len(lines)}"
        )
    if not 1 <= column <= len(lines[line - 1]) + 1:
        raise ConstrainedDiffusionError(
            f"--at {place}: line {line} has no column {column}; its last one is "
            f"{len(lines[line - 1]) + 1}, after its last character"
        )
    return sum(len(one) + 1 for one in lines[: line - 1]) + column - 1


def standard_inputs(*names: str | None) -> int:
    """How many of the names mean standard input."""
    return sum(name == STANDARD for name in names)
