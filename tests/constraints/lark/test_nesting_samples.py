"""Automata of real grammars on real texts and mutants, where those stand beside the checkout."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from nesting_oracle import random_text

import constrained_diffusion as cd

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "lark-grammars"
NAMES = ["lark_json", "ligurio_iso8601", "optimade_1_2", "poetry_pep508", "syncode_calc"]
MOST = 150

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not here")


def grammar(name: str) -> cd.LarkGrammar:
    folder = DATA / name
    meta = json.loads((folder / "meta.json").read_text())
    return cd.LarkGrammar.open(
        folder / meta["main"],
        start=meta["start"],
        parser=meta["parser"],
        lexer=meta["lexer"],
        import_paths=[folder],
    )


def texts(name: str) -> list[tuple[str, bool]]:
    """Some texts with Lark's verdict, the same at each run."""
    found = []
    for kind in ("samples", "mutants"):
        path = DATA / name / f"{kind}.jsonl.gz"
        if path.exists():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            found += [(record["text"], bool(record["lark"])) for record in records]
    found = [(text, label) for text, label in found if text.isprintable() or "\n" in text]
    return random.Random(1).sample(found, min(MOST, len(found)))


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_judged_as_lark_judges_them(name: str) -> None:
    constraint = grammar(name)
    language = constraint.language()
    depth = int(language.bounds[0].split()[3]) if language.bounds else 0
    for text, expected in texts(name):
        data = text.encode()
        accepted = language.automaton.accepts(data)
        assert expected or not accepted, text
        if not language.bounds or sum(map(text.count, "([{")) <= depth:
            assert accepted == expected, text
        # What generation leaves out counts all the same.
        assert (accepted or constraint.accepts_beyond(text)) == expected, text


@pytest.mark.parametrize("name", NAMES)
def test_lark_accepts_random_texts(name: str) -> None:
    constraint = grammar(name)
    automaton = constraint.language().automaton
    rng = random.Random(name)
    for _ in range(40):
        text = random_text(automaton, rng)
        assert constraint.refusal(text) is None, text
