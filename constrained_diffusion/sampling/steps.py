"""What a sampler reports: one `Step` per denoising step and sequence, one `Result` at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConstrainedDiffusionError

if TYPE_CHECKING:
    from torch import Tensor

    from ..vocabulary import Vocabulary
    from .independent import CanvasPosterior

FinishReason = Literal["end", "length"]


@dataclass(frozen=True, eq=False)
class Step:
    """One denoising step of one canvas of L positions, of one sequence. Tensors are on the CPU.

    A step refers to its logits [L, V] through `posterior`; drop it where memory counts.

    Attributes:
        index: steps before this one, over all canvases.
        canvas_index: canvases before this one.
        canvas: int64 [L], the canvas after the step, which the next step starts from: committed
            tokens, noise elsewhere.
        committed: bool [L], the positions whose token was accepted. Always a subset of `witness`.
        witness: int64 [L], the whole canvas that the step drew; it satisfies the constraint.
        draft: int64 [L], the canvas that would be returned if this were the last step.
        entropy: float32 [L], nats, of the exact marginals (at this step's temperature).
        log_evidence: log probability, under the step's logits, that a canvas satisfies the
            constraint; 0 without a constraint.
        posterior: the step's posterior.
        previous_tokens: the tokens of the canvases before this one.
        row: which sequence of a batch; 0 for a single one.
    """

    index: int
    canvas_index: int
    canvas: Tensor
    committed: Tensor
    witness: Tensor
    draft: Tensor
    entropy: Tensor
    log_evidence: float
    posterior: CanvasPosterior = field(repr=False)
    vocabulary: Vocabulary = field(repr=False)
    previous_tokens: tuple[int, ...] = field(default=(), repr=False)
    row: int = 0

    def mask(self) -> Tensor:
        """bool [L, V]: the tokens that can stand at each position in some canvas that satisfies
        the constraint and keeps what was committed before this step. Computed when asked for."""
        return self.posterior.mask()

    @property
    def text(self) -> str:
        """The draft as text, earlier canvases included, up to the end token."""
        return decode_text(self.vocabulary, [*self.previous_tokens, *self.draft.tolist()])


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a generation.

    Attributes:
        text: the generated text, without end and padding. Satisfies the constraint.
        value: what the text stands for: the parsed JSON, the instance of a Python type, the dict
            of a template's holes, the text itself; None without a constraint.
        holes: the text of each named hole of a template.
        tokens: the tokens of all canvases, end and padding included.
        steps: how many denoising steps were taken, over all canvases.
        log_evidence: sum over the canvases of the last step's log evidence.
        finish_reason: "end" (an end token was written) or "length" (the room is full).
    """

    text: str
    value: Any
    holes: dict[str, str]
    tokens: list[int]
    steps: int
    log_evidence: float
    finish_reason: FinishReason
    posterior: CanvasPosterior | None = field(default=None, repr=False)

    def values(self, name_or_pointer: str) -> dict[str, float]:
        """The probability of each value that a field could have taken.

        name_or_pointer: a template hole by its name, a field of a JSON schema by JSON pointer.

        Read from the posterior of the first step of the first canvas: later ones have seen the
        draft that earlier ones led to, and are sure of it, right or wrong.

        Raises ConstrainedDiffusionError where the constraint has no such field of few values.
        """
        values = getattr(self.posterior, "values", None)
        if values is None:
            raise ConstrainedDiffusionError("values() needs a generation under a constraint")
        found: dict[str, float] = values(name_or_pointer)
        return found


def text_tokens(vocabulary: Vocabulary, tokens: list[int]) -> list[int]:
    """The tokens before the first end token."""
    for position, token in enumerate(tokens):
        if token in vocabulary.end_ids:
            return tokens[:position]
    return tokens


def decode_text(vocabulary: Vocabulary, tokens: list[int]) -> str:
    """The text of `tokens` up to the end token; bytes that are no UTF-8 become U+FFFD."""
    return vocabulary.decode(text_tokens(vocabulary, tokens)).decode("utf-8", errors="replace")
