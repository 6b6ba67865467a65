from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constrained_diffusion.sampling.truncation import truncate

LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=7)


@given(LOGITS, st.floats(0.05, 1.0))
def test_top_p_keeps_the_fewest_tokens_that_exceed_it(logits, top_p):
    probabilities = torch.tensor(logits).softmax(-1)
    kept = truncate(torch.tensor([logits]), top_p=top_p)[0].softmax(-1) > 0
    ordered = probabilities.sort(descending=True).values.double().cumsum(-1)
    if (ordered - top_p).abs().min() < 1e-5:
        return  # which side of the limit a sum is on depends on its rounding
    enough = [count + 1 for count, total in enumerate(ordered.tolist()) if total > top_p]
    assert int(kept.sum()) == (enough[0] if enough else len(logits))
    if not kept.all():
        assert probabilities[kept].min() >= probabilities[~kept].max()


@given(LOGITS, st.integers(1, 9))
def test_top_k_keeps_the_most_probable_tokens_and_their_equals(logits, top_k):
    kept = truncate(torch.tensor(logits), top_k=top_k).softmax(-1) > 0
    last = sorted(logits, reverse=True)[:top_k][-1]
    assert kept.tolist() == [logit >= last for logit in logits]


def test_what_is_left_out_stays_finite_and_what_is_forbidden_stays_forbidden():
    truncated = truncate(torch.tensor([3.0, 1.0, -math.inf]), top_k=1)
    assert truncated[0] == 3.0
    assert math.isfinite(truncated[1])
    assert truncated[2] == -math.inf


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_is_left_out_without_a_rule(dtype):
    logits = torch.randn(3, 5, dtype=dtype)
    assert torch.equal(truncate(logits), logits)
    assert torch.equal(truncate(logits, top_p=1.0, top_k=5), logits)
