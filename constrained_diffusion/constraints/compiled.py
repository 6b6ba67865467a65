"""A constraint compiled for a vocabulary and a canvas: what samplers and callers hold."""

from __future__ import annotations

import functools
import math
import time
import weakref
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import CanvasTooSmallError, ConstrainedDiffusionError, UnsatisfiableError
from ..vocabulary import Vocabulary
from .base import Constraint, Language
from .compilation import compiled_automata
from .explain import describe, failure
from .schema import JsonSchema

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from torch import Tensor

    from ..inference import Posterior

    Fixed = Mapping[int, int | Collection[int]]


class CompiledConstraint:
    """The language of a constraint as an automaton over the tokens of one vocabulary.

    Attributes:
        constraint, vocabulary: what was compiled, for what.
        length: positions of a canvas. canvases: how many canvases at most.
        min_tokens: the fewest tokens of an accepted text (without the end token).
        bounds: everything that was narrowed, in words; empty when exact.
        stats: states, classes, transitions, the seconds that compiling took, and the `source`:
            "compiled", or the "memory cache" or "disk cache" that it was read from.
        initial_state: the automaton's state before the first canvas.
        given_tokens: positions that hold one token from the start, whatever a model predicts, as
            the given cells of a puzzle do; samplers show them to the model.
        is_automaton: whether `tokens` is there; False for a constraint with an engine of its own.
    """

    given_tokens: Mapping[int, int] = MappingProxyType({})
    is_automaton: ClassVar[bool] = True

    def __init__(
        self,
        constraint: Constraint,
        vocabulary: Vocabulary,
        *,
        length: int,
        canvases: int = 1,
        cache: bool | Path | None = None,
    ) -> None:
        check_canvas(length, canvases)
        started = time.perf_counter()
        self.constraint = constraint
        self.vocabulary = vocabulary
        self.length = length
        self.canvases = canvases
        automata, source = compiled_automata(
            constraint, vocabulary, length=length, canvases=canvases, cache=cache
        )
        self._language, self.tokens, self._capacity = automata
        self.initial_state = self.tokens.start
        self.min_tokens = int(self.tokens.distance[self.tokens.start])
        if self.min_tokens > length * canvases:
            raise CanvasTooSmallError(needed=self.min_tokens, available=length * canvases)
        self.bounds = self._language.bounds
        self.stats: Mapping[str, Any] = MappingProxyType(
            {
                "engine": "token automaton",
                "byte_states": self._language.automaton.num_states,
                "states": len(self.tokens.accepting),
                "classes": self.tokens.num_classes,
                "class_sets": len(self.tokens.set_offsets) - 1,
                "transitions": len(self.tokens.edge_target),
                "seconds": time.perf_counter() - started,
                "source": source,
            }
        )

    def accepts(self, text: str | bytes) -> bool:
        """Whether `text` satisfies the constraint; any length. Bytes that are no UTF-8: False."""
        try:
            decoded = decoded_text(text)
            spelled = self.constraint.spelling(decoded).text
        except UnicodeError:
            return False
        if self._exact(spelled).automaton.accepts(spelled.encode()):
            return True
        return self.constraint.accepts_beyond(decoded)

    def explain(self, text: str | bytes) -> str | None:
        """None where `text` is accepted, else where it fails and what was expected: one line, and
        for grammars two more that show the place."""
        try:
            decoded = decoded_text(text)
        except UnicodeError as error:
            return f"no valid UTF-8: {error}"
        spelling = self.constraint.spelling(decoded)
        found = failure(self._exact(spelling.text).automaton, spelling.text)
        if found is None or self.constraint.accepts_beyond(decoded):
            return None
        own = self.constraint.refusal(decoded)
        if own is not None:
            return own
        offset, expected = found
        return describe(decoded, spelling.original_offset(offset), expected)

    def shortest(self) -> bytes:
        """An accepted text of `min_tokens` tokens."""
        return self.vocabulary.decode(self.tokens.shortest_tokens(self.tokens.start))

    def parse(self, text: str) -> Any:
        """The value of an accepted text: parsed JSON, a Python instance, a dict of holes."""
        return self.constraint.parse(text)

    def holes(self, text: str) -> dict[str, str]:
        """The text of each named hole of an accepted text."""
        return self.constraint.holes(text)

    def posterior(
        self,
        log_probs: Tensor,
        *,
        fixed: Fixed | Sequence[Fixed | None] | None = None,
        state: int | Sequence[int] | None = None,
        last: bool = True,
        room: int | None = None,
    ) -> Posterior:
        """The exact posterior of `log_probs` given this constraint.

        log_probs: [L, V] or [B, L, V], any float dtype and device, normalised or not.
        fixed: position -> token id, or a collection of ids of which one must stand there; a list
            of such maps for a batch.
        state: the automaton's state before this canvas (`advance`), per row or for all rows.
        last: whether this is the last canvas. If not, every state that can still be finished may
            end it; with `room` only those that need at most that many further tokens.

        Raises UnsatisfiableError where no canvas agrees with `fixed`, VocabularyError for a wrong
        V, ConstrainedDiffusionError for NaN.
        """
        rows = 1 if log_probs.dim() == 2 else len(log_probs)
        return posterior([self] * rows, log_probs, fixed=fixed, state=state, last=last, room=room)

    def advance(self, tokens: Sequence[int], state: int | None = None) -> int:
        """The state after `tokens` (a finished canvas). Raises UnsatisfiableError on a dead end."""
        target = self.tokens.run(tokens, self.initial_state if state is None else state)
        if target < 0:
            raise UnsatisfiableError("these tokens leave the constraint: no text continues them")
        return target

    def for_generation(self) -> CompiledConstraint:
        """What one generation should ask: this object itself, unless it learns from what it is
        asked, so that an earlier generation would change a later one."""
        return self

    def is_done(self, state: int) -> bool:
        """Whether the end token has been read."""
        return self.tokens.done >= 0 and state == self.tokens.done

    def _exact(self, text: str) -> Language:
        """The language that decides `text`: counters that no canvas can exhaust were dropped, so
        a text longer than the canvas needs the language without that shortcut."""
        if len(text.encode()) <= self._capacity:
            return self._language
        return self._unlimited

    @functools.cached_property
    def _unlimited(self) -> Language:
        return self.constraint.language()


