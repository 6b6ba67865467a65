"""How much memory a checkpoint needs, from the headers of its files: no weights are read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CheckpointError, LimitError
from .checkpoint import read_object
from .quantization import Quantization, keeps_precision, stored_bytes

if TYPE_CHECKING:
    import torch

FULL_SIZE_ARRAYS = 6
"""Arrays float32 [B, L, V] that are alive at once in a denoising step: logits, the same after
temperature, self-conditioning and its softmax, the posterior's marginals, and one to work with."""

INDEX = "model.safetensors.index.json"

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8.0),
    **dict.fromkeys(("F32", "I32", "U32"), 4.0),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2.0),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"), 1.0),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1.0),
    "F6_E2M3": 0.75,
    "F6_E3M2": 0.75,
    "F4": 0.5,
}
_CONVERTED = ("F64", "F32", "F16", "BF16")
_EMBEDDING = re.compile(r"(embed|wte|lm_head)[^.]*(\.weight)?$")


class TensorHeader(NamedTuple):
    """What a safetensors header says of a tensor: its type ("BF16") and its shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a checkpoint takes on its device.

    Attributes:
        weights: the tensors as they will be stored there.
        buffers: float32 arrays of the size of the logits, `FULL_SIZE_ARRAYS` of them. Neither the
            prompt's cache nor the activations of the layers are in it.
    """

    weights: int
    buffers: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.weights + self.buffers

    def __str__(self) -> str:
        return (
            f"{in_gigabytes(self.total)} ({in_gigabytes(self.weights)} of weights, "
            f"{in_gigabytes(self.buffers)} of logits and working arrays)"
        )


def in_gigabytes(count: int) -> str:
    """Bytes in words: "18.2 GB" (10^9 bytes)."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def estimate_memory(
    source: str | Path | Mapping[str, TensorHeader] | Mapping[str, torch.Tensor],
    *,
    dtype: str | torch.dtype | None = None,
    quantization: Quantization | None = None,
    canvas_length: int | None = None,
    rows: int = 1,
    float8: bool = True,
) -> MemoryEstimate:
    """What a checkpoint takes on its device.

    source: a checkpoint folder, or its tensors by name: headers, or tensors of torch, which may be
        on the "meta" device (of tied tensors only one).
    dtype: what the weights are converted to; None: they stay as they are stored.
    quantization: as for `load`.
    canvas_length: L; by default that of the folder's config.json, else 256.
    rows: B, canvases that are denoised at once.
    float8: False where weights stored in 8-bit floats are unpacked to bfloat16 on loading, as
        transformers does on devices without such arithmetic.

    Raises CheckpointError where a folder cannot be read or holds no safetensors.
    """
    config: Mapping[str, Any] = {}
    if isinstance(source, str | Path):
        config = read_object(Path(source) / "config.json")
        headers = read_headers(Path(source))
    else:
        headers = {name: _header(tensor) for name, tensor in source.items()}
    target = None if dtype in (None, "auto") else _name_of(dtype)
    weights = 0
    for name, (kind, shape) in headers.items():
        if kind not in _BYTES:
            raise CheckpointError(f"{name}: numbers of unknown type {kind}")
        if kind.startswith("F8_E") and not float8:
            kind = "BF16"
        elif kind in _CONVERTED and target is not None:
            kind = target
        if quantization is None or kind not in _CONVERTED or keeps_precision(name, shape):
            weights += math.ceil(math.prod(shape) * _BYTES[kind])
        else:
            weights += stored_bytes(quantization, shape)
    length = canvas_length or config.get("canvas_length")
    length = length if isinstance(length, int) else 256
    return MemoryEstimate(weights, FULL_SIZE_ARRAYS * rows * length * _tokens(headers) * 4)


def read_headers(folder: Path) -> dict[str, TensorHeader]:
    """The tensors of a folder's safetensors files, by name; reads the headers alone.

    Raises CheckpointError where there are none, one is damaged or missing, or there are only
    pickles, which are never opened.
    """
    from safetensors import safe_open

    headers: dict[str, TensorHeader] = {}
    for path in _files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118  (it is no mapping)
                    part = file.get_slice(name)
                    headers[name] = TensorHeader(part.get_dtype(), tuple(part.get_shape()))
        except Exception as error:  # SafetensorError, OSError
            raise CheckpointError(f"{path}: not a whole safetensors file: {error}") from error
    return headers


def free_memory(device: str) -> int | None:
    """Bytes that are free on a device; None where nobody says."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.mem_get_info(torch.device(device))[0]
    if kind == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    found = [
        int(line.split()[1]) * 1024
        for line in _lines("/proc/meminfo")
        if line.startswith("MemAvailable:")
    ]
    return min([*found, *_free_in_container()], default=None)


def _free_in_container() -> list[int]:
    """Bytes below the limit of the control group (cgroup v2), where there is one."""
    group = "/sys/fs/cgroup/memory"
    limit, used = _lines(f"{group}.max"), _lines(f"{group}.current")
    if not used or not limit or not limit[0].isdigit():
        return []
    cached = [
        int(line.split()[1])
        for line in _lines(f"{group}.stat")
        if line.startswith("inactive_file ")
    ]
    return [max(0, int(limit[0]) - int(used[0]) + sum(cached))]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except OSError:
        return []


def check_memory(estimate: MemoryEstimate, available: int | None, what: str, where: str) -> None:
    """Raises LimitError where an estimate exceeds the available bytes (None: unknown)."""
    if available is not None and estimate.total > available:
        raise LimitError(
            f"{what} needs {estimate}, but {where} has {in_gigabytes(available)} free: give "
            'quantization="fp8" or "int8", a smaller dtype, or another device; '
            "check_memory=False tries it all the same"
        )


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if index.is_file():
        weight_map = read_object(index).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise CheckpointError(f"{index}: no weight_map")
        names = sorted({str(name) for name in weight_map.values()})
        if any(Path(name).name != name for name in names):
            raise CheckpointError(f"{index}: names a file outside of the folder")
    else:
        names = ["model.safetensors"]
    paths = [folder / name for name in names]
    missing = [path.name for path in paths if not path.is_file()]
    if not missing:
        return paths
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLES)
    if pickles:
        raise CheckpointError(
            f"{folder}: its weights are pickles ({pickles[0]}), which can run any code and are "
            "never opened here: convert them to safetensors, or take a checkpoint that has them"
        )
    raise CheckpointError(f"{folder / missing[0]}: cannot be read: there is no such file")


def _header(tensor: Any) -> TensorHeader:
    if isinstance(tensor, TensorHeader):
        return tensor
    return TensorHeader(_name_of(tensor.dtype), tuple(tensor.shape))


def _name_of(dtype: Any) -> str:
    """The safetensors name of a torch type, or of its name."""
    name = str(dtype).removeprefix("torch.")
    for long, short in (("bfloat", "BF"), ("float8_e4m3fn", "F8_E4M3"), ("float", "F")):
        if name.startswith(long):
            return short + name.removeprefix(long)
    return name.replace("uint", "U").replace("int", "I").upper()


def _tokens(headers: Mapping[str, TensorHeader]) -> int:
    """V, from the largest embedding."""
    sizes = [
        shape[0]
        for name, (_, shape) in headers.items()
        if len(shape) == 2 and _EMBEDDING.search(name)
    ]
    return max(sizes, default=0)
