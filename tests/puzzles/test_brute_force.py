"""Puzzles against enumeration: all grids of 4 by 4, permutations, sums, posteriors, witnesses."""

import functools
import itertools
import random

import numpy as np
import pytest
import torch

import constrained_diffusion as cd

VOCABULARY = cd.Vocabulary([b"1", b"2", b"3", b"4", b"5", b"x", None], end_ids=[6])


@functools.cache
def grids() -> tuple[str, ...]:
    """All grids of 4 by 4, by trying every four permutations."""
    found = []
    for rows in itertools.product(itertools.permutations("1234"), repeat=2):
        if _differ(*rows) and len({*rows[0][:2], *rows[1][:2]}) == 4:
            found.append(rows)
    return tuple(
        "".join(itertools.chain(*top, *bottom))
        for top in found
        for bottom in found
        if _differ(*top, *bottom)
    )


def _differ(*rows: tuple[str, ...]) -> bool:
    return all(len(set(column)) == len(column) for column in zip(*rows, strict=True))


def _clues(rng: random.Random) -> str:
    """A grid with some cells left, now and then one of them wrong."""
    grid = rng.choice(grids())
    kept = set(rng.sample(range(16), rng.randrange(9)))
    cells = [symbol if i in kept else "." for i, symbol in enumerate(grid)]
    if rng.random() < 0.25:
        cells[rng.randrange(16)] = rng.choice("1234")
    return "".join(cells)


def _agreeing(clues: str) -> set[str]:
    return {g for g in grids() if all(a in (".", b) for a, b in zip(clues, g, strict=True))}


def test_all_grids_of_four_by_four():
    puzzle = cd.Sudoku("." * 16, (2, 2))
    assert len(grids()) == 288
    assert set(puzzle.solutions()) == set(grids())
    assert puzzle.count() == 288
    assert puzzle.count(100) == 100


def test_clues_against_enumeration():
    rng = random.Random(1)
    for _ in range(150):
        clues = _clues(rng)
        expected = _agreeing(clues)
        try:
            puzzle = cd.Sudoku(clues, (2, 2))
            assert set(puzzle.solutions()) == expected, clues
            assert puzzle.count() == len(expected), clues
            solution = puzzle.solve()
        except cd.UnsatisfiableError:
            assert not expected, clues
        else:
            assert solution.text in expected, clues
            assert solution.unique == (len(expected) == 1), clues


def test_posterior_against_enumeration():
    rng = random.Random(2)
    for seed in range(25):
        clues = _clues(rng)
        solutions = sorted(_agreeing(clues))
        if not solutions:
            continue
        compiled = cd.compile(cd.Sudoku(clues, (2, 2)), VOCABULARY, length=16)
        generator = torch.Generator().manual_seed(seed)
        logs = torch.log_softmax(torch.randn(16, 7, generator=generator).double(), -1)
        tokens = torch.tensor([[int(s) - 1 for s in text] for text in solutions])
        scores = logs[torch.arange(16), tokens].sum(-1)
        shares = torch.softmax(scores, 0)
        marginals = torch.zeros(16, 7).double()
        for row, share in zip(tokens, shares, strict=True):
            marginals[torch.arange(16), row] += share
        posterior = compiled.posterior(logs)
        assert torch.equal(posterior.mask(), marginals > 0)
        assert torch.allclose(posterior.marginals().double(), marginals, atol=1e-5)
        assert float(posterior.log_evidence) == pytest.approx(float(scores.logsumexp(0)), abs=1e-5)
        assert float(logs[torch.arange(16), posterior.mode()].sum()) == pytest.approx(
            float(scores.max()), abs=1e-5
        )


def test_every_sample_and_step_is_a_solution():
    """Fixing parts of the last witness, then drawing again, never leaves the solutions."""
    compiled = cd.compile(cd.Sudoku("1" + "." * 15, (2, 2)), VOCABULARY, length=16)
    generator = torch.Generator().manual_seed(0)
    fixed: dict[int, int] = {}
    for position in torch.randperm(16, generator=generator).tolist():
        logs = torch.randn(16, 7, generator=generator)
        posterior = compiled.posterior(logs, fixed=fixed)
        for canvas in (posterior.mode(), posterior.sample(generator)):
            assert VOCABULARY.decode(canvas.tolist()).decode() in _agreeing("1" + "." * 15)
            assert all(int(canvas[i]) == token for i, token in fixed.items())
        fixed[position] = int(posterior.sample(generator)[position])


def _random_group_puzzle(rng: random.Random) -> tuple[list[list[int]], list[str], cd.Sum]:
    n = rng.randrange(2, 6)
    domains = ["".join(sorted(rng.sample("12345", rng.randrange(1, 5)))) for _ in range(n)]
    groups = [rng.sample(range(n), rng.randrange(1, n + 1)) for _ in range(rng.randrange(1, 3))]
    cells = rng.sample(range(n), rng.randrange(1, n + 1))
    return groups, domains, cd.Sum(cells, rng.randrange(1, 15))


def _differing(groups: list[list[int]], domains: list[str]) -> set[str]:
    return {
        "".join(filling)
        for filling in itertools.product(*domains)
        if all(len({filling[i] for i in group}) == len(group) for group in groups)
    }


def test_groups_and_sums_against_enumeration():
    rng = random.Random(3)
    for _ in range(200):
        groups, domains, total = _random_group_puzzle(rng)
        expected = {
            text
            for text in _differing(groups, domains)
            if sum(int(text[int(i)]) for i in total.cells) == total.total
        }
        try:
            found = set(cd.AllDifferent(groups, domains, sums=[total]).solutions())
        except cd.UnsatisfiableError:
            found = set()
        assert found == expected, (groups, domains, total)


def test_support_of_one_group_against_permutations():
    rng = random.Random(4)
    for _ in range(60):
        _, domains, _ = _random_group_puzzle(rng)
        n = len(domains)
        expected = _differing([list(range(n))], domains)
        try:
            puzzle = cd.AllDifferent([range(n)], domains)
            compiled = cd.compile(puzzle, VOCABULARY, length=n)
        except cd.UnsatisfiableError:
            assert not expected, domains
            continue
        mask = compiled.posterior(torch.zeros(n, 7)).mask().numpy()
        supported = np.zeros((n, 7), bool)
        for text in expected:
            supported[range(n), [int(symbol) - 1 for symbol in text]] = True
        assert (mask == supported).all(), domains


def test_killer_cages_against_enumeration():
    rng = random.Random(5)
    for _ in range(40):
        solution = rng.choice(grids())
        cages = []
        for first in rng.sample(range(0, 14), 4):
            cells = [first, first + 1] if first % 4 < 3 else [first]
            if len({solution[i] for i in cells}) == len(cells):
                cages.append(cd.Sum(cells, sum(int(solution[i]) for i in cells)))
        expected = {
            grid
            for grid in grids()
            if all(sum(int(grid[int(i)]) for i in c.cells) == c.total for c in cages)
        }
        assert set(cd.Sudoku("." * 16, (2, 2), cages=cages).solutions()) == expected, cages
