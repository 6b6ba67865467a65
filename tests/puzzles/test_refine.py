"""A model with more and more help, and what the views make of it."""

from __future__ import annotations

import io
import itertools
import json
import re

import numpy as np
import pytest
from puzzle_oracles import digits
from rich.console import Console
from stand_ins import Hinting

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser
from constrained_diffusion.puzzles.frames import CellState, GridRecorder
from constrained_diffusion.puzzles.grid_page import render_grid_page
from constrained_diffusion.puzzles.grid_view import GridView, grid_text, render, symbol_line
from constrained_diffusion.puzzles.refine import refine

# Puzzle of the article "Sudoku" of the English Wikipedia (public domain), and "AI Escargot" of
# Arto Inkala, which propagation alone does not solve.
EASY = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
HARD = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."


def solution_of(line: str) -> str:
    return cd.Sudoku(line).solve().text


def test_a_model_that_knows_the_answer_needs_no_help():
    puzzle = cd.Sudoku(HARD)
    denoiser = Hinting(solution_of(HARD), 20.0)
    (alone,) = refine(denoiser, [puzzle], guidance="none")
    assert alone.solved and alone.steps == 1 and alone.reason is None
    assert alone.text == solution_of(HARD) and alone.nodes == 0


@pytest.mark.parametrize("trust", [-5.0, 0.0, 2.0])
def test_with_search_every_answer_is_right_whatever_the_model_says(trust):
    puzzles = [cd.Sudoku(EASY), cd.Sudoku(HARD), cd.Sudoku("." * 81)]
    denoiser = Hinting(solution_of(HARD), trust)
    results = refine(denoiser, puzzles, steps=4)
    assert [result.solved for result in results] == [True] * 3
    assert [result.text for result in results[:2]] == [solution_of(EASY), solution_of(HARD)]
    assert [result.unique for result in results] == [True, True, False]
    assert results[1].nodes >= 1


def test_without_help_a_bad_model_fails_and_says_how():
    puzzles = [cd.Sudoku(HARD)] * 2
    results = refine(Hinting(solution_of(HARD), -5.0), puzzles, guidance="none", steps=3)
    for result in results:
        assert not result.solved and "both hold" in result.reason
        assert all(c in (".", d) for c, d in zip(HARD, result.text, strict=True))
    (masked,) = refine(Hinting(solution_of(HARD), -5.0), puzzles[:1], guidance="masks", steps=3)
    assert not masked.solved and masked.dead_end


def test_masks_solve_what_propagation_solves():
    (masked,) = refine(Hinting(solution_of(HARD), -5.0), [cd.Sudoku(EASY)], guidance="masks")
    assert masked.solved and masked.steps == 0


def test_puzzles_without_a_solution_do_not_stop_the_others():
    puzzles = [cd.Sudoku("55" + "." * 79), cd.Sudoku(EASY)]
    bad, good = refine(Hinting(solution_of(EASY), 1.0), puzzles)
    assert not bad.solved and "r1c1 and r1c2" in bad.reason and good.solved
    letters = cd.Sudoku("." * 625, (5, 5)).symbols
    vocabulary = cd.Vocabulary([*(c.encode() for c in letters), None], end_ids=[], mask_id=25)
    large = cd.Sudoku("." * 625, (5, 5), limits=cd.SearchLimits(seconds=1e-9))
    (late,) = refine(RandomDenoiser(vocabulary, 625, noise="masked"), [large], steps=1)
    assert not late.solved and "SearchLimits" in late.reason


def test_what_does_not_fit_together_is_named():
    puzzle = cd.Sudoku(EASY)
    with pytest.raises(cd.VocabularyError, match="mask token"):
        refine(RandomDenoiser(cd.Vocabulary([b"1"], end_ids=[]), 81), [puzzle])
    with pytest.raises(cd.ConstrainedDiffusionError, match="one kind"):
        refine(Hinting(solution_of(EASY), 1.0), [puzzle, cd.Sudoku(EASY, diagonals=True)])
    with pytest.raises(cd.ConstrainedDiffusionError, match="16 positions"):
        refine(RandomDenoiser(digits(9), 16, noise="masked"), [puzzle])
    with pytest.raises(cd.ConstrainedDiffusionError, match="guidance"):
        refine(Hinting(solution_of(EASY), 1.0), [puzzle], guidance="luck")
    with pytest.raises(cd.ConstrainedDiffusionError, match="at least one"):
        refine(Hinting(solution_of(EASY), 1.0), [])


