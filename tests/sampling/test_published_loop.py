"""Without a constraint: the published loops, written out once more, token for token."""

from __future__ import annotations

import pytest
import torch
from enumerated import LETTERS, problem

from constrained_diffusion import MaskedSampler, UniformSampler, Vocabulary, generate
from constrained_diffusion.models import RandomDenoiser

SIZE, END, PAD = 37, 36, 35
VOCABULARY = Vocabulary([bytes([i + 60]) for i in range(SIZE)], end_ids=[END], pad_id=PAD)
LENGTH = 11


class Settling:
    """Logits that depend on canvas and self-conditioning and grow more certain by the step; more so
    for longer prompts."""

    vocabulary, canvas_length, noise = VOCABULARY, LENGTH, "uniform"
    batches_prompts = True

    def __init__(self, gain: float) -> None:
        generator = torch.Generator().manual_seed(1)
        self.embedding = torch.randn(SIZE, SIZE, generator=generator)
        self.target = torch.randn(LENGTH, SIZE, generator=generator)
        self.gain = gain

    def denoise(self, prompt, canvas, *, previous=None, self_conditioning=None):
        prompts = [prompt] * len(canvas) if isinstance(prompt, str) else prompt
        gain = self.gain * torch.tensor([1.0 + len(one) for one in prompts])[:, None, None]
        logits = self.target + 0.1 * self.embedding[canvas]
        if previous is not None:
            logits = logits + 0.3 * self.embedding[previous[:, -LENGTH:]]
        if self_conditioning is not None:
            logits = logits + gain * self_conditioning.softmax(-1)
        return logits


def published_generate(
    model, prompts, *, canvases, steps, bound, t_min, t_max, stability, confidence
):
    """DiffusionGemma's `generate` (transformers 5.24) on the global generator: the tokens and the
    number of steps of each row."""
    rows = len(prompts)
    done = torch.zeros(rows, 0, dtype=torch.int64)
    ended = torch.zeros(rows, dtype=torch.bool)
    counts = torch.zeros(rows, dtype=torch.int64)
    for _ in range(canvases):
        canvas = argmax = torch.randint(low=0, high=SIZE, size=(rows, LENGTH))
        conditioning, history = None, torch.full((stability, rows, LENGTH), -1)
        finished = torch.zeros(rows, dtype=torch.bool)
        for cur_step in reversed(range(1, steps + 1)):
            counts += ~(finished | ended)
            raw = model.denoise(
                prompts,
                canvas,
                previous=done if done.shape[1] else None,
                self_conditioning=conditioning,
            )
            cur_step = torch.tensor(cur_step, dtype=torch.int32)
            logits = raw / (t_min + ((t_max - t_min) * (cur_step / steps)))
            probs = torch.softmax(logits, dim=-1, dtype=torch.float32)
            denoised = torch.multinomial(probs.view(-1, SIZE), num_samples=1).squeeze(-1)
            denoised = denoised.view(rows, LENGTH)
            new_argmax = torch.argmax(logits, dim=-1)

            entropy = torch.distributions.Categorical(logits=logits).entropy()
            ordered, indices = torch.sort(entropy, dim=-1, descending=False)
            selection = torch.cumsum(ordered, dim=-1) - ordered <= bound
            accepted = torch.scatter(
                input=torch.zeros_like(selection), dim=-1, index=indices, src=selection
            )
            new_canvas = torch.where(accepted, denoised, canvas)
            noise = torch.randint(low=0, high=SIZE, size=(rows, LENGTH))
            new_canvas = torch.where(~accepted, noise, new_canvas)

            if finished.any():
                new_argmax = torch.where(finished[:, None], argmax, new_argmax)
                new_canvas = torch.where(finished[:, None], canvas, new_canvas)
                logits = torch.where(finished[:, None, None], conditioning, logits)
            canvas, argmax, conditioning = new_canvas, new_argmax, logits
            stable = (history == argmax[None]).all(dim=-1).all(dim=0)
            if stability:
                history = torch.roll(history, shifts=-1, dims=0)
                history[-1] = argmax
            entropy = torch.distributions.Categorical(logits=logits).entropy()
            finished |= stable & (torch.mean(entropy, dim=-1) < confidence)
            if finished.all():
                break
        new = argmax.clone()
        ends = (new == END).cumsum(-1)
        new[(ends > 0) & ~((ends == 1) & (new == END))] = PAD
        new[ended] = PAD
        ended |= (ends > 0).any(-1)
        done = torch.cat([done, new], dim=-1)
        if ended.all():
            break
    return done.tolist(), counts.tolist()


