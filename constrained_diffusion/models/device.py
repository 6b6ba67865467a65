"""Names of devices, and whether this machine has them."""

from __future__ import annotations

from ..errors import CheckpointError

BALANCED = "balanced"
"""All CUDA devices together, each with a part of the layers."""

_KINDS = ("cpu", "cuda", "mps", "xpu")


def resolve_device(device: str) -> str:
    """The torch device that a caller named; "auto": CUDA where there is one, else the CPU.

    Raises CheckpointError where there is no such device.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        named = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f'device {device!r}: known are "auto", "cpu", "cuda", "cuda:N" and "mps"'
        ) from error
    if named.type not in _KINDS:
        raise CheckpointError(f"device {device!r}: a model cannot run there")
    if named.type == "cpu":
        return "cpu"
    count = getattr(torch, named.type).device_count()
    if (named.index or 0) >= count:
        raise CheckpointError(
            f"device {device!r}: this machine and this build of torch have {count} such devices"
        )
    return str(named)
