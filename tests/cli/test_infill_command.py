"""`infill` on the command line: what is printed and written, places, and bad input of all kinds."""

from __future__ import annotations

import ast
import io
import json
import os
import stat
import sys

import pytest

import constrained_diffusion.models
from constrained_diffusion.cli import main
from constrained_diffusion.cli.check import byte_vocabulary
from constrained_diffusion.models import RandomDenoiser

JSON = '{"a": 1, "b": [true, false]}\n'
FEW = ["--steps", "2", "--seed", "3"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of its own, and a random denoiser over bytes in place of the bundled one."""
    monkeypatch.chdir(tmp_path)

    def load(name, device="auto"):
        return RandomDenoiser(byte_vocabulary(), 12)

    monkeypatch.setattr(constrained_diffusion.models, "load", load)
    return tmp_path


@pytest.fixture
def run(capfdbinary, monkeypatch):
    """Runs the command line: exit status, standard output, standard error."""

    def call(*arguments, standard_input=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(standard_input)))
        status = main(["infill", *arguments])
        output, errors = capfdbinary.readouterr()
        return status, output.decode(), errors.decode()

    return call


def write(folder, **texts):
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name.replace("_", ".")).write_bytes(data)


def test_two_files(run, folder):
    write(folder, before='{"a": ', after="}")
    status, output, errors = run("before", "after", "--language", "json", *FEW)
    assert (status, errors) == (0, "")
    json.loads('{"a": ' + output + "}")
    assert run("before", "after", "--language", "json", *FEW)[1] == output
    assert run("before", "after", "--lark", "json", *FEW)[1] == output


def test_python_is_the_default_for_two_files(run, folder):
    write(folder, before="x = [1, ", after="]\n")
    status, output, errors = run("before", "after", *FEW)
    assert (status, errors) == (0, "")
    ast.parse("x = [1, " + output + "]\n")


def test_nothing_is_added_to_the_text_in_a_pipe(run, folder):
    write(folder, before="a", after="d")
    assert run("before", "after", "--regex", "abcd", *FEW) == (0, "bc", "")
    assert run("before", "after", "--regex", "ab\ncd", *FEW) == (0, "b\nc", "")
    write(folder, before="ab", after="cd")
    assert run("before", "after", "--regex", "abcd", *FEW) == (0, "", "")


def test_standard_input_may_be_one_of_the_texts(run, folder):
    write(folder, after="d")
    got = run("-", "after", "--regex", "äbcd", *FEW, standard_input="ä".encode())
    assert got == (0, "bc", "")
    got = run("--file", "-", "--at", "1:2", "--regex", "abcd", *FEW, standard_input=b"ad")
    assert got == (0, "bc", "")


@pytest.mark.parametrize(
    ("place", "filled"),
    [
        ("1:1", "Zäb\ncd\n\n"),
        ("1:2", "äZb\ncd\n\n"),
        ("1:3", "äbZ\ncd\n\n"),
        ("2:1", "äb\nZcd\n\n"),
        ("4:1", "äb\ncd\n\nZ"),
        ("1:1-1:1", "Zäb\ncd\n\n"),
        ("1:1-1:2", "Zb\ncd\n\n"),
        ("1:2-2:2", "äZd\n\n"),
        ("1:1-4:1", "Z"),
    ],
)
def test_places_count_lines_and_characters_from_1(run, folder, place, filled):
    write(folder, text_txt="äb\ncd\n\n")
    options = ["--file", "text.txt", "--at", place, "--regex", filled, *FEW]
    assert run(*options) == (0, "Z", "")
    assert run(*options, "--in-place") == (0, "", "")
    assert (folder / "text.txt").read_text(encoding="utf-8") == filled


def test_the_language_by_the_ending_of_the_file(run, folder):
    write(folder, one_json='{"a": , "b": 2}', two_sql="SELECT a FROM t WHERE ", three_txt="abc")
    _, hole, _ = run("--file", "one.json", "--at", "1:7", *FEW)
    assert json.loads('{"a": ' + hole + ', "b": 2}')
    assert run("--file", "two.sql", "--at", "1:23", *FEW)[0] == 0
    status, output, errors = run("--file", "three.txt", "--at", "1:1", *FEW)
    assert (status, output) == (2, "")
    assert "--language" in errors
    assert run("--file", "three.txt", "--at", "1:1", "--language", "none", *FEW)[0] == 0


def test_candidates_as_json(run, folder):
    write(folder, before='{"a": ', after="}")
    options = ["before", "after", "--language", "json", *FEW, "-n", "4"]
    status, output, errors = run(*options, "--json")
    assert (status, errors, output.count("\n")) == (0, "", 1)
    record = json.loads(output)
    texts = [one["text"] for one in record["candidates"]]
    evidence = [one["log_evidence"] for one in record["candidates"]]
    assert 1 < len(set(texts)) == len(texts) <= 4
    assert evidence == sorted(evidence, reverse=True)
    assert record["seed"] == 3
    for text in texts:
        json.loads('{"a": ' + text + "}")
    assert run(*options)[1] == texts[0]


def test_in_place_keeps_permissions_links_and_line_ends(run, folder):
    data = b'\xef\xbb\xbf{"a": \r\n}\r\n'
    write(folder, real_json=data)
    os.chmod(folder / "real.json", 0o640)
    os.symlink("real.json", folder / "link.json")
    options = ["--file", "link.json", "--at", "1:7", *FEW]
    assert run(*options, "--in-place") == (0, "", "")
    assert os.path.islink(folder / "link.json")
    assert stat.S_IMODE(os.stat(folder / "real.json").st_mode) == 0o640
    written = (folder / "real.json").read_bytes()
    assert written.startswith(data[:9]) and written.endswith(data[9:])
    json.loads(written.decode("utf-8-sig"))
    assert sorted(os.listdir(folder)) == ["link.json", "real.json"]


def test_in_place_with_a_record(run, folder):
    write(folder, x_json="[]")
    status, output, _ = run("--file", "x.json", "--at", "1:2", "--in-place", "--json", *FEW)
    assert status == 0
    text = json.loads(output)["candidates"][0]["text"]
    assert (folder / "x.json").read_text(encoding="utf-8") == f"[{text}]"


def test_a_file_that_changed_meanwhile_is_left_alone(run, folder, monkeypatch):
    write(folder, x_json="[]")

    def load(name, device="auto"):
        write(folder, x_json="[1]")
        return RandomDenoiser(byte_vocabulary(), 12)

    monkeypatch.setattr(constrained_diffusion.models, "load", load)
    status, output, errors = run("--file", "x.json", "--at", "1:2", "--in-place", *FEW)
    assert (status, output) == (2, "")
    assert "changed" in errors
    assert (folder / "x.json").read_text() == "[1]"
    assert os.listdir(folder) == ["x.json"]


def test_a_write_that_fails_leaves_the_file_and_nothing_else(run, folder, monkeypatch):
    write(folder, x_json="[]")

    def fail(source, target):
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(os, "replace", fail)
    status, _, errors = run("--file", "x.json", "--at", "1:2", "--in-place", *FEW)
    assert status == 2
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert (folder / "x.json").read_text() == "[]"
    assert os.listdir(folder) == ["x.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is writable for root")
def test_a_read_only_file_is_not_replaced(run, folder):
    write(folder, x_json="[]")
    os.chmod(folder / "x.json", 0o444)
    assert run("--file", "x.json", "--at", "1:2", "--in-place", *FEW)[0] == 2
    assert (folder / "x.json").read_text() == "[]"


def test_watch_and_page(run, folder):
    write(folder, before="[<b>", after="</b>]")
    options = ["before", "after", "--regex", r"\[<b>[a-z]{3}</b>\]", *FEW, "-n", "3"]
    status, output, errors = run(*options, "--watch", "--html", "page.html")
    assert status == 0
    assert len(output) == 3
    assert "step   1" in errors
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert '<span class="given" id="prefix">[&lt;b&gt;</span>' in page
    assert '<span class="given" id="suffix">&lt;/b&gt;]</span>' in page
    assert "<b>]" not in page
    frames = json.loads(page.split('type="application/json">')[1].split("</script>")[0])
    last = frames["frames"][-1]["draft"]
    drawn = [frames["tokens"][number] for number in last]
    assert "".join(text for text, _ in drawn[:3]) == output


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "PREFIX_FILE"),
        (["before"], 2, "SUFFIX_FILE"),
        (["before", "after", "third"], 2, "third"),
        (["none", "after"], 2, "none: No such file"),
        (["before", "none"], 2, "none: No such file"),
        ([".", "after"], 2, "directory"),
        (["bytes", "after"], 2, "bytes: not a UTF-8 text (byte 1)"),
        (["-", "-"], 2, "only once"),
        (["-", "after", "--lark", "-"], 2, "only once"),
        (["before", "after", "--at", "1:1"], 2, "--at is a place in --file"),
        (["before", "after", "--file", "x.json", "--at", "1:1"], 2, "not both"),
        (["before", "after", "--in-place"], 2, "--file"),
        (["--file", "-", "--at", "1:1", "--in-place"], 2, "--file"),
        (["--file", "x.json"], 2, "--at"),
        (["--file", "none.json", "--at", "1:1"], 2, "No such file"),
        (["--file", "x.json", "--at", "1"], 2, "LINE:COL"),
        (["--file", "x.json", "--at", "1:2:3"], 2, "LINE:COL"),
        (["--file", "x.json", "--at", "1:1-"], 2, "LINE:COL"),
        (["--file", "x.json", "--at", "-1:1"], 2, "LINE:COL"),
        (["--file", "x.json", "--at", "9999999999:1"], 2, "LINE:COL"),
        (["--file", "x.json", "--at", "0:1"], 2, "no line 0"),
        (["--file", "x.json", "--at", "3:1"], 2, "no line 3; the file has 2"),
        (["--file", "x.json", "--at", "1:0"], 2, "no column 0"),
        (["--file", "x.json", "--at", "1:4"], 2, "no column 4; its last one is 3"),
        (["--file", "x.json", "--at", "1:3-1:2"], 2, "ends before it begins"),
        (["before", "after", "--language", "klingon"], 2, "klingon"),
        (["before", "after", "--language", "json", "--regex", "a"], 2, "--language"),
        (["before", "after", "--language", "json", "--start", "x"], 2, "--language"),
        (["before", "after", "--start", "x"], 2, "--lark"),
        (["before", "after", "--lark", "json", "--regex", "a"], 2, "exactly one"),
        (["before", "after", "--lark", "none.lark"], 2, "none.lark"),
        (["before", "after", "--regex", "("], 2, "error"),
        (["before", "after", "-n", "0"], 2, "n is a whole number"),
        (["before", "after", "-n", "101"], 2, "n is a whole number"),
        (["before", "after", "-n", "x"], 2, "-n"),
        (["before", "after", "--steps", "0"], 2, "steps"),
        (["before", "after", "--html", "no/such/page.html"], 2, "folder"),
        (["before", "after", "--regex", "ad|bc"], 0, ""),
        (["before", "after", "--regex", "a.{40}d"], 1, "40"),
        (["before", "after", "--regex", "abce"], 1, "line 1, column 2"),
        (["broken", "after", "--language", "json"], 1, "line 1, column 4"),
    ],
)
def test_bad_input_is_one_line(run, folder, arguments, status, words):
    write(folder, before="a", after="d", x_json="[]\n", bytes=b"a\xff", broken="[1 x")
    got, output, errors = run(*arguments)
    assert got == status
    if status:
        assert output == ""
        assert errors.startswith("error: ") and errors.count("\n") == 1
    assert words in errors


def test_the_place_of_a_suffix_that_nothing_can_precede(run, folder):
    write(folder, before="[1,\n", after=", 2]\n x\n")
    status, output, errors = run("before", "after", "--language", "json", *FEW)
    assert (status, output) == (1, "")
    assert "line 3, column 2" in errors
