"""Loads a denoiser by its name, from a checkpoint folder, or from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError

if TYPE_CHECKING:
    import torch

    from .masked_facts import MaskedModelFacts
    from .protocol import Denoiser
    from .quantization import Quantization

BUNDLED = ("text", "code", "sudoku")


def load(
    name_or_path: str | Path,
    device: str = "auto",
    *,
    dtype: str | torch.dtype | None = None,
    quantization: Quantization | None = None,
    download: bool = False,
    revision: str | None = None,
    trust_remote_code: bool = False,
    canvas_length: int | None = None,
    facts: MaskedModelFacts | None = None,
    chat: bool = True,
    system: str | None = None,
    check_memory: bool = True,
) -> Denoiser:
    """The denoiser `name_or_path`.

    name_or_path: a bundled one ("text", "code", "sudoku"); the folder of a checkpoint, either this
        package's own (`save` of the bundled ones) or one of transformers (DiffusionGemma, LLaDA,
        Dream and their kin); or the id of one on the Hugging Face Hub ("google/…").
    device: "cpu", "cuda", "cuda:N", "mps"; "auto": CUDA where there is one, else the CPU;
        "balanced": the layers spread over all CUDA devices (checkpoints of transformers).

    The rest is for checkpoints of transformers:

    dtype: "bfloat16", "float16", "float32"; None: as the weights are stored.
    quantization: "fp8", "int8" or "int4" (CUDA only): weights in so many bits, by torchao.
        Checkpoints that were published quantised are loaded as they are.
    download: whether a checkpoint may be fetched from the network; else only the local cache of
        the Hub is looked at.
    revision: a branch, tag or commit of the Hub; by default its main branch.
    trust_remote_code: whether code that comes with the checkpoint may run. LLaDA and Dream need it.
    canvas_length: L, the positions of a canvas; by default the checkpoint's, else 256.
    facts: of a masked diffusion model: its mask, whether its logits are shifted, …; by default
        they are found in the checkpoint.
    chat: whether prompts are put into the checkpoint's chat template.
    system: a system message for every chat.
    check_memory: whether to refuse, before anything is loaded, what by `estimate_memory` does not
        fit; never done for "balanced".

    Raises CheckpointError where there is no such denoiser, its files are damaged or of another
    kind, or its packages are missing; LimitError where the memory does not suffice. Nothing is
    unpickled: weights come from safetensors files alone.
    """
    from .checkpoint import CONFIG, read_kind, read_object
    from .device import BALANCED, resolve_device
    from .pretrained import PretrainedOptions, load_pretrained

    options = PretrainedOptions(
        device=device,
        dtype=dtype,
        quantization=quantization,
        trust_remote_code=trust_remote_code,
        canvas_length=canvas_length,
        facts=facts,
        chat=chat,
        system=system,
        check_memory=check_memory,
    )
    folder = Path(name_or_path)
    if str(name_or_path) in BUNDLED:
        folder = Path(__file__).parent / "weights" / str(name_or_path)
    elif not folder.is_dir():
        folder = _fetched(str(name_or_path), download, revision, trust_remote_code)
    if not {"format_version", "sha256"} & read_object(folder / CONFIG).keys():
        return load_pretrained(folder, options)
    if options != PretrainedOptions(device=device):
        raise CheckpointError(
            f"{folder}: a denoiser of this package takes a device, and no other options"
        )
    device = resolve_device("auto" if device == BALANCED else device)
    kind = read_kind(folder)
    if kind == "text":
        from .bundled import TextDenoiser

        return TextDenoiser.load(folder, device=device)
    if kind == "code":
        from .code import CodeDenoiser

        return CodeDenoiser.load(folder, device=device)
    if kind == "sudoku":
        from .sudoku import SudokuDenoiser

        return SudokuDenoiser.load(folder, device=device)
    raise CheckpointError(f"{folder}: a denoiser of unknown kind {kind!r}")


def _fetched(name: str, download: bool, revision: str | None, with_code: bool) -> Path:
    from .pretrained import find_in_hub

    folder = find_in_hub(name, download=download, revision=revision, with_code=with_code)
    if folder is None:
        raise CheckpointError(
            f"no denoiser {name!r}: it is neither bundled ({', '.join(BUNDLED)}) nor "
            "a checkpoint folder, nor an id of the Hugging Face Hub"
        )
    return folder
