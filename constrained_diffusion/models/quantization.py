"""Weights in fewer bits, by the libraries that do it, and which of them work for which model.

What small random DiffusionGemma checkpoints showed with transformers 5.24, on a CPU. Its encoder
and decoder share their weights, and its experts (nine tenths of all weights) are fused into one
tensor a layer:

- by default every method leaves tied weights as they are, here all of the text model: the modules
  to keep must be named;
- `FineGrainedFP8Config` ties weights but not their scales, of which a half is then never set;
  bitsandbytes in int8 gives logits that are far off, and leaves fused experts in 16 bits;
- torchao quantises the tensor itself, which stays one tensor when it is tied. Fused experts need a
  rule of their own, and the plain loop over experts: the fused kernels take no int8.

Hence torchao here, with weights in 8 or 4 bits and arithmetic in the type of the activations;
bitsandbytes where only that is installed, for models without shared weights and fused experts.
"""

from __future__ import annotations

import importlib.util
import math
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..errors import CheckpointError

if TYPE_CHECKING:
    import torch

Quantization = Literal["fp8", "int8", "int4"]

QUANTIZATIONS: tuple[str, ...] = get_args(Quantization)

_GROUP = 32
"""Numbers that share a scale and a zero point, in int4."""

_TILE = 1024
"""The kernel of int4 pads rows to a multiple of this."""

_KEPT = (
    r"lm_head",
    r".*embed[^.]*",
    r".*\.router",
    r".*\.vision_tower",
    r".*\.self_conditioning",
)
"""Modules that the published quantised checkpoints of DiffusionGemma keep in 16 bits."""

# LLaDA's names for the embedding and the output matrix, beside those.
_KEPT_TENSOR = re.compile(r"(^|\.)(" + "|".join((*_KEPT, "wte", r"transformer\.ff_out")) + r")\.")
FUSED = re.compile(r"\.experts\.(gate_up_proj|down_proj)$")
"""Names of tensors that hold all experts of a layer."""


