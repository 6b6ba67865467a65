"""The Python of docs/lark.md runs, and prints what it says there."""

from __future__ import annotations

import re
from pathlib import Path

import constrained_diffusion as cd
from constrained_diffusion.grammar_files import bundled_grammars

PAGE = (Path(__file__).parents[3] / "docs" / "lark.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n(?P<output>(?:    [^\n]*\n)+))?", re.DOTALL)


def test_the_examples_run_and_print_what_is_shown(capsys) -> None:
    names: dict[str, object] = {}
    blocks = list(BLOCK.finditer(PAGE))
    assert len(blocks) == 6
    for block in blocks:
        exec(block["code"], names)
        shown = re.sub(r"(?m)^    ", "", block["output"] or "")
        assert capsys.readouterr().out.split() == shown.split()


def test_the_table_of_engines() -> None:
    rows = re.findall(r"\n\| ([a-z0-9_, ]+) \| (token automaton|pushdown) \| (\w+) \|", PAGE)
    named = {}
    for names, engine, nesting in rows:
        named.update(dict.fromkeys(names.split(", "), (engine, nesting)))
    assert sorted(named) == bundled_grammars()
    for name, (engine, nesting) in named.items():
        grammar = cd.LarkGrammar.open(name)
        is_automaton = grammar.pushdown_parts() is None
        assert engine == ("token automaton" if is_automaton else "pushdown"), name
        if is_automaton:
            found = re.match(r"nesting: at most (\d)", " ".join(grammar.language().bounds))
            assert nesting == ("exact" if found is None else found[1]), name


def test_every_option_exists() -> None:
    options = set(re.findall(r"\n\| `(\w+)=", PAGE))
    known = set(cd.LarkGrammar.__init__.__kwdefaults__)
    assert options == known - {"source_path"}
