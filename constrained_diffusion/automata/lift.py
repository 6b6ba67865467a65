"""Lifting a byte automaton to the tokens of a vocabulary, its edges labelled by sets of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import UnsatisfiableError
from .automaton import ByteAutomaton
from .distance import steps_to_acceptance
from .token_automaton import TokenAutomaton
from .token_functions import (
    EMPTY,
    TokenFunctions,
    restrict,
    token_functions,
)
from .trie import trie_of

if TYPE_CHECKING:
    from ..vocabulary import Vocabulary

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MAX_EDGES = 30_000_000


def lift(
    automaton: ByteAutomaton, vocabulary: Vocabulary, *, max_edges: int = MAX_EDGES
) -> TokenAutomaton:
    """The token strings whose bytes `automaton` accepts, then one end token, then padding.

    States that no token string reaches, or from which none leads to acceptance, are gone; the
    others keep their order, and the state after the end token comes last. Classes are numbered by
    their first token.

    Raises UnsatisfiableError where no token string spells an accepted text, and LimitError where
    more than `max_edges` transitions between states and classes of tokens would be needed (16 to
    24 bytes each while lifting).
    """
    if automaton.is_empty:
        raise UnsatisfiableError("no text satisfies this constraint")
    functions = token_functions(automaton, trie_of(vocabulary), len(vocabulary), max_edges)
    successors = _by_source(functions, np.flatnonzero(functions.used), automaton.num_states)
    alive = _alive_states(*successors, automaton.accepting)
    if not alive[0]:
        raise UnsatisfiableError("no text of this constraint can be written with this vocabulary")
    if not alive.all():
        functions = restrict(functions, alive)
    return _label(functions, automaton.accepting[alive], vocabulary)


def _label(
    functions: TokenFunctions, text_accepting: BoolArray, vocabulary: Vocabulary
) -> TokenAutomaton:
    """Adds the end and padding tokens, numbers the classes and labels the edges.

    text_accepting: bool [S'], of the trimmed states, which `functions` are over.
    """
    done = len(text_accepting) if vocabulary.end_ids else -1
    if done >= 0:
        functions = _with_ending(functions, text_accepting, vocabulary)
    accepting = np.append(text_accepting, np.ones(int(done >= 0), np.bool_))

    order, class_of_function = _by_first_token(functions.of_token, len(functions.used))

    by_source = _by_source(functions, order, len(accepting))
    edge_offsets, edge_target, edge_set, set_offsets, set_classes = _edges(*by_source)
    return TokenAutomaton(
        vocabulary_size=len(vocabulary),
        start=0,
        accepting=accepting,
        done=done,
        token_class=class_of_function[functions.of_token],
        num_classes=len(order),
        set_offsets=set_offsets,
        set_classes=set_classes,
        edge_offsets=edge_offsets,
        edge_set=edge_set,
        edge_target=edge_target,
        distance=_distance(edge_offsets, edge_target, accepting),
    )


def _with_ending(
    functions: TokenFunctions, text_accepting: BoolArray, vocabulary: Vocabulary
) -> TokenFunctions:
    """An end token leads from every accepting state to `done`, a padding token from `done` to it;
    a token may be both."""
    ends, padding = set(vocabulary.end_ids), set(vocabulary.padding_ids)
    done = len(text_accepting)
    of_token = functions.of_token.copy()
    sizes, sources = [np.diff(functions.offsets)], [functions.source[: functions.offsets[-1]]]
    for ids, is_end, is_padding in (
        (ends - padding, True, False),
        (padding - ends, False, True),
        (ends & padding, True, True),
    ):
        if ids:
            of_token[list(ids)] = sum(len(size) for size in sizes)
            domain = np.flatnonzero(np.append(text_accepting & is_end, is_padding))
            sizes.append(np.array([len(domain)]))
            sources.append(domain.astype(np.int32))
    offsets = np.append(0, np.cumsum(np.concatenate(sizes)))
    source = np.concatenate(sources)
    image = np.full(len(source), done, np.int32)
    image[: functions.offsets[-1]] = functions.image[: functions.offsets[-1]]
    used = np.append(functions.used, np.ones(len(sizes) - 1, np.bool_))
    return TokenFunctions(of_token, offsets, source, image, used)


def _by_source(
    functions: TokenFunctions, order: NDArray[np.int64], num_states: int
) -> tuple[Int64Array, Int32Array, Int32Array]:
    """Transitions by source: offsets int64 [S+1], then int32 index into `order` and target."""
    return _transpose(functions.offsets, functions.source, functions.image, order, num_states)


@njit(cache=True)
def _by_first_token(of_token: Int32Array, num_functions: int) -> tuple[Int64Array, Int32Array]:
    """The functions that tokens act as in the order of their first token, int64 [C], and the
    place of each function in that order, int32 [F], -1 for the others and EMPTY."""
    order = np.empty(num_functions, np.int64)
    place = np.full(num_functions, -1, np.int32)
    count = 0
    for function in of_token:
        if function != EMPTY and place[function] < 0:
            place[function] = count
            order[count] = function
            count += 1
    return order[:count].copy(), place


@njit(cache=True)
def _accumulate(counts: Int64Array) -> None:
    for index in range(1, len(counts)):
        counts[index] += counts[index - 1]


@njit(cache=True)
def _transpose(
    offsets: Int64Array,
    source: Int32Array,
    image: Int32Array,
    order: NDArray[np.int64],
    num_states: int,
) -> tuple[Int64Array, Int32Array, Int32Array]:
    first = np.zeros(num_states + 1, np.int64)
    for function in order:
        for pair in range(offsets[function], offsets[function + 1]):
            first[source[pair] + 1] += 1
    _accumulate(first)
    label = np.empty(first[-1], np.int32)
    target = np.empty(first[-1], np.int32)
    fill = first[:-1].copy()
    for index in range(len(order)):
        function = order[index]
        for pair in range(offsets[function], offsets[function + 1]):
            position = fill[source[pair]]
            label[position] = index
            target[position] = image[pair]
            fill[source[pair]] += 1
    return first, label, target


@njit(cache=True)
def _alive_states(
    offsets: Int64Array, label: Int32Array, target: Int32Array, accepting: BoolArray
) -> BoolArray:
    """bool [S]: reached from state 0 by tokens, and reaching acceptance by tokens."""
    num_states = len(accepting)
    distance = _distance(offsets, target, accepting)
    alive = np.zeros(num_states, np.bool_)
    if distance[0] < 0:
        return alive
    alive[0] = True
    queue = np.zeros(num_states, np.int32)
    head, tail = 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        for position in range(offsets[state], offsets[state + 1]):
            after = target[position]
            if distance[after] >= 0 and not alive[after]:
                alive[after] = True
                queue[tail] = after
                tail += 1
    return alive


@njit(cache=True)
def _distance(offsets: Int64Array, target: Int32Array, accepting: BoolArray) -> Int32Array:
    """int32 [S]: the fewest transitions to an accepting state, -1 where none is reached."""
    num_states = len(accepting)
    first = np.zeros(num_states + 1, np.int64)
    for after in target:
        first[after + 1] += 1
    _accumulate(first)
    source = np.empty(len(target), np.int32)
    fill = first[:-1].copy()
    for state in range(num_states):
        for position in range(offsets[state], offsets[state + 1]):
            source[fill[target[position]]] = state
            fill[target[position]] += 1
    return steps_to_acceptance(first, source, accepting)


@njit(cache=True)
def _edges(
    offsets: Int64Array, label: Int32Array, target: Int32Array
) -> tuple[Int64Array, Int32Array, Int32Array, Int64Array, Int32Array]:
    """Groups the transitions of each source by target and numbers the distinct sets of classes.

    Returns edge_offsets, edge_target, edge_set, set_offsets, set_classes as in `TokenAutomaton`.
    Sets are compared exactly; a hash only finds the candidates.
    """
    num_states = len(offsets) - 1
    edge_of_target = np.full(num_states, -1, np.int64)
    edge_offsets = np.zeros(num_states + 1, np.int64)
    edge_target = np.empty(len(target), np.int32)
    edge_first = np.zeros(len(target) + 1, np.int64)
    edges = 0
    for state in range(num_states):
        for position in range(offsets[state], offsets[state + 1]):
            after = target[position]
            if edge_of_target[after] < edge_offsets[state]:
                edge_of_target[after] = edges
                edge_target[edges] = after
                edges += 1
            edge_first[edge_of_target[after] + 1] += 1
        edge_offsets[state + 1] = edges
    edge_target = edge_target[:edges].copy()
    edge_first = edge_first[: edges + 1].copy()
    _accumulate(edge_first)

    classes = np.empty(len(target), np.int32)
    fill = edge_first[:-1].copy()
    edge_of_target[:] = -1
    for state in range(num_states):
        for edge in range(edge_offsets[state], edge_offsets[state + 1]):
            edge_of_target[edge_target[edge]] = edge
        for position in range(offsets[state], offsets[state + 1]):
            edge = edge_of_target[target[position]]
            classes[fill[edge]] = label[position]
            fill[edge] += 1

    size = 256
    while size < 2 * edges:
        size *= 2
    table = np.full(size, -1, np.int32)
    edge_set = np.empty(edges, np.int32)
    example = np.empty(edges, np.int64)
    set_offsets = np.zeros(edges + 1, np.int64)
    count = 0
    for edge in range(edges):
        low, length = edge_first[edge], edge_first[edge + 1] - edge_first[edge]
        hashed = np.uint64(length)
        for position in range(low, low + length):
            hashed = (hashed ^ np.uint64(classes[position])) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
        slot = np.int64(hashed & np.uint64(size - 1))
        while table[slot] >= 0:
            other = edge_first[example[table[slot]]]
            same = 0
            if set_offsets[table[slot] + 1] - set_offsets[table[slot]] == length:
                while same < length and classes[other + same] == classes[low + same]:
                    same += 1
            if same == length:
                break
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = count
            example[count] = edge
            set_offsets[count + 1] = set_offsets[count] + length
            count += 1
        edge_set[edge] = table[slot]

    set_offsets = set_offsets[: count + 1].copy()
    set_classes = np.empty(set_offsets[-1], np.int32)
    for index in range(count):
        shift = edge_first[example[index]] - set_offsets[index]
        for position in range(set_offsets[index], set_offsets[index + 1]):
            set_classes[position] = classes[position + shift]
    return edge_offsets, edge_target, edge_set, set_offsets, set_classes
