"""Bad grammars: a GrammarError with the place and what to change, or a LimitError."""

from __future__ import annotations

import pytest

import constrained_diffusion as cd

BOTH = ("lalr", "earley")

BAD = [
    # (name, grammar, line, column, words of the message)
    ("bracket", 'start: "a" |\n  b c )\n', 2, 5, "'c'"),
    ("no colon", 'start "a"\n', 1, 7, "colon"),
    ("character", 'start: "a" $\n', 1, 12, "'$'"),
    ("open string", 'start: "b" "a\n', 1, 12, "close the string"),
    ("undefined rule", 'start: "a" foo\n', 1, 12, "rule foo"),
    ("undefined rule within", 'start: a foo\na: "foo" //foo\n  | foo\nfoo: bar', 4, 6, "rule bar"),
    ("undefined terminal", 'start: "FOO" FOO\n', 1, 14, "terminal FOO"),
    ("undefined in a terminal", 'start: A\nA: B "x"\n', 2, 4, "terminal B"),
    ("undefined start", 'foo: "a"\n', 1, 1, "no rule 'start'"),
    ("empty text", "", 1, 1, "no rule 'start'"),
    ("left-recursive terminal", 'start: A\nA: A "x" | "y"\n', 2, 1, "terminal A is defined by"),
    ("terminals in a circle", 'start: A\nA: B "x"\nB: A "y"\n', 2, 1, "is defined by itself"),
    ("rule in a terminal", 'start: A\nA: start "x"\n', 2, 1, "uses the rule start"),
    ("endless rule", 'start: "b" a\na: a "x" | "y" a\n', 2, 1, "never ends"),
    ("endless start", 'start: start "a"\n', 1, 1, "never ends"),
    ("empty match", "start: A\nA: /x*/\n", 2, 1, "A matches the empty text"),
    ("empty match, no name", 'start: "x" /y*/ "b"\n', 1, 12, "/y*/ matches the empty text"),
    ("empty literal", 'start: "b" ""\n', 1, 12, "empty literal"),
    ("bad regex", "start: A\nA: /x(/\n", 2, 4, "/x(/ is no regular expression"),
    ("bad regex, no name", 'start: "a" /x(/\n', 1, 12, "missing )"),
    ("bad regex, alternative", 'start: A\nA: /x(/ | "foo"\n', 2, 4, "missing )"),
    ("unicode property", "start: A\nA: /\\p{L}+/\n", 2, 4, "\\p"),
    ("bad escape", 'start: "a" "\\x"\n', 1, 12, "double the backslash"),
    ("ignored, undefined", 'start: "a"\n%ignore WS\n', 2, 9, "WS is ignored"),
    ("imported from nowhere", "start: FOO\n%import nope.FOO\n", 2, 1, "nope.lark"),
    ("not in the library", 'start: "a" FOO\n%import common.FOO\n', 1, 12, "terminal FOO"),
    ("imported nothing", '%import foo\nstart: "a"\n', 1, 9, "%import foo.NAME"),
    ("defined twice", 'start: "a"\nb: "c"\nstart: "b"\n', 3, 1, "more than once"),
    ("undefined template", 'start: foo{"a"}\n', 1, 8, "foo"),
    ("template arguments", 'start: foo{"a"}\nfoo{x,y}: x y\n', 2, 1, "takes 2 arguments"),
    ("alias in a terminal", 'start: A\nA: "x" -> foo\n', 2, 8, "alias"),
    ("alias of an inlined rule", 'start: _a\n_a: "x" -> foo\n', 2, 1, "underscore"),
    ("range", 'start: "a"~5..2\n', 1, 11, "smaller number"),
    ("range of strings", 'start: A\nA: "ab".."c"\n', 2, 8, "one character"),
    ("marks", 'start: "a"\n?_a: "b"\n', 2, 1, "underscore"),
    ("declared", 'start: A "b"\n%declare A\n', 2, 10, "no post-lexer makes it"),
    ("declared rule", "%declare foo\nstart: foo\n", 1, 1, "rule is declared"),
    ("empty terminal", 'start: A "b"\nA: \n', 2, 1, "A is empty"),
    ("extended", '%extend foo: "a"\nstart: "b"\n', 1, 9, "foo is not there"),
    ("nested brackets", "start: " + "(" * 3000 + '"a"' + ")" * 3000, 1, 1, "nested too deeply"),
]


