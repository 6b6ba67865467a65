"""vLLM's DiffusionSampler with a constraint per request."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .rows import Rows
from .step import Step, during


class ConstrainedSampler:
    """A `DiffusionSampler` that is called as before, and the rows that are constrained.

    In all else it is that sampler.
    """

    def __init__(self, sampler: Any, rows: Rows) -> None:
        self._sampler = sampler
        self._rows = rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sampler, name)

    def __call__(self, logits: torch.Tensor, input_batch: Any, draft_logits: Any = None) -> Any:
        """As `DiffusionSampler.__call__`."""
        step = self._step(input_batch)
        if step is None:
            return self._sampler(logits, input_batch, draft_logits)
        with during(step):
            return self._sampler(logits, input_batch, draft_logits)

    def _step(self, batch: Any) -> Step | None:
        """The constrained rows of a batch that denoise, those that commit moved on; None if no
        request is constrained."""
        if not len(self._rows) or batch.num_draft_tokens == 0:
            return None
        counts = np.diff(batch.cu_num_logits_np[: batch.num_reqs + 1])
        denoising = counts > 0
        slots = batch.idx_mapping_np[: batch.num_reqs][denoising].astype(np.int64)
        rows = [self._rows[slot] for slot in slots.tolist()]
        if not any(rows):
            return None
        states = self._sampler.diffusion_states
        where = torch.from_numpy(slots).to(states.is_encoder_phase.device)
        commits = states.is_encoder_phase[where].tolist()
        for row, slot, count, is_commit in zip(
            rows, slots.tolist(), counts[denoising].tolist(), commits, strict=True
        ):
            if row is not None and is_commit:
                row.commit(states.argmax_canvas[slot, :count].tolist())
        order = np.argsort(states.canvas_width_np[slots], kind="stable")
        return Step([None if commits[i] else rows[i] for i in order.tolist()])
