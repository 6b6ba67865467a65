"""What a compiled constraint depends on, as a key: equal keys, equal automata."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .. import __version__
from ..vocabulary import Vocabulary
from .base import Constraint

FORMAT_VERSION = 1
"""Of what is stored under a key (`cache_entry`)."""

_PACKAGE = __name__.partition(".")[0]
_COMPILER_FOLDERS = ("automata", "constraints", "pushdown", "vocabulary")
_PLAIN: frozenset[type] = frozenset((str, int, float, bool, type(None)))


class _UnstableError(Exception):
    """A value of which nothing says what it will be in another process."""


def cache_key(
    constraint: Constraint, vocabulary: Vocabulary, *, length: int, canvases: int
) -> str | None:
    """A SHA-256 (hexadecimal) of everything that compiling depends on, or None.

    That is the whole constraint with its options, the vocabulary's fingerprint, the room, the
    versions of this package and of Python (whose tables of characters `\\w` comes from), and the
    source code of the compiler. None for constraints of classes that are not this package's: their
    code is not known here, so what it gave yesterday says nothing of today.
    """
    try:
        description = [
            FORMAT_VERSION,
            __version__,
            _COMPILER,
            platform.python_version(),
            metadata.version("lark"),
            vocabulary.fingerprint,
            length,
            canvases,
            _canonical(constraint),
        ]
        text = json.dumps(description, ensure_ascii=False)
    # ValueError: a number of more digits than Python writes.
    except (_UnstableError, RecursionError, ValueError):
        return None
    # A lone surrogate is no character, but has to differ from the pair that is one.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> Any:
    """`value` as JSON, from which it could be told again: its fields that compare, by name.

    Raises _UnstableError for objects of other kinds than those that constraints are made of.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple:
        if _PLAIN.issuperset(map(type, value)):
            return value
        return [_canonical(member) for member in value]
    if kind is list:
        return {"list": [_canonical(member) for member in value]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is dict or kind is MappingProxyType:
        return {"dict": [[_canonical(name), _canonical(value[name])] for name in value]}
    if kind is frozenset:
        return {"set": sorted(json.dumps(_canonical(member)) for member in value)}
    if dataclasses.is_dataclass(kind) and kind.__module__.partition(".")[0] == _PACKAGE:
        fields = [field.name for field in dataclasses.fields(kind) if field.compare]
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "fields": [[name, _canonical(getattr(value, name))] for name in fields],
        }
    raise _UnstableError(kind)


def _source_hash(package: Path) -> str:
    """A hash of the source of the compiler; of nothing where only compiled files are installed."""
    digest = hashlib.sha256()
    for folder in _COMPILER_FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            name = path.relative_to(package).as_posix()
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


# Read when this module is imported, since files that are edited later are not the code that runs.
_COMPILER = _source_hash(Path(__file__).resolve().parents[1])
