"""The arrays that compiled functions take together. L positions (or n of them), V tokens, C classes
of tokens, D sets of classes, S states, E edges.

Column C stands for the tokens that act nowhere, as if they were one more class. Indices used in
inner loops are unsigned, so that compiled code need not look for negative ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .extended import ZERO_BLOCKS

Floats = NDArray[np.floating]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
UInt32Array = NDArray[np.uint32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Columns(NamedTuple):
    """The tokens of each column: tokens[offsets[c]:offsets[c+1]], and the column of each token."""

    offsets: Int64Array  # [C+2]
    tokens: UInt32Array  # [V]
    of_token: UInt32Array  # [V]


class ClassSets(NamedTuple):
    """The classes of each set: classes[offsets[s]:offsets[s+1]]."""

    offsets: Int64Array  # [D+1]
    classes: UInt32Array


class Edges(NamedTuple):
    """The edges of each state: offsets[s]:offsets[s+1], with their sets and targets."""

    offsets: Int64Array  # [S+1]
    label: UInt32Array  # [E]
    target: UInt32Array  # [E]


class Allowed(NamedTuple):
    """Where `is_fixed`, only tokens[offsets[i]:offsets[i+1]] may stand at position i."""

    is_fixed: BoolArray  # [n]
    offsets: Int64Array  # [n+1]
    tokens: UInt32Array

    def part(self, positions: slice) -> Allowed:
        offsets = self.offsets[positions.start : positions.stop + 1]
        return Allowed(self.is_fixed[positions], offsets, self.tokens)


class ClassTable(NamedTuple):
    """What a row of logits says of each class.

    Within a class all is relative to its greatest logit, its *peak*, so nothing overflows, and
    nothing that matters to the class is lost beside the others, whatever the range of the row.
    A class whose logits are all -inf has its number of tokens as total, and slope 0.
    """

    peak: Floats  # [n, C+1] the greatest logit, float32 or float64 as the logits
    total: Float64Array  # [n, C+1] sum of exp(logit - peak); 0: no token of it may stand there
    slope: Float64Array  # [n, C+1] sum of (logit - peak) exp(logit - peak), for entropies
    reference: Float64Array  # [n] the greatest peak of the classes: weights are relative to it
    log_normaliser: Float64Array  # [n] log of the sum of exp(logit) over the whole row

    def part(self, positions: slice) -> ClassTable:
        return ClassTable(
            self.peak[positions],
            self.total[positions],
            self.slope[positions],
            self.reference[positions],
            self.log_normaliser[positions],
        )


class Extended(NamedTuple):
    """Arrays of extended numbers (see `extended`): mantissa * 2**(256 * blocks)."""

    mantissa: Float64Array
    blocks: Int64Array

    @classmethod
    def zeros(cls, *shape: int) -> Extended:
        return cls(np.zeros(shape), np.full(shape, ZERO_BLOCKS, np.int64))

    def part(self, positions: slice | int) -> Extended:
        return Extended(self.mantissa[positions], self.blocks[positions])


class Ranked(NamedTuple):
    """Weights in the max semiring: fewer tokens of probability 0 first, then a greater logarithm.

    order -1: impossible.
    """

    order: Int32Array
    nats: Float64Array

    def part(self, positions: slice | int) -> Ranked:
        return Ranked(self.order[positions], self.nats[positions])


class SumMessage(NamedTuple):
    """The sum of the weights of all ways to each of `states`, as normal extended numbers."""

    states: Int32Array  # [A], ascending
    mantissa: Float64Array  # [A]
    blocks: Int64Array  # [A]


class BestMessage(NamedTuple):
    """The weight of the best way to each of `states`, see `Ranked`."""

    states: Int32Array  # [A], ascending
    order: Int64Array  # [A]
    nats: Float64Array  # [A]