def keeps_precision(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is left as it is: all but the matrices of layers and fused experts."""
    matrix = len(shape) == 2 and name.endswith(".weight")
    fused = len(shape) == 3 and FUSED.search(name) is not None
    return not (matrix or fused) or _KEPT_TENSOR.search(name) is not None


def stored_bytes(quantization: Quantization, shape: tuple[int, ...]) -> int:
    """Bytes of a quantised tensor, with its scales."""
    *outer, inner = shape
    rows = math.prod(outer)
    if quantization == "int4":
        padded = -(-inner // _TILE) * _TILE
        return rows * padded // 2 + rows * (padded // _GROUP) * 4
    return rows * inner + 4 * rows


def check_published(published: Mapping[str, Any] | None, wanted: str | None, where: str) -> None:
    """Raises CheckpointError where a checkpoint that is quantised already was to be quantised in
    another way, transformers does not read it, or its library is missing.

    published: the quantization_config of its config.json.
    """
    if wanted is not None and wanted not in QUANTIZATIONS:
        raise CheckpointError(
            f"quantization {wanted!r}: known are {', '.join(QUANTIZATIONS)}, or None"
        )
    if published is None:
        return
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    method = str(published.get("quant_method", "unknown"))
    # transformers loads the weights of other methods as if they were plain numbers.
    if not any(name.startswith(method) for name in AUTO_QUANTIZATION_CONFIG_MAPPING):
        raise CheckpointError(
            f"{where}: published in {method}, which transformers does not read: serve it with "
            "vLLM, or take the unquantised checkpoint"
        )
    found = _kind(published)
    if wanted is not None and wanted != found:
        raise CheckpointError(
            f"{where}: published in {found or method} ({method}), which cannot be quantised to "
            f"{wanted} again: leave quantization away, or take the unquantised checkpoint"
        )
    package = {"compressed-tensors": "compressed_tensors", "bitsandbytes": "bitsandbytes"}.get(
        method, "torchao" if method == "torchao" else None
    )
    if package is not None:
        _need(package, f"{where}: published with {method}")


def loading_options(
    quantization: Quantization,
    *,
    device: str,
    dtype: torch.dtype | str,
    shared: bool,
    fused: bool,
) -> dict[str, Any]:
    """What `from_pretrained` is told in order to quantise on loading.

    device: "cpu", "cuda:0", …
    dtype: of the activations; "auto": as stored.
    shared: whether encoder and decoder share their weights (DiffusionGemma).
    fused: whether there are fused experts.

    Raises CheckpointError where torchao is missing, or the device cannot do it.
    """
    kind = device.partition(":")[0]
    if kind == "mps":
        raise CheckpointError(
            f"quantization={quantization!r} is not supported on mps: leave it away, or use cuda"
        )
    if quantization == "int4":
        _check_int4(kind, device, dtype)
    whole = not (shared or fused or quantization == "fp8")
    if whole and not _is_installed("torchao") and _is_installed("bitsandbytes"):
        from transformers import BitsAndBytesConfig

        configure: Any = BitsAndBytesConfig
        return {
            "quantization_config": configure(
                load_in_8bit=quantization == "int8",
                load_in_4bit=quantization == "int4",
                bnb_4bit_quant_type="nf4",
                bnb_4bit_compute_dtype="bfloat16",
            )
        }
    _need("torchao", f"quantization={quantization!r}")
    from torchao.quantization import (  # type: ignore[import-not-found,import-untyped]
        Float8WeightOnlyConfig,
        FqnToConfig,
        Int4WeightOnlyConfig,
        Int8WeightOnlyConfig,
    )
    from transformers import TorchAoConfig

    rule: Any
    if quantization == "fp8":
        rule = Float8WeightOnlyConfig()
    elif quantization == "int8":
        rule = Int8WeightOnlyConfig()
    else:
        rule = Int4WeightOnlyConfig(group_size=_GROUP, int4_packing_format="tile_packed_to_4d")
    options: dict[str, Any] = {}
    if fused:
        with warnings.catch_warnings():
            # "_default" has no successor that leaves normalisations alone.
            warnings.simplefilter("ignore")
            rule = FqnToConfig({"_default": rule, f"re:.*{FUSED.pattern[:-1]}": rule})
        options["experts_implementation"] = "eager"
    options["quantization_config"] = TorchAoConfig(
        rule, modules_to_not_convert=list(_KEPT) if shared else None
    )
    return options


def _check_int4(kind: str, device: str, dtype: torch.dtype | str) -> None:
    import torch

    if kind != "cuda":
        raise CheckpointError(
            f'quantization="int4" needs a CUDA device, not {kind}: use "int8", or device="cuda"'
        )
    capability = torch.cuda.get_device_capability(torch.device(device))
    if capability < (8, 0):
        raise CheckpointError(
            f'quantization="int4" needs a CUDA device of compute capability 8.0 or newer, {device} '
            f'has {capability[0]}.{capability[1]}: use "int8"'
        )
    if dtype not in ("auto", torch.bfloat16):
        raise CheckpointError(f'quantization="int4" computes in bfloat16, not {dtype}')


def _kind(published: Mapping[str, Any]) -> str | None:
    """The numbers of a published quantisation, None where they are none that `load` makes."""
    method = published.get("quant_method")
    if method == "fp8":
        return "fp8"
    if method == "bitsandbytes":
        return "int8" if published.get("load_in_8bit") else "int4"
    groups = published.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            numbers = f"{weights.get('type')} {weights.get('num_bits')}"
            return {"float 8": "fp8", "int 8": "int8", "int 4": "int4"}.get(numbers)
    return None


def _need(package: str, what: str) -> None:
    if not _is_installed(package):
        raise CheckpointError(
            f"{what} needs the package {package.replace('_', '-')}; in a clone of this one: "
            'pip install ".[quantization]"'
        )


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
