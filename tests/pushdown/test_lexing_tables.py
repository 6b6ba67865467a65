"""What holds for lexer tables besides their matches, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from lexing_reader import match_at, match_of_re

from constrained_diffusion.errors import GrammarError, LimitError
from constrained_diffusion.pushdown.lexing import (
    Keyword,
    LexerLimits,
    LexerSpecification,
    TerminalPattern,
    build_lexers,
)


def lexer(*patterns: str, keywords: tuple[Keyword, ...] = ()) -> LexerSpecification:
    return LexerSpecification(
        tuple(TerminalPattern(number, pattern) for number, pattern in enumerate(patterns)), keywords
    )


LEXERS = [
    lexer(r"[a-z]+", r"\d+(?!\.\.)", r'"(\\.|[^"])*"', keywords=(Keyword(0, 5, "if"),)),
    lexer(r"[a-z]+", r"\s+"),
    LexerSpecification(()),
    lexer(r"[a-z]+", r"\s+"),
    lexer(r"(?<!-)[a-z]", r"-"),
]


def test_no_edge_leads_to_a_start_state_or_to_a_hopeless_one() -> None:
    tables = build_lexers(LEXERS, num_terminals=70)
    targets = np.unique(tables.next)
    assert not tables.is_start[targets].any()
    assert tables.reachable[targets[1:]].any(axis=1).all()
    assert not tables.next[0].any() and targets[0] == 0
    assert tables.is_start[tables.start].all() and (tables.start > 0).all()


def test_dtypes_and_shapes() -> None:
    tables = build_lexers(LEXERS, num_terminals=70)
    states, classes = tables.next.shape
    expected = {
        "point_class": ((0x110000,), np.uint16),
        "column": ((classes,), np.int32),
        "next": ((states, classes), np.int32),
        "is_start": ((states,), np.bool_),
        "start": ((len(LEXERS), classes + 1), np.int32),
        "reachable": ((states, 2), np.uint64),
    }
    for name in ("match", "match_back", "end_match", "end_back", "keep"):
        expected[name] = ((states,), np.int32)
    found = {name: (array.shape, array.dtype) for name, array in tables._asdict().items()}
    assert found == expected
    assert all(array.flags.c_contiguous for array in tables)


def test_equal_lexers_and_equal_rests_share_states() -> None:
    tables = build_lexers(LEXERS, num_terminals=6)
    assert (tables.start[1] == tables.start[3]).all()
    letter = tables.point_class[ord("z")]
    after = {int(tables.next[tables.start[x, -1], letter]) for x in (0, 1)}
    assert len(after) == 1


def test_a_state_depends_on_the_character_before_only_where_a_pattern_does() -> None:
    tables = build_lexers(LEXERS, num_terminals=6)
    assert len(set(tables.start[0].tolist())) == 1
    assert len(set(tables.start[4].tolist())) == 2


def test_a_lexer_without_terminals_waits_for_the_end() -> None:
    tables = build_lexers(LEXERS, num_terminals=6)
    state = tables.start[2, -1]
    assert not tables.next[state].any() and tables.end_match[state] == -1


def test_no_lexers() -> None:
    tables = build_lexers([], num_terminals=3)
    assert tables.start.shape == (0, 2) and tables.next.shape == (1, 1)


def test_blank_tab_and_line_feed_are_classes_of_their_own_where_columns_count() -> None:
    tables = build_lexers(
        [lexer(r"\n\s*", ".")], num_terminals=2, tab_length=4, newline_terminals=[0]
    )
    for character, added in ((" ", 1), ("\t", 4), ("\n", -1)):
        own = tables.point_class[ord(character)]
        assert (tables.point_class == own).sum() == 1
        assert tables.column[own] == added
    assert np.count_nonzero(tables.column) == 3
    assert not build_lexers([lexer(r"\n\s*")], num_terminals=1).column.any()


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a)\1", "backreference"),
        (r"(?P<q>a)b(?P=q)", "backreference"),
        (r"(?>a)b", "atomic"),
        (r"a++b", "possessive"),
        (r"(a)?(?(1)b|c)", "conditional"),
        (r"(?<=ab*)c", "fixed width"),
        (r"(?<=ab)c", "lookbehind of 2 characters"),
        (r"(?<=\ba)c", "lookbehind"),
        (r"a*", "empty"),
        (r"(?<!a)b?", "empty"),
        (r"(a", "unterminated"),
    ],
)
def test_what_cannot_be_honoured_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(GrammarError, match=reason) as caught:
        build_lexers([lexer(pattern)], num_terminals=1)
    assert pattern in str(caught.value)


def test_a_newline_that_looks_ahead_is_refused() -> None:
    specification = lexer(r"\n+(?!#)", ".")
    build_lexers([specification], num_terminals=2)
    with pytest.raises(GrammarError, match="newlines"):
        build_lexers([specification], num_terminals=2, newline_terminals=[0])
    build_lexers([specification], num_terminals=2, newline_terminals=[1])


@pytest.mark.parametrize(
    "pattern",
    [
        r"((a{1,100}){1,100}){1,100}",
        r"[ab]*a[ab]{40}c",
        r"a(?=.*z)",
        r"(?:(?=[ab]*a[ab]{20}c)[ab])+",
        r"(?:(?:a?){60}(?:b?){60}){60}c",
    ],
)
def test_exponential_patterns_end_in_a_limit(pattern: str) -> None:
    with pytest.raises(LimitError, match="use"):
        build_lexers(
            [lexer(pattern)], num_terminals=1, limits=LexerLimits(states=5000, steps=300_000)
        )


def test_patterns_that_make_backtracking_exponential_do_not_here() -> None:
    tables = build_lexers([lexer(r"(?:a|aa)*(?:a|aa)*b", r"(?:(?:a*)*)*c")], num_terminals=2)
    assert len(tables.next) < 50
    assert match_at(tables, 0, "a" * 200 + "c", 0) == (1, 201)


@pytest.mark.parametrize("pattern", [r"[a-z]+(?=-*=)", r"[a-z]+(?!-*=)", r"[a-z]+?(?=.*=)-?"])
def test_a_match_that_is_undecided_for_long_is_refused(pattern: str) -> None:
    specification = lexer(pattern, "[a-z]", "[-=]+")
    with pytest.raises(LimitError, match="shorter lookahead"):
        build_lexers([specification], num_terminals=3)
    tables = build_lexers(
        [specification], num_terminals=4, refused_terminal=3, limits=LexerLimits(back=5)
    )
    counts = {True: 0, False: 0}
    for letters, lines, end in product(range(1, 3), range(9), ("", "=", "a", "=-")):
        text = "a" * letters + "-" * lines + end
        for place in range(len(text)):
            found = match_at(tables, 0, text, place)
            refused = found is not None and found[0] == 3
            if not refused:
                assert found == match_of_re(specification, text, place)
            counts[refused] += 1
    assert min(counts.values()) > 20


def test_long_repeats() -> None:
    tables = build_lexers([lexer(r"x{0,20000}y", r"x{3000}")], num_terminals=2)
    assert match_at(tables, 0, "x" * 20000 + "y", 0) == (0, 20001)
    assert match_at(tables, 0, "x" * 20001 + "y", 0) == (1, 3000)
    assert match_at(tables, 0, "x" * 2999, 0) is None
