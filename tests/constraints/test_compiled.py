"""Compiled constraints: acceptance, explanations, room, probabilities of values."""

import gc
import itertools
import json
import math

import pytest
import torch

import constrained_diffusion as cd
from constrained_diffusion.inference.canvas import CanvasPosterior

BYTES = cd.Vocabulary([bytes([b]) for b in range(256)] + [None, None], end_ids=[256], pad_id=257)
SMALL = cd.Vocabulary([b"a", b"b", b"ab", None, None], end_ids=[3], pad_id=4)
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "size": {"enum": ["s", "m", 3]}},
    "required": ["name", "size"],
    "additionalProperties": False,
}


def canvases(vocabulary: cd.Vocabulary, length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(len(vocabulary)), repeat=length))


def text_of(canvas: tuple[int, ...], vocabulary: cd.Vocabulary) -> str | None:
    """The text of a canvas by its definition: text tokens, one end token, padding."""
    ends = [i for i, token in enumerate(canvas) if token in vocabulary.end_ids]
    stop = ends[0] if ends else len(canvas)
    if any(vocabulary.tokens[token] is None for token in canvas[:stop]):
        return None
    if any(token not in vocabulary.padding_ids for token in canvas[stop + 1 :]):
        return None
    return b"".join(vocabulary.tokens[token] or b"" for token in canvas[:stop]).decode()


def test_accepts_needs_no_canvas() -> None:
    compiled = cd.compile(cd.Regex("(ab)+"), SMALL, length=4)
    assert compiled.accepts("ab" * 50)
    assert compiled.accepts(b"ab")
    assert not compiled.accepts("aba")
    assert not compiled.accepts(b"\xff")
    assert not compiled.accepts("\ud800")


def test_a_counter_beyond_the_canvas_still_counts_for_long_texts() -> None:
    compiled = cd.compile(cd.Text(0, 40), SMALL, length=4)
    assert compiled.accepts("a" * 40)
    assert not compiled.accepts("a" * 41)
    schema = cd.compile(cd.JsonSchema({"type": "string", "maxLength": 40}), BYTES, length=20)
    assert schema.accepts(json.dumps("a" * 40))
    assert not schema.accepts(json.dumps("a" * 41))


def test_json_is_accepted_in_any_white_space() -> None:
    compiled = cd.compile(cd.JsonSchema(RECORD), BYTES, length=64)
    assert compiled.accepts('{"name":"x","size":3}')
    assert compiled.accepts('{ "name" : "x",\n\t"size": "m" }')
    assert not compiled.accepts('{"size":3,"name":"x"}')
    assert not compiled.accepts('{"name":"x","size":4}')


def test_explain_names_place_and_expectation() -> None:
    compiled = cd.compile(cd.Regex("ab\n(c|d)e"), BYTES, length=8)
    assert compiled.explain("ab\nce") is None
    message = compiled.explain("ab\nxe")
    assert message is not None
    assert "line 2, column 1" in message and "'x'" in message and "'c'" in message
    ended = compiled.explain("ab\nc")
    assert ended is not None and "the text ends" in ended and "'e'" in ended
    binary = compiled.explain(b"ab\xff")
    assert binary is not None and "UTF-8" in binary


def test_shortest_is_accepted_and_of_min_tokens() -> None:
    compiled = cd.compile(cd.Regex("(ab){2}b?"), SMALL, length=4)
    assert compiled.shortest() == b"abab"
    assert compiled.min_tokens == 2


def test_too_small_a_canvas_is_refused_with_both_numbers() -> None:
    with pytest.raises(cd.CanvasTooSmallError) as caught:
        cd.compile(cd.Regex("(ab){5}"), SMALL, length=2, canvases=2)
    assert (caught.value.needed, caught.value.available) == (5, 4)


@pytest.mark.parametrize("constraint", [cd.Regex("a") & cd.Regex("b"), cd.Regex("c+")])
def test_no_text_at_all_is_unsatisfiable(constraint: cd.Constraint) -> None:
    with pytest.raises(cd.UnsatisfiableError):
        cd.compile(constraint, SMALL, length=4)


