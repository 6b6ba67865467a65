"""Checkpoint folders: a configuration with SHA-256 sums beside files of weights. No pickles."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from ..errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor, nn

_Network = TypeVar("_Network", bound="nn.Module")

FORMAT_VERSION = 1
"""Version of the checkpoint folder; a reader refuses any other."""

WEIGHTS, CONFIG = "model.safetensors", "config.json"

_DEFAULT_KIND = "text"
_SUMS = "sha256"


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_kind(folder: Path) -> str:
    """Which denoiser a folder holds: "text" where its configuration does not say.

    Raises CheckpointError where there is no readable configuration.
    """
    kind = read_object(folder / CONFIG).get("kind", _DEFAULT_KIND)
    if not isinstance(kind, str):
        raise CheckpointError(f"{folder / CONFIG}: 'kind' is malformed: {kind!r}")
    return kind


def read_config(path: Path, members: Mapping[str, type]) -> dict[str, Any]:
    """The configuration of a folder.

    members: required keys and their types; integers must be positive.

    Raises CheckpointError where it cannot be read, has another version, lacks a member, or is not
    what was written. (Configurations of earlier releases have no sum of their own.)
    """
    config = read_object(path)
    version = config.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise CheckpointError(
            f"{path}: format version {version!r}; this release reads {FORMAT_VERSION}"
        )
    for key, kind in {"network": dict, _SUMS: dict, **members}.items():
        value = config.get(key)
        if type(value) is not kind or (isinstance(value, int) and value < 1):
            raise CheckpointError(f"{path}: {key!r} is missing or malformed: {value!r}")
    sums = config[_SUMS]
    for name in sums.keys() - {entry.name for entry in path.parent.iterdir()}:
        raise CheckpointError(f"{path.parent / name}: cannot be read: there is no such file")
    if CONFIG in sums and sums[CONFIG] != _digest_of_config(config):
        raise CheckpointError(f"{path}: damaged: its SHA-256 is not the one that it names")
    return config


def read_checked(path: Path, config: Mapping[str, Any]) -> bytes:
    """The bytes of a file whose SHA-256 the configuration names; else CheckpointError."""
    data = _read_bytes(path)
    expected = config[_SUMS].get(path.name)
    if digest(data) != expected:
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 is not the one that {CONFIG} names "
            f"({digest(data)[:12]}… instead of {str(expected)[:12]}…)"
        )
    return data


def read_weights(path: Path, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a safetensors file as float32, all finite; else CheckpointError.

    Sizes in the configuration that no network with so few weights can have are refused, before a
    network of them is built.
    """
    try:
        tensors = load_tensors(read_checked(path, config))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file: {error}") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise CheckpointError(f"{path}: {name} holds no floating-point numbers")
        if not bool(tensor.float().isfinite().all()):
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")
    numbers = sum(tensor.numel() for tensor in tensors.values())
    for name, size in config["network"].items():
        if not isinstance(size, int | float) or not 0 <= size < math.inf:
            raise CheckpointError(
                f"{path.parent / CONFIG}: bad sizes of the network: {name}={size}"
            )
        limit = len(tensors) if "layers" in name else numbers
        if isinstance(size, int) and size > limit:
            raise CheckpointError(
                f"{path}: does not fit the network of {CONFIG}: {name} is {size}, which takes more "
                f"than the {len(tensors)} tensors with {numbers} numbers in it"
            )
    return {name: tensor.float() for name, tensor in tensors.items()}


def build_network(
    folder: Path, make: Callable[[], _Network], tensors: Mapping[str, Tensor]
) -> _Network:
    """The network that `make` builds from the sizes of a folder's configuration, with its weights.

    Raises CheckpointError where there is no network of these sizes, or the weights do not fit it.
    """
    try:
        network = make()
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder / CONFIG}: bad sizes of the network: {error}") from error
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"{folder / WEIGHTS}: does not fit the network of {CONFIG}: {error}"
        ) from error
    return network


def weights_of(state: Mapping[str, Tensor]) -> bytes:
    """A safetensors file of a network's state: float16 where that loses nothing, else float32."""
    import torch

    halves = {name: tensor.detach().to("cpu", torch.float16) for name, tensor in state.items()}
    exact = all(torch.equal(halves[name].float(), state[name].cpu().float()) for name in state)
    stored = halves if exact else {name: t.detach().cpu().float() for name, t in state.items()}
    return save_tensors({name: tensor.contiguous() for name, tensor in stored.items()})


def write_checkpoint(folder: Path, config: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Writes a checkpoint folder; whoever reads at the same time gets the old checkpoint, the new
    one or a CheckpointError, never a mixture.

    All files are written under other names first, and then renamed, the configuration last: it
    names the SHA-256 of the others, and its own.

    config: without the sums. Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    complete = {**config, _SUMS: {name: digest(data) for name, data in files.items()}}
    complete[_SUMS][CONFIG] = _digest_of_config(complete)
    text = json.dumps(complete, indent=2) + "\n"
    written: list[tuple[str, Path]] = []
    try:
        for name, data in {**files, CONFIG: text.encode()}.items():
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            written.append((temporary, folder / name))
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
        for temporary, path in written:
            os.replace(temporary, path)
    finally:
        for temporary, _ in written:
            Path(temporary).unlink(missing_ok=True)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; else CheckpointError."""
    data = _read_bytes(path)
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: expected an object")
    return config


def _digest_of_config(config: Mapping[str, Any]) -> str:
    """Of the values alone: how they are written does not matter."""
    sums = {name: value for name, value in config[_SUMS].items() if name != CONFIG}
    return digest(json.dumps({**config, _SUMS: sums}, sort_keys=True).encode())


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
