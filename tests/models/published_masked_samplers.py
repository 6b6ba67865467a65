"""The published samplers of masked diffusion models, written again from what their code does.

Sources, as read in November 2026: ML-GSAI/LLaDA, generate.py; DreamLM/Dream with the
generation_utils.py of its checkpoints; NVlabs/Fast-dLLM, llada/generate.py (without its caches,
which approximate the model). Classifier-free guidance, LLaDA's options that forbid end tokens and
Dream's hooks are left out.

All run on the global generator, and in the order in which the published code draws. `draws` says
from what: as published, or only at the positions that are still masked, as a sampler does that
never sees the prompt's positions. Both have the same distribution. Where certainties are equal,
`torch.topk` leaves open which positions come first; here it is the leftmost ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Where the random numbers come from.

    tokens: logits [n, V] of the masked positions of N, bool [N], and a temperature: a token each.
    scores: the positions that may be chosen, bool [N]: a uniform number for each of the N.
    positions: weights [N], a number and how many positions at the beginning never count: different
        positions.
    """

    tokens: Callable[[Tensor, Tensor, float], Tensor]
    scores: Callable[[Tensor], Tensor]
    positions: Callable[[Tensor, int, int], Tensor]


def _gumbel_tokens(logits: Tensor, masked: Tensor, temperature: float) -> Tensor:
    """LLaDA's: the largest exp(logit) / (-log u)^temperature, in float64, u drawn everywhere."""
    uniform = torch.rand(len(masked), logits.shape[-1], dtype=torch.float64)[masked]
    noisy = logits.double() - temperature * torch.log(-torch.log(uniform))
    return noisy.argmax(-1)


def _categorical_tokens(logits: Tensor, masked: Tensor, temperature: float) -> Tensor:
    """Dream's: torch's own categorical draw, at the masked positions only."""
    probabilities = torch.softmax(logits / temperature, -1)
    return torch.distributions.Categorical(probs=probabilities).sample()


def _scores_of_all(candidates: Tensor) -> Tensor:
    return torch.rand(len(candidates))


def _scores_of_candidates(candidates: Tensor) -> Tensor:
    scores = torch.zeros(len(candidates))
    scores[candidates] = torch.rand(int(candidates.sum()))
    return scores


def _positions_of_all(weights: Tensor, count: int, skipped: int) -> Tensor:
    return torch.multinomial(weights, count)


def _positions_behind(weights: Tensor, count: int, skipped: int) -> Tensor:
    return torch.multinomial(weights[skipped:], count) + skipped


PUBLISHED_LLADA = Draws(_gumbel_tokens, _scores_of_all, _positions_of_all)
PUBLISHED_DREAM = Draws(_categorical_tokens, _scores_of_all, _positions_of_all)
CANVAS_ONLY = Draws(_categorical_tokens, _scores_of_candidates, _positions_behind)


def llada_generate(
    model: Any,
    prompt: Tensor,
    *,
    mask_id: int,
    attention_mask: Tensor | None = None,
    steps: int = 128,
    gen_length: int = 128,
    block_length: int = 128,
    temperature: float = 0.0,
    remasking: str = "low_confidence",
    draws: Draws = PUBLISHED_LLADA,
) -> Tensor:
    """LLaDA's `generate`: the new tokens [B, gen_length] after prompts [B, P]."""
    rows, start = prompt.shape
    sequence = _masked_behind(prompt, gen_length, mask_id)
    if attention_mask is not None:
        attention_mask = torch.cat(
            [attention_mask, attention_mask.new_ones(rows, gen_length)], dim=1
        )
    blocks = gen_length // block_length
    assert blocks * block_length == gen_length and steps % blocks == 0
    per_block = steps // blocks
    for block in range(blocks):
        stop = start + (block + 1) * block_length
        for step in range(per_block):
            base, rest = divmod(block_length, per_block)
            count = base + (step < rest)
            logits = model(input_ids=sequence, attention_mask=attention_mask).logits
            masked = sequence == mask_id
            for row in range(rows):
                tokens = _llada_tokens(logits[row], masked[row], temperature, draws)
                candidates = masked[row].clone()
                candidates[stop:] = False
                if remasking == "low_confidence":
                    probabilities = torch.softmax(logits[row], -1)
                    certainty = probabilities.gather(-1, tokens.clamp(min=0)[:, None])[:, 0]
                else:
                    certainty = draws.scores(candidates)
                certainty = certainty.masked_fill(~candidates, -torch.inf)
                chosen = _highest(certainty, count)
                sequence[row, chosen] = tokens[chosen]
    return sequence[:, start:]


def _llada_tokens(logits: Tensor, masked: Tensor, temperature: float, draws: Draws) -> Tensor:
    """A token for each masked position; -1 elsewhere."""
    tokens = torch.full((len(masked),), -1)
    if temperature == 0:
        tokens[masked] = logits[masked].argmax(-1)
    else:
        tokens[masked] = draws.tokens(logits[masked], masked, temperature)
    return tokens


