"""`infill`: the whole text is in its language by other parsers, candidates, seeds and errors."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace

import lark
import pytest
import torch

import constrained_diffusion as cd
from constrained_diffusion.models import RandomDenoiser
from constrained_diffusion.sampling.infill import candidate_sampler

GO = Path(__file__).resolve().parents[3] / "shared" / "data" / "lark-grammars" / "syncode_go"
WORDS = [
    *(bytes([byte]) for byte in range(256)),
    *b"return|pass|if |else:|for |in |def |not |None|    |\n    |\n        |self.|name".split(b"|"),
    *b"(x)|[0]|{}|, |: | = | == |'a'|\"b\"|true|null|SELECT | FROM | WHERE |func |x := 1\n".split(
        b"|"
    ),
]
VOCABULARY = cd.Vocabulary(
    [*WORDS, None, None, None],
    end_ids=[len(WORDS)],
    pad_id=len(WORDS) + 1,
    mask_id=len(WORDS) + 2,
)
FEW = cd.MaskedSampler(steps=2, temperature=1.0)


def denoiser(
    length: int = 16, *, seed: int = 0, noise: str = "masked", scale: float = 3.0
) -> RandomDenoiser:
    return RandomDenoiser(VOCABULARY, length, noise=noise, seed=seed, scale=scale)


class Prompted(RandomDenoiser):
    """Notes what it is shown; takes both texts."""

    def infill_prompt(self, prefix: str, suffix: str) -> SimpleNamespace:
        return SimpleNamespace(prefix=prefix, suffix=suffix)

    def denoise(self, prompt, canvas, **rest):
        self.seen = prompt
        return super().denoise(str(prompt), canvas, **rest)


PYTHON = [
    ("def f(x):\n", "\n    return x\n"),
    ("def f(x):\n    if ", ":\n        return 1\n    return x\n"),
    ("print(", ")\n"),
    ("colours = {\n    'red': 1,\n", "}\nprint(colours)\n"),
    ("x = 'begun ", "ended'\n"),
    ("é = 'ö", "ü'\n"),
    ("class A:\n    def f(self):\n        ", "\n    def g(self):\n        pass"),
    ("", "x = 1\n"),
    ("x = [1,", ""),
    ("", ""),
]


@pytest.mark.parametrize(("prefix", "suffix"), PYTHON)
def test_python_parses(prefix: str, suffix: str) -> None:
    parser = cd.LarkGrammar.open("python").lark
    for seed in range(3):
        result = cd.infill(denoiser(seed=seed), prefix, suffix, sampler=FEW, seed=seed)
        whole = prefix + result.text + suffix
        ast.parse(whole)
        parser.parse(whole if whole.endswith("\n") or not suffix else whole + "\n")
        assert result.holes == {"hole": result.text}


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ('{"name": "Ada", ', ', "tags": ["a", "b"]}'),
        ("[1, ", ""),
        ("", "]"),
        ('["ä', '漢"]'),
        ("", ""),
    ],
)
def test_json_parses(prefix: str, suffix: str) -> None:
    for seed in range(3):
        result = cd.infill(
            denoiser(seed=seed), prefix, suffix, language="json", sampler=FEW, seed=seed
        )
        json.loads(prefix + result.text + suffix)


def test_sql_parses() -> None:
    grammar = cd.LarkGrammar.open("sql")
    for prefix, suffix in [
        ("SELECT name FROM people WHERE ", " ORDER BY name"),
        ("SELECT ", " FROM people"),
    ]:
        result = cd.infill(denoiser(), prefix, suffix, language="sql", sampler=FEW, seed=1)
        grammar.lark.parse(prefix + result.text + suffix)


@pytest.mark.skipif(not GO.is_dir(), reason="the shared grammars are absent")
def test_go_parses() -> None:
    path = str(GO / "go.lark")
    grammar = cd.LarkGrammar.open(path, parser="lalr", lexer="basic")
    prefix = "package main\n\nfunc f(x int) int {\n\tif "
    suffix = " {\n\t\treturn 1\n\t}\n\treturn x\n}\n"
    judge = lark.Lark.open(path, parser="lalr", lexer="basic")
    result = cd.infill(denoiser(), prefix, suffix, language=grammar, sampler=FEW, seed=1)
    judge.parse(prefix + result.text + suffix)


def test_any_text() -> None:
    result = cd.infill(denoiser(), "{[", ")(", language=None, sampler=FEW, seed=2)
    assert result.holes == {"hole": result.text}
    assert isinstance(result.text, str)


def test_regular_constraints_as_the_language() -> None:
    result = cd.infill(
        denoiser(), "ab", "yz", language=cd.Regex("ab[c-f]{2,4}yz"), sampler=FEW, seed=2
    )
    assert re.fullmatch("[c-f]{2,4}", result.text)
    schema = cd.JsonSchema({"type": "array", "items": {"type": "boolean"}, "minItems": 3})
    result = cd.infill(denoiser(), "[true,", "]", language=schema, sampler=FEW, seed=2)
    assert len(result.value) >= 3
    assert all(isinstance(one, bool) for one in json.loads(f"[true,{result.text}]"))
    template = cd.Template("<", cd.Hole("x", cd.Choice(["one", "two"])), ">")
    result = cd.infill(denoiser(), "<t", ">", language=template, sampler=FEW, seed=2)
    assert result.text == "wo"


def test_candidates_are_distinct_and_ranked() -> None:
    found = cd.infill(denoiser(), "[1, ", "]", language="json", n=5, sampler=FEW, seed=4)
    texts = [result.text for result in found]
    evidence = [result.log_evidence for result in found]
    assert 1 < len(texts) == len(set(texts)) <= 5
    assert evidence == sorted(evidence, reverse=True)
    for text in texts:
        json.loads(f"[1, {text}]")


def test_the_default_sampler_draws_several_candidates() -> None:
    assert candidate_sampler(denoiser()).temperature == 0
    assert candidate_sampler(denoiser(), 1, steps=3) == cd.MaskedSampler(steps=3)
    assert candidate_sampler(denoiser(), 3).temperature > 0
    uniform = candidate_sampler(denoiser(noise="uniform"), 3)
    assert uniform == cd.UniformSampler()
    language = cd.Regex("a[b-y]{3}z")
    found = cd.infill(denoiser(), "a", "z", language=language, n=4, seed=1)
    assert len(found) > 1
    same = cd.infill(
        denoiser(), "a", "z", language=language, n=4, seed=1, sampler=cd.MaskedSampler(steps=2)
    )
    assert len(same) == 1


def test_a_choice_gives_no_more_candidates_than_it_has() -> None:
    language = cd.Choice(["abz", "acz"])
    even = denoiser(scale=0.1)
    found = cd.infill(even, "a", "z", language=language, n=20, sampler=FEW, seed=1)
    assert {result.text for result in found} == {"b", "c"}


def test_the_same_seed_gives_the_same_texts() -> None:
    def texts(seed: int | torch.Generator) -> list[str]:
        found = cd.infill(denoiser(), "[1, ", "]", language="json", n=3, sampler=FEW, seed=seed)
        return [result.text for result in found]

    first = texts(5)
    assert texts(5) == first
    assert texts(torch.Generator().manual_seed(5)) == first
    assert any(texts(seed) != first for seed in range(6, 9))


def test_the_denoiser_sees_both_texts_where_it_takes_them() -> None:
    shown = Prompted(VOCABULARY, 8)
    cd.infill(shown, "ab", "yz", language=cd.Regex("ab[c-f]yz"), sampler=FEW, seed=2)
    assert (shown.seen.prefix, shown.seen.suffix) == ("ab", "yz")


def test_steps_are_reported_for_each_candidate() -> None:
    seen: list[int] = []
    cd.infill(
        denoiser(),
        "a",
        "z",
        language=cd.Regex("a[b-y]{3}z"),
        n=2,
        sampler=FEW,
        seed=1,
        on_step=lambda step: seen.append(step.index),
    )
    assert seen.count(0) == 2


@pytest.mark.parametrize(
    ("prefix", "suffix", "language", "words"),
    [
        ("x = (\n  :", "\n", "python", "line 2, column 3: found ':'"),
        ("x = ", "\nif a b:\n    pass\n", "python", "line 2, column 6: found 'b'"),
        ("def f():\n", "\n    return 1\ny = (]\n", "python", "line 4, column 6: found ']'"),
        ("[1, ", ", x]", "json", "line 1, column 7: found 'x'"),
        ("[1, ", "]\n]x", "json", "line 2, column 2: found 'x'"),
        ("abc", "z", cd.Regex("ab[c-f]{2}y"), "line 1, column 4: found 'z'"),
    ],
)
def test_where_it_breaks(prefix: str, suffix: str, language, words: str) -> None:
    with pytest.raises(cd.UnsatisfiableError, match=re.escape(words)):
        cd.infill(denoiser(), prefix, suffix, language=language, sampler=FEW)


def test_the_canvas_is_too_small() -> None:
    with pytest.raises(cd.CanvasTooSmallError) as caught:
        cd.infill(denoiser(4), "a", "z", language=cd.Regex("ab{9}z"), sampler=FEW)
    assert (caught.value.needed, caught.value.available) == (9, 4)
    with pytest.raises(cd.CanvasTooSmallError):
        cd.infill(denoiser(4), "(" * 9, "\n", sampler=FEW)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prefix": b"a"}, "prefix is a text, got bytes"),
        ({"suffix": b"x", "language": "python"}, "suffix is a text, got bytes"),
        ({"suffix": None}, "suffix is a text, got NoneType"),
        ({"prefix": "a\udc80"}, "prefix has no UTF-8 encoding"),
        ({"language": "klingon"}, "'klingon' is no bundled grammar"),
        ({"language": 3}, "language is the name of a bundled grammar"),
        ({"n": 0}, "n is a whole number"),
        ({"n": 101}, "n is a whole number"),
        ({"n": True}, "n is a whole number"),
        ({"n": 1.0}, "n is a whole number"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_wrong_arguments(options: dict, words: str) -> None:
    arguments = {"prefix": "[", "suffix": "]", "language": "json", "sampler": FEW, **options}
    with pytest.raises(cd.ConstrainedDiffusionError, match=words):
        cd.infill(denoiser(), **arguments)
