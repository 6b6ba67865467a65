"""Grids as people write them, and the variants against filters over all grids of 4 by 4."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from puzzle_oracles import latin_squares

from constrained_diffusion import ConstrainedDiffusionError, LimitError, UnsatisfiableError
from constrained_diffusion.puzzles import AllDifferent, SearchLimits, Sudoku, Sum, draw_grid

# Puzzle of the article "Sudoku" of the English Wikipedia (public domain).
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
ROWS = [PUZZLE[start : start + 9] for start in range(0, 81, 9)]
NUMBERS = [[0 if c == "." else int(c) for c in row] for row in ROWS]
BOXES = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


@functools.cache
def grids():
    """All Latin squares of 4 by 4, as tuples of symbol numbers."""
    return latin_squares(4)


def differ(square, groups) -> bool:
    return all(len({square[cell] for cell in group}) == len(group) for group in groups)


def as_text(squares) -> set[str]:
    return {"".join("1234"[j] for j in square) for square in squares}


@pytest.mark.parametrize(
    "grid",
    [
        PUZZLE,
        PUZZLE.replace(".", "0"),
        PUZZLE.replace(".", "_"),
        PUZZLE.replace(".", " "),
        "\n".join(ROWS),
        "\n".join(row.replace(".", " ").rstrip() for row in ROWS),
        "\r\n".join(ROWS) + "\r\n",
        draw_grid(PUZZLE, (3, 3)),
        f"\n{draw_grid(PUZZLE, (3, 3))}\n",
        " ".join(PUZZLE),
        ROWS,
        NUMBERS,
        [[None if cell == 0 else cell for cell in row] for row in NUMBERS],
        np.array(NUMBERS),
        list(PUZZLE),
    ],
)
def test_grids_are_read_from_what_people_write(grid):
    puzzle = Sudoku(grid)
    assert puzzle == Sudoku(PUZZLE) and puzzle.grid == PUZZLE
    solution = puzzle.solve()
    assert (solution.text, solution.unique) == (SOLUTION, True)


def test_spaces_are_cells_also_where_the_rest_is_a_square_by_chance():
    # 25 given cells: without the spaces a grid of 5 by 5.
    cells = [c if i in range(0, 75, 3) else " " for i, c in enumerate(SOLUTION)]
    assert Sudoku("".join(cells)).grid == "".join(cells).replace(" ", ".")


@pytest.mark.parametrize(
    ("grid", "options", "words"),
    [
        (PUZZLE[:-1], {}, "81 cells, got 80"),
        ("." * 16, {}, "got 16; for another size state the boxes"),
        (PUZZLE.replace("7", "x"), {}, "r1c5 holds 'x'"),
        ([[1, 2], [3, "ab"]], {"box": None}, "'ab'"),
        ([[1, 7], [0, 0]], {"box": None}, "r1c2 holds '7'"),
        (7, {}, "rows of cells"),
        ("." * 81, {"box": (3,)}, "rows, columns"),
        ("." * 81, {"box": (0, 3)}, "rows, columns"),
        ("." * 80, {"box": None}, "got 80"),
        ("." * 81, {"regions": "A" * 81}, "9 labels of 9 cells"),
        ("." * 16, {"box": (2, 2), "windoku": True}, "9 by 9"),
        ("." * 81, {"cages": [Sum("r1c1 r1c10", 3)]}, "'r1c10' is no cell"),
        ("." * 81, {"cages": [Sum("r1c1 r1c1", 3)]}, "twice"),
        ("." * 81, {"groups": [[0, 81]]}, "position 81"),
        ("." * 81, {"symbols": "12345678"}, "9 different characters"),
        ("." * 40**2, {"box": None}, "state them"),
    ],
)
def test_what_is_wrong_with_a_grid_is_named(grid, options, words):
    with pytest.raises(ConstrainedDiffusionError) as error:
        Sudoku(grid, **options)
    assert words in str(error.value)


def test_small_letters_and_other_symbols():
    letters = Sudoku("abcd" + "." * 252, (4, 4))
    assert letters.grid.startswith("ABCD.")
    assert Sudoku("αβ..............", (2, 2), symbols="αβγδ").solve().text.startswith("αβ")


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({"box": (2, 2)}, BOXES),
        ({"box": (1, 4)}, []),
        ({"box": None}, []),
        ({"box": (2, 2), "diagonals": True}, [*BOXES, [0, 5, 10, 15], [3, 6, 9, 12]]),
        ({"regions": "AAABCABBCCDBCDDD"}, None),
        ({"box": (2, 2), "groups": ["r1c1 r2c3 r3c2 r4c4"]}, [*BOXES, [0, 6, 9, 15]]),
    ],
)
def test_variants_are_the_grids_that_keep_their_rules(options, groups):
    if groups is None:
        labels = options["regions"]
        groups = [[i for i in range(16) if labels[i] == label] for label in "ABCD"]
    expected = as_text(square for square in grids() if differ(square, groups))
    assert set(Sudoku("." * 16, **options).solutions()) == expected


def test_anti_knight():
    pairs = [
        (4 * r + c, 4 * (r + dr) + c + dc)
        for r, c in itertools.product(range(4), repeat=2)
        for dr, dc in itertools.product((-2, -1, 1, 2), repeat=2)
        if abs(dr) != abs(dc) and 0 <= r + dr < 4 and 0 <= c + dc < 4
    ]
    expected = as_text(square for square in grids() if differ(square, pairs))
    assert set(Sudoku("." * 16, None, anti_knight=True).solutions()) == expected


@pytest.mark.parametrize("total", [5, 7, 8, 9])
def test_killer_cages(total):
    cages = [Sum("r1c1 r1c2 r2c2", total), Sum([14, 15], 5)]
    expected = as_text(
        s
        for s in grids()
        if differ(s, [*BOXES, [0, 1, 5], [14, 15]])
        and s[0] + s[1] + s[5] + 3 == total
        and s[14] + s[15] + 2 == 5
    )
    puzzle = Sudoku("." * 16, (2, 2), cages=cages)
    assert set(puzzle.solutions()) == expected


def test_windoku_and_sizes_up_to_25():
    solution = Sudoku("." * 81, windoku=True, diagonals=True).solve().text
    windows = [
        [9 * (r + i) + c + j for i in range(3) for j in range(3)] for r in (1, 5) for c in (1, 5)
    ]
    diagonals = [[10 * i for i in range(9)], [8 + 8 * i for i in range(9)]]
    assert differ(solution, windows) and differ(solution, diagonals)
    for box in ((2, 3), (3, 2), (4, 4), (5, 5)):
        n = box[0] * box[1]
        text = Sudoku("." * n * n, box).solve().text
        lines = [text[n * r : n * r + n] for r in range(n)]
        assert all(len(set(line)) == n for line in lines)
        assert all(len(set(column)) == n for column in zip(*lines, strict=True))
        for r in range(0, n, box[0]):
            for c in range(0, n, box[1]):
                cells = "".join(line[c : c + box[1]] for line in lines[r : r + box[0]])
                assert len(set(cells)) == n


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("55" + "." * 79, "r1c1 and r1c2 (row 1) both hold 5"),
        ("5" + "." * 8 + "5" + "." * 71, "r1c1 and r2c1 (column 1) both hold 5"),
        ("5" + "." * 9 + "5" + "." * 70, "r1c1 and r2c2 (box 1) both hold 5"),
        ("12345678" + "." + "." * 8 + "9" + "." * 63, "r1c9"),
    ],
)
def test_conflicting_cells_are_named(grid, words):
    puzzle = Sudoku(grid)
    with pytest.raises(UnsatisfiableError) as error:
        puzzle.solve()
    assert words in str(error.value)
    assert puzzle.count() == 0 and list(puzzle.solutions()) == []


def test_several_solutions_are_said_and_counted():
    # Two rectangles of two digits each are left open in a full grid.
    open_cells = [i for i, c in enumerate(SOLUTION) if c in "12"]
    line = "".join("." if i in open_cells else c for i, c in enumerate(SOLUTION))
    puzzle = Sudoku(line)
    solution = puzzle.solve()
    assert solution.unique is False
    texts = set(puzzle.solutions())
    assert solution.text in texts and len(texts) == puzzle.count() >= 2
    for text in texts:
        assert differ(text, [range(9 * r, 9 * r + 9) for r in range(9)])
        assert all(c in (".", d) for c, d in zip(line, text, strict=True))


# --- the general constraint ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        ("ab", {"ab", "ba"}),
        (["ab", "b"], {"ab"}),
        ([["a", "b"], "b"], {"ab"}),
        ([{"b", "a"}, {"b"}], {"ab"}),
        ({0: "a", 1: "ab"}, {"ab"}),
        (b"ab", {"ab", "ba"}),
        ([[b"a"], (b"b", b"c")], {"ab", "ac"}),
    ],
)
def test_domains_in_all_their_forms(domains, expected):
    assert set(AllDifferent([[0, 1]], domains).solutions()) == expected


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([[0, 2]], ["ab", "ab"]), {}, "position 2"),
        (([[0, 0]], "ab"), {}, "twice"),
        (([[0, 1]], {1: "ab"}), {}, "position 0"),
        (([[0, 1]], 5), {}, "symbols of each position"),
        (([[0, 1]], [None, "a"]), {}, "collection of symbols"),
        (([[0, 1]], [["", "a"], "a"]), {}, "text of a token"),
        (([[0, 1]], "ab"), {"sums": [Sum([0, 1], 3)]}, "is no number"),
        (([[0, 1]], "12"), {"sums": [Sum("r1c1", 3)]}, "positions"),
        (([[0, 1]], "12"), {"sums": [Sum([0], 3)], "values": {"1": -1, "2": 0}}, "never less"),
    ],
)
def test_what_is_wrong_with_a_general_puzzle_is_named(arguments, options, words):
    with pytest.raises(ConstrainedDiffusionError) as error:
        AllDifferent(*arguments, **options)
    assert words in str(error.value)


def test_sizes_are_bounded():
    with pytest.raises(LimitError, match="symbols"):
        AllDifferent([[0]], [[str(i) for i in range(63)]])
    with pytest.raises(LimitError, match="cells"):
        AllDifferent([[0]], ["a"] * 10_001)
    with pytest.raises(LimitError, match="pairs"):
        AllDifferent([range(1500)], "ab")
    with pytest.raises(LimitError, match="total"):
        AllDifferent([[0]], "1", sums=[Sum([0], 10**9)])


def test_limits_are_checked():
    for wrong in ({"seconds": 0}, {"solutions": -1}, {"nodes": 0}):
        with pytest.raises(ConstrainedDiffusionError, match="SearchLimits"):
            SearchLimits(**wrong)