@pytest.mark.parametrize("length", [0, -1, 2.5, True])
def test_length_is_a_whole_number(length: object) -> None:
    with pytest.raises(cd.ConstrainedDiffusionError, match="length"):
        cd.compile(cd.Text(), SMALL, length=length)  # type: ignore[arg-type]


def test_a_type_or_a_dict_is_read_as_a_schema() -> None:
    assert cd.compile(list[int], BYTES, length=16).parse("[1,2]") == [1, 2]
    assert cd.compile({"const": "x"}, BYTES, length=16).shortest() == b'"x"'
    with pytest.raises(cd.ConstrainedDiffusionError, match="constraint"):
        cd.compile("a+", BYTES, length=16)


def test_posterior_is_that_of_all_accepted_canvases() -> None:
    constraint, length = cd.Regex("a(b|ab)*"), 3
    compiled = cd.compile(constraint, SMALL, length=length)
    log_probs = torch.randn(
        length, len(SMALL), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    ).log_softmax(-1)
    weights = {}
    for canvas in canvases(SMALL, length):
        text = text_of(canvas, SMALL)
        if text is not None and compiled.accepts(text):
            weights[canvas] = math.exp(sum(float(log_probs[i, v]) for i, v in enumerate(canvas)))
    total = sum(weights.values())
    posterior = compiled.posterior(log_probs)
    assert float(posterior.log_evidence) == pytest.approx(math.log(total), abs=1e-6)
    marginals = posterior.marginals()
    for i in range(length):
        for v in range(len(SMALL)):
            expected = sum(w for canvas, w in weights.items() if canvas[i] == v) / total
            assert float(marginals[i, v]) == pytest.approx(expected, abs=1e-6)
    assert tuple(posterior.mode().tolist()) == max(weights, key=weights.__getitem__)


def test_canvases_that_are_not_the_last_may_end_anywhere_that_can_finish() -> None:
    compiled = cd.compile(cd.Regex("(ab){4}"), SMALL, length=2, canvases=3)
    log_probs = torch.zeros(2, len(SMALL))
    state = None
    tokens: list[int] = []
    for left in (2, 1, 0):
        posterior = compiled.posterior(log_probs, state=state, last=left == 0, room=2 * left)
        canvas = posterior.sample(torch.Generator().manual_seed(left)).tolist()
        state = compiled.advance(canvas, state)
        tokens += canvas
    assert compiled.accepts(SMALL.decode(tokens))
    open_ended = compiled.posterior(log_probs, last=False).mask()
    assert open_ended[0].tolist() == [True, False, True, False, False]


def test_rows_of_a_batch_have_their_own_constraints() -> None:
    one = cd.compile(cd.Regex("a+"), SMALL, length=2)
    other = cd.compile(cd.Regex("b+"), SMALL, length=2)
    log_probs = torch.zeros(3, 2, len(SMALL))
    together = cd.posterior([one, None, other], log_probs, fixed=[{0: 0}, None, {1: 3}])
    assert together.mask().shape == (3, 2, len(SMALL))
    assert together.mask()[1].all()
    alone = other.posterior(log_probs[2], fixed={1: 3})
    assert torch.equal(together.mask()[2], alone.mask())
    assert torch.allclose(together.marginals()[2], alone.marginals())
    with pytest.raises(cd.ConstrainedDiffusionError, match="2 constraints for 3 rows"):
        cd.posterior([one, other], log_probs)


def test_values_are_shares_of_the_evidence() -> None:
    compiled = cd.compile(cd.JsonSchema(RECORD), BYTES, length=32)
    log_probs = torch.randn(32, len(BYTES), generator=torch.Generator().manual_seed(0))
    posterior = compiled.posterior(log_probs)
    values = posterior.values("/size")
    assert set(values) == {"s", "m", "3"}
    assert sum(values.values()) == pytest.approx(1, abs=1e-6)
    for value, probability in values.items():
        narrowed = json.loads(json.dumps(RECORD))
        narrowed["properties"]["size"] = {"const": 3 if value == "3" else value}
        part = cd.compile(cd.JsonSchema(narrowed), BYTES, length=32).posterior(log_probs)
        ratio = math.exp(float(part.log_evidence) - float(posterior.log_evidence))
        assert probability == pytest.approx(ratio)


