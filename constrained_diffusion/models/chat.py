"""Prompts as chat templates of transformers' tokenizers and processors want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConstrainedDiffusionError
from .protocol import Conversation


def render_chat(
    template: Any, prompt: str | Conversation, *, system: str | None, **options: Any
) -> str:
    """The text that a model reads, special tokens and the model's turn included.

    template: a tokenizer or processor with a chat template; None: the prompt is plain text.
    prompt: a user's message, or a list of messages with "role" and "content".
    system: a system message for a chat that does not begin with one of its own.
    options: for the template.

    Raises ConstrainedDiffusionError for a conversation without a template, for what is none, and
    where the template refuses it.
    """
    if template is None:
        if isinstance(prompt, str):
            return prompt
        raise ConstrainedDiffusionError(
            "a conversation needs a chat template: the tokenizer has none, or chat=False"
        )
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [*prompt]
    if not all(isinstance(message, Mapping) for message in messages):
        raise ConstrainedDiffusionError(
            'a conversation is a list of messages, each with "role" and "content"'
        )
    if system is not None and (not messages or messages[0].get("role") != "system"):
        messages.insert(0, {"role": "system", "content": system})
    try:
        rendered: str = template.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **options
        )
    except Exception as error:  # templates raise whatever they like
        raise ConstrainedDiffusionError(
            f"the chat template refuses these messages: {error}"
        ) from error
    return rendered


def prompt_per_row(prompt: str | Sequence[str], rows: int) -> tuple[str, ...]:
    """The rendered prompt of each row. Raises ConstrainedDiffusionError for another number."""
    prompts = (prompt,) * rows if isinstance(prompt, str) else tuple(prompt)
    if len(prompts) != rows:
        raise ConstrainedDiffusionError(f"{len(prompts)} prompts for {rows} canvases")
    return prompts
