"""Compiled puzzles through the public interface: compile, accept, explain, generate."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from puzzle_oracles import digits
from stand_ins import Hinting

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
NINE = digits(9)


def test_the_compiled_puzzle_states_what_it_is():
    compiled = cd.compile(cd.Sudoku(PUZZLE), NINE, length=81)
    assert compiled.accepts(SOLUTION) and compiled.accepts(SOLUTION.encode())
    assert compiled.accepts("\n".join(compiled.parse(SOLUTION)))
    assert compiled.min_tokens == 81 and compiled.shortest() == SOLUTION.encode()
    assert compiled.bounds == () and compiled.stats["given_cells"] == 30
    assert compiled.parse(SOLUTION) == [SOLUTION[i : i + 9] for i in range(0, 81, 9)]
    assert compiled.count() == 1
    assert compiled.advance([int(c) - 1 for c in SOLUTION]) == compiled.initial_state
    assert not compiled.is_done(compiled.initial_state)
    assert compiled.given_tokens == {i: int(c) - 1 for i, c in enumerate(PUZZLE) if c != "."}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SOLUTION[:-1], "expected 81 cells, found 80"),
        (SOLUTION + "1", "expected 81 cells, found more"),
        (SOLUTION.replace("4", "x", 1), "r1c3 holds 'x'"),
        ("4" + SOLUTION[1:], "r1c1 holds 4, expected 5"),
        (SOLUTION[:3] + SOLUTION[2] + SOLUTION[4:], "r1c3 and r1c4 (row 1) both hold 4"),
        (b"\xff", "UTF-8"),
    ],
)
def test_explain_names_the_first_thing_that_is_wrong(text, words):
    compiled = cd.compile(cd.Sudoku(PUZZLE), NINE, length=81)
    assert not compiled.accepts(text)
    assert words in compiled.explain(text)


def test_sums_are_explained():
    compiled = cd.compile(
        cd.AllDifferent([[0, 1]], "123", sums=[cd.Sum([0, 1], 4)]), digits(3), length=2
    )
    assert compiled.accepts("13") and compiled.accepts("31")
    assert compiled.explain("12") == "position 0, position 1 add up to 3, expected 4"


def test_texts_that_can_be_read_in_two_ways():
    """1 and 11 begin alike: 111 is 1 11 and 11 1, and only one of them keeps the domains."""
    vocabulary = cd.Vocabulary([b"1", b"11", b"2", None], end_ids=[3])
    both = cd.compile(cd.AllDifferent([[0, 1]], [["1", "11"], ["1", "11"]]), vocabulary, length=2)
    assert both.accepts("111") and not both.accepts("11") and not both.accepts("1111")
    one = cd.compile(cd.AllDifferent([[0, 1]], [["1"], ["11", "2"]]), vocabulary, length=2)
    assert one.accepts("111") and one.accepts("12") and not one.accepts("112")


def test_symbols_are_tokens():
    ids = cd.compile(cd.AllDifferent([[0, 1]], [[0, 1], [1]]), digits(2), length=2)
    assert ids.accepts("12") and not ids.accepts("21")
    with pytest.raises(cd.VocabularyError, match="'9' is no token"):
        cd.compile(cd.Sudoku(PUZZLE), digits(8), length=81)
    with pytest.raises(cd.VocabularyError, match="token 9"):
        cd.compile(cd.AllDifferent([[0]], [[9]]), NINE, length=1)
    with pytest.raises(cd.VocabularyError, match="same token"):
        cd.compile(cd.AllDifferent([[0, 1]], [[0], ["1"]]), NINE, length=2)
    with pytest.raises(cd.ConstrainedDiffusionError, match="token ids"):
        cd.AllDifferent([[0, 1]], [[0], [1]]).solve()


def test_what_cannot_be_compiled_is_named():
    with pytest.raises(cd.UnsatisfiableError, match="r1c1 and r1c2"):
        cd.compile(cd.Sudoku("55" + "." * 79), NINE, length=81)
    with pytest.raises(cd.CanvasTooSmallError) as error:
        cd.compile(cd.Sudoku(PUZZLE), NINE, length=80)
    assert (error.value.needed, error.value.available) == (81, 80)
    with pytest.raises(cd.ConstrainedDiffusionError, match="no end token"):
        cd.compile(cd.Sudoku(PUZZLE), NINE, length=82)
    with pytest.raises(cd.ConstrainedDiffusionError, match="one canvas"):
        cd.compile(cd.Sudoku(PUZZLE), NINE, length=81, canvases=2)
    for text_too in (cd.Sudoku(PUZZLE) + "!", cd.Sudoku(PUZZLE) | cd.Text(), ~cd.Sudoku(PUZZLE)):
        with pytest.raises(cd.ConstrainedDiffusionError, match="does not combine"):
            cd.compile(text_too, NINE, length=81)
    with pytest.raises(cd.UnsatisfiableError, match="no solution"):
        cd.compile(cd.Sudoku(PUZZLE), NINE, length=81).advance([0] * 81)


def test_rows_of_a_batch_may_be_puzzles_texts_and_free():
    puzzle = cd.compile(cd.Sudoku("1...............", (2, 2)), digits(4), length=16)
    text = cd.compile(cd.Regex("[12]*"), digits(4), length=16)
    log_probs = torch.randn(3, 16, 5, generator=torch.Generator().manual_seed(0))
    batch = cd.posterior([puzzle, text, None], log_probs, fixed=[{1: 1}, None, {0: 2}])
    assert puzzle.accepts(puzzle.vocabulary.decode(batch.mode()[0]))
    assert text.accepts(puzzle.vocabulary.decode(batch.mode()[1]))
    assert batch.mode()[0, 1] == 1 and batch.mode()[2, 0] == 2
    alone = puzzle.posterior(log_probs[0], fixed={1: 1})
    assert torch.equal(batch.mode()[0], alone.mode())
    assert torch.allclose(batch.marginals()[0], alone.marginals())
    assert batch.log_evidence[0] == alone.log_evidence
    assert torch.allclose(batch.entropy()[0], alone.entropy())
    assert cd.posterior([puzzle], log_probs[0], fixed={1: 1}).values("r1c2") == {
        "1": 0.0,
        "2": 1.0,
        "3": 0.0,
        "4": 0.0,
    }


samplers = st.builds(
    cd.MaskedSampler,
    steps=st.integers(1, 8),
    order=st.sampled_from(["confidence", "margin", "entropy", "random"]),
    threshold=st.none() | st.sampled_from([0.5, 0.9]),
    remask=st.sampled_from([0.0, 0.4]),
    temperature=st.sampled_from([0.0, 1.0]),
) | st.builds(cd.UniformSampler, steps=st.integers(1, 6), entropy_bound=st.sampled_from([0.1, 9.0]))


@given(
    sampler=samplers,
    noise=st.sampled_from(["masked", "uniform"]),
    given_cells=st.sampled_from(["." * 16, "1" + "." * 15, "12..34..2.......", "..1..2.....3..4."]),
    solutions=st.sampled_from([0, 20, 1000]),
    scale=st.sampled_from([1.0, 15.0]),
    seed=st.integers(0, 999),
)
@settings(max_examples=60)
def test_every_step_commits_part_of_a_solution(sampler, noise, given_cells, solutions, scale, seed):
    limits = cd.SearchLimits(solutions=solutions, nodes=500)
    puzzle = cd.Sudoku(given_cells, (2, 2), limits=limits)
    denoiser = RandomDenoiser(digits(4), 16, noise=noise, seed=seed, scale=scale)
    compiled = cd.compile(puzzle, denoiser.vocabulary, length=16)
    steps = cd.stream(denoiser, "", compiled, sampler=sampler, seed=seed)
    shown = []
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            result = stop.value
            break
        shown.append(step)
        for canvas in (step.witness, step.draft):
            assert compiled.accepts(compiled.vocabulary.decode(canvas))
        assert torch.equal(step.canvas[step.committed], step.witness[step.committed])
        for cell, token in compiled.given_tokens.items():
            assert step.canvas[cell] == token
    assert compiled.accepts(result.text) and len(shown) == result.steps
    assert result.value == [result.text[i : i + 4] for i in range(0, 16, 4)]


def test_the_model_sees_what_is_given_from_the_first_step():
    denoiser = Hinting(SOLUTION, 1.0)
    result = cd.generate(denoiser, None, cd.Sudoku(PUZZLE), seed=0)
    assert result.text == SOLUTION and result.value == [
        SOLUTION[i : i + 9] for i in range(0, 81, 9)
    ]
    first = denoiser.seen[0][0].tolist()
    assert first == [9 if c == "." else int(c) - 1 for c in PUZZLE]
    # One solution: it is certain at once, whatever the model says.
    assert result.steps == 1 and result.values("r1c3")["4"] == pytest.approx(1.0)


def test_equal_seeds_give_equal_grids():
    denoiser = Hinting(SOLUTION, 0.5)
    puzzle = cd.Sudoku("." * 81, limits=cd.SearchLimits(solutions=0, nodes=50))
    sampler = cd.MaskedSampler(steps=4, temperature=1.0)
    runs = [cd.generate(denoiser, None, puzzle, sampler=sampler, seed=s).text for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_the_public_names_are_there():
    assert {"AllDifferent", "SearchLimits", "Sudoku", "Sum"} <= set(cd.__all__)
