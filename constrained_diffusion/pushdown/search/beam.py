"""The beam: from position to position, the configurations that promise most.

A hypothesis is a configuration reached by some tokens. Those that reach the same configuration are
one, so that a beam that leaves nothing out is the exact chain over the lattice. Hypotheses are
ordered by their score so far plus what the relaxed machine says can still be had (`potentials`).
The configurations that the witness passes through always have a place, slot 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ..kernels import ENDED, finishes, step_token
from ..memory import FULL, Memory, VocabularyText
from ..tables import Int, Int32Array, Int64Array, Tables, UInt8Array
from .potentials import Potentials, highest, potential, set_focus
from .projection import profile_of
from .relaxed_steps import END, PADDING, relaxed_step
from .structures import COUNTERS, Relaxation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64Array = NDArray[np.float64]


class Limits(NamedTuple):
    """What a position keeps.

    Attributes:
        width: slots.
        margin: nats; hypotheses that promise so much less than the best one are dropped.
        pops: hypotheses that are tried, the dead ones too.
    """

    width: Int
    margin: float
    pops: Int


@njit(cache=True)
def step(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    config: Int,
    token: Int,
) -> Int:
    """The configuration after any token: text, end or padding; 0 is dead."""
    if config == ENDED:
        return ENDED if roles[token] & PADDING else 0
    if roles[token] & END:
        return ENDED if finishes(tables, memory, config) else 0
    return np.int64(step_token(tables, memory, text, config, token))


@njit(cache=True)
def _sift_up(keys: Float64Array, items: Int32Array, count: Int, key: float, item: Int) -> None:
    """Adds an item to a heap of `count` (greatest key first)."""
    place = count
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] >= key:
            break
        keys[place], items[place] = keys[parent], items[parent]
        place = parent
    keys[place], items[place] = key, item


@njit(cache=True)
def _sift_down(keys: Float64Array, items: Int32Array, count: Int, key: float, item: Int) -> None:
    """Puts an item in the place of the first one of a heap of `count`."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        if child + 1 < count and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[place], items[place] = keys[child], items[child]
        place = child
    keys[place], items[place] = key, item


