"""What can still be had: the best score of the relaxed machine from each position to the end.

Forward over a narrowed lattice, the best abstract states of each position are found (the counters
left aside) with the edges between them; backward over those edges, by abstract state and counter,
the best score to the end (Viterbi). A step that changes the counters is a shifted vector addition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ..memory import Memory, VocabularyText
from ..tables import Int, Int32Array, Int64Array, Tables, UInt8Array
from .relaxed_steps import final_changes, relaxed_step
from .relaxed_threads import MOST_ENDINGS
from .structures import COUNTERS, ZERO, Relaxation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32Array = NDArray[np.float32]
    Float64Array = NDArray[np.float64]

OUTSIDE = np.float32(5.0)
"""Nats below the best state with the same counters: the guess for states that were not kept."""

UNREACHED = np.float32(60.0)
"""Nats below the best state of the position: the guess where no state has these counters, and for a
state that was kept but has no way to the end."""

LEAST_SCORE = -1000.0
"""Candidates count no less than this (tokens of probability 0), for the sake of float32."""

HOPELESS = np.float32(-1e30)


class Potentials(NamedTuple):
    """A row for each abstract state that was kept at a position.

    Attributes:
        offsets: int64 [L+2], the rows of each position.
        states: int32 [R], the abstract state of each row.
        values: float32 [R, COUNTERS].
        best: float32 [L+1, COUNTERS+1], the best of each position by counter, and over all in the
            last column.
        row_of: int32 [A], the rows of the position in focus, -1 for all other states.
        is_on: bool [1], whether there is any guidance; without it all potentials are 0.
    """

    offsets: Int64Array
    states: Int32Array
    values: Float32Array
    best: Float32Array
    row_of: Int32Array
    is_on: NDArray[np.bool_]


@njit(cache=True)
def set_focus(potentials: Potentials, position: Int, is_on: bool) -> None:
    """Prepares `potential` for a position, or clears up afterwards."""
    if potentials.is_on[0]:
        for row in range(potentials.offsets[position], potentials.offsets[position + 1]):
            potentials.row_of[potentials.states[row]] = row if is_on else -1


@njit(cache=True)
def potential(potentials: Potentials, position: Int, state: Int, counter: Int) -> np.float32:
    """The score that may be had from a state with a counter (an index of `values`) on, at the
    position in focus."""
    if not potentials.is_on[0]:
        return np.float32(0.0)
    if state == 0:
        counter = ZERO
    counter = min(max(counter, 0), COUNTERS - 1)
    row = potentials.row_of[state]
    if row >= 0 and potentials.values[row, counter] > HOPELESS:
        return np.float32(potentials.values[row, counter])
    # A state that was kept without a way to the end (a string that nothing closes any more) is no
    # better than one that was never seen.
    if row < 0 and potentials.best[position, counter] > HOPELESS:
        return np.float32(potentials.best[position, counter] - OUTSIDE)
    if potentials.best[position, COUNTERS] > HOPELESS:
        return np.float32(potentials.best[position, COUNTERS] - UNREACHED)
    return HOPELESS


@njit(cache=True)
def highest(potentials: Potentials, position: Int) -> np.float32:
    """The greatest potential of a position."""
    if not potentials.is_on[0]:
        return np.float32(0.0)
    return np.float32(potentials.best[position, COUNTERS])


@njit(cache=True)
def _spread(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    tokens: Int32Array,
    scores: Float64Array,
    counts: Int32Array,
    paths: Int64Array,
    starts: Int64Array,
    most_states: Int,
    potentials: Potentials,
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    score_of: Float32Array,
    change_of: Int32Array,
) -> None:
    """Forward: fills the rows and the edges between them."""
    length, capacity = len(counts), len(potentials.row_of)
    row_of = potentials.row_of
    reached = np.full(capacity, -np.inf)
    following_score = np.full(capacity, -np.inf)
    on_path = np.zeros(capacity, np.int64)
    follows_path = np.zeros(capacity, np.int64)
    all_paths = (1 << len(paths)) - 1
    states = np.zeros(capacity, np.int64)
    following = np.zeros(capacity, np.int64)
    alive: Int = len(starts)
    edges = 0
    rows = alive
    potentials.offsets[0], potentials.offsets[1] = 0, rows
    for index in range(alive):
        state = starts[index]
        states[index] = state
        potentials.states[index] = state
        reached[state] = 0.0
        on_path[state] = all_paths
    for position in range(length):
        offsets[position] = edges
        found = 0
        for index in range(alive):
            state = states[index]
            row = rows - alive + index
            for place in range(counts[position]):
                token = np.int64(tokens[position, place])
                score = max(scores[position, place], LEAST_SCORE)
                first, size = relaxed_step(tables, memory, text, roles, relaxation, state, token)
                for edge in range(first, first + size):
                    reaches = np.int64(relaxation.edge_target[edge])
                    if edges >= len(source):
                        continue
                    if row_of[reaches] < 0:
                        row_of[reaches] = found
                        following[found] = reaches
                        following_score[reaches] = -np.inf
                        follows_path[reaches] = 0
                        found += 1
                    following_score[reaches] = max(following_score[reaches], reached[state] + score)
                    for path in range(len(paths)):
                        if on_path[state] >> path & 1 and token == paths[path, position]:
                            follows_path[reaches] |= 1 << path
                    source[edges] = row
                    target[edges] = reaches
                    score_of[edges] = score
                    change_of[edges] = relaxation.edge_change[edge]
                    edges += 1
        kept = min(found, most_states)
        if found > most_states:
            rank = np.empty(found)
            for index in range(found):
                reaches = following[index]
                rank[index] = -following_score[reaches]
                if follows_path[reaches]:
                    rank[index] -= 1e9
            order = np.argsort(rank, kind="mergesort")
        else:
            order = np.arange(found)
        for index in range(found):
            row_of[following[index]] = -1
        for index in range(kept):
            state = following[order[index]]
            row_of[state] = rows + index
            states[index] = state
            potentials.states[rows + index] = state
            reached[state] = following_score[state]
            on_path[state] = follows_path[state]
        # Rows are known only now; edges to states that were not kept go.
        live = offsets[position]
        for edge in range(offsets[position], edges):
            row = row_of[target[edge]]
            if row >= 0:
                source[live] = source[edge]
                target[live] = row
                score_of[live] = score_of[edge]
                change_of[live] = change_of[edge]
                live += 1
        edges = live
        for index in range(kept):
            row_of[states[index]] = -1
        rows += kept
        alive = kept
        potentials.offsets[position + 2] = rows
    offsets[length] = edges


@njit(cache=True)
def find_potentials(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    tokens: Int32Array,
    scores: Float64Array,
    counts: Int32Array,
    paths: Int64Array,
    starts: Int64Array,
    most_states: Int,
    is_last: bool,
    potentials: Potentials,
) -> None:
    """Fills the potentials.

    Args:
        tokens, scores, counts: the narrowed lattice, [L, W'] and [L].
        paths: int64 [P, L], canvases whose states are kept at every position.
        starts: int64, the abstract states before the canvas.
        is_last: whether the text must end with the canvas; else it may go on.
    """
    values, best = potentials.values, potentials.best
    length = len(counts)
    capacity = length * most_states * tokens.shape[1] * 2
    offsets = np.zeros(length + 1, np.int64)
    source = np.empty(capacity, np.int32)
    target = np.empty(capacity, np.int32)
    score_of = np.empty(capacity, np.float32)
    change_of = np.empty(capacity, np.int32)
    _spread(
        tables, memory, text, roles, relaxation, tokens, scores, counts, paths, starts,
        most_states, potentials, offsets, source, target, score_of, change_of,
    )  # fmt: skip
    values[: potentials.offsets[length + 1]] = HOPELESS
    changes = np.empty(MOST_ENDINGS, np.int64)
    for row in range(potentials.offsets[length], potentials.offsets[length + 1]):
        state = np.int64(potentials.states[row])
        if not is_last:
            values[row] = 0.0
        elif state == 0:
            values[row, ZERO] = 0.0
        else:
            endings = final_changes(tables, memory, relaxation, state, changes)
            for ending in range(endings):
                counter = ZERO - changes[ending]
                if 0 <= counter < COUNTERS:
                    values[row, counter] = 0.0
    for position in range(length - 1, -1, -1):
        for edge in range(offsets[position], offsets[position + 1]):
            change: Int = np.int64(change_of[edge])
            score = score_of[edge]
            to, own = values[target[edge]], values[source[edge]]
            if change == 0:
                for counter in range(COUNTERS):
                    value = to[counter] + score
                    own[counter] = value if value > own[counter] else own[counter]
            else:
                least = -change if change < 0 else 0
                most = COUNTERS - change if change > 0 else COUNTERS
                for counter in range(least, most):
                    value = to[counter + change] + score
                    own[counter] = value if value > own[counter] else own[counter]
    best[:] = HOPELESS
    for position in range(length + 1):
        for row in range(potentials.offsets[position], potentials.offsets[position + 1]):
            for counter in range(COUNTERS):
                best[position, counter] = max(best[position, counter], values[row, counter])
        best[position, COUNTERS] = best[position, :COUNTERS].max()
    potentials.is_on[0] = True
