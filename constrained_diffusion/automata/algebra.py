"""Regular operations on byte automata. Every result is minimal and in canonical form.

All functions raise LimitError over their `max_states` (or over fixed bounds of memory and work).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..errors import ConstrainedDiffusionError, LimitError
from .automaton import (
    BoolArray,
    ByteArray,
    ByteAutomaton,
    Int32Array,
)
from .minimise import minimise
from .nfa import MAX_NFA_STATES, MAX_STATES, NfaBuilder
from .product import product
from .subsets import MAX_TABLE
from .utf8 import ALL_CODE_POINTS, add_code_points

EMPTY = ByteAutomaton(np.full((1, 1), -1, np.int32), np.zeros(256, np.uint8), np.zeros(1, np.bool_))
"""The language without any text."""

EPSILON = ByteAutomaton(
    np.full((1, 1), -1, np.int32), np.zeros(256, np.uint8), np.ones(1, np.bool_)
)
"""The language of the empty text alone."""


def same_language(left: ByteAutomaton, right: ByteAutomaton) -> bool:
    """Whether two automata accept the same texts: equality of their canonical arrays."""
    return (
        np.array_equal(left.transitions, right.transitions)
        and np.array_equal(left.byte_class, right.byte_class)
        and np.array_equal(left.accepting, right.accepting)
    )


@lru_cache(maxsize=1)
def any_text() -> ByteAutomaton:
    """All valid UTF-8."""
    builder = NfaBuilder()
    state = builder.add_state()
    add_code_points(builder, state, ALL_CODE_POINTS, state)
    return builder.determinise(state, [state])


def literal(data: bytes) -> ByteAutomaton:
    """The one text `data`.

    Raises:
        ConstrainedDiffusionError: `data` is not valid UTF-8.
    """
    return choice([data])


def choice(values: Sequence[bytes], *, max_states: int = MAX_STATES) -> ByteAutomaton:
    """Any one of `values`.

    Raises:
        ConstrainedDiffusionError: a value is not valid UTF-8.
    """
    if not values:
        return EMPTY
    for value in values:
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise ConstrainedDiffusionError(
                f"not valid UTF-8: {value!r} ({error.reason})"
            ) from None
    ordered = sorted(set(values))
    text = np.frombuffer(b"".join(ordered), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, ordered), np.int64, len(ordered)))
    used = np.unique(text)
    # one more class holds the bytes that no value has
    num_classes = min(len(used) + 1, 256)
    byte_class = np.full(256, num_classes - 1, np.uint8)
    byte_class[used] = np.arange(len(used))
    transitions, accepting = _prefix_tree(
        byte_class[text],
        ends,
        np.int64(num_classes),
        np.int64(min(max_states, MAX_TABLE // num_classes)),
    )
    if len(transitions) == 0:
        raise LimitError(
            f"a choice of {len(ordered):,} values has more than {max_states:,} distinct prefixes; "
            "use fewer values or raise max_states"
        )
    return minimise(transitions, byte_class, accepting)


@njit(cache=True)
def _prefix_tree(
    columns: ByteArray, ends: NDArray[np.int64], num_classes: np.int64, max_states: np.int64
) -> tuple[Int32Array, BoolArray]:
    """The trie of sorted distinct strings: int32 [S, K] (no rows over the limit) and bool [S]."""
    num_states = 1
    begin = 0
    previous = 0  # begin of the previous string
    for number in range(len(ends)):
        shared = 0
        if number > 0:
            while (
                previous + shared < begin
                and begin + shared < ends[number]
                and columns[previous + shared] == columns[begin + shared]
            ):
                shared += 1
        num_states += ends[number] - begin - shared
        previous = begin
        begin = ends[number]
    if num_states > max_states:
        return np.empty((0, num_classes), np.int32), np.zeros(0, np.bool_)
    transitions = np.full((num_states, num_classes), -1, np.int32)
    accepting = np.zeros(num_states, np.bool_)
    num_states = 1
    begin = 0
    for number in range(len(ends)):
        state = 0
        for place in range(begin, ends[number]):
            after = transitions[state, columns[place]]
            if after < 0:
                after = num_states
                num_states += 1
                transitions[state, columns[place]] = after
            state = after
        accepting[state] = True
        begin = ends[number]
    return transitions, accepting


def union(*automata: ByteAutomaton, max_states: int = MAX_STATES) -> ByteAutomaton:
    """The texts of any of `automata`; EMPTY for none."""
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    for automaton in automata:
        builder.embed(automaton, start, end)
    return builder.determinise(start, [end], max_states=max_states)


def concatenate(*automata: ByteAutomaton, max_states: int = MAX_STATES) -> ByteAutomaton:
    """A text of each of `automata`, one after the other; EPSILON for none."""
    builder = NfaBuilder()
    start = state = builder.add_state()
    for automaton in automata:
        after = builder.add_state()
        builder.embed(automaton, state, after)
        state = after
    return builder.determinise(start, [state], max_states=max_states)


def star(automaton: ByteAutomaton, *, max_states: int = MAX_STATES) -> ByteAutomaton:
    """Any number of texts of `automaton`, also none."""
    return repeat(automaton, 0, None, max_states=max_states)


def plus(automaton: ByteAutomaton, *, max_states: int = MAX_STATES) -> ByteAutomaton:
    """One or more texts of `automaton`."""
    return repeat(automaton, 1, None, max_states=max_states)


def optional(automaton: ByteAutomaton, *, max_states: int = MAX_STATES) -> ByteAutomaton:
    """A text of `automaton`, or the empty text."""
    return repeat(automaton, 0, 1, max_states=max_states)


def repeat(
    automaton: ByteAutomaton, low: int, high: int | None, *, max_states: int = MAX_STATES
) -> ByteAutomaton:
    """`low` to `high` texts of `automaton`, one after the other; no upper bound for None.

    Raises:
        ConstrainedDiffusionError: not 0 <= low <= high.
    """
    if low < 0 or (high is not None and high < low):
        raise ConstrainedDiffusionError(f"a repeat needs 0 <= low <= high, not {low} and {high}")
    copies = max(low, 1) if high is None else high
    if copies == 0:
        return EPSILON
    if copies * (automaton.num_states + 2) > MAX_NFA_STATES:
        raise LimitError(
            f"{copies:,} repeats of {automaton.num_states:,} states exceed the limit of "
            f"{MAX_NFA_STATES:,} nondeterministic states; lower the repeat count"
        )
    builder = NfaBuilder()
    mark = builder.mark()
    first_start, first_end = builder.add_states(2), 1
    builder.embed(automaton, first_start, first_end)
    distance = builder.repeat_block(mark, copies - 1)
    starts = [first_start + number * distance for number in range(copies)]
    ends = [first_end + number * distance for number in range(copies)]
    for end, start in zip(ends, starts[1:], strict=False):
        builder.add_epsilon(end, start)
    if high is None:
        builder.add_epsilon(ends[-1], starts[-1])
    accepting = [starts[0]] if low == 0 else []
    accepting += ends[max(low, 1) - 1 :]
    return builder.determinise(first_start, accepting, max_states=max_states)


def intersect(*automata: ByteAutomaton, max_states: int = MAX_STATES) -> ByteAutomaton:
    """The texts of all of `automata`; all valid UTF-8 for none."""
    if not automata:
        return any_text()
    smallest_first = sorted(automata, key=lambda automaton: automaton.num_states)
    result = smallest_first[0]
    for automaton in smallest_first[1:]:
        result = product(result, automaton, "and", max_states=max_states)
    return result


def difference(
    left: ByteAutomaton, right: ByteAutomaton, *, max_states: int = MAX_STATES
) -> ByteAutomaton:
    """The texts of `left` that are not texts of `right`."""
    return product(left, right, "minus", max_states=max_states)


def complement(automaton: ByteAutomaton, *, max_states: int = MAX_STATES) -> ByteAutomaton:
    """All valid UTF-8 that is not a text of `automaton`."""
    return product(any_text(), automaton, "minus", max_states=max_states)


def quotient(automaton: ByteAutomaton, prefix: bytes, suffix: bytes) -> ByteAutomaton:
    """The texts that make one of the language between `prefix` and `suffix`."""
    start = automaton.run(prefix)
    if start < 0:
        return EMPTY
    ends = [automaton.run(suffix, state) for state in range(automaton.num_states)]
    accepting = np.array([end >= 0 and bool(automaton.accepting[end]) for end in ends], np.bool_)
    # The start is state 0: it changes places with that one.
    order = np.arange(automaton.num_states)
    order[[0, start]] = order[[start, 0]]
    transitions = automaton.transitions[order]
    renumbered = np.where(transitions >= 0, order[transitions], -1).astype(np.int32)
    return minimise(renumbered, automaton.byte_class, accepting[order])
