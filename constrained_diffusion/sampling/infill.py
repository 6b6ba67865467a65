"""Filling the hole between a prefix and a suffix."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from ..errors import ConstrainedDiffusionError
from .generate import generate, preferred_sampler, random_generator
from .masked import MaskedSampler

if TYPE_CHECKING:
    import torch

    from ..constraints import Constraint
    from ..models import Denoiser
    from .problem import Sampler
    from .steps import Result, Step

MOST_CANDIDATES = 100

_CANDIDATE_TEMPERATURE = 0.7
"""Of the default sampler, where it would draw the same candidate again and again."""


@overload
def infill(
    denoiser: Denoiser,
    prefix: str,
    suffix: str,
    *,
    language: str | Constraint | None = "python",
    n: None = None,
    sampler: Sampler | None = None,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Result: ...


@overload
def infill(
    denoiser: Denoiser,
    prefix: str,
    suffix: str,
    *,
    language: str | Constraint | None = "python",
    n: int,
    sampler: Sampler | None = None,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> list[Result]: ...


def infill(
    denoiser: Denoiser,
    prefix: str,
    suffix: str,
    *,
    language: str | Constraint | None = "python",
    n: int | None = None,
    sampler: Sampler | None = None,
    seed: int | torch.Generator | None = None,
    on_step: Callable[[Step], object] | None = None,
) -> Result | list[Result]:
    """A text for the hole between `prefix` and `suffix`, such that the whole is in the language.

    Args:
        denoiser: shown both texts where it takes them (`infill_prompt`), else the prefix.
        language: of the whole text: the name of a bundled grammar, a `LarkGrammar`, any other
            constraint, or None for any text. "python" takes a suffix whose last line has no line
            end as well.
        n: how many candidates to draw, at most 100; of equal ones, one is kept. None: one.
        sampler: None: `candidate_sampler`. A `MaskedSampler` of temperature 0 (its default) draws
            the most probable text, so that each of several candidates would be the same.
        seed, on_step: as for `generate`. The steps of each candidate count from 0 again.

    Returns:
        The result, whose text is the hole's (`holes["hole"]` too) and whose value is that of the
        whole text; with `n` a list of at most that many, the largest log evidence first.

    Raises:
        UnsatisfiableError: no text fits; with the place at which the whole text breaks, as line and
            column of prefix and suffix put together (see `Infill`).
        CanvasTooSmallError: none was found that the canvas has room for.
        LimitError: none was found, though there may be one.
        GrammarError: the grammar cannot be honoured.
    """
    from ..constraints import Constraint, Infill, Text, compile

    if n is not None:
        _check_number(n)
    after = suffix
    if isinstance(language, str):
        if language == "python" and isinstance(suffix, str) and suffix[-1:] not in ("", "\n"):
            # Python reads a last line without its line end, which the grammar wants.
            after = f"{suffix}\n"
        language = _bundled(language)
    elif language is None:
        language = Text()
    elif not isinstance(language, Constraint):
        raise ConstrainedDiffusionError(
            "language is the name of a bundled grammar, a constraint or None, got "
            f"{type(language).__name__}"
        )
    compiled = compile(
        Infill(language, prefix, after), denoiser.vocabulary, length=denoiser.canvas_length
    )
    render: Callable[[str, str], Any] | None = getattr(denoiser, "infill_prompt", None)
    prompt = prefix if render is None else render(prefix, suffix)
    generator = random_generator(seed)
    if sampler is None:
        sampler = candidate_sampler(denoiser, n)
    found: dict[str, Result] = {}
    for _ in range(1 if n is None else n):
        result = generate(
            denoiser, prompt, compiled, sampler=sampler, seed=generator, on_step=on_step
        )
        known = found.get(result.text)
        if known is None or result.log_evidence > known.log_evidence:
            found[result.text] = result
    ranked = sorted(found.values(), key=lambda result: result.log_evidence, reverse=True)
    return ranked[0] if n is None else ranked


def candidate_sampler(
    denoiser: Denoiser, n: int | None = None, *, steps: int | None = None
) -> Sampler:
    """The sampler for `n` candidates where the caller names none: the one that the denoiser
    prefers, with a temperature where there is to be more than one candidate.

    steps: the most denoising steps; None: the sampler's own number.
    """
    sampler = preferred_sampler(denoiser, steps)
    if n is None or n == 1 or not isinstance(sampler, MaskedSampler) or sampler.temperature > 0:
        return sampler
    return dataclasses.replace(sampler, temperature=_CANDIDATE_TEMPERATURE)


def _check_number(n: Any) -> None:
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST_CANDIDATES:
        raise ConstrainedDiffusionError(
            f"n is a whole number from 1 to {MOST_CANDIDATES}, got {n!r}"
        )


@functools.lru_cache(maxsize=8)
def _bundled(name: str) -> Constraint:
    from ..constraints import LarkGrammar
    from ..grammar_files import bundled_grammars

    if name not in bundled_grammars():
        raise ConstrainedDiffusionError(
            f"language {name!r} is no bundled grammar; they are {', '.join(bundled_grammars())}, "
            "and LarkGrammar.open reads files"
        )
    return LarkGrammar.open(name)
