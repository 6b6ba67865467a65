"""What a request states, and its refusal as the client's error."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from serving import VOCABULARY

from constrained_diffusion import Choice, JsonSchema, LarkGrammar, Regex
from constrained_diffusion.integrations.vllm import admission
from constrained_diffusion.integrations.vllm.contract import ARCHITECTURE
from constrained_diffusion.integrations.vllm.requests import (
    ADMITTED,
    STATED,
    Admitted,
    constraint_of,
    stated_options,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


class ClientError(Exception):
    """Stands for vLLM's VLLMValidationError."""

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


@pytest.fixture(autouse=True)
def exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("vllm.exceptions")
    module.VLLMValidationError = ClientError
    monkeypatch.setitem(sys.modules, "vllm", ModuleType("vllm"))
    monkeypatch.setitem(sys.modules, "vllm.exceptions", module)


def params(official: dict[str, Any] | None = None, **others: Any) -> SimpleNamespace:
    stated = None if official is None else SimpleNamespace(**official)
    given = {"max_tokens": 40, "logprobs": None, "logprob_token_ids": None, "extra_args": None}
    return SimpleNamespace(structured_outputs=stated, **{**given, **others})


def config(**others: Any) -> SimpleNamespace:
    given = {"is_diffusion": True, "architectures": [ARCHITECTURE], "max_model_len": 100}
    return SimpleNamespace(**{**given, **others})


class Processor:
    """Stands for vLLM's InputProcessor; `process` is what the plugin makes of it."""

    tokenizer = "a tokenizer"

    def __init__(self, model_config: Any = None) -> None:
        self.model_config = model_config or config()
        self.vllm_config = SimpleNamespace(diffusion_config=SimpleNamespace(canvas_length=16))

    def process_inputs(self, request_id: str, sampling_params: Any) -> Any:
        return SimpleNamespace(
            request_id=request_id,
            sampling_params=sampling_params,
            prompt_token_ids=[5, 6, 7],
            prompt_embeds=None,
        )

    def process(self, sampling_params: Any) -> Any:
        admitted = admission.admitting(Processor.process_inputs)
        return admitted(self, "r1", sampling_params=sampling_params).sampling_params


@pytest.fixture(autouse=True)
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "vocabulary_of", lambda config, tokenizer: VOCABULARY)


@pytest.mark.parametrize(
    ("options", "constraint"),
    [
        ({"json": SCHEMA}, JsonSchema(SCHEMA)),
        ({"json": json.dumps(SCHEMA)}, JsonSchema(SCHEMA)),
        ({"json_object": True}, JsonSchema({"type": "object"})),
        ({"regex": "a+"}, Regex("a+")),
        ({"choice": ["a", "b"]}, Choice(["a", "b"])),
        ({"grammar": 'start: "a"+'}, LarkGrammar('start: "a"+')),
        (
            {"json": SCHEMA, "whitespace": "flexible", "max_depth": 2},
            JsonSchema(SCHEMA, whitespace="flexible", max_depth=2),
        ),
        (
            {"json": SCHEMA, "disable_additional_properties": True},
            JsonSchema(SCHEMA, open_objects=False),
        ),
    ],
)
def test_each_way_to_state_a_constraint(options: dict[str, Any], constraint: Any) -> None:
    ways = [
        params(options),
        params(extra_args={STATED: options}),
        params(extra_args={STATED: json.dumps(options)}),
    ]
    for way in ways:
        stated = stated_options(way)
        assert stated is not None and constraint_of(stated) == constraint
        sent = Processor().process(way)
        assert sent.structured_outputs is None
        assert set(sent.extra_args) == {ADMITTED}
        assert constraint_of(Admitted.from_text(sent.extra_args[ADMITTED]).options) == constraint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grammar": "start: nothing"}, "nothing"),
        ({"grammar": 'root ::= "a"'}, "line 1"),
        ({"grammar": 'start: "a"', "whitespace": "compact"}, "no meaning for grammar"),
        ({"structural_tag": "{}"}, "structural_tag is not supported"),
        ({"json": SCHEMA, "whitespace_pattern": " "}, "whitespace_pattern is not supported"),
        ({"json": {"properties": {"a": {"type": "strin"}}}}, "/properties/a"),
        ({"json": "{"}, "JSON"),
        ({"json": 3}, "json is a schema"),
        ({"regex": "(a"}, "column"),
        ({"regex": r"(a)\1"}, "backreference"),
        ({"regex": "b", "whitespace": "compact"}, "no meaning for regex"),
        ({"choice": []}, "at least one value"),
        ({"choice": "ab"}, "list of texts"),
        ({"choice": [1]}, "takes texts"),
        ({"regex": "a", "choice": ["a"]}, "holds one of"),
        ({"json_object": 0}, "json_object is true"),
        ({"max_depth": 3}, "holds one of"),
        ({"jsn": {}}, "unknown structured_outputs.jsn"),
        ({"json": False}, "no value satisfies"),
        ({"regex": "a{70}"}, "needs 70 tokens, but only 40"),
    ],
)
def test_bad_constraints_are_the_clients_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        Processor().process(params(extra_args={STATED: options}))
    assert caught.value.parameter == "structured_outputs"


