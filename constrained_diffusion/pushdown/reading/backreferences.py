"""Regular expressions with backreferences as ones without: in parts the same, in parts supersets.

`(?P<q>['"]).*?(?P=q)` is the alternation over the two quotes. For a group with infinitely many
texts, a few usual ones (DELIMITERS) are written out, and what else the terminal may match is given
apart, as a superset, so that a lexer can tell that it does not know what comes there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ...automata.automaton import ByteAutomaton
from ...automata.regex import ast, from_regex
from ...automata.regex.parser import parse
from ...errors import GrammarError, LimitError

DELIMITERS = ("EOF", "EOT", "END")
"""Texts that end here documents, as most people write them."""

ANYTHING = r"(?:[\s\S]*)"

_MAX_TEXTS = 16
_MAX_STATES = 1000

_TOKEN = re.compile(
    r"""
    (?P<named>\(\?P=(?P<reference>\w+)\))
    | (?P<number>\\[1-9][0-9]?)(?![0-9])
    | (?P<escape>\\(?s:.))
    | (?P<class>\[\^?\]?(?:\\(?s:.)|[^\]\\])*\])
    | (?P<comment>\(\?\#[^)]*\))
    | (?P<open>\((?:\?P<(?P<name>\w+)>)?)
    | (?P<close>\))
    | (?P<bar>\|)
    """,
    re.VERBOSE,
)

_NOT_COPIED = re.compile(r"\(\?(?!:)|\\[AbBZ1-9]|[$^]|[*+?}]\+")
"""What would mean something else in another place: assertions, flags, names, possessive repeats."""

_SCOPED_FLAGS = re.compile(r"\(\?(?:[aiLmsux]+|[aiLmsux]*-[imsx]+)[:)]")

_QUANTIFIER = re.compile(r"[*+?{]")


@dataclass(frozen=True)
class Expansion:
    """What stands for a pattern with backreferences. Where the pattern matches, the first of both
    that matches is `fed` with the same match, or `refused`.

    Attributes:
        fed: None if nothing of it could be written out.
        refused: None if `fed` is all of it.
        texts: the group's texts that were written out.
    """

    fed: str | None
    refused: str | None
    texts: tuple[str, ...] = ()


@dataclass
class _Group:
    name: str | None
    begin: int
    depth: int
    end: int = -1


@dataclass(frozen=True)
class _Scan:
    """The groups and backreferences of a pattern: (begin, end, name or number)."""

    groups: tuple[_Group, ...]
    references: tuple[tuple[int, int, str], ...]
    has_bar: bool
    """Whether it is an alternation as a whole."""

    def group(self, reference: str) -> _Group | None:
        """The closed group that a backreference means."""
        for number, group in enumerate(self.groups, 1):
            if reference in (group.name, str(number)) and group.end >= 0:
                return group
        return None


def refers_by_number(pattern: str) -> bool:
    """Whether a pattern holds a backreference like \\1."""
    return any(reference.isdigit() for _, _, reference in _scanned(pattern).references)


def expanded(pattern: str, *, flagged: bool = False) -> Expansion | None:
    """What stands for a pattern; None if it holds no backreference.

    Args:
        pattern: in Python's syntax; it must compile.
        flagged: whether flags are set for it that it does not show.
    """
    scan = _scanned(pattern)
    if not scan.references:
        return None
    # A flag that is set for a part of the pattern could hold at the reference and not at the group.
    uniform = not _SCOPED_FLAGS.search(pattern)
    if uniform and not flagged and not scan.has_bar:
        written = _written_out(pattern, scan)
        if written is not None:
            return written
    return Expansion(None, _superset(pattern, scan, uniform))


def _scanned(pattern: str) -> _Scan:
    groups: list[_Group] = []
    opened: list[_Group | None] = []
    references: list[tuple[int, int, str]] = []
    has_bar = False
    for token in _TOKEN.finditer(pattern):
        if token["named"]:
            references.append((token.start(), token.end(), token["reference"]))
        elif token["number"]:
            references.append((token.start(), token.end(), token["number"][1:]))
        elif token["open"]:
            captures = token["name"] is not None or not pattern.startswith("?", token.end())
            group = _Group(token["name"], token.end(), len(opened)) if captures else None
            opened.append(group)
            if group is not None:
                groups.append(group)
        elif token["close"] and opened:
            closed = opened.pop()
            if closed is not None:
                closed.end = token.start()
        elif token["bar"]:
            has_bar |= not opened
    return _Scan(tuple(groups), tuple(references), has_bar)


def _superset(pattern: str, scan: _Scan, uniform: bool) -> str:
    """Each reference becomes a copy of its group where that is a superset, else any text."""
    pieces, end = [], 0
    for begin, after, reference in scan.references:
        group = scan.group(reference)
        copied = ANYTHING
        if group is not None and uniform:
            text = pattern[group.begin : group.end]
            copied = ANYTHING if _NOT_COPIED.search(text) else f"(?:{text})"
        pieces += [pattern[end:begin], copied]
        end = after
    return "".join([*pieces, pattern[end:]])


def _written_out(pattern: str, scan: _Scan) -> Expansion | None:
    """The pattern with texts in the place of its one group that is referred to."""
    named = {reference for _, _, reference in scan.references}
    group = scan.group(named.pop())
    if named or group is None or group.depth > 0:
        return None
    text = pattern[group.begin : group.end]
    # The parenthesis and the name before it, and the parenthesis after it.
    before = pattern[: group.begin - (1 if group.name is None else len(f"(?P<{group.name}>"))]
    after = group.end + 1
    if _QUANTIFIER.match(pattern, after) or _NOT_COPIED.search(text):
        return None
    try:
        automaton = from_regex(text, max_states=_MAX_STATES)
        plain_start = _is_text(parse(before, "python"))
    except (GrammarError, LimitError):
        return None

    def instance(chosen: str, guard: str) -> str:
        pieces, end = [re.escape(chosen), guard], after
        for begin, stop, _ in scan.references:
            pieces += [pattern[end:begin], f"(?:{re.escape(chosen)})"]
            end = stop
        return "".join([*pieces, pattern[end:]])

    texts = _all_texts(automaton)
    if texts is not None and not any(
        one != other and other.startswith(one) for one in texts for other in texts
    ):
        # None is the beginning of another: which one it is depends on what is there alone, so that
        # the order does not matter.
        return Expansion(f"{before}(?:{'|'.join(instance(t, '') for t in texts)})", None, texts)
    usual = tuple(one for one in DELIMITERS if _is_first_choice(text, automaton, one))
    if not usual or not plain_start:
        return None
    guard = "" if re.match(r"(?:\\n|\n)(?![*?{])", pattern[after:]) else r"(?=\n)"
    return Expansion(
        f"{before}(?:{'|'.join(instance(one, guard) for one in usual)})",
        # With one of the usual texts, all that follows; with any other, the beginning is enough.
        rf"{before}(?:(?:{'|'.join(usual)})\n[\s\S]*|(?:{text}))",
        usual,
    )


def _is_text(node: ast.Node) -> bool:
    """Whether a pattern is a row of single characters."""
    parts = node.parts if isinstance(node, ast.Concat) else (node,)
    return all(
        isinstance(part, ast.Chars) and sum(high - low + 1 for low, high in part.points) == 1
        for part in parts
    )


def _is_first_choice(pattern: str, automaton: ByteAutomaton, text: str) -> bool:
    """Whether `text`, at the end of a line, is what the group tries first."""
    over_lines = bool((automaton.dense()[:, ord("\n")] >= 0).any())
    found = re.match(pattern, text + "\n")
    return not over_lines and found is not None and found[0] == text


def _all_texts(automaton: ByteAutomaton) -> tuple[str, ...] | None:
    """All texts of a language, None if they are more than _MAX_TEXTS."""
    dense = automaton.dense()
    waiting = [(0, b"")]
    found: list[bytes] = []
    # Every state leads to acceptance, so that many prefixes mean many texts, or long ones.
    for _ in range(1 << 12):
        if not waiting:
            return tuple(text.decode() for text in found)
        state, text = waiting.pop()
        if automaton.accepting[state]:
            found.append(text)
        for byte in np.flatnonzero(dense[state] >= 0).tolist():
            waiting.append((int(dense[state, byte]), text + bytes((byte,))))
        if len(found) + len(waiting) > _MAX_TEXTS:
            return None
    return None
