"""`AutoregressiveConstraint`: a logits processor for models that write from left to right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..constraints.compiled import CompiledConstraint
from ..errors import ConstrainedDiffusionError, VocabularyError
from .rows import Row, as_rows, check_vocabulary, checked_limit
from .token_masks import TokenMasks

if TYPE_CHECKING:
    from torch import Tensor


class AutoregressiveConstraint:
    """Lets a left-to-right model write only what a constraint allows.

        constraint = AutoregressiveConstraint(compiled, max_new_tokens=512)
        model.generate(**inputs, max_new_tokens=512, logits_processor=[constraint])

    For `generate` of any causal (or encoder-decoder) model of transformers: greedy, sampling,
    beams. The same compiled constraint serves a diffusion model. At each step a token is allowed if
    the text can be finished after it within the tokens that are left, so that the output is
    complete whatever the model predicts and never runs into `max_new_tokens`; the end token exactly
    where the text may end; after it only padding. Other tokens get -inf, the allowed ones keep
    their scores. Where the model gives all of them -inf, they get 0.

    State is found from the tokens themselves, so beams may be reordered, and drafts of an assistant
    model taken back. A call that does not continue a row of this generation by one token begins a
    new one, so that one object serves many calls of `generate`, one after the other. Only a prompt
    that repeats an earlier prompt *and* all or a part of what was generated after it looks like its
    continuation: call `reset` before. Not for several threads at the same time.

    In beam search with more beams than there are texts, the rest have score -inf and are no valid
    texts.
    """

    def __init__(
        self,
        compiled: CompiledConstraint | Sequence[CompiledConstraint | None],
        max_new_tokens: int | None = None,
    ) -> None:
        """
        compiled: for all rows of the batch, or a list with one (or None: free) per prompt. Beams
            and returned sequences of a prompt share its constraint.
        max_new_tokens: the same number as for `generate`; by default and at most what the
            constraints were compiled for, `length * canvases` tokens. Where `generate` stops
            earlier than told here, a text is cut off.

        Raises ConstrainedDiffusionError for more tokens than that and for puzzles,
        CanvasTooSmallError where the shortest text of a row needs more, VocabularyError where a
        vocabulary has no end token.
        """
        self._rows = as_rows(compiled)
        self.max_new_tokens = checked_limit(max_new_tokens, self._rows)
        for row in self._rows:
            if row is not None:
                _check(row, self.max_new_tokens)
        self._masks = [None if row is None else TokenMasks(row.tokens) for row in self._rows]
        self._prompt: Tensor | None = None
        self._states: dict[tuple[int, bytes], int] = {}

    def reset(self) -> None:
        """Forgets the generation so far: the next call begins a new one."""
        self._prompt = None
        self._states = {}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores [R, V] of the next token after `input_ids` int64 [R, N], as a new tensor.

        R is the number of prompts times that of beams or of returned sequences for each.

        Raises ConstrainedDiffusionError where R is no multiple of the number of constraints,
        VocabularyError for a wrong V.
        """
        count = len(self._rows)
        if len(scores) % count:
            raise ConstrainedDiffusionError(
                f"{count} constraints for {len(scores)} rows of scores; give one (or None) per "
                "prompt of the batch"
            )
        check_vocabulary(self._rows, scores)
        states = self._advance(input_ids)
        assert self._prompt is not None, "set by _advance"
        room = self.max_new_tokens - (input_ids.shape[1] - self._prompt.shape[1])
        result = scores.clone()
        for b, state in enumerate(states):
            masks = self._masks[self._number(b, len(states))]
            if masks is None:
                continue
            forbidden = masks.forbidden(state, room, scores.device)
            kept = result[b].masked_fill_(forbidden, -float("inf"))
            if state >= 0 and bool(kept.max() == -float("inf")):
                kept.masked_fill_(~forbidden, 0.0)
        return result

    def _number(self, b: int, count: int) -> int:
        """Which constraint holds for row `b` of `count`."""
        return b * len(self._rows) // count

    def _advance(self, input_ids: Tensor) -> list[int]:
        """The state of each row after its tokens, -1 in a dead end; 0 for free rows."""
        states = self._continued(input_ids)
        if states is None:
            count = len(input_ids)
            self._prompt = input_ids.clone()
            numbers = [self._number(b, count) for b in range(count)]
            rows = [self._rows[number] for number in numbers]
            states = [0 if row is None else row.initial_state for row in rows]
            self._states = {
                (number, _digest(b"")): state for number, state in zip(numbers, states, strict=True)
            }
        return states

    def _continued(self, input_ids: Tensor) -> list[int] | None:
        """The states if every row is a known one and one more token, else None."""
        prompt = self._prompt
        if prompt is None or len(prompt) != len(input_ids) or prompt.device != input_ids.device:
            return None
        length = prompt.shape[1]
        if input_ids.shape[1] <= length or not bool((input_ids[:, :length] == prompt).all()):
            return None
        found: dict[tuple[int, bytes], int] = {}
        states = []
        for b, tokens in enumerate(input_ids[:, length:].cpu().numpy()):
            number = self._number(b, len(input_ids))
            before = self._states.get((number, _digest(tokens[:-1].tobytes())))
            if before is None:
                return None
            state = _next_state(self._rows[number], before, int(tokens[-1]))
            found[number, _digest(tokens.tobytes())] = state
            states.append(state)
        self._states.update(found)
        return states


def _check(row: CompiledConstraint, max_new_tokens: int) -> None:
    if not row.is_automaton:
        raise ConstrainedDiffusionError(
            "a puzzle has no automaton over tokens: it cannot be written from left to right"
        )
    if row.tokens.done < 0:
        raise VocabularyError(
            "the vocabulary has no end token, so a left-to-right model could not end the text; "
            "give end_ids"
        )
    available = row.length * row.canvases
    if max_new_tokens > available:
        raise ConstrainedDiffusionError(
            f"max_new_tokens={max_new_tokens}, but the constraint was compiled for "
            f"{row.length} * {row.canvases} = {available} tokens; compile it with "
            f"length={max_new_tokens}, canvases=1 or more canvases"
        )


def _next_state(row: Row, state: int, token: int) -> int:
    if row is None or state < 0:
        return state
    if row.is_done(state):
        # What `generate` fills up with need not be the padding token of the vocabulary.
        return state
    return row.tokens.step(state, token)


def _digest(tokens: bytes) -> bytes:
    """Stands for a prefix, of any length, in 16 bytes."""
    return hashlib.blake2b(tokens, digest_size=16).digest()