@pytest.mark.parametrize(
    ("request_params", "message"),
    [
        (params({"regex": "a"}, extra_args={STATED: {"regex": "a"}}), "twice"),
        (params(extra_args={ADMITTED: "{}"}), "written by the server"),
        (params(extra_args={STATED: "no json"}), "no JSON"),
        (params(extra_args={STATED: [1]}), "is an object"),
        (params({"regex": "a"}, logprobs=3), "log-probabilities"),
        (params({"regex": "a"}, extra_args={"diffusion_constrained": True}), "give one"),
        (
            params(
                {"regex": "a+"},
                extra_args={"diffusion_seed_canvas": [9] * 16, "diffusion_pinned": [0]},
            ),
            "fixed",
        ),
    ],
)
def test_what_cannot_be_combined(request_params: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        Processor().process(request_params)


def test_requests_without_a_constraint_and_other_models_are_left_alone() -> None:
    extra = {"diffusion_max_steps": 3}
    assert Processor().process(params(extra_args=extra)).extra_args is extra
    other = params({"regex": "("}, extra_args={STATED: "?"})
    for model_config in (config(is_diffusion=False), config(architectures=["Other"])):
        sent = Processor(model_config).process(other)
        assert sent.structured_outputs is not None and sent.extra_args == {STATED: "?"}


def test_the_refusal_is_lifted_only_for_what_is_served() -> None:
    asked = []

    def refuse(self: Any, *arguments: Any) -> None:
        asked.append(arguments)
        raise ClientError("refused by vLLM")

    validate = admission.lifting_refusal(refuse)
    validate(params({"regex": "a"}), config(), "config", "tokenizer")
    validate(params(), config(), "config", "tokenizer")
    assert asked == []
    with pytest.raises(ClientError, match="structural_tag is not supported"):
        validate(params({"structural_tag": "x"}), config(), "config", "tokenizer")
    other = config(architectures=["AnotherDiffusionModel"])
    with pytest.raises(ClientError, match="refused by vLLM"):
        validate(params({"regex": "a"}), other, "config", "tokenizer")
    assert asked == [(other, "config", "tokenizer")]


def test_requests_that_differ_in_max_tokens_share_what_is_compiled() -> None:
    """At most one for each power of two."""
    sizes = {Admitted.of({}, length=16, room=room).canvases for room in range(1, 2000)}
    assert sizes == {1, 2, 4, 8, 16, 32, 64, 128}
    for room in (1, 16, 17, 100, 1999):
        admitted = Admitted.of({}, length=16, room=room)
        assert room <= 16 * admitted.canvases < 2 * (room + 16)


def test_schemas_with_huge_integers_travel() -> None:
    options = {"json": {"type": "integer", "maximum": 10**40}}
    assert Admitted.from_text(Admitted(options, 16, 1).to_text()) == Admitted(options, 16, 1)


def test_a_tokenizer_is_needed() -> None:
    processor = Processor()
    processor.tokenizer = None  # type: ignore[assignment]
    with pytest.raises(ClientError, match="skip_tokenizer_init"):
        processor.process(params({"regex": "a"}))
