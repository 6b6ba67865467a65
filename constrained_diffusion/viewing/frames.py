"""What the views draw: a step boiled down to pieces of text and the state of each position."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ..sampling.steps import decode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ..sampling import Step
    from ..vocabulary import Vocabulary

NO_DOUBT = 1e-3
"""Nats of entropy under which a position counts as fixed."""

END, PADDING, MASK, SPECIAL = "▪", "·", "▒", "¤"


class State(str, Enum):
    """What became of a position in a step."""

    FIXED = "fixed"
    """No doubt is left: forced by the constraint, or as good as certain."""
    ACCEPTED = "accepted"
    """Committed in this step, with some doubt left."""
    CHANGING = "changing"
    """Not committed, and the draft has another token here than one step ago."""
    UNCERTAIN = "uncertain"
    """Not committed; the draft kept its token."""


@dataclass(frozen=True)
class Frame:
    """One step as the views need it; unlike a `Step` it does not hold on to logits.

    Attributes:
        index, canvas_index, mean_entropy, log_evidence: as in the step.
        before: the text of the canvases before this one.
        draft: token ids [L] of the draft. canvas: token ids [L] of the noisy canvas.
        states: of each position [L]. entropy: nats [L].
        text: the draft as text, earlier canvases included.
    """

    index: int
    canvas_index: int
    before: str
    draft: list[int]
    canvas: list[int]
    states: list[State]
    entropy: list[float]
    mean_entropy: float
    log_evidence: float
    text: str

    @property
    def decided(self) -> int:
        """How many positions are fixed or accepted."""
        return sum(state in (State.FIXED, State.ACCEPTED) for state in self.states)


@dataclass
class Recorder:
    """Turns steps into frames; to be called with each step in order.

    Attributes:
        frames: all so far.
        vocabulary: of the steps; None before the first.
    """

    frames: list[Frame] = field(default_factory=list)
    vocabulary: Vocabulary | None = None
    _draft: tuple[int, Tensor] | None = None

    def __call__(self, step: Step) -> Frame:
        before = None
        if self._draft is not None and self._draft[0] == step.canvas_index:
            before = self._draft[1]
        self._draft = (step.canvas_index, step.draft)
        self.vocabulary = step.vocabulary
        frame = Frame(
            index=step.index,
            canvas_index=step.canvas_index,
            before=decode_text(step.vocabulary, list(step.previous_tokens)),
            draft=step.draft.tolist(),
            canvas=step.canvas.tolist(),
            states=_states(step, before),
            entropy=step.entropy.tolist(),
            mean_entropy=float(step.entropy.mean()),
            log_evidence=step.log_evidence,
            text=step.text,
        )
        self.frames.append(frame)
        return frame


def _states(step: Step, previous_draft: Tensor | None) -> list[State]:
    fixed = (step.entropy < NO_DOUBT).tolist()
    committed = step.committed.tolist()
    changed = [False] * len(fixed)
    if previous_draft is not None:
        changed = (step.draft != previous_draft).tolist()
    return [
        State.FIXED
        if no_doubt
        else State.ACCEPTED
        if taken
        else State.CHANGING
        if new
        else State.UNCERTAIN
        for no_doubt, taken, new in zip(fixed, committed, changed, strict=True)
    ]


def pieces(vocabulary: Vocabulary, tokens: Sequence[int]) -> list[str]:
    """The text of each token, so that all of them together read as the text.

    A character whose bytes are spread over several tokens stands at the last of them. Special
    tokens become one sign each: end ▪, padding ·, mask ▒, others ¤.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    found = []
    for token in tokens:
        data = vocabulary.tokens[token]
        # A special token ends the character that an unfinished one before it began.
        found.append(
            decoder.decode(data) if data else decoder.decode(b"", True) + sign(vocabulary, token)
        )
    if found:
        found[-1] += decoder.decode(b"", True)
    return found


def sign(vocabulary: Vocabulary, token: int) -> str:
    """The sign that stands for a special token."""
    if token in vocabulary.end_ids:
        return END
    if token == vocabulary.pad_id:
        return PADDING
    return MASK if token == vocabulary.mask_id else SPECIAL


def visible(text: str) -> str:
    """`text` with control characters and such as signs, so that each of them can be seen and
    none of them acts on a terminal or a page."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "⏎\n"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    # C1 controls, and marks that reorder or hide text around them.
    hidden = 0x80 <= code < 0xA0 or 0x200B <= code <= 0x200F or 0x2028 <= code <= 0x202E
    if hidden or 0x2060 <= code <= 0x206F or code == 0xFEFF or 0xD800 <= code < 0xE000:
        return f"⟨{code:x}⟩"
    return character
