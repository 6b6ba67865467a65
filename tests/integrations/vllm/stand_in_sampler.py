"""A small stand-in for vLLM's DiffusionGemma sampler: the same names, signatures and order of
events at the places that the plugin touches, written for the CPU and without vLLM."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch


def sample_row_stats(logits, temps, canvas_len, seed, probs_dtype):
    raise AssertionError("this is the path of a GPU")


def sample_row_stats_reference(logits, temps, canvas_len, probs_dtype):
    scaled = logits.float() / temps.repeat_interleave(canvas_len)[:, None]
    log_probs = scaled.log_softmax(-1)
    probs = log_probs.exp()
    noise = -torch.log(-torch.log(torch.rand_like(scaled).clamp(min=1e-20)))
    sample = (scaled + noise).argmax(-1)
    entropy = -torch.where(probs > 0, probs * log_probs, 0.0).sum(-1)
    return scaled.argmax(-1), sample, entropy, None if probs_dtype is None else probs


class DiffusionGemmaRequestStates:
    def __init__(
        self,
        max_num_reqs: int,
        canvas_length: int,
        vocab_size: int,
        max_denoising_steps: int,
        device: torch.device,
        hidden_size: int,
        stability_threshold: int,
    ) -> None:
        self.max_num_reqs, self.vocab_size = max_num_reqs, vocab_size
        self.canvas_length, self.max_denoising_steps = canvas_length, max_denoising_steps
        shape = (max_num_reqs, canvas_length)
        self.is_encoder_phase = torch.zeros(max_num_reqs, dtype=torch.bool)
        self.canvas = torch.zeros(shape, dtype=torch.int64)
        self.argmax_canvas = torch.zeros(shape, dtype=torch.int64)
        self.step = torch.zeros(max_num_reqs, dtype=torch.int32)
        self.canvas_width_np = np.full(max_num_reqs, canvas_length, dtype=np.int32)
        self.self_conditioning_embeds = torch.zeros(*shape, hidden_size)
        self.previous: dict[int, torch.Tensor] = {}

    def add_request(self, slot_idx: int) -> None:
        self.is_encoder_phase[slot_idx] = True
        self.step[slot_idx] = 0
        self.canvas_width_np[slot_idx] = self.canvas_length
        self.previous.pop(slot_idx, None)

    def remove_request(self, slot_idx: int) -> None:
        self.is_encoder_phase[slot_idx] = False


class DiffusionSampler:
    def __init__(
        self,
        sampler: Any,
        diffusion_config: Any,
        vocab_size: int,
        diffusion_states: DiffusionGemmaRequestStates,
        *,
        confidence_threshold: float,
        t_min: float,
        t_max: float,
        entropy_bound: float,
        embed_weight: torch.Tensor,
        normalizer: torch.Tensor,
    ) -> None:
        self.diffusion_states = diffusion_states
        self.vocab_size, self.embed_weight = vocab_size, embed_weight
        self.confidence_threshold, self.entropy_bound = confidence_threshold, entropy_bound
        self.t_min, self.t_max = t_min, t_max

    def add_request(self, req_idx: int, sampling_params: Any) -> None:
        width = (sampling_params.extra_args or {}).get("diffusion_canvas_length")
        if width:
            self.diffusion_states.canvas_width_np[req_idx] = width

    def __call__(self, logits, input_batch, draft_logits=None):
        states, count = self.diffusion_states, input_batch.num_reqs
        lengths = np.diff(input_batch.cu_num_logits_np[: count + 1])
        slots = input_batch.idx_mapping_np[:count]
        sampled = torch.zeros(count, states.canvas_length, dtype=torch.int32)
        num_sampled = torch.zeros(count, dtype=torch.int32)
        for slot in slots[lengths == 0]:
            states.is_encoder_phase[slot] = False
        if input_batch.num_draft_tokens:
            starts = np.concatenate([[0], np.cumsum(lengths)])
            rows = np.where(lengths > 0)[0]
            for place in np.argsort(states.canvas_width_np[slots[rows]], kind="stable"):
                row = rows[place]
                self._denoise(
                    int(slots[row]),
                    logits[starts[row] : starts[row + 1]],
                    sampled[row],
                    num_sampled[row : row + 1],
                )
        return SimpleNamespace(sampled_token_ids=sampled, num_sampled=num_sampled)

    def _denoise(self, slot, logits, sampled, num_sampled):
        states, width = self.diffusion_states, int(self.diffusion_states.canvas_width_np[slot])
        remaining = (states.max_denoising_steps - states.step[slot].item()) or 1
        temperature = self.t_min + (self.t_max - self.t_min) * remaining / (
            states.max_denoising_steps
        )
        tile = torch.zeros(width, logits.shape[1])
        tile[: len(logits)] = logits
        argmax, sample, entropy, probs = sample_row_stats_reference(
            tile, torch.tensor([temperature]), width, torch.float32
        )
        noise = torch.randint(0, self.vocab_size, (width,))
        if states.is_encoder_phase[slot]:
            sampled[:width] = states.argmax_canvas[slot, :width]
            num_sampled.fill_(len(logits))
            states.is_encoder_phase[slot] = False
            states.step[slot] = 0
            states.canvas[slot, :width] = noise
            states.previous.pop(slot, None)
            return
        ordered, order = entropy.sort()
        accepted = torch.zeros(width, dtype=torch.bool)
        accepted[order] = ordered.cumsum(0) - ordered <= self.entropy_bound
        states.canvas[slot, :width] = torch.where(accepted, sample, noise)
        states.argmax_canvas[slot, :width] = argmax
        states.step[slot] += 1
        stable = slot in states.previous and torch.equal(states.previous[slot], argmax)
        states.previous[slot] = argmax
        confident = entropy.mean() < self.confidence_threshold
        states.is_encoder_phase[slot] = bool(stable and confident) or (
            states.step[slot] >= states.max_denoising_steps
        )
        states.self_conditioning_embeds[slot, :width] = probs @ self.embed_weight
