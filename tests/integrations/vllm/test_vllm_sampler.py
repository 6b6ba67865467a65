"""The sampler's step under constraints: valid text over several canvases, nothing else touched."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import torch
from serving import VOCABULARY, Request, Server

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "ok": {"type": "boolean"},
        "n": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "ok", "n"],
    "additionalProperties": False,
}
LIST = {"type": "array", "items": {"enum": ["ab", "cd"]}, "minItems": 1, "maxItems": 9}
PATTERN = "[a-c]{5,30}(ab)?"
WORDS = ["yes", "no", "perhaps not today at all, thanks"]


def mixed(round_: int) -> list[Request]:
    return [
        Request(f"json {round_}", {"json": SCHEMA}),
        Request(f"free {round_}", None, max_tokens=30),
        Request(f"list {round_}", {"json": json.dumps(LIST)}),
        Request(f"regex {round_}", {"regex": PATTERN}),
        Request(f"choice {round_}", {"choice": WORDS}),
    ]


def check(request: Request) -> None:
    """By other means than the plugin's."""
    options, text = request.options, request.text
    if options is None:
        return
    if "json" in options:
        schema = options["json"]
        jsonschema.validate(
            json.loads(text), json.loads(schema) if isinstance(schema, str) else schema
        )
    elif "regex" in options:
        assert re.fullmatch(options["regex"], text)
    elif "choice" in options:
        assert text in options["choice"]
    for token, following in itertools.pairwise(request.tokens):
        assert token not in VOCABULARY.end_ids or following == VOCABULARY.pad_id


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_mixed_batches_give_valid_text_over_several_canvases(implementation: Any) -> None:
    torch.manual_seed(0)
    server = Server(implementation)
    requests = [request for round_ in range(4) for request in mixed(round_)]
    server.run(*requests)
    for request in requests:
        check(request)
    canvases = [len(request.tokens) / 12 for request in requests if request.options]
    assert max(canvases) > 2, "no text went on over several canvases"


@pytest.mark.parametrize("room", [5, 6, 11, 13, 24, 29])
def test_a_text_ends_within_max_tokens(implementation: Any, room: int) -> None:
    torch.manual_seed(room)
    server = Server(implementation)
    requests = [Request(f"r{i}", {"regex": PATTERN}, max_tokens=room) for i in range(6)]
    server.run(*requests)
    for request in requests:
        check(request)
        assert len(request.tokens) <= room


@pytest.mark.parametrize("max_model_len", [10, 15, 20, 26])
def test_a_canvas_cut_near_the_end_of_the_model(implementation: Any, max_model_len: int) -> None:
    torch.manual_seed(0)
    server = Server(implementation, max_model_len=max_model_len)
    requests = [
        Request(f"r{i}", {"regex": PATTERN}, prompt_len=2 + i % 3, max_tokens=1000)
        for i in range(6)
    ]
    server.run(*requests)
    for request in requests:
        check(request)


def test_a_canvas_cut_for_the_sake_of_others(implementation: Any) -> None:
    """A scheduler short of tokens gives fewer positions to a step, a commit among them."""
    for seed in range(8):
        torch.manual_seed(seed)
        server = Server(implementation)
        request = Request(f"cut {seed}", {"json": LIST})
        server.add(request)
        sizes = itertools.cycle([12, 7, 12, 12, 5])
        for _ in range(60):
            server.step(budget={request.name: next(sizes)})
            if request.finished:
                break
        check(request)


def test_canvases_of_different_width(implementation: Any) -> None:
    torch.manual_seed(3)
    server = Server(implementation)
    requests = [
        Request(f"w{i}", {"json": LIST}, extra={"diffusion_canvas_length": width} if width else {})
        for i, width in enumerate([0, 5, 0, 8, 5, 8])
    ]
    server.run(*requests)
    for request in requests:
        check(request)


def test_unconstrained_requests_are_bit_identical(implementation: Any) -> None:
    """In one batch with constrained ones, and in one with none."""
    kept = []
    for constrained in (False, True):
        torch.manual_seed(7)
        server = Server(implementation)
        requests = mixed(0)[:4]
        for request in requests:
            if not constrained:
                request.options = None
            server.add(request)
        free = requests[1]
        history = []
        for _ in range(17):
            server.step()
            slot = free.slot
            history += [
                server.states.canvas[slot].clone(),
                server.states.argmax_canvas[slot].clone(),
                server.states.self_conditioning_embeds[slot].clone(),
                server.states.is_encoder_phase[slot].clone(),
            ]
        kept.append((history, free.tokens))
    (history, tokens), (others, other_tokens) = kept
    assert tokens == other_tokens and len(tokens) > 12
    assert all(map(torch.equal, history, others))


def test_the_model_is_told_its_own_prediction(implementation: Any) -> None:
    """Self-conditioning of a constrained request is what it would be without the constraint."""
    told = []
    for options in (None, {"json": LIST}):
        torch.manual_seed(2)
        server = Server(implementation)
        request = Request("r", options)
        server.add(request)
        server.step()
        server.step()
        told.append(server.states.self_conditioning_embeds[request.slot].clone())
    assert told[0].abs().sum() > 0
    assert torch.equal(*told)


def test_a_preempted_request_goes_on_where_it_was(implementation: Any) -> None:
    for seed in range(6):
        torch.manual_seed(seed)
        server = Server(implementation)
        request = Request(f"r{seed}", {"json": LIST}, max_tokens=48)
        other = Request("other", {"choice": WORDS})
        server.add(request)
        while not request.tokens:
            server.step()
        if not request.finished:
            server.remove(request)
            server.add(other)  # gets its slot
            server.add(request)
        while not request.finished:
            server.step()
        check(request)


def test_a_slot_forgets_its_request(implementation: Any) -> None:
    torch.manual_seed(0)
    server = Server(implementation, slots=1)
    constrained = Request("list", {"json": LIST})
    free = Request("free", None, max_tokens=24)
    server.run(constrained, free)
    check(constrained)
    assert len(server.rows) == 0
    with pytest.raises(ValueError):
        json.loads(free.text)


def test_pinned_tokens_stand_where_they_are_pinned(implementation: Any) -> None:
    """Whatever the model prefers, in texts that end in the first canvas."""
    token = VOCABULARY.encode("c")[0]
    for seed in range(6):
        torch.manual_seed(seed)
        server = Server(implementation)
        extra = {"diffusion_seed_canvas": [token] * 12, "diffusion_pinned": [2, 4]}
        request = Request(f"p{seed}", {"regex": PATTERN}, extra=extra)
        server.run(request)
        check(request)
        assert request.tokens[2] == token and request.tokens[4] == token
        assert len(request.tokens) <= 13


def test_equal_seeds_give_equal_texts(implementation: Any) -> None:
    """So do the ranks of a tensor-parallel group."""
    texts = []
    for _ in range(2):
        torch.manual_seed(5)
        server = Server(implementation)
        requests = mixed(0)
        server.run(*requests)
        texts.append([request.tokens for request in requests])
    assert texts[0] == texts[1]


def test_logits_that_are_not_a_number_end_only_their_request(
    implementation: Any, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    server = Server(implementation, spoil="spoiled")
    good = Request("good", {"json": LIST})
    bad = Request("spoiled", {"json": LIST})
    with caplog.at_level(logging.ERROR):
        server.run(good, bad)
    check(good)
    assert bad.text == "" and bad.finished
    assert "request spoiled is ended" in caplog.text
