"""A constraint compiled for the pushdown engine: what samplers and callers hold."""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..constraints.compiled import CompiledConstraint, check_canvas, decoded_text
from ..errors import CanvasTooSmallError, LimitError, UnsatisfiableError
from .completion import Completer
from .explain import place_of_failure
from .kernels import ENDED
from .machine import Frozen, Machine
from .reading import assemble
from .search import Searcher

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from ..constraints.base import Constraint, PushdownParts
    from ..inference import Posterior
    from ..inference.tables import Allowed
    from ..vocabulary import Vocabulary
    from .tables import Int64Array

    Fixed = Mapping[int, int | Collection[int]]

_RECENT = 1024
"""Canvases that a compiled grammar remembers, to begin a search with."""

_STATES = 4096
"""States between canvases that can be told apart at the same time."""

_CACHED = 4
"""Compiled grammars that are kept for `compiled_grammar`."""


class Known(NamedTuple):
    """A canvas that a search found, int64 [L], and the `gap` of its `Survivors`."""

    canvas: Int64Array
    gap: float


class CompiledGrammar(CompiledConstraint):
    """Grammars, and texts made of grammars and other constraints, searched by a pushdown machine.

    In the interface of `CompiledConstraint`, with a machine in place of an automaton. The state
    before a canvas is a number that `advance` gives.

    Attributes:
        machine: its configurations.
        lock: held while the machine is used; it serves one thread at a time.
    """

    is_automaton = False

    def __init__(
        self,
        constraint: Constraint,
        vocabulary: Vocabulary,
        *,
        length: int,
        canvases: int = 1,
        parts: PushdownParts,
    ) -> None:
        """Raises CanvasTooSmallError where the shortest text found does not fit, LimitError."""
        check_canvas(length, canvases)
        started = time.perf_counter()
        self.constraint = constraint
        self.vocabulary = vocabulary
        self.length = length
        self.canvases = canvases
        self.bounds = parts.bounds
        tables = assemble(parts.pieces)
        self.machine = Machine(
            tables, vocabulary.tokens, prefix=parts.prefix.encode(), suffix=parts.suffix.encode()
        )
        if self.machine.start == 0:
            raise UnsatisfiableError(
                "no text begins with the prefix: "
                + place_of_failure(Machine(tables, []), parts.prefix)
            )
        self.lock = threading.RLock()
        self.searcher = Searcher(self.machine, parts.pieces, vocabulary)
        self.completer = Completer(self.machine, parts.pieces, vocabulary)
        self.initial_state = 0
        start = self.machine.freeze(self.machine.start)
        self._ended = Frozen.of_ended()
        self._frozen: OrderedDict[int, Frozen] = OrderedDict({0: start, 1: self._ended})
        self._numbers: dict[Frozen, int] = {start: 0, self._ended: 1}
        self._next_number = 2
        self._shortest = self.completer.shortest_tokens(self.machine.start)
        self.min_tokens = len(self._shortest)
        if self.min_tokens > length * canvases:
            raise CanvasTooSmallError(needed=self.min_tokens, available=length * canvases)
        self._recent: deque[tuple[int, bool, Known]] = deque(maxlen=_RECENT)
        self.stats: Mapping[str, Any] = MappingProxyType(
            {
                "engine": "pushdown",
                "parts": len(parts.pieces),
                "parser_states": len(tables.parser.shift),
                "terminals": tables.parser.shift.shape[1],
                "rules": len(tables.parser.rule_length),
                "lexer_states": len(tables.lexer.next),
                "classes": tables.lexer.next.shape[1],
                "seconds": time.perf_counter() - started,
            }
        )

    def accepts(self, text: str | bytes) -> bool:
        """Whether `text` satisfies the constraint; any length. Bytes that are no UTF-8: False."""
        try:
            decoded = decoded_text(text)
        except UnicodeError:
            return False
        with self.lock:
            accepted = self.machine.accepts(decoded.encode())
        return accepted or self.constraint.accepts_beyond(decoded)

    def explain(self, text: str | bytes) -> str | None:
        """None where `text` is accepted, else where it fails and what was expected there."""
        try:
            decoded = decoded_text(text)
        except UnicodeError as error:
            return f"no valid UTF-8: {error}"
        if self.accepts(decoded):
            return None
        own = self.constraint.refusal(decoded)
        if own is not None:
            return own
        with self.lock:
            return place_of_failure(self.machine, decoded)

    def shortest(self) -> bytes:
        """An accepted text of `min_tokens` tokens: of the texts with the fewest characters, one."""
        return self.vocabulary.decode(list(self._shortest))

    def posterior(
        self,
        log_probs: Tensor,
        *,
        fixed: Fixed | Sequence[Fixed | None] | None = None,
        state: int | Sequence[int] | None = None,
        last: bool = True,
        room: int | None = None,
    ) -> Posterior:
        """The posterior of `log_probs` [L, V] or [B, L, V] over the canvases that a search finds: a
        `PushdownPosterior`, or one per row behind the same interface.

        Arguments as for `CompiledConstraint.posterior`. Raises UnsatisfiableError where no canvas
        agrees with `fixed`, LimitError where none was found within the limits of the search,
        VocabularyError for a wrong V, ConstrainedDiffusionError for NaN and a wrong shape.
        """
        from .posterior import posterior

        return posterior(self, log_probs, fixed=fixed, state=state, last=last, room=room)

    def configuration(self, state: int) -> int:
        """The machine's number of a state. Hold `lock`."""
        frozen = self._frozen.get(state)
        if frozen is None:
            raise UnsatisfiableError(
                f"state {state} is not known to this compiled grammar, which remembers the "
                f"latest {_STATES}; give it one that `advance` returned"
            )
        return self.machine.thaw(frozen)

    def advance(self, tokens: Sequence[int], state: int | None = None) -> int:
        """The state after `tokens` (a finished canvas). Raises UnsatisfiableError on a dead end."""
        with self.lock:
            config = self.configuration(self.initial_state if state is None else state)
            for token in tokens:
                config = self.step(config, int(token))
                if config == 0:
                    raise UnsatisfiableError(
                        "these tokens leave the constraint: no text continues them"
                    )
            return self._number(self.machine.freeze(config))

    def step(self, config: int, token: int) -> int:
        """The configuration after any token, an end or padding token too; 0 is dead."""
        if config == ENDED:
            return ENDED if token in self.vocabulary.padding_ids else 0
        if token in self.vocabulary.end_ids:
            return ENDED if self.machine.finishes(config) else 0
        return self.machine.step(config, token)

    def _number(self, frozen: Frozen) -> int:
        number = self._numbers.get(frozen)
        if number is None:
            number = self._next_number
            self._next_number += 1
            self._numbers[frozen] = number
            self._frozen[number] = frozen
            while len(self._frozen) > _STATES:
                oldest = next(known for known in self._frozen if known > 1)
                del self._numbers[self._frozen.pop(oldest)]
        return number

    def is_done(self, state: int) -> bool:
        """Whether the end token has been read."""
        return self._frozen.get(state) == self._ended

    def witness(
        self,
        state: int,
        length: int,
        allowed: Allowed,
        may_end: Callable[[int], bool] | None,
        name: str = "",
    ) -> Int64Array:
        """A canvas of the language from a state whose tokens are allowed, int64 [L]. Hold `lock`.

        Raises UnsatisfiableError where there is none, LimitError where none was found.
        """
        config = self.configuration(state)
        try:
            return self.completer.canvas(config, allowed, length, may_end)
        except (UnsatisfiableError, LimitError) as error:
            raise type(error)(f"{error}{name}") from None

    def for_generation(self) -> CompiledGrammar:
        """This grammar with the same machine, but without the canvases of earlier generations:
        where a search begins decides what it finds, and a seed should decide that alone."""
        fresh = copy.copy(self)
        fresh._recent = deque(maxlen=_RECENT)
        return fresh

    def remember(self, state: int, last: bool, known: Known) -> None:
        """Keeps a canvas of the language for `known_canvas`."""
        self._recent.append((state, last, known))

    def known_canvas(self, state: int, last: bool, allowed: Allowed) -> Known | None:
        """The latest canvas of the language from this state whose tokens are allowed, if any."""
        for known_state, known_last, known in reversed(self._recent):
            if (known_state, known_last) == (state, last) and _agrees(known.canvas, allowed):
                return known
        return None


def compiled_grammar(
    constraint: Constraint,
    vocabulary: Vocabulary,
    *,
    length: int,
    canvases: int,
    parts: PushdownParts,
) -> CompiledGrammar:
    """As `CompiledGrammar`, but what was compiled before is used again: its machine remembers the
    steps that texts have taken so far."""
    key = (constraint, vocabulary.fingerprint, length, canvases)
    with _cache_lock:
        known = _cache.get(key)
    if known is None:
        known = CompiledGrammar(
            constraint, vocabulary, length=length, canvases=canvases, parts=parts
        )
    with _cache_lock:
        _cache[key] = known
        _cache.move_to_end(key)
        while len(_cache) > _CACHED:
            _cache.popitem(last=False)
    return known.for_generation()


_cache: OrderedDict[tuple[Constraint, str, int, int], CompiledGrammar] = OrderedDict()
_cache_lock = threading.Lock()


def _agrees(canvas: Int64Array, allowed: Allowed) -> bool:
    if len(canvas) != len(allowed.is_fixed):
        return False
    for position in allowed.is_fixed.nonzero()[0].tolist():
        first, last = allowed.offsets[position], allowed.offsets[position + 1]
        if canvas[position] not in allowed.tokens[first:last]:
            return False
    return True
