"""The Python of docs/models.md runs, with small random checkpoints for the published ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers")

import remote_code_checkpoint  # noqa: E402
import tiny_diffusion_gemma  # noqa: E402

import constrained_diffusion as cd  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What stands for each published checkpoint."""
    root = tmp_path_factory.mktemp("published")
    for name in ("gemma", "llada", "dream", "causal"):
        (root / name).mkdir()
    tiny_diffusion_gemma.checkpoint(root / "gemma", canvas_length=64, hidden=32)
    tiny_diffusion_gemma.tokenizer().save_pretrained(root / "gemma")
    remote_code_checkpoint.write(root / "llada", "llada")
    remote_code_checkpoint.write(root / "dream", "dream")
    tokenizer = tiny_diffusion_gemma.tokenizer()
    transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).save_pretrained(root / "causal")
    tokenizer.save_pretrained(root / "causal")
    return {
        "google/diffusiongemma-26B-A4B-it": root / "gemma",
        "google/gemma-4-26B-A4B-it": root / "causal",
        "GSAI-ML/LLaDA-8B-Instruct": root / "llada",
        "Dream-org/Dream-v0-Instruct-7B": root / "dream",
        "path/to/the/checkpoint": root / "gemma",
    }


def run(block: str, folders) -> dict[str, object]:
    """The names that a block leaves, after the one that all share."""
    for name, folder in folders.items():
        block = block.replace(f'"{name}"', repr(str(folder)))
    names: dict[str, object] = {}
    exec(BLOCKS[0], names)
    exec(block, names)
    return names


@pytest.mark.parametrize("block", BLOCKS[1:], ids=lambda block: block.strip().splitlines()[0][:40])
def test_the_examples_run(block, folders, capsys):
    for used in ("DiffusionConstraint", "AutoregressiveConstraint"):
        if f"cd.{used}" in block and not hasattr(cd, used):
            pytest.skip(f"{used} is not there")
    if 'quantization="int4"' in block:
        pytest.skip("needs a GPU")
    if "quantization=" in block and "cd.load" in block:
        pytest.importorskip("torchao")
    names = run(block, folders)
    printed = capsys.readouterr().out
    if "result" in names:
        assert set(names["result"].value.model_dump()) == {"name", "age"}
    if "decode(" in block:
        assert set(json.loads(printed)) == {"name", "age"}
    if "estimate_memory" in block:
        assert printed.count("GB") + printed.count("MB") == 6


def test_all_published_names_have_a_stand_in(folders):
    quoted = set(re.findall(r'"([\w-]+/[\w./-]+)"', "".join(BLOCKS)))
    assert quoted == set(folders)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([\w./-]+\.md)\)", TEXT):
        if target in ("vllm.md", "logits-processors.md") and not (PAGE.parent / target).exists():
            continue
        assert (PAGE.parent / target).is_file(), target


def test_the_sizes_of_the_table():
    import published_sizes

    from constrained_diffusion.models.memory_estimate import estimate_memory, in_gigabytes

    tensors = published_sizes.diffusion_gemma()
    for quantization, row in (
        (None, "bfloat16"),
        ("fp8", '"fp8"'),
        ("int8", '"int8"'),
        ("int4", '"int4"'),
    ):
        estimate = estimate_memory(tensors, dtype="bfloat16", quantization=quantization)
        line = next(line for line in TEXT.splitlines() if line.startswith("|") and row in line)
        assert in_gigabytes(estimate.weights) in line and in_gigabytes(estimate.total) in line
    assert "25.8 billion" in TEXT and 25.75e9 < sum(t.numel() for t in tensors.values()) < 25.85e9


def test_every_option_is_one():
    described = set(
        re.findall(r"(\w+)=", "".join(re.findall(r"cd\.load\((.*?)\)", TEXT, re.DOTALL)))
    )
    described -= {"mask_id", "shift_logits", "end_ids"}
    assert described <= set(cd.load.__kwdefaults__)