def test_values_of_a_template_hole_by_enumeration() -> None:
    template = cd.Template(cd.Hole("first", cd.Choice(["a", "b"])), cd.Hole("rest", cd.Text(0, 1)))
    compiled = cd.compile(template, SMALL, length=2)
    log_probs = torch.randn(2, len(SMALL), generator=torch.Generator().manual_seed(3)).log_softmax(
        -1
    )
    weights = {"a": 0.0, "b": 0.0}
    for canvas in canvases(SMALL, 2):
        text = text_of(canvas, SMALL)
        if text is not None and compiled.accepts(text):
            weights[text[0]] += math.exp(sum(float(log_probs[i, v]) for i, v in enumerate(canvas)))
    values = compiled.posterior(log_probs).values("first")
    for value, weight in weights.items():
        assert values[value] == pytest.approx(weight / sum(weights.values()), abs=1e-5)


def test_values_of_an_unknown_field_is_an_error() -> None:
    posterior = cd.compile(cd.Regex("a"), SMALL, length=2).posterior(torch.zeros(2, 5))
    with pytest.raises(cd.ConstrainedDiffusionError, match="no fields"):
        posterior.values("/x")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{\n  "name": "x",\n  "size": 4\n}', 3, 11),
        ('{ "name": "toolong", "size": 3 }', 1, 17),
        ('{"name": "x"}', 1, 13),
        ('{ "name": "x", "size" 3 }', 1, 23),
        (" nothing", 1, 2),
        ('{ "name": "x", "size": 3 } true', 1, 28),
        ('{ "name": "x", "size": 3 ', 1, 26),
        ('{ "name": "x", "size": 3 3 }', 1, 25),
        ('{ "n\\u0061me": "x", "sise": 3 }', 1, 24),
    ],
)
def test_json_failures_are_placed_in_the_text_as_written(text: str, line: int, column: int) -> None:
    message = cd.compile(cd.JsonSchema(RECORD), BYTES, length=64).explain(text)
    assert message is not None
    assert message.startswith(f"line {line}, column {column}:"), message


@pytest.mark.parametrize(
    "text", ["1 2", "- 1", "0 1", "1 .5", "1 e5", "1 ,", '"a" "b"', "tr ue", " ", ""]
)
def test_blanks_never_join_what_is_no_json(text: str) -> None:
    compiled = cd.compile(cd.JsonSchema(True), BYTES, length=32)
    with pytest.raises(ValueError):
        json.loads(text)
    assert not compiled.accepts(text)


def canvases_alive() -> list[CanvasPosterior]:
    return [each for each in gc.get_objects() if type(each) is CanvasPosterior]


def test_a_posterior_is_freed_with_its_last_reference() -> None:
    """It holds the logits: waiting for the garbage collector would pile them up, step by step."""
    compiled = cd.compile(cd.JsonSchema(RECORD), BYTES, length=32)
    gc.collect()
    gc.disable()
    try:
        posterior = compiled.posterior(torch.zeros(32, len(BYTES)))
        posterior.marginals(), posterior.mode(), posterior.sample(torch.Generator())
        assert canvases_alive()
        del posterior
        assert not canvases_alive()
    finally:
        gc.enable()


def test_values_need_some_probability() -> None:
    compiled = cd.compile(cd.Choice(["a", "b"]), SMALL, length=1)
    log_probs = torch.tensor([[-torch.inf, -torch.inf, 0.0, -torch.inf, -torch.inf]])
    posterior = compiled.posterior(log_probs)
    assert posterior.mode().tolist() in ([0], [1])
    with pytest.raises(cd.ConstrainedDiffusionError, match="probability 0"):
        posterior.values("")
