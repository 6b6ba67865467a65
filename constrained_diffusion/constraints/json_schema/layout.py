"""Insignificant white space: where a compiled schema puts it and how much it allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ...automata import ByteAutomaton, NfaBuilder, bytes_of

Whitespace = Literal["compact", "spaced", "flexible"]

MAX_INDENT = 16

FLEXIBLE = (
    "white space stands only after '{', '[', ',' and ':' and before '}' and ']': at most one "
    f"space, or (not after ':') a line break and up to {MAX_INDENT} spaces"
)


@dataclass(frozen=True, eq=False)
class Layout:
    """The white space of JSON text.

    name: "compact", "spaced" or "flexible".
    comma, colon: the separators with what always follows them.
    gap, colon_gap: what may stand after an opening bracket and a comma and before a closing
        bracket, and after a colon; None for nothing.
    """

    name: Whitespace
    comma: bytes
    colon: bytes
    gap: ByteAutomaton | None = None
    colon_gap: ByteAutomaton | None = None

    def add(self, builder: NfaBuilder, source: int, mark: bytes, target: int) -> None:
        """An opening bracket with what may follow it."""
        self._add_gap_after(builder, source, mark, self.gap, target)

    def add_comma(self, builder: NfaBuilder, source: int, target: int) -> None:
        self._add_gap_after(builder, source, self.comma, self.gap, target)

    def add_colon(self, builder: NfaBuilder, source: int, target: int) -> None:
        self._add_gap_after(builder, source, self.colon, self.colon_gap, target)

    def add_close(self, builder: NfaBuilder, source: int, mark: bytes, target: int) -> None:
        """A closing bracket with what may precede it."""
        if self.gap is not None:
            after_gap = builder.add_state()
            builder.embed(self.gap, source, after_gap)
            source = after_gap
        builder.add_literal(source, mark, target)

    def _add_gap_after(
        self, builder: NfaBuilder, source: int, mark: bytes, gap: ByteAutomaton | None, target: int
    ) -> None:
        if gap is None:
            builder.add_literal(source, mark, target)
            return
        after_mark = builder.add_state()
        builder.add_literal(source, mark, after_mark)
        builder.embed(gap, after_mark, target)


@lru_cache(maxsize=3)
def layout_of(whitespace: Whitespace) -> Layout:
    """The layout of a name."""
    if whitespace == "compact":
        return Layout(whitespace, b",", b":")
    if whitespace == "spaced":
        return Layout(whitespace, b", ", b": ")
    return Layout(whitespace, b",", b":", _gap(line_break=True), _gap(line_break=False))


def _gap(*, line_break: bool) -> ByteAutomaton:
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    builder.add_epsilon(start, end)
    builder.add_edge(start, bytes_of(b" "), end)
    if line_break:
        state = builder.add_state()
        builder.add_edge(start, bytes_of(b"\n"), state)
        for _ in range(MAX_INDENT):
            builder.add_epsilon(state, end)
            after = builder.add_state()
            builder.add_edge(state, bytes_of(b" "), after)
            state = after
        builder.add_epsilon(state, end)
    return builder.determinise(start, [end])
