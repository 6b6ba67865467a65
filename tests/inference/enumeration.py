"""Small random problems, and the posterior by its definition: a sum over all canvases."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from constrained_diffusion.automata.token_automaton import TokenAutomaton

Table = list[list[int]]
"""[S][V] target state, or -1."""


def token_automaton(table: Table, accepting: list[bool]) -> TokenAutomaton:
    """The automaton of a transition table, its classes and sets formed as `TokenAutomaton` says."""
    columns = [tuple(column) for column in zip(*table, strict=True)]
    acting = dict.fromkeys(column for column in columns if max(column) >= 0)
    class_of = {column: number for number, column in enumerate(acting)}
    sets: dict[tuple[int, ...], int] = {}
    offsets, labels, targets = [0], [], []
    for state in range(len(table)):
        images = [(column[state], number) for column, number in class_of.items()]
        for target in dict.fromkeys(image for image, _ in images if image >= 0):
            members = tuple(number for image, number in images if image == target)
            labels.append(sets.setdefault(members, len(sets)))
            targets.append(target)
        offsets.append(len(labels))
    return TokenAutomaton(
        vocabulary_size=len(columns),
        start=0,
        accepting=np.array(accepting),
        done=-1,
        token_class=np.array([class_of.get(column, -1) for column in columns], np.int32),
        num_classes=len(class_of),
        set_offsets=np.cumsum([0, *map(len, sets)]),
        set_classes=np.array([c for members in sets for c in members], np.int32),
        edge_offsets=np.array(offsets),
        edge_set=np.array(labels, np.int32),
        edge_target=np.array(targets, np.int32),
        distance=np.zeros(len(table), np.int32),
    )


@dataclass(frozen=True)
class Problem:
    """One canvas: transitions, ends allowed, start, log-probabilities [L, V], fixed tokens."""

    table: Table
    finals: list[bool]
    start: int
    log_probs: np.ndarray
    fixed: dict[int, int | list[int]]

    @property
    def automaton(self) -> TokenAutomaton:
        return token_automaton(self.table, self.finals)

    def allowed(self, position: int) -> list[int]:
        given = self.fixed.get(position, range(self.log_probs.shape[1]))
        return [given] if isinstance(given, int) else list(given)

    def canvases(self) -> Iterator[tuple[int, ...]]:
        """All canvases of the language that agree with the fixed tokens."""
        for canvas in itertools.product(*map(self.allowed, range(len(self.log_probs)))):
            state = self.start
            for token in canvas:
                state = self.table[state][token] if state >= 0 else -1
            if state >= 0 and self.finals[state]:
                yield canvas


@dataclass(frozen=True)
class Enumeration:
    """Everything that a posterior answers, from the list of all canvases.

    A weight is a pair: how many of the tokens have probability 0, and the log of the product of the
    others. Only the canvases with the fewest such tokens have a probability.
    """

    problem: Problem
    weights: dict[tuple[int, ...], tuple[int, float]]

    @classmethod
    def of(cls, problem: Problem) -> Enumeration:
        logs = [log_softmax(row) for row in problem.log_probs]
        weights = {}
        for canvas in problem.canvases():
            terms = [logs[i][token] for i, token in enumerate(canvas)]
            finite = [term for term in terms if term > -math.inf]
            weights[canvas] = (len(terms) - len(finite), math.fsum(finite))
        return cls(problem, weights)

    @property
    def probable(self) -> dict[tuple[int, ...], float]:
        """Log-weights of the canvases with the fewest tokens of probability 0."""
        order = min(order for order, _ in self.weights.values())
        return {canvas: log for canvas, (o, log) in self.weights.items() if o == order}

    @property
    def log_total(self) -> float:
        return log_sum(list(self.probable.values()))

    @property
    def log_evidence(self) -> float:
        return -math.inf if min(self.weights.values())[0] > 0 else self.log_total

    def mask(self) -> np.ndarray:
        mask = np.zeros(self.problem.log_probs.shape, bool)
        for canvas in self.weights:
            mask[range(len(canvas)), canvas] = True
        return mask

    def marginals(self) -> np.ndarray:
        marginals = np.zeros(self.problem.log_probs.shape)
        for canvas, log in self.probable.items():
            marginals[range(len(canvas)), canvas] += math.exp(log - self.log_total)
        return marginals

    def entropy(self) -> np.ndarray:
        marginals = self.marginals()
        logs = np.log(marginals, where=marginals > 0, out=np.zeros_like(marginals))
        return -(marginals * logs).sum(axis=1)


def log_softmax(row: np.ndarray) -> np.ndarray:
    if np.all(np.isneginf(row)):
        return np.full(len(row), -math.log(len(row)))
    below = row - row.max()
    return below - log_sum(below.tolist())


def log_sum(logs: list[float]) -> float:
    peak = max(logs)
    return peak + math.log(math.fsum(math.exp(log - peak) for log in logs))


@st.composite
def problems(draw: st.DrawFn, *, possible: bool = False, largest: float = 1e12) -> Problem:
    """Up to 4 states, 5 tokens, 5 positions; tokens that act alike; every kind of logit.

    possible: some canvas satisfies it. largest: the scale of the finite logits.
    """
    num_states, size = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    length = draw(st.integers(1, 5 if size <= 3 else 4))
    state = st.integers(0, num_states - 1)
    target = st.integers(-1, num_states - 1)
    columns = draw(
        st.lists(
            st.lists(target, min_size=num_states, max_size=num_states), min_size=1, max_size=size
        )
    )
    column_of = draw(st.lists(st.integers(0, len(columns) - 1), min_size=size, max_size=size))
    finals = draw(st.lists(st.booleans(), min_size=num_states, max_size=num_states))
    scale = draw(st.sampled_from([x for x in (1.0, 30.0, 1e4, 1e12) if x <= largest]))
    logit = st.floats(-1, 1).map(lambda x: x * scale) | st.just(-math.inf)
    row = st.lists(logit, min_size=size, max_size=size) | st.just([-math.inf] * size)
    log_probs = draw(st.lists(row, min_size=length, max_size=length))
    token = st.integers(0, size - 1)
    fixed = draw(
        st.dictionaries(
            st.integers(0, length - 1), token | st.lists(token, min_size=1, max_size=3), max_size=2
        )
    )
    start = draw(state)
    if possible:
        # One canvas is drawn, and what it lacks is added: any possible problem can come out.
        current = start
        for i in range(length):
            chosen = draw(token)
            column = columns[column_of[chosen]]
            if column[current] < 0:
                column[current] = draw(state)
            current = column[current]
            if i in fixed:
                others = fixed[i]
                fixed[i] = chosen if isinstance(others, int) else [chosen, *others[1:]]
        finals[current] = True
    acts = [columns[column] for column in column_of]
    return Problem(
        [list(targets) for targets in zip(*acts, strict=True)],
        finals,
        start,
        np.array(log_probs),
        fixed,
    )
