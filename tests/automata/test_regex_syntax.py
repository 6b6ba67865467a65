"""Syntax of both dialects, what is refused and where, and bounded work on hostile patterns."""

from __future__ import annotations

import gzip
import json
import random
import re
import time
from pathlib import Path

import pytest
from byte_languages import assert_canonical, random_text

from constrained_diffusion.automata import from_regex, same_language
from constrained_diffusion.automata.algebra import any_text, literal
from constrained_diffusion.errors import GrammarError, LimitError

SHARED = Path(__file__).parents[3] / "shared" / "data"


def matches(pattern: str, text: str, dialect: str = "python", match: str = "full") -> bool:
    return from_regex(pattern, dialect=dialect, match=match).accepts(text.encode())


PYTHON = [
    r"\t\n\r\f\v\a\\",
    r"\x41\u00e9\U0001f600",
    r"\N{BULLET}",
    r"\0\012\141",
    r"[\0-\x1f\]\-\b]",
]
PYTHON += ["[]a]", "[^]a]", "[a-]", "[-a]", r"[\[]", "[é-ü]", r"\.\-\ \/\é", "(?u)é", "(?i)\u0130"]
PYTHON += ["a{,3}", "a{2,}b{3}", "a{", "a{1", "a{x}", "{", "x{,}", "a{0}b", "(a?){2}", "(a+){2}"]
PYTHON += ["(a*){0,2}", "(a{2}){1,3}", "(a{2,3}){2}", "(?=a)*a", "()", "(|a)", "a||b", "(?:)", ""]
PYTHON += ["(?P<year>a)(?:b)(c)", "(?i:a)B", "(?-i:a)B", "(?i)a(?-i:b)", "(?s:.)", "(?m:^a$)"]
PYTHON += ["(?x)a b#c\n [ ] \\ ", "a(?#comment)*", "(?i)(?s)a."]


@pytest.mark.parametrize("pattern", PYTHON)
def test_python_syntax(pattern: str) -> None:
    """Whatever `re` reads, with texts of the characters that the pattern itself is made of."""
    rng = random.Random(pattern)
    pool = sorted({*pattern, *"abBé\n", "\x07", "\x08", "😀", "•"})
    automaton = from_regex(pattern)
    samples = ["", *pool, *("".join(rng.choices(pool, k=rng.randrange(2, 6))) for _ in range(300))]
    samples += [random_text(automaton, rng, 4).decode() for _ in range(20)]
    for text in samples:
        assert automaton.accepts(text.encode()) == bool(re.fullmatch(pattern, text)), text


ECMA = [  # pattern, texts that match as a whole, texts that do not (ECMAScript 2025, section 22.2)
    (r"\d", ["7"], ["٣", "a"]),
    (r"\w", ["a", "_", "Z"], ["é", "\u017f"]),
    (r"(?i:\w)", ["a", "\u017f", "\u212a"], ["é"]),
    (r"\W", ["é", "-"], ["a"]),
    (r"\s", ["\ufeff", "\u2028", "\u00a0", "\v"], ["\x1c", "\x85", "a"]),
    (".", ["a", "\x85", "😀"], ["\n", "\r", "\u2028", "\u2029", ""]),
    ("^a$", ["a"], ["a\n"]),
    (r"[^]", ["a", "\n"], [""]),
    ("[]", [], ["", "a"]),
    ("[]|a", ["a"], ["]"]),
    (r"\u{1F600}|\uD83D\uDE01", ["😀", "😁"], ["\ufffd"]),
    (r"[\u{1F600}-\u{1F602}]", ["😁"], ["😃"]),
    (r"\cJ\cj", ["\n\n"], ["cJ"]),
    (r"\0", ["\x00"], ["0"]),
    (r"\-\_\/\@\é", ["-_/@é"], []),
    (r"[\w-.]", ["-", ".", "a"], [","]),
    (r"[a-\d]", ["-", "a", "5"], ["b"]),
    ("a{,3}", ["a{,3}"], ["aa"]),
    ("{a}]", ["{a}]"], []),
    (r"\p{Lu}\P{L}", ["É1"], ["é1", "Éa"]),
    (r"\p{Letter}+\p{gc=Nd}", ["aÉ٣"], ["a"]),
    (r"\p{ASCII}\p{Any}", ["a😀"], ["éa"]),
    ("(?<name>a)b", ["ab"], ["a"]),
    ("(?i:straße)", ["STRAßE", "straẞe"], ["strasse"]),
    ("(?s:.)", ["\n"], []),
    (r"a\b.", ["a-"], ["ab", "aé\n"]),
    (r"aé\b", [], ["aé"]),
]


