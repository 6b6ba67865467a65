"""Files of one folder, by key, the least recently used ones removed beyond a size.

Several processes may use a folder at once, without locks: a file appears under its name only when
it is whole, and every reader checks that it is what was written.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from pathlib import Path

SUFFIX = ".compiled"
TEMPORARY = SUFFIX + ".tmp"
STALE_SECONDS = 3600
"""Temporary files older than this were left by a process that died."""

LARGEST_SHARE = 4
"""No entry takes more than one LARGEST_SHARE-th of the room."""

_CHECKSUM_BYTES = 32

_log = logging.getLogger(__name__)
_warned: set[Path] = set()


class DiskCache:
    """Byte strings by key in `folder`, together at most `max_bytes` large.

    Nothing here raises for what is in the folder or for what cannot be written: a damaged entry is
    removed and counts as absent, and a folder that takes no files gives one warning a process.
    While several processes store at once, each may exceed `max_bytes` by the entry it writes.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def load(self, key: str) -> bytes | None:
        """What was stored under `key`, if all of it is still there; that counts as its use."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                content = file.read() if size <= self._largest + _CHECKSUM_BYTES else b""
        except OSError:
            return None
        checksum, data = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if checksum != _checksum(key, data):
            self.discard(key, "it is not what was written")
            return None
        with contextlib.suppress(OSError):
            _use(path)
        return data

    def store(self, key: str, data: bytes) -> None:
        """Keeps `data` under `key`, unless it is too large."""
        size = len(data) + _CHECKSUM_BYTES
        if size > self._largest:
            _log.debug("not cached, since it takes %d of %d bytes: %s", size, self.max_bytes, key)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(size)
            self._write(self._path(key), _checksum(key, data) + data)
        except OSError as error:
            if self.folder not in _warned:
                _warned.add(self.folder)
                _log.warning(
                    "compiled constraints cannot be cached in %s: %s; set "
                    "CONSTRAINED_DIFFUSION_CACHE to another folder, or to off",
                    self.folder,
                    error.strerror or error,
                )

    def discard(self, key: str, reason: str) -> None:
        """Removes an entry that cannot be used."""
        _log.debug("the cached %s is discarded: %s", self._path(key), reason)
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    @property
    def _largest(self) -> int:
        return self.max_bytes // LARGEST_SHARE

    def _path(self, key: str) -> Path:
        return self.folder / (key + SUFFIX)

    def _write(self, path: Path, content: bytes) -> None:
        """Readers see the whole file or none."""
        handle, temporary = tempfile.mkstemp(
            dir=self.folder, prefix=path.stem[:16], suffix=TEMPORARY
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            _use(temporary)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _make_room(self, size: int) -> None:
        """Removes what was not used for longest, so that `size` more bytes fit."""
        entries = []
        total = 0
        stale = time.time() - STALE_SECONDS
        with os.scandir(self.folder) as files:
            for file in files:
                # Another process may remove it meanwhile.
                with contextlib.suppress(OSError):
                    status = file.stat(follow_symlinks=False)
                    if file.name.endswith(SUFFIX):
                        entries.append((status.st_mtime_ns, status.st_size, file.path))
                        total += status.st_size
                    elif file.name.endswith(TEMPORARY) and status.st_mtime < stale:
                        os.unlink(file.path)
        for _, freed, name in sorted(entries):
            if total + size <= self.max_bytes:
                break
            with contextlib.suppress(OSError):
                os.unlink(name)
            total -= freed


def _use(path: str | Path) -> None:
    """Marks a file as used now; the time that the system itself writes is some milliseconds old."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def _checksum(key: str, data: bytes) -> bytes:
    """Of the key too, so that an entry under another's name is found out."""
    digest = hashlib.blake2b(key.encode(), digest_size=_CHECKSUM_BYTES)
    digest.update(data)
    return digest.digest()
