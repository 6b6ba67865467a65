"""A row by itself: what it emits, and what it says of positions that nobody will see."""

from __future__ import annotations

import logging

import pytest
import torch
from serving import VOCABULARY

import constrained_diffusion as cd
from constrained_diffusion.integrations.vllm.rows import Row

WIDTH = 12


def row(pattern: str, room: int) -> Row:
    compiled = cd.compile(cd.Regex(pattern), VOCABULARY, length=WIDTH, canvases=2)
    return Row("r", VOCABULARY, compiled, room=room, fixed={}, seed=0)


def logits(positions: int) -> torch.Tensor:
    return torch.randn(positions, len(VOCABULARY), generator=torch.Generator().manual_seed(1))


def test_a_text_that_takes_all_the_room_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Without an end token, and not at the border of a canvas: what stands behind it is noise."""
    caplog.set_level(logging.ERROR, logger="vllm.constrained_diffusion")
    one = row("[a-c]{8}", room=8)
    open_positions = one.open_positions(WIDTH)
    assert open_positions == 8
    canvas = one.predict(logits(open_positions), 0.5, WIDTH).mode.tolist()
    assert len(canvas) == 8
    one.commit([*canvas, 200, 201, 202, 203])
    assert not caplog.records
    assert one.constraint is not None and one.constraint.tokens.accepting[one.state]
    assert one.room == 0 and one.open_positions(WIDTH) == 0


def test_at_temperature_zero_the_sample_is_the_mode() -> None:
    flat = torch.zeros(WIDTH, len(VOCABULARY))
    cold = row("[a-c]*", room=2 * WIDTH).predict(flat, 0.0, WIDTH)
    assert torch.equal(cold.sample, cold.mode)
    warm = row("[a-c]*", room=2 * WIDTH).predict(flat, 1.0, WIDTH)
    assert not torch.equal(warm.sample, warm.mode)


def test_what_is_predicted_after_the_end_is_padding() -> None:
    one = row("[a-c]{2}", room=2 * WIDTH)
    prediction = one.predict(logits(WIDTH), 0.5, WIDTH)
    one.commit(prediction.mode.tolist())
    after = one.predict(logits(0), 0.5, WIDTH)
    assert after.mode.tolist() == [VOCABULARY.pad_id] * WIDTH
    assert after.entropy.tolist() == [0.0] * WIDTH
