"""What propagation takes away stands in no solution; of one rule alone it leaves no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from puzzle_oracles import LETTERS, fillings, structures

from constrained_diffusion import UnsatisfiableError
from constrained_diffusion.puzzles.explore import narrowed
from constrained_diffusion.puzzles.layout import build_scratch
from constrained_diffusion.puzzles.propagation import SINGLES, propagate_all
from constrained_diffusion.puzzles.puzzle import Group, Structure, Total


def supports(solutions, size) -> list[int]:
    return [sum({1 << filling[cell] for filling in solutions}) for cell in range(size)]


def one_rule(domains, *, total=None, different=True, values=(), symbols=6):
    cells = tuple(range(len(domains)))
    return Structure(
        symbols=tuple(LETTERS[j].encode() for j in range(symbols)),
        domains=np.array(domains, np.int64),
        groups=(Group("all", cells),) if different else (),
        totals=() if total is None else (Total(cells, total),),
        values=tuple(values),
    )


@given(st.lists(st.integers(1, 63), min_size=1, max_size=6))
def test_matching_support_is_that_of_all_permutations(domains):
    structure = one_rule(domains)
    solutions = fillings(structure)
    if not solutions:
        with pytest.raises(UnsatisfiableError):
            narrowed(structure, structure.domains)
    else:
        found = narrowed(structure, structure.domains)
        assert found.tolist() == supports(solutions, len(domains))


@given(
    domains=st.lists(st.integers(1, 63), min_size=1, max_size=4),
    total=st.integers(0, 20),
    values=st.lists(st.integers(0, 7), min_size=6, max_size=6),
    different=st.booleans(),
)
def test_sum_support_is_that_of_all_fillings(domains, total, values, different):
    structure = one_rule(domains, total=total, different=different, values=values)
    solutions = fillings(structure)
    if not solutions:
        with pytest.raises(UnsatisfiableError):
            narrowed(structure, structure.domains)
    else:
        found = narrowed(structure, structure.domains)
        assert found.tolist() == supports(solutions, len(domains))


def test_sums_over_many_symbols_lose_no_solution():
    # 14 symbols are more than are decided over sets: totals and matchings one after the other.
    structure = Structure(
        symbols=tuple(bytes([ord("a") + j]) for j in range(14)),
        domains=np.full(3, (1 << 14) - 1, np.int64),
        groups=(Group("all", (0, 1, 2)),),
        totals=(Total((0, 1, 2), 6),),
        values=tuple(range(14)),
    )
    found = narrowed(structure, structure.domains).tolist()
    for cell, support in enumerate(supports(fillings(structure), 3)):
        assert support & ~found[cell] == 0


@given(structures(), st.booleans())
def test_no_solution_is_lost(structure, singles_only):
    solutions = fillings(structure)
    domains = structure.domains.copy()
    scratch = build_scratch(structure.layout)
    if singles_only:
        possible = propagate_all(structure.layout, scratch, domains, SINGLES)
    else:
        try:
            domains = narrowed(structure, domains)
            possible = True
        except UnsatisfiableError:
            possible = False
    if not possible:
        assert not solutions
        return
    for cell, support in enumerate(supports(solutions, structure.size)):
        assert support & ~int(domains[cell]) == 0


@pytest.mark.parametrize(
    ("domains", "words"),
    [
        ([1, 1], "position 0 and position 1 (all) both hold a"),
        ([3, 3, 3], "the cells of all cannot all differ"),
        ([1, 1 | 2, 2 | 1], "nothing is left that position"),
    ],
)
def test_contradictions_name_what_is_at_fault(domains, words):
    structure = one_rule(domains)
    with pytest.raises(UnsatisfiableError) as error:
        narrowed(structure, structure.domains)
    assert words in str(error.value)


def test_a_symbol_without_a_place_is_named():
    group = Group("row 1", (0, 1, 2))
    structure = Structure((b"a", b"b", b"c"), np.full(3, 7, np.int64), (group,))
    with pytest.raises(UnsatisfiableError, match="row 1 has no place left for c"):
        narrowed(structure, np.array([3, 3, 3]))


def test_a_sum_that_cannot_be_met_is_named():
    structure = one_rule([7, 7], total=9, values=(1, 2, 3, 0, 0, 0))
    with pytest.raises(UnsatisfiableError, match=r"position 0, position 1 cannot add up to 9"):
        narrowed(structure, structure.domains)
