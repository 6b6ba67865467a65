"""Filling the hole between a prefix and a suffix."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from ..errors import ConstrainedDiffusionError
from .generate import generate, random_generator

if TYPE_CHECKING:
    import torch

    from ..constraints import Constraint
    from ..models import Denoiser
    from .problem import Sampler
    from .steps import Result, Step


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
            constraint, or None for any text.
        n: how many candidates to draw; of equal ones, one is kept. None: one.
        sampler, seed, on_step: as for `generate`.

    Returns:
        The result, whose text is the hole's (`holes["hole"]` too); with `n` a list of at most that
        many, the largest log evidence first.

    Raises UnsatisfiableError where no text fits, with the line and column of the whole text at
    which it breaks; CanvasTooSmallError where none fits onto the canvas; GrammarError, LimitError.
    """
    from ..constraints import Constraint, Infill, Text, compile

    if n is not None and (not isinstance(n, int) or isinstance(n, bool) or n < 1):
        raise ConstrainedDiffusionError(f"n is a whole number from 1 on, got {n!r}")
    for name, text in (("prefix", prefix), ("suffix", suffix)):
        if not isinstance(text, str):
            raise ConstrainedDiffusionError(f"{name} is a text, got {type(text).__name__}")
    if isinstance(language, str):
        language = _bundled(language)
    elif language is None:
        language = Text()
    elif not isinstance(language, Constraint):
        raise ConstrainedDiffusionError(
            "language is the name of a bundled grammar, a constraint or None, got "
            f"{type(language).__name__}"
        )
    compiled = compile(
        Infill(language, prefix, suffix), denoiser.vocabulary, length=denoiser.canvas_length
    )
    render: Callable[[str, str], Any] | None = getattr(denoiser, "infill_prompt", None)
    prompt = prefix if render is None else render(prefix, suffix)
    generator = random_generator(seed)
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
