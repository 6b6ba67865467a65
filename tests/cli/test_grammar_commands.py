"""Lark grammars on the command line: the options, templates, what is shown, and errors."""

from __future__ import annotations

import io
import json
import sys

import pytest
from lark import Lark

import constrained_diffusion.models
from constrained_diffusion.cli import main
from constrained_diffusion.cli.check import byte_vocabulary
from constrained_diffusion.models import RandomDenoiser

SUM = 'start: NUMBER ("+" NUMBER)*\nother: "x"\nNUMBER: /[0-9]/\n%ignore " "\n'

BLOCKS = """
start: line+
line: NAME ":" _NEWLINE _INDENT line+ _DEDENT | NAME _NEWLINE
NAME: /[a-z]+/
_NEWLINE: /(\\n *)+/
%declare _INDENT _DEDENT
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    """A folder with grammars, and a random denoiser over bytes in place of the bundled one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sum.lark").write_text(SUM)
    (tmp_path / "blocks.lark").write_text(BLOCKS)

    def load(name, device="auto"):
        return RandomDenoiser(byte_vocabulary(), 24)

    monkeypatch.setattr(constrained_diffusion.models, "load", load)
    return tmp_path


@pytest.fixture
def run(capfdbinary, monkeypatch):
    """Runs the command line: exit status, standard output, standard error."""

    def call(*arguments, standard_input=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(standard_input)))
        status = main(list(arguments))
        output, errors = capfdbinary.readouterr()
        return status, output.decode(), errors.decode()

    return call


def test_generate_from_a_grammar_file(run):
    status, output, errors = run("generate", "--lark", "sum.lark", "--steps", "2")
    assert (status, errors) == (0, "")
    Lark(SUM, parser="lalr").parse(output.removesuffix("\n"))


def test_generate_from_a_bundled_grammar_as_json(run):
    _, output, _ = run("generate", "--lark", "arithmetic", "--steps", "2", "--json")
    record = json.loads(output)
    assert record["engine"] == "token automaton"
    assert record["text"] and isinstance(record["value"], dict | str)


def test_compile_shows_engine_and_bounds(run):
    status, output, _ = run("compile", "--lark", "arithmetic", "--max-depth", "2")
    assert status == 0
    assert "engine:      token automaton" in output
    assert "narrowed:    nesting: at most 2 of" in output
    assert "bounds:      none: exact" in run("compile", "--lark", "sum.lark")[1]


def test_check_shows_the_place(run, in_a_folder):
    (in_a_folder / "good").write_text("1 + 2\n")
    (in_a_folder / "bad").write_text("1 +\n")
    status, output, errors = run("check", "--lark", "sum.lark", "good", "bad")
    assert (status, errors) == (1, "")
    assert output.splitlines() == [
        "good: accepted",
        "bad:1:4: the text ends, expected NUMBER",
        "    1 +",
        "       ^",
    ]


def test_options_reach_the_grammar(run, in_a_folder):
    (in_a_folder / "x").write_text("x")
    assert run("check", "--lark", "sum.lark", "x")[0] == 1
    assert run("check", "--lark", "sum.lark", "--start", "other", "x")[0] == 0
    assert run("check", "--lark", "sum.lark", "--parser", "earley", "x")[0] == 1
    assert run("check", "--lark", "-", "x", standard_input=b'start: "x"')[0] == 0
    (in_a_folder / "deep").write_text("((1))")
    for depth in ("1", "3"):
        assert run("check", "--lark", "arithmetic", "--max-depth", depth, "deep")[0] == 0


def test_templates_hold_grammars(run, in_a_folder):
    parts = [
        "a = ",
        {"hole": "a", "lark": "sum.lark"},
        "; b = ",
        {"hole": "b", "lark": {"grammar": "sum.lark", "start": "other"}},
        "; c = ",
        {"hole": "c", "lark": {"text": 'start: "y"', "parser": "earley"}},
    ]
    (in_a_folder / "template").write_text(json.dumps(parts))
    status, output, _ = run("generate", "--template", "template", "--steps", "2", "--json")
    record = json.loads(output)
    assert status == 0
    holes = record["holes"]
    assert record["text"] == "a = {a}; b = {b}; c = {c}".format(**holes)
    Lark(SUM, parser="lalr").parse(holes["a"])
    assert holes["b"].strip() == "x" and holes["c"] == "y"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "--lark", "bad.lark"], "(line 2, column 4)"),
        (["compile", "--lark", "bad.lark"], "is no regular expression"),
        (["check", "--lark", "bad.lark", "sum.lark"], "/x(/"),
        (["generate", "--lark", "conflict.lark"], "earley"),
        (["generate", "--lark", "missing.lark"], "missing.lark: No such file"),
        (["generate", "--lark", "."], "directory"),
        (["generate", "--lark", "jsn"], "bundled"),
        (["generate", "--lark", "binary.lark"], "UTF-8"),
        (["generate", "--lark", "sum.lark", "--start", "nothing"], "no rule 'nothing'"),
        (["generate", "--lark", "sum.lark", "--parser", "cyk"], "lalr"),
        (["generate", "--lark", "sum.lark", "--lexer", "dynamic"], "contextual"),
        (["generate", "--lark", "sum.lark", "--indenter", "ruby"], "python"),
        (["generate", "--lark", "sum.lark", "--max-depth", "0"], "max_depth"),
        (["generate", "--lark", "sum.lark", "--max-depth", "deep"], "--max-depth"),
        (["generate", "--lark", "blocks.lark"], "--indenter"),
        (["generate", "--lark", "blocks.lark", "--indenter", "python", "--max-depth", "1"], "col"),
        (["generate", "--regex", "a", "--start", "b"], "--start is for --lark only"),
        (["generate", "--regex", "a", "--max-depth", "2"], "--max-depth is for --lark only"),
        (["generate", "--lark", "sum.lark", "--regex", "a"], "--lark and --regex"),
        (["generate", "--template", "both"], "template part 0"),
        (["generate", "--template", "neither"], "template part 0"),
        (["generate", "--template", "unknown"], "template part 0"),
        (["check", "--lark", "-", "-"], "only once"),
    ],
)
def test_bad_input_is_one_line(run, in_a_folder, arguments, words):
    for name, content in {
        "bad.lark": "start: A\nA: /x(/\n",
        "conflict.lark": 'start: a | b\na: "x"\nb: "x"\n',
        "both": json.dumps([{"hole": "x", "lark": {"grammar": "json", "text": 'start: "a"'}}]),
        "neither": json.dumps([{"hole": "x", "lark": {"start": "a"}}]),
        "unknown": json.dumps([{"hole": "x", "lark": {"grammar": "json", "begin": "a"}}]),
    }.items():
        (in_a_folder / name).write_text(content)
    (in_a_folder / "binary.lark").write_bytes(b"\xff\xfe")
    status, output, errors = run(*arguments)
    assert (status, output) == (2, "")
    assert errors.startswith("error: ") and errors.count("\n") == 1 and words in errors
    assert "internal" not in errors


def test_a_grammar_that_does_not_fit(run):
    status, _, errors = run("generate", "--lark", "-", standard_input=b'start: "a"~100')
    assert status == 1 and "100" in errors and "24" in errors
