"""The Python of docs/infilling.md runs, the options it names exist, and the example runs."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "infilling.md").read_text(encoding="utf-8")


def random_denoiser(name: str = "code") -> RandomDenoiser:
    tokens = [*(bytes([byte]) for byte in range(0x20, 0x7F)), b"\n", None]
    return RandomDenoiser(cd.Vocabulary(tokens, end_ids=[len(tokens) - 1]), 12)


def test_the_examples_run(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cd, "load", random_denoiser)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 5
    exec(blocks[0], names)
    ast.parse(capsys.readouterr().out)
    for block in blocks[1:]:
        exec(block, names)
    assert "line 2, column 6: found 'b'" in capsys.readouterr().out


def test_the_options_exist() -> None:
    import inspect

    from constrained_diffusion.cli import infill

    source = inspect.getsource(infill) + inspect.getsource(sys.modules[infill.__name__])
    named = set(re.findall(r"--[a-z][a-z-]*", TEXT))
    shared = {"--lark", "--schema", "--regex"}
    assert {option for option in named - shared if f'"{option}"' not in source} == set()


def test_the_example_runs_without_the_bundled_denoiser(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "infill"))
    import run

    def absent(name: str) -> None:
        raise cd.CheckpointError(f"no denoiser {name!r}")

    monkeypatch.setattr(cd, "load", absent)
    page = tmp_path / "page.html"
    run.main(["--only", "missing member", "-n", "1", "--html", str(page)])
    output, errors = capsys.readouterr()
    assert "random predictions" in errors
    assert "--- missing member (json)" in output
    assert "Ada Lovelace" in page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="no denoiser 'other'"):
        run.main(["--model", "other"])
