"""Generation: canvases one after the other, each filled by a sampler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import torch

from ..errors import CanvasTooSmallError, ConstrainedDiffusionError, VocabularyError
from .masked import MaskedSampler
from .problem import CanvasProblem, Sampler
from .steps import Result, Step, decode_text, text_tokens
from .uniform import UniformSampler

if TYPE_CHECKING:
    from ..constraints import CompiledConstraint
    from ..models import Denoiser
    from .independent import CanvasPosterior


class InvariantError(ConstrainedDiffusionError, AssertionError):
    """An output that its own constraint refuses: a defect of this package, never of its input."""


def generate(
    denoiser: Denoiser,
    prompt: str | None,
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Result:
    """Generates a text that satisfies `constraint`, whatever the denoiser predicts.

    prompt: None for a denoiser that takes none; the same as "".
    constraint: a constraint, what `compile` takes for one (a dict or Python type is a JSON
        schema), a compiled constraint, or None.
    sampler: by default the one that the denoiser prefers, else the one for its kind of noise:
        `UniformSampler()` or `MaskedSampler()`.
    canvases: how many canvases of `denoiser.canvas_length` tokens the text may take. A compiled
        constraint brings its own number.
    seed: the same seed gives the same output; None: another one each time. A `torch.Generator`
        is used as it is (on a GPU: to draw there, as published loops do).
    on_step: called with each step.

    Raises CanvasTooSmallError before anything is run where the shortest text does not fit,
    VocabularyError where constraint and denoiser have different vocabularies, and what `compile`
    raises.
    """
    steps = stream(
        denoiser, prompt, constraint, sampler=sampler, canvases=canvases, seed=seed, on_step=on_step
    )
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def stream(
    denoiser: Denoiser,
    prompt: str | None,
    constraint: Any = None,
    *,
    sampler: Sampler | None = None,
    canvases: int = 1,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Generator[Step, None, Result]:
    """As `generate`, step by step. The generator's return value is the result, so that a caller's
    own generator gets it by `result = yield from stream(…)`.

    Raises what `generate` raises, when called and not only when iterated.
    """
    if not isinstance(canvases, int) or canvases < 1:
        raise ConstrainedDiffusionError(f"canvases is a whole number from 1 on, got {canvases!r}")
    if sampler is None:
        sampler = preferred_sampler(denoiser)
    sampler.check(denoiser.canvas_length)
    compiled = _compile_for(denoiser, constraint, canvases)
    prompt = "" if prompt is None else prompt
    render = getattr(denoiser, "render_prompt", None)
    if render is not None:
        prompt = render(prompt, _schema(compiled))
    if compiled is not None:
        canvases = compiled.canvases
    return _run(denoiser, prompt, compiled, sampler, canvases, _generator(seed), on_step)


def preferred_sampler(denoiser: Denoiser, steps: int | None = None) -> Sampler:
    """The sampler for a denoiser where the caller names none, with that many steps if given."""
    kind = getattr(denoiser, "preferred_sampler", denoiser.noise)
    sampler = UniformSampler() if kind == "uniform" else MaskedSampler()
    return sampler if steps is None else dataclasses.replace(sampler, steps=steps)


def _run(
    denoiser: Denoiser,
    prompt: str,
    compiled: CompiledConstraint | None,
    sampler: Sampler,
    canvases: int,
    generator: torch.Generator,
    on_step: Callable[[Step], object] | None,
) -> Generator[Step, None, Result]:
    end_ids = set(denoiser.vocabulary.end_ids)
    state = None if compiled is None else compiled.initial_state
    tokens: list[int] = []
    steps, log_evidence, ended = 0, 0.0, False
    first_posterior: CanvasPosterior | None = None

    for canvas_index in range(canvases):
        problem = CanvasProblem(
            denoiser,
            prompt,
            compiled,
            state=state,
            room=(canvases - 1 - canvas_index) * denoiser.canvas_length,
            canvas_index=canvas_index,
            first_step=steps,
            previous_tokens=tuple(tokens),
        )
        for step in sampler.fill_canvas(problem, generator):
            if on_step is not None:
                on_step(step)
            yield step
            draft, evidence = step.draft, step.log_evidence
            # The step holds on to its logits, which the next one should not have to coexist with.
            del step
        canvas = draft.tolist()
        tokens += canvas
        steps += problem.steps
        log_evidence += evidence
        first_posterior = first_posterior or problem.unconditioned
        if compiled is not None:
            state = compiled.advance(canvas, state)
        ended = not end_ids.isdisjoint(canvas)
        if ended:
            break

    if compiled is None:
        tokens = _pad_after_end(denoiser, tokens)
        text, value, holes = decode_text(denoiser.vocabulary, tokens), None, {}
    else:
        text = _checked_text(compiled, tokens)
        value, holes = compiled.parse(text), compiled.holes(text)
    return Result(
        text=text,
        value=value,
        holes=holes,
        tokens=tokens,
        steps=steps,
        log_evidence=log_evidence,
        finish_reason="end" if ended else "length",
        posterior=first_posterior,
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
    return compiled


def _schema(compiled: CompiledConstraint | None) -> dict[str, Any] | None:
    schema = None if compiled is None else getattr(compiled.constraint, "schema", None)
    return schema if isinstance(schema, dict) else None


def _generator(seed: int | torch.Generator | None) -> torch.Generator:
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


def _pad_after_end(denoiser: Denoiser, tokens: list[int]) -> list[int]:
    """`tokens` with padding after the first end token, as DiffusionGemma's `_finalize_canvas`;
    unchanged for a vocabulary without a padding token."""
    pad_id = denoiser.vocabulary.pad_id
    kept = len(text_tokens(denoiser.vocabulary, tokens)) + 1
    if pad_id is None:
        return tokens
    return [*tokens[:kept], *[pad_id] * (len(tokens) - kept)]


def _checked_text(compiled: CompiledConstraint, tokens: list[int]) -> str:
    """The text of `tokens`, which the constraint must accept at the level of bytes."""
    data = compiled.vocabulary.decode(text_tokens(compiled.vocabulary, tokens))
    if not compiled.accepts(data):
        raise InvariantError(
            f"internal error, please report it: the generated text {data!r} is refused by its own "
            f"constraint: {compiled.explain(data)}"
        )
    return data.decode()
