"""The bundled Sudoku denoiser: a canvas of 81 digits and masks, and its checkpoint folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import CheckpointError, ConstrainedDiffusionError, VocabularyError
from ..vocabulary import Vocabulary
from .base import BaseDenoiser
from .checkpoint import (
    CONFIG,
    FORMAT_VERSION,
    WEIGHTS,
    build_network,
    read_config,
    read_weights,
    weights_of,
    write_checkpoint,
)
from .protocol import Noise
from .sudoku_network import SudokuConfig, SudokuNetwork

if TYPE_CHECKING:
    from torch import Tensor

CELLS = 81
DIGITS = 9
MASK = 9
"""The token of an undecided cell; tokens 0 to 8 are the digits 1 to 9."""

_SEGMENT = 8
"""Iterations between two looks at which canvases are done."""

_DONE = 0.99
"""A canvas is done when every cell has a digit that is more probable than this."""

_ROWS_AT_ONCE = 32
"""Canvases in one pass of the network: their states (0.6 MB each) then stay in the cache."""


class SudokuDenoiser(BaseDenoiser):
    """Predicts the digits of a 9x9 Sudoku in row-major order.

    The puzzle is the canvas: givens are fixed positions, all else is masked. The prompt, previous
    canvases and self-conditioning say nothing.
    """

    noise: Noise = "masked"
    uses_self_conditioning = False
    canvas_length = CELLS

    def __init__(self, network: SudokuNetwork, *, iterations: int = 64) -> None:
        """
        network: the trained network; put into evaluation mode.
        iterations: the most rounds of messages in one call of `denoise`. A canvas whose digits are
            all clear gets no more of them; hard puzzles gain from more.
        """
        if iterations < 1:
            raise ConstrainedDiffusionError(f"iterations is at least 1, got {iterations}")
        self.network = network.eval().requires_grad_(False)
        self.iterations = iterations
        digits = [b"%d" % digit for digit in range(1, DIGITS + 1)]
        self.vocabulary = Vocabulary([*digits, None], end_ids=[], mask_id=MASK)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.score.weight.device

    def denoise(
        self,
        prompt: str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Log-probabilities float32 [B, 81, 10]; -inf for the mask. See `Denoiser.denoise`.

        Raises VocabularyError where the canvas is not [B, 81] or holds other tokens.
        """
        if canvas.ndim != 2 or canvas.shape[1] != CELLS:
            raise VocabularyError(f"a canvas is [B, {CELLS}], not {list(canvas.shape)}")
        if len(canvas) and not 0 <= int(canvas.min()) <= int(canvas.max()) <= MASK:
            raise VocabularyError(f"a canvas of Sudoku holds tokens 0 to {MASK}")
        grid = torch.where(canvas == MASK, 0, canvas + 1).to(self.device)
        logits = torch.full((len(grid), CELLS, DIGITS + 1), -torch.inf, device=self.device)
        with torch.no_grad():
            for start in range(0, len(grid), _ROWS_AT_ONCE):
                rows = slice(start, start + _ROWS_AT_ONCE)
                logits[rows, :, :DIGITS] = self._predict(grid[rows])
        return logits

    def _predict(self, grid: Tensor) -> Tensor:
        """Log-probabilities [B, 81, 9] of grids [B, 81]; rows leave when they are done."""
        network = self.network
        clues = network.clues(grid)
        told, state = network.known(clues), network.begin(clues)
        result = torch.empty(len(grid), CELLS, DIGITS, device=grid.device)
        active = torch.arange(len(grid), device=grid.device)
        for start in range(0, self.iterations, _SEGMENT):
            for _ in range(min(_SEGMENT, self.iterations - start)):
                state = network.iterate(state, told)
            result[active] = network.read(state).log_softmax(-1)
            open_ = result[active].exp().amax(-1).amin(-1) <= _DONE
            if not open_.any():
                break
            active, state, told = active[open_], state[open_], told[open_]
        return result

    def save(self, folder: str | Path) -> None:
        """Writes the checkpoint folder: weights and configuration.

        What is loaded from it predicts the same, bit by bit.
        """
        config = {
            "format_version": FORMAT_VERSION,
            "kind": "sudoku",
            "noise": self.noise,
            "iterations": self.iterations,
            "network": self.network.config.to_dict(),
        }
        weights = weights_of(self.network.state_dict())
        write_checkpoint(Path(folder), config, {WEIGHTS: weights})

    @classmethod
    def load(cls, folder: str | Path, device: str | torch.device = "cpu") -> SudokuDenoiser:
        """The denoiser of a checkpoint folder.

        Raises CheckpointError where a file is missing, damaged, or of another version or kind.
        Nothing is unpickled.
        """
        folder = Path(folder)
        config = read_config(folder / CONFIG, {"iterations": int})
        if config.get("kind") != "sudoku":
            raise CheckpointError(
                f"{folder / CONFIG}: a denoiser of kind {config.get('kind')!r}, not 'sudoku'"
            )
        tensors = read_weights(folder / WEIGHTS, config)
        network = build_network(
            folder, lambda: SudokuNetwork(SudokuConfig(**config["network"])), tensors
        )
        return cls(network.to(device), iterations=config["iterations"])
