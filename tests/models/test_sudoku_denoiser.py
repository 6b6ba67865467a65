"""The bundled Sudoku denoiser: symmetries of its network, puzzles, and its checkpoint folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from damaged_folders import COMMON, check_refused, edit

from constrained_diffusion.errors import (
    ConstrainedDiffusionError,
    VocabularyError,
)
from constrained_diffusion.models import Denoiser, sudoku
from constrained_diffusion.models.sudoku import MASK, SudokuDenoiser
from constrained_diffusion.models.sudoku_network import SudokuConfig, SudokuNetwork
from constrained_diffusion.models.sudoku_refinement import Refinement, has_conflict, refine

BUNDLED = Path(sudoku.__file__).parent / "weights" / "sudoku"

# Puzzle of the article "Sudoku" of the English Wikipedia (public domain).
WIKIPEDIA = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def canvas_of(puzzle: str) -> torch.Tensor:
    return torch.tensor([[MASK if c == "." else int(c) - 1 for c in puzzle]])


@pytest.fixture(scope="module")
def denoiser() -> SudokuDenoiser:
    """Random weights: symmetry must not depend on training."""
    torch.manual_seed(0)
    network = SudokuNetwork(SudokuConfig(width=16, hidden=24))
    torch.nn.init.normal_(network.score.weight)
    return SudokuDenoiser(network, iterations=5)


@pytest.fixture(scope="module")
def bundled() -> SudokuDenoiser:
    return SudokuDenoiser.load(BUNDLED)


def random_canvas(rows: int = 3, seed: int = 0) -> torch.Tensor:
    """Any digits, also ones that contradict each other."""
    generator = torch.Generator().manual_seed(seed)
    canvas = torch.randint(0, 9, (rows, 81), generator=generator)
    return torch.where(torch.rand(rows, 81, generator=generator) < 0.6, MASK, canvas)


# --- symmetry --------------------------------------------------------------------------------


def line_order(seed: int) -> torch.Tensor:
    """An order of the nine rows that keeps bands together."""
    generator = torch.Generator().manual_seed(seed)
    bands = torch.randperm(3, generator=generator)
    return torch.cat([3 * band + torch.randperm(3, generator=generator) for band in bands])


@pytest.mark.parametrize("seed", range(3))
def test_relabelled_digits_give_relabelled_logits(denoiser, seed):
    canvas = random_canvas(seed=seed)
    # Digit d becomes to[d].
    to = torch.randperm(9, generator=torch.Generator().manual_seed(seed))
    relabelled = denoiser.denoise("", torch.cat([to, torch.tensor([MASK])])[canvas])
    plain = denoiser.denoise("", canvas)
    torch.testing.assert_close(relabelled[..., to], plain[..., :9], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["rows", "columns", "transposed"])
def test_a_permuted_grid_gives_permuted_logits(denoiser, kind, seed):
    canvas = random_canvas(seed=seed)
    cells = torch.arange(81).view(9, 9)
    order = line_order(seed)
    moved = {"rows": cells[order], "columns": cells[:, order], "transposed": cells.T}[kind]
    places = moved.reshape(-1)
    torch.testing.assert_close(
        denoiser.denoise("", canvas[:, places]),
        denoiser.denoise("", canvas)[:, places],
        atol=1e-4,
        rtol=1e-4,
    )


def test_what_is_no_symmetry_of_sudoku_changes_the_logits(denoiser):
    """Otherwise the tests above would pass for a network that looks at nothing."""
    canvas = random_canvas()
    cells = torch.arange(81).view(9, 9)
    order = torch.tensor([3, 1, 2, 0, 4, 5, 6, 7, 8])  # two rows of different bands
    places = cells[order].reshape(-1)
    moved = denoiser.denoise("", canvas[:, places])[..., :9]
    assert (moved - denoiser.denoise("", canvas)[:, places][..., :9]).abs().max() > 1e-2


# --- protocol --------------------------------------------------------------------------------


def test_it_is_a_denoiser_of_masked_noise(denoiser):
    assert isinstance(denoiser, Denoiser)
    assert denoiser.noise == "masked" and denoiser.canvas_length == 81
    vocabulary = denoiser.vocabulary
    assert vocabulary.mask_id == MASK and len(vocabulary) == 10
    assert vocabulary.encode("53") == [4, 2]
    assert [vocabulary.tokens[i] for i in range(9)] == [str(i).encode() for i in range(1, 10)]


def test_logits_are_log_probabilities_of_digits(denoiser):
    canvas = random_canvas()
    before = canvas.clone()
    logits = denoiser.denoise("", canvas)
    assert logits.shape == (3, 81, 10) and logits.dtype == torch.float32
    assert (logits[..., MASK] == -torch.inf).all() and logits[..., :9].isfinite().all()
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(3, 81))
    assert torch.equal(canvas, before)


def test_denoise_is_a_function_of_the_canvas_alone(denoiser):
    canvas = random_canvas(rows=40)
    logits = denoiser.denoise("", canvas)
    other = denoiser.denoise(
        "solve it", canvas, previous=canvas[:, :5], self_conditioning=torch.zeros(40, 81, 10)
    )
    assert torch.equal(logits, other)
    torch.testing.assert_close(denoiser.denoise("", canvas[35:]), logits[35:])
    assert denoiser.denoise("", canvas[:0]).shape == (0, 81, 10)


@pytest.mark.parametrize("canvas", [torch.zeros(1, 80).long(), torch.zeros(81).long()])
def test_a_canvas_of_another_shape_is_refused(denoiser, canvas):
    with pytest.raises(VocabularyError, match="81"):
        denoiser.denoise("", canvas)


@pytest.mark.parametrize("token", [-1, MASK + 1])
def test_unknown_tokens_are_refused(denoiser, token):
    with pytest.raises(VocabularyError, match="0 to 9"):
        denoiser.denoise("", torch.full((1, 81), token))


def test_no_iterations_are_refused(denoiser):
    with pytest.raises(ConstrainedDiffusionError, match="at least 1"):
        SudokuDenoiser(denoiser.network, iterations=0)


# --- refinement ------------------------------------------------------------------------------


def test_conflicts_are_those_of_the_rules():
    solved = canvas_of(SOLUTION)
    assert not has_conflict(torch.cat([solved, canvas_of(WIKIPEDIA)])).any()
    assert not has_conflict(torch.full((1, 81), MASK)).any()
    for cell in range(81):
        row, column = divmod(cell, 9)
        for other in range(81):
            there_row, there_column = divmod(other, 9)
            same_box = row // 3 == there_row // 3 and column // 3 == there_column // 3
            sees = other != cell and (row == there_row or column == there_column or same_box)
            pair = torch.full((1, 81), MASK)
            pair[0, cell] = 4
            pair[0, other] = 4
            assert bool(has_conflict(pair)) == sees


class Guesser(SudokuDenoiser):
    """Says `right` for the true digit of every cell and the rest for another one."""

    right = 0.499

    def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
        true = canvas_of(SOLUTION)[0]
        p = torch.full((len(canvas), 81, 10), 1e-6)
        cells = torch.arange(81)
        p[:, cells, true] = self.right
        p[:, cells, (true + 1) % 9] = 1 - self.right
        return p.log()


def test_remasking_takes_back_contradictions(denoiser):
    guesser = Guesser(denoiser.network)
    puzzle = canvas_of(SOLUTION)
    hidden = [0, 1, 40, 80]
    puzzle[0, hidden] = MASK
    once = refine(guesser, puzzle, Refinement(attempts=1))
    assert not once.solved[0] and has_conflict(once.canvas)[0]
    again = refine(guesser, puzzle, Refinement(attempts=400, calls=2000))
    assert again.solved[0] and again.attempts[0] > 1
    assert torch.equal(again.canvas, canvas_of(SOLUTION))
    same = refine(guesser, puzzle, Refinement(attempts=400, calls=2000))
    assert torch.equal(again.calls, same.calls)


def test_remasking_takes_back_a_certain_mistake(denoiser):
    guesser = Guesser(denoiser.network)
    guesser.right = 0.02
    puzzle = canvas_of(SOLUTION)
    puzzle[0, 40] = MASK
    how = Refinement(threshold=0.97, attempts=1000, calls=1000)
    assert refine(guesser, puzzle, how).solved[0]
    assert not refine(guesser, puzzle, Refinement(threshold=0.97, attempts=1)).solved[0]


def test_refinement_never_touches_givens_and_keeps_to_its_calls(denoiser):
    puzzles = canvas_of(WIKIPEDIA).expand(3, -1).clone()
    puzzles[1, 0] = puzzles[1, 1]  # two equal givens in a row
    result = refine(denoiser, puzzles, Refinement(attempts=5, calls=7))
    given = puzzles != MASK
    assert torch.equal(result.canvas[given], puzzles[given])
    assert (result.calls <= 7).all() and not result.solved[1]


# --- trained weights -------------------------------------------------------------------------


def test_the_bundled_weights_solve_an_easy_puzzle_at_once(bundled):
    canvas = canvas_of(WIKIPEDIA)
    best = bundled.denoise("", canvas).argmax(-1)
    assert torch.equal(torch.where(canvas == MASK, best, canvas), canvas_of(SOLUTION))
    assert torch.equal(refine(bundled, canvas).canvas, canvas_of(SOLUTION))


def test_a_solution_stays_a_solution(bundled):
    solved = canvas_of(SOLUTION)
    assert torch.equal(bundled.denoise("", solved).argmax(-1), solved)


def test_the_bundled_weights_are_small():
    assert (BUNDLED / "model.safetensors").stat().st_size < 16e6


# --- checkpoint folder -----------------------------------------------------------------------


def test_saved_and_loaded_it_predicts_the_same(denoiser, tmp_path):
    denoiser.save(tmp_path)
    loaded = SudokuDenoiser.load(tmp_path)
    canvas = random_canvas()
    assert torch.equal(loaded.denoise("", canvas), denoiser.denoise("", canvas))
    assert loaded.iterations == denoiser.iterations


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *COMMON,
        (edit(iterations=0), "iterations"),
        (edit(kind="text"), "kind 'text'"),
        (edit(network={"width": 0}), "sizes"),
    ],
)
def test_a_damaged_folder_is_refused(denoiser, tmp_path, damage, message):
    check_refused(denoiser, tmp_path, damage, message)
