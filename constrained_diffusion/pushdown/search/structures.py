"""What a search remembers of the relaxed machine, as kernels get it: by one pointer (`structs`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from numba.experimental import structref

from ..structs import _Struct, _StructType
from ..tables import BoolArray, Int32Array, Int64Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32Array = NDArray[np.float32]

STATES, EDGES, STEPS, FULL = range(4)
"""Entries of `Relaxation.counts`."""

STATE_CAPACITY = 1 << 16
EDGE_CAPACITY = 1 << 22
STEP_CAPACITY = 1 << 22

COUNTERS = 96
"""Values of the counters that are told apart, all counters of a text together."""

ZERO = 24
"""The index of the value 0: texts of a grammar go below it only while they are no prefix of one."""

UNKNOWN_WEIGHT = np.int32(-(1 << 30))
"""In `Relaxation.weight_of_stack`."""

FIELDS = 9
"""Fields of an abstract state; see `relaxed_threads`."""


class Relaxation(NamedTuple):
    """Attributes:
    counts: int64 [4]: numbers given so far, by kind; FULL is set when a table overflows.
    states, state_index: int64 [A, FIELDS] and a hash index of the abstract states. State 0 stands
        for ENDED; the index holds numbers + 1.
    steps_key, steps_first, steps_size: (state, token) -> edges first:first+size.
    edge_target, edge_change: the state after a token, and how it changes the counters.
    successor_offsets, successors: the states on top that a terminal can lead to, by
        (top, terminal).
    accepts: bool [Q], whether a text may end with this LR state on top.
    newline_offsets, newline_successors: the same by top, for a newline terminal and the indents or
        dedents after it.
    terminal_weight, state_weight: int32 [T] and [Q], what a terminal adds to the counters, and what
        a state on a stack stands for.
    state_of_thread, weight_of_stack, profile_of: of the machine's threads, stacks and
        configurations: abstract state + 1, counter, list of both; 0, UNKNOWN_WEIGHT and 0 where
        they are not known yet.
    ending: int64 [1], where a suffix follows: the counter at the end of a text before it, with that
        of the terminal that is being read; -1 where it is not known yet.
    """

    counts: Int64Array
    states: Int64Array
    state_index: Int32Array
    steps_key: Int64Array
    steps_first: Int32Array
    steps_size: Int32Array
    edge_target: Int32Array
    edge_change: Int32Array
    successor_offsets: Int64Array
    successors: Int32Array
    accepts: BoolArray
    newline_offsets: Int64Array
    newline_successors: Int32Array
    terminal_weight: Int32Array
    state_weight: Int32Array
    state_of_thread: Int32Array
    weight_of_stack: Int32Array
    profile_of: Int32Array
    ending: Int64Array


@structref.register
class RelaxationType(_StructType):
    pass


class RelaxationStruct(_Struct):
    """`Relaxation`"""


structref.define_proxy(  # type: ignore[no-untyped-call]
    RelaxationStruct, RelaxationType, list(Relaxation._fields)
)


@njit(cache=True)
def _relaxation_struct(relaxation: Relaxation) -> Any:
    return RelaxationStruct(*relaxation)


def relaxation_struct(relaxation: Relaxation) -> Any:
    """The relaxation for kernels; both see what either writes."""
    return _relaxation_struct(relaxation)
