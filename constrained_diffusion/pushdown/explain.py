"""Where a machine stops reading a text, and what it would have read there."""

from __future__ import annotations

from ..constraints.explain import describe, in_words
from .machine import Machine

_BEGINS_CHARACTERS = [*range(0x80), *range(0xC2, 0xF5)]


def place_of_failure(machine: Machine, text: str) -> str:
    """One line: the place of the first character that the machine does not read (or the end of the
    text, where it reads all of it), what stands there, and what could. May reset the machine."""
    config, position = machine.run(b""), 0
    for character in text:
        after = machine.run(character.encode(), config)
        if after == 0:
            break
        config = after
        position += 1
    if machine.crowded:
        config = machine.carried(config)
    allowed = [byte for byte in _BEGINS_CHARACTERS if machine.run(bytes([byte]), config)]
    return describe(text, position, in_words(allowed, machine.finishes(config)))
