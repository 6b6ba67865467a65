"""`load` of checkpoints that transformers reads: which kind, what is refused, in which words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch

transformers = pytest.importorskip("transformers")

import remote_code_checkpoint  # noqa: E402
import tiny_diffusion_gemma  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import constrained_diffusion as cd  # noqa: E402
from constrained_diffusion.models.diffusion_gemma import DiffusionGemmaDenoiser  # noqa: E402
from constrained_diffusion.models.masked_facts import MaskedModelFacts  # noqa: E402
from constrained_diffusion.models.masked_model import MaskedModelDenoiser  # noqa: E402


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """The folder of a DiffusionGemma, and the model that is in it."""
    folder = tmp_path_factory.mktemp("gemma")
    model = tiny_diffusion_gemma.checkpoint(folder)
    tiny_diffusion_gemma.tokenizer().save_pretrained(folder)
    return folder, model


@pytest.fixture
def copy(gemma, tmp_path):
    """A copy of that folder, to be damaged."""
    shutil.copytree(gemma[0], tmp_path / "copy")
    return tmp_path / "copy"


def refused(folder, *words, **options):
    with pytest.raises(cd.CheckpointError) as caught:
        cd.load(folder, "cpu", **options)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message
    return message


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# --- DiffusionGemma --------------------------------------------------------------------------


def test_a_diffusion_gemma_is_loaded_with_its_weights(gemma):
    folder, model = gemma
    denoiser = cd.load(folder, "cpu")
    assert isinstance(denoiser, DiffusionGemmaDenoiser)
    assert isinstance(denoiser, cd.Denoiser)
    loaded = dict(denoiser.model.named_parameters())
    for name, weight in model.named_parameters():
        assert torch.equal(loaded[name], weight), name
    result = cd.generate(denoiser, "hello", cd.Regex("[a-z]{2,4}"), seed=0, canvases=2)
    assert result.text.isalpha() and 2 <= len(result.text) <= 4


def test_options_reach_the_model(gemma):
    folder, _ = gemma
    denoiser = cd.load(
        str(folder), "cpu", dtype="bfloat16", canvas_length=5, chat=False, system="Be brief."
    )
    assert denoiser.model.dtype == torch.bfloat16
    assert denoiser.canvas_length == 5 and denoiser.system == "Be brief."
    assert denoiser.render_prompt("hello") == "hello"
    assert "hello" in cd.load(folder, "cpu", dtype=torch.float16).render_prompt("hello")


def test_weights_in_several_files(gemma, tmp_path):
    folder, model = gemma
    model.save_pretrained(tmp_path, max_shard_size="40KB")
    tiny_diffusion_gemma.tokenizer().save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    canvas = torch.arange(8)[None]
    assert torch.equal(
        cd.load(tmp_path, "cpu").denoise("hi", canvas), cd.load(folder, "cpu").denoise("hi", canvas)
    )
    victim = sorted(tmp_path.glob("*.safetensors"))[1]
    victim.unlink()
    refused(tmp_path, victim.name, "no such file")


def test_a_chat_template_that_only_the_old_file_has(copy):
    """Processors of before 2025 keep theirs in a file of its own."""
    template = copy / "chat_template.jinja"
    text = template.read_text()
    template.unlink()
    assert cd.load(copy, "cpu").render_prompt("hello") == "hello"
    template.write_text(text)
    assert cd.load(copy, "cpu").render_prompt("hello") != "hello"


# --- damage ----------------------------------------------------------------------------------


def test_truncated_weights(copy):
    path = copy / "model.safetensors"
    for size in (0, 4, 100, path.stat().st_size - 1):
        path.write_bytes((path.read_bytes() + b"\0" * 200)[:size])
        refused(copy, "model.safetensors", "safetensors file")


def test_missing_weights_are_not_made_up(copy):
    tensors = load_file(copy / "model.safetensors")
    victim = next(name for name in tensors if "decoder.layers.0.mlp.up_proj" in name)
    del tensors[victim]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    refused(copy, "weights are missing", "up_proj")


def test_weights_without_a_place(copy):
    tensors = load_file(copy / "model.safetensors")
    tensors["model.decoder.layers.9.mlp.up_proj.weight"] = torch.zeros(3, 3)
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    refused(copy, "no place for", "layers.9")


def test_weights_of_another_shape(copy):
    config = json.loads((copy / "config.json").read_text())
    config["text_config"]["intermediate_size"] += 8
    (copy / "config.json").write_text(json.dumps(config))
    refused(copy, "another shape")


@pytest.mark.parametrize(
    "change",
    [
        {"text_config": "none"},
        {"text_config": None},
        {"canvas_length": "many"},
        {"dtype": "int3"},
        {"quantization_config": {"quant_method": "magic"}},
    ],
)
def test_a_configuration_that_makes_no_sense(copy, change):
    edit(copy, **change)
    refused(copy, str(copy))


def test_a_tokenizer_that_is_missing_or_broken(copy):
    (copy / "tokenizer.json").write_text("{}")
    refused(copy, str(copy))
    for path in copy.glob("tokenizer*"):
        path.unlink()
    refused(copy, str(copy))


def test_a_configuration_that_is_missing_or_no_object(copy):
    (copy / "config.json").write_text("[1]")
    refused(copy, "config.json", "object")
    (copy / "config.json").unlink()
    refused(copy, "config.json", "cannot be read")


def test_pickles_are_never_opened(copy, tmp_path):
    fired = tmp_path / "fired"

    class Bomb:
        def __reduce__(self):
            return (fired.touch, ())

    (copy / "model.safetensors").unlink()
    torch.save({"x": Bomb()}, copy / "pytorch_model.bin")
    refused(copy, "pickles", "pytorch_model.bin", "safetensors")
    assert not fired.exists()


def test_an_adapter_is_not_loaded_on_top(copy):
    (copy / "adapter_config.json").write_text("{}")
    refused(copy, "adapter", "merge")


def test_an_index_that_leads_outside(copy):
    weight_map = {"lm_head.weight": "../elsewhere.safetensors"}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    refused(copy, "outside")
    (copy / "model.safetensors.index.json").write_text("{}")
    refused(copy, "weight_map")


# --- masked models ---------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_a_masked_model_with_its_own_code(family, tmp_path):
    weights = remote_code_checkpoint.write(tmp_path, family)
    denoiser = cd.load(tmp_path, "cpu", trust_remote_code=True, canvas_length=6)
    assert isinstance(denoiser, MaskedModelDenoiser)
    assert denoiser.canvas_length == 6
    assert denoiser.facts.shift_logits == (family == "dream")
    for name, weight in denoiser.model.named_parameters():
        assert torch.equal(weight, weights[name])
    assert cd.generate(denoiser, "hi", cd.Choice(["yes", "no"]), seed=0).text in ("yes", "no")


def test_code_runs_only_where_the_caller_says_so(tmp_path):
    remote_code_checkpoint.write(tmp_path)
    fired = tmp_path / "fired"
    source = tmp_path / "configuration_tiny.py"
    source.write_text(f"open({str(fired)!r}, 'w')\n" + source.read_text())
    refused(tmp_path, "modeling_tiny.py", "trust_remote_code=True")
    assert not fired.exists()
    cd.load(tmp_path, "cpu", trust_remote_code=True)
    assert fired.exists()


def test_code_that_breaks_is_one_line(tmp_path):
    remote_code_checkpoint.write(tmp_path)
    (tmp_path / "modeling_tiny.py").write_text("raise ZeroDivisionError('first\\nsecond')")
    assert refused(tmp_path, "first", trust_remote_code=True).startswith(str(tmp_path))


def test_facts_from_the_caller(tmp_path):
    remote_code_checkpoint.write(tmp_path, model_type="novel", architectures=["NovelModel"])
    with pytest.raises(cd.ConstrainedDiffusionError, match="MaskedModelFacts"):
        cd.load(tmp_path, "cpu", trust_remote_code=True)
    facts = MaskedModelFacts(mask_id=256, shift_logits=False, end_ids=(257,))
    denoiser = cd.load(tmp_path, "cpu", trust_remote_code=True, facts=facts)
    assert denoiser.facts == facts and denoiser.vocabulary.mask_id == 256


def test_a_masked_model_that_transformers_knows(tmp_path):
    made = remote_code_checkpoint.tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(made),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        tie_word_embeddings=False,
    )
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
    made.save_pretrained(tmp_path)
    refused(tmp_path, "bert", "BertForMaskedLM", "facts")
    facts = MaskedModelFacts(mask_id=256, shift_logits=False, end_ids=(257,))
    denoiser = cd.load(tmp_path, "cpu", facts=facts, canvas_length=5)
    assert cd.generate(denoiser, "hi", cd.Choice(["yes", "no"]), seed=0).text in ("yes", "no")


def test_a_model_that_writes_from_left_to_right(tmp_path):
    config = transformers.LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    refused(tmp_path, "llama", "left to right", "AutoregressiveConstraint")


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    refused(tmp_path, "no stated model_type", "Denoiser")


# --- names, devices, types -------------------------------------------------------------------


def test_an_id_of_the_hub_is_looked_up_in_the_cache_alone(monkeypatch, tmp_path, gemma):
    import socket

    def no_network(*arguments, **options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    refused("some-org/some-model", "some-org/some-model", "cache", "download=True")
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--some-org--some-model"
    shutil.copytree(gemma[0], repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    assert isinstance(cd.load("some-org/some-model", "cpu"), DiffusionGemmaDenoiser)
    refused("some-org/some-model", "cache", revision="another")


def test_the_network_that_fails_is_one_line(monkeypatch):
    def snapshot(name, **options):
        assert options["local_files_only"] is False
        assert "*.py" not in options["allow_patterns"]
        assert not any("bin" in pattern for pattern in options["allow_patterns"])
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    refused("some-org/some-model", "no route", download=True)


@pytest.mark.parametrize("name", ["", "nothing", "a/b/c", "../x", "text/", "https://a.b/c"])
def test_names_of_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(name)


@pytest.mark.parametrize("device", ["cuda:99", "nowhere", "meta", "cuda:-1", "cpu:x", ""])
@pytest.mark.parametrize("bundled", [True, False])
def test_devices_that_are_not_there(gemma, device, bundled):
    with pytest.raises(cd.CheckpointError, match="device"):
        cd.load("sudoku" if bundled else gemma[0], device)


@pytest.mark.parametrize("dtype", ["int8", "float3", torch.int64, 7])
def test_types_that_are_none(gemma, dtype):
    refused(gemma[0], "dtype", dtype=dtype)


def test_options_that_a_denoiser_of_this_package_does_not_take():
    refused("sudoku", "no other options", dtype="bfloat16")
    refused("text", "no other options", quantization="int8")
    refused("text", "no other options", canvas_length=7)


def test_canvas_lengths_that_are_none(gemma):
    refused(gemma[0], "canvas_length", canvas_length=0)


def test_facts_of_a_model_without_a_mask(gemma):
    facts = MaskedModelFacts(mask_id=5, shift_logits=False, end_ids=(1,))
    refused(gemma[0], "no mask", facts=facts)


def test_without_transformers_the_extra_is_named(gemma, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(gemma[0], 'pip install ".[transformers]"')


def test_the_bundled_denoisers_do_not_import_transformers():
    code = (
        "import sys, constrained_diffusion as cd; cd.load('text', 'cpu'); cd.load('sudoku', 'cpu');"
        "assert not {'transformers', 'huggingface_hub', 'accelerate'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
