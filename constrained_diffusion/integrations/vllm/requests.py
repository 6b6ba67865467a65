"""The constraint that a request states, and what the workers are told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ConstrainedDiffusionError

if TYPE_CHECKING:
    from ...constraints import CompiledConstraint, Constraint
    from ...vocabulary import Vocabulary

STATED = "structured_outputs"
"""The key of `extra_args` under which a client may state a constraint, beside the official ways."""

ADMITTED = "constrained_diffusion"
"""The key of `extra_args` under which the workers are told of an admitted one."""

KINDS = ("json", "json_object", "regex", "choice", "grammar")
JSON_OPTIONS = (
    "whitespace",
    "max_depth",
    "open_objects",
    "disable_any_whitespace",
    "disable_additional_properties",
)
REFUSED = ("structural_tag", "whitespace_pattern")

Options = Mapping[str, Any]


def stated_options(params: Any) -> Options | None:
    """What a request's vLLM SamplingParams ask for, by the names of vLLM's
    StructuredOutputsParams; None where they state no constraint.

    Raises ConstrainedDiffusionError where they state two, or none that can be read.
    """
    extra = params.extra_args or {}
    if ADMITTED in extra:
        raise ConstrainedDiffusionError(
            f"extra_args[{ADMITTED!r}] is written by the server; state a constraint as "
            f"response_format, structured_outputs or extra_args[{STATED!r}]"
        )
    stated = extra.get(STATED)
    official = params.structured_outputs
    if official is not None:
        if stated is not None:
            raise ConstrainedDiffusionError(
                f"the request states a constraint twice, in structured_outputs (or response_format)"
                f" and in extra_args[{STATED!r}]; give one"
            )
        names = (*KINDS, *REFUSED, *JSON_OPTIONS)
        values = {name: getattr(official, name, None) for name in names}
        # False is the default of vLLM's switches, and no constraint.
        return {name: value for name, value in values.items() if value not in (None, False)}
    if isinstance(stated, str):
        try:
            stated = json.loads(stated)
        except (ValueError, RecursionError) as error:
            raise ConstrainedDiffusionError(f"extra_args[{STATED!r}] is no JSON: {error}") from None
    if stated is not None and not isinstance(stated, Mapping):
        raise ConstrainedDiffusionError(
            f"extra_args[{STATED!r}] is an object such as {{'regex': '[a-z]+'}}, or its JSON text,"
            f" got {type(stated).__name__}"
        )
    return stated


def constraint_of(options: Options) -> Constraint:
    """The constraint that options state.

    json (schema as an object or as JSON text), json_object (true), regex (Python's syntax; the
    whole text matches), choice (a list of texts) or grammar (Lark's syntax, from the rule `start`).
    For the first two `whitespace`, `max_depth` and
    `open_objects` as for `JsonSchema`, and vLLM's `disable_any_whitespace` and
    `disable_additional_properties`.

    Raises ConstrainedDiffusionError for anything else, and the errors of the constraint.
    """
    from ...constraints import Choice, JsonSchema, LarkGrammar, Regex

    for name in options:
        if name in REFUSED:
            raise ConstrainedDiffusionError(
                f"structured_outputs.{name} is not supported for diffusion models; use one of "
                f"{', '.join(KINDS)}"
            )
        if name not in (*KINDS, *JSON_OPTIONS):
            raise ConstrainedDiffusionError(
                f"unknown structured_outputs.{name}; known are {', '.join((*KINDS, *JSON_OPTIONS))}"
            )
    kinds = [kind for kind in KINDS if kind in options]
    if len(kinds) != 1:
        raise ConstrainedDiffusionError(
            f"structured_outputs holds one of {', '.join(KINDS)}, got {kinds or 'none'}"
        )
    kind = kinds[0]
    value = options[kind]
    others = [name for name in options if name != kind]
    if kind in ("regex", "choice", "grammar") and others:
        raise ConstrainedDiffusionError(f"structured_outputs.{others[0]} has no meaning for {kind}")
    if kind == "regex":
        return Regex(value)
    if kind == "grammar":
        return LarkGrammar(value)
    if kind == "choice":
        if not isinstance(value, (list, tuple)):
            raise ConstrainedDiffusionError(f"choice is a list of texts, got {value!r}")
        return Choice(value)
    if kind == "json_object":
        if value is not True and value != 1:
            raise ConstrainedDiffusionError(f"json_object is true where it is given, got {value!r}")
        value = {"type": "object"}
    elif not isinstance(value, (str, bool, Mapping)):
        raise ConstrainedDiffusionError(
            f"json is a schema, as an object or as JSON text, got {type(value).__name__}"
        )
    return JsonSchema(value, **_json_options(options))


def _json_options(options: Options) -> dict[str, Any]:
    given = {name: options[name] for name in JSON_OPTIONS[:3] if name in options}
    if options.get("disable_any_whitespace"):
        given.setdefault("whitespace", "compact")
    if options.get("disable_additional_properties"):
        given.setdefault("open_objects", False)
    return given


def room_and_fixed(
    params: Any, extra: Options, length: int, positions: int
) -> tuple[int, dict[int, int]]:
    """How many tokens a request may generate, and the tokens that stand at given positions.

    extra: its `extra_args`. length: of its canvas. positions: of the model, after the prompt.

    Pinned tokens say where they stand in one canvas, so that the text has to end in it.
    """
    room = min(params.max_tokens, positions)
    seed, pinned = extra.get("diffusion_seed_canvas"), extra.get("diffusion_pinned")
    if not seed or not pinned:
        return room, {}
    room = min(room, length)
    return room, {position: seed[position] for position in pinned if position < room}


@dataclass(frozen=True)
class Admitted:
    """A constraint that was found good for the model.

    options: as `constraint_of` takes them.
    length, canvases: what it is compiled for; all processes compile for the same, so that the
        cache of one serves the others.
    """

    options: Options
    length: int
    canvases: int

    @classmethod
    def of(cls, options: Options, *, length: int, room: int) -> Admitted:
        """For canvases of `length` and at most `room` tokens.

        The number of canvases is rounded up to a power of two: what is compiled for more decides
        fewer as well, and requests that differ in `max_tokens` share it.
        """
        needed = max(1, -(-room // length))
        return cls(options, length, 1 << (needed - 1).bit_length())

    def compile(self, vocabulary: Vocabulary) -> CompiledConstraint:
        """Raises the errors of `constraint_of` and of `compile`."""
        from ...constraints import compile

        return compile(
            constraint_of(self.options), vocabulary, length=self.length, canvases=self.canvases
        )

    def to_text(self) -> str:
        """JSON: schemas may hold integers that vLLM's messages between processes cannot."""
        return json.dumps(
            {"options": dict(self.options), "length": self.length, "canvases": self.canvases}
        )

    @classmethod
    def from_text(cls, text: str) -> Admitted:
        return cls(**json.loads(text))
