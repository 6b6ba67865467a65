"""The constraint of each request slot: where its text stands, and its posterior."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from ...errors import ConstrainedDiffusionError
from .requests import ADMITTED, Admitted, room_and_fixed

if TYPE_CHECKING:
    from ...constraints import CompiledConstraint
    from ...vocabulary import Vocabulary

_log = logging.getLogger("vllm.constrained_diffusion")  # where vLLM formats

_COLDEST = 1e-10  # as vLLM's sampler has it


class Prediction(NamedTuple):
    """What a step needs of the first N positions of a canvas.

    mode, sample: int64 [N], two canvases of the posterior. entropy: float [N], nats.
    """

    mode: Tensor
    sample: Tensor
    entropy: Tensor


class Row:
    """One request: its constraint, what was committed so far, and its random numbers.

    A request that cannot go on (the model's logits are not a number, a limit was reached) is ended
    at once, with an error in the log, since its worker serves others too: its text may then be
    incomplete.
    """

    def __init__(
        self,
        name: str,
        vocabulary: Vocabulary,
        constraint: CompiledConstraint | None,
        *,
        room: int,
        fixed: Mapping[int, int],
        seed: int,
    ) -> None:
        """
        name: of the request, for messages.
        constraint: None for a request that is ended at once.
        room: how many tokens the text may take.
        fixed: position -> token, of a text that ends in its first canvas.
        """
        self.name = name
        self.vocabulary = vocabulary
        self.constraint = constraint
        self.room = room
        self.fixed = fixed
        self.generator = torch.Generator().manual_seed(seed)
        self.state = 0 if constraint is None else constraint.initial_state

    def commit(self, tokens: Sequence[int]) -> None:
        """Goes on after `tokens`, a finished canvas or the beginning of one. What stands behind
        the room that is left is not emitted."""
        tokens = tokens[: max(0, self.room)]
        self.room -= len(tokens)
        if self.constraint is None:
            return
        try:
            self.state = self.constraint.advance(tokens, self.state)
        except ConstrainedDiffusionError as error:
            self._end(error)

    def open_positions(self, width: int) -> int:
        """How many positions of a canvas of `width` the logits are asked for: those within the
        room that is left, none after the end of the text."""
        if self.constraint is None or self.constraint.is_done(self.state):
            return 0
        return max(0, min(width, self.room))

    def predict(self, logits: Tensor, temperature: float, width: int) -> Prediction:
        """The posterior of the open positions of a canvas; of all `width`, padding, where there
        are none because the text has ended.

        logits: the model's [L, V] of the `open_positions`, on the CPU. Those behind them keep the
            model's own statistics: vLLM never emits them, but averages over their entropies.
        temperature: at 0 the sample is the mode.
        """
        length = len(logits)
        if self.constraint is None or length == 0:
            return self._ending(width)
        after = self.room - length
        try:
            posterior = self.constraint.posterior(
                logits.float() / max(temperature, _COLDEST),
                fixed=self.fixed,
                state=self.state,
                last=after == 0,
                room=after,
            )
            mode, entropy = posterior.mode(), posterior.entropy()
            sample = posterior.sample(self.generator) if temperature > 0 else mode
        except ConstrainedDiffusionError as error:
            self._end(error)
            return self._ending(width)
        return Prediction(mode, sample, entropy)

    def _end(self, error: ConstrainedDiffusionError) -> None:
        _log.error("request %s is ended, its text may be incomplete: %s", self.name, error)
        self.constraint = None

    def _ending(self, width: int) -> Prediction:
        canvas = torch.full((width,), self.vocabulary.padding_ids[0])
        if self.constraint is None or not self.constraint.is_done(self.state):
            canvas[:1] = self.vocabulary.end_ids[0]
        return Prediction(canvas, canvas, torch.zeros(width))


class Rows:
    """The rows of a worker by request slot."""

    def __init__(self, make_vocabulary: Callable[[], Vocabulary], seed: int) -> None:
        """
        make_vocabulary: called once, when the first constraint comes.
        seed: the engine's. Each row's draws depend on it and on how many constraints came before,
            so that all ranks of a tensor-parallel group, which get the same requests in the same
            order, draw the same.
        """
        self._make_vocabulary = make_vocabulary
        self._seed = seed
        self._count = 0
        self._rows: dict[int, Row] = {}

    def __getitem__(self, slot: int) -> Row | None:
        return self._rows.get(slot)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, slot: int, request: Any, max_model_len: int) -> None:
        """A new request in a slot, or one that goes on there after preemption.

        request: vLLM's NewRequestData; its prefill tokens after the prompt are those that were
            generated before.
        """
        self.remove(slot)
        params = request.sampling_params
        extra = (params.extra_args if params is not None else None) or {}
        if ADMITTED not in extra:
            return
        self._count += 1
        digest = hashlib.blake2b(f"{self._seed} {self._count}".encode(), digest_size=8).digest()
        admitted = Admitted.from_text(extra[ADMITTED])
        try:
            constraint = admitted.compile(self._vocabulary).for_generation()
        except ConstrainedDiffusionError as error:  # a time limit: it compiled in the front end
            _log.error("request %s is ended at once: %s", request.req_id, error)
            constraint = None
        positions = max_model_len - request.prompt_len
        room, fixed = room_and_fixed(params, extra, admitted.length, positions)
        row = Row(
            request.req_id,
            self._vocabulary,
            constraint,
            room=room,
            fixed=fixed,
            seed=int.from_bytes(digest, "little") >> 1,
        )
        row.commit(request.prefill_token_ids[request.prompt_len :])
        self._rows[slot] = row

    def remove(self, slot: int) -> None:
        self._rows.pop(slot, None)

    @functools.cached_property
    def _vocabulary(self) -> Vocabulary:
        return self._make_vocabulary()
