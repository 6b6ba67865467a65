"""Non-negative numbers of unbounded range, for messages whose ratios no float64 can hold.

A number is a pair: a float64 mantissa and an integer count of blocks of 256 bits, together
mantissa * 2**(256 * blocks). *Normal* mantissas lie in [2**-128, 2**128),
products of two normal ones in [2**-256, 2**256); sums may be taken of such products and are made
normal afterwards. Addition neglects what is smaller by a factor of 2**256 or more, but never the
greatest term: a sum of positive numbers is positive, so "is possible" is "mantissa > 0", exactly.
Zero has the mantissa 0 and ZERO_BLOCKS blocks, less than any other number.

The probability 0 that a model gives to a token is `INFINITESIMAL` blocks: less than every product
of positive probabilities, so it decides only where every canvas holds such a token, and canvases
with fewer of them come first. Positive weights are not below 2**(256 * LEAST_BLOCKS), about
exp(-3.7e8), so their products do not reach it on canvases of fewer than 2**19 positions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

INFINITESIMAL = -(2**40)
LEAST_BLOCKS = -(2**21)
ZERO_BLOCKS = -(2**62)

UP = 2.0**256
DOWN = 2.0**-256
HIGH = 2.0**128
LOW = 2.0**-128

# What a term loses beside one of so many more blocks; three are more than mantissas make up for.
NEGLIGIBLE = 3
SHIFTS = np.array([1.0, 2.0**-256, 2.0**-512, 0.0])

BLOCK_NATS = 256 * math.log(2)
# log(2) * 256 in two parts, the first with so few bits that its products with block counts of up
# to 2**22 are exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980).
BLOCK_NATS_HIGH = math.floor(BLOCK_NATS * 2**20) / 2**20
BLOCK_NATS_LOW = 4.660828156170614e-07


@njit(cache=True)
def normal(mantissa: float, blocks: int) -> tuple[float, int]:
    """The same number with a normal mantissa."""
    while mantissa >= HIGH:
        mantissa *= DOWN
        blocks += 1
    while 0.0 < mantissa < LOW:
        mantissa *= UP
        blocks -= 1
    return mantissa, blocks


@njit(cache=True)
def add(mantissa: float, blocks: int, other: float, other_blocks: int) -> tuple[float, int]:
    """The sum of two numbers: zero, products of normal ones, or sums of such.

    Without branches: which number is greater is unpredictable in a recursion's inner loop.
    """
    greater = max(blocks, other_blocks)
    return (
        mantissa * SHIFTS[min(greater - blocks, NEGLIGIBLE)]
        + other * SHIFTS[min(greater - other_blocks, NEGLIGIBLE)],
        greater,
    )


@njit(cache=True)
def exponential(nats: float) -> tuple[float, int]:
    """exp(nats) as a normal number; of at least LEAST_BLOCKS blocks and at most as many above 0."""
    if nats < LEAST_BLOCKS * BLOCK_NATS:
        return 1.0, LEAST_BLOCKS
    if nats > -LEAST_BLOCKS * BLOCK_NATS:
        return 1.0, -LEAST_BLOCKS
    blocks = round(nats / BLOCK_NATS)
    return math.exp((nats - blocks * BLOCK_NATS_HIGH) - blocks * BLOCK_NATS_LOW), blocks


@njit(cache=True)
def to_float(mantissa: float, blocks: int) -> float:
    """The number as a float64, 0 where it underflows; for numbers below 2**512."""
    while blocks < 0 and mantissa > 0.0:
        mantissa *= DOWN
        blocks += 1
    return mantissa * UP if blocks == 1 else mantissa


def logarithm(mantissa: float, blocks: int) -> float:
    """Natural logarithm; -inf for numbers that hold an infinitesimal factor."""
    if mantissa == 0.0 or blocks <= INFINITESIMAL // 2:
        return -math.inf
    return math.log(mantissa) + blocks * BLOCK_NATS
