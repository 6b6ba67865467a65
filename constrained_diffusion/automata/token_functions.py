"""How the tokens of a vocabulary act on the states of a byte automaton, each way of acting once.

A byte string acts on an automaton as a partial function from states to states. The trie of the
vocabulary is walked once for all states together: the node of a string holds the number of the
string's function, and the function of a child is that of its parent followed by one byte, which is
composed once per pair of function and byte class. Nearly all strings of a vocabulary act as one of
a few hundred functions, so the walk is a table look-up per node, and it never composes more than
walks of the trie from each single state would visit.

This is the enumeration of a transition monoid (Froidure and Pin, "Algorithms for computing finite
semigroups", 1997), cut to the strings that a vocabulary has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import LimitError
from .automaton import ByteAutomaton
from .trie import VocabularyTrie

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

# Functions number 0 and 1: defined nowhere, and that of the string without bytes.
EMPTY = 0
IDENTITY = 1


@dataclass(frozen=True, eq=False)
class TokenFunctions:
    """The distinct functions of the tokens, and which token acts as which.

    of_token       int32 [V]    number of the token's function; EMPTY for tokens that act nowhere
    offsets        int64 [F+1]  the pairs (source, image) of each function, sources ascending
    source, image  int32 [P]    states
    used           bool [F]     whether a token acts as the function; others are those of prefixes
    """

    of_token: Int32Array
    offsets: Int64Array
    source: Int32Array
    image: Int32Array
    used: BoolArray


def token_functions(
    automaton: ByteAutomaton, trie: VocabularyTrie, vocabulary_size: int, max_pairs: int
) -> TokenFunctions:
    """The functions of all tokens over the states of `automaton`.

    Raises LimitError where they have more than `max_pairs` pairs together (8 bytes each).
    """
    within, of_token, offsets, source, image = _walk(
        np.ascontiguousarray(automaton.transitions.T),
        automaton.byte_class,
        trie.byte,
        trie.depth,
        trie.end,
        trie.token_offsets,
        trie.tokens,
        vocabulary_size,
        trie.max_depth,
        max_pairs,
    )
    if not within:
        raise LimitError(
            f"the tokens of this vocabulary need more than {max_pairs} transitions between the "
            f"{automaton.num_states} states of this constraint; simplify the constraint, lower its "
            "nesting depth, or raise max_edges"
        )
    used = np.zeros(len(offsets) - 1, np.bool_)
    used[of_token] = True
    used[EMPTY] = False
    return TokenFunctions(of_token, offsets, source, image, used)


def restrict(functions: TokenFunctions, alive: BoolArray) -> TokenFunctions:
    """The functions between the `alive` states only (bool [S]), those renumbered in order.

    Functions that differ only at other states become one.
    """
    number, offsets, source, image = _restrict(
        functions.offsets, functions.source, functions.image, functions.used, alive
    )
    used = np.ones(len(offsets) - 1, np.bool_)
    used[EMPTY] = False
    return TokenFunctions(number[functions.of_token], offsets, source, image, used)


@njit(cache=True)
def _hash_pair(source: int, image: int) -> np.uint64:
    """The finaliser of SplitMix64. Hashes only find candidates: `_intern` compares exactly."""
    z = np.uint64(source) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(image) + np.uint64(1)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _intern(
    table: Int32Array,
    hashes: UInt64Array,
    offsets: Int64Array,
    source: Int32Array,
    image: Int32Array,
    candidate: int,
) -> int:
    """The number of the function whose pairs stand at `candidate`, the first free number.

    Returns an earlier number if that function is known; else enters it in `table` (open addressing
    by hash, a power of two in size).
    """
    low, high = offsets[candidate], offsets[candidate + 1]
    slot = np.int64(hashes[candidate] & np.uint64(len(table) - 1))
    while table[slot] >= 0:
        known = table[slot]
        start = offsets[known]
        if hashes[known] == hashes[candidate] and offsets[known + 1] - start == high - low:
            pair = 0
            while (
                pair < high - low
                and source[start + pair] == source[low + pair]
                and image[start + pair] == image[low + pair]
            ):
                pair += 1
            if pair == high - low:
                return int(known)
        slot = (slot + 1) & (len(table) - 1)
    table[slot] = candidate
    return candidate


@njit(cache=True)
def _larger_table(hashes: UInt64Array, count: int, size: int) -> Int32Array:
    table = np.full(size, -1, np.int32)
    for function in range(IDENTITY, count):
        slot = np.int64(hashes[function] & np.uint64(size - 1))
        while table[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        table[slot] = function
    return table


@njit(cache=True)
def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    larger = np.empty(size, array.dtype)
    for index in range(len(array)):
        larger[index] = array[index]
    return larger


@njit(cache=True)
def _walk(
    columns: Int32Array,
    byte_class: NDArray[np.uint8],
    node_byte: NDArray[np.uint8],
    node_depth: Int32Array,
    node_end: Int32Array,
    token_offsets: Int32Array,
    tokens: Int32Array,
    vocabulary_size: int,
    max_depth: int,
    max_pairs: int,
) -> tuple[bool, Int32Array, Int64Array, Int32Array, Int32Array]:
    """Whether it stayed within `max_pairs`, then the arrays of `TokenFunctions` without `used`.

    columns: int32 [K, S], the state after a byte of class k from state s, or -1.
    """
    num_columns, num_states = columns.shape
    of_token = np.full(vocabulary_size, EMPTY, np.int32)
    source = np.empty(4 * num_states, np.int32)
    image = np.empty(4 * num_states, np.int32)
    offsets = np.zeros(64, np.int64)
    hashes = np.zeros(64, np.uint64)
    followed_by = np.full(64 * num_columns, -1, np.int32)
    table = np.full(128, -1, np.int32)

    for state in range(num_states):
        source[state] = state
        image[state] = state
        hashes[IDENTITY] += _hash_pair(state, state)
    offsets[IDENTITY + 1] = num_states
    _intern(table, hashes, offsets, source, image, IDENTITY)
    count = IDENTITY + 1

    path = np.empty(max_depth + 1, np.int32)
    path[0] = IDENTITY
    node = 0
    while True:
        node = _follow_known(
            node, node_byte, node_depth, node_end, token_offsets, tokens,
            byte_class, followed_by, num_columns, path, of_token,
        )  # fmt: skip
        if node == len(node_byte):
            return True, of_token, offsets[: count + 1].copy(), source, image
        before = path[node_depth[node] - 1]
        column = byte_class[node_byte[node]]
        start = offsets[count]
        most = start + offsets[before + 1] - offsets[before]
        if start > max_pairs or count * num_columns > 2 * max_pairs:
            return False, of_token, offsets, source, image
        if most > len(source):
            source = _grown(source, max(most, len(source) + len(source) // 2))
            image = _grown(image, len(source))
        end, hashes[count] = _compose(
            source, image, offsets[before], offsets[before + 1], columns[column], start
        )
        function = EMPTY
        if end > start:
            offsets[count + 1] = end
            function = _intern(table, hashes, offsets, source, image, count)
        followed_by[before * num_columns + column] = function
        if function == count:
            count += 1
            if count + 2 > len(hashes):
                size = 2 * len(hashes)
                known = len(followed_by)
                offsets = _grown(offsets, size)
                hashes = _grown(hashes, size)
                followed_by = _grown(followed_by, size * num_columns)
                followed_by[known:] = -1
                table = _larger_table(hashes, count, 2 * size)


@njit(cache=True)
def _follow_known(
    node: int,
    node_byte: NDArray[np.uint8],
    node_depth: Int32Array,
    node_end: Int32Array,
    token_offsets: Int32Array,
    tokens: Int32Array,
    byte_class: NDArray[np.uint8],
    followed_by: Int32Array,
    num_columns: int,
    path: Int32Array,
    of_token: Int32Array,
) -> int:
    """Walks on from `node` to the first node whose function is yet to be composed, or to the end.

    Apart from the loop that composes since arrays that are replaced there would be counted as
    references at every node here.
    """
    while node < len(node_byte):
        depth = node_depth[node]
        function = followed_by[path[depth - 1] * num_columns + byte_class[node_byte[node]]]
        if function < 0:
            return node
        if function == EMPTY:
            node = node_end[node]
            continue
        path[depth] = function
        for position in range(token_offsets[node], token_offsets[node + 1]):
            of_token[tokens[position]] = function
        node += 1
    return node


@njit(cache=True)
def _compose(
    source: Int32Array,
    image: Int32Array,
    low: int,
    high: int,
    column: Int32Array,
    end: int,
) -> tuple[int, np.uint64]:
    """Writes the function of the pairs low..high followed by one byte, from `end` on.

    column: int32 [S], the state after that byte. Returns the new end and the function's hash.
    """
    hashed = np.uint64(0)
    for pair in range(low, high):
        state = column[image[pair]]
        if state >= 0:
            source[end] = source[pair]
            image[end] = state
            end += 1
            hashed += _hash_pair(source[pair], state)
    return end, hashed


@njit(cache=True)
def _restrict(
    offsets: Int64Array,
    source: Int32Array,
    image: Int32Array,
    used: BoolArray,
    alive: BoolArray,
) -> tuple[Int32Array, Int64Array, Int32Array, Int32Array]:
    """The new number of each old function int32 [F], then offsets, source and image."""
    state_number = np.full(len(alive), -1, np.int32)
    states = 0
    for state in range(len(alive)):
        if alive[state]:
            state_number[state] = states
            states += 1
    number = np.full(len(used), EMPTY, np.int32)
    total = 0
    for function in range(len(used)):
        if used[function]:
            total += offsets[function + 1] - offsets[function]
    new_source = np.empty(total, np.int32)
    new_image = np.empty(total, np.int32)
    new_offsets = np.zeros(len(used) + 2, np.int64)
    hashes = np.zeros(len(used) + 2, np.uint64)
    size = 128
    while size < 2 * len(used):
        size *= 2
    table = np.full(size, -1, np.int32)
    count = EMPTY + 1
    for function in range(len(used)):
        if not used[function]:
            continue
        end = new_offsets[count]
        hashes[count] = 0
        for pair in range(offsets[function], offsets[function + 1]):
            if alive[source[pair]] and alive[image[pair]]:
                new_source[end] = state_number[source[pair]]
                new_image[end] = state_number[image[pair]]
                hashes[count] += _hash_pair(new_source[end], new_image[end])
                end += 1
        if end == new_offsets[count]:
            continue
        new_offsets[count + 1] = end
        number[function] = _intern(table, hashes, new_offsets, new_source, new_image, count)
        if number[function] == count:
            count += 1
    return number, new_offsets[: count + 1].copy(), new_source, new_image
