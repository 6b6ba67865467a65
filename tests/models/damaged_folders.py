"""What can happen to a checkpoint folder of this package, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constrained_diffusion.errors import CheckpointError

Damage = Callable[[Path], Any]


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def edit(**changes: Any) -> Damage:
    """Changes members of the configuration; those of `network` one by one."""

    def damage(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        del config["sha256"]["config.json"]  # else the sum alone tells
        network = {**config["network"], **changes.get("network", {})}
        path.write_text(json.dumps({**config, **changes, "network": network}))

    return damage


COMMON: list[tuple[Damage, str]] = [
    (lambda f: (f / "model.safetensors").unlink(), "model.safetensors.*cannot be read"),
    (lambda f: (f / "config.json").unlink(), "config.json.*cannot be read"),
    (lambda f: (f / "config.json").write_text("{"), "config.json.*not JSON"),
    (lambda f: (f / "config.json").write_text("[]"), "config.json.*object"),
    (truncate, "model.safetensors.*damaged"),
    (edit(format_version=99), "version 99"),
    (edit(network={"width": 64}), "model.safetensors.*does not fit"),
    (edit(network={"unknown": 1}), "sizes"),
]
"""Damages, and what the error says of them."""


def check_refused(denoiser: Any, folder: Path, damage: Damage, message: str) -> None:
    """Saves the denoiser, damages the folder, and expects that it is refused by name."""
    denoiser.save(folder)
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        type(denoiser).load(folder)
    assert str(folder) in str(caught.value)
