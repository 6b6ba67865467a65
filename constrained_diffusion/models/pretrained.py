"""Checkpoints of transformers: what kind they are, and loading them by the library itself."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, ConstrainedDiffusionError, LimitError
from .checkpoint import CONFIG, read_object
from .device import BALANCED, resolve_device
from .memory_estimate import check_memory, estimate_memory, free_memory, read_headers
from .quantization import FUSED, Quantization, check_published, loading_options

if TYPE_CHECKING:
    import torch

    from .masked_facts import MaskedModelFacts
    from .protocol import Denoiser

_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_WANTED = ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors")
_UNWANTED = ("original/*", "consolidated*")
_REMOTE_CLASSES = ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM")
_MASKED_NAMES = re.compile(r"llada|dream|mdlm|diffusion", re.IGNORECASE)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer.tiktoken")
_DTYPES = ("bfloat16", "float16", "float32", "float64")


@dataclass(frozen=True)
class PretrainedOptions:
    """How a checkpoint of transformers is loaded: the options of `load`, see there."""

    device: str = "auto"
    dtype: str | torch.dtype | None = None
    quantization: Quantization | None = None
    trust_remote_code: bool = False
    canvas_length: int | None = None
    facts: MaskedModelFacts | None = None
    chat: bool = True
    system: str | None = None
    check_memory: bool = True


def find_in_hub(name: str, *, download: bool, revision: str | None, with_code: bool) -> Path | None:
    """The folder of a checkpoint of the Hugging Face Hub; None where `name` is no id of one.

    Only the local cache is looked at, unless `download`.

    Raises CheckpointError where it is not there, or cannot be fetched.
    """
    if not _HUB_ID.fullmatch(name):
        return None
    _need_transformers()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = [*_WANTED, "*.py"] if with_code else list(_WANTED)
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                local_files_only=not download,
                allow_patterns=wanted,
                ignore_patterns=list(_UNWANTED),
            )
        )
    except LocalEntryNotFoundError as error:
        if download:
            raise CheckpointError(f"{name}: cannot be fetched: {_first_line(error)}") from error
        raise CheckpointError(
            f"{name}: there is no such folder, and no such checkpoint in the local cache of the "
            "Hugging Face Hub: download=True (--download) fetches it from the network"
        ) from error
    except Exception as error:  # whatever the network, the disk and the server come up with
        raise CheckpointError(f"{name}: cannot be fetched: {_first_line(error)}") from error


def load_pretrained(folder: Path, options: PretrainedOptions) -> Denoiser:
    """The denoiser of a folder that transformers can read; errors as for `load`."""
    config = read_object(folder / CONFIG)
    if options.canvas_length is not None and options.canvas_length < 1:
        raise CheckpointError(f"canvas_length is at least 1, got {options.canvas_length}")
    if (folder / "adapter_config.json").is_file():
        # transformers would load it on top, from a pickle if need be.
        raise CheckpointError(
            f"{folder}: holds an adapter (adapter_config.json): merge it into its model first"
        )
    kind = _kind(folder, config, options)
    published = config.get("quantization_config")
    published = published if isinstance(published, Mapping) else None
    headers = read_headers(folder)
    dtype = _dtype(options.dtype)
    _need_transformers()
    check_published(published, options.quantization, str(folder))
    arguments: dict[str, Any] = {"dtype": dtype}
    if options.device == BALANCED:
        device = resolve_device("auto")
        arguments["device_map"] = BALANCED
    else:
        device = resolve_device(options.device)
        arguments["device_map"] = {"": device}
    if options.quantization is not None and published is None:
        arguments |= loading_options(
            options.quantization,
            device=device,
            dtype=dtype,
            shared=kind == "diffusion_gemma",
            fused=any(FUSED.search(name) for name in headers),
        )
    if options.check_memory and options.device != BALANCED:
        estimate = estimate_memory(
            folder,
            dtype=dtype,
            quantization=None if published else options.quantization,
            canvas_length=options.canvas_length,
            float8=_has_float8(device),
        )
        check_memory(estimate, free_memory(device), str(folder), device)
    if kind == "diffusion_gemma":
        return _load_diffusion_gemma(folder, options, arguments)
    return _load_masked(folder, config, options, arguments)


def _kind(folder: Path, config: Mapping[str, Any], options: PretrainedOptions) -> str:
    """ "diffusion_gemma" or "masked"; CheckpointError says what else it is, and what to do."""
    architectures = config.get("architectures")
    listed = architectures if isinstance(architectures, list) else []
    names = [name for name in listed if isinstance(name, str)]
    model_type = str(config.get("model_type", ""))
    if model_type == "diffusion_gemma" or "DiffusionGemmaForBlockDiffusion" in names:
        return "diffusion_gemma"
    shown = f"{folder}: a checkpoint of {model_type or 'no stated model_type'}"
    shown += f" ({', '.join(names)})" if names else ""
    known = "mask_token_id" in config or _MASKED_NAMES.search(f"{model_type} {' '.join(names)}")
    if options.facts is not None or known:
        if not _remote_code(config) or options.trust_remote_code:
            return "masked"
        files = ", ".join(sorted({f"{v.partition('.')[0]}.py" for v in _remote_code(config)}))
        raise CheckpointError(
            f"{shown} comes with its own code ({files}), which would run here: read it, then pass "
            "trust_remote_code=True (--trust-remote-code)"
        )
    if any(name.endswith(("ForCausalLM", "ForConditionalGeneration")) for name in names):
        raise CheckpointError(
            f"{shown} writes from left to right, it is no diffusion model: use "
            "cd.AutoregressiveConstraint with its own generate"
        )
    raise CheckpointError(
        f"{shown} is no kind that is known here (DiffusionGemma, LLaDA, Dream): give "
        "facts=cd.MaskedModelFacts(…) for a masked diffusion model, or wrap it in a class with the "
        "members of cd.Denoiser"
    )


def _remote_code(config: Mapping[str, Any]) -> list[str]:
    """The classes that a checkpoint brings along, as "module.Class"."""
    brought = config.get("auto_map")
    values = brought.values() if isinstance(brought, Mapping) else ()
    return [value for value in values if isinstance(value, str)]


def _load_diffusion_gemma(
    folder: Path, options: PretrainedOptions, arguments: Mapping[str, Any]
) -> Denoiser:
    from transformers import DiffusionGemmaForBlockDiffusion

    from .diffusion_gemma import DiffusionGemmaDenoiser

    if options.facts is not None:
        raise CheckpointError(f"{folder}: a DiffusionGemma has no mask: leave facts away")
    with _in_one_line(folder):
        model = _load_model(DiffusionGemmaForBlockDiffusion, folder, arguments)
        tokenizer = _load_tokenizer(folder, options)
        if options.canvas_length is not None:
            model.config.canvas_length = options.canvas_length
        return DiffusionGemmaDenoiser(model, tokenizer, chat=options.chat, system=options.system)


def _load_masked(
    folder: Path,
    config: Mapping[str, Any],
    options: PretrainedOptions,
    arguments: Mapping[str, Any],
) -> Denoiser:
    import transformers

    from .masked_facts import facts_of
    from .masked_model import MaskedModelDenoiser

    brought = config.get("auto_map")
    if isinstance(brought, Mapping):
        names = [name for name in _REMOTE_CLASSES if name in brought]
        remote = {"trust_remote_code": True}
    else:
        names, remote = [name for name in config.get("architectures") or [] if name], {}
    loader = getattr(transformers, names[0], None) if names else None
    if loader is None:
        raise CheckpointError(
            f"{folder / CONFIG}: neither auto_map nor architectures names a class of a model that "
            "this transformers has"
        )
    length = {} if options.canvas_length is None else {"canvas_length": options.canvas_length}
    with _in_one_line(folder):
        tokenizer = _load_tokenizer(folder, options)
        facts = options.facts or facts_of(config, tokenizer)
        model = _load_model(loader, folder, {**arguments, **remote})
        return MaskedModelDenoiser(
            model, tokenizer, facts, chat=options.chat, system=options.system, **length
        )


def _load_model(loader: Any, folder: Path, arguments: Mapping[str, Any]) -> Any:
    """A model with exactly the weights of the folder; without this check those that are missing
    would be random, with no more than a warning."""
    model, report = loader.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **arguments,
    )
    for key, words in (
        ("mismatched_keys", "weights of another shape than config.json says"),
        ("missing_keys", "weights are missing"),
        ("unexpected_keys", "weights that the model has no place for"),
    ):
        names = sorted(str(name) for name in report.get(key) or ())
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise CheckpointError(f"{folder}: {words}: {names[0]}{more}")
    return model


def _load_tokenizer(folder: Path, options: PretrainedOptions) -> Any:
    """The tokenizer, or the processor where only that has the chat template."""
    from transformers import AutoProcessor, AutoTokenizer

    arguments = {"local_files_only": True, "trust_remote_code": options.trust_remote_code}
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        # transformers would make an empty one.
        raise CheckpointError(f"{folder / _TOKENIZERS[0]}: cannot be read: there is no such file")
    tokenizer = AutoTokenizer.from_pretrained(folder, **arguments)
    if tokenizer.chat_template is None and (folder / "chat_template.json").is_file():
        processor: Any = AutoProcessor
        return processor.from_pretrained(folder, **arguments)
    return tokenizer


def _dtype(dtype: Any) -> Any:
    """A torch type, or "auto": the type in which the weights are stored."""
    import torch

    if dtype is None or dtype == "auto":
        return "auto"
    name = str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise CheckpointError(f"dtype {dtype!r}: known are {', '.join(_DTYPES)}")
    return getattr(torch, name)


def _has_float8(device: str) -> bool:
    """Whether transformers leaves weights in 8-bit floats there as they are."""
    import torch

    if not device.startswith("cuda"):
        return False
    return torch.cuda.get_device_capability(torch.device(device)) >= (8, 9)


def _need_transformers() -> None:
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise CheckpointError(
            "checkpoints other than this package's own need transformers; in a clone of it: "
            'pip install ".[transformers]"'
        ) from error


@contextlib.contextmanager
def _in_one_line(folder: Path) -> Iterator[None]:
    """Whatever transformers, or a checkpoint's own code, raises becomes a CheckpointError."""
    import torch

    try:
        yield
    except ConstrainedDiffusionError:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise LimitError(
            f"{folder}: not enough memory: give quantization, a smaller dtype or another device"
        ) from error
    except Exception as error:
        raise CheckpointError(f"{folder}: cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    words = str(error).strip().partition("\n")[0]
    if isinstance(error, json.JSONDecodeError | KeyError) or not words:
        return f"{type(error).__name__}: {words}"
    return words
