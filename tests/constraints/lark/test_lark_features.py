"""The features of Lark that docs/lark.md lists, on all short texts, as Lark itself decides."""

from __future__ import annotations

import pytest
from nesting_oracle import lark_accepts, texts

import constrained_diffusion as cd

AB = '\nB: "a" | "b"\n'

FEATURES = {
    # name: grammar, alphabet
    "lazy": ('start: (A | "b" | "c")*\nA: /a.*?b/', "abc"),
    "order of alternatives": ("start: (A | B)*\nA: /ab?c?|abc/" + AB, "abc"),
    "word boundary": ('start: (A | B | " ")*\nA: /\\bab\\b/' + AB, "ab "),
    "start of text": ('start: (A | B | "\\n")*\nA: /^ab/' + AB, "ab\n"),
    "start of line": ('start: (A | B | "\\n")*\nA: /^ab/m' + AB, "ab\n"),
    "end of text": ('start: (A | "b" | "\\n")*\nA: /ab$/', "ab\n"),
    "end of line": ('start: (A | "b" | "\\n")*\nA: /ab$/m', "ab\n"),
    "very end": ('start: (A | "b" | "\\n")*\nA: /ab\\Z/', "ab\n"),
    "flag of a group": ('start: (A | "b")*\nA: /a(?i:b)/', "abB"),
    "verbose": ("start: (A | B)*\nA: /a b # c\n/x" + AB, "ab "),
    "dot of all": ('start: (A | "b")*\nA: /a.b/s', "ab\n"),
    "ignored case": ('start: (A | "b"i)*\nA: "aK"i', "aAkB\u212a"),
    "lookahead": ('start: (A | "b")*\nA: /a(?=bb)/', "ab"),
    "negative lookahead": ('start: (A | "b")*\nA: /a(?!bb)/', "ab"),
    "lookbehind": ('start: (A | "b" | "c")*\nA: /(?<=b)a/', "abc"),
    "negative lookbehind": ('start: (A | "b" | "c")*\nA: /(?<!b)a/', "abc"),
    "backreference": ('start: (A | "b" | "c")*\nA: /(?P<x>a|b)c(?P=x)/', "abc"),
    "ignored terminals": ('start: A A\nA: "a"\n%ignore /b/\n%ignore "ab"', "ab"),
    "priority": ('start: (A | C | B)*\nA: "ab"\nB.3: "a"\nC: "b"', "ab"),
    "range": ('start: ("a".."c")~2..3', "abcd"),
    "template": ('start: _sep{"a",","}\n_sep{x, d}: x (d x)*', "a,b"),
    "classes of Unicode": ('start: (A | "b")*\nA: /[^\\W\\d_]+/', "aé1_\u0661"),
    "optional parts": ('start: ["a"] ["b"] ("c" | "d")? ["a" "b"]', "abcd"),
    "extended": ('start: A*\nA: "a"\n%extend A: "bb"\n', "ab"),
    "overridden": ("%import common.DIGIT\n%override DIGIT: /[ab]/\nstart: DIGIT+", "ab1"),
}


@pytest.mark.parametrize("options", [{}, {"lexer": "basic"}, {"parser": "earley"}], ids=str)
@pytest.mark.parametrize("name", FEATURES)
def test_feature(name: str, options: dict[str, str]) -> None:
    text, alphabet = FEATURES[name]
    grammar = cd.LarkGrammar(text, **options)  # type: ignore[arg-type]
    language = grammar.language()
    assert language.bounds == ()
    for candidate in texts(alphabet, 6 if len(alphabet) < 4 else 4):
        expected = lark_accepts(grammar, candidate)
        assert language.automaton.accepts(candidate.encode()) == expected, candidate


REFUSED = {
    "possessive": ("A: /a++b/", "possessive"),
    "atomic group": ("A: /(?>a|ab)c/", "atomic"),
    "conditional": ("A: /(?P<x>a)?b(?(x)c|d)/", "conditional"),
    "long lookbehind": ("A: /(?<=bc)a/", "lookbehind of 2 characters"),
    "long lookbehind, deep": ('A: B "c"\nB: /(?<=bc)a/', "lookbehind of 2 characters"),
}


@pytest.mark.parametrize("parser", ["lalr", "earley"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_terminals(name: str, parser: str) -> None:
    definition, words = REFUSED[name]
    grammar = cd.LarkGrammar(f'start: "x" | A\n{definition}\n', parser=parser)
    with pytest.raises(cd.GrammarError, match=words) as caught:
        grammar.language()
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_lookahead_without_bound() -> None:
    grammar = cd.LarkGrammar('start: (A | "b" | "c")*\nA: /a(?=b+c)/\n')
    with pytest.raises(cd.LimitError, match="lookahead"):
        grammar.language()
