"""Small grammars, and all their short texts."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import lark
from lark.indenter import Indenter

from constrained_diffusion.pushdown.completion import Completer
from constrained_diffusion.pushdown.machine import Machine
from constrained_diffusion.pushdown.reading import TokenTransducer, Transition, assemble, read
from constrained_diffusion.vocabulary import Vocabulary


class Blocks(Indenter):
    """Indents and dedents for the grammar `blocks`."""

    NL_type = "_NL"
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    OPEN_PAREN_types = ("LPAR",)
    CLOSE_PAREN_types = ("RPAR",)
    tab_len = 4


HELD = TokenTransducer(
    "plain",
    (
        Transition("plain", "NL", (), "held"),
        Transition("held", "NL", ("NL",), "held"),
        Transition("held", "PLUS", (None,), "plain"),
        Transition("held", None, ("NL", None), "plain"),
    ),
    (("held", ("NL",)),),
)
"""A line end before a plus sign is dropped."""


class Case(NamedTuple):
    """A grammar, the characters of its texts, and how long the texts are that are listed."""

    grammar: str
    alphabet: str
    length: int
    parser: str = "lalr"
    lexer: str = "auto"
    postlex: object = None


CASES = {
    "brackets": Case('start: "(" start ")" | "[" start start "]" | "a"', "()[]a", 7),
    "keywords": Case(
        """
        start: "if" NAME ("," NAME)* ["do" NAME]
        NAME: /[a-z]+/
        %ignore / +/
        """,
        "ifdo, ",
        6,
    ),
    "sums": Case(
        """
        start: sum
        sum: sum "+" product | product
        product: product "*" atom | atom
        atom: "(" sum ")" | NUMBER
        NUMBER: /[1-9][0-9]*|0(?![0-9])/
        """,
        "01+*()",
        6,
    ),
    "strings": Case(
        r"""
        start: "{" [pair ("," pair)*] "}"
        pair: STRING ":" (STRING | start)
        STRING: /"(\\.|[^"\\])*"/s
        %ignore /#[^\n]*\n/
        """,
        '{}":\\#\n',
        7,
    ),
    "lazy": Case('start: (COMMENT | "a")+\nCOMMENT: /<!.*?!>/s', "<!>a", 8),
    "ambiguous": Case('start: start "+" start | "a" | "(" start ")"', "a+()", 6, "earley"),
    "dynamic": Case(
        'start: WORD+ "." | WORD "," start\nWORD: /[ab]+/\n%ignore " "', "ab., ", 6, "earley"
    ),
    "nullable": Case('start: x y x\nx: "a"*\ny: "b" x | "c" start', "abc", 7, "earley"),
    "blocks": Case(
        r"""
        start: (_NL | line)+
        line: "p" [LPAR "p"* RPAR] _NL | "b" ":" _NL _INDENT line+ _DEDENT
        LPAR: "("
        RPAR: ")"
        _NL: /(\n[ ]*)+/
        %declare _INDENT _DEDENT
        """,
        "pb:\n ()",
        7,
        postlex=Blocks(),
    ),
    "held": Case(
        'start: NL? sum (NL sum)* NL?\nsum: "a" (PLUS "a")*\nPLUS: "+"\nNL: /\\n/',
        "a+\n",
        8,
        lexer="basic",
        postlex=HELD,
    ),
}


@cache
def grammar(name: str) -> lark.Lark:
    case = CASES[name]
    return lark.Lark(case.grammar, parser=case.parser, lexer=case.lexer, postlex=case.postlex)


@cache
def machine(name: str) -> Machine:
    return Machine(assemble([read(grammar(name))]), [])


@cache
def texts(name: str) -> list[str]:
    """The accepted texts of at most `length` characters, found one by one."""
    case = CASES[name]
    reader = machine(name)
    alive = [""]
    found = []
    for size in range(case.length + 1):
        found += [text for text in alive if reader.accepts(text.encode())]
        if size < case.length:
            longer = (text + letter for text, letter in product(alive, case.alphabet))
            alive = [text for text in longer if reader.run(text.encode())]
    return found


def completer(name: str, words: list[bytes] | None = None) -> tuple[Machine, Completer]:
    """A machine and its completer, for a vocabulary of the letters of the alphabet or of `words`,
    with one end and one padding token."""
    tokens = words or [bytes([byte]) for byte in range(256)]
    vocabulary = Vocabulary([*tokens, None, None], end_ids=(len(tokens),), pad_id=len(tokens) + 1)
    piece = read(grammar(name))
    own = Machine(assemble([piece]), vocabulary.tokens)
    return own, Completer(own, [piece], vocabulary)


@cache
def bytes_completer(name: str) -> tuple[Machine, Completer]:
    """`completer` for a vocabulary of the 256 bytes."""
    return completer(name)
