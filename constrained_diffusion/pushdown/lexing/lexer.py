"""Lexers as tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...errors import GrammarError
from ..tables import Int32Array, LexerTables
from .character_classes import BLANK, LINE_FEED, TAB, CharacterClasses
from .determinise import DEAD, NONE, Determiniser
from .limits import DEFAULT, LexerLimits
from .minimise import bit_rows, equal_states, matched_from
from .program import Program
from .specification import LexerSpecification
from .threads import Matched, Mover, Place


def build_lexers(
    lexers: Sequence[LexerSpecification],
    *,
    num_terminals: int,
    tab_length: int = 8,
    newline_terminals: Collection[int] = (),
    refused_terminal: int | None = None,
    limits: LexerLimits = DEFAULT,
) -> LexerTables:
    """Lexers that match as Python's `re` does, in the way of Lark's lexers.

    Lexer x of the tables is `lexers[x]`: at a position of the text, the first of its terminals
    whose pattern matches there, with the text that the pattern matches
    (`re.compile(pattern).match(text, position)`), renamed if a keyword matches all of that text.

    Args:
        num_terminals: all numbers of terminals are below it.
        tab_length: columns that a tab adds to an indentation.
        newline_terminals: those after whose matches the indentation counts.
        refused_terminal: what is matched where a lookahead leaves a match undecided for more than
            `limits.back` characters; a parser refuses it. None: patterns that can do so are errors.

    Raises:
        GrammarError: a pattern that is malformed or cannot be honoured, one that can match the
            empty text, a newline terminal whose match is decided by characters after it.
        LimitError: too many states or threads.
    """
    program = Program()
    patterns = {}
    for lexer in lexers:
        for keyword in lexer.keywords:
            program.keyword(keyword.pattern)
            patterns[keyword.keyword] = keyword.pattern
        for terminal in lexer.terminals:
            program.terminal(terminal.number, terminal.pattern)
            patterns[terminal.number] = terminal.pattern
    if newline_terminals:
        for point in (BLANK, TAB, LINE_FEED):
            program.set_number(((point, point),))
    classes = CharacterClasses(program.points)
    mover = Mover(program, classes.members, classes.count, limits)
    states = Determiniser(mover, classes.count, patterns, refused_terminal, limits)
    rows = {}
    for lexer in lexers:
        if lexer not in rows:
            rows[lexer] = _start_row(lexer, program, mover, states)
    states.run()
    _check_newlines(states, newline_terminals, patterns)
    start = np.array([rows[lexer] for lexer in lexers], np.int32)
    return _tables(
        states,
        classes,
        start.reshape(len(lexers), classes.count + 1),
        num_terminals,
        classes.columns(tab_length) if newline_terminals else np.zeros(classes.count, np.int32),
    )


def _start_row(
    lexer: LexerSpecification, program: Program, mover: Mover, states: Determiniser
) -> list[int]:
    """The start states after each class, and at the start of the text."""
    keywords: dict[int, list[tuple[int, int]]] = {}
    for one in lexer.keywords:
        pair = one.keyword, program.keyword(one.pattern)
        keywords.setdefault(one.terminal, []).append(pair)
    entries = [
        (program.terminal(one.number, one.pattern), mover.keywords(keywords.get(one.number, ())))
        for one in lexer.terminals
    ]
    known: dict[tuple[tuple[Place, ...], ...], int] = {}
    row = []
    for before in range(mover.start_of_text, -1, -1):
        closures = tuple(mover.closure(place, before) for place, _ in entries)
        if closures not in known:
            threads = []
            for terminal, (_, left), places in zip(lexer.terminals, entries, closures, strict=True):
                for thread in mover.threads(places, left):
                    if isinstance(thread, Matched):
                        raise GrammarError(
                            f"terminal pattern /{terminal.pattern}/ can match the empty text; let "
                            "it match at least one character"
                        )
                    threads.append(thread)
            known[closures] = states.start(threads)
        row.append(known[closures])
        if not any(mover.is_contextual(place) for place, _ in entries):
            return row * (mover.start_of_text + 1)
    return row[::-1]


def _check_newlines(
    states: Determiniser, newline_terminals: Collection[int], patterns: Mapping[int, str]
) -> None:
    for terminals, backs in (
        (states.match, states.match_back),
        (states.end_match, states.end_back),
    ):
        for terminal, back in zip(terminals, backs, strict=True):
            if back > 0 and terminal in newline_terminals:
                raise GrammarError(
                    f"terminal pattern /{patterns[terminal]}/ of a post-lexer's newlines looks "
                    "ahead after its match; an indentation is counted up to the last character "
                    "only, so write it without the lookahead"
                )


def _tables(
    states: Determiniser,
    classes: CharacterClasses,
    start: Int32Array,
    num_terminals: int,
    column: Int32Array,
) -> LexerTables:
    own = [
        (1 << match if match >= 0 else 0) | (1 << at_end if at_end >= 0 else 0)
        for match, at_end in zip(states.match, states.end_match, strict=True)
    ]
    reachable = matched_from(states.edges, own)
    is_start = np.array(states.is_start)
    alive = is_start | np.array([terminals != 0 for terminals in reachable])
    following = states.table()
    following[~alive[following]] = DEAD
    fields = np.array(
        [states.match, states.match_back, states.end_match, states.end_back, states.keep],
        np.int32,
    )
    fields[:, ~alive] = np.array([[NONE], [0], [NONE], [0], [0]])
    _, labels = np.unique(np.vstack([fields, is_start, alive]), axis=1, return_inverse=True)
    blocks = equal_states(following, labels.ravel())
    _, first, block = np.unique(blocks, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order))
    new = number[block.ravel()]
    kept = first[order]
    match, match_back, end_match, end_back, keep = map(np.ascontiguousarray, fields[:, kept])
    return LexerTables(
        point_class=classes.point_class,
        column=column,
        next=new[following[kept]],
        match=match,
        match_back=match_back,
        end_match=end_match,
        end_back=end_back,
        keep=keep,
        is_start=is_start[kept],
        start=new[start],
        reachable=bit_rows([reachable[state] for state in kept.tolist()], num_terminals),
    )
