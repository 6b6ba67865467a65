"""The Python of docs/puzzles.md runs, and says what it says there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from stand_ins import Hinting

import constrained_diffusion as cd

PAGE = Path(__file__).parents[2] / "docs" / "puzzles.md"
HARD = "812753649943682175675491283154237896369845721287169534521974368438526917796318452"


@pytest.fixture
def blocks(monkeypatch):
    monkeypatch.setattr(cd, "load", lambda name: Hinting(HARD, 1.0))
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_run(blocks, capsys):
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    output = capsys.readouterr().out
    assert output.startswith(HARD + " True ")
    assert "\n".join(HARD[start : start + 9] for start in range(0, 81, 9)) in output
    # The only filling of that Kakuro: 1 3 / 2 4.
    assert "['1324']" in output


def test_every_option_of_the_table_exists(blocks):
    for option in re.findall(r"`cd\.Sudoku\(grid, (\w+)=", PAGE.read_text(encoding="utf-8")):
        assert option in cd.Sudoku.__init__.__kwdefaults__ or option == "box"
