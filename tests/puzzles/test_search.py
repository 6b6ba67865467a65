"""The search finds every solution once, the best one, and keeps to its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from puzzle_oracles import fillings, latin_squares, structures

from constrained_diffusion import LimitError, UnsatisfiableError
from constrained_diffusion.puzzles import AllDifferent, SearchLimits, Sudoku
from constrained_diffusion.puzzles.explore import Searcher, explore
from constrained_diffusion.puzzles.puzzle import Group, Structure
from constrained_diffusion.puzzles.search import EXHAUSTED, FOUND, PAUSED
from constrained_diffusion.puzzles.solve import solve_many
from constrained_diffusion.puzzles.support import support


def weights_of(structure, seed, scale=2.0):
    shape = (structure.size, len(structure.symbols))
    return np.random.default_rng(seed).normal(size=shape) * scale


def score(weights, filling):
    return sum(weights[i, j] for i, j in enumerate(filling))


@given(structures(), st.integers(0, 999))
def test_all_solutions_are_listed_once_with_their_scores(structure, seed):
    solutions = fillings(structure)
    weights = weights_of(structure, seed)
    limits = SearchLimits(solutions=5000)
    if not solutions:
        with pytest.raises(UnsatisfiableError):
            explore(structure, structure.domains, weights, limits)
        return
    found = explore(structure, structure.domains, weights, limits)
    assert found.complete and found.best_is_proven
    assert sorted(map(tuple, found.solutions.tolist())) == sorted(solutions)
    for filling, listed in zip(found.solutions.tolist(), found.scores, strict=True):
        assert listed == pytest.approx(score(weights, filling))
    assert found.best_score == pytest.approx(max(score(weights, f) for f in solutions))


@given(structures(max_cells=6), st.integers(0, 999), st.integers(0, 3), st.integers(1, 60))
def test_with_few_listed_the_best_is_a_solution_and_the_proof_holds(structure, seed, listed, nodes):
    solutions = fillings(structure)
    if not solutions:
        return
    weights = weights_of(structure, seed)
    limits = SearchLimits(solutions=listed, nodes=nodes)
    found = explore(structure, structure.domains, weights, limits)
    best = max(score(weights, filling) for filling in solutions)
    assert tuple(found.best.tolist()) in solutions
    assert found.best_score == pytest.approx(score(weights, found.best.tolist()))
    assert found.best_score <= best + 1e-9
    assert {tuple(row) for row in found.solutions.tolist()} <= set(solutions)
    if found.best_is_proven:
        assert found.best_score == pytest.approx(best)
    if found.complete:
        assert len(found.solutions) == len(solutions)


@given(structures(max_cells=6), st.integers(0, 999), st.integers(1, 40))
def test_support_holds_every_possible_symbol_and_says_when_no_other(structure, seed, nodes):
    solutions = fillings(structure)
    if not solutions:
        return
    limits = SearchLimits(solutions=1, nodes=nodes)
    found = explore(structure, structure.domains, weights_of(structure, seed), limits)
    result = support(structure, found.domains, found, limits)
    for cell in range(structure.size):
        possible = sum({1 << filling[cell] for filling in solutions})
        assert possible & ~int(result.sets[cell]) == 0
        if result.exact:
            assert possible == result.sets[cell]


@pytest.mark.parametrize("slice_nodes", [1, 2, 7])
def test_a_search_that_is_paused_goes_on_where_it_was(slice_nodes):
    puzzle = Sudoku("." * 16, (2, 2))
    whole = Searcher(puzzle.structure, puzzle.initial, capacity=288, seconds=60)
    assert whole.run(1000) == EXHAUSTED
    parts = Searcher(puzzle.structure, puzzle.initial, capacity=288, seconds=60)
    while (status := parts.run(1000, parts.nodes + slice_nodes)) == PAUSED:
        pass
    assert status == EXHAUSTED
    assert parts.nodes == whole.nodes
    assert np.array_equal(parts.stack.solutions, whole.stack.solutions)


def test_4x4_grids_and_latin_squares_are_all_found():
    grid = Sudoku("." * 16, (2, 2))
    squares = latin_squares(4)
    boxes = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    sudokus = [s for s in squares if all(len({s[c] for c in box}) == 4 for box in boxes)]
    as_text = {"".join("1234"[j] for j in square) for square in sudokus}
    assert set(grid.solutions()) == as_text and grid.count() == len(as_text)
    assert Sudoku("." * 16, None).count() == len(squares)
    assert Sudoku("." * 9, None).count() == len(latin_squares(3))


def test_count_stops_at_its_limit_and_at_its_time():
    assert Sudoku("." * 81).count(limit=37) == 37
    assert AllDifferent([[0, 1]], "ab").count() == 2
    assert AllDifferent([[0, 1, 2]], "ab").count() == 0
    with pytest.raises(LimitError, match="seconds"):
        Sudoku("." * 81, limits=SearchLimits(seconds=1e-9)).count(limit=10**9)


def test_out_of_time_is_an_error_and_not_a_hang():
    puzzle = Sudoku("." * 625, (5, 5), limits=SearchLimits(seconds=1e-9))
    with pytest.raises(LimitError, match="SearchLimits"):
        puzzle.solve()


def test_large_empty_grids_are_filled():
    for box in ((4, 4), (5, 5)):
        size = box[0] * box[1]
        solution = Sudoku("." * size**2, box).solve()
        assert solution.unique is False
        assert Sudoku(solution.text, box).solve().unique is True


def test_solve_many_is_each_by_itself():
    rng = np.random.default_rng(0)
    kind = Sudoku("." * 16, (2, 2))
    grids = list(kind.solutions())
    lines = [
        "".join(c if rng.random() < 0.4 else "." for c in grids[rng.integers(len(grids))])
        for _ in range(40)
    ]
    lines.append("11" + "." * 14)
    domains = np.stack([Sudoku(line, (2, 2)).initial for line in lines])
    weights = rng.normal(size=(len(lines), 16, 4))
    batch = solve_many(kind.structure, domains, weights)
    for b, line in enumerate(lines):
        count = sum(all(c in (".", d) for c, d in zip(line, grid, strict=True)) for grid in grids)
        assert batch.found[b] == min(count, 2)
        assert batch.status[b] == (FOUND if count >= 2 else EXHAUSTED)
        if count:
            text = "".join("1234"[j] for j in batch.solutions[b])
            assert text in grids
            assert all(c in (".", d) for c, d in zip(line, text, strict=True))
            alone = solve_many(kind.structure, domains[b : b + 1], weights[b : b + 1])
            assert np.array_equal(alone.solutions[0], batch.solutions[b])
            assert alone.nodes[0] == batch.nodes[b]


def test_the_order_of_the_weights_is_followed():
    """With the solution itself as the order, no guess is wrong: each one is a step down."""
    group = tuple(Group(f"group {i}", tuple(range(i, i + 3))) for i in range(4))
    structure = Structure(tuple(b"abcd"[j : j + 1] for j in range(4)), np.full(6, 15), group)
    for filling in fillings(structure)[::7]:
        weights = np.zeros((6, 4))
        weights[np.arange(6), filling] = 1.0
        search = Searcher(structure, structure.domains, weights, seconds=60)
        assert search.run(1) == FOUND
        assert tuple(search.last.tolist()) == filling
        batch = solve_many(structure, structure.domains[None], weights[None], max_found=1)
        assert batch.nodes[0] == batch.standing[0]
        # What stands after a whole search is nothing: everything has been refuted or exhausted.
        batch = solve_many(structure, structure.domains[None], weights[None], max_found=1000)
        assert batch.status[0] == EXHAUSTED and batch.nodes[0] > 0
        assert batch.standing[0] == 0
