"""The commands in this process: output, exit status, messages."""

from __future__ import annotations

import io
import json
import sys
from html.parser import HTMLParser

import jsonschema
import pytest

import constrained_diffusion.models
from constrained_diffusion.cli import main
from constrained_diffusion.cli.check import byte_vocabulary
from constrained_diffusion.models import RandomDenoiser

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 9}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def no_trained_model(monkeypatch):
    """A random denoiser over bytes in place of the bundled one."""
    seen = []

    def load(name, device="auto"):
        seen.append(name)
        return RandomDenoiser(byte_vocabulary(), 48)

    monkeypatch.setattr(constrained_diffusion.models, "load", load)
    return seen


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Writes files into the working directory of the test."""
    monkeypatch.chdir(tmp_path)

    def write(**contents):
        for name, content in contents.items():
            path = tmp_path / name
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(
                    content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
                )

    write(schema=SCHEMA)
    return write


@pytest.fixture
def run(capfdbinary, monkeypatch):
    """Runs the command line: exit status, standard output, standard error."""

    def call(*arguments, standard_input=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(standard_input)))
        status = main(list(arguments))
        output, errors = capfdbinary.readouterr()
        return status, output.decode(), errors.decode()

    return call


def test_generate_prints_the_text_and_nothing_else(run, files):
    status, output, errors = run("generate", "--schema", "schema", "--seed", "1", "--steps", "2")
    assert (status, errors) == (0, "")
    jsonschema.validate(json.loads(output), SCHEMA)
    assert output.count("\n") == 1
    assert run("generate", "--schema", "schema", "--seed", "1", "--steps", "2")[1] == output


def test_what_is_generated_is_accepted_by_check(run, files):
    _, output, _ = run("generate", "--schema", "schema", "--steps", "2")
    files(out=output)
    assert run("check", "--schema", "schema", "out") == (0, "out: accepted\n", "")


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--regex", "a[bc]"], ["ab", "ac"]),
        (["--choice", "yes", "--choice", "no"], ["yes", "no"]),
        (["--choice", "yes", "no"], ["yes", "no"]),
        (["--choice", "日本"], ["日本"]),
    ],
)
def test_generate_from_options(run, options, texts):
    status, output, errors = run("generate", *options, "--steps", "2")
    assert (status, errors) == (0, "")
    assert output.removesuffix("\n") in texts


def test_generate_from_a_template(run, files):
    files(
        template=[
            "x=",
            {"hole": "x", "regex": "[0-9]"},
            " y=",
            {"hole": "y", "choice": ["a", "b"]},
            {"hole": "z", "schema": {"type": "boolean"}},
            {"hole": "t", "text": {"max_chars": 2}},
        ]
    )
    status, output, _ = run("generate", "--template", "template", "--steps", "2", "--json")
    record = json.loads(output)
    assert status == 0
    assert set(record["holes"]) == {"x", "y", "z", "t"}
    assert record["text"].startswith(f"x={record['holes']['x']} y=")


def test_json_record(run, files):
    _, output, _ = run("generate", "--schema", "schema", "--steps", "2", "--json")
    record = json.loads(output)
    assert json.loads(record["text"]) == record["value"]
    assert record["steps"] in (1, 2) and record["tokens"] == 48
    assert record["finish_reason"] in ("end", "length")
    again = run("generate", "--schema", "schema", "--steps", "2", "--seed", str(record["seed"]))
    assert again[1] == record["text"] + "\n"


def test_prompt_and_model_reach_the_denoiser(run, files, monkeypatch, no_trained_model):
    prompts = []
    denoise = RandomDenoiser.denoise

    def spy(self, prompt, canvas, **rest):
        prompts.append(prompt)
        return denoise(self, prompt, canvas, **rest)

    monkeypatch.setattr(RandomDenoiser, "denoise", spy)
    files(passage="from a file\n")
    run("generate", "--choice", "a", "--steps", "1", "--prompt", "given", "--model", "my/folder")
    run("generate", "--choice", "a", "--steps", "1", "--prompt", "@passage")
    assert prompts == ["given", "from a file\n"]
    assert no_trained_model == ["my/folder", "text"]


def test_schema_from_standard_input(run):
    status, output, _ = run(
        "generate", "--schema", "-", "--steps", "1", standard_input=b'{"const": 7}'
    )
    assert (status, output) == (0, "7\n")


def test_several_canvases(run):
    arguments = ("generate", "--regex", "[ab]{60}", "--steps", "2")
    status, output, errors = run(*arguments)
    assert (status, output) == (1, "")
    assert errors.startswith("error: ") and "60" in errors and "48" in errors
    status, output, _ = run(*arguments, "--canvases", "2")
    assert status == 0 and len(output) == 61


def test_watch_goes_to_standard_error(run):
    status, output, errors = run("generate", "--choice", "abc", "--steps", "2", "--watch")
    assert (status, output) == (0, "abc\n")
    assert errors.startswith("step   1")


def test_html_page(run, files, tmp_path):
    status, output, _ = run(
        "generate", "--schema", "schema", "--steps", "2", "--html", "page.html", "--prompt", "<b>"
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert status == 0
    HTMLParser().feed(page)
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert json.dumps(json.loads(output), indent=2, ensure_ascii=False).splitlines()[0] in page


def test_check_tells_where_each_file_fails(run, files):
    files(
        good='{"name":"Ada","age":36}\n',
        spaced='{\n  "name": "Ada",\n  "age": 36\n}\n',
        bad='{"name":"Ada","age":x}\n',
        binary=b'{"name":"\xff"}',
        empty="",
    )
    status, output, errors = run(
        "check", "--schema", "schema", "good", "spaced", "bad", "binary", "empty"
    )
    assert status == 1
    assert all(line.startswith("note: ") for line in errors.splitlines())
    lines = output.splitlines()
    assert lines[:2] == ["good: accepted", "spaced: accepted"]
    assert lines[2].startswith("bad:1:21: ") and "expected" in lines[2]
    assert lines[3].startswith("binary: ") and "UTF-8" in lines[3]
    assert lines[4].startswith("empty:1:1: ") and len(lines) == 5


def test_check_keeps_a_newline_that_the_constraint_asks_for(run, files):
    files(one="a\n", two="a\n\n")
    assert run("check", "--regex", "a", "one")[0] == 0
    assert run("check", "--regex", "a\n", "one")[0] == 0
    assert run("check", "--regex", "a", "two")[0] == 1


def test_check_standard_input_and_missing_files(run, files):
    assert run("check", "--choice", "a", "-", standard_input=b"a") == (0, "-: accepted\n", "")
    status, output, errors = run("check", "--choice", "a", "missing", "-", standard_input=b"b")
    assert status == 2
    assert errors == "error: missing: No such file or directory\n"
    assert output.startswith("-:1:1: ")


def test_compile_reports(run, files):
    status, output, errors = run("compile", "--schema", "schema")
    assert (status, errors) == (0, "")
    report = dict(line.split(":", 1) for line in output.splitlines())
    assert {"states", "classes", "transitions", "seconds", "shortest"} <= set(report)
    shortest = report["shortest"].split(":", 1)[1]
    jsonschema.validate(json.loads(shortest), SCHEMA)


def test_compile_with_a_tokenizer_file(run, files):
    from tokenizers import Tokenizer, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: index for index, character in enumerate([*alphabet, "<eos>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<eos>"])
    tokenizer.save("tokenizer.json")
    status, output, _ = run("compile", "--choice", "abc", "--tokenizer", "tokenizer.json")
    assert status == 0
    assert "257 tokens" in output and "3 tokens: abc" in output


def test_compile_reports_what_no_single_canvas_holds(run):
    status, output, _ = run("compile", "--regex", "a{100}")
    assert status == 0 and "100 tokens: aaa" in output and "3 of 48 positions" in output


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "command"),
        (["frobnicate"], 2, "frobnicate"),
        (["generate"], 2, "exactly one constraint"),
        (["generate", "--regex", "a", "--choice", "b"], 2, "--regex and --choice"),
        (["generate", "--regex", "a", "--steps", "many"], 2, "--steps"),
        (["generate", "--regex", "a", "--steps", "0"], 2, "steps"),
        (["generate", "--regex", "a", "--canvases", "0"], 2, "canvases"),
        (["generate", "--regex", "a", "--seed", "9" * 30], 2, "seed"),
        (["generate", "--regex", "a", "extra"], 2, "extra"),
        (["generate", "--regex", "a("], 2, "column"),
        (["generate", "--regex", r"(a)\1"], 2, "column"),
        (["generate", "--schema", "missing"], 2, "missing: No such file"),
        (["generate", "--schema", "."], 2, "directory"),
        (["generate", "--schema", "broken"], 2, "broken:2:1: not JSON"),
        (["generate", "--schema", "binary"], 2, "not a UTF-8 text"),
        (["generate", "--schema", "deep"], 2, "nested too deeply"),
        (["generate", "--schema", "typo"], 2, "/properties/a"),
        (["generate", "--schema", "never"], 1, ""),
        (["generate", "--template", "schema"], 2, "JSON list"),
        (["generate", "--template", "hole"], 2, "part 1"),
        (["generate", "--template", "kind"], 2, "unknown kind"),
        (["generate", "--template", "holetext"], 2, "whole numbers"),
        (["generate", "--regex", "a", "--prompt", "@missing"], 2, "missing"),
        (["generate", "--schema", "-", "--prompt", "@-"], 2, "both"),
        (["generate", "--regex", "a", "--html", "no/such/page.html"], 2, "folder"),
        (["check", "--regex", "a"], 2, "FILE"),
        (["check", "--schema", "-", "-"], 2, "only once"),
        (["compile", "--regex", "a", "--tokenizer", "missing.json"], 2, "missing.json"),
        (["compile", "--regex", "a", "--tokenizer", "schema"], 2, ""),
    ],
)
def test_bad_input_is_one_line(run, files, arguments, status, words):
    files(
        broken="{\n",
        binary=b"\x00\xff\xfe",
        deep="[" * 100_000,
        typo={"properties": {"a": {"type": "strng"}}},
        never=False,
        hole=["a", {"hole": "x"}],
        kind=[{"hole": "x", "grammar": "y"}],
        holetext=[{"hole": "x", "text": {"max_chars": "3"}}],
    )
    found, output, errors = run(*arguments)
    assert (found, output) == (status, "")
    assert errors.startswith("error: ") and errors.count("\n") == 1 and errors.endswith("\n")
    assert words in errors
    assert "internal" not in errors


def test_interruption_is_one_line(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(RandomDenoiser, "denoise", interrupted)
    assert run("generate", "--choice", "a", "b") == (130, "", "error: interrupted\n")


def test_defects_are_one_line_too(run, monkeypatch):
    def broken(*_, **__):
        raise KeyError("nothing\nhere")

    monkeypatch.setattr(RandomDenoiser, "denoise", broken)
    status, output, errors = run("generate", "--choice", "a", "b")
    assert (status, output) == (2, "")
    assert errors.startswith("error: internal error") and errors.count("\n") == 1
