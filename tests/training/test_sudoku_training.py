"""Training of the Sudoku denoiser: solver, generator, canonical forms, loss, checkpoints."""

from __future__ import annotations

import argparse
import math

import numpy as np
import pytest
import torch

from constrained_diffusion.models.sudoku_network import SudokuConfig
from training.sudoku.batches import Puzzles, draw, read
from training.sudoku.canonical import canonical_form
from training.sudoku.dataset import make
from training.sudoku.generator import family, minimal_puzzle, neighbour, random_grid, seed_generator
from training.sudoku.puzzle_files import parse, read_puzzles
from training.sudoku.solver import PEERS, grade, search, to_candidates
from training.sudoku.train import SudokuTrainer, exact_cover_loss


def sees(a: int, b: int) -> bool:
    (r, c), (s, d) = divmod(a, 9), divmod(b, 9)
    return a != b and (r == s or c == d or (r // 3 == s // 3 and c // 3 == d // 3))


SEEN = [[b for b in range(81) if sees(a, b)] for a in range(81)]


def count_by_brute_force(puzzle, limit: int = 2) -> int:
    """Solutions up to `limit`: plain backtracking from the rules, cells with least choice first."""
    grid = [int(x) for x in puzzle]

    def allowed(cell: int) -> list[int]:
        taken = {grid[other] for other in SEEN[cell]}
        return [digit for digit in range(1, 10) if digit not in taken]

    def count(limit: int) -> int:
        empty = [(allowed(cell), cell) for cell in range(81) if not grid[cell]]
        if not empty:
            return 1
        choices, cell = min(empty, key=lambda pair: len(pair[0]))
        found = 0
        for digit in choices:
            grid[cell] = digit
            found += count(limit - found)
            grid[cell] = 0
            if found >= limit:
                break
        return found

    return count(limit)


@pytest.fixture(scope="module", autouse=True)
def seeded():
    seed_generator(5)


@pytest.fixture(scope="module")
def made() -> dict:
    return make(30, seed=7)


def is_solution(grid) -> bool:
    return all(grid[a] != grid[b] for a in range(81) for b in SEEN[a])


# --- solver and generator --------------------------------------------------------------------


def test_peers_are_the_cells_that_see_each_other():
    for cell in range(81):
        assert PEERS[cell].tolist() == SEEN[cell]


@pytest.mark.parametrize("removed", [0, 1, 2, 4, 6])
def test_the_solver_counts_as_brute_force_does(removed):
    """Minimal puzzles less a few clues: from one solution to many."""
    rng = np.random.default_rng(removed)
    for _ in range(4):
        puzzle = minimal_puzzle(random_grid())
        given = np.flatnonzero(puzzle)
        puzzle[rng.choice(given, removed, replace=False)] = 0
        solution = np.empty(81, dtype=np.uint8)
        found, _ = search(to_candidates(puzzle), 20, 10**6, solution)
        assert found == count_by_brute_force(puzzle, 20)
        assert is_solution(solution) and (solution[puzzle > 0] == puzzle[puzzle > 0]).all()


def test_a_contradiction_has_no_solution():
    puzzle = np.zeros(81, dtype=np.uint8)
    puzzle[[0, 8]] = 3
    assert search(to_candidates(puzzle), 2, 10**6, np.empty(81, dtype=np.uint8))[0] == 0


def test_the_solver_gives_up():
    empty = to_candidates(np.zeros(81, dtype=np.uint8))
    assert search(empty, 10**6, 50, np.empty(81, dtype=np.uint8))[0] == -1


def test_grids_are_complete_and_different():
    grids = [random_grid() for _ in range(20)]
    assert all(is_solution(grid) and (grid > 0).all() for grid in grids)
    assert len({grid.tobytes() for grid in grids}) == 20


def test_every_puzzle_has_its_solution_and_no_other(made):
    for puzzle, solution in zip(made["puzzles"], made["solutions"], strict=True):
        assert is_solution(solution)
        assert (solution[puzzle > 0] == puzzle[puzzle > 0]).all()
        assert count_by_brute_force(puzzle) == 1


def test_puzzles_are_minimal():
    for _ in range(2):
        grid = random_grid()
        for puzzle in (minimal_puzzle(grid), neighbour(grid, minimal_puzzle(grid))):
            for cell in np.flatnonzero(puzzle):
                less = puzzle.copy()
                less[cell] = 0
                assert count_by_brute_force(less) == 2


def test_families_get_harder():
    first, last = [], []
    for _ in range(12):
        _, puzzles, grades = family(3, 12, 0.0)
        first.append(grades[0])
        last.append(grades[-1])
        assert [grade(puzzle) for puzzle in puzzles] == grades.tolist()
    assert np.mean(last) > np.mean(first) > grade(random_grid())


def test_singles_need_no_guess():
    grid = random_grid()
    grid[:9] = 0
    assert grade(grid) == 0


def test_a_seed_gives_the_same_puzzles(made):
    again = make(30, seed=7)
    assert all((again[name] == made[name]).all() for name in made)
    assert (make(30, seed=8)["puzzles"] != made["puzzles"]).any()


# --- canonical form --------------------------------------------------------------------------


def transformed(grid, rng):
    square = rng.permutation(np.arange(1, 10)).astype(np.uint8)[grid - 1].reshape(9, 9)
    for _ in range(2):
        order = np.concatenate([3 * band + rng.permutation(3) for band in rng.permutation(3)])
        square = square[order].T
    return np.ascontiguousarray(square.T if rng.random() < 0.5 else square).reshape(81)


def test_equivalent_grids_have_one_canonical_form():
    rng = np.random.default_rng(0)
    for _ in range(3):
        grid = random_grid()
        form = canonical_form(grid)
        assert is_solution(form) and form[:9].tolist() == list(range(1, 10))
        for _ in range(4):
            assert (canonical_form(transformed(grid, rng)) == form).all()
            assert form.tobytes() <= transformed(grid, rng).tobytes()


def test_different_grids_have_different_forms():
    assert len({canonical_form(random_grid()).tobytes() for _ in range(10)}) == 10


# --- batches ---------------------------------------------------------------------------------


def test_puzzles_of_one_grid_are_on_one_side(made, tmp_path):
    np.savez(tmp_path / "p.npz", **made)
    training, held_out = read(tmp_path / "p.npz")
    assert len(training) + len(held_out) == 30 and len(held_out) > 0
    grids = [{tuple(row) for row in part.solutions.tolist()} for part in (training, held_out)]
    assert not grids[0] & grids[1]


def test_canvases_agree_with_their_solutions(made):
    source = Puzzles(
        torch.from_numpy(made["puzzles"]).long(), torch.from_numpy(made["solutions"]).long()
    )
    torch.manual_seed(0)
    canvas, solution = draw(source, 400)
    assert ((canvas == 0) | (canvas == solution)).all()
    plain, _ = draw(source, 50, revealed=0.0, ambiguous=0.0)
    known = {tuple(row) for row in made["puzzles"].tolist()}
    assert all(tuple(row) in known for row in plain.tolist())
    counts = (canvas > 0).sum(1)
    assert counts.min() < 15 and counts.max() > 60


# --- loss and training -----------------------------------------------------------------------


def test_the_loss_is_that_of_the_four_rules():
    torch.manual_seed(0)
    logits = torch.randn(2, 81, 9, dtype=torch.float64)
    solution = torch.from_numpy(np.stack([random_grid(), random_grid()])).long()
    box = [3 * (cell // 27) + cell % 9 // 3 for cell in range(81)]
    groups = (
        lambda cell, digit: ("cell", cell),
        lambda cell, digit: ("row", cell // 9, digit),
        lambda cell, digit: ("column", cell % 9, digit),
        lambda cell, digit: ("box", box[cell], digit),
    )
    total, count = 0.0, 0
    for row in range(2):
        for group in groups:
            members: dict = {}
            for cell in range(81):
                for digit in range(9):
                    members.setdefault(group(cell, digit), []).append((cell, digit))
            for candidates in members.values():
                scores = [float(logits[row, cell, digit]) for cell, digit in candidates]
                true = [
                    float(logits[row, cell, digit])
                    for cell, digit in candidates
                    if solution[row, cell] == digit + 1
                ]
                assert len(true) == 1
                total += math.log(sum(math.exp(score) for score in scores)) - true[0]
                count += 1
    assert float(exact_cover_loss(logits, solution)) == pytest.approx(total / count)


def trainer(made, seed: int = 0) -> SudokuTrainer:
    source = Puzzles(
        torch.from_numpy(made["puzzles"]).long(), torch.from_numpy(made["solutions"]).long()
    )
    args = argparse.Namespace(seed=seed, device="cpu", iterations=4, batch=6, eager=True)
    return SudokuTrainer(SudokuConfig(width=16, hidden=32), source, args)


def test_training_lowers_the_loss_and_resumes(made, tmp_path):
    first = trainer(made)
    losses = [first.step(1.0, 0.0)["loss"] for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.9 * losses[0]
    first.save(tmp_path / "checkpoint.pt")
    second = trainer(made, seed=1)
    second.load(tmp_path / "checkpoint.pt")
    assert second.steps == 25
    for ours, theirs in (
        (second.model.state_dict(), first.model.state_dict()),
        (second.average, first.average),
    ):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


# --- files -----------------------------------------------------------------------------------


def test_puzzle_files(tmp_path):
    puzzle = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    solution = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    path = tmp_path / "p.csv"
    path.write_text(f"puzzle,solution,clues\n{puzzle},{solution},30\n")
    file = read_puzzles(path)
    assert file.puzzles[0].tolist()[:5] == [5, 3, 0, 0, 7]
    assert file.solutions[0].tolist() == [int(x) for x in solution]
    with pytest.raises(ValueError, match="81"):
        parse("123")
