"""Requests in the server's front end: which constraints are served, and that they can be."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ...automata.token_automaton import TokenAutomaton
from ...errors import CanvasTooSmallError, ConstrainedDiffusionError
from ...vocabulary import Vocabulary
from .contract import ARCHITECTURE
from .requests import (
    ADMITTED,
    STATED,
    Admitted,
    Options,
    constraint_of,
    room_and_fixed,
    stated_options,
)
from .vocabularies import vocabulary_of

_vocabularies: weakref.WeakKeyDictionary[Any, Vocabulary] = weakref.WeakKeyDictionary()

_tried: weakref.WeakSet[TokenAutomaton] = weakref.WeakSet()
"""Automata that a posterior was taken of."""


def serves(model_config: Any) -> bool:
    """Whether constraints on requests for this model (vLLM's ModelConfig) are applied."""
    return model_config.is_diffusion and ARCHITECTURE in model_config.architectures


def lifting_refusal(validate: Callable[..., None]) -> Callable[..., None]:
    """`SamplingParams._validate_structured_outputs`, which refuses all diffusion models, for all
    but the requests that are served here."""

    @functools.wraps(validate)
    def validate_unless_served(
        self: Any, model_config: Any, structured_outputs_config: Any, tokenizer: Any
    ) -> None:
        if not serves(model_config):
            return validate(self, model_config, structured_outputs_config, tokenizer)
        with _client_errors():
            options = stated_options(self)
            if options is not None:
                constraint_of(options)

    return validate_unless_served


def admitting(process_inputs: Callable[..., Any]) -> Callable[..., Any]:
    """`InputProcessor.process_inputs`, which makes the engine's request, with its constraint
    checked: errors are the client's, before anything is scheduled."""

    @functools.wraps(process_inputs)
    def process_and_admit(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = process_inputs(self, *args, **kwargs)
        if request.sampling_params is not None and serves(self.model_config):
            with _client_errors():
                _admit(self, request, resumable=bool(kwargs.get("resumable")))
        return request

    return process_and_admit


def _admit(processor: Any, request: Any, *, resumable: bool) -> None:
    """Compiles the constraint of an EngineCoreRequest and writes it where the workers look.

    resumable: whether more input is streamed later, behind a text that would have ended.
    """
    params, config = request.sampling_params, processor.model_config
    options = stated_options(params)
    if options is None:
        return
    if resumable:
        raise ConstrainedDiffusionError("no structured output together with streaming input")
    extra = {key: value for key, value in (params.extra_args or {}).items() if key != STATED}
    _check_compatible(params, extra)
    served = processor.vllm_config.diffusion_config.canvas_length
    length = int(extra.get("diffusion_canvas_length") or served)
    prompt = request.prompt_embeds if request.prompt_token_ids is None else request.prompt_token_ids
    room, fixed = room_and_fixed(params, extra, length, config.max_model_len - len(prompt))
    admitted = Admitted.of(options, length=length, room=room)
    _check_possible(admitted, _vocabulary(processor), fixed, room)
    # No constraint of vLLM's own: the scheduler would make a left-to-right grammar of it.
    params.structured_outputs = None
    params.extra_args = {**extra, ADMITTED: admitted.to_text()}


def _check_compatible(params: Any, extra: Options) -> None:
    if extra.get("diffusion_constrained"):
        raise ConstrainedDiffusionError(
            "diffusion_constrained and a structured output constrain the same tokens; give one"
        )
    if params.logprobs is not None or params.logprob_token_ids is not None:
        raise ConstrainedDiffusionError(
            "log-probabilities are not supported together with structured outputs on a diffusion "
            "model: vLLM takes them from the model's own prediction, which may be other tokens"
        )


def _check_possible(
    admitted: Admitted, vocabulary: Vocabulary, fixed: Mapping[int, int], room: int
) -> None:
    """Raises ConstrainedDiffusionError where no text satisfies the constraint in `room` tokens, or
    none has the request's pinned tokens."""
    try:
        compiled = admitted.compile(vocabulary)
        if compiled.min_tokens > room:
            raise CanvasTooSmallError(needed=compiled.min_tokens, available=room)
    except CanvasTooSmallError as error:
        raise ConstrainedDiffusionError(
            f"the shortest text of this structured output needs {error.needed} tokens, but only "
            f"{room} may be generated; raise max_tokens"
        ) from None
    if fixed:
        uniform = torch.zeros(1, dtype=torch.float16).expand(room, len(vocabulary))
        compiled.posterior(uniform, fixed=fixed)
    elif compiled.is_automaton and compiled.tokens not in _tried:
        # A table that is too large is to be said here: a worker could only cut the text off.
        uniform = torch.zeros(1, dtype=torch.float16).expand(compiled.length, len(vocabulary))
        compiled.posterior(uniform, last=compiled.canvases == 1)
        _tried.add(compiled.tokens)


def _vocabulary(processor: Any) -> Vocabulary:
    known = _vocabularies.get(processor)
    if known is None:
        if processor.tokenizer is None:
            raise ConstrainedDiffusionError(
                "structured outputs need a tokenizer: serve without skip_tokenizer_init"
            )
        known = vocabulary_of(processor.model_config, processor.tokenizer)
        _vocabularies[processor] = known
    return known


@contextmanager
def _client_errors() -> Iterator[None]:
    """Errors of this package become vLLM's for a bad request: HTTP 400."""
    try:
        yield
    except ConstrainedDiffusionError as error:
        from vllm.exceptions import VLLMValidationError

        raise VLLMValidationError(str(error), parameter="structured_outputs") from error