@pytest.mark.parametrize("prompts", [[""], ["", "more", "the most"]])
@pytest.mark.parametrize("gain", [0.0, 3.0, 12.0])
@pytest.mark.parametrize("stability", [0, 1, 3])
def test_uniform_sampler_reproduces_the_published_loop(gain, stability, prompts):
    model = Settling(gain)
    found, differing = set(), 0
    for seed in range(5):
        sampler = UniformSampler(steps=12, entropy_bound=2.0, stability=stability, confidence=0.3)
        results = generate(model, prompts, sampler=sampler, canvases=3, seed=seed)
        torch.manual_seed(seed)
        tokens, counts = published_generate(
            model,
            prompts,
            canvases=3,
            steps=12,
            bound=2.0,
            t_min=0.4,
            t_max=0.8,
            stability=stability,
            confidence=0.3,
        )
        for result, row in zip(results, tokens, strict=True):
            assert result.tokens == row[: len(result.tokens)]
            assert set(row[len(result.tokens) :]) <= {PAD}
        assert [result.steps for result in results] == counts
        found.update(counts)
        differing += len(set(counts)) > 1
    if gain == 12.0:
        assert min(found) < 36, "the early stop must have been exercised"
        assert differing or len(prompts) == 1, "rows must have stopped at different steps"


def test_generator_given_as_seed_is_used_as_it_is():
    generator = torch.Generator().manual_seed(5)
    first = generate(Settling(0.0), "", sampler=UniformSampler(steps=3), seed=generator)
    assert (
        first.tokens == generate(Settling(0.0), "", sampler=UniformSampler(steps=3), seed=5).tokens
    )
    second = generate(Settling(0.0), "", sampler=UniformSampler(steps=3), seed=generator)
    assert second.tokens != first.tokens


def llada_generate(model, *, steps, block_length):
    """LLaDA's `generate` at temperature 0 with low-confidence remasking."""
    mask_id, length = LETTERS.mask_id, model.canvas_length
    x = torch.full((1, length), mask_id)
    blocks = length // block_length
    for block in range(blocks):
        start, stop = block * block_length, (block + 1) * block_length
        masked = int((x[:, start:stop] == mask_id).sum())
        per_block = steps // blocks
        counts = [masked // per_block + (i < masked % per_block) for i in range(per_block)]
        for count in counts:
            mask_index = x == mask_id
            logits = model.denoise("", x)
            logits[..., mask_id] = -torch.inf
            x0 = torch.argmax(logits, dim=-1)
            x0_p = torch.softmax(logits, dim=-1).gather(-1, x0[..., None])[..., 0]
            x0_p[:, stop:] = -torch.inf
            x0 = torch.where(mask_index, x0, x)
            confidence = torch.where(mask_index, x0_p, -torch.inf)
            transfer = torch.topk(confidence[0], k=count).indices
            x[0, transfer] = x0[0, transfer]
    return x[0].tolist()


@pytest.mark.parametrize(("steps", "block_length"), [(12, 12), (5, 12), (12, 4), (6, 6)])
def test_masked_sampler_reproduces_llada(steps, block_length):
    for seed in range(5):
        model = RandomDenoiser(LETTERS, 12, noise="masked", seed=seed)
        sampler = MaskedSampler(steps=steps, block_length=block_length)
        *_, last = sampler.fill_canvas(problem(model), torch.Generator())
        assert last.draft.tolist() == llada_generate(
            _Promptless(model), steps=steps, block_length=block_length
        )


class _Promptless:
    """The same denoiser whatever the prompt."""

    def __init__(self, model):
        self.model, self.canvas_length = model, model.canvas_length

    def denoise(self, prompt, canvas):
        return self.model.denoise("prompt", canvas)