@pytest.mark.parametrize("parser", BOTH)
@pytest.mark.parametrize(
    ("grammar", "line", "column", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_bad_grammar(grammar: str, line: int, column: int, words: str, parser: str) -> None:
    with pytest.raises(cd.GrammarError) as caught:
        cd.LarkGrammar(grammar, parser=parser)
    assert words in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_lalr_conflict_names_terminal_and_rules() -> None:
    grammar = 'start: a | b\na: "x" "y"\nb: "x" "y"\n'
    with pytest.raises(cd.GrammarError) as caught:
        cd.LarkGrammar(grammar)
    message = str(caught.value)
    for words in ("the end of the text", "a : X Y", "b : X Y", "earley"):
        assert words in message
    assert caught.value.line == 2
    cd.LarkGrammar(grammar, parser="earley")


def test_syntax_error_in_an_imported_grammar_is_told_at_the_import(tmp_path) -> None:
    (tmp_path / "part.lark").write_text('a: "x"\nb "y"\n')
    with pytest.raises(cd.GrammarError) as caught:
        cd.LarkGrammar("start: a\n%import part.a\n", import_paths=[tmp_path])
    assert "part.lark" in str(caught.value) and "line 2" in str(caught.value)
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_imports_in_a_circle(tmp_path) -> None:
    (tmp_path / "one.lark").write_text("%import two.b\na: b\n")
    (tmp_path / "two.lark").write_text("%import one.a\nb: a\n")
    with pytest.raises(cd.GrammarError, match="circle") as caught:
        cd.LarkGrammar("start: a\n%import one.a\n", import_paths=[tmp_path])
    assert caught.value.line == 2


def lines(count: int, line: str) -> str:
    return "\n".join(line.format(i=i, next=i + 1) for i in range(count)) + "\n"


TOO_LARGE = [
    ("terminals", "start: A0\n" + lines(40, "A{i}: A{next} A{next}") + 'A40: "x"\n', "terminal A"),
    ("long chain", "start: A0\n" + lines(900, 'A{i}: A{next} "y"') + 'A900: "x"\n', "levels"),
    ("options", "start: " + "[a] " * 40 + '\na: "a"\n', "alternatives"),
    ("repetition", 'start: ("a" | "b")~1..40\n', "alternatives"),
    ("templates", 'start: _t{"a"}\n_t{x}: x | _t{_p{x}}\n_p{x}: x x\n', "template"),
    (
        "template arguments",
        'start: _t0{"a"}\n'
        + "\n".join(f"_t{i}{{x}}: _t{i + 1}{{_p{{x,x}}}}" for i in range(40))
        + "\n_t40{x}: x\n_p{x,y}: x y\n",
        "template",
    ),
]


@pytest.mark.parametrize("parser", BOTH)
@pytest.mark.parametrize(
    ("grammar", "words"), [row[1:] for row in TOO_LARGE], ids=[row[0] for row in TOO_LARGE]
)
def test_grammars_that_explode(grammar: str, words: str, parser: str) -> None:
    with pytest.raises(cd.LimitError, match=words):
        cd.LarkGrammar(grammar, parser=parser)


def exponential(n: int) -> str:
    """A grammar of some 4 n^2 symbols with more than 2^n LR(0) states: a state for each subset of
    the x that are still there."""
    numbers = range(n)
    rules = ["start: " + " | ".join(f"x{i}" for i in numbers)]
    for i in numbers:
        others = " | ".join(f'"a{j}" x{i}' for j in numbers if j != i)
        rules.append(f'x{i}: {others} | "a{i}" y{i} | "b{i}"')
        rules.append(f"y{i}: " + " | ".join(f'"a{j}" y{i}' for j in numbers) + f' | "c{i}"')
    return "\n".join(rules) + "\n"


def test_automata_that_explode() -> None:
    cd.LarkGrammar(exponential(4))
    with pytest.raises(cd.LimitError, match="LALR automaton"):
        cd.LarkGrammar(exponential(14))


def test_large_grammars_that_do_not_explode_load() -> None:
    cd.LarkGrammar('start: "a"~1000000\n')
    cd.LarkGrammar('start: _t{"a"} _t{"b"}\n_t{x}: x | "(" _t{x} ")"\n')
    cd.LarkGrammar("start: " + " | ".join(f'"t{i}"' for i in range(300)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parser": "cyk"}, "lalr"),
        ({"lexer": "dynamic"}, "contextual"),
        ({"parser": "earley", "lexer": "contextual"}, "dynamic"),
        ({"start": ["start"]}, "name of a rule"),
        ({"max_depth": 0}, "max_depth"),
        ({"max_depth": True}, "max_depth"),
        ({"postlex": "ruby"}, "python"),
    ],
)
def test_bad_options(options, words: str) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match=words):
        cd.LarkGrammar('start: "a"', **options)


def test_text_that_is_none() -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match=r"LarkGrammar\.open"):
        cd.LarkGrammar(b'start: "a"')  # type: ignore[arg-type]
