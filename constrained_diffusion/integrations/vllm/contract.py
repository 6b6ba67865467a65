"""What the plugin relies on in vLLM: versions, names, parameters and lines of its source.

This is the one file that knows vLLM's interior by name. Checking reads the source with `ast`, so
that nothing of vLLM is imported for it.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VERSIONS = "0.33."
"""The versions of vLLM that the plugin was written for begin with this."""

ARCHITECTURE = "DiffusionGemmaForBlockDiffusion"
"""The model as `architectures` of its config.json and vLLM's registry name it."""

MODEL_MODULE = "vllm.model_executor.models.diffusion_gemma"

OWN_MODEL = "constrained_diffusion.integrations.vllm.model:ConstrainedDiffusionGemma"
"""What the registry is told to load for ARCHITECTURE."""


@dataclass(frozen=True)
class Function:
    """A function that is called, overridden or replaced.

    parameters: the names of all, in order, separated by spaces.
    lines: lines that must stand in it, white space aside.
    """

    parameters: str
    lines: tuple[str, ...] = ()


CONTRACT: Mapping[str, Mapping[str, Function]] = {
    "vllm.sampling_params": {
        "SamplingParams._validate_structured_outputs": Function(
            "self model_config structured_outputs_config tokenizer",
            ("if model_config.is_diffusion:",),
        ),
    },
    "vllm.v1.engine.input_processor": {
        "InputProcessor.process_inputs": Function(
            "self request_id prompt params supported_tasks arrival_time lora_request "
            "tokenization_kwargs trace_headers priority data_parallel_rank resumable session_id "
            "kv_hints",
            # The engine gets a copy of the caller's parameters, which may be changed.
            ("sampling_params = params.clone()", "sampling_params=sampling_params,"),
        ),
        "InputProcessor.tokenizer": Function("self"),
        "InputProcessor.__init__": Function(
            "self vllm_config renderer mm_registry",
            (
                "self.vllm_config = vllm_config",
                "self.model_config = model_config = vllm_config.model_config",
            ),
        ),
    },
    "vllm.v1.structured_output.request": {
        # Without a constraint in the parameters the engine makes no grammar of its own.
        "StructuredOutputRequest.from_sampling_params": Function(
            "sampling_params", ("params = sampling_params.structured_outputs",)
        ),
    },
    "vllm.tokenizers.registry": {
        "cached_tokenizer_from_config": Function("model_config kwargs"),
    },
    "vllm.config.model": {
        "ModelConfig.is_diffusion": Function("self"),
        "ModelConfig.architectures": Function("self"),
        "ModelConfig.get_vocab_size": Function("self"),
        "ModelConfig.try_get_generation_config": Function("self"),
    },
    "vllm.exceptions": {
        "VLLMValidationError.__init__": Function("self message parameter value"),
    },
    "vllm.model_executor.models.registry": {
        "_ModelRegistry.register_model": Function("self model_arch model_cls"),
    },
    "vllm.v1.worker.gpu.model_runner": {
        "GPUModelRunner.add_requests": Function(
            "self scheduler_output", ("self.model_state.add_request(req_index, new_req_data)",)
        ),
        "GPUModelRunner._remove_request": Function("self req_id"),
    },
    "vllm.v1.core.sched.output": {
        "NewRequestData.prompt_len": Function("self"),
    },
    MODEL_MODULE: {
        "DiffusionGemmaForConditionalGeneration.get_model_state_cls": Function(""),
        "DiffusionGemmaModelState.custom_sampler": Function("self sampler"),
        "DiffusionGemmaModelState.add_request": Function("self req_index new_req_data"),
        "DiffusionGemmaModelState.remove_request": Function(
            "self req_id", ("idx = self._req_id_to_index.pop(req_id, None)",)
        ),
        "DiffusionSampler.__init__": Function(
            "self sampler diffusion_config vocab_size diffusion_states confidence_threshold t_min "
            "t_max entropy_bound embed_weight normalizer sc_vocab_start sc_vocab_end tp_size "
            "tp_group_name",
            ("self.diffusion_states = diffusion_states",),
        ),
        "DiffusionSampler.__call__": Function(
            "self logits input_batch draft_logits",
            (
                "if input_batch.num_draft_tokens == 0:",
                "slots_np = input_batch.idx_mapping_np[:num_reqs]",
                "per_req_nlogits_np = np.diff(input_batch.cu_num_logits_np[: num_reqs + 1])",
                "decode_indices_np = np.where(per_req_nlogits_np > 0)[0]",
                # The order in which the rows come to the statistics below.
                "widths_np = states.canvas_width_np[decode_slots_np]",
                'order = np.argsort(widths_np, kind="stable")',
                "sel_np = order[t0 : min(t0 + budget, run_end)]",
                "stats = sample_row_stats(tile_logits, temp, W, seed, probs_dtype)",
                "stats = sample_row_stats_reference(",
                "tile_logits, temp, W, probs_dtype",
                "argmax_rows, sample_rows, entropy_rows, probs_rows = stats",
            ),
        ),
        "_compiled_sample_step": Function(
            "new_tokens argmax_tokens token_entropy probs decode_slots decode_idx all_slots "
            "valid_canvas_len canvas argmax_canvas step_tensor is_encoder_phase confident_tensor "
            "sc_embeds embed_weight normalizer history history_len_tensor max_steps_tensor "
            "pin_mask seed_canvas read_only sampled num_sampled draft_tokens confidence_threshold "
            "vocab_size CL ST entropy_bound sc_vocab_start sc_vocab_end tp_size tp_group_name "
            "compute_sc",
            (
                # A commit emits the modes of the last step, as many as were scheduled.
                "is_commit = is_encoder_phase[decode_slots]  # [num_decode]",
                "num_sampled[decode_idx] = (emit * valid_canvas_len).to(num_sampled.dtype)",
            ),
        ),
        "DiffusionGemmaRequestStates.__init__": Function(
            "self max_num_reqs canvas_length vocab_size max_denoising_steps device hidden_size "
            "stability_threshold",
            ("self.canvas_length = canvas_length",),
        ),
    },
    "vllm.model_executor.models.diffusion_gemma_sampler": {
        "sample_row_stats": Function("logits temps canvas_len seed probs_dtype"),
        "sample_row_stats_reference": Function("logits temps canvas_len probs_dtype"),
    },
}