@njit(cache=True)
def _promise(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    potentials: Potentials,
    position: Int,
    profile: Int,
    token: Int,
) -> float:
    """The best potential after a token, over the threads of a profile; -inf where it is dead."""
    best = -np.inf
    member = profile
    while member != 0:
        value = memory.lists_value[member]
        member = np.int64(memory.lists_parent[member])
        state, counter = np.int64(value // COUNTERS), np.int64(value % COUNTERS)
        first, size = relaxed_step(tables, memory, text, roles, relaxation, state, token)
        for edge in range(first, first + size):
            target = np.int64(relaxation.edge_target[edge])
            changed = np.int64(counter + relaxation.edge_change[edge])
            best = max(best, float(potential(potentials, position + 1, target, changed)))
    return best


@njit(cache=True)
def _rank(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    potentials: Potentials,
    position: Int,
    profile: Int,
    tokens: Int32Array,
    scores: Float64Array,
    count: Int,
    least: float,
    margin: float,
    keys: Float64Array,
    order: Int32Array,
) -> tuple[int, bool]:
    """The candidates of a position for a profile, most promising first: their places in `tokens`
    and score plus potential. Returns how many are possible, and whether some were left out, whose
    score plus potential is below `least`, or by `margin` below the best of the profile."""
    bound = highest(potentials, position + 1)
    promise = np.empty(count)
    place_of = np.empty(count, np.int32)
    possible, left_out = 0, False
    for place in range(count):
        if scores[place] + bound < least:
            left_out = True
            break
        best = _promise(
            tables, memory, text, roles, relaxation, potentials, position, profile,
            np.int64(tokens[place]),
        )  # fmt: skip
        if best > -np.inf:
            promise[possible] = -(best + scores[place])
            place_of[possible] = place
            least = max(least, best + scores[place] - margin)
            possible += 1
    sorted_places = np.argsort(promise[:possible], kind="mergesort")
    for i in range(possible):
        keys[i] = -promise[sorted_places[i]]
        order[i] = place_of[sorted_places[i]]
    return possible, left_out


@njit(cache=True)
def beam(
    tables: Tables,
    memory: Memory,
    text: VocabularyText,
    roles: UInt8Array,
    relaxation: Relaxation,
    potentials: Potentials,
    start: Int,
    tokens: Int32Array,
    scores: Float64Array,
    counts: Int32Array,
    witness: Int64Array,
    limits: Limits,
    slot_of: Int32Array,
    row_of: Int32Array,
    offsets: Int64Array,
    source: Int32Array,
    target: Int32Array,
    token_of: Int32Array,
    score_of: Float64Array,
    finals: Int64Array,
) -> tuple[int, bool]:
    """Fills the edges (see `survivors.Edges`) and finals, the configurations after the canvas.

    Args:
        slot_of, row_of: int32, -1 for each list number of the memory, and so again afterwards.

    Returns the number of finals, and whether something was left out. No finals: the witness is
    not in the language.
    """
    length, width = len(counts), limits.width
    most = tokens.shape[1]
    configs = np.empty((2, width), np.int64)
    reached = np.empty((2, width))
    keys = np.empty((width, most))
    order = np.empty((width, most), np.int32)
    row_size = np.empty(width, np.int32)
    row_profile = np.empty(width, np.int64)
    row_reached = np.empty(width)
    row_in = np.empty(width, np.int32)
    next_place = np.empty(width, np.int32)
    heap_keys = np.empty(width)
    heap_items = np.empty(width, np.int32)
    configs[0, 0], reached[0, 0] = start, 0.0
    alive, edges, left_out = 1, 0, False
    offsets[0] = 0
    for position in range(length):
        here, there = position & 1, 1 - (position & 1)
        token_row, score_row, count = tokens[position], scores[position], counts[position]
        own = np.int64(witness[position])
        kept = np.int64(step(tables, memory, text, roles, configs[here, 0], own))
        if kept == 0 or memory.count[FULL]:
            return 0, True
        own_score = 0.0
        for place in range(count):
            if token_row[place] == own:
                own_score = score_row[place]
        configs[there, 0], reached[there, 0] = kept, reached[here, 0] + own_score
        slot_of[kept] = 0
        following = 1
        source[edges], target[edges], token_of[edges] = 0, 0, own
        score_of[edges] = own_score
        edges += 1

        rows, waiting = 0, 0
        for slot in range(alive):
            profile = profile_of(tables, memory, relaxation, configs[here, slot])
            row = row_of[profile]
            if row < 0:
                row = rows
                row_of[profile] = row
                row_profile[row] = profile
                row_reached[row] = reached[here, slot]
                rows += 1
            row_reached[row] = max(row_reached[row], reached[here, slot])
            row_in[slot], next_place[slot] = row, 0
        set_focus(potentials, position + 1, True)
        top = -np.inf
        for row in np.argsort(-row_reached[:rows], kind="mergesort"):
            row_of[row_profile[row]] = -1
            row_size[row], some_left_out = _rank(
                tables, memory, text, roles, relaxation, potentials, position, row_profile[row],
                token_row, score_row, count, top - limits.margin - row_reached[row],
                limits.margin, keys[row], order[row],
            )  # fmt: skip
            left_out |= some_left_out
            if row_size[row] > 0:
                top = max(top, row_reached[row] + keys[row, 0])
        set_focus(potentials, position + 1, False)
        for slot in range(alive):
            row = row_in[slot]
            if row_size[row] > 0:
                _sift_up(heap_keys, heap_items, waiting, reached[here, slot] + keys[row, 0], slot)
                waiting += 1

        best, pops = -np.inf, 0
        while waiting > 0:
            key, slot = heap_keys[0], heap_items[0]
            if following >= width or pops >= limits.pops or key < best - limits.margin:
                left_out = True
                break
            pops += 1
            row, place = row_in[slot], next_place[slot]
            next_place[slot] = place + 1
            if place + 1 < row_size[row]:
                again = reached[here, slot] + keys[row, place + 1]
                _sift_down(heap_keys, heap_items, waiting, again, slot)
            else:
                waiting -= 1
                if waiting > 0:
                    _sift_down(
                        heap_keys, heap_items, waiting, heap_keys[waiting], heap_items[waiting]
                    )
            candidate = order[row, place]
            token = np.int64(token_row[candidate])
            if slot == 0 and token == own:
                best = max(best, key)
                continue
            config = np.int64(step(tables, memory, text, roles, configs[here, slot], token))
            if config == 0:
                continue
            best = max(best, key)
            score = reached[here, slot] + score_row[candidate]
            found = slot_of[config]
            if found < 0:
                found = following
                following += 1
                slot_of[config] = found
                configs[there, found], reached[there, found] = config, score
            elif score > reached[there, found]:
                reached[there, found] = score
            source[edges], target[edges], token_of[edges] = slot, found, token
            score_of[edges] = score_row[candidate]
            edges += 1
        alive = following
        for slot in range(alive):
            slot_of[configs[there, slot]] = -1
        offsets[position + 1] = edges
    finals[:alive] = configs[length & 1, :alive]
    return alive, left_out