@pytest.mark.parametrize(("pattern", "accepted", "refused"), ECMA)
def test_ecma_syntax(pattern: str, accepted: list[str], refused: list[str]) -> None:
    automaton = from_regex(pattern, dialect="ecma")
    assert [text for text in accepted if not automaton.accepts(text.encode())] == []
    assert [text for text in refused if automaton.accepts(text.encode())] == []


def test_dollar_of_the_dialects() -> None:
    assert matches("^a$", "a\n", "python", "search")
    assert not matches("^a$", "a\n", "ecma", "search")


REFUSED = [  # pattern, column, part of the message
    ("a(b", 2, "unterminated group"),
    ("ab)", 3, "unbalanced"),
    ("a[b", 2, "unterminated character class"),
    ("a[z-a]", 3, "out of order"),
    ("ab*+", 3, "possessive"),
    ("a**", 3, "multiple repeat"),
    ("*a", 1, "nothing to repeat"),
    ("a|*", 3, "nothing to repeat"),
    ("^*", 2, "nothing to repeat"),
    ("a{3,2}", 2, "exceeds"),
    (r"(a)\1", 4, "backreference"),
    ("(?P<a>b)(?P=a)", 9, "backreference"),
    ("(?>a)", 1, "atomic"),
    ("(a)?(?(1)b|c)", 5, "conditional"),
    ("(?R)", 1, "recursive"),
    ("a\\", 2, "backslash"),
    ("(?P<1a>b)", 5, "group name"),
    ("a(?i)b", 2, "at its start"),
    ("(?z:a)", 3, "flag 'z'"),
    ("(?*a)", 1, "unknown group"),
    (r"\p{Greek}", 2, "general categories"),
    ("a(?#b", 2, "comment"),
]


@pytest.mark.parametrize(("pattern", "column", "message"), REFUSED)
def test_refusals_say_what_and_where(pattern: str, column: int, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)) as caught:
        from_regex(pattern)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert "\n" not in str(caught.value)


REFUSED_BY_RE = [r"\q", r"\xg1", r"\u12", r"\N{NO SUCH NAME}", r"[\w-z]", "[a", r"\8", r"[\8]"]
REFUSED_BY_RE += [r"\777", r"\U00110000"]


@pytest.mark.parametrize("pattern", REFUSED_BY_RE)
def test_refused_in_python_as_by_re(pattern: str) -> None:
    with pytest.raises(re.error):
        re.compile(pattern)
    with pytest.raises(GrammarError):
        from_regex(pattern)


NOT_ECMA = [
    r"\q",
    r"\A",
    r"\Z",
    r"\a",
    r"\1",
    r"\k<a>",
    r"\u{110000}",
    r"\c1",
    r"\01",
    "(?i)a",
    r"\x1",
]
NOT_ECMA += ["(?x:a)", r"\p{Script=Greek}", r"\pL", "a++", "(?#a)"]


@pytest.mark.parametrize("pattern", NOT_ECMA)
def test_refused_in_ecma(pattern: str) -> None:
    with pytest.raises(GrammarError):
        from_regex(pattern, dialect="ecma")


