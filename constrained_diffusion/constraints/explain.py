"""Says where a text leaves a language, and what could have stood there."""

from __future__ import annotations

import numpy as np

from ..automata import ByteAutomaton

_CONTEXT = 30
_LISTED = 8


def failure(automaton: ByteAutomaton, text: str) -> tuple[int, str] | None:
    """None where `automaton` accepts `text`; else the offset (in code points) of the first
    character that cannot stand there, and in words what was expected instead.
    """
    offset, state = _advance(automaton, text.encode())
    if offset is None:
        if automaton.accepting[state]:
            return None
        return len(text), _expected(automaton, state)
    # Back to the start of the code point: what is expected is told in characters.
    position = len(text.encode()[:offset].decode(errors="ignore"))
    return position, _expected(automaton, _advance(automaton, text[:position].encode())[1])


def describe(text: str, position: int, expected: str) -> str:
    """One line: place, what stands there, what was expected. Lines and columns count from 1,
    columns in code points.
    """
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    found = "the text ends" if position >= len(text) else f"found {text[position]!r}"
    before = text[max(0, position - _CONTEXT) : position]
    after = f" after {before!r}" if before else ""
    return f"line {line}, column {column}: {found}{after}, expected {expected}"


def _advance(automaton: ByteAutomaton, data: bytes) -> tuple[int | None, int]:
    """The offset of the first byte that has no transition (None: all read), the last state."""
    state = 0
    for offset, byte in enumerate(data):
        target = int(automaton.transitions[state, automaton.byte_class[byte]])
        if target < 0:
            return offset, state
        state = target
    return None, state


def _expected(automaton: ByteAutomaton, state: int) -> str:
    targets = automaton.transitions[state, automaton.byte_class]
    allowed: list[int] = np.flatnonzero(targets >= 0).tolist()
    ends = bool(automaton.accepting[state])
    forced = _forced(automaton, state)
    if len(allowed) == 1 and not ends and len(forced) > 1:
        return repr(forced)
    return in_words(allowed, ends)


def in_words(allowed: list[int], ends: bool) -> str:
    """What may follow: bytes, ascending, and, if `ends`, the end of the text."""
    words = [_range(low, high) for low, high in _runs([byte for byte in allowed if byte < 0x80])]
    if any(byte >= 0x80 for byte in allowed):
        words.append("a character beyond ASCII")
    if ends:
        words.append("the end of the text")
    if not words:
        return "nothing (no text satisfies this constraint)"
    if len(words) > _LISTED:
        words = [*words[:_LISTED], "…"]
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _forced(automaton: ByteAutomaton, state: int, most: int = 40) -> str:
    """The text that must follow, as far as there is only one way on."""
    data = bytearray()
    while len(data) < most and not automaton.accepting[state]:
        targets = automaton.transitions[state, automaton.byte_class]
        allowed = np.flatnonzero(targets >= 0)
        if len(allowed) != 1:
            break
        data.append(int(allowed[0]))
        state = int(targets[allowed[0]])
    return data.decode(errors="ignore")


def _runs(values: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], int(value))
        else:
            runs.append((int(value), int(value)))
    return runs


def _range(low: int, high: int) -> str:
    if high - low < 2:
        return " or ".join(repr(chr(code)) for code in range(low, high + 1))
    return f"{chr(low)!r} to {chr(high)!r}"
