"""examples/records/routing.py runs, and routes by the probability of what was written."""

import re
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "records" / "routing.py"


def test_routing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    names = runpy.run_path(str(SCRIPT))
    del names["MESSAGES"][3:-1]
    names["main"](0.8)
    rows = re.findall(r" (\d+)% *│ (\w+) (\d+)% *│ (.*?) *│", capsys.readouterr().out)
    assert len(rows) == len(names["MESSAGES"])
    for probability, _, other, target in rows:
        assert (target == "a person") == (int(probability) < 80)
        assert int(probability) + int(other) <= 101
    assert {target for *_, target in rows} == {"a person", "the ticket system"}
