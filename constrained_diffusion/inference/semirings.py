"""Semirings of leading terms, for the reference inference.

As in Torch-Struct (Rush, "Torch-Struct: Deep Structured Prediction Library", ACL 2020): a dynamic
program is written once over `zero`, `one`, `times` and `plus`, and the semiring decides what it
computes. An element is a pair (order, log): the leading term exp(log) * epsilon**order of a weight
in which every token of probability 0 stands for an infinitesimal epsilon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Term(NamedTuple):
    """exp(log) * epsilon**order."""

    order: float
    log: float


ZERO = Term(math.inf, -math.inf)
ONE = Term(0, 0.0)


class Semiring(Protocol):
    zero: Term
    one: Term

    def token(self, log_probability: float) -> Term:
        """The weight of a token that may stand at a position."""
        ...

    def times(self, a: Term, b: Term) -> Term: ...

    def plus(self, terms: Iterable[Term]) -> Term: ...


class _Leading:
    zero = ZERO
    one = ONE

    def token(self, log_probability: float) -> Term:
        return Term(1, 0.0) if log_probability == -math.inf else Term(0, log_probability)

    def times(self, a: Term, b: Term) -> Term:
        return Term(a.order + b.order, a.log + b.log)


class LogSemiring(_Leading):
    """Sums of weights: evidence and marginals."""

    def plus(self, terms: Iterable[Term]) -> Term:
        terms = list(terms)
        order = min((term.order for term in terms), default=math.inf)
        if order == math.inf:
            return ZERO
        logs = [term.log for term in terms if term.order == order]
        peak = max(logs)
        return Term(order, peak + math.log(math.fsum(math.exp(log - peak) for log in logs)))


class MaxSemiring(_Leading):
    """The greatest weight: the mode."""

    def plus(self, terms: Iterable[Term]) -> Term:
        return max(terms, key=lambda term: (-term.order, term.log), default=ZERO)


class BooleanSemiring:
    """Whether there is any weight at all: the mask."""

    zero = ZERO
    one = ONE

    def token(self, log_probability: float) -> Term:
        return ONE

    def times(self, a: Term, b: Term) -> Term:
        return ZERO if ZERO in (a, b) else ONE

    def plus(self, terms: Iterable[Term]) -> Term:
        return ONE if any(term != ZERO for term in terms) else ZERO
