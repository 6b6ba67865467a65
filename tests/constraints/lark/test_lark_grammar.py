"""LarkGrammar as a value: opening, importing, equality, options, post-lexers."""

from __future__ import annotations

import os
import pickle

import pytest
from lark import Lark, Token
from lark.indenter import Indenter, PythonIndenter

import constrained_diffusion as cd
from constrained_diffusion.constraints.cache_key import cache_key
from constrained_diffusion.grammar_files import bundled_grammars, grammar_folder
from constrained_diffusion.pushdown.reading import TokenTransducer, Transition

BYTES = cd.Vocabulary([*(bytes([byte]) for byte in range(256)), None], end_ids=[256])


def key(grammar: cd.LarkGrammar) -> str | None:
    return cache_key(grammar, BYTES, length=8, canvases=1)


@pytest.mark.parametrize("name", bundled_grammars())
def test_bundled_grammars_open_by_name(name: str) -> None:
    grammar = cd.LarkGrammar.open(name)
    assert grammar.text == (grammar_folder() / f"{name}.lark").read_text(encoding="utf-8")


def test_options_go_before_the_settings_of_a_bundled_grammar() -> None:
    assert cd.LarkGrammar.open("python").start == "file_input"
    assert cd.LarkGrammar.open("json", start="array").start == "array"
    assert cd.LarkGrammar.open("json", parser="earley").parser == "earley"


def test_a_path_is_no_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json").write_text('start: "mine"')
    assert cd.LarkGrammar.open("./json").parse("mine").data == "start"
    assert cd.LarkGrammar.open(tmp_path / "json").text == 'start: "mine"'
    assert "object" in cd.LarkGrammar.open("json").text


def test_what_cannot_be_opened(tmp_path) -> None:
    with pytest.raises(cd.GrammarError, match="json"):
        cd.LarkGrammar.open("jsn")
    with pytest.raises(FileNotFoundError):
        cd.LarkGrammar.open(tmp_path / "no.lark")
    (tmp_path / "latin.lark").write_bytes(b'start: "\xe9"')
    with pytest.raises(cd.GrammarError, match="UTF-8"):
        cd.LarkGrammar.open(tmp_path / "latin.lark")


def test_imports(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "main.lark").write_text(
        "start: value NAME WS word\n%import json.value\n%import common (CNAME -> NAME, WS)\n"
        "%import common.CNAME -> NAME\n".replace("(CNAME -> NAME, WS)", "(WS)")
        + "%import .below.words.word\n"
    )
    (folder / "below" / "words.lark").write_text("word: LETTER+\n%import common.LETTER\n")
    monkeypatch.chdir(tmp_path)
    assert cd.LarkGrammar.open(folder / "main.lark").parse("[1]abc word").data == "start"
    paths = cd.LarkGrammar("start: word\n%import words.word\n", import_paths=[folder / "below"])
    assert paths.parse("word").data == "start"
    one = cd.LarkGrammar("start: word\n%import words.word", import_paths=str(folder / "below"))
    assert one.parse("word").data == "start"


def test_lark_decides_what_an_import_means() -> None:
    text = "start: NUMBER\n%import common.NUMBER\n"
    (ours,), (larks,) = cd.LarkGrammar(text).lark.terminals, Lark(text, parser="lalr").terminals
    assert (ours.name, ours.pattern, ours.priority) == (larks.name, larks.pattern, larks.priority)


def test_import_paths_come_first(tmp_path) -> None:
    (tmp_path / "common.lark").write_text('NUMBER: "one"\n')
    grammar = cd.LarkGrammar("start: NUMBER\n%import common.NUMBER", import_paths=[tmp_path])
    assert grammar.parse("one").data == "start"


def test_equality_is_of_the_language(tmp_path) -> None:
    for name, word in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.lark").write_text(f'word: "{word}"\n')
    text = "start: word\n%import part.word\n"
    a, b, c = (cd.LarkGrammar(text, import_paths=[tmp_path / name]) for name in "abc")
    assert a == b and hash(a) == hash(b) and key(a) == key(b) and a.digest == b.digest
    assert a != c and key(a) != key(c) and a.digest != c.digest
    assert key(a) is not None


def test_a_changed_import_is_noticed(tmp_path) -> None:
    text = "start: word\n%import part.word\n"

    def grammar(word: str) -> cd.LarkGrammar:
        (tmp_path / "part.lark").write_text(f'word: "{word}"\n')
        return cd.LarkGrammar(text, import_paths=[tmp_path])

    first, same, other = grammar("x"), grammar("x"), grammar("y")
    assert first == same and first.lark is same.lark and first != other
    assert first.refusal("x") is None and other.refusal("y") is None
    (tmp_path / "part.lark").unlink()
    with pytest.raises(cd.GrammarError):
        cd.LarkGrammar(text, import_paths=[tmp_path])


