"""What the plugin relies on in vLLM is there: checked on the source, without importing it.

VLLM_SOURCE may name the folder of a `vllm` package; else an installed vLLM is looked for.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from constrained_diffusion.integrations.vllm import contract, register


def source() -> Path | None:
    if given := os.environ.get("VLLM_SOURCE"):
        return Path(given)
    try:
        importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        return None
    spec = importlib.util.find_spec("vllm")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture
def vllm_source() -> Path:
    folder = source()
    if folder is None:
        pytest.skip("vLLM is not installed, and VLLM_SOURCE names no folder")
    return folder


def test_vllm_is_as_the_plugin_expects(vllm_source: Path) -> None:
    assert list(contract.breaches(vllm_source)) == []


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for module in contract.CONTRACT:
        path = folder.joinpath(*module.split(".")[1:]).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = list(contract.breaches(tmp_path))
    assert f"there is no {contract.MODEL_MODULE}" in found
    write(tmp_path, "class DiffusionSampler:\n    def __call__(self, logits, batch): ...\n")
    found = list(contract.breaches(tmp_path))
    name = f"{contract.MODEL_MODULE}.DiffusionSampler.__call__"
    assert f"{name} takes (self logits batch), not (self logits input_batch draft_logits)" in found
    assert any(f"{name} has no line `stats = sample_row_stats(" in each for each in found)
    assert any("has no SamplingParams._validate_structured_outputs" in each for each in found)


@pytest.mark.parametrize("version", ["0.32.1", "0.34.0", "1.0", "0.330.0"])
def test_other_versions_are_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    """With an error in the log; nothing of vLLM is imported, so nothing is changed."""
    found: Any = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: version if name == "vllm" else found(name)
    )
    register()
    assert f"this is {version}" in caplog.text and "not active" in caplog.text


def test_without_vllm_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    register()
    assert "vLLM is not installed" in caplog.text


def test_a_changed_source_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.33.9")
    write(tmp_path, "")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]),
    )
    register()
    assert "vLLM 0.33.9 is not as it was" in caplog.text
