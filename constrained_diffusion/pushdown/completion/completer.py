"""`Completer`: short texts that finish a configuration, and canvases to begin a search with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import LimitError, UnsatisfiableError
from ..machine import Frozen, Machine
from .estimate import Estimate
from .parser_costs import Piece
from .shortest import Found, shortest
from .spelling import Speller
from .steps import Steps

if TYPE_CHECKING:
    from ...vocabulary import Vocabulary

_REMEMBERED = 4096


class Completer:
    """Completes the configurations of a machine, in a memory of its own.

    Numbers of configurations are those of the given machine; its memory is read and not reset.
    """

    def __init__(self, machine: Machine, pieces: Sequence[Piece], vocabulary: Vocabulary) -> None:
        from ...automata.trie import text_token_ids

        self._outer = machine
        self._vocabulary = vocabulary
        self._machine = Machine(machine.tables, [])
        self._estimate = Estimate(self._machine, pieces)
        self._steps = Steps(self._estimate)
        text = set(text_token_ids(vocabulary))
        self._speller = Speller(
            [word if token in text else None for token, word in enumerate(vocabulary.tokens)]
        )
        self._shortest: OrderedDict[Frozen, Found | None] = OrderedDict()

    def shortest(self, config: int) -> bytes:
        """A shortest text, in characters, after which the text may end.

        Raises UnsatisfiableError where there is none, LimitError.
        """
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
        if tokens is None:
            raise UnsatisfiableError(
                f"the tokens of the vocabulary cannot spell a text that ends this one: {text!r}"
            )
        return tokens

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

    def _found(self, frozen: Frozen) -> Found | None:
        if frozen in self._shortest:
            self._shortest.move_to_end(frozen)
            return self._shortest[frozen]
        found = shortest(self._estimate, self._steps, self._thawed(frozen))
        self._shortest[frozen] = found
        if len(self._shortest) > _REMEMBERED:
            self._shortest.popitem(last=False)
        return found

    def _thawed(self, frozen: Frozen) -> int:
        """The number of a configuration in the own memory, with room for a search."""
        if self._machine.full or self._machine.crowded:
            self._machine.reset()
            self._estimate.forget()
        return self._machine.thaw(frozen)
