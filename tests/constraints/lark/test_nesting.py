"""The automaton of bounded nesting: exactly what Lark accepts, up to the depth."""

from __future__ import annotations

import random

import pytest
from nesting_oracle import bracket_depth, lark_accepts, random_text, texts

import constrained_diffusion as cd
from constrained_diffusion.pushdown.nesting import NestingLimits, nested

SMALL_LIMITS = NestingLimits(
    parser_states=400, work=5_000, states=5_000, steps=500_000, byte_states=5_000
)

BRACKETS = 'start: item*\nitem: "(" item* ")" | "[" item "]" | "x"\n'

SUMS = """
start: sum
sum: product | sum "+" product
product: atom | product "*" atom
atom: "1" | "(" sum ")"
"""

INDENTED = """
start: line+
line: NAME ":" _NEWLINE _INDENT line+ _DEDENT | NAME _NEWLINE
NAME: /[a-z]+/
_NEWLINE: /(\\n *)+/
%declare _INDENT _DEDENT
"""

# Shift before reduce: an "e" goes to the nearest "i".
DANGLING = 'start: s\ns: "i" s | "i" s "e" s | "x" | "(" s ")"\n'


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(
    ("text", "alphabet", "length"), [(BRACKETS, "()[]x", 6), (SUMS, "1+*()", 6)]
)
def test_all_short_texts_of_bracketed_grammars(text, alphabet, length, depth) -> None:
    grammar = cd.LarkGrammar(text, max_depth=depth)
    automaton = grammar.language().automaton
    for candidate in texts(alphabet, length):
        expected = lark_accepts(grammar, candidate) and bracket_depth(candidate) <= depth
        assert automaton.accepts(candidate.encode()) == expected, candidate


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_deep_texts(depth: int) -> None:
    automaton = cd.LarkGrammar(SUMS, max_depth=depth).language().automaton
    for deep in range(7):
        text = "1+(" * deep + "1" + ")" * deep
        assert automaton.accepts(text.encode()) == (deep <= depth)


def test_conflicts_are_resolved_as_lark_does() -> None:
    grammar = cd.LarkGrammar(DANGLING, max_depth=7)
    automaton = grammar.language().automaton
    for candidate in texts("iex()", 6):
        assert automaton.accepts(candidate.encode()) == lark_accepts(grammar, candidate), candidate


EXACT = [
    ('start: "a" ("b" | "c" "a")* "c"?\n', "abc", 7),
    # Left recursion needs no bound.
    ('start: list\nlist: "a" | list "," "a"\n', "a,b", 7),
    # A keyword is a name that stands for itself; the lexer knows which from where it is.
    (
        'start: stmt*\nstmt: "if" NAME ";" | NAME "=" NAME ";"\nNAME: /[a-z]+/\n%ignore " "\n',
        "if=; ",
        6,
    ),
    # The first alternative that matches wins, not the longest.
    ('start: (A | B | "b")*\nA.2: /a|ab/\nB: /abb/\n', "ab", 9),
    # Lookaround, lazy repetition, flags, letters beyond ASCII.
    ("start: (A | B)*\nA: /a(?=b)|(?<!b)é/i\nB: /b+?c?/\n", "abcéÉ", 5),
    # The parser takes the empty text.
    ('start: ("a" "b")?\n%ignore "c"\n', "abc", 6),
    ('start: \n%ignore "c"\n', "ac", 4),
]


@pytest.mark.parametrize("lexer", ["contextual", "basic"])
@pytest.mark.parametrize(("text", "alphabet", "length"), EXACT)
def test_grammars_that_need_no_bound_are_exact(text, alphabet, length, lexer) -> None:
    grammar = cd.LarkGrammar(text, lexer=lexer)
    language = grammar.language()
    assert language.bounds == ()
    for candidate in texts(alphabet, length):
        expected = lark_accepts(grammar, candidate)
        assert language.automaton.accepts(candidate.encode()) == expected, candidate
    assert cd.LarkGrammar(text, lexer=lexer, max_depth=1).language().bounds == ()


EARLEY = [
    ('start: a b\na: "x"*\nb: "x" "y" | "y"\n', "xyz", 7),
    # Ambiguous, and not LALR: the middle is nowhere to be seen.
    ('start: a | b\na: "x" "y" "a"\nb: "x" "y" "b"\n', "xyab", 5),
    ('start: A B?\nA: /a+/\nB: /ab/\n%ignore " "\n', "ab ", 7),
]


@pytest.mark.parametrize(("text", "alphabet", "length"), EARLEY)
def test_earley_grammars_that_need_no_bound_are_exact(text, alphabet, length) -> None:
    grammar = cd.LarkGrammar(text, parser="earley")
    language = grammar.language()
    assert language.bounds == ()
    for candidate in texts(alphabet, length):
        expected = lark_accepts(grammar, candidate)
        assert language.automaton.accepts(candidate.encode()) == expected, candidate


