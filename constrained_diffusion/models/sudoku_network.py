"""The Sudoku denoiser's network: messages over the exact-cover graph, run as often as one likes.

A node is a candidate (cell, digit). Every iteration sums the nodes' features over the sets that a
rule of Sudoku is about (the candidates of a cell; of a digit in a row, a column, a box, and in the
three cells that a line and a box share), transforms the sums, hands them back to the members, and
updates all nodes with one shared network. Nothing depends on which digit, row or column it is:
the network is equivariant to relabelling of the digits, to permutations of bands, of rows in a
band, of stacks, of columns in a stack, and to transposition.

The state is normalised after each iteration and training carries it on over many segments, so
that it may run for longer than a gradient ever did.

Shapes: B batch, W width, H hidden; the 729 nodes are [3, 3, 3, 3, 9]: band, row in the band, stack,
column in the stack, digit.

Related: Palm et al. 2018, "Recurrent Relational Networks"; Jolicoeur-Martineau 2025, "Less is
More: Recursive Reasoning with Tiny Networks" (supervision of a state that is carried on).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class SudokuConfig:
    """Sizes of the network."""

    width: int = 64
    hidden: int = 128

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-ready data."""
        return asdict(self)


class _Message(nn.Module):
    """From the sum over a set of `size` candidates to what each member is told."""

    def __init__(self, config: SudokuConfig, size: int) -> None:
        super().__init__()
        self.scale = size**-0.5
        self.inner = nn.Linear(config.width, config.width)
        self.outer = nn.Linear(config.width, config.hidden, bias=False)

    def forward(self, total: Tensor) -> Tensor:
        """[..., W] to [..., H]."""
        message: Tensor = self.outer(F.silu(self.inner(total * self.scale)))
        return message


class SudokuNetwork(nn.Module):
    """Predicts the digits of a Sudoku from the known ones."""

    def __init__(self, config: SudokuConfig) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.width, config.hidden
        self.start = nn.Linear(2, width)
        self.known = nn.Linear(2, hidden)
        self.own = nn.Linear(width, hidden, bias=False)
        self.cell = _Message(config, 9)
        self.line = _Message(config, 9)
        self.box = _Message(config, 9)
        self.segment = _Message(config, 3)
        self.update = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)
        nn.init.zeros_(self.score.weight)

    def clues(self, grid: Tensor) -> Tensor:
        """Input features of the nodes, float32 [B, 3, 3, 3, 3, 9, 2].

        grid: int64 [B, 81], digits 1 to 9, 0 where nothing is known.

        The features are: the cell has this digit; the cell has a digit.
        """
        this = F.one_hot(grid, 10)[..., 1:].float()
        some = (grid > 0).float()[..., None].expand_as(this)
        return torch.stack([this, some], -1).view(-1, 3, 3, 3, 3, 9, 2)

    def begin(self, clues: Tensor) -> Tensor:
        """The state before the first iteration, [B, 3, 3, 3, 3, 9, W]."""
        state: Tensor = self.norm(self.start(clues))
        return state

    def iterate(self, state: Tensor, told: Tensor) -> Tensor:
        """One round of messages.

        state: [B, 3, 3, 3, 3, 9, W], as the result.
        told: `known(clues)`, [B, 3, 3, 3, 3, 9, H], the same in every round.
        """
        in_row = state.sum(4)  # [B, band, row, stack, digit, W]
        in_column = state.sum(2)  # [B, band, stack, column, digit, W]
        # What belongs to the coarser sets is added up there, before it is spread over 729 nodes.
        to_row = (
            self.segment(in_row)
            + self.line(in_row.sum(3))[:, :, :, None]
            + self.box(in_row.sum(2))[:, :, None]
        )
        to_column = self.segment(in_column) + self.line(in_column.sum(1))[:, None]
        to_cell = self.cell(state.sum(5))
        hidden = (
            self.own(state)
            + told
            + to_row[:, :, :, :, None]
            + to_column[:, :, None]
            + to_cell[..., None, :]
        )
        updated: Tensor = self.norm(state + self.update(F.silu(hidden)))
        return updated

    def read(self, state: Tensor) -> Tensor:
        """Logits [B, 81, 9] of the digits."""
        logits: Tensor = self.score(state)
        return logits.float().view(-1, 81, 9)

    def forward(self, grid: Tensor, iterations: int) -> Tensor:
        """Logits float32 [B, 81, 9] of the digits after a number of iterations.

        grid: int64 [B, 81], 0 where nothing is known.
        """
        clues = self.clues(grid)
        state, told = self.begin(clues), self.known(clues)
        for _ in range(iterations):
            state = self.iterate(state, told)
        return self.read(state)
