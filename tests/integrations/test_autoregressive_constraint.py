"""The mask of each next token against enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_texts import END, PAD, PATTERNS, SPELLED, VOCABULARY, is_complete, texts

import constrained_diffusion as cd
from constrained_diffusion.integrations.autoregressive_constraint import AutoregressiveConstraint

ROOM = 5
PROMPT = torch.tensor([[3, 1]])
RULES = {
    pattern: cd.compile(cd.Regex(pattern), VOCABULARY, length=ROOM, cache=False)
    for pattern in PATTERNS
}


def following(pattern, prefix, room):
    """By enumeration: the next tokens after which at most room - 1 more complete the text."""
    size = len(prefix)
    allowed = {
        text[size]
        for text in texts(pattern, ROOM)
        if size < len(text) <= size + room and text[:size] == prefix
    }
    return allowed | ({END} if prefix in texts(pattern, ROOM) else set())


def step(constraint, generated, scores=None, prompt=PROMPT):
    """The allowed tokens of each row after the rows of `generated` tokens."""
    tokens = torch.tensor(generated, dtype=torch.int64).reshape(len(generated), -1)
    ids = torch.cat([prompt.expand(len(generated), -1), tokens], 1)
    if scores is None:
        scores = torch.zeros(len(generated), len(VOCABULARY))
    return [set(row.isfinite().nonzero().flatten().tolist()) for row in constraint(ids, scores)]


@given(
    st.sampled_from(PATTERNS),
    st.integers(1, ROOM),
    st.lists(st.integers(0, 10**6), min_size=ROOM, max_size=ROOM),
)
def test_allowed_tokens_are_those_of_enumeration(pattern, room, choices):
    compiled = RULES[pattern]
    if compiled.min_tokens > room:
        with pytest.raises(cd.CanvasTooSmallError):
            AutoregressiveConstraint(compiled, room)
        return
    constraint = AutoregressiveConstraint(compiled, room)
    generated = ()
    for left, choice in zip(range(room, 0, -1), choices, strict=False):
        (allowed,) = step(constraint, [generated])
        if END in generated:
            assert allowed == {PAD}
        else:
            assert allowed == following(pattern, generated, left)
        generated += (sorted(allowed)[choice % len(allowed)],)
    assert is_complete(pattern, list(generated))


@given(st.sampled_from(PATTERNS), st.randoms(use_true_random=False))
def test_rows_may_be_reordered_repeated_and_taken_back(pattern, rng):
    """As beams are, and the drafts of an assistant model."""
    constraint = AutoregressiveConstraint(RULES[pattern])
    known = {0: [()]}
    for number in range(8):
        size = rng.choice([size for size in known if size > 0 or number == 0])
        beams = rng.choices(known[size], k=3)
        allowed = step(constraint, beams)
        for prefix, tokens in zip(beams, allowed, strict=True):
            expected = {PAD} if END in prefix else following(pattern, prefix, ROOM - size)
            assert tokens == expected
        if size + 1 < ROOM:
            grown = [
                (*prefix, rng.choice(sorted(tokens)))
                for prefix, tokens in zip(beams, allowed, strict=True)
            ]
            step(constraint, grown)
            known.setdefault(size + 1, []).extend(grown)


def test_a_new_prompt_begins_a_new_text():
    constraint = AutoregressiveConstraint(RULES["c|abab"])
    start = {0, 2, 4}
    assert step(constraint, [()]) == [start]
    assert step(constraint, [(4,)]) == [{END}]
    # The same prompt again, a longer one, a turn of a chat, another batch size.
    assert step(constraint, [()]) == [start]
    assert step(constraint, [()], prompt=torch.tensor([[3, 1, 4, 0, 2]])) == [start]
    assert step(constraint, [(), ()]) == [start, start]
    assert step(constraint, [(4,), (0,)]) == [{END}, {1, 3}]
    # What looks like a continuation is one, unless the caller says no.
    assert step(constraint, [()]) == [start]
    longer = torch.cat([PROMPT, torch.tensor([[4]])], 1)
    assert step(constraint, [()], prompt=longer) == [{END}]
    constraint.reset()
    assert step(constraint, [()], prompt=longer) == [start]


def test_a_constraint_for_each_prompt_and_free_rows():
    constraint = AutoregressiveConstraint([RULES["a*b"], None, RULES["c|abab"]])
    scores = torch.randn(6, len(VOCABULARY))
    ids = PROMPT.expand(6, -1)
    result = constraint(ids, scores)
    assert torch.equal(result[2:4], scores[2:4])
    for row, pattern in ((0, "a*b"), (1, "a*b"), (4, "c|abab"), (5, "c|abab")):
        kept = result[row].isfinite()
        assert set(kept.nonzero().flatten().tolist()) == following(pattern, (), ROOM)
        assert torch.equal(result[row][kept], scores[row][kept])
    with pytest.raises(cd.ConstrainedDiffusionError, match="3 constraints for 4 rows"):
        constraint(PROMPT.expand(4, -1), scores[:4])


def test_a_dead_end_allows_nothing_and_a_hopeless_model_everything_possible():
    constraint = AutoregressiveConstraint(RULES["a*b"])
    assert step(constraint, [()]) == [{0, 1, 2}]
    assert step(constraint, [(4,)]) == [set()]  # a beam of score -inf
    constraint.reset()
    assert step(constraint, [()], torch.full((1, len(VOCABULARY)), -torch.inf)) == [{0, 1, 2}]


def test_beyond_its_tokens_a_text_ends():
    constraint = AutoregressiveConstraint(RULES["a*b"], 1)
    assert step(constraint, [()]) == [{1, 2}]
    assert step(constraint, [(1,)]) == [{END}]
    assert step(constraint, [(1, END)]) == [{PAD}]
    assert step(constraint, [(1, END, 0)]) == [{PAD}]  # another filler than the vocabulary's


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_scores_are_not_changed_in_place_and_keep_their_type(dtype):
    constraint = AutoregressiveConstraint(RULES["a*b"])
    scores = torch.zeros(1, len(VOCABULARY), dtype=dtype)
    result = constraint(PROMPT, scores)
    assert result.dtype == dtype and (scores == 0).all() and not result.isfinite().all()


def test_what_cannot_be_done_is_refused():
    with pytest.raises(cd.ConstrainedDiffusionError, match="compiled for 5 \\* 1 = 5 tokens"):
        AutoregressiveConstraint(RULES["a*b"], ROOM + 1)
    with pytest.raises(cd.ConstrainedDiffusionError, match="is a number"):
        AutoregressiveConstraint(RULES["a*b"], 2.5)
    with pytest.raises(cd.ConstrainedDiffusionError, match="no row has a constraint"):
        AutoregressiveConstraint([None])
    with pytest.raises(cd.ConstrainedDiffusionError, match=r"cd\.compile"):
        AutoregressiveConstraint(cd.Regex("a*b"))
    endless = cd.Vocabulary(SPELLED, end_ids=[])
    with pytest.raises(cd.VocabularyError, match="no end token"):
        AutoregressiveConstraint(cd.compile(cd.Regex("a*b"), endless, length=4))
    digits = cd.Vocabulary([b"1", b"2", b"3", b"4", None], end_ids=[4])
    puzzle = cd.compile(cd.Sudoku("." * 16, box=(2, 2)), digits, length=16)
    with pytest.raises(cd.ConstrainedDiffusionError, match="puzzle"):
        AutoregressiveConstraint(puzzle)
    with pytest.raises(cd.VocabularyError, match="9 logits"):
        AutoregressiveConstraint(RULES["a*b"])(PROMPT, torch.zeros(1, 9))
