"""The language of a regular expression is what Python's own `re` matches."""

from __future__ import annotations

import random
import re

import pytest
from byte_languages import random_text
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from regex_strategies import patterns, texts

from constrained_diffusion.automata import algebra, from_regex


def agrees(pattern: str, samples: list[str]) -> None:
    full = from_regex(pattern)
    search = from_regex(pattern, match="search")
    for automaton in (full, search):
        assert algebra.difference(automaton, algebra.any_text()).is_empty, "only valid UTF-8"
    for text in samples:
        data = text.encode()
        assert full.accepts(data) == bool(re.fullmatch(pattern, text)), (pattern, text)
        assert search.accepts(data) == bool(re.search(pattern, text)), (pattern, text)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(patterns, st.lists(texts, min_size=10, max_size=30))
@example(r"(?:(?!ab).)*", ["", "a", "ab", "aab", "ba", "\n"])
@example(r"(?<!\ba)b|$", ["ab", "bab", "b", "a\n", ""])
@example(r"(?<=a(?=b))b|(?<!a(?!b))1", ["ab", "b", "a1", "1", "11"])
@example(r"(?!(?<=a)b)[ab]+", ["ab", "ba", "bb", "abab"])
@example(r"a$\n?|^b$", ["a", "a\n", "b\n", "b"])
@example(r"(?m)^a$|\Bb\b", ["b\na\n", "bb", "b", ""])
@example(r"\B", ["", "a", "aa", " "])
def test_agrees_with_re(pattern: str, samples: list[str]) -> None:
    try:
        re.compile(pattern)
    except re.error:
        assume(False)
    agrees(pattern, ["", "\n", *samples])


REAL_PATTERNS = [
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
    r"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{4,8}$",
    r"^(?!.*\.\.)[\w.]+(?<!\.)$",
    r"\/\*(\*(?!\/)|[^*])*\*\/",
    r'"(?!"").*?(?<!\\)(\\\\)*?"',
    r"^\d{3}-\d{4}$|^\(\d{3}\) ?\d{4}$",
    r"(?i)^(mon|tues|wednes)day$",
    r"\bcat\b|\bdog\b",
    r"^((?!mode)(?!Mode).)*$",
    r"(?x) \d+ (?# the unit ) \s* (?: kg | lb ) # weight",
    r"^\S+@\S+\.\w{2,}$",
    r"^[^\W\d_]\w*(?:\.[^\W\d_]\w*)*$",
]


@pytest.mark.parametrize("pattern", REAL_PATTERNS)
def test_real_patterns(pattern: str) -> None:
    """Texts drawn from our own automata must match; `re` judges damaged ones."""
    rng = random.Random(pattern)
    for match, oracle in (("full", re.fullmatch), ("search", re.search)):
        automaton = from_regex(pattern, match=match)
        for _ in range(60):
            text = random_text(automaton, rng, rng.randrange(30)).decode()
            assert oracle(pattern, text), text
            at = rng.randrange(len(text) + 1)
            damaged = text[:at] + rng.choice(["", "a", "-", "é", "\n", "9"]) + text[at + 1 :]
            assert automaton.accepts(damaged.encode()) == bool(oracle(pattern, damaged)), damaged


ONE_CHARACTER = [r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", ".", "(?i)[k-s]", "(?i)[^k-s]", "[^é]"]
ONE_CHARACTER += ["(?i)ß|\u0131", "(?ai)[k-s]", r"(?a)\w"]


@pytest.mark.parametrize("pattern", ONE_CHARACTER)
def test_one_character_over_all_of_unicode(pattern: str) -> None:
    automaton = from_regex(pattern)
    everything = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    matched = set(re.findall(pattern, "".join(everything)))
    unmatched = [character for character in everything if character not in matched]
    sample = [*min(matched, unmatched, key=len), *everything[::97]]
    table, accepting = automaton.dense(), automaton.accepting
    for character in sample:
        state = 0
        for byte in character.encode():
            state = table[state, byte] if state >= 0 else -1
        assert (state >= 0 and bool(accepting[state])) == (character in matched), character


def assert_same_end(pattern: str, text: str) -> None:
    agrees(pattern, [text, text + "\n", text + "\n\n", "\n" + text, text + "x", "x" + text])


ANCHORED = [
    "^a$",
    "a$",
    "^a",
    r"\Aa\Z",
    "^a|b$",
    "(^a|b$)",
    "(a|^)b($|c)",
    "^^a$$",
    "(?m)^a$",
    "^$",
]
ANCHORED += ["$", "(?:^a)|c", r"$\n", "^(?!b)a", "(?<!b)a$", "(?=a)|b", r"a(?=\n?$)", "^(?:a|b)$"]


@pytest.mark.parametrize("pattern", ANCHORED)
def test_anchors(pattern: str) -> None:
    for text in ("", "a", "b", "ab", "ac", "ba"):
        assert_same_end(pattern, text)
