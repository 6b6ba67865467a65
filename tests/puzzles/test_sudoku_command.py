"""`constrained-diffusion sudoku`: output, exit status, messages."""

from __future__ import annotations

import gzip
import io
import sys

import pytest
from stand_ins import Hinting

import constrained_diffusion.models
from constrained_diffusion.cli import main
from constrained_diffusion.puzzles import draw_grid

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
HARD = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."


@pytest.fixture
def run(capfdbinary, monkeypatch, tmp_path):
    """Runs the command in a folder of its own: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, standard_input=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(standard_input)))
        status = main(["sudoku", *arguments])
        output, errors = capfdbinary.readouterr()
        return status, output.decode(), errors.decode()

    return call


@pytest.fixture
def model(monkeypatch):
    """A stand-in for the bundled denoiser."""
    seen = []

    def load(name, device="auto"):
        seen.append(name)
        return Hinting(SOLUTION, 1.0)

    monkeypatch.setattr(constrained_diffusion.models, "load", load)
    return seen


def test_a_puzzle_is_solved_on_standard_output(run):
    assert run(PUZZLE) == (0, SOLUTION + "\n", "")
    assert run("--lines", PUZZLE.replace(".", "0")) == (0, SOLUTION + "\n", "")
    status, output, _ = run("--pretty", PUZZLE.replace(".", " "))
    assert (status, output.rstrip()) == (0, draw_grid(SOLUTION, (3, 3)))


def test_files_and_standard_input(run, tmp_path):
    (tmp_path / "two.txt").write_text(f"{PUZZLE}\n{SOLUTION}\n")
    (tmp_path / "table.csv.gz").write_bytes(
        gzip.compress(f"puzzle,solution\n{PUZZLE},{SOLUTION}\n".encode())
    )
    assert run("two.txt", "table.csv.gz") == (0, f"{SOLUTION}\n" * 3, "")
    assert run(standard_input=PUZZLE.encode()) == (0, SOLUTION + "\n", "")
    assert run("-", standard_input=draw_grid(PUZZLE, (3, 3)).encode())[1] == SOLUTION + "\n"
    assert run(standard_input=b"") == (0, "", "")


def test_bad_puzzles_are_reported_by_line_and_do_not_stop_the_rest(run, tmp_path):
    (tmp_path / "mixed.txt").write_text(
        f"{PUZZLE}\n{PUZZLE[:-1]}\n55{'.' * 79}\n{PUZZLE.replace('7', '?')}\n{'.' * 81}\n{PUZZLE}\n"
    )
    status, output, errors = run("mixed.txt")
    lines = output.splitlines()
    assert status == 1 and len(lines) == 6
    assert lines[0] == lines[5] == SOLUTION and lines[1:4] == ["", "", ""] and len(lines[4]) == 81
    reported = errors.splitlines()
    assert reported[0].startswith("error: mixed.txt:2: ")
    assert reported[1].startswith("error: mixed.txt:3: ") and "r1c1 and r1c2" in reported[1]
    assert reported[2].startswith("error: mixed.txt:4: r1c5 holds '?'")
    assert reported[3].startswith("note: mixed.txt:5: several solutions")
    assert len(reported) == 4


def test_figures_go_to_standard_error(run):
    status, output, errors = run("--stats", PUZZLE, "." * 81)
    assert status == 0 and output.startswith(SOLUTION)
    found = dict(line.split(":", 1) for line in errors.splitlines() if not line.startswith("note"))
    assert {name: found[name].strip() for name in ("puzzles", "solved", "not unique")} == {
        "puzzles": "2",
        "solved": "2",
        "not unique": "1",
    }


def test_sizes_and_variants(run):
    assert run("1234" + "." * 12)[0] == 0
    assert len(run("." * 36)[1]) == 37
    assert len(run("--box", "3x2", "." * 36)[1]) == 37
    assert len(run("--box", "4x4", standard_input=("." * 16 + "\n").encode() * 16)[1]) == 257
    diagonal = run("--variant", "diagonal", "." * 81)[1].strip()
    assert len({diagonal[10 * i] for i in range(9)}) == 9
    labels = "AAABCABBCCDBCDDD"
    jigsaw = run("--regions", labels, "." * 16)[1].strip()
    assert all(
        len({c for c, own in zip(jigsaw, labels, strict=True) if own == x}) == 4 for x in "ABCD"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nofile"], "neither a file nor a puzzle"),
        (["a/rather/long/path/of/a/file.txt"], "neither a file nor a puzzle"),
        (["--box", "3y3", PUZZLE], "--box 3y3"),
        (["--variant", "killer", PUZZLE], "--variant killer"),
        (["--seconds", "0", PUZZLE], "seconds"),
        (["--no-model", "--watch", PUZZLE], "--no-model"),
        (["--html", "no/such/folder.html", PUZZLE], "no such folder"),
        (["--html", "page.html", PUZZLE, PUZZLE], "one puzzle, got 2"),
        (["--colour", PUZZLE], "--colour"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(run, model, arguments, words):
    status, output, errors = run(*arguments)
    assert (status, output) == (2, "")
    assert errors.startswith("error: ") and words in errors and errors.count("\n") == 1


def test_bytes_that_are_no_text(run, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    assert run("bad.txt")[0] == 2
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8bxxxx")
    status, _, errors = run("bad.gz")
    assert status == 2 and "gzip" in errors


def test_out_of_time_is_reported(run):
    status, output, errors = run("--seconds", "1e-9", "--box", "5x5", "." * 625)
    # A guess or two may have been enough; if they were not, the time was up.
    assert (status, len(output)) == (0, 626) or (status == 1 and "seconds" in errors)


def test_with_the_model(run, model):
    status, output, errors = run("--model", "--stats", PUZZLE, HARD)
    assert status == 0 and output.splitlines()[0] == SOLUTION
    assert model == ["sudoku"] and "denoising steps" in errors


def test_watch_and_page(run, model, tmp_path):
    status, output, errors = run("--watch", "--html", "page.html", "--steps", "3", HARD)
    assert status == 0 and len(output) == 82
    assert errors.splitlines()[-1].endswith(output.strip())
    assert output.strip() in (tmp_path / "page.html").read_text()


def test_the_model_is_for_grids_of_its_size(run, model):
    status, _, errors = run("--model", "." * 16)
    assert status == 2 and "81 positions" in errors
