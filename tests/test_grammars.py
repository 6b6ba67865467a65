"""The bundled grammars accept what they should, refuse the rest, and can be imported."""

import json

import pytest
from lark import Lark
from lark.exceptions import UnexpectedInput

from constrained_diffusion.grammar_files import grammar_folder


def parser(name: str) -> Lark:
    return Lark.open(str(grammar_folder() / f"{name}.lark"), parser="lalr")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"a": [1, -2.5e3, "x\\u00e9\\n", true, null]}',
        '"é"',
        "0",
        '\n[\t{"k" : {}} ]\n',
        "01",
        "[1,]",
        "{'a':1}",
        '"\t"',
        "nul",
        "",
        "[1 2]",
        '{"a" 1}',
        "+1",
        "1.",
        '"\\x"',
    ],
)
def test_json_agrees_with_the_standard_library(text: str) -> None:
    try:
        json.loads(text)
        valid = True
    except ValueError:
        valid = False
    lark = parser("json")
    if valid:
        lark.parse(text)
    else:
        with pytest.raises(UnexpectedInput):
            lark.parse(text)


@pytest.mark.parametrize("text", ["1", "-x ^ -2", "f(1, g()) / (2 - 3)", "2^3^4", "1 - -1", "a*b"])
def test_arithmetic_accepts(text: str) -> None:
    parser("arithmetic").parse(text)


@pytest.mark.parametrize("text", ["", "1 +", "(1", "f(,)", "1 2", "3..1", "*1", "a b"])
def test_arithmetic_refuses(text: str) -> None:
    with pytest.raises(UnexpectedInput):
        parser("arithmetic").parse(text)


def test_a_rule_can_be_imported() -> None:
    lark = Lark(
        'start: "data" value\n%import json.value\n%ignore " "',
        import_paths=[str(grammar_folder())],
        parser="lalr",
    )
    lark.parse('data {"a":[1]}')
