"""Other ways to solve a Sudoku: a constraint solver, a plain script. Each takes a line."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from typing import Any

Solver = Callable[[str], "str | None"]

UNITS = [
    *([9 * r + c for c in range(9)] for r in range(9)),
    *([9 * r + c for r in range(9)] for c in range(9)),
    *(
        [9 * (r + i) + c + j for i in range(3) for j in range(3)]
        for r in (0, 3, 6)
        for c in (0, 3, 6)
    ),
]


def plain_backtracking(line: str) -> str | None:
    """The empty cell with the fewest digits left, in their order; sets of what its units hold."""
    rows, columns, boxes = [0] * 9, [0] * 9, [0] * 9
    cells = [int(c) if c in "123456789" else 0 for c in line]
    for i, digit in enumerate(cells):
        if digit:
            for held, unit in _held(rows, columns, boxes, i):
                held[unit] |= 1 << digit
    empty = {i for i in range(81) if not cells[i]}

    def left(i: int) -> int:
        units = _held(rows, columns, boxes, i)
        return ~(units[0][0][units[0][1]] | units[1][0][units[1][1]] | units[2][0][units[2][1]])

    def fill() -> bool:
        if not empty:
            return True
        i = min(empty, key=lambda cell: (left(cell) & 0b1111111110).bit_count())
        empty.discard(i)
        units = _held(rows, columns, boxes, i)
        possible = left(i)
        for digit in range(1, 10):
            bit = 1 << digit
            if not possible & bit:
                continue
            cells[i] = digit
            for held, unit in units:
                held[unit] |= bit
            if fill():
                return True
            for held, unit in units:
                held[unit] ^= bit
        cells[i] = 0
        empty.add(i)
        return False

    return "".join(map(str, cells)) if fill() else None


def _held(
    rows: list[int], columns: list[int], boxes: list[int], i: int
) -> list[tuple[list[int], int]]:
    return [(rows, i // 9), (columns, i % 9), (boxes, i // 27 * 3 + i % 9 // 3)]


def ortools_cp_sat(line: str) -> str | None:
    """OR-tools CP-SAT, one worker: 81 integers, 27 all-different constraints."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    cells = [model.new_int_var(1, 9, f"c{i}") for i in range(81)]
    for unit in UNITS:
        model.add_all_different([cells[i] for i in unit])
    for i, c in enumerate(line):
        if c in "123456789":
            model.add(cells[i] == int(c))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return "".join(str(solver.value(cell)) for cell in cells)


def python_constraint(line: str) -> str | None:
    """python-constraint: 81 variables, 27 all-different constraints."""
    import constraint

    problem = constraint.Problem()
    for i, c in enumerate(line):
        problem.addVariable(i, [int(c)] if c in "123456789" else list(range(1, 10)))
    for unit in UNITS:
        problem.addConstraint(constraint.AllDifferentConstraint(), unit)
    solution = problem.getSolution()
    return None if solution is None else "".join(str(solution[i]) for i in range(81))


def solved_within(solver: Solver, puzzles: Sequence[str], seconds: float) -> dict[str, Any]:
    """Solves the puzzles in their order, in a process of its own, until the time is over.

    `solved`, `seconds` of processor time for them and `per second`; all None where the library is
    not installed.
    """
    context = multiprocessing.get_context("spawn")
    solved, spent = context.Value("q", 0), context.Value("d", 0.0)
    process = context.Process(target=_work, args=(solver, list(puzzles), solved, spent))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.terminate()
        process.join()
    if process.exitcode == _NOT_INSTALLED:
        return {"solved": None, "seconds": None, "per second": None}
    count, used = solved.value, spent.value
    return {"solved": count, "seconds": used, "per second": count / used if count else 0.0}


_NOT_INSTALLED = 3


def _work(solver: Solver, puzzles: list[str], solved: Any, spent: Any) -> None:
    try:
        solver("." * 80 + "1")
    except ImportError:
        raise SystemExit(_NOT_INSTALLED) from None
    for line in puzzles:
        started = time.process_time()
        text = solver(line)
        if text is None or any(len({text[i] for i in unit}) < 9 for unit in UNITS):
            raise AssertionError(f"{solver.__name__} failed on {line}")
        with solved.get_lock(), spent.get_lock():
            solved.value += 1
            spent.value += time.process_time() - started
