"""The sampler under test: a stand-in everywhere, vLLM's own where vLLM is installed."""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any

import numpy as np
import pytest
import stand_in_sampler
import torch

from constrained_diffusion.integrations.vllm.contract import MODEL_MODULE
from constrained_diffusion.integrations.vllm.step import constraining


class _CpuTensor:
    """vLLM's UvaBackedTensor where there is no GPU."""

    def __init__(self, size: Any, dtype: torch.dtype) -> None:
        self.np = np.zeros(size, torch.zeros(0, dtype=dtype).numpy().dtype)

    @property
    def gpu(self) -> torch.Tensor:
        return torch.from_numpy(self.np.copy())

    def copy_to_uva(self) -> None:
        pass


@pytest.fixture(params=["stand-in", "vllm"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "stand-in":
        module: Any = stand_in_sampler
    else:
        pytest.importorskip("vllm.exceptions", reason="vLLM is not installed")
        os.environ["TORCHDYNAMO_DISABLE"] = "1"
        torch._dynamo.config.disable = True
        module = importlib.import_module(MODEL_MODULE)
        monkeypatch.setattr(module, "UvaBackedTensor", _CpuTensor)
        utilities = importlib.import_module("vllm.utils.torch_utils")
        monkeypatch.setattr(utilities, "PIN_MEMORY", False)
        monkeypatch.setattr(
            torch.accelerator, "get_memory_info", lambda: (2**30, 2**30), raising=False
        )
    for name in ("sample_row_stats", "sample_row_stats_reference"):
        # Another test may have imported the plugin's model, which replaces them for good.
        stock = inspect.unwrap(getattr(module, name))
        monkeypatch.setattr(module, name, constraining(stock))
    return module