@pytest.fixture(scope="module", params=["none", "masks", "search"])
def recorded(request):
    puzzle = cd.Sudoku(HARD)
    recorder = GridRecorder(puzzle)
    result = refine(
        Hinting(solution_of(HARD), 1.5), [puzzle], guidance=request.param, on_round=recorder
    )[0]
    return recorder, result


def test_frames_tell_cells_apart(recorded):
    recorder, result = recorded
    given = [c != "." for c in HARD]
    for frame in recorder.frames:
        assert [state is CellState.GIVEN for state in frame.states] == given
        assert np.allclose(frame.probabilities.sum(1), 1)
    for before, after in itertools.pairwise(recorder.frames):
        for cell, state in enumerate(after.states):
            changed = before.symbols[cell] != after.symbols[cell]
            if state in (CellState.CHANGING, CellState.OPEN):
                assert changed == (state is CellState.CHANGING)
    if result.solved:
        assert recorder.frames[-1].decided == 81
        assert symbol_line(recorder.puzzle, recorder.frames[-1]) == result.text


def test_the_terminal_shows_the_grid(recorded):
    recorder, _ = recorded
    frame = recorder.frames[0]
    shown = grid_text(recorder.puzzle, frame).plain
    assert [re.sub(r"[\s░▒▓█]", "", line) for line in shown.split("\n") if line] == [
        "".join("123456789"[j] for j in frame.symbols[i : i + 9]) for i in range(0, 81, 9)
    ]
    console = Console(file=io.StringIO(), width=100)
    console.print(render(recorder.puzzle, frame))
    assert "decided" in console.file.getvalue()


def test_where_there_is_no_terminal_each_step_is_a_line():
    console = Console(file=io.StringIO(), width=40)
    puzzle = cd.Sudoku(HARD)
    with GridView(puzzle, console) as view:
        refine(Hinting(solution_of(HARD), 1.5), [puzzle], on_round=view)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == len(view.recorder.frames)
    assert lines[-1].endswith(solution_of(HARD))


def test_the_page_holds_every_step(recorded):
    recorder, result = recorded
    solution = result.text if result.solved else None
    page = render_grid_page(recorder, solution, title="<b>&")
    assert "<title>&lt;b&gt;&amp;</title>" in page and "{{" not in page
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page)[1])
    assert data["solution"] == solution and len(data["frames"]) == len(recorder.frames)
    for frame, drawn in zip(recorder.frames, data["frames"], strict=True):
        assert drawn["symbols"] == frame.symbols
        for cell, percents in enumerate(drawn["percent"]):
            for j, percent in enumerate(percents):
                possible = frame.possible[cell] >> j & 1
                expected = round(100 * frame.probabilities[cell][j]) if possible else -1
                assert percent == expected
    assert data["regions"][0] == data["regions"][20] != data["regions"][3]


def test_steps_of_generate_are_frames_as_well():
    limits = cd.SearchLimits(solutions=0)
    puzzle = cd.Sudoku(HARD, limits=limits)
    recorder = GridRecorder(puzzle)
    sampler = cd.MaskedSampler(steps=5)
    denoiser = Hinting(solution_of(HARD), 1.0)
    result = cd.generate(denoiser, None, puzzle, sampler=sampler, seed=0, on_step=recorder)
    assert len(recorder.frames) == result.steps
    assert symbol_line(puzzle, recorder.frames[-1]) == result.text
    for frame in recorder.frames:
        for cell, symbol in enumerate(frame.symbols):
            assert frame.possible[cell] >> symbol & 1
