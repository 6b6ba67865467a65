"""One text, spelled as a language reads it, with the way back to where its pieces came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spelling:
    """`text` is what an automaton decides; it stands for another text, the original.

    pieces: what `text` begins with, in order: offset in the original, how it is spelled there, how
        here. What follows them in `text` follows them verbatim in the original, from `rest` on.
    """

    text: str
    pieces: tuple[tuple[int, str, str], ...] = ()
    rest: int = 0

    def original_offset(self, offset: int) -> int:
        """Where in the original the character at `offset` of `text` stands.

        Inside a piece whose spelling differs it is the piece's beginning.
        """
        passed = 0
        for start, original, spelled in self.pieces:
            if offset < passed + len(spelled):
                return start + (offset - passed if original == spelled else 0)
            passed += len(spelled)
        return self.rest + offset - passed