def refusal() -> str | None:
    """Why the installed vLLM cannot be served, in one line; None if it can."""
    try:
        version = importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        return 'vLLM is not installed; in a clone of this package: pip install ".[vllm]"'
    if not version.startswith(VERSIONS):
        return (
            f"it was written for vLLM {VERSIONS}*, this is {version}; install one of these, or a "
            "release of constrained-diffusion for this one"
        )
    spec = importlib.util.find_spec("vllm")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    broken = next(breaches(Path(folders[0])), None) if folders else "vllm is not importable"
    return None if broken is None else f"vLLM {version} is not as it was: {broken}"


def breaches(package: Path) -> Iterator[str]:
    """Everything in which the source of vLLM, in the folder `package`, differs from CONTRACT."""
    for module, functions in CONTRACT.items():
        path = package.joinpath(*module.split(".")[1:]).with_suffix(".py")
        if not path.is_file():
            yield f"there is no {module}"
            continue
        source = path.read_text(encoding="utf-8")
        found = dict(_functions(ast.parse(source), ""))
        for name, expected in functions.items():
            node = found.get(name)
            if node is None:
                yield f"{module} has no {name}"
                continue
            parameters = " ".join(_parameters(node.args))
            if parameters != expected.parameters:
                yield f"{module}.{name} takes ({parameters}), not ({expected.parameters})"
            lines = {
                line.strip() for line in source.splitlines()[node.lineno - 1 : node.end_lineno]
            }
            for line in expected.lines:
                if line not in lines:
                    yield f"{module}.{name} has no line `{line}`"


def _functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for argument in (*arguments.posonlyargs, *arguments.args):
        yield argument.arg
    if arguments.vararg:
        yield arguments.vararg.arg
    for argument in arguments.kwonlyargs:
        yield argument.arg
    if arguments.kwarg:
        yield arguments.kwarg.arg