def test_ambiguous_nesting_is_sound_and_grows_with_the_depth() -> None:
    text = 'start: e\ne: e "+" e | "1" | "(" e ")"\n'
    missed = []
    for depth in (1, 2, 4):
        grammar = cd.LarkGrammar(text, parser="earley", max_depth=depth)
        automaton = grammar.language().automaton
        missed.append(0)
        for candidate in [*texts("1+()", 6), "(((1)))"]:
            accepted = automaton.accepts(candidate.encode())
            expected = lark_accepts(grammar, candidate)
            assert expected or not accepted, candidate
            missed[-1] += expected and not accepted
            # One "+" and one bracket are open at each level.
            assert accepted or not expected or 2 * bracket_depth(candidate) + 1 > depth
    assert missed[0] > missed[1] > missed[2] == 0


def test_right_recursion_is_bounded_and_named() -> None:
    language = cd.LarkGrammar('start: "x" start | "x"\n', max_depth=3).language()
    assert [n for n in range(9) if language.automaton.accepts(b"x" * n)] == [1, 2, 3]
    assert "'x'" in language.bounds[0]


def test_bounds_name_the_depth_and_the_brackets() -> None:
    (bound,) = cd.LarkGrammar(BRACKETS, max_depth=2).language().bounds
    assert bound == "nesting: at most 2 of '(', '[' open at a time"


def test_what_nests_deeper_is_accepted_all_the_same() -> None:
    vocabulary = cd.Vocabulary([*(bytes([byte]) for byte in range(256)), None], end_ids=[256])
    compiled = cd.compile(cd.LarkGrammar(BRACKETS, max_depth=1), vocabulary, length=8, cache=False)
    assert compiled.stats["engine"] == "token automaton" and compiled.bounds
    for candidate in texts("()[]x", 5):
        expected = lark_accepts(compiled.constraint, candidate)  # type: ignore[arg-type]
        assert compiled.accepts(candidate) == (compiled.explain(candidate) is None) == expected


def test_an_exact_automaton_decides_alone() -> None:
    grammar = cd.LarkGrammar('start: "a"*\n')
    assert not grammar.accepts_beyond("a") and not cd.LarkGrammar(BRACKETS).accepts_beyond("(")
    assert cd.LarkGrammar(BRACKETS, max_depth=1).accepts_beyond("((x))")


SMALL = ["arithmetic", "chess", "csv", "filter", "iso8601", "json", "markdown_table", "shell"]


@pytest.mark.parametrize("name", SMALL)
def test_lark_accepts_random_texts_of_the_bundled_grammars(name: str) -> None:
    grammar = cd.LarkGrammar.open(name)
    automaton = grammar.language().automaton
    rng = random.Random(name)
    for _ in range(40):
        text = random_text(automaton, rng)
        assert grammar.refusal(text) is None, text


def test_the_engine_is_chosen_by_size() -> None:
    engines = {name: cd.LarkGrammar.open(name).pushdown_parts() for name in ("json", "csv", "sql")}
    assert engines["json"] is None and engines["csv"] is None and engines["sql"] is not None
    assert cd.LarkGrammar.open("csv").language().bounds == ()
    (bound,) = cd.LarkGrammar.open("json").language().bounds
    assert int(bound.split()[3]) >= 3
    assert cd.LarkGrammar(INDENTED, postlex="python").pushdown_parts() is not None


def test_grammars_too_large_for_an_automaton() -> None:
    with pytest.raises(cd.LimitError, match="max_depth"):
        cd.LarkGrammar.open("sql").language()
    with pytest.raises(cd.LimitError, match="indented"):
        cd.LarkGrammar(INDENTED, postlex="python", max_depth=1).language()
    with pytest.raises(cd.LimitError, match="max_depth=40"):
        nested(cd.LarkGrammar.open("json").reading, 40, SMALL_LIMITS)


def test_operators_take_the_automaton() -> None:
    both = cd.LarkGrammar.open("arithmetic") & cd.Regex("[0-9+()]{5}")
    automaton = both.language().automaton
    assert automaton.accepts(b"(1+2)") and not automaton.accepts(b"(1+2") and not both.holes("")


def test_a_template_of_small_grammars_is_an_automaton() -> None:
    template = cd.Template("x = ", cd.Hole("sum", cd.LarkGrammar(SUMS)), ";")
    assert template.pushdown_parts() is None
    assert template.holes("x = (1+1);") == {"sum": "(1+1)"}
    assert template.parse("x = 1*1;")["sum"].data == "start"
