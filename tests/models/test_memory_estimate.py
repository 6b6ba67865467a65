"""The memory estimate against the bytes of loaded models, and against published sizes."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

transformers = pytest.importorskip("transformers")

import published_sizes  # noqa: E402
import tiny_diffusion_gemma  # noqa: E402

import constrained_diffusion as cd  # noqa: E402
from constrained_diffusion.models import memory_estimate, pretrained  # noqa: E402
from constrained_diffusion.models.memory_estimate import (  # noqa: E402
    FULL_SIZE_ARRAYS,
    MemoryEstimate,
    TensorHeader,
    check_memory,
    estimate_memory,
    free_memory,
)

GB = 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("gemma")
    tiny_diffusion_gemma.checkpoint(made, dtype=torch.bfloat16, hidden=32)
    tiny_diffusion_gemma.tokenizer().save_pretrained(made)
    return made


def bytes_of(model) -> int:
    """Each storage once: tied weights share theirs."""
    tensors = {t.data_ptr(): t.numel() * t.element_size() for t in model.parameters()}
    return sum(tensors.values())


@pytest.mark.parametrize("dtype", [None, "float32", torch.bfloat16])
def test_the_weights_are_those_of_the_loaded_model(folder, dtype):
    model = cd.load(folder, "cpu", dtype=dtype).model
    estimate = estimate_memory(folder, dtype=dtype)
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    assert 0 <= estimate.weights - bytes_of(model) <= buffers


def test_no_weights_are_read(folder, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("weights were read")

    monkeypatch.setattr("safetensors.torch.load_file", never)
    assert estimate_memory(folder).weights > 0


def test_buffers_grow_with_canvas_rows_and_vocabulary(folder):
    config = json.loads((folder / "config.json").read_text())
    size, length = config["text_config"]["vocab_size"], config["canvas_length"]
    assert estimate_memory(folder).buffers == FULL_SIZE_ARRAYS * length * size * 4
    longer = estimate_memory(folder, canvas_length=3 * length, rows=5)
    assert longer.buffers == 15 * estimate_memory(folder).buffers
    assert longer.total == longer.weights + longer.buffers


def test_published_sizes():
    """25.2 billion parameters (the model card); checkpoints of third parties: about 50 GB in
    bfloat16, about 26 GB in 8 bits, experts and all."""
    tensors = published_sizes.diffusion_gemma()
    assert 25.0e9 < sum(tensor.numel() for tensor in tensors.values()) < 25.9e9
    plain = estimate_memory(tensors, dtype="bfloat16")
    assert 49 * GB < plain.weights < 53 * GB
    assert plain.buffers == FULL_SIZE_ARRAYS * 256 * 262_144 * 4
    for quantization in ("fp8", "int8"):
        assert (
            25 * GB
            < estimate_memory(tensors, dtype="bfloat16", quantization=quantization).weights
            < 28 * GB
        )
    assert estimate_memory(tensors, dtype="bfloat16", quantization="int4").total < 24 * GB, (
        "fits a card of 24 GB"
    )


def test_headers_by_name():
    tensors = {
        "layers.0.mlp.weight": TensorHeader("F8_E4M3", (10, 10)),
        "layers.0.mlp.scale": TensorHeader("F32", (10,)),
        "embed_tokens.weight": TensorHeader("BF16", (7, 10)),
        "packed": TensorHeader("I32", (4,)),
    }
    assert estimate_memory(tensors) == MemoryEstimate(
        100 + 40 + 140 + 16, FULL_SIZE_ARRAYS * 256 * 7 * 4
    )
    # Weights in 8-bit floats stay so; where the device cannot, they are unpacked.
    assert estimate_memory(tensors, dtype="float32").weights == 100 + 40 + 280 + 16
    assert estimate_memory(tensors, float8=False).weights == 200 + 40 + 140 + 16
    with pytest.raises(cd.CheckpointError, match="F77"):
        estimate_memory({"x": TensorHeader("F77", (1,))})


def test_what_does_not_fit_is_refused_before_it_is_loaded(folder, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("loading began")

    monkeypatch.setattr(pretrained, "free_memory", lambda device: 1000)
    with monkeypatch.context() as patched:
        patched.setattr(transformers.DiffusionGemmaForBlockDiffusion, "from_pretrained", never)
        with pytest.raises(cd.LimitError) as caught:
            cd.load(folder, "cpu")
    for words in (str(folder), "needs", "cpu has 0.0 MB free", "quantization", "check_memory"):
        assert words in str(caught.value)
    assert cd.load(folder, "cpu", check_memory=False).canvas_length


def test_unknown_memory_is_no_reason_to_refuse():
    check_memory(MemoryEstimate(10**15, 0), None, "it", "there")
    check_memory(MemoryEstimate(10, 0), 10, "it", "there")
    with pytest.raises(cd.LimitError):
        check_memory(MemoryEstimate(10, 1), 10, "it", "there")


def test_the_memory_of_this_machine(monkeypatch):
    free = free_memory("cpu")
    if free is None:
        pytest.skip("this system does not say how much memory is free")
    assert 1e6 < free < 1e15
    monkeypatch.setattr(memory_estimate.Path, "read_text", _missing)
    assert free_memory("cpu") is None


def _missing(*arguments, **options):
    raise FileNotFoundError(2, "no such file")


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(cd.CheckpointError, match=r"model\.safetensors"):
        estimate_memory(tmp_path)
    save_file({"embed.weight": torch.zeros(3, 2)}, tmp_path / "model.safetensors")
    assert estimate_memory(tmp_path).weights == 24
