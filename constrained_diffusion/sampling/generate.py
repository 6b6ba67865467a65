"""Generation: canvases one after the other, each filled by a sampler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast, overload

import torch

from ..errors import CanvasTooSmallError, ConstrainedDiffusionError, VocabularyError
from .masked import MaskedSampler
from .problem import CanvasProblem, Row, Sampler
from .steps import Result, Step, decode_text, text_tokens
from .uniform import UniformSampler

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint
    from ..models import Denoiser
    from ..models.protocol import Conversation
    from ..vocabulary import Vocabulary
    from .independent import CanvasPosterior


class InvariantError(ConstrainedDiffusionError, AssertionError):
    """An output that its own constraint refuses: a defect of this package, never of its input."""


@overload
def generate(  # type: ignore[overload-overlap]
    denoiser: Denoiser,
    prompt: str | Conversation | None,
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Result: ...


@overload
def generate(
    denoiser: Denoiser,
    prompt: Sequence[str | Conversation | None],
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> list[Result]: ...


def generate(
    denoiser: Denoiser,
    prompt: str | Conversation | Sequence[str | Conversation | None] | None,
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Result | list[Result]:
    """Generates a text that satisfies `constraint`, whatever the denoiser predicts.

    prompt: None for a denoiser that takes none; the same as "". A list of messages (each a mapping
        with "role" and "content") for a denoiser that takes conversations. A list of prompts is a
        batch: one result for each, denoised together; the same seed gives another text than for
        the prompt alone, since the rows share the random draws.
    constraint: a constraint, what `compile` takes for one (a dict or Python type is a JSON
        schema), a compiled constraint, or None. For a batch one for all rows, or a list with one
        per row.
    sampler: by default the one that the denoiser prefers, else the one for its kind of noise:
        `UniformSampler()` or `MaskedSampler()`.
    canvases: how many canvases of `denoiser.canvas_length` tokens the text may take. A compiled
        constraint brings its own number.
    seed: the same seed gives the same output; None: another one each time. A `torch.Generator`
        is used as it is (on a GPU: to draw there, as published loops do).
    on_step: called with each step; in a batch with one for each row, told apart by `Step.row`.

    Raises CanvasTooSmallError before anything is run where the shortest text does not fit,
    VocabularyError where constraint and denoiser have different vocabularies, and what `compile`
    raises.
    """
    batch = _is_batch(prompt)
    prompts = list(cast("Sequence[Any]", prompt)) if batch else [prompt]
    each = constraint if batch and isinstance(constraint, (list, tuple)) else None
    constraints = [constraint] * len(prompts) if each is None else list(each)
    steps = _start(denoiser, prompts, constraints, sampler, canvases, seed, on_step)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            results: list[Result] = stop.value
            return results if batch else results[0]


def stream(
    denoiser: Denoiser,
    prompt: str | Conversation | None,
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Generator[Step, None, Result]:
    """As `generate` for one prompt, step by step. The generator's return value is the result, so
    that a caller's own generator gets it by `result = yield from stream(…)`.

    Raises what `generate` raises, when called and not only when iterated.
    """
    if _is_batch(prompt):
        raise ConstrainedDiffusionError(
            "stream takes one prompt; for several, generate(…, on_step=…) reports the steps"
        )
    return _first(_start(denoiser, [prompt], [constraint], sampler, canvases, seed, on_step))


def _first(steps: Generator[Step, None, list[Result]]) -> Generator[Step, None, Result]:
    return (yield from steps)[0]


def _is_batch(prompt: Any) -> bool:
    """Whether `prompt` is several prompts; a list of messages is one."""
    listed = isinstance(prompt, (list, tuple))
    return listed and not (len(prompt) > 0 and isinstance(prompt[0], Mapping))


def _start(
    denoiser: Denoiser,
    prompts: list[Any],
    constraints: list[Any],
    sampler: Sampler | None,
    canvases: int,
    seed: int | torch.Generator | None,
    on_step: Callable[[Step], object] | None,
) -> Generator[Step, None, list[Result]]:
    """Checks and compiles everything; the steps of what is to be done."""
    if not isinstance(canvases, int) or canvases < 1:
        raise ConstrainedDiffusionError(f"canvases is a whole number from 1 on, got {canvases!r}")
    if len(constraints) != len(prompts):
        raise ConstrainedDiffusionError(
            f"{len(constraints)} constraints for {len(prompts)} prompts: give one for all, or one "
            "(or None) per prompt"
        )
    if sampler is None:
        sampler = preferred_sampler(denoiser)
    sampler.check(denoiser.canvas_length)
    different = {id(stated): stated for stated in constraints}
    compiled = {
        name: _compile_for(denoiser, stated, canvases) for name, stated in different.items()
    }
    own = {one.canvases for one in compiled.values() if one is not None}
    if len(own) > 1:
        raise ConstrainedDiffusionError(
            f"the constraints of a batch were compiled for canvases={sorted(own)}: compile all of "
            "them for the same number"
        )
    rows = []
    for index, (prompt, stated) in enumerate(zip(prompts, constraints, strict=True)):
        constraint = compiled[id(stated)]
        state = None if constraint is None else constraint.initial_state
        rows.append(Row(index, _rendered(denoiser, prompt, constraint), constraint, state))
    return _run(denoiser, rows, sampler, next(iter(own), canvases), random_generator(seed), on_step)


def _rendered(denoiser: Denoiser, prompt: Any, compiled: CompiledConstraint | None) -> Any:
    """The prompt as the denoiser wants it."""
    prompt = "" if prompt is None else prompt
    if hasattr(denoiser, "infill_prompt") and not isinstance(prompt, (str, list, tuple)):
        return prompt
    conversation = isinstance(prompt, (list, tuple)) and getattr(
        denoiser, "takes_conversations", False
    )
    if not isinstance(prompt, str) and not conversation:
        raise ConstrainedDiffusionError(
            f"this denoiser takes a text as its prompt, got {type(prompt).__name__}"
        )
    render = getattr(denoiser, "render_prompt", None)
    if render is None:
        return str(prompt)
    rendered: str = render(prompt, _schema(compiled))
    return rendered


def preferred_sampler(denoiser: Denoiser, steps: int | None = None) -> Sampler:
    """The sampler for a denoiser where the caller names none, with that many steps if given."""
    sampler: UniformSampler | MaskedSampler | None = getattr(denoiser, "default_sampler", None)
    if sampler is None:
        kind = getattr(denoiser, "preferred_sampler", denoiser.noise)
        sampler = UniformSampler() if kind == "uniform" else MaskedSampler()
    return sampler if steps is None else dataclasses.replace(sampler, steps=steps)


def _run(
    denoiser: Denoiser,
    rows: list[Row],
    sampler: Sampler,
    canvases: int,
    generator: torch.Generator,
    on_step: Callable[[Step], object] | None,
) -> Generator[Step, None, list[Result]]:
    """The steps of all rows, canvas after canvas; returns a result per row."""
    outcomes = [_Outcome() for _ in rows]
    for canvas_index in range(canvases):
        problem = CanvasProblem(
            denoiser,
            rows,
            room=(canvases - 1 - canvas_index) * denoiser.canvas_length,
            canvas_index=canvas_index,
        )
        if not problem.active:
            break
        for step in sampler.fill_canvas(problem, generator):
            if on_step is not None:
                on_step(step)
            yield step
            outcomes[step.row].see(step)
            # The step holds on to its logits, which the next one should not have to coexist with.
            del step
        _advance(denoiser.vocabulary, rows, outcomes)
    return [_result(denoiser.vocabulary, *pair) for pair in zip(rows, outcomes, strict=True)]


@dataclass
class _Outcome:
    """What is known of a row so far."""

    draft: list[int] = field(default_factory=list)
    evidence: float = 0.0
    log_evidence: float = 0.0
    tokens: list[int] = field(default_factory=list)
    first_posterior: CanvasPosterior | None = None

    def see(self, step: Step) -> None:
        self.draft, self.evidence = step.draft.tolist(), step.log_evidence
        if self.first_posterior is None:
            # Later predictions have seen the canvas that earlier ones led to, and agree with it.
            self.first_posterior = step.posterior


def _advance(vocabulary: Vocabulary, rows: list[Row], outcomes: list[_Outcome]) -> None:
    """Takes the finished canvas of each row over; rows that had ended get padding."""
    for row, outcome in zip(rows, outcomes, strict=True):
        canvas = outcome.draft
        if row.ended:
            padding = vocabulary.padding_ids[0]
            row.tokens = (*row.tokens, *[padding] * len(canvas))
            continue
        if row.constraint is None:
            canvas = _pad_after_end(vocabulary, canvas)
        else:
            row.state = row.constraint.advance(canvas, row.state)
        row.tokens = (*row.tokens, *canvas)
        row.ended = not set(vocabulary.end_ids).isdisjoint(canvas)
        outcome.tokens += canvas
        outcome.log_evidence += outcome.evidence


def _result(vocabulary: Vocabulary, row: Row, outcome: _Outcome) -> Result:
    if row.constraint is None:
        text, value, holes = decode_text(vocabulary, outcome.tokens), None, {}
    else:
        text = _checked_text(row.constraint, outcome.tokens)
        value, holes = row.constraint.parse(text), row.constraint.holes(text)
    return Result(
        text=text,
        value=value,
        holes=holes,
        tokens=outcome.tokens,
        steps=row.steps,
        log_evidence=outcome.log_evidence,
        finish_reason="end" if row.ended else "length",
        posterior=outcome.first_posterior,
    )


def _compile_for(denoiser: Denoiser, constraint: Any, canvases: int) -> CompiledConstraint | None:
    """`constraint` compiled for the denoiser, or checked to be so."""
    if constraint is None:
        return None
    from ..constraints import CompiledConstraint, compile

    vocabulary, length = denoiser.vocabulary, denoiser.canvas_length
    if not isinstance(constraint, CompiledConstraint):
        compiled = compile(constraint, vocabulary, length=length, canvases=canvases)
    else:
        compiled = constraint
        if compiled.vocabulary.fingerprint != vocabulary.fingerprint:
            raise VocabularyError(
                "the constraint was compiled for another vocabulary than the denoiser's"
            )
        if compiled.length != length:
            raise ConstrainedDiffusionError(
                f"the constraint was compiled for canvases of {compiled.length} positions, the "
                f"denoiser's have {length}"
            )
        if canvases not in (1, compiled.canvases):
            raise ConstrainedDiffusionError(
                f"the constraint was compiled for canvases={compiled.canvases}, got {canvases}"
            )
    if compiled.min_tokens > compiled.canvases * length:
        raise CanvasTooSmallError(compiled.min_tokens, compiled.canvases * length)
    return compiled.for_generation()


def _schema(compiled: CompiledConstraint | None) -> dict[str, Any] | None:
    schema = None if compiled is None else getattr(compiled.constraint, "schema", None)
    return schema if isinstance(schema, dict) else None


def random_generator(seed: int | torch.Generator | None) -> torch.Generator:
    """The generator of a seed, or the given one; None: another one each time."""
    if isinstance(seed, torch.Generator):
        return seed
    generator = torch.Generator()
    if seed is None:
        generator.seed()
        return generator
    try:
        return generator.manual_seed(seed)
    except (RuntimeError, TypeError, ValueError):
        raise ConstrainedDiffusionError(
            f"seed is a whole number of 64 bits, got {seed!r}"
        ) from None


def _pad_after_end(vocabulary: Vocabulary, canvas: list[int]) -> list[int]:
    """`canvas` with padding after the first end token, as DiffusionGemma's `_finalize_canvas`;
    unchanged for a vocabulary without a padding token."""
    pad_id = vocabulary.pad_id
    kept = len(text_tokens(vocabulary, canvas)) + 1
    if pad_id is None:
        return canvas
    return [*canvas[:kept], *[pad_id] * (len(canvas) - kept)]


def _checked_text(compiled: CompiledConstraint, tokens: list[int]) -> str:
    """The text of `tokens`, which the constraint must accept at the level of bytes."""
    data = compiled.vocabulary.decode(text_tokens(compiled.vocabulary, tokens))
    if not compiled.accepts(data):
        raise InvariantError(
            f"internal error, please report it: the generated text {data!r} is refused by its own "
            f"constraint: {compiled.explain(data)}"
        )
    return data.decode()
