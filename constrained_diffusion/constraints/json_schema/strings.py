"""Automata of JSON strings.

Tests (patterns, formats, lengths, lists of values) speak of the decoded characters. They are
automata over decoded UTF-8, which `spelled` turns into automata over the text between the
quotation marks, by putting escapes in the place of the characters that cannot stand raw.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ...automata import ByteAutomaton, ByteSet, NfaBuilder, algebra, bytes_of
from ...automata.regex import from_regex
from ...automata.utf8 import ALL_CODE_POINTS, add_code_points
from ...errors import GrammarError, LimitError, SchemaError, UnsupportedSchemaError
from .automaton_cache import remembered
from .facts import StringFacts
from .formats import format_language
from .text import ESCAPES, is_writable, quote

Language = tuple[ByteAutomaton, tuple[str, ...]]
"""An automaton and, in words, by what it is narrower than the facts."""

_ESCAPED_BYTES = {ord(character): escape.encode() for character, escape in ESCAPES.items()}
_QUOTATION_MARK: ByteSet = bytes_of(b'"')
_RAW: ByteSet = bytes_of((0, 255)) & ~bytes_of(*_ESCAPED_BYTES)


def string_language(facts: StringFacts, *, capacity: int | None, max_states: int) -> Language:
    """The JSON strings, with their quotation marks, that satisfy `facts`; empty if none does.

    Args:
        facts: the tests.
        capacity: the most bytes that a text can have, or None; a `max_length` that no shorter
            text can exceed is not counted.
        max_states: bound on the states of an automaton.

    Raises:
        SchemaError: a pattern is no regular expression.
        UnsupportedSchemaError: a pattern that cannot be honoured, such as a backreference.
        LimitError: over `max_states`, as with a large `min_length`.
    """
    max_length = facts.max_length
    if capacity is not None and max_length is not None and max_length + 3 > capacity:
        max_length = None  # one character more, and the quotation marks, would not fit
    denied = tuple(
        _within(each, capacity)
        for each in facts.denied
        # None of these is so short that it fits.
        if capacity is None or each.min_length + 2 <= capacity
    )
    return _string_language(replace(facts, max_length=max_length, denied=denied), max_states)


def _within(facts: StringFacts, capacity: int | None) -> StringFacts:
    """`facts` without a `max_length` that no text of `capacity` bytes can exceed."""
    if capacity is None or facts.max_length is None or facts.max_length + 3 <= capacity:
        return facts
    return replace(facts, max_length=None)


@remembered
def _string_language(facts: StringFacts, max_states: int) -> Language:
    tests: list[ByteAutomaton] = []
    notes: list[str] = []
    for pattern, pointer in facts.patterns:
        automaton, note = pattern_language(pattern, pointer, max_states)
        tests.append(automaton)
        notes.append(note)
    for name in facts.formats:
        automaton, narrowing = format_language(name)
        tests.append(automaton)
        notes.append(f"format {name}: {narrowing}" if narrowing else "")
    found = tuple(note for note in notes if note)
    excluded = []
    for each in facts.denied:
        automaton, note = _at_most(each, max_states)
        excluded.append(automaton)
        if note:
            found += (note,)
    if facts.values is not None:
        return _listed(facts, tests, excluded), found
    is_counted = facts.min_length > 0 or facts.max_length is not None
    if not tests and not facts.denied:
        if is_counted:
            return counted_string(facts.min_length, facts.max_length, max_states), found
        return any_string(), found
    if is_counted:
        # Counting comes last: the product with a long counter is the largest.
        tests.append(length_language(facts.min_length, facts.max_length, max_states))
    decoded = tests[0] if tests else algebra.any_text()
    for test in tests[1:]:
        decoded = algebra.intersect(decoded, test, max_states=max_states)
    for automaton in excluded:
        decoded = algebra.difference(decoded, automaton, max_states=max_states)
    return spelled(decoded, max_states), found


def _at_most(facts: StringFacts, max_states: int) -> tuple[ByteAutomaton, str]:
    """Decoded strings, among them all that satisfy `facts`; a remark if there may be others.

    A format that is known by a narrower set of strings only is not looked at.
    """
    if facts.values is not None:
        writable = [value.encode() for value in facts.values if is_writable(value)]
        return algebra.choice(sorted(set(writable)), max_states=max_states), ""
    note = ""
    result = algebra.any_text()
    for pattern, pointer in facts.patterns:
        found = either_pattern_language(pattern, pointer, max_states)
        result = algebra.intersect(result, found, max_states=max_states)
    for name in facts.formats:
        automaton, narrowing = format_language(name)
        if narrowing:
            note = f"what the format {name} excludes under not, oneOf or if is left out"
        else:
            result = algebra.intersect(result, automaton, max_states=max_states)
    if facts.min_length > 0 or facts.max_length is not None:
        lengths = length_language(facts.min_length, facts.max_length, max_states)
        result = algebra.intersect(result, lengths, max_states=max_states)
    return result, note


def _listed(
    facts: StringFacts, tests: list[ByteAutomaton], excluded: list[ByteAutomaton]
) -> ByteAutomaton:
    """The values of a list that pass the other tests."""
    allowed = []
    for value in facts.values or ():
        if len(value) < facts.min_length:
            continue
        if facts.max_length is not None and len(value) > facts.max_length:
            continue
        data = value.encode(errors="surrogatepass")
        if not is_writable(value) or any(each.accepts(data) for each in excluded):
            continue
        if all(test.accepts(data) for test in tests):
            allowed.append(quote(value).encode())
    return algebra.choice(allowed)


def pattern_language(pattern: str, pointer: str, max_states: int) -> tuple[ByteAutomaton, str]:
    """The decoded strings in which `pattern` is found, and a remark if that was narrowed.

    JSON Schema means ECMA-262, many validators search with Python's `re`. Where the two find
    different strings, those that both find are taken.
    """
    try:
        automaton = from_regex(pattern, dialect="ecma", match="search", max_states=max_states)
    except GrammarError as error:
        raise _unreadable(pattern, pointer, error) from None
    try:
        other = from_regex(pattern, dialect="python", match="search", max_states=max_states)
    except GrammarError:
        return automaton, ""
    if algebra.same_language(automaton, other):
        return automaton, ""
    both = algebra.intersect(automaton, other, max_states=max_states)
    if algebra.same_language(automaton, both):
        return automaton, ""
    return both, f"pattern {pattern}: only what ECMAScript and Python both find"


@remembered
def either_pattern_language(pattern: str, pointer: str, max_states: int) -> ByteAutomaton:
    """The decoded strings in which ECMAScript or Python's `re` finds `pattern`."""
    pattern_language(pattern, pointer, max_states)  # raises what is wrong with it
    found = []
    for dialect in ("ecma", "python"):
        with contextlib.suppress(GrammarError):
            found.append(
                from_regex(pattern, dialect=dialect, match="search", max_states=max_states)
            )
    return algebra.union(*found, max_states=max_states)


