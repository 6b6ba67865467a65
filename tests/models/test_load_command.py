"""`constrained-diffusion generate --model` with checkpoints of transformers."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("transformers")

import remote_code_checkpoint
import tiny_diffusion_gemma

from constrained_diffusion.cli import main

GENERATE = ("generate", "--regex", "[a-z]{2,4}", "--seed", "0", "--steps", "2", "--model")


@pytest.fixture
def gemma(tmp_path):
    tiny_diffusion_gemma.checkpoint(tmp_path)
    tiny_diffusion_gemma.tokenizer().save_pretrained(tmp_path)
    return str(tmp_path)


def test_a_folder_with_type_and_device(gemma, capfd):
    assert main([*GENERATE, gemma, "--dtype", "bfloat16", "--device", "cpu"]) == 0
    assert re.fullmatch("[a-z]{2,4}\n", capfd.readouterr().out)


def test_code_of_a_checkpoint_has_to_be_allowed(tmp_path, capfd):
    remote_code_checkpoint.write(tmp_path)
    assert main([*GENERATE, str(tmp_path)]) == 2
    assert "--trust-remote-code" in capfd.readouterr().err
    # LLaDA's default: 8 blocks of 32 positions, each with a step.
    assert main([*GENERATE, str(tmp_path), "--trust-remote-code", "--steps", "8"]) == 0
    assert re.fullmatch("[a-z]{2,4}\n", capfd.readouterr().out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("some-org/some-model",), "--download"),
        (("sudoku", "--quantization", "int8"), "no other options"),
        (("text", "--device", "cuda:77"), "cuda:77"),
        (("nothing",), "nothing"),
    ],
)
def test_errors_are_one_line(options, words, capfd, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert main([*GENERATE, *options]) == 2
    output, errors = capfd.readouterr()
    assert output == "" and errors.count("\n") == 1 and words in errors


def test_quantisation_that_is_not_known(gemma, capfd):
    assert main([*GENERATE, gemma, "--quantization", "int3"]) == 2
    errors = capfd.readouterr().err
    assert "int3" in errors and "fp8, int8, int4" in errors
