"""Checkpoint folders: a configuration with SHA-256 sums beside files of weights. No pickles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from ..errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT_VERSION = 1
"""Version of the checkpoint folder; a reader refuses any other."""

WEIGHTS, CONFIG = "model.safetensors", "config.json"

_DEFAULT_KIND = "text"


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_kind(folder: Path) -> str:
    """Which denoiser a folder holds: "text" where its configuration does not say.

    Raises CheckpointError where there is no readable configuration.
    """
    kind = _read_object(folder / CONFIG).get("kind", _DEFAULT_KIND)
    if not isinstance(kind, str):
        raise CheckpointError(f"{folder / CONFIG}: 'kind' is malformed: {kind!r}")
    return kind


def read_config(path: Path, members: Mapping[str, type]) -> dict[str, Any]:
    """The configuration of a folder.

    members: required keys and their types; integers must be positive.

    Raises CheckpointError where it cannot be read, has another version, or lacks a member.
    """
    config = _read_object(path)
    version = config.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {version!r}; this release reads {FORMAT_VERSION}"
        )
    for key, kind in {"network": dict, "sha256": dict, **members}.items():
        value = config.get(key)
        if not isinstance(value, kind) or (isinstance(value, int) and value < 1):
            raise CheckpointError(f"{path}: {key!r} is missing or malformed: {value!r}")
    return config


def read_checked(path: Path, config: Mapping[str, Any]) -> bytes:
    """The bytes of a file whose SHA-256 the configuration names; else CheckpointError."""
    data = _read_bytes(path)
    expected = config["sha256"].get(path.name)
    if digest(data) != expected:
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 is not the one that {CONFIG} names "
            f"({digest(data)[:12]}… instead of {str(expected)[:12]}…)"
        )
    return data


def read_weights(path: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a safetensors file as float32, all finite; else CheckpointError."""
    try:
        tensors = load_tensors(read_checked(path, config))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    return {name: tensor.float() for name, tensor in tensors.items()}


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error


def _read_object(path: Path) -> dict[str, Any]:
    data = _read_bytes(path)
    try:
        config = json.loads(data)
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: expected an object")
    return config
