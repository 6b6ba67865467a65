"""The tokens that may follow in a state of an automaton when so many more tokens fit."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..automata.token_automaton import TokenAutomaton

MAX_MASK_BYTES = 64 * 2**20


class TokenMasks:
    """Masks over V tokens, computed when they are first needed and kept for later steps.

    A mask depends only on which sets of classes label the edges that may be taken. Many states
    share those, the states of a counted string among them, so that few masks serve most steps.
    The latest ones are kept, 64 MiB of them.
    """

    def __init__(self, automaton: TokenAutomaton) -> None:
        self._automaton = automaton
        self._kept: OrderedDict[tuple[bytes, torch.device], Tensor] = OrderedDict()
        self._capacity = max(1, MAX_MASK_BYTES // automaton.vocabulary_size)

    def forbidden(self, state: int, room: int, device: torch.device) -> Tensor:
        """bool [V]: all but the tokens after which `room` - 1 further ones can finish the text.

        state: where the row is, -1 in a dead end, where no token is allowed.
        room: tokens that fit, the one to choose included. With none left, no token of the text is
            allowed, only the end token after a finished one, and padding.
        """
        labels = self._labels(state, room) if state >= 0 else np.empty(0, np.int32)
        key = labels.tobytes(), device
        mask = self._kept.pop(key, None)
        if mask is None:
            mask = self._spread(labels).to(device)
            if len(self._kept) >= self._capacity:
                self._kept.popitem(last=False)
        self._kept[key] = mask
        return mask

    def _labels(self, state: int, room: int) -> NDArray[np.int32]:
        """The sets of classes on the edges that may be taken, int32, ascending."""
        automaton = self._automaton
        edges = slice(automaton.edge_offsets[state], automaton.edge_offsets[state + 1])
        targets = automaton.edge_target[edges]
        may_follow = automaton.distance[targets] < room if room > 0 else targets == automaton.done
        labels: NDArray[np.int32] = np.unique(automaton.edge_set[edges][may_follow])
        return labels

    def _spread(self, labels: NDArray[np.int32]) -> Tensor:
        """bool [V]: the tokens whose class is in none of the sets `labels`."""
        import torch

        automaton = self._automaton
        by_class = np.ones(automaton.num_classes + 1, np.bool_)
        for label in labels:
            first, last = automaton.set_offsets[label], automaton.set_offsets[label + 1]
            by_class[automaton.set_classes[first:last]] = False
        return torch.from_numpy(by_class[automaton.column])
