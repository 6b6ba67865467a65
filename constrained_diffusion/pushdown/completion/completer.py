"""`Completer`: short texts that finish a configuration, and canvases to begin a search with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import LimitError, UnsatisfiableError
from ..kernels import ENDED
from ..machine import Frozen, Machine
from ..tables import Int64Array
from .canvas_search import CanvasTask, search_canvas, shortest_by_tokens
from .canvas_tokens import candidate_tokens
from .estimate import Estimate
from .fixed_ends import canvas_with_gap
from .holes import Holes
from .parser_costs import Piece
from .shortest import Found, shortest
from .spelling import Speller
from .steps import Steps

if TYPE_CHECKING:
    from ...inference.tables import Allowed
    from ...vocabulary import Vocabulary

_REMEMBERED = 4096


class Completer:
    """Completes the configurations of a machine, in a memory of its own.

    Numbers of configurations are those of the given machine; its memory is read and not reset.
    """

    def __init__(self, machine: Machine, pieces: Sequence[Piece], vocabulary: Vocabulary) -> None:
        self._outer = machine
        self._vocabulary = vocabulary
        self._machine = Machine(machine.tables, [], suffix=machine.suffix)
        self._machine.kernel_text = machine.kernel_text
        self._speller = Speller(vocabulary.tokens)
        self._estimate = Estimate(self._machine, pieces, self._speller.characters())
        self._steps = Steps(self._estimate)
        self._holes = Holes(self._estimate, self._steps)
        self._candidates = candidate_tokens(vocabulary.tokens, self._estimate, self._speller)
        self._shortest: OrderedDict[Frozen, Found | None] = OrderedDict()

    def shortest(self, config: int) -> bytes:
        """A shortest text, in characters, after which the text may end.

        Raises UnsatisfiableError where there is none, LimitError.
        """
        self._make_room()
        found = self._found(self._outer.freeze(config))
        if found is None:
            raise UnsatisfiableError("no text continues this one to its end")
        return found.text

    def shortest_tokens(self, config: int) -> list[int]:
        """Tokens of the vocabulary that spell a text after which the text may end: the fewest for
        a text of the fewest characters. Other texts may take fewer tokens.

        Raises UnsatisfiableError, LimitError.
        """
        text = self.shortest(config)
        tokens = self._speller.spell(text)
        if tokens is not None:
            return tokens
        # Some characters are in no token, or within longer ones only.
        return shortest_by_tokens(
            self._estimate,
            self._machine.thaw(self._outer.freeze(config)),
            self._candidates,
        )

    def finishes_within(self, config: int, room: int) -> bool:
        """Whether a text of at most `room` tokens was found that finishes from here."""
        if self._outer.finishes(config):
            return True
        if room <= 0:
            return False
        try:
            return len(self.shortest_tokens(config)) <= room
        except (UnsatisfiableError, LimitError):
            return False

    def fill(self, config: int, suffix: bytes = b"") -> bytes:
        """A text such that `suffix` may follow it and end the whole text; a short one.

        The hole may begin and end anywhere: within a terminal, or a character. What the machine
        itself has as its suffix may be the end of `suffix` or left out.

        Raises UnsatisfiableError where no text fits, LimitError where none was found.
        """
        self._make_room()
        own = self._machine.suffix
        inner = suffix[: len(suffix) - len(own)] if own and suffix.endswith(own) else suffix
        frozen = self._outer.freeze(config)
        try:
            text = self._holes.fill(self._machine.thaw(frozen), inner)
        except LimitError:
            if not self._machine.full:
                raise
            # What was there before this hole has left too little room for it.
            self._make_room()
            text = self._holes.fill(self._machine.thaw(frozen), inner)
        if text is None:
            raise UnsatisfiableError("no text fits between this one and the fixed text after it")
        return text

    def spelled(self, text: bytes) -> list[int] | None:
        """The fewest tokens of the vocabulary that spell a text; None where none do."""
        return self._speller.spell(text)

    def canvas(
        self,
        config: int,
        allowed: Allowed,
        length: int,
        may_end: Callable[[int], bool] | None = None,
    ) -> Int64Array:
        """A whole canvas of the language: text, then an end token and padding. int64 [length].

        Args:
            config: the configuration before it.
            allowed: the tokens that may stand at its positions.
            may_end: whether the canvas may end in a configuration of the given machine; None: if
                the text may end there, or has ended.

        Raises:
            UnsatisfiableError: there is none.
            LimitError: none was found, though there may be one.
        """
        tokens = _tokens_allowed(allowed, length)
        outer = self._outer

        def ends(number: int) -> bool:
            if may_end is None or number == ENDED:
                return self._machine.finishes(number) if may_end is None else may_end(number)
            return may_end(outer.thaw(self._machine.freeze(number)))

        self._make_room()
        task = CanvasTask(
            self._machine.thaw(outer.freeze(config)),
            tokens,
            ends,
            self._vocabulary.end_ids,
            self._vocabulary.padding_ids,
        )
        canvas = self._plain_canvas(task)
        if canvas is None:
            canvas = self._canvas_with_gap(task)
        if canvas is not None:
            return canvas
        return search_canvas(
            self._estimate,
            task,
            self._candidates,
            longest=self._speller.longest,
        )

    def _plain_canvas(self, task: CanvasTask) -> Int64Array | None:
        """The fixed tokens at the start, a shortest text after them, an end token and padding;
        None where that is no canvas of the task."""
        length = len(task.allowed)
        tokens: list[int] = []
        machine = self._machine
        current = task.config
        for fixed in task.allowed:
            if fixed is None or len(fixed) != 1 or fixed[0] in task.end_ids or current == 0:
                break
            tokens.append(fixed[0])
            current = machine.step(current, fixed[0]) if current != ENDED else 0
        if current == 0:
            return None
        try:
            found = self._found(machine.freeze(current))
        except LimitError:
            return None
        spelled = None if found is None else self._speller.spell(found.text)
        if spelled is None:
            return None
        tokens += spelled
        if len(tokens) < length and task.end_ids:
            tokens.append(min(task.end_ids))
            tokens += [min(task.padding_ids)] * (length - len(tokens))
        tokens = tokens[:length]
        agrees = all(
            fixed is None or token in fixed
            for fixed, token in zip(task.allowed, tokens, strict=False)
        )
        if len(tokens) < length or not agrees:
            return None
        return np.array(tokens, np.int64) if task.may_end(self._after(task, tokens)) else None

    def _canvas_with_gap(self, task: CanvasTask) -> Int64Array | None:
        """A text in the one gap between fixed tokens."""
        tokens = canvas_with_gap(
            self._machine, self._holes, self._speller, task, self._vocabulary.tokens
        )
        if tokens is None or not task.may_end(self._after(task, tokens)):
            return None
        return np.array(tokens, np.int64)

    def _after(self, task: CanvasTask, tokens: Sequence[int]) -> int:
        """The configuration after tokens of a canvas."""
        current = task.config
        for token in tokens:
            if current == ENDED:
                current = ENDED if token in task.padding_ids else 0
            elif token in task.end_ids:
                current = ENDED if self._machine.finishes(current) else 0
            else:
                current = self._machine.step(current, token)
        return current

    def _found(self, frozen: Frozen) -> Found | None:
        if frozen in self._shortest:
            self._shortest.move_to_end(frozen)
            return self._shortest[frozen]
        start = self._machine.thaw(frozen)
        if self._machine.suffix:
            # What follows may finish what is open, so that no estimate holds.
            text = self._holes.fill(start, b"")
            found = None if text is None else Found(text, is_shortest=False)
        else:
            found = shortest(self._estimate, self._steps, start)
        self._shortest[frozen] = found
        if len(self._shortest) > _REMEMBERED:
            self._shortest.popitem(last=False)
        return found

    def _make_room(self) -> None:
        """Forgets what earlier searches found where the memory is crowded."""
        if self._machine.full or self._machine.crowded:
            self._machine.reset()
            self._estimate.forget()


def _tokens_allowed(allowed: Allowed, length: int) -> list[list[int] | None]:
    """[L] the tokens of each position, None for all."""
    return [
        allowed.tokens[allowed.offsets[i] : allowed.offsets[i + 1]].tolist()
        if allowed.is_fixed[i]
        else None
        for i in range(length)
    ]
