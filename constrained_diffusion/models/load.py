"""Loads a denoiser by its name or from a checkpoint folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError

if TYPE_CHECKING:
    from .protocol import Denoiser

BUNDLED = ("text", "sudoku")


def load(name_or_path: str | Path, device: str = "auto") -> Denoiser:
    """The denoiser `name_or_path`: a bundled one ("text", "sudoku") or a checkpoint folder.

    device: a torch device, or "auto": CUDA where there is one, else the CPU.

    Raises CheckpointError where there is no such denoiser, or its files are damaged. Nothing is
    downloaded and nothing is unpickled.
    """
    from .checkpoint import read_kind

    folder = Path(name_or_path)
    if str(name_or_path) in BUNDLED:
        folder = Path(__file__).parent / "weights" / str(name_or_path)
    elif not folder.is_dir():
        raise CheckpointError(
            f"no denoiser {str(name_or_path)!r}: it is neither bundled ({', '.join(BUNDLED)}) nor "
            "a checkpoint folder"
        )
    kind = read_kind(folder)
    if kind == "text":
        from .bundled import TextDenoiser

        return TextDenoiser.load(folder, device=_device(device))
    if kind == "sudoku":
        from .sudoku import SudokuDenoiser

        return SudokuDenoiser.load(folder, device=_device(device))
    raise CheckpointError(f"{folder}: a denoiser of unknown kind {kind!r}")


def _device(device: str) -> str:
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
