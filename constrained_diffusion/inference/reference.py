"""The posterior, slow and obvious: the oracle of the fast implementation.

Forward and backward recursions of a chain over token transitions, generic over the semiring.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..automata.token_automaton import TokenAutomaton
from .semirings import (
    BooleanSemiring,
    LogSemiring,
    MaxSemiring,
    Semiring,
    Term,
)


@dataclass(frozen=True)
class ReferencePosterior:
    """q(x) of one canvas: products of token weights over the canvases that `automaton` accepts.

    log_probs: [L, V], normalised (or not; rows of only -inf count as uniform).
    fixed: position -> the ids of which one must stand there.
    finals: bool [S], the states that may end the canvas; default `automaton.accepting`.
    """

    automaton: TokenAutomaton
    log_probs: NDArray[np.float64]
    fixed: Mapping[int, Collection[int]]
    start: int
    finals: NDArray[np.bool_]

    def weights(self, semiring: Semiring) -> list[list[tuple[int, int, int, Term]]]:
        """For each position, all (source, token, target, weight) with a non-zero weight."""
        steps = []
        for position, row in enumerate(self.log_probs):
            log_row = _log_normalised(row)
            allowed = self.fixed.get(position, range(len(row)))
            steps.append(
                [
                    (source, token, target, semiring.token(float(log_row[token])))
                    for source in range(self.automaton.num_states)
                    for token in sorted(set(allowed))
                    if (target := self.automaton.step(source, token)) >= 0
                ]
            )
        return steps

    def backward(self, semiring: Semiring) -> list[list[Term]]:
        """[L+1][S]: the sum over the ways from each state, before each position, to an end."""
        states = range(self.automaton.num_states)
        messages = [[semiring.one if self.finals[s] else semiring.zero for s in states]]
        for step in reversed(self.weights(semiring)):
            ways: list[list[Term]] = [[] for _ in states]
            for source, _, target, weight in step:
                ways[source].append(semiring.times(weight, messages[-1][target]))
            messages.append([semiring.plus(terms) for terms in ways])
        return messages[::-1]

    def forward(self, semiring: Semiring) -> list[list[Term]]:
        """[L+1][S]: the sum over the ways from the start to each state, before each position."""
        states = range(self.automaton.num_states)
        messages = [[semiring.one if s == self.start else semiring.zero for s in states]]
        for step in self.weights(semiring):
            ways: list[list[Term]] = [[] for _ in states]
            for source, _, target, weight in step:
                ways[target].append(semiring.times(messages[-1][source], weight))
            messages.append([semiring.plus(terms) for terms in ways])
        return messages

    def evidence(self) -> Term:
        """The sum of the weights of all canvases."""
        return self.backward(LogSemiring())[0][self.start]

    def token_terms(self, semiring: Semiring) -> list[list[Term]]:
        """[L][V]: the sum over the canvases with each token at each position."""
        forward, backward = self.forward(semiring), self.backward(semiring)
        table = []
        for position, step in enumerate(self.weights(semiring)):
            ways: list[list[Term]] = [[] for _ in range(self.automaton.vocabulary_size)]
            for source, token, target, weight in step:
                before, after = forward[position][source], backward[position + 1][target]
                ways[token].append(semiring.times(semiring.times(before, weight), after))
            table.append([semiring.plus(terms) for terms in ways])
        return table

    def marginals(self) -> NDArray[np.float64]:
        """[L, V]."""
        evidence = self.evidence()
        terms = self.token_terms(LogSemiring())
        return np.array(
            [
                [math.exp(t.log - evidence.log) if t.order == evidence.order else 0.0 for t in row]
                for row in terms
            ]
        )

    def mask(self) -> NDArray[np.bool_]:
        """bool [L, V]."""
        semiring = BooleanSemiring()
        return np.array(
            [[term != semiring.zero for term in row] for row in self.token_terms(semiring)]
        )

    def entropy(self) -> NDArray[np.float64]:
        """[L], nats."""
        marginals = self.marginals()
        logs = np.log(marginals, where=marginals > 0, out=np.zeros_like(marginals))
        return np.asarray(-(marginals * logs).sum(axis=1))

    def mode(self) -> list[int]:
        """L token ids: from each state on, the token that begins the best way to an end."""
        semiring = MaxSemiring()
        backward = self.backward(semiring)
        tokens, state = [], self.start
        for position, step in enumerate(self.weights(semiring)):
            ways = [
                (semiring.times(weight, backward[position + 1][target]), token, target)
                for source, token, target, weight in step
                if source == state
            ]
            best = semiring.plus(term for term, _, _ in ways)
            token, state = next((token, target) for term, token, target in ways if term == best)
            tokens.append(token)
        return tokens


def _log_normalised(row: NDArray[np.float64]) -> NDArray[np.float64]:
    peak = row.max()
    if peak == -math.inf:
        return np.full(len(row), -math.log(len(row)))
    return np.asarray(row - peak - math.log(np.exp(row - peak).sum()))
