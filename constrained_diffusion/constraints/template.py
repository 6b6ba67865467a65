"""Templates: literal text with named holes, each hole under a constraint of its own.

Holes need no length: a template is the concatenation of its parts, so where a hole ends is
decided by the posterior, and the text after it slides into place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..automata import ByteAutomaton, algebra
from ..errors import ConstrainedDiffusionError
from .base import (
    Constraint,
    Language,
    Literal,
    PushdownParts,
    merge_bounds,
    parts_in_sequence,
)


@dataclass(frozen=True)
class Hole:
    """A named place in a template, filled by a text that satisfies `constraint`."""

    name: str
    constraint: Constraint

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConstrainedDiffusionError("a hole needs a name")
        if not isinstance(self.constraint, Constraint):
            raise ConstrainedDiffusionError(
                f"hole {self.name!r} needs a constraint, got {type(self.constraint).__name__}"
            )


@dataclass(frozen=True, init=False)
class Template(Constraint):
    """`Template("Dear ", Hole("name", Regex("[A-Z][a-z]+")), ",")`.

    Where a text can be split over the holes in several ways, the split with the shortest first
    hole is reported, then with the shortest second one, and so on.
    """

    parts: tuple[str | Hole, ...]

    def __init__(self, *parts: str | Hole) -> None:
        names: set[str] = set()
        for part in parts:
            if isinstance(part, Hole):
                if part.name in names:
                    raise ConstrainedDiffusionError(
                        f"the hole {part.name!r} stands twice in the template; equal text in two "
                        "places cannot be guaranteed, give each hole its own name"
                    )
                names.add(part.name)
            elif not isinstance(part, str):
                raise ConstrainedDiffusionError(
                    f"a template takes texts and holes, got {type(part).__name__}"
                )
        object.__setattr__(self, "parts", parts)

    def _constraints(self) -> list[Constraint]:
        return [part.constraint if isinstance(part, Hole) else Literal(part) for part in self.parts]

    def language(self, capacity: int | None = None) -> Language:
        languages = [constraint.language(capacity) for constraint in self._constraints()]
        automaton = algebra.concatenate(*(language.automaton for language in languages))
        return Language(automaton, merge_bounds(languages))

    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts | None:
        return parts_in_sequence(self._constraints(), capacity)

    def holes(self, text: str) -> dict[str, str]:
        data = text.encode()
        split = _split([_reader(constraint) for constraint in self._constraints()], data)
        if split is None:
            return {}
        return {
            part.name: data[start:end].decode()
            for part, (start, end) in zip(self.parts, split, strict=True)
            if isinstance(part, Hole)
        }

    def parse(self, text: str) -> Any:
        """A dict of the holes' values, each parsed by its own constraint."""
        filled = self.holes(text)
        return {
            part.name: part.constraint.parse(filled[part.name])
            for part in self.parts
            if isinstance(part, Hole) and part.name in filled
        }

    def alternatives(self, name: str) -> list[tuple[str, Constraint]]:
        """`name` is a hole's name, with a JSON pointer behind it where the hole holds JSON."""
        hole_name, slash, pointer = name.partition("/")
        for index, part in enumerate(self.parts):
            if isinstance(part, Hole) and part.name == hole_name:
                before, after = self.parts[:index], self.parts[index + 1 :]
                return [
                    (value, Template(*before, Hole(hole_name, narrowed), *after))
                    for value, narrowed in part.constraint.alternatives(slash + pointer)
                ]
        known = [part.name for part in self.parts if isinstance(part, Hole)]
        raise ConstrainedDiffusionError(
            f"the template has no hole {hole_name!r}; its holes are {', '.join(known) or 'none'}"
        )


class _Reader(Protocol):
    def ends(self, data: bytes, start: int) -> list[int]:
        """Every offset at which a text of the part that starts at `start` may end."""
        ...


@dataclass(frozen=True)
class _AutomatonReader:
    automaton: ByteAutomaton

    def ends(self, data: bytes, start: int) -> list[int]:
        found = [start] if self.automaton.accepting[0] else []
        state = 0
        for offset in range(start, len(data)):
            state = self.automaton.run(data[offset : offset + 1], state)
            if state < 0:
                break
            if self.automaton.accepting[state]:
                found.append(offset + 1)
        return found


def _reader(constraint: Constraint) -> _Reader:
    parts = constraint.pushdown_parts()
    if parts is None:
        return _AutomatonReader(constraint.language().automaton)
    from ..pushdown.reader import PartsReader

    return PartsReader.of(parts.pieces)


def _split(readers: list[_Reader], data: bytes) -> list[tuple[int, int]] | None:
    """The first and last offset of each part in `data`, earlier parts as short as can be."""
    count = len(readers)
    # ends[k][i]: where part k may end when it starts at i, of those from which the rest parses.
    finishes: list[set[int]] = [set() for _ in range(count)] + [{len(data)}]
    ends: list[dict[int, list[int]]] = [{} for _ in range(count)]
    starts = _possible_starts(readers, data)
    for k in range(count - 1, -1, -1):
        for start in starts[k]:
            reachable = [end for end in readers[k].ends(data, start) if end in finishes[k + 1]]
            if reachable:
                ends[k][start] = reachable
                finishes[k].add(start)
    if 0 not in finishes[0]:
        return None
    split, position = [], 0
    for k in range(count):
        end = min(ends[k][position])
        split.append((position, end))
        position = end
    return split


def _possible_starts(readers: list[_Reader], data: bytes) -> list[set[int]]:
    starts = [{0}]
    for reader in readers[:-1]:
        starts.append({end for start in starts[-1] for end in reader.ends(data, start)})
    return starts
