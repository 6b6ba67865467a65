"""`DiffusionConstraint`: a logits processor for transformers' own loop over canvases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..constraints.compiled import CompiledConstraint
from ..errors import ConstrainedDiffusionError
from .canvas_scores import coherent_scores, ending_scores
from .rows import Row, as_rows, check_vocabulary, checked_limit

if TYPE_CHECKING:
    from torch import Tensor

    from ..sampling import UniformSampler


class DiffusionConstraint:
    """Makes the stock `generate` of a DiffusionGemma model write what a constraint allows.

        constraint = DiffusionConstraint(compiled, max_new_tokens=512)
        processors = LogitsProcessorList([constraint])  # a new list for each call of generate
        model.generate(**inputs, max_new_tokens=512, logits_processor=processors)

    The output is valid whatever the model predicts: what `generate` returns of a canvas is the
    argmax at the step at which it stops, and at every step the argmax of what this returns is the
    mode of the exact posterior, one valid canvas. Its text is complete at the end of the last
    canvas, and where it goes on, it can be completed in the canvases that follow.

    See `coherent_scores` for what else the loop is told, and docs/logits-processors.md for how
    this differs from `cd.generate` with `UniformSampler`, which is to be preferred where the loop
    can be chosen.

    A row whose text has ended gets padding, so that it does not keep the others from settling. A
    free row (None) is left alone; and since no random draws are made here, it gets those that it
    would have got without the processor.

    State is found from the tokens: a call with the same tokens and fewer remaining steps is the
    next step, one with one more canvas behind the same tokens begins that canvas, and any other
    begins a new generation, so that one object serves many calls of `generate`, one after the
    other. Only a prompt that is exactly an earlier prompt with one of its generated canvases looks
    like a continuation: call `reset` before. Not for several threads at the same time.
    """

    def __init__(
        self,
        compiled: CompiledConstraint | Sequence[CompiledConstraint | None],
        max_new_tokens: int | None = None,
        *,
        sampler: UniformSampler | None = None,
    ) -> None:
        """
        compiled: for all rows of the batch, or a list with one (or None: free) per row. The end
            tokens of their vocabulary are to be those of `generate`.
        max_new_tokens: the same number as for `generate`, which fills whole canvases; by default
            what the constraints were compiled for, `length * canvases`. A text never takes more
            canvases than its constraint was compiled for. Where `generate` makes fewer than told
            here, a text is cut off: this cannot be seen from a logits processor.
        sampler: the settings that `generate` uses (steps, entropy bound, temperatures,
            confidence); by default those of transformers. They steer how fast a canvas settles;
            the output is valid with any.

        Raises ConstrainedDiffusionError where the constraints are for canvases of different
        lengths, CanvasTooSmallError where the shortest text of a row does not fit.
        """
        from ..sampling import UniformSampler

        self._rows = as_rows(compiled)
        lengths = {row.length for row in self._rows if row is not None}
        if len(lengths) > 1:
            raise ConstrainedDiffusionError(
                f"all rows have canvases of one length, but the constraints are for {lengths}"
            )
        (self._length,) = lengths
        tokens = checked_limit(max_new_tokens, self._rows, multiple_of=self._length)
        self._canvases = tokens // self._length
        self._sampler = UniformSampler() if sampler is None else sampler
        self._generation: _Generation | None = None

    def reset(self) -> None:
        """Forgets the generation so far: the next call begins a new one."""
        self._generation = None

    def __call__(self, input_ids: Tensor, scores: Tensor, cur_step: int | Tensor) -> Tensor:
        """The scores [B, L, V] to go on with, in place of the model's.

        input_ids: int64 [B, N], prompt and finished canvases. scores: the model's logits before
        the temperature, any float dtype; left as they are. cur_step: the steps that remain, this
        one included.

        Raises ConstrainedDiffusionError where B or L is another than that of the constraints and
        for NaN, VocabularyError for a wrong V.
        """
        rows = self._rows * len(scores) if len(self._rows) == 1 else self._rows
        if len(rows) != len(scores):
            raise ConstrainedDiffusionError(
                f"{len(rows)} constraints for a batch of {len(scores)}; give one (or None) per row"
            )
        if scores.shape[1] != self._length:
            raise ConstrainedDiffusionError(
                f"the constraints are compiled for canvases of {self._length} positions, but the "
                f"model's have {scores.shape[1]}: compile with length={scores.shape[1]}"
            )
        check_vocabulary(rows, scores)
        generation = self._locate(rows, input_ids, int(cur_step))
        result = scores.clone()
        for b, row in enumerate(rows):
            if row is None:
                continue
            ended = generation.ended[b]
            left = min(self._canvases, row.canvases) - generation.canvas_index - 1
            if ended or left < 0:
                result[b] = ending_scores(row.vocabulary, scores[b], ended=ended)
            else:
                result[b] = coherent_scores(
                    row,
                    scores[b],
                    remaining=int(cur_step),
                    sampler=self._sampler,
                    state=generation.states[b],
                    room=left * self._length,
                )
        return result

    def _locate(self, rows: Sequence[Row], input_ids: Tensor, remaining: int) -> _Generation:
        """Where in a generation this call is."""
        before = self._generation
        if before is None or not before.is_begun_by(input_ids, self._length):
            fresh = True
        elif input_ids.shape == before.input_ids.shape:
            fresh = remaining >= before.remaining
        else:
            fresh = False
            self._generation = before.next_canvas(rows, input_ids)
        if fresh:
            states = [None if row is None else row.initial_state for row in rows]
            self._generation = _Generation(input_ids.clone(), states, [False] * len(rows))
        assert self._generation is not None
        self._generation.remaining = remaining
        return self._generation


@dataclass
class _Generation:
    """Where a call of `generate` is.

    Attributes:
        input_ids: int64 [B, N], prompt and finished canvases.
        states: of each row before the canvas; None for free rows.
        ended: whether a row has its end token.
        canvas_index: canvases before this one.
        remaining: the steps that remained at the latest call.
    """

    input_ids: Tensor
    states: list[int | None]
    ended: list[bool]
    canvas_index: int = 0
    remaining: int = 0

    def is_begun_by(self, input_ids: Tensor, length: int) -> bool:
        """Whether `input_ids` are those of this canvas, or of the next one, `length` longer."""
        known = self.input_ids
        if input_ids.device != known.device or len(input_ids) != len(known):
            return False
        if input_ids.shape[1] - known.shape[1] not in (0, length):
            return False
        return bool((input_ids[:, : known.shape[1]] == known).all())

    def next_canvas(self, rows: Sequence[Row], input_ids: Tensor) -> _Generation:
        """After the canvas that `input_ids` have at their end."""
        states, ended = list(self.states), list(self.ended)
        canvases = input_ids[:, self.input_ids.shape[1] :].tolist()
        for b, (row, canvas) in enumerate(zip(rows, canvases, strict=True)):
            if row is None or ended[b]:
                continue
            ends = set(row.vocabulary.end_ids)
            ended[b] = not ends.isdisjoint(canvas)
            if not ended[b] and self.canvas_index + 1 < row.canvases:
                states[b] = row.advance(canvas, states[b])
        return _Generation(input_ids.clone(), states, ended, self.canvas_index + 1)
