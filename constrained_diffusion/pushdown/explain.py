"""Where a machine stops reading a text, and what it would have read there."""

from __future__ import annotations

import numpy as np

from ..constraints.explain import describe, in_words
from .machine import Machine


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
    allowed = [byte for byte in range(0x80) if machine.run(bytes([byte]), config)]
    if any(machine.run(character, config) for character in _beyond_ascii(machine)):
        allowed.append(0x80)
    return describe(text, position, in_words(allowed, machine.finishes(config)))


def _beyond_ascii(machine: Machine) -> list[bytes]:
    """A character beyond ASCII of each class that has one."""
    _, first = np.unique(machine.tables.lexer.point_class[0x80:0xD800], return_index=True)
    return [chr(0x80 + point).encode() for point in first.tolist()]
