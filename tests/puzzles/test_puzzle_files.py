"""Files of puzzles in the shapes that people keep them in."""

from __future__ import annotations

import pytest

from constrained_diffusion.puzzles import draw_grid
from constrained_diffusion.puzzles.files import read_puzzles

A = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
B = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."
S = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def rows(line: str) -> str:
    return "\n".join(line[start : start + 9] for start in range(0, 81, 9))


def in_bands(line: str) -> str:
    """With an empty line after three rows."""
    lines = rows(line).split("\n")
    return "\n\n".join("\n".join(lines[start : start + 3]) for start in (0, 3, 6))


def grids(text, size=None):
    return [(entry.line, entry.grid) for entry in read_puzzles(text, size)]


@pytest.mark.parametrize("size", [None, 9])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{A}\n{B}\n", [1, 2]),
        (f"\n{A}\r\n\r\n{B}", [2, 4]),
        (f"{A.replace('.', '0')}\n{B.replace('.', '_')}", [1, 2]),
        (f"{A.replace('.', ' ')}\n{B.replace('.', ' ')}", [1, 2]),
        (f"puzzle,solution\n{A},{S}\n{B},{S}", [2, 3]),
        (f"quizzes;solutions\n{A};{S}\n{B}\t17", [2, 3]),
        (f"# easy\n{A}\n# hard\n{B}", [2, 4]),
        (f"{rows(A)}\n{rows(B)}", [1, 10]),
        (f"{rows(A)}\n\n{rows(B)}\n\n", [1, 11]),
        (f"{rows(A)}\n{B}", [1, 10]),
        (f"{A}\n{rows(B)}", [1, 2]),
        (f"{draw_grid(A, (3, 3))}\n\n{draw_grid(B, (3, 3))}", [1, 13]),
        (
            "\n\n".join(
                "\n".join(rows(x).split("\n")[i : i + 3]) for x in (A, B) for i in (0, 3, 6)
            ),
            [1, 13],
        ),
    ],
)
def test_puzzles_are_found_with_their_lines(text, lines, size):
    assert grids(text, size) == list(zip(lines, (A, B), strict=True))


def test_a_grid_with_spaces_whose_ends_are_cut_off():
    text = "\n".join(line.replace(".", " ").rstrip() for line in rows(A).split("\n"))
    assert grids(text) == grids(text, 9) == [(1, A)]


def test_bad_puzzles_stand_between_good_ones():
    text = f"{A}\n{A[:-1]}\n{B}\n{A.replace('5', 'x')}\n{rows(A)[:40]}\n{B}"
    entries = list(read_puzzles(text, 9))
    assert [entry.line for entry in entries] == [1, 2, 3, 4, 5, 10]
    assert [entry.grid for entry in entries] == [A, None, B, None, None, B]
    assert "got 80" in entries[1].error and "r1c1 holds 'x'" in entries[3].error


def test_other_sizes_are_told_by_their_cells():
    found = list(read_puzzles("1234............\n" + "." * 256 + "\n" + "." * 36))
    assert [entry.size for entry in found] == [4, 16, 6]
    assert [entry.size for entry in read_puzzles("\n".join(["." * 16] * 16), 16)] == [16]
    assert [entry.size for entry in read_puzzles("\n".join(["." * 25] * 25))] == [25]


def test_nothing_is_no_puzzle():
    assert grids("") == grids("\n\n") == grids("# nothing\n") == []
