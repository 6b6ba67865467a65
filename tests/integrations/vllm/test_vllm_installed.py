"""The plugin in an installed vLLM: its entry point, its front end, its model state. No GPU."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("vllm.exceptions", reason="vLLM is not installed")
os.environ["TORCHDYNAMO_DISABLE"] = "1"

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from constrained_diffusion.integrations.vllm import contract, register
from constrained_diffusion.integrations.vllm.requests import ADMITTED, Admitted
from constrained_diffusion.integrations.vllm.sampler import ConstrainedSampler

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    register()
    register()


@functools.cache
def tokenizer() -> Any:
    alphabet = {each: i + 3 for i, each in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE({"<pad>": 0, "<eos>": 1, "<turn|>": 2, **alphabet}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text) for text in ("<pad>", "<eos>", "<turn|>")])
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>")


def model_config(**others: Any) -> Any:
    given: dict[str, Any] = {
        "is_diffusion": True,
        "architectures": [contract.ARCHITECTURE],
        "max_model_len": 64,
        "max_logprobs": 20,
        "enable_trace_replay": False,
        "return_sampling_mask": False,
        "runner_type": "generate",
        "seed": 0,
        "get_vocab_size": lambda: 270,
        "try_get_generation_config": lambda: {"eos_token_id": [1, 2], "pad_token_id": 0},
    }
    return SimpleNamespace(**{**given, **others})


def processor(config: Any) -> Any:
    """vLLM's InputProcessor with what `process_inputs` asks for."""
    from vllm.v1.engine.input_processor import InputProcessor

    made = InputProcessor.__new__(InputProcessor)
    made.model_config = config
    made.vllm_config = SimpleNamespace(
        diffusion_config=SimpleNamespace(canvas_length=16),
        parallel_config=SimpleNamespace(
            data_parallel_size=1, data_parallel_size_local=1, local_engines_only=False
        ),
        cache_config=SimpleNamespace(kv_sharing_fast_prefill=False),
        reasoning_config=None,
        watermark_config=None,
        use_v2_model_runner=True,
        _check_supports_watermarking=lambda params: False,
    )
    made.diffusion_config = made.vllm_config.diffusion_config
    made.lora_config = made.speculative_config = None
    made.structured_outputs_config = SimpleNamespace(backend="auto")
    made.generation_config_fields = config.try_get_generation_config()
    made.validate_logits_processors_params = lambda params: None
    made.skip_prompt_length_check = made.supports_mm_inputs = False
    made.renderer = SimpleNamespace(
        tokenizer=tokenizer(),
        get_eos_token_id=lambda: 1,
        validate_token_ids=lambda ids: None,
    )
    return made


def process(params: Any, config: Any = None) -> Any:
    prompt = {"type": "token", "prompt_token_ids": [40, 41, 42], "prompt": "abc"}
    return processor(config or model_config()).process_inputs("r", prompt, params, ("generate",))


def structured(**options: Any) -> Any:
    from vllm.sampling_params import SamplingParams, StructuredOutputsParams

    return SamplingParams(max_tokens=32, structured_outputs=StructuredOutputsParams(**options))


@pytest.mark.parametrize(
    "options",
    [{"json": SCHEMA}, {"json_object": True}, {"regex": "[a-c]+"}, {"choice": ["yes", "no"]}],
)
def test_vllms_front_end_admits_a_constraint(options: dict[str, Any]) -> None:
    import msgspec
    from vllm.v1.structured_output.request import StructuredOutputRequest

    params = structured(**options)
    request = process(params)
    sent = request.sampling_params
    assert ADMITTED in sent.extra_args and sent.stop_token_ids == [2]
    assert StructuredOutputRequest.from_sampling_params(sent) is None
    assert params.structured_outputs is not None and not params.extra_args, "the caller's own"
    msgspec.msgpack.encode(sent.extra_args)


def test_vllms_own_check_is_lifted_only_for_diffusion_gemma() -> None:
    from vllm.exceptions import VLLMValidationError

    with pytest.raises(VLLMValidationError, match="not yet supported for diffusion"):
        process(structured(regex="a"), model_config(architectures=["Another"]))
    with pytest.raises(VLLMValidationError, match="line 1"):
        process(structured(grammar='root ::= "a"'))
    with pytest.raises(VLLMValidationError, match="needs 50 tokens"):
        process(structured(regex="a{50}"))


