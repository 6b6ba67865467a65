"""A server in miniature around vLLM's DiffusionGemma sampler, or a stand-in for it: request slots,
a scheduler and a model that gives random logits."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from constrained_diffusion import Vocabulary
from constrained_diffusion.integrations.vllm.requests import ADMITTED, Admitted
from constrained_diffusion.integrations.vllm.rows import Rows
from constrained_diffusion.integrations.vllm.sampler import ConstrainedSampler

PIECES = [*'{}[]":,.-+_ abcdefghijklmnopqrstuvwxyz0123456789', "ab", "ba", '":', '",', "true", "{}"]
VOCABULARY = Vocabulary(
    [None, None, None, *(piece.encode() for piece in PIECES)], end_ids=[1, 2], pad_id=0
)


@dataclass
class Request:
    """options: of a constraint, None for a free request."""

    name: str
    options: dict[str, Any] | None = None
    max_tokens: int = 64
    prompt_len: int = 3
    extra: dict[str, Any] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=list)
    finished: bool = False
    slot: int = -1
    prefilled: bool = False
    steps: int = 0

    @property
    def text(self) -> str:
        """Up to the end token."""
        return VOCABULARY.decode(self.tokens).decode()


class Server:
    """Drives a sampler as vLLM's engine does: prefill, denoise, commit, a canvas after the other.

    implementation: a module with DiffusionSampler and DiffusionGemmaRequestStates.
    """

    def __init__(
        self,
        implementation: Any,
        *,
        canvas_length: int = 12,
        slots: int = 4,
        max_model_len: int = 200,
        steps: int = 3,
        scale: float = 3.0,
        spoil: str = "",
    ) -> None:
        size = len(VOCABULARY)
        self.scale, self.spoil, self.max_model_len = scale, spoil, max_model_len
        self.free = list(range(slots))
        self.running: list[Request] = []
        self.states = implementation.DiffusionGemmaRequestStates(
            max_num_reqs=slots,
            canvas_length=canvas_length,
            vocab_size=size,
            max_denoising_steps=steps,
            device=torch.device("cpu"),
            hidden_size=5,
            stability_threshold=2,
        )
        drafts = torch.zeros(slots, canvas_length, dtype=torch.int64)
        weights = torch.Generator().manual_seed(1)
        self.stock = implementation.DiffusionSampler(
            _StockSampler(drafts),
            SimpleNamespace(canvas_length=canvas_length),
            size,
            self.states,
            confidence_threshold=0.005,
            t_min=0.4,
            t_max=0.8,
            entropy_bound=0.1,
            embed_weight=torch.randn(size, 5, generator=weights),
            normalizer=torch.tensor(1.0),
        )
        self.rows = Rows(lambda: VOCABULARY, seed=0)
        self.sampler = ConstrainedSampler(self.stock, self.rows)

    def add(self, request: Request) -> None:
        request.slot, request.prefilled = self.free.pop(), False
        extra = dict(request.extra)
        length = extra.get("diffusion_canvas_length") or self.states.canvas_length
        if request.options is not None:
            room = min(request.max_tokens, self.max_model_len - request.prompt_len)
            admitted = Admitted.of(request.options, length=length, room=room)
            extra[ADMITTED] = admitted.to_text()
        params = SimpleNamespace(
            extra_args=extra,
            max_tokens=request.max_tokens,
            repetition_penalty=1.0,
            frequency_penalty=0.0,
            presence_penalty=0.0,
        )
        data = SimpleNamespace(
            req_id=request.name,
            sampling_params=params,
            prompt_len=request.prompt_len,
            prefill_token_ids=[5] * request.prompt_len + request.tokens,
        )
        self.states.add_request(request.slot)
        self.rows.add(request.slot, data, self.max_model_len)
        self.sampler.add_request(request.slot, params)
        self.running.append(request)

    def remove(self, request: Request) -> None:
        self.states.remove_request(request.slot)
        self.rows.remove(request.slot)
        self.free.append(request.slot)
        self.running.remove(request)

    @torch.inference_mode()
    def step(self, *, budget: dict[str, int] | None = None) -> None:
        """One forward pass of all running requests. budget: the most positions of a request."""
        lengths = [self._positions(request, budget or {}) for request in self.running]
        output = self.sampler(
            torch.cat([self._logits(r, n) for r, n in zip(self.running, lengths, strict=True)]),
            self._batch(lengths),
        )
        for place, request in enumerate(self.running):
            request.steps += request.prefilled
            request.prefilled = True
            emitted = output.sampled_token_ids[place, : int(output.num_sampled[place])].tolist()
            for token in emitted:
                if not request.finished:
                    request.tokens.append(token)
                    request.finished = (
                        token in VOCABULARY.end_ids
                        or len(request.tokens) >= request.max_tokens
                        or len(request.tokens) + request.prompt_len >= self.max_model_len
                    )

    def run(self, *requests: Request, limit: int = 400) -> None:
        """Serves all requests, as many at once as there are slots."""
        waiting = list(requests)
        for _ in range(limit):
            while waiting and self.free:
                self.add(waiting.pop(0))
            self.step()
            for request in [r for r in self.running if r.finished]:
                self.remove(request)
            if not self.running and not waiting:
                return
        raise AssertionError("the server did not finish its requests")

    def _positions(self, request: Request, budget: dict[str, int]) -> int:
        if not request.prefilled:
            return 0
        computed = request.prompt_len + len(request.tokens)
        width = int(self.states.canvas_width_np[request.slot])
        left = max(1, self.max_model_len - computed)
        return min(width, left, budget.get(request.name, width))

    def _logits(self, request: Request, count: int) -> torch.Tensor:
        seed = zlib.crc32(f"{request.name} {request.steps}".encode())
        generator = torch.Generator().manual_seed(seed)
        logits = torch.randn(count, len(VOCABULARY), generator=generator) * self.scale
        return torch.full_like(logits, torch.nan) if request.name == self.spoil else logits

    def _batch(self, lengths: list[int]) -> SimpleNamespace:
        prefills = [request.prompt_len + len(request.tokens) for request in self.running]
        scheduled = [n or p for n, p in zip(lengths, prefills, strict=True)]
        slots = np.array([request.slot for request in self.running], np.int32)
        starts = np.concatenate([[0], np.cumsum(scheduled)]).astype(np.int32)
        return SimpleNamespace(
            num_reqs=len(self.running),
            num_draft_tokens=sum(lengths),
            idx_mapping_np=slots,
            idx_mapping=torch.from_numpy(slots.astype(np.int64)),
            cu_num_logits_np=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            query_start_loc_np=starts,
            query_start_loc=torch.from_numpy(starts),
            num_computed_prefill_tokens_np=np.zeros(len(lengths), np.int32),
            num_scheduled_tokens=np.array(scheduled, np.int32),
            prefill_len_np=np.array(prefills, np.int32),
        )


class _StockSampler:
    """What vLLM's DiffusionSampler takes from the sampler of other models."""

    logprobs_mode = "raw_logprobs"

    def __init__(self, drafts: torch.Tensor) -> None:
        self.req_states = SimpleNamespace(draft_tokens=drafts)
        self.sampling_states = SimpleNamespace(
            add_request=lambda slot, params: None,
            get_top_k_top_p=lambda *arguments: (None, None, False),
            max_num_logprobs=lambda slots: -1,
        )
        self.logprob_token_ids_state = SimpleNamespace(
            add_request=lambda slot, params: None, max_num_token_ids=lambda slots: 0
        )
