"""Post-lexers that are finite transducers over terminals, stated as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...errors import GrammarError

if TYPE_CHECKING:
    from lark import Token


@dataclass(frozen=True)
class Transition:
    """What a transducer does with a terminal.

    Attributes:
        state: the state that it is in.
        terminal: the terminal that the lexer gives; None is every one that no other transition of
            this state names.
        output: the terminals that go to the parser; None is the terminal itself.
        target: the state after it.
    """

    state: str
    terminal: str | None
    output: tuple[str | None, ...]
    target: str


@dataclass(frozen=True)
class TokenTransducer:
    """A post-lexer that decides by terminals alone: what it emits for one, and what state follows.

    It is a post-lexer for Lark, `Lark(grammar, parser="lalr", postlex=transducer)`, and its tables
    say the same to the compiler. A terminal without a transition is passed on and the state stays.

    Every token keeps its text. The tokens that were read and not emitted yet form a queue; an
    emitted terminal takes the first token of its type out of it, with the texts of those before it
    put in front of its own. If the queue holds none of that type, a token of empty text is made.

    With the contextual lexer, Lark chooses the terminals that it looks for by what the parser got,
    not by what is still withheld.

    Attributes:
        start: the state before the first token.
        transitions: at most one for a state and a terminal.
        endings: for a state, the terminals that go to the parser at the end of the text.
        always_accept: terminals that the contextual lexer looks for in every parser state.

    Raises:
        GrammarError: two transitions for one state and terminal, or two endings for one state.
    """

    start: str
    transitions: tuple[Transition, ...]
    endings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    always_accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self._table) < len(self.transitions):
            raise GrammarError(
                "a token transducer has two transitions for one state and terminal; keep one"
            )
        if len(self._endings) < len(self.endings):
            raise GrammarError("a token transducer has two endings for one state; keep one")

    @cached_property
    def _table(self) -> dict[tuple[str, str | None], Transition]:
        return {(edge.state, edge.terminal): edge for edge in self.transitions}

    @cached_property
    def _endings(self) -> dict[str, tuple[str, ...]]:
        return dict(self.endings)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """All states, the first one first."""
        named = [self.start]
        for edge in self.transitions:
            named += [edge.state, edge.target]
        named += [state for state, _ in self.endings]
        return tuple(dict.fromkeys(named))

    def step(self, state: str, terminal: str) -> tuple[tuple[str, ...], str]:
        """The terminals that are emitted for one, and the state after it."""
        edge = self._table.get((state, terminal)) or self._table.get((state, None))
        if edge is None:
            return (terminal,), state
        return tuple(terminal if name is None else name for name in edge.output), edge.target

    def ending(self, state: str) -> tuple[str, ...]:
        """The terminals that are emitted at the end of the text."""
        return self._endings.get(state, ())

    @property
    def made(self) -> frozenset[str]:
        """The terminals that transitions and endings name as their output."""
        named = [name for edge in self.transitions for name in edge.output if name is not None]
        named += [name for _, output in self.endings for name in output]
        return frozenset(named)

    def process(self, stream: Iterable[Token]) -> Iterator[Token]:
        """Lark's interface of a post-lexer."""
        state = self.start
        queue: list[Token] = []
        last: Token | None = None
        for last in stream:
            queue.append(last)
            output, state = self.step(state, last.type)
            for name in output:
                yield _taken(queue, name, last)
        for name in self.ending(state):
            yield _taken(queue, name, last)


def _taken(queue: list[Token], name: str, last: Token | None) -> Token:
    """The first token of a type, out of the queue and with the texts before it; or a new one."""
    from lark import Token

    for place, token in enumerate(queue):
        if token.type == name:
            text = "".join(map(str, queue[: place + 1]))
            del queue[: place + 1]
            return token if text == str(token) else token.update(value=text)
    return Token(name, "") if last is None else Token.new_borrow_pos(name, "", last)
