"""The automata that a constraint is compiled to, and their bytes on disk: safetensors, deflated."""

from __future__ import annotations

import dataclasses
import json
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..automata import ByteAutomaton
from ..automata.token_automaton import TokenAutomaton
from .base import Language

_DESCRIPTION = "description"
_FASTEST = 1
"""zlib level: transition tables shrink tenfold, no more at the slower levels."""

_TYPES: dict[str, type[np.generic]] = {
    "accepting": np.bool_,
    "byte_class": np.uint8,
    "set_offsets": np.int64,
    "edge_offsets": np.int64,
}
"""The type of each array in memory; int32 for the others. On disk they are as narrow as can be."""

MAX_BYTES = 2**30
"""The most bytes of all arrays together that are stored or read."""

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

_NARROW: tuple[type[np.signedinteger[Any]], ...] = (np.int8, np.int16, np.int32)


class CompiledAutomata(NamedTuple):
    """What compiling costs, and all that it makes.

    language: over bytes; exact for texts of at most `capacity` bytes.
    tokens: `language` over the tokens of a vocabulary.
    """

    language: Language
    tokens: TokenAutomaton
    capacity: int

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, with those that posteriors derive from them and keep."""
        parts = (self.language.automaton, self.tokens)
        own = sum(array.nbytes for part in parts for array in _fields(part)[0].values())
        return own + 8 * (self.tokens.vocabulary_size + self.tokens.num_edges)


def to_bytes(automata: CompiledAutomata) -> bytes:
    """What `from_bytes` reads."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    description: dict[str, Any] = {
        "capacity": automata.capacity,
        "bounds": automata.language.bounds,
    }
    for name, automaton in (("bytes", automata.language.automaton), ("tokens", automata.tokens)):
        tables, description[name] = _fields(automaton)
        arrays.update({f"{name}.{field}": _narrowed(table) for field, table in tables.items()})
    arrays[_DESCRIPTION] = np.frombuffer(json.dumps(description).encode(), np.uint8)
    return zlib.compress(save(arrays), _FASTEST)


def from_bytes(data: bytes, vocabulary_size: int) -> CompiledAutomata | None:
    """The automata stored as `data`; None where it is not what `to_bytes` writes, or holds an index
    that leads out of its tables (compiled code uses them unchecked).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(zlib.decompressobj().decompress(data, MAX_BYTES))
        description = json.loads(arrays.pop(_DESCRIPTION).tobytes())
        # Copies: compiled code is made for arrays that may be written to, and would be made anew.
        tables: dict[str, dict[str, Any]] = {"bytes": {}, "tokens": {}}
        for name, array in arrays.items():
            part, _, field = name.partition(".")
            tables[part][field] = array.astype(_TYPES.get(field, np.int32), order="C")
        tables["tokens"].update((key, int(value)) for key, value in description["tokens"].items())
        automaton = ByteAutomaton(**tables["bytes"])
        tokens = TokenAutomaton(**tables["tokens"])
        bounds = tuple(str(bound) for bound in description["bounds"])
        capacity = int(description["capacity"])
        sound = _is_sound(automaton) and _are_sound(tokens, vocabulary_size)
    except (zlib.error, SafetensorError, *_MALFORMED):
        return None
    return CompiledAutomata(Language(automaton, bounds), tokens, capacity) if sound else None


def _fields(
    automaton: ByteAutomaton | TokenAutomaton,
) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The arrays of an automaton, and its numbers."""
    arrays, numbers = {}, {}
    for field in dataclasses.fields(automaton):
        value = getattr(automaton, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            numbers[field.name] = int(value)
    return arrays, numbers


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the narrowest signed type that holds them, in row-major order."""
    if array.dtype.kind == "i":
        low, high = int(array.min(initial=0)), int(array.max(initial=0))
        for narrow in _NARROW:
            limits = np.iinfo(narrow)
            if limits.min <= low and high <= limits.max:
                return array.astype(narrow, order="C")
    return np.ascontiguousarray(array)


def _is_sound(automaton: ByteAutomaton) -> bool:
    transitions, byte_class = automaton.transitions, automaton.byte_class
    return (
        transitions.ndim == 2
        and byte_class.shape == (256,)
        and automaton.accepting.shape == (len(transitions),)
        and len(transitions) > 0
        and int(byte_class.max()) < transitions.shape[1]
        and _within(transitions, -1, len(transitions))
    )


def _are_sound(tokens: TokenAutomaton, vocabulary_size: int) -> bool:
    states, edges, sets = tokens.num_states, tokens.num_edges, tokens.num_sets
    return (
        tokens.vocabulary_size == vocabulary_size
        and tokens.token_class.shape == (vocabulary_size,)
        and tokens.accepting.shape == tokens.distance.shape == (states,)
        and 0 <= tokens.start < states
        and -1 <= tokens.done < states
        and 0 <= tokens.num_classes <= vocabulary_size
        and _within(tokens.token_class, -1, tokens.num_classes)
        and _are_offsets(tokens.set_offsets, sets, len(tokens.set_classes))
        and tokens.set_classes.ndim == 1
        and _within(tokens.set_classes, 0, tokens.num_classes)
        and _are_offsets(tokens.edge_offsets, states, edges)
        and tokens.edge_set.shape == tokens.edge_target.shape == (edges,)
        and _within(tokens.edge_set, 0, sets)
        and _within(tokens.edge_target, 0, states)
        and _within(tokens.distance, 0, states)
    )


def _within(array: NDArray[Any], low: int, high: int) -> bool:
    """Whether every number is in low..high-1."""
    return array.size == 0 or (int(array.min()) >= low and int(array.max()) < high)


def _are_offsets(offsets: NDArray[Any], count: int, total: int) -> bool:
    """Whether `offsets` are those of `count` lists with `total` members together."""
    return (
        offsets.shape == (count + 1,)
        and int(offsets[0]) == 0
        and int(offsets[-1]) == total
        and int(np.diff(offsets).min(initial=0)) >= 0
    )
