"""The entry point: what vLLM calls in each of its processes."""

from __future__ import annotations

import logging

_log = logging.getLogger("vllm.constrained_diffusion")  # where vLLM formats

_MARK = "_constrained_diffusion"


def register() -> None:
    """Lets vLLM's DiffusionGemma take a constraint per request.

    Two functions of the front end are wrapped (the check that refuses structured output, the making
    of an engine request), and the registry is told to load `model.ConstrainedDiffusionGemma` for
    DiffusionGemma. Other models and requests without a constraint are served as before.

    May be called again. On any vLLM but those of `contract.VERSIONS`, or where its source is not
    what the contract says, nothing is changed and an error is logged: requests with a constraint
    are then refused by vLLM as without this plugin.
    """
    from . import contract

    reason = contract.refusal()
    if reason is not None:
        _log.error("the constrained-diffusion plugin is not active: %s", reason)
        return

    from vllm.model_executor.models.registry import ModelRegistry
    from vllm.sampling_params import SamplingParams
    from vllm.v1.engine.input_processor import InputProcessor

    from .admission import admitting, lifting_refusal

    if hasattr(SamplingParams, _MARK):
        return
    setattr(SamplingParams, _MARK, True)
    SamplingParams._validate_structured_outputs = lifting_refusal(
        SamplingParams._validate_structured_outputs
    )
    InputProcessor.process_inputs = admitting(InputProcessor.process_inputs)
    ModelRegistry.register_model(contract.ARCHITECTURE, contract.OWN_MODEL)
