"""The compiled grammar and its posterior, in the interface of every other constraint."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import constrained_diffusion as cd
from constrained_diffusion.constraints.base import PushdownParts
from constrained_diffusion.pushdown.compiled import CompiledGrammar

GRAMMAR = r"""
start: "(" start ")" | "[" start "]" | WORD
WORD: /[ab]+/
%ignore " "
"""

WORDS = [b"(", b")", b"[", b"]", b"a", b"b", b"ab", b"))", b"(a", b" "]
END, PAD = len(WORDS), len(WORDS) + 1
LENGTH = 5


def make_vocabulary() -> cd.Vocabulary:
    return cd.Vocabulary([*WORDS, None, None], end_ids=[END], pad_id=PAD)


def compiled(
    text: str = GRAMMAR, *, length: int = LENGTH, canvases: int = 1, **options: str
) -> CompiledGrammar:
    """By the pushdown engine, although the grammar is small enough for an automaton."""
    grammar = cd.LarkGrammar(text, **options)
    return CompiledGrammar(
        grammar,
        make_vocabulary(),
        length=length,
        canvases=canvases,
        parts=PushdownParts((grammar.reading,)),
    )


def text_of(canvas: list[int]) -> str | None:
    """The text of a canvas: text tokens, one end token, padding; None for other canvases."""
    end = canvas.index(END) if END in canvas else len(canvas)
    tail = canvas[end + 1 :]
    if any(token >= END for token in canvas[:end]) or any(token != PAD for token in tail):
        return None
    return b"".join(WORDS[token] for token in canvas[:end]).decode()


@pytest.fixture(scope="module")
def language() -> dict[tuple[int, ...], bool]:
    """Whether each canvas is in the language, by Lark."""
    parser = cd.LarkGrammar(GRAMMAR).lark

    def accepted(canvas: tuple[int, ...]) -> bool:
        text = text_of(list(canvas))
        if text is None:
            return False
        try:
            parser.parse(text)
        except Exception:
            return False
        return True

    canvases = itertools.product(range(len(WORDS) + 2), repeat=LENGTH)
    return {canvas: True for canvas in canvases if accepted(canvas)}


@pytest.fixture(scope="module")
def grammar() -> CompiledGrammar:
    return compiled()


def scores(logits: torch.Tensor, canvas: tuple[int, ...]) -> float:
    logs = logits.double().log_softmax(-1)
    return float(sum(logs[i, token] for i, token in enumerate(canvas)))


def test_mode_evidence_and_marginals_against_enumeration(
    grammar: CompiledGrammar, language: dict[tuple[int, ...], bool]
) -> None:
    for seed in range(10):
        logits = 2 * torch.randn(LENGTH, len(WORDS) + 2, generator=torch.manual_seed(seed))
        result = grammar.posterior(logits)
        weights = {canvas: scores(logits, canvas) for canvas in language}
        best = max(weights.values())
        assert tuple(result.mode().tolist()) in language
        assert weights[tuple(result.mode().tolist())] == pytest.approx(best, abs=1e-6)
        marginals = np.zeros((LENGTH, len(WORDS) + 2))
        for canvas, weight in weights.items():
            marginals[np.arange(LENGTH), canvas] += np.exp(weight)
        total = marginals[0].sum()
        assert float(result.log_evidence) <= np.log(total) + 1e-6
        found = result.marginals().double().numpy()
        assert np.allclose(found.sum(-1), 1, atol=1e-5)
        assert (found[marginals == 0] == 0).all()
        assert (result.mask().numpy() <= (marginals > 0)).all()
        if result.exact:
            assert float(result.log_evidence) == pytest.approx(np.log(total), abs=1e-5)
            assert np.allclose(found, marginals / total, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_is_fixed_to_a_canvas_of_the_language_stays_possible(
    grammar: CompiledGrammar, language: dict[tuple[int, ...], bool], data: st.DataObject
) -> None:
    canvas = data.draw(st.sampled_from(sorted(language)))
    fixed_positions = data.draw(st.sets(st.integers(0, LENGTH - 1)))
    seed = data.draw(st.integers(0, 1000))
    logits = 3 * torch.randn(LENGTH, len(WORDS) + 2, generator=torch.manual_seed(seed))
    fixed = {position: canvas[position] for position in fixed_positions}
    result = grammar.posterior(logits, fixed=fixed)
    for found in (result.mode(), result.sample(torch.manual_seed(seed))):
        assert tuple(found.tolist()) in language
        assert all(found[position] == token for position, token in fixed.items())


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, LENGTH - 1), st.integers(0, PAD), max_size=3))
def test_what_no_canvas_agrees_with_is_an_error(
    language: dict[tuple[int, ...], bool], fixed: dict[int, int]
) -> None:
    possible = any(all(canvas[i] == token for i, token in fixed.items()) for canvas in language)
    fresh = compiled()
    logits = torch.zeros(LENGTH, len(WORDS) + 2)
    if possible:
        assert tuple(fresh.posterior(logits, fixed=fixed).mode().tolist()) in language
    else:
        with pytest.raises(cd.UnsatisfiableError):
            fresh.posterior(logits, fixed=fixed)


def test_a_canvas_that_is_too_small() -> None:
    text = 'start: "(" "(" "(" "a" ")" ")" ")"'
    with pytest.raises(cd.CanvasTooSmallError) as caught:
        compiled(text, length=3)
    assert caught.value.available == 3
    assert caught.value.needed > 3


def test_accepts_explains_and_finds_the_shortest(grammar: CompiledGrammar) -> None:
    assert grammar.accepts("([ab] )")
    assert grammar.accepts(b"(" * 500 + b"a" + b")" * 500)
    assert not grammar.accepts("([ab)]")
    assert not grammar.accepts(b"\xff")
    assert grammar.explain("(a)") is None
    assert "line 1" in grammar.explain("([ab)]")
    assert grammar.shortest() in (b"a", b"b")
    assert grammar.min_tokens == 1
    assert grammar.stats["engine"] == "pushdown"


@pytest.mark.parametrize("canvases", [2, 3])
def test_texts_over_several_canvases(canvases: int) -> None:
    grammar = compiled(length=3, canvases=canvases)
    parser = grammar.constraint.lark
    for seed in range(8):
        generator = torch.manual_seed(seed)
        state, tokens = grammar.initial_state, []
        for number in range(canvases):
            last = number == canvases - 1
            logits = 3 * torch.randn(3, len(WORDS) + 2, generator=generator)
            room = 3 * (canvases - 1 - number)
            result = grammar.posterior(logits, state=state, last=last, room=room)
            canvas = result.sample(generator).tolist()
            tokens += canvas
            state = grammar.advance(canvas, state)
            if grammar.is_done(state):
                break
        text = text_of(tokens)
        assert text is not None
        parser.parse(text)


def test_batches_with_other_constraints() -> None:
    grammar = compiled()
    regex = cd.compile(cd.Regex("[ab]+"), make_vocabulary(), length=LENGTH)
    logits = torch.randn(3, LENGTH, len(WORDS) + 2, generator=torch.manual_seed(1))
    whole = cd.posterior([grammar, None, regex], logits)
    alone = grammar.posterior(logits[0])
    assert whole.mode()[0].tolist() == alone.mode().tolist()
    assert whole.mode()[1].tolist() == logits[1].argmax(-1).tolist()
    assert regex.accepts(text_of(whole.mode()[2].tolist()))
    both = grammar.posterior(logits[:2], fixed=[{0: 0}, {0: 4}])
    assert both.mode()[:, 0].tolist() == [0, 4]


def test_wrong_input(grammar: CompiledGrammar) -> None:
    size = len(WORDS) + 2
    with pytest.raises(cd.VocabularyError):
        grammar.posterior(torch.zeros(LENGTH, size + 1))
    with pytest.raises(cd.ConstrainedDiffusionError, match="NaN"):
        grammar.posterior(torch.full((LENGTH, size), torch.nan))
    with pytest.raises(cd.ConstrainedDiffusionError):
        grammar.posterior(torch.zeros(LENGTH, size, dtype=torch.int64))
    with pytest.raises(cd.UnsatisfiableError):
        grammar.advance([1])
    with pytest.raises(cd.UnsatisfiableError, match="not known"):
        grammar.posterior(torch.zeros(LENGTH, size), state=77)


def test_a_model_that_excludes_every_text(grammar: CompiledGrammar) -> None:
    logits = torch.full((LENGTH, len(WORDS) + 2), -torch.inf)
    logits[:, 1] = 0.0
    result = grammar.posterior(logits)
    parser = grammar.constraint.lark
    parser.parse(text_of(result.mode().tolist()))


class AlwaysPushdown(cd.LarkGrammar):
    def pushdown_parts(self, capacity: int | None = None) -> PushdownParts:
        return PushdownParts((self.reading,))


class Noise:
    """A denoiser that predicts at random."""

    def __init__(self, noise: str, vocabulary: cd.Vocabulary) -> None:
        self.noise = noise
        self.vocabulary = vocabulary
        self.canvas_length = 8

    def denoise(self, prompt: object, canvas: torch.Tensor, **_: object) -> torch.Tensor:
        return 3 * torch.randn(*canvas.shape, len(self.vocabulary))


@pytest.mark.parametrize("noise", ["uniform", "masked"])
@pytest.mark.parametrize("templated", [False, True])
def test_generation_by_both_samplers(noise: str, templated: bool) -> None:
    vocabulary = cd.Vocabulary(
        [*WORDS, None, None, None], end_ids=[END], pad_id=PAD, mask_id=PAD + 1
    )
    deep = AlwaysPushdown(GRAMMAR)
    constraint = cd.Template("a", cd.Hole("x", deep), " b") if templated else deep
    for seed in range(5):
        result = cd.generate(Noise(noise, vocabulary), "", constraint, seed=seed)
        inner = result.holes["x"] if templated else result.text
        if templated:
            assert result.text == f"a{inner} b"
        deep.lark.parse(inner)