def test_every_option_tells_grammars_apart() -> None:
    text = 'start: a\na: "x" _INDENT?\n_INDENT: "i"\n_DEDENT: "d"\n_NEWLINE: "\\n"\n'
    grammars = [
        cd.LarkGrammar(text),
        cd.LarkGrammar(text + "\n"),
        cd.LarkGrammar(text, start="a"),
        cd.LarkGrammar(text, parser="earley"),
        cd.LarkGrammar(text, lexer="basic"),
        cd.LarkGrammar(text, max_depth=2),
        cd.LarkGrammar(text, postlex="python"),
    ]
    assert len(set(grammars)) == len({key(grammar) for grammar in grammars}) == len(grammars)


def test_a_grammar_outlives_its_files(tmp_path) -> None:
    (tmp_path / "part.lark").write_text('word: "x"\n')
    grammar = cd.LarkGrammar("start: word\n%import part.word\n", import_paths=[tmp_path])
    stored = pickle.dumps(grammar)
    (tmp_path / "part.lark").write_text('word: "y"\n')
    again = pickle.loads(stored)
    assert again == grammar
    assert again.parse("x") == grammar.parse("x")
    os.unlink(tmp_path / "part.lark")
    assert pickle.loads(stored).parse("x") == grammar.parse("x")


BLOCKS = r"""
start: (_NL | line)*
line: NAME (":" _NL _IN line+ _OUT | "(" NAME _NL? ")" _NL | _NL)
NAME: /[a-z]+/
_NL: /(\r?\n[ \t]*)+/
%declare _IN _OUT
"""


class Blocks(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = ["LPAR"]  # noqa: RUF012
    CLOSE_PAREN_types = ["RPAR"]  # noqa: RUF012
    INDENT_type = "_IN"
    DEDENT_type = "_OUT"
    tab_len = 4


@pytest.mark.parametrize("postlex", [Blocks, Blocks()])
def test_an_indenter_of_larks(postlex) -> None:
    grammar = cd.LarkGrammar(BLOCKS, postlex=postlex)
    text = "a:\n    b\n\tc:\n  \td(e\n)\nf\n"
    assert grammar.parse(text) == Lark(BLOCKS, parser="lalr", postlex=Blocks()).parse(text)
    assert grammar == cd.LarkGrammar(BLOCKS, postlex=Blocks)
    assert "line 3, column 3" in str(grammar.refusal("a:\n    b\n  c\n"))
    assert pickle.loads(pickle.dumps(grammar)) == grammar


def test_python_is_larks_python_indenter() -> None:
    named = cd.LarkGrammar.open("python")
    given = cd.LarkGrammar.open("python", postlex=PythonIndenter)
    assert named == given and hash(named) == hash(given)


def test_two_parses_of_one_indenter_do_not_mix() -> None:
    grammar = cd.LarkGrammar(BLOCKS, postlex=Blocks)
    first = grammar.lark.parse_interactive("a:\n b\nc\n")
    tokens = first.iter_parse()
    next(tokens)
    grammar.parse("a:\n b\n")
    assert [token.type for token in tokens][-2:] == ["NAME", "_NL"]


def test_a_token_transducer() -> None:
    def doubled(word: str) -> TokenTransducer:
        return TokenTransducer("start", (Transition("start", "A", ("A", word), "start"),))

    text = 'start: (A B)*\nA: "a"\n%declare B C\n'
    grammar = cd.LarkGrammar(text, postlex=doubled("B"))
    assert grammar.refusal("aaa") is None and grammar.refusal("b") is not None
    assert grammar == cd.LarkGrammar(text, postlex=doubled("B"))
    assert key(grammar) is not None and pickle.loads(pickle.dumps(grammar)) == grammar
    assert grammar.language().automaton.accepts(b"aaa") and grammar.language().bounds == ()
    with pytest.raises(cd.GrammarError, match="B is declared"):
        cd.LarkGrammar(text, postlex=doubled("C"))
    assert cd.LarkGrammar(text, postlex=doubled("C"), never="B").refusal("a") is not None


class Counting(Indenter):
    NL_type = "_NL"
    OPEN_PAREN_types = CLOSE_PAREN_types = []  # noqa: RUF012
    INDENT_type = "_IN"
    DEDENT_type = "_OUT"
    tab_len = 4

    def handle_NL(self, token: Token):
        yield token


class Anything:
    always_accept = ()

    def process(self, stream):
        return stream


@pytest.mark.parametrize("postlex", [Counting, Counting(), Anything, Anything()])
def test_other_postlexers_are_refused(postlex) -> None:
    with pytest.raises(cd.GrammarError, match="TokenTransducer"):
        cd.LarkGrammar(BLOCKS, postlex=postlex)


def test_parse_gives_larks_tree() -> None:
    grammar = cd.LarkGrammar.open("arithmetic")
    text = "1 + f(2, -x) ^ 3"
    assert grammar.parse(text) == Lark(grammar.text, parser="lalr").parse(text)


def test_a_refused_text_that_was_generated_is_reported() -> None:
    grammar = cd.LarkGrammar.open("arithmetic")
    with pytest.raises(cd.InternalError) as caught:
        grammar.parse("1 +")
    message = str(caught.value)
    for part in (grammar.digest, "'1 +'", "start='start'", "parser='lalr'", "column 4"):
        assert part in message