def _unreadable(pattern: str, pointer: str, error: GrammarError) -> SchemaError:
    """Whether the pattern is wrong, or right but beyond what an automaton can do."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return SchemaError(f"the pattern {pattern!r} is no regular expression: {error}", pointer)
    return UnsupportedSchemaError(
        f"the pattern {pattern!r} cannot be honoured: {error}", pointer, "pattern"
    )


@remembered
def length_language(low: int, high: int | None, max_states: int) -> ByteAutomaton:
    """Decoded strings of `low` to `high` code points."""
    if high is not None and high < low:
        return algebra.EMPTY
    return algebra.repeat(_any_character(), low, high, max_states=max_states)


def counted_string(low: int, high: int | None, max_states: int) -> ByteAutomaton:
    """As `spelled(length_language(low, high))`, built in one step."""
    if high is not None and high < low:
        return algebra.EMPTY
    copies = low if high is None else high
    # The states of a character but the last, for each character: it is deterministic already.
    size = copies * (_spelled_character().num_states - 1)
    if size > max_states:
        raise LimitError(
            f"counting {copies:,} characters of a string takes {size:,} states, more than "
            f"{max_states:,}; lower minLength or maxLength, or raise max_states"
        )
    builder = NfaBuilder()
    mark = builder.mark()
    before, after = builder.add_states(2), 1
    builder.embed(_spelled_character(), before, after)
    distance = builder.repeat_block(mark, copies)
    # After k characters the string is in state `before` of copy k.
    for k in range(copies):
        builder.add_epsilon(after + k * distance, before + (k + 1) * distance)
    if high is None:
        builder.add_epsilon(after + copies * distance, before + copies * distance)
    start, end = builder.add_state(), builder.add_state()
    builder.add_edge(start, _QUOTATION_MARK, before)
    for k in range(low, copies + 1):
        builder.add_edge(before + k * distance, _QUOTATION_MARK, end)
    return builder.determinise(start, [end], max_states=max_states)


@lru_cache(maxsize=1)
def _spelled_character() -> ByteAutomaton:
    """One character of a JSON string as it is spelled, without quotation marks."""
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    _add_spelled(builder, _any_character(), start, end)
    return builder.determinise(start, [end])


@lru_cache(maxsize=1)
def _any_character() -> ByteAutomaton:
    builder = NfaBuilder()
    start, end = builder.add_states(2), 1
    add_code_points(builder, start, ALL_CODE_POINTS, end)
    return builder.determinise(start, [end])


@lru_cache(maxsize=1)
def any_string() -> ByteAutomaton:
    """All JSON strings in the one spelling."""
    return spelled(algebra.any_text())


@remembered
def other_keys(names: frozenset[str], max_states: int) -> ByteAutomaton:
    """All JSON strings but `names`."""
    writable = [name.encode() for name in sorted(names) if is_writable(name)]
    named = algebra.choice(writable, max_states=max_states)
    return spelled(algebra.complement(named, max_states=max_states), max_states)


def spelled(decoded: ByteAutomaton, max_states: int = 200_000) -> ByteAutomaton:
    """The JSON strings, with quotation marks, whose decoded characters `decoded` accepts."""
    builder = NfaBuilder()
    start, first, last, end = (builder.add_state() for _ in range(4))
    builder.add_edge(start, _QUOTATION_MARK, first)
    _add_spelled(builder, decoded, first, last)
    builder.add_edge(last, _QUOTATION_MARK, end)
    return builder.determinise(start, [end], max_states=max_states)


def _add_spelled(builder: NfaBuilder, decoded: ByteAutomaton, first: int, last: int) -> None:
    """Adds the spellings of the texts that `decoded` accepts between two states."""
    offset = builder.add_states(decoded.num_states)
    builder.add_epsilon(first, offset)
    for state in np.flatnonzero(decoded.accepting).tolist():
        builder.add_epsilon(offset + state, last)
    sources, columns, targets = decoded.edges
    raw_sets = [byte_set & _RAW for byte_set in decoded.class_sets]
    kept = np.array([bool(byte_set) for byte_set in raw_sets])[columns]
    builder.add_edges(sources[kept] + offset, raw_sets, columns[kept], targets[kept] + offset)
    escapes_of_class: dict[int, list[bytes]] = {}
    for byte, escape in _ESCAPED_BYTES.items():
        escapes_of_class.setdefault(int(decoded.byte_class[byte]), []).append(escape)
    after = decoded.transitions[:, list(escapes_of_class)].tolist()
    for state, targets_of_class in enumerate(after):
        ends: dict[int, list[bytes]] = {}
        for target, escapes in zip(targets_of_class, escapes_of_class.values(), strict=True):
            if target >= 0:
                ends.setdefault(target, []).extend(escapes)
        for target, escapes in ends.items():
            _add_escapes(builder, offset + state, escapes, offset + target)


def _add_escapes(builder: NfaBuilder, source: int, escapes: list[bytes], target: int) -> None:
    """Any of `escapes` leads from `source` to `target`; shared beginnings become shared states."""
    by_first: dict[int, list[bytes]] = {}
    last: ByteSet = 0
    for escape in escapes:
        if len(escape) == 1:
            last |= 1 << escape[0]
        else:
            by_first.setdefault(escape[0], []).append(escape[1:])
    if last:
        builder.add_edge(source, last, target)
    for first, rests in by_first.items():
        state = builder.add_state()
        builder.add_edge(source, 1 << first, state)
        _add_escapes(builder, state, rests, target)