HOSTILE = [
    "(a|b)*a(a|b){40}",
    "((((a{1,100}b?){1,100}){1,100}){1,100}){1,100}",
    ".{1,1000000}",
    "a{999999999}",
    r"(\w{1,200}\s){1,200}",
    "(?:a(?!b)){100000}",
    "((a?b?){500}){500}c",
    "(a{1,999}){1,999}",
    "(?:(?!.{300}).)*(?<=.{300})",
    "(x+x+)+y(?:a|b|ab){0,50}" * 30,
    "(?=.*a.{30})(?=.*b.{30}).*",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_hostile_patterns_end_soon(pattern: str) -> None:
    began = time.monotonic()
    for match in ("full", "search"):
        try:
            from_regex(pattern, match=match)
        except LimitError as error:
            assert "\n" not in str(error)
    assert time.monotonic() - began < 60  # a bound on hangs, not a measurement


@pytest.mark.parametrize("nested", ["(" * 5000 + "a" + ")" * 5000, "(?=" * 300 + "a" + ")" * 300])
def test_deep_nesting_is_an_error(nested: str) -> None:
    with pytest.raises(GrammarError, match="nested deeper"):
        from_regex(nested)


def test_moderate_nesting_compiles() -> None:
    assert same_language(from_regex("(" * 90 + "a" + ")" * 90), literal(b"a"))
    assert same_language(from_regex("(?:" * 60 + "a" + ")?" * 60), from_regex("a?"))


def test_lone_surrogates_match_nothing() -> None:
    assert from_regex("\ud800").is_empty
    assert from_regex(r"[\ud800-\udfff]", dialect="ecma").is_empty
    assert same_language(from_regex(r"[\ud7ff-\ue000]"), from_regex("[\ud7ff\ue000]"))


def test_canonical_results() -> None:
    for pattern in (r"(?s).*", r"(?:\n|.)*", r"[\s\S]*?", "(?s)|.+", r"a{0}(?!b)?(?s:.*)"):
        assert same_language(from_regex(pattern), any_text())
    assert same_language(from_regex("(?i)ab|cd"), from_regex("[Cc][Dd]|[Aa][bB]"))
    assert same_language(from_regex("x(?!)"), from_regex("[^\\s\\S]"))
    assert_canonical(from_regex(r"\b\w+\b", match="search"))


def real_patterns() -> list[str]:
    folder = SHARED / "jsonschemabench"
    if not folder.exists():
        pytest.skip("needs the JSON Schema data next to the repository")
    found: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("pattern"), str):
                found.add(value["pattern"])
            for child in value.values():
                collect(child)
        elif isinstance(value, list):
            for child in value:
                collect(child)

    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                collect(json.loads(line)["schema"])
    return sorted(found)


def test_patterns_of_real_schemas() -> None:
    """In Python's dialect, so that `re` can judge texts of the language and damaged ones."""
    rng = random.Random(0)
    for pattern in rng.sample(real_patterns(), 150):
        if r"\w" in pattern or r"\W" in pattern:
            pattern = "(?a)" + pattern
        try:
            automaton = from_regex(pattern, match="search")
        except LimitError:
            continue
        if automaton.num_states > 5000:
            continue
        for _ in range(5):
            text = random_text(automaton, rng, rng.randrange(40)).decode()
            assert re.search(pattern, text), (pattern, text)
            at = rng.randrange(len(text) + 1)
            damaged = text[:at] + rng.choice("a0-é ") + text[at + 1 :]
            if len(damaged) < 60:
                found = bool(re.search(pattern, damaged))
                assert automaton.accepts(damaged.encode()) == found, (pattern, damaged)


def test_json_schema_test_suite() -> None:
    """The suite's own checks of ECMAScript regular expressions."""
    path = SHARED / "json-schema-test-suite/tests/draft2020-12/optional/ecmascript-regex.json"
    if not path.exists():
        pytest.skip("needs the JSON Schema Test Suite next to the repository")
    checked = 0
    for group in json.loads(path.read_text()):
        pattern = group["schema"].get("pattern")
        if pattern is None or "Script" in pattern:
            continue
        for test in group["tests"]:
            if isinstance(test["data"], str):
                found = matches(pattern, test["data"], "ecma", "search")
                assert found == test["valid"], (pattern, test)
                checked += 1
    assert checked > 40
