"""Quantisation on loading: what is refused, and, where torchao is installed, what comes out."""

from __future__ import annotations

import json

import pytest
import torch

transformers = pytest.importorskip("transformers")

import remote_code_checkpoint  # noqa: E402
import tiny_diffusion_gemma  # noqa: E402

import constrained_diffusion as cd  # noqa: E402
from constrained_diffusion.models import quantization as module  # noqa: E402
from constrained_diffusion.models.memory_estimate import estimate_memory  # noqa: E402
from constrained_diffusion.models.quantization import keeps_precision  # noqa: E402

EXTRA = 'pip install ".[quantization]"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("gemma")
    tiny_diffusion_gemma.checkpoint(made, dtype=torch.bfloat16, hidden=64)
    tiny_diffusion_gemma.tokenizer().save_pretrained(made)
    return made


def refused(folder, *words, device="cpu", **options):
    with pytest.raises(cd.CheckpointError) as caught:
        cd.load(folder, device, **options)
    for word in words:
        assert word in str(caught.value)


def publish(folder, method):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "quantization_config": method}))


# --- refusals --------------------------------------------------------------------------------


def test_a_missing_package_is_named(folder, monkeypatch):
    monkeypatch.setattr(module, "_is_installed", lambda package: False)
    for quantization in ("fp8", "int8"):
        refused(folder, quantization, "torchao", EXTRA, quantization=quantization)


def test_an_unknown_kind(folder):
    refused(folder, "int3", "fp8, int8, int4", quantization="int3")


def test_int4_needs_cuda(folder, monkeypatch):
    refused(folder, "int4", "CUDA", "cpu", quantization="int4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    refused(folder, "8.0 or newer", "7.5", device="cuda", quantization="int4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    refused(folder, "bfloat16", "float16", device="cuda:0", quantization="int4", dtype="float16")


def test_mps_has_none(folder, monkeypatch):
    monkeypatch.setattr(torch.mps, "device_count", lambda: 1)
    refused(folder, "mps", device="mps", quantization="int8")


FLOAT8 = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"weights": {"type": "float", "num_bits": 8}}},
}


@pytest.mark.parametrize(
    ("published", "wanted", "words"),
    [
        (FLOAT8, "int8", ("published in fp8", "cannot be quantised to int8")),
        ({"quant_method": "fp8"}, "int4", ("published in fp8",)),
        ({"quant_method": "gptq", "bits": 4}, "int4", ("published in gptq",)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "fp8", ("published in int4",)),
        ({"quant_method": "modelopt"}, None, ("modelopt", "vLLM")),
        ({"quant_method": "modelopt"}, "fp8", ("modelopt", "vLLM")),
        ({}, None, ("unknown",)),
    ],
)
def test_published_in_another_way(tmp_path, published, wanted, words):
    remote_code_checkpoint.write(tmp_path)
    publish(tmp_path, published)
    refused(tmp_path, *words, trust_remote_code=True, quantization=wanted)


def test_the_package_of_a_published_checkpoint_is_named(tmp_path, monkeypatch):
    remote_code_checkpoint.write(tmp_path)
    publish(tmp_path, FLOAT8)
    monkeypatch.setattr(module, "_is_installed", lambda package: False)
    for wanted in (None, "fp8"):
        refused(tmp_path, "compressed-tensors", EXTRA, trust_remote_code=True, quantization=wanted)