def fast_dllm_generate(
    model: Any,
    prompt: Tensor,
    *,
    mask_id: int,
    gen_length: int = 128,
    block_length: int = 128,
    temperature: float = 0.0,
    threshold: float = 0.9,
    draws: Draws = PUBLISHED_LLADA,
) -> Tensor:
    """Fast-dLLM's `generate` with a threshold: the new tokens [1, gen_length] after one prompt.

    In each block as many steps as it takes: all tokens whose probability (softmax in float64)
    reaches the threshold are committed, and the most probable one anyway.
    """
    start = prompt.shape[1]
    sequence = _masked_behind(prompt, gen_length, mask_id)
    for begin in range(start, start + gen_length, block_length):
        stop = begin + block_length
        while (sequence[0, begin:stop] == mask_id).any():
            logits = model(input_ids=sequence).logits[0]
            masked = sequence[0] == mask_id
            tokens = _llada_tokens(logits, masked, temperature, draws)
            masked[stop:] = False
            probabilities = torch.softmax(logits.double(), -1)
            certainty = probabilities.gather(-1, tokens.clamp(min=0)[:, None])[:, 0]
            certainty = certainty.masked_fill(~masked, -torch.inf)
            chosen = certainty >= threshold
            chosen[_highest(certainty, 1)] = True
            sequence[0, chosen] = tokens[chosen]
    return sequence[:, start:]


def dream_generate(
    model: Any,
    prompt: Tensor,
    *,
    mask_id: int,
    max_new_tokens: int = 128,
    steps: int = 512,
    alg: str = "origin",
    temperature: float = 0.0,
    top_p: float | None = None,
    top_k: int | None = None,
    alg_temp: float | None = None,
    eps: float = 1e-3,
    draws: Draws = PUBLISHED_DREAM,
) -> Tensor:
    """Dream's `diffusion_generate` for one prompt [1, P]: the new tokens [1, max_new_tokens]."""
    start = prompt.shape[1]
    sequence = _masked_behind(prompt, max_new_tokens, mask_id)
    times = torch.linspace(1, eps, steps + 1)
    for step in range(steps):
        masked = sequence[0] == mask_id
        raw = model(input_ids=sequence).logits[0]
        shifted = torch.cat([raw[:1], raw[:-1]])[masked]
        share = 1 - times[step + 1] / times[step] if step < steps - 1 else torch.tensor(1.0)
        if alg == "origin":
            revealed = draws.scores(torch.ones(int(masked.sum()), dtype=torch.bool)) < share
            places = masked.nonzero()[:, 0][revealed]
            _, tokens = _dream_tokens(
                shifted[revealed], places, len(masked), temperature, top_p, top_k, draws
            )
            sequence[0, places] = tokens
            continue
        places = masked.nonzero()[:, 0]
        probabilities, tokens = _dream_tokens(
            shifted, places, len(masked), temperature, top_p, top_k, draws
        )
        certainty = torch.full((len(masked),), -torch.inf)
        certainty[places] = _dream_certainty(alg, probabilities, tokens)
        count = int(masked.sum() * share)
        if count == 0:
            continue
        if alg_temp:
            chosen = draws.positions(torch.softmax(certainty / alg_temp, -1), count, start)
        else:
            chosen = _highest(certainty, count)
        drawn = torch.full((len(masked),), mask_id)
        drawn[places] = tokens
        sequence[0, chosen] = drawn[chosen]
    return sequence[:, start:]


def _dream_tokens(
    logits: Tensor,
    places: Tensor,
    positions: int,
    temperature: float,
    top_p: float | None,
    top_k: int | None,
    draws: Draws,
) -> tuple[Tensor, Tensor]:
    """Probabilities [n, V] after temperature, top-p and top-k, and a token [n] of each row."""
    lowest = torch.finfo(logits.dtype).min
    if temperature > 0:
        logits = logits / temperature
    if top_p is not None and top_p < 1:
        ordered, order = torch.sort(logits, descending=True)
        beyond = torch.cumsum(torch.softmax(ordered, -1), -1) > top_p
        # The token that crosses the threshold is kept, and so is the first.
        beyond = torch.cat([torch.zeros_like(beyond[:, :1]), beyond[:, :-1]], dim=1)
        logits = logits.masked_fill(torch.zeros_like(beyond).scatter(-1, order, beyond), lowest)
    if top_k is not None:
        weakest = torch.topk(logits, min(top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < weakest, lowest)
    probabilities = torch.softmax(logits, -1)
    if temperature == 0:
        return probabilities, probabilities.argmax(-1)
    where = torch.zeros(positions, dtype=torch.bool)
    where[places] = True
    return probabilities, draws.tokens(logits, where, 1.0)


def _dream_certainty(alg: str, probabilities: Tensor, tokens: Tensor) -> Tensor:
    if alg == "maskgit_plus":
        return probabilities.gather(-1, tokens[:, None])[:, 0]
    if alg == "topk_margin":
        best = probabilities.sort(-1, descending=True).values
        return best[:, 0] - best[:, 1]
    assert alg == "entropy"
    return (probabilities * torch.log(probabilities + 1e-10)).sum(-1)


def _highest(certainty: Tensor, count: int) -> Tensor:
    return certainty.sort(descending=True, stable=True).indices[:count]


def _masked_behind(prompt: Tensor, length: int, mask_id: int) -> Tensor:
    return torch.cat([prompt, torch.full((len(prompt), length), mask_id)], dim=1)
