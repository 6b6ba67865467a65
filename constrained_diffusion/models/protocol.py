"""What a sampler needs of a model: the denoiser protocol and its laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from ..vocabulary import Vocabulary

Noise = Literal["uniform", "masked"]

Conversation: TypeAlias = Sequence[Mapping[str, Any]]
"""Chat messages, each with "role" and "content"."""


@runtime_checkable
class Denoiser(Protocol):
    """A model that predicts the clean canvas from a noisy one.

    Laws, for any implementation:

    - `denoise` is a function of its arguments: the same arguments give the same logits. Without
      this, equal seeds do not give equal output.
    - The logits are finite or -inf; NaN and +inf are errors.
    - `denoise` takes tensors on any device and moves them itself; the logits may be on another
      device than the canvas. It changes none of its arguments.
    - Predictions are per position given the canvas, so that position i's row is the model's
      distribution of the clean token i, and rows are independent given the canvas.

    Some members are optional:

    - `render_prompt(prompt: str, schema: dict | None) -> str`: the prompt as the model wants it,
      for instance with the wanted fields of a JSON schema named. Called once per generation and
      prompt; `denoise` gets its result.
    - `takes_conversations: bool`: True where `render_prompt` takes a list of chat messages as well.
    - `batches_prompts: bool`: True where `denoise` takes a list of prompts, one per row. Batches of
      other denoisers are denoised row by row.
    - `uses_self_conditioning: bool`: False spares the sampler the work of preparing it. Where the
      member is missing, denoisers of uniform noise get self-conditioning and others do not.
    - `preferred_sampler: Noise`: the kind of sampler that is taken where a caller names none; by
      default that of the denoiser's noise. ("masked" commits positions for good; with a denoiser
      of uniform noise undecided positions hold random tokens.)
    - `default_sampler`: a `UniformSampler` or `MaskedSampler` that is taken instead, for instance
      with a checkpoint's own settings.
    """

    @property
    def vocabulary(self) -> Vocabulary:
        """The V tokens that the logits are about."""
        ...

    @property
    def canvas_length(self) -> int:
        """L, the positions of one canvas."""
        ...

    @property
    def noise(self) -> Noise:
        """What stands at a position not yet decided: "uniform" (any token of the vocabulary, as
        in DiffusionGemma) or "masked" (the vocabulary's `mask_id`, as in LLaDA and Dream)."""
        ...

    def denoise(
        self,
        prompt: str,
        canvas: Tensor,
        *,
        previous: Tensor | None = None,
        self_conditioning: Tensor | None = None,
    ) -> Tensor:
        """Logits [B, L, V], any float dtype, of the clean canvas.

        prompt: the rendered prompt, the same for all rows; only where the denoiser
            `batches_prompts`, also a list of them, one per row.
        canvas: int64 [B, L], noise at the positions that are not decided.
        previous: int64 [B, K], the tokens of the finished canvases before this one.
        self_conditioning: float [B, L, V], unnormalised log-probabilities that the denoiser
            gave in the previous step, after temperature (may hold -inf); None in the first step.
        """
        ...