# --- which tensors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "kept"),
    [
        ("model.decoder.layers.0.self_attn.q_proj.weight", (8, 8), False),
        ("model.decoder.layers.0.experts.gate_up_proj", (3, 8, 8), False),
        ("model.decoder.layers.0.experts.down_proj", (3, 8, 8), False),
        ("model.decoder.layers.0.input_layernorm.weight", (8,), True),
        ("model.decoder.layers.0.router.proj.weight", (3, 8), True),
        ("model.decoder.embed_tokens.weight", (9, 8), True),
        ("model.decoder.self_conditioning.up_proj.weight", (8, 8), True),
        ("model.encoder.vision_tower.encoder.layers.0.mlp.up_proj.linear.weight", (8, 8), True),
        ("lm_head.weight", (9, 8), True),
        # LLaDA's names: the output matrix, and a part of each layer.
        ("model.transformer.ff_out.weight", (9, 8), True),
        ("model.transformer.blocks.0.ff_out.weight", (8, 8), False),
        ("model.transformer.wte.weight", (9, 8), True),
    ],
)
def test_which_tensors_keep_their_precision(name, shape, kept):
    assert keeps_precision(name, shape) == kept


# --- with torchao ----------------------------------------------------------------------------


@pytest.mark.parametrize("quantization", ["fp8", "int8"])
def test_a_quantised_diffusion_gemma(folder, quantization):
    """All of the text model, each shared tensor once, near to what it was, and as estimated."""
    pytest.importorskip("torchao")
    plain = cd.load(folder, "cpu")
    denoiser = cd.load(folder, "cpu", quantization=quantization)
    kinds = {name: type(p).__name__ for name, p in denoiser.model.named_parameters()}
    for name, parameter in denoiser.model.named_parameters():
        ordinary = kinds[name] == "Parameter"
        assert ordinary == keeps_precision(name, tuple(parameter.shape)), name
    everything = dict(denoiser.model.named_parameters(remove_duplicate=False))
    for name, parameter in everything.items():
        if "decoder.layers" in name:
            twin = name.replace("decoder.layers", "encoder.language_model.layers")
            assert everything[twin] is parameter
    canvas = torch.randint(7, 290, (2, 8), generator=torch.Generator().manual_seed(0))
    expected, found = plain.denoise("hello", canvas), denoiser.denoise("hello", canvas)
    error = (found - expected).std() / expected.std()
    assert 0 < error < {"fp8": 0.3, "int8": 0.1}[quantization]
    result = cd.generate(denoiser, "hello", cd.Regex("[a-z]{2,4}"), seed=0)
    assert result.text.isalpha() and 2 <= len(result.text) <= 4

    stored = {id(p): p for p in denoiser.model.parameters()}.values()
    count = sum(sum(part.numel() * part.element_size() for part in parts_of(p)) for p in stored)
    estimate = estimate_memory(folder, quantization=quantization).weights
    assert 0.98 * count <= estimate <= 1.05 * count


def parts_of(parameter: torch.Tensor) -> list[torch.Tensor]:
    """The plain tensors of a tensor of torchao: numbers and scales."""
    if not hasattr(parameter, "__tensor_flatten__"):
        return [parameter]
    return [getattr(parameter, name) for name in parameter.__tensor_flatten__()[0]]


@pytest.mark.parametrize("package", ["torchao", "bitsandbytes"])
def test_a_quantised_masked_model(tmp_path, monkeypatch, package):
    pytest.importorskip(package)
    monkeypatch.setattr(module, "_is_installed", lambda name: name == package)
    remote_code_checkpoint.write(tmp_path, hidden=64)
    plain = cd.load(tmp_path, "cpu", trust_remote_code=True, canvas_length=6, dtype="bfloat16")
    denoiser = cd.load(
        tmp_path,
        "cpu",
        trust_remote_code=True,
        canvas_length=6,
        dtype="bfloat16",
        quantization="int8",
    )
    kinds = {n: type(p).__name__ for n, p in denoiser.model.named_parameters()}
    assert kinds["mix.weight"] != "Parameter" and kinds["wte.weight"] == "Parameter"
    canvas = torch.full((1, 6), plain.facts.mask_id)
    expected, found = plain.denoise("hi", canvas).float(), denoiser.denoise("hi", canvas).float()
    assert (found - expected).std() / expected.std() < 0.1
    assert cd.generate(denoiser, "hi", cd.Choice(["yes", "no"]), seed=0).text in ("yes", "no")
