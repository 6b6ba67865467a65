"""How far each state of an automaton is from acceptance."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def steps_to_acceptance(
    first: NDArray[np.int64], sources: NDArray[np.int32], accepting: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """int32 [S]: the fewest transitions to an accepting state, -1 where none is reached.

    The transitions into state s come from `sources[first[s]:first[s + 1]]`.
    """
    num_states = len(accepting)
    distance = np.full(num_states, -1, np.int32)
    queue = np.empty(num_states, np.int32)
    tail = 0
    for state in range(num_states):
        if accepting[state]:
            distance[state] = 0
            queue[tail] = state
            tail += 1
    head = 0
    while head < tail:
        state = queue[head]
        head += 1
        for position in range(first[state], first[state + 1]):
            source = sources[position]
            if distance[source] < 0:
                distance[source] = distance[state] + 1
                queue[tail] = source
                tail += 1
    return distance