def test_openai_response_format_arrives_as_structured_outputs() -> None:
    protocol = importlib.import_module("vllm.entrypoints.openai.chat_completion.protocol")
    for response_format, expected in (
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
            {"json": SCHEMA},
        ),
        ({"type": "json_object"}, {"json_object": True}),
    ):
        request = protocol.ChatCompletionRequest(
            model="m",
            messages=[{"role": "user", "content": "hello"}],
            response_format=response_format,
        )
        params = request.to_sampling_params(32, {})
        sent = process(params).sampling_params
        assert Admitted.from_text(sent.extra_args[ADMITTED]).options == expected


def test_the_entry_point_is_found_and_called() -> None:
    plugins = importlib.import_module("vllm.plugins")
    loaded = plugins.load_plugins_by_group(plugins.DEFAULT_PLUGINS_GROUP)
    if "constrained_diffusion" not in loaded:
        pytest.skip("constrained-diffusion is not installed with its entry points")
    assert loaded["constrained_diffusion"] is register
    loaded["constrained_diffusion"]()


def test_the_registry_loads_the_constrained_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm.model_executor.models.registry import ModelRegistry

    registered_model = ModelRegistry.models[contract.ARCHITECTURE]
    loaded = registered_model.load_model_cls()
    stock = importlib.import_module(contract.MODEL_MODULE)
    assert issubclass(loaded, stock.DiffusionGemmaForConditionalGeneration)
    assert (
        loaded._processor_factory is stock.DiffusionGemmaForConditionalGeneration._processor_factory
    )
    state_class: Any = loaded.get_model_state_cls()
    assert issubclass(state_class, stock.DiffusionGemmaModelState)

    made = state_class.__new__(state_class)
    config = model_config()
    states: dict[str, list[Any]] = {"added": [], "removed": []}
    made.vllm_config = SimpleNamespace(diffusion_config=SimpleNamespace(canvas_length=16))
    made.model_config = config
    made._req_id_to_index = {}
    made.diffusion_states = SimpleNamespace(
        max_num_reqs=2,
        device=torch.device("cpu"),
        prompt_len=torch.zeros(2, dtype=torch.int32),
        add_request=states["added"].append,
        remove_request=states["removed"].append,
    )
    made.gen_config = {
        "sampler_config": {"_cls_name": "EntropyBoundSampler", "entropy_bound": 0.1},
        "t_min": 0.4,
        "t_max": 0.8,
        "confidence_threshold": 0.005,
    }
    shard = SimpleNamespace(org_vocab_start_index=0, org_vocab_end_index=270)
    embeddings = SimpleNamespace(weight=torch.zeros(270, 4), shard_indices=shard)
    made.model = SimpleNamespace(
        model=SimpleNamespace(embed_tokens=embeddings, normalizer=torch.tensor(1.0))
    )
    group = SimpleNamespace(world_size=1, unique_name="tp")
    monkeypatch.setattr(stock, "get_tp_group", lambda: group)
    monkeypatch.setattr(stock, "UvaBackedTensor", lambda *arguments, **named: None)
    own = importlib.import_module("constrained_diffusion.integrations.vllm.model")
    monkeypatch.setattr(own, "cached_tokenizer_from_config", lambda config: tokenizer())

    base = SimpleNamespace(
        sampling_states=None,
        logprob_token_ids_state=None,
        req_states=None,
        logprobs_mode="raw_logprobs",
    )
    sampler, rejection = made.custom_sampler(base)
    assert isinstance(sampler, ConstrainedSampler) and rejection is None
    assert sampler.penalties_state.output_bin_counts is None, "all else is vLLM's sampler"

    request = process(structured(json=SCHEMA))
    data = SimpleNamespace(
        req_id="r",
        prompt_token_ids=request.prompt_token_ids,
        prompt_len=3,
        prefill_token_ids=request.prompt_token_ids,
        sampling_params=request.sampling_params,
    )
    made.add_request(1, data)
    row = sampler._rows[1]
    assert row is not None and row.constraint is not None and row.room == 32
    assert row.constraint.accepts('{"a":1}') and row.vocabulary.end_ids == (1, 2)
    assert states["added"] == [1] and made.diffusion_states.prompt_len[1] == 3
    made.remove_request("r")
    assert sampler._rows[1] is None and states["removed"] == [1]