def check_canvas(length: int, canvases: int) -> None:
    """Raises ConstrainedDiffusionError where these are not numbers of positions and canvases."""
    for name, value in (("length", length), ("canvases", canvases)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConstrainedDiffusionError(f"{name} is a whole number from 1 on, got {value!r}")


def decoded_text(text: str | bytes) -> str:
    """`text` as a str that has a UTF-8 encoding; UnicodeError where there is none."""
    decoded = text.decode() if isinstance(text, bytes) else text
    decoded.encode()
    return decoded


def as_constraint(value: Any) -> Constraint:
    """A constraint as it is; a dict or a Python type as the JsonSchema that it states."""
    if isinstance(value, Constraint):
        return value
    if isinstance(value, (str, bytes)) or value is None:
        raise ConstrainedDiffusionError(
            f"expected a constraint, got {value!r}; use Regex, Choice, Text, Template or JsonSchema"
        )
    return JsonSchema(value)


def compile(
    constraint: Any,
    vocabulary: Vocabulary,
    *,
    length: int,
    canvases: int = 1,
    cache: bool | Path | None = None,
) -> CompiledConstraint:
    """Compiles `constraint` (or a dict or Python type, read as a JSON schema) for a vocabulary.

    length: positions of a canvas; canvases: how many canvases the text may take at most.
    cache: whether what was compiled before is used, and where this is kept. None: in memory, and
        on disk in the default folder if compiling took 50 ms or more. True: there in any case. A
        Path: in that folder in any case. False: neither on disk nor in memory.

    Raises CanvasTooSmallError where the shortest text does not fit, UnsatisfiableError where
    there is no text at all, LimitError, and the errors of the kind of constraint.
    """
    stated = as_constraint(constraint)
    own: CompiledConstraint | None = stated.compile_for(
        vocabulary, length=length, canvases=canvases
    )
    if own is not None:
        return own
    return CompiledConstraint(stated, vocabulary, length=length, canvases=canvases, cache=cache)


def posterior(
    rows: Sequence[CompiledConstraint | None],
    log_probs: Tensor,
    *,
    fixed: Fixed | Sequence[Fixed | None] | None = None,
    state: int | Sequence[int] | None = None,
    last: bool | Sequence[bool] = True,
    room: int | None = None,
) -> Posterior:
    """As `CompiledConstraint.posterior`, with another constraint (or None: free) per row.

    rows: one per row of `log_probs` [B, L, V] (one for [L, V]). `fixed`, `state` and `last` are
    for all rows, or one per row.
    """
    from ..inference import infer

    count = 1 if log_probs.dim() == 2 else len(log_probs)
    if len(rows) != count:
        raise ConstrainedDiffusionError(
            f"{len(rows)} constraints for {count} rows of log_probs; give one (or None) per row"
        )
    states = _per_row(state, count)
    lasts = _per_row(last, count)
    maps = _per_row(fixed, count)
    finals = [
        None if row is None or ends else _may_end_canvas(row, room)
        for row, ends in zip(rows, lasts, strict=True)
    ]
    starts = [
        0 if row is None else row.initial_state if given is None else int(given)
        for row, given in zip(rows, states, strict=True)
    ]
    if not all(row is None or row.is_automaton for row in rows):
        return _posterior_by_row(rows, log_probs, maps, starts, lasts, room)
    automata = [None if row is None else row.tokens for row in rows]
    result = infer(automata, log_probs, fixed=maps, states=starts, finals=finals)
    first = rows[0]
    if count == 1 and first is not None and starts[0] == first.initial_state:
        result.field_values = functools.partial(
            # Weak, since the posterior holds this function: a cycle would keep the logits alive
            # until the garbage collector happens to run.
            _field_values,
            first,
            weakref.ref(result),
            log_probs,
            maps,
            lasts[0],
            room,
        )
    return result


def _posterior_by_row(
    rows: Sequence[CompiledConstraint | None],
    log_probs: Tensor,
    fixed: list[Any],
    states: list[int],
    lasts: list[bool],
    room: int | None,
) -> Posterior:
    """The posterior of a batch some rows of which have an engine of their own."""
    from ..inference import Posterior

    if len(rows) == 1 and rows[0] is not None:
        return rows[0].posterior(log_probs, fixed=fixed, state=states, last=lasts[0], room=room)
    parts = []
    for b, row in enumerate(rows):
        own = log_probs[b : b + 1]
        given: dict[str, Any] = {"fixed": [fixed[b]], "state": [states[b]], "room": room}
        if row is None or row.is_automaton:
            parts.append(posterior([row], own, last=[lasts[b]], **given))
        else:
            parts.append(row.posterior(own, last=lasts[b], **given))
    return Posterior.stack(parts, log_probs)


def _per_row(value: Any, count: int) -> list[Any]:
    if isinstance(value, (list, tuple)):
        if len(value) != count:
            raise ConstrainedDiffusionError(f"{len(value)} values given for {count} rows")
        return list(value)
    return [value] * count


def _may_end_canvas(row: CompiledConstraint, room: int | None) -> np.ndarray[Any, Any]:
    if room is None:
        return np.ones(len(row.tokens.accepting), dtype=bool)
    return np.asarray(row.tokens.distance <= room)


def _field_values(
    compiled: CompiledConstraint,
    whole: weakref.ref[Posterior],
    log_probs: Tensor,
    fixed: list[Any],
    last: bool,
    room: int | None,
    name: str,
) -> dict[str, float]:
    """P(field = value) = evidence of the constraint narrowed to that value, over the evidence."""
    posterior_of_all = whole()
    assert posterior_of_all is not None, "called by the posterior's own values()"
    total = float(posterior_of_all.log_evidence)
    if math.isinf(total):
        raise ConstrainedDiffusionError(
            f"the model gives every valid text probability 0, so {name!r} has no probabilities"
        )
    probabilities = {}
    for value, narrowed in compiled.constraint.alternatives(name):
        try:
            row = compile(
                narrowed, compiled.vocabulary, length=compiled.length, canvases=compiled.canvases
            )
            part = posterior([row], log_probs, fixed=fixed, last=last, room=room)
            probabilities[value] = math.exp(min(0.0, float(part.log_evidence) - total))
        except (UnsatisfiableError, CanvasTooSmallError):
            probabilities[value] = 0.0
    return probabilities
