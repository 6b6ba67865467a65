"""The stock `generate` of small random DiffusionGemma checkpoints, with the processor."""

from __future__ import annotations

import json
import random

import pytest

pytest.importorskip("transformers")

import jsonschema
import torch
from stock_loop import END, PAD, SIZE, VOCABULARY, checkpoint, generate, text_of
from tiny_texts import VOCABULARY as LETTERS
from tiny_texts import is_complete
from transformers import LogitsProcessorList

import constrained_diffusion as cd
from constrained_diffusion.integrations.diffusion_constraint import DiffusionConstraint

LENGTH = 8
SCHEMAS = [
    {"enum": ["x", "yy", 3]},
    {"type": "integer", "minimum": -20, "maximum": 300},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 3},
    {
        "type": "object",
        "properties": {"a": {"enum": ["x", "y"]}, "s": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
]


def compiled_schema(number, canvases):
    return cd.compile(cd.JsonSchema(SCHEMAS[number]), VOCABULARY, length=LENGTH, canvases=canvases)


def check(tokens, number):
    """A complete text of the schema, then padding only."""
    end = tokens.index(END) if END in tokens else len(tokens)
    assert all(token == PAD for token in tokens[end + 1 :])
    jsonschema.validate(json.loads(text_of(tokens[:end])), SCHEMAS[number])


@pytest.mark.parametrize("seed", range(12))
def test_every_text_is_valid(seed, tmp_path):
    """Batches of different constraints and free rows, several canvases, any settings, one object
    for several calls."""
    rng = random.Random(seed)
    model = checkpoint(
        tmp_path,
        seed=seed,
        sharpness=rng.choice([0.5, 5.0, 30.0]),
        change=rng.choice([0.1, 1.0]),
        dtype=rng.choice([torch.float32, torch.bfloat16]),
    )
    count, canvases = rng.choice([1, 2, 3]), rng.choice([3, 4])
    numbers = [rng.randrange(4) for _ in range(count)]
    if count > 1:
        numbers[rng.randrange(count)] = None
    rows = [None if n is None else compiled_schema(n, canvases) for n in numbers]
    sampler = cd.UniformSampler(
        steps=rng.choice([1, 2, 5]),
        entropy_bound=rng.choice([0.01, 0.1, 5.0]),
        temperature=rng.choice([(0.4, 0.8), (0.0, 0.1), (1.0, 3.0)]),
        stability=rng.choice([0, 1]),
        confidence=rng.choice([0.005, 0.3, 5.0]),
    )
    told = sampler if rng.random() < 0.7 else None
    constraint = DiffusionConstraint(rows, sampler=told)
    for repeat in range(2):
        found = generate(model, [constraint], count, canvases, seed + repeat, sampler)
        for tokens, number in zip(found.new, numbers, strict=True):
            if number is not None:
                check(tokens, number)


def test_texts_that_fill_the_last_canvas_and_such_that_end_before(tmp_path):
    model = checkpoint(tmp_path, sharpness=3.0)
    rules = {"exact": "[ab]{24}", "early": "[ab]{3}", "late": "[ab]{17,23}"}
    rows = [cd.compile(cd.Regex(r), VOCABULARY, length=LENGTH, canvases=3) for r in rules.values()]
    for seed in range(3):
        found = generate(model, [DiffusionConstraint(rows)], 3, 3, seed)
        exact, early, late = found.new
        assert END not in exact and len(text_of(exact)) >= 24
        assert early[:9].count(END) == 1 and set(early[9:]) == {PAD}
        assert 17 <= len(text_of(late[: late.index(END)] if END in late else late)) <= 23


def test_fewer_canvases_than_compiled_for(tmp_path):
    model = checkpoint(tmp_path)
    wide = cd.compile(cd.Regex("[ab]{2}|[abc]{9,40}"), VOCABULARY, length=LENGTH, canvases=5)
    for seed in range(4):
        constraint = DiffusionConstraint(wide, max_new_tokens=2 * LENGTH - 3)
        (tokens,) = generate(model, [constraint], 1, 2, seed).new
        end = tokens.index(END) if END in tokens else len(tokens)
        assert wide.accepts(text_of(tokens[:end]))


def test_more_canvases_than_compiled_for():
    """A text that just fits its canvases gets its end token in the next one."""
    rows = [
        cd.compile(cd.Regex("b{8}"), LETTERS, length=LENGTH),
        cd.compile(cd.Regex("c*"), LETTERS, length=LENGTH, canvases=3),
    ]
    scores = torch.randn(2, LENGTH, len(LETTERS))
    constraint = DiffusionConstraint(rows)
    ids = torch.tensor([[0], [1]])
    for _ in range(3):
        canvas = constraint(ids, scores, 1).argmax(-1)
        ids = torch.cat([ids, canvas], 1)
    assert is_complete("b{8}", ids[0, 1:].tolist()) and is_complete("c*", ids[1, 1:].tolist())


@pytest.mark.parametrize("sharpness", [1.0, 20.0])
def test_free_rows_are_as_without_the_processor(sharpness, tmp_path):
    model = checkpoint(tmp_path, sharpness=sharpness)
    never = cd.UniformSampler(steps=3, confidence=1e-9)
    rows = [None, compiled_schema(3, 2), None]
    constraint = DiffusionConstraint(rows, sampler=never)
    plain = generate(model, [], 3, 2, 5, never)
    mixed = generate(model, [constraint], 3, 2, 5, never)
    assert plain.new[0] == mixed.new[0] and plain.new[2] == mixed.new[2]
    assert plain.new[1] != mixed.new[1]
    check(mixed.new[1], 3)


def test_drafts_are_valid_and_the_loop_stops_early(tmp_path):
    model = checkpoint(tmp_path, sharpness=3.0)
    compiled = cd.compile(cd.Choice(["abc", "abd", "zz"]), VOCABULARY, length=LENGTH)
    sampler = cd.UniformSampler(steps=40, confidence=0.4)
    found = generate(model, [DiffusionConstraint(compiled, sampler=sampler)], 1, 1, 0, sampler)
    assert 2 <= len(found.drafts) < 40
    for draft in [*found.drafts, found.new]:
        assert text_of(draft[0][: draft[0].index(END)]) in {"abc", "abd", "zz"}
    forced = cd.compile(cd.Choice(["abc"]), VOCABULARY, length=LENGTH)
    found = generate(model, [DiffusionConstraint(forced)], 1, 1, 0, cd.UniformSampler())
    assert len(found.drafts) == 2  # no entropy, and stable at the second step


def test_the_mode_of_the_exact_posterior_is_the_argmax_and_others_keep_their_scores():
    compiled = cd.compile(cd.Regex("[ab]*c"), LETTERS, length=LENGTH)
    ids = torch.tensor([[1, 2]])
    for seed in range(20):
        torch.manual_seed(seed)
        scores = torch.randn(1, LENGTH, len(LETTERS)) * 3
        told = DiffusionConstraint(compiled)(ids, scores, torch.tensor(48))
        mode = compiled.posterior(scores).mode()
        assert torch.equal(told.argmax(-1), mode)
        for position in range(LENGTH):
            row, own = told[0, position], scores[0, position]
            changed = (row != own).nonzero().flatten().tolist()
            certain = row.isinf().sum() == len(LETTERS) - 1
            assert certain or set(changed) <= {int(mode[0, position])}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_argmax_survives_division_by_any_temperature(dtype):
    compiled = cd.compile(cd.Regex("(ab|c)*"), LETTERS, length=LENGTH)
    ids = torch.tensor([[1, 2]])
    for seed in range(30):
        torch.manual_seed(seed)
        # Few different values: ties are common.
        scores = torch.randint(-3, 4, (1, LENGTH, len(LETTERS))).to(dtype) * 7
        scores[torch.rand(scores.shape) < 0.2] = -torch.inf
        told = DiffusionConstraint(compiled)(ids, scores, 48)
        assert told.dtype == dtype
        for temperature in (0.4, 0.77, 1.0, 3.3):
            tokens = (told / torch.tensor(temperature)).argmax(-1)[0].tolist()
            assert is_complete("(ab|c)*", tokens)


def test_a_new_generation_begins_from_the_start():
    compiled = cd.compile(cd.Regex("a{8}b{8}"), LETTERS, length=LENGTH, canvases=2)
    constraint = DiffusionConstraint(compiled)
    scores = torch.zeros(1, LENGTH, len(LETTERS))
    prompt = torch.tensor([[1, 2]])

    def first(ids, step):
        return int(constraint(ids, scores, step).argmax(-1)[0, 0])

    grown = torch.cat([prompt, torch.tensor([[0] * LENGTH])], 1)
    assert [first(prompt, 2), first(prompt, 1), first(grown, 2), first(grown, 1)] == [0, 0, 1, 1]
    assert [first(prompt, 2), first(grown, 2)] == [0, 1]
    assert first(grown, 2) == 0  # the same prompt, the steps begin anew
    assert first(torch.cat([grown, prompt], 1), 2) == 0
    assert first(prompt, 1) == first(prompt, 1) == 0
    assert first(grown, 1) == 1
    constraint.reset()
    assert first(grown, 1) == 0


def test_puzzles_can_be_solved_too():
    digits = cd.Vocabulary([b"1", b"2", b"3", b"4", None, None], end_ids=[4], pad_id=5)
    puzzle = cd.compile(cd.Sudoku("1" + "." * 15, box=(2, 2)), digits, length=18)
    told = DiffusionConstraint(puzzle)(torch.tensor([[0]]), torch.randn(1, 18, 6), 48)
    tokens = told.argmax(-1)[0].tolist()
    assert puzzle.accepts(digits.decode(tokens[:16])) and tokens[16:] == [4, 5]


def test_what_cannot_be_done_is_refused():
    compiled = compiled_schema(0, 1)
    ids, scores = torch.tensor([[1]]), torch.zeros(1, LENGTH, SIZE)
    with pytest.raises(cd.ConstrainedDiffusionError, match="2 constraints for a batch of 1"):
        DiffusionConstraint([compiled, None])(ids, scores, 1)
    with pytest.raises(cd.ConstrainedDiffusionError, match="length=4"):
        DiffusionConstraint(compiled)(ids, scores[:, :4], 1)
    with pytest.raises(cd.VocabularyError, match="9 logits"):
        DiffusionConstraint(compiled)(ids, scores[..., :9], 1)
    with pytest.raises(cd.ConstrainedDiffusionError, match="NaN"):
        DiffusionConstraint(compiled)(ids, scores * torch.nan, 1)
    with pytest.raises(cd.ConstrainedDiffusionError, match="one length"):
        other = cd.compile(cd.Regex("a"), VOCABULARY, length=LENGTH + 1)
        DiffusionConstraint([compiled, other])
    long = cd.compile(cd.Regex("(ab|c){20}"), LETTERS, length=LENGTH, canvases=9)
    with pytest.raises(cd.CanvasTooSmallError):
        DiffusionConstraint(long, max_new_tokens=2 * LENGTH)


def test_the_list_of_processors_asks_for_the_step():
    processors = LogitsProcessorList([DiffusionConstraint(compiled_schema(0, 1))])
    ids, scores = torch.tensor([[1]]), torch.zeros(1, LENGTH, SIZE)
    assert processors(ids, scores, cur_step=3).shape == scores.shape
