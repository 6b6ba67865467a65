"""DiffusionGemma as vLLM's registry loads it: vLLM's own, its sampler constrained.

Imports vLLM's model, so that only processes which serve it import this.
"""

from __future__ import annotations

import functools
from typing import Any

from vllm.model_executor.models import diffusion_gemma
from vllm.tokenizers.registry import cached_tokenizer_from_config

from .rows import Rows
from .sampler import ConstrainedSampler
from .step import constraining
from .vocabularies import vocabulary_of

diffusion_gemma.sample_row_stats = constraining(diffusion_gemma.sample_row_stats)
diffusion_gemma.sample_row_stats_reference = constraining(
    diffusion_gemma.sample_row_stats_reference
)


class ConstrainedModelState(diffusion_gemma.DiffusionGemmaModelState):
    """Tells the sampler's rows which request is in which slot."""

    _rows: Rows | None = None

    def custom_sampler(self, sampler: Any) -> tuple[Any, Any]:
        own, rejection_sampler = super().custom_sampler(sampler)
        self._rows = Rows(functools.partial(_vocabulary, self.model_config), self.model_config.seed)
        return ConstrainedSampler(own, self._rows), rejection_sampler

    def add_request(self, req_index: int, new_req_data: Any) -> None:
        super().add_request(req_index, new_req_data)
        # None where this rank of a pipeline does not sample.
        if self._rows is not None:
            self._rows.add(req_index, new_req_data, self.model_config.max_model_len)

    def remove_request(self, req_id: str) -> None:
        slot = self._req_id_to_index.get(req_id)
        super().remove_request(req_id)
        if self._rows is not None and slot is not None:
            self._rows.remove(slot)


class ConstrainedDiffusionGemma(diffusion_gemma.DiffusionGemmaForConditionalGeneration):
    """The same model; only the state beside it is another."""

    @staticmethod
    def get_model_state_cls() -> type[ConstrainedModelState]:
        return ConstrainedModelState


def _vocabulary(model_config: Any) -> Any:
    return vocabulary_of(model_config, cached_tokenizer_from_config(model_config))
